//! Requests of the programs by program, verb and kind, from the API server's audit log.

use std::collections::BTreeMap;

use e2e::audit::{Request, Requests};

/// Requests of all programs in one row.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Writes, Kubernetes Events apart.
    pub mutating: usize,
    /// Kubernetes Events.
    pub events: usize,
    /// Reads of single objects and lists.
    pub reads: usize,
    /// By program, then by verb and kind; refused ones with their code.
    pub by_kind: BTreeMap<(String, String), usize>,
}

impl Counts {
    /// Counts those of our programs.
    pub fn of(requests: &Requests) -> Self {
        let ours = requests.of_programs();
        let mut by_kind = BTreeMap::new();
        for request in ours.0.iter().filter(|request| is_counted(request)) {
            *by_kind.entry((program(request), what(request))).or_default() += 1;
        }
        Self { mutating: ours.mutating().count(), events: ours.events().count(), reads: ours.reads().count(), by_kind }
    }

    /// Those of one verb, over all programs and kinds.
    pub fn of_verb(&self, verb: &str) -> usize {
        let begin = format!("{verb} ");
        self.by_kind.iter().filter(|((_, what), _)| what.starts_with(&begin)).map(|(_, count)| count).sum()
    }
}

/// Watches are logged when they end, which says nothing about a row.
fn is_counted(request: &Request) -> bool {
    !request.resource.is_empty() && request.verb != "watch"
}

fn program(request: &Request) -> String {
    let account = request.user.rsplit(':').next().unwrap_or_default();
    account.strip_prefix("integration-").unwrap_or(account).to_owned()
}

fn what(request: &Request) -> String {
    let mut what = format!("{} {}", request.verb, request.resource);
    if !request.subresource.is_empty() {
        what = format!("{what}/{}", request.subresource);
    }
    if request.code >= 400 { format!("{what} → {}", request.code) } else { what }
}
