//! Everything a decision about one build needs to know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use integration_api::{Application, Component, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot};
use jiff::Timestamp;
use serde::Deserialize;

use super::report::{Provider, ReportState};

/// The part of the cluster around one build PipelineRun, as known when the decision is made, and what this reconcile
/// already tried.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// The build PipelineRun; `None` once it is gone.
    pub build: Option<Arc<PipelineRun>>,
    /// The Component its label names.
    pub component: Lookup<Component>,
    /// The Application of that Component (Application model).
    pub application: Lookup<Application>,
    /// The ComponentGroups that list the built Component in the built version, by name (ComponentGroup model).
    pub groups: Vec<Arc<ComponentGroup>>,
    /// Versions of the built Component that ComponentGroups of the namespace list; for an explanation only.
    pub listed_versions: Vec<String>,
    /// ComponentGroups nested below [`World::groups`], at any depth, by name.
    pub nested: BTreeMap<String, Lookup<ComponentGroup>>,
    /// Components that may appear in a Snapshot beside the built one.
    pub siblings: Vec<Arc<Component>>,
    /// Snapshots whose label names this build.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// When this replica began to work. Snapshots made before may be missing from its cache.
    pub took_over: Option<Timestamp>,
    /// Whether [`World::snapshots`] was confirmed by a live list.
    pub listed: bool,
    /// What was tried for each owner, by owner name.
    pub attempts: BTreeMap<String, Attempt>,
    /// The PR group of the build; empty for a push.
    pub group: PrGroup,
    /// The pull request of the build; empty where it names none.
    pub pull_request: PullRequest,
    /// What this reconcile did to other builds and Snapshots.
    pub related: Tried,
    /// Expected tests, and what was reported of them.
    pub reports: Reports,
}

/// Builds and Snapshots of one PR group: those with the same hash.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrGroup {
    /// The other builds.
    pub builds: Vec<Arc<PipelineRun>>,
    /// The Snapshots.
    pub snapshots: Vec<Arc<Snapshot>>,
}

/// Builds and Snapshots with the Component and the pull request number of the build.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PullRequest {
    /// The other builds, those of pushes included.
    pub builds: Vec<Arc<PipelineRun>>,
    /// The Snapshots.
    pub snapshots: Vec<Arc<Snapshot>>,
    /// Versions of the Component in Snapshots that do not name theirs, by Snapshot.
    pub versions: BTreeMap<String, Vec<String>>,
}

/// What is needed to report the expected tests of a build.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reports {
    /// Tests of the owners.
    pub scenarios: Vec<Arc<IntegrationTestScenario>>,
    /// Providers that can be reported to.
    pub reaches: Vec<Provider>,
    /// Whether pull requests are open, as far as that is known, by [`PullRequestRef::name`](super::PullRequestRef).
    pub pull_requests: BTreeMap<String, bool>,
    /// What the queue of reports says about the build; `None` where it has nothing to do.
    pub reported: Option<Reported>,
}

/// How far the reports about a build are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// What is reported.
    pub state: ReportState,
    /// Whether nothing is left to be tried.
    #[serde(default)]
    pub done: bool,
    /// Whether something was given up.
    #[serde(default)]
    pub given_up: bool,
    /// Whether something was accepted.
    #[serde(default)]
    pub sent: bool,
    /// The newest refusal that a repetition does not cure, until a repetition is accepted all the same.
    #[serde(default)]
    pub failure: Option<ReportFailure>,
}

/// A report that a provider refused (SC-B20).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportFailure {
    /// The provider.
    pub provider: Provider,
    /// Its host.
    pub host: String,
    /// HTTP status; 0 where there was no answer.
    pub code: u16,
    /// When.
    pub time: Timestamp,
    /// The provider's words.
    pub text: String,
}

/// What this reconcile did to other builds and Snapshots.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tried {
    /// Snapshots that it marked Canceled.
    pub superseded: BTreeSet<String>,
    /// Objects it could not write, as `Snapshot s` or `PipelineRun b`: not tried again before the next reconcile.
    pub failed: BTreeSet<String>,
    /// What this build has told whom, by object. One that another build of the group has told something else since is
    /// not told again: the builds would never come to an end (SC-153).
    pub told: BTreeMap<String, String>,
}

/// What is known about an object that another object refers to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookup<T> {
    /// The cache does not have it; only a live read can tell whether it exists.
    #[default]
    NotCached,
    /// A live read did not find it.
    Gone,
    /// It exists.
    #[serde(untagged)]
    Found(Arc<T>),
}

impl<T> Lookup<T> {
    /// The object, if it is known to exist.
    pub fn found(&self) -> Option<&Arc<T>> {
        match self {
            Self::Found(object) => Some(object),
            Self::NotCached | Self::Gone => None,
        }
    }
}

impl<T> From<Option<Arc<T>>> for Lookup<T> {
    /// The answer of a cache.
    fn from(cached: Option<Arc<T>>) -> Self {
        cached.map_or(Self::NotCached, Self::Found)
    }
}

/// What was tried for one owner.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attempt {
    /// How the write of the global candidate list ended; `None` when it was not tried.
    pub gcl: Option<GclAttempt>,
    /// How many deterministic names belong to something else (SC-B9).
    pub names_taken: u8,
    /// How many creates in a row were forbidden; the pause grows with it (SC-B16).
    pub forbidden: u32,
    /// Why the create was refused; `None` when it was not tried, or succeeded.
    pub refusal: Option<Refusal>,
}

/// End of a write of the global candidate list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GclAttempt {
    /// The candidate of this build was written.
    Written,
    /// The object that holds the list vanished.
    Gone,
    /// An error that may pass.
    Retryable(String),
}

/// A create that the API server refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// What kind of refusal.
    pub class: RefusalClass,
    /// The words of the API server.
    pub text: String,
    /// Not tried again before.
    #[serde(default)]
    pub until: Option<Timestamp>,
    /// Fingerprint of the Snapshot that was refused; another one may be accepted. `None` stands for any.
    #[serde(default)]
    pub fingerprint: Option<u64>,
}

/// Classes of refusals (SC-B16, SC-B36).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalClass {
    /// 403, a quota is used up.
    Quota,
    /// Any other 403: rights or an admission policy.
    Forbidden,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// 400 or 422: the API server will never accept this object.
    Invalid,
    /// Every name it may have belongs to another Snapshot.
    NamesTaken,
    /// Time-outs, 409, 429, 5xx.
    Retryable,
}
