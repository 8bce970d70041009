//! Everything a decision about one build needs to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration_api::{Application, Component, ComponentGroup, PipelineRun, Snapshot};
use jiff::Timestamp;
use serde::Deserialize;

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
