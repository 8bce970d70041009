//! Counting requests by the API server's audit log.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

use crate::control_plane::get;
use crate::rbac::user_name;
use crate::{ControlPlane, wait};

/// The audit log of a control plane.
#[derive(Debug)]
pub struct Audit<'a> {
    control_plane: &'a ControlPlane,
    log: PathBuf,
}

/// A position in the log.
#[derive(Clone, Copy, Debug)]
pub struct Mark(u64);

/// One completed request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// User, for example `system:serviceaccount:integration-service:integration-test-runner`.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `patch`, …
    pub verb: String,
    /// Plural of the kind, `""` for requests that are about no object.
    pub resource: String,
    /// `status`, `token`, or `""`.
    pub subresource: String,
    /// Namespace, `""` for requests over all.
    pub namespace: String,
    /// Name, `""` for lists.
    pub name: String,
    /// HTTP status of the answer.
    pub code: u16,
    /// Path and query.
    pub uri: String,
    /// When it reached the API server.
    pub received: Timestamp,
}

/// Completed requests.
#[derive(Clone, Debug, Default)]
pub struct Requests(pub Vec<Request>);

impl<'a> Audit<'a> {
    pub(crate) fn new(control_plane: &'a ControlPlane, log: PathBuf) -> Self {
        Self { control_plane, log }
    }

    /// Now: everything completed so far is before it.
    pub async fn mark(&self) -> Result<Mark> {
        self.flush().await?;
        Ok(Mark(std::fs::metadata(&self.log)?.len()))
    }

    /// Everything completed since the mark. A watch is completed when it ends.
    pub async fn since(&self, mark: Mark) -> Result<Requests> {
        self.flush().await?;
        let requests =
            self.read_from(mark)?.lines().filter_map(|line| parse(&serde_json::from_str(line).ok()?)).collect();
        Ok(Requests(requests))
    }

    /// Sends a request that nobody else sends and waits until it is in the log.
    async fn flush(&self) -> Result<()> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let begin = Mark(std::fs::metadata(&self.log).map_or(0, |metadata| metadata.len()));
        let needle = format!("/version?e2e={}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.control_plane.client().await?.request_text(get(&needle)).await?;
        let line = format!("\"requestURI\":\"{needle}\"");
        wait::wait_for("a request to be in the audit log", Duration::from_secs(10), || async {
            self.read_from(begin).ok()?.contains(&line).then_some(())
        })
        .await
    }

    fn read_from(&self, mark: Mark) -> Result<String> {
        let mut file = std::fs::File::open(&self.log).context("opening the audit log")?;
        file.seek(SeekFrom::Start(mark.0))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Requests {
    /// Those of one of our programs.
    #[must_use]
    pub fn of_program(&self, program: &str) -> Self {
        let user = user_name(program);
        self.filter(|request| request.user == user)
    }

    /// Those of all our programs.
    #[must_use]
    pub fn of_programs(&self) -> Self {
        let prefix = user_name("");
        self.filter(|request| request.user.starts_with(&prefix))
    }

    /// Those in one namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        self.filter(|request| request.namespace == namespace)
    }

    /// Writes that change an object, Kubernetes Events apart.
    #[must_use]
    pub fn mutating(&self) -> Self {
        self.filter(|request| {
            matches!(request.verb.as_str(), "create" | "update" | "patch" | "delete" | "deletecollection")
                && !matches!(request.resource.as_str(), "events" | "" | "selfsubjectaccessreviews" | "tokenreviews")
        })
    }

    /// Reads of objects, watches apart.
    #[must_use]
    pub fn reads(&self) -> Self {
        self.filter(|request| matches!(request.verb.as_str(), "get" | "list") && !request.resource.is_empty())
    }

    /// Kubernetes Events written.
    #[must_use]
    pub fn events(&self) -> Self {
        self.filter(|request| request.resource == "events" && matches!(request.verb.as_str(), "create" | "patch"))
    }

    /// Those that were refused for missing rights.
    #[must_use]
    pub fn forbidden(&self) -> Self {
        self.filter(|request| request.code == 403)
    }

    /// Those that `keep` accepts.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Request) -> bool) -> Self {
        Self(self.0.iter().filter(|request| keep(request)).cloned().collect())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Counts by user, verb and resource, a line each.
    pub fn table(&self) -> String {
        let mut counts: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for request in &self.0 {
            let user = request.user.rsplit(':').next().unwrap_or_default().to_owned();
            let resource = match request.subresource.as_str() {
                "" => request.resource.clone(),
                subresource => format!("{}/{subresource}", request.resource),
            };
            *counts.entry((user, resource, format!("{} {}", request.verb, request.code))).or_default() += 1;
        }
        counts.iter().fold(String::new(), |mut text, ((user, resource, verb), count)| {
            let _ = writeln!(text, "{count:6} {user:32} {verb:14} {resource}");
            text
        })
    }
}

fn parse(line: &Value) -> Option<Request> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &line["objectRef"];
    Some(Request {
        user: text(&line["user"]["username"]),
        verb: line["verb"].as_str()?.to_owned(),
        resource: text(&object["resource"]),
        subresource: text(&object["subresource"]),
        namespace: text(&object["namespace"]),
        name: text(&object["name"]),
        code: line["responseStatus"]["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or_default(),
        uri: text(&line["requestURI"]),
        received: line["requestReceivedTimestamp"].as_str()?.parse().ok()?,
    })
}
