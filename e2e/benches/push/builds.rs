//! Builds under way, from their creation to their signature.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::measure::Key;
use crate::tenants::{Tenants, without_git_provider};

/// How long a build runs: long enough for the programs to have seen it.
const BUILD: Duration = Duration::from_secs(1);
/// Pause between the builds of one PR group: all of it runs at the same time, and each build finds those before it.
const APART: Duration = Duration::from_millis(300);

/// What is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pushes, tested and released.
    Push {
        /// How long tests run, in seconds.
        test_seconds: u64,
    },
    /// Pull requests, each with one build.
    PullRequest {
        /// How many of them make up a PR group: they come from branches of one name, for Components of one owner.
        group: usize,
    },
}

/// A build that was signed.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Its PipelineRun.
    pub build: Key,
    /// When that was created.
    pub created: Instant,
    /// When the signature was written.
    pub at: Instant,
}

/// The builds still to come.
pub struct Builds {
    tenants: Arc<Tenants>,
    kind: Kind,
    numbers: std::ops::Range<usize>,
}

impl Kind {
    /// How many builds arrive together.
    pub fn together(self) -> usize {
        match self {
            Self::Push { .. } => 1,
            Self::PullRequest { group } => group,
        }
    }
}

impl Builds {
    /// Those of these numbers.
    pub fn new(tenants: &Arc<Tenants>, kind: Kind, numbers: std::ops::Range<usize>) -> Self {
        Self { tenants: Arc::clone(tenants), kind, numbers }
    }

    /// The next builds that arrive together, until all of them are signed.
    pub fn next(&mut self) -> Option<impl Future<Output = Result<Vec<Signed>>> + Send + 'static> {
        let numbers: Vec<usize> = self.numbers.by_ref().take(self.kind.together()).collect();
        if numbers.is_empty() {
            return None;
        }
        let (tenants, kind) = (Arc::clone(&self.tenants), self.kind);
        Some(async move {
            let (tenants, mut pause) = (&tenants, Duration::ZERO);
            let builds = numbers.into_iter().map(|number| {
                let after = pause;
                pause += APART;
                async move {
                    tokio::time::sleep(after).await;
                    complete(tenants, kind, number).await
                }
            });
            futures::future::try_join_all(builds).await
        })
    }
}

async fn complete(tenants: &Tenants, kind: Kind, number: usize) -> Result<Signed> {
    let (space, build, object) = match kind {
        Kind::Push { .. } => {
            let (space, build) = tenants.build(number);
            let object = without_git_provider(&build);
            (space, build, object)
        }
        Kind::PullRequest { group } => {
            let (space, build) = tenants.pull_request(number, group);
            let object = build.object();
            (space, build, object)
        }
    };
    space.create(object).await?;
    let created = Instant::now();
    build.run(space).await?;
    tokio::time::sleep(BUILD).await;
    build.succeed(space).await?;
    build.sign(space).await?;
    let at = Instant::now();
    Ok(Signed { build: (space.namespace.clone(), build.name), created, at })
}
