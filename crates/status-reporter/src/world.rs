//! What decisions are made from, and what they say.

use std::sync::Arc;

use integration_api::{ComponentGroup, Condition, IntegrationTestScenario, PipelineRun, Snapshot};
use jiff::SignedDuration;
use serde::Serialize;

/// How long an unreported result matters (RR-B19).
pub const WINDOW: SignedDuration = SignedDuration::from_hours(3);

/// What the verdict on a Snapshot depends on.
#[derive(Clone, Debug)]
pub struct VerdictWorld {
    /// The Snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Its owner.
    pub owner: OwnerFact,
    /// All scenarios of the owner.
    pub scenarios: Vec<Arc<IntegrationTestScenario>>,
}

/// What is known about the owner of a Snapshot.
#[derive(Clone, Debug, Default)]
pub enum OwnerFact {
    /// Not in the cache; may exist.
    #[default]
    Unknown,
    /// It exists, and is no ComponentGroup.
    Application,
    /// It exists, with its test graph.
    ComponentGroup(Arc<ComponentGroup>),
    /// A live read answered 404.
    Gone,
}

/// What to do about the verdict on a Snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VerdictPlan {
    /// The owner has to be looked up live before anything is decided.
    #[serde(skip_serializing_if = "is_false")]
    pub need_owner: bool,
    /// Conditions to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Scenario to ask a run for (RR-B29).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_label: Option<String>,
    /// Kubernetes Events, Warnings all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// Look again after that many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_again_ms: Option<u64>,
    /// What was decided, and why.
    pub decision: Decision,
}

/// A decision with its machine-readable reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// For example `finished`, `waiting`, `left_alone`, `settled`.
    pub decision: &'static str,
    /// One word why.
    pub reason: &'static str,
}

/// One patch of `snapshots/status`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The conditions that change.
    pub set: Vec<Setting>,
    /// The whole list after the change.
    #[serde(skip)]
    pub conditions: Vec<Condition>,
    /// Counted once the patch was accepted (SR-14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
}

/// One condition as it is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Type.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// Status.
    pub status: &'static str,
    /// Reason.
    pub reason: &'static str,
    /// Message.
    pub message: String,
}

/// One judged run of all tests of a Snapshot (MX-5, MX-6).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// `Passed` or `Failed`.
    pub reason: &'static str,
    /// Seconds it took.
    pub seconds: f64,
}

/// What the release of finalizers depends on.
#[derive(Clone, Debug)]
pub struct ReportWorld {
    /// The Snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Test PipelineRuns labelled with it; their metadata.
    pub runs: Vec<Arc<PipelineRun>>,
}

/// Which finalizers to take off.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportPlan {
    /// PipelineRuns to release (H5).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<String>,
    /// Kubernetes Events, Warnings all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// PipelineRuns that should have been released long ago (RR-B49).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overdue: Vec<String>,
    /// What was decided, and why.
    pub decision: Decision,
}

/// An Event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// The PipelineRun it is about; `None` = the Snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// One word for programs.
    pub reason: &'static str,
    /// Text for people.
    pub note: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde wants")]
fn is_false(value: &bool) -> bool {
    !*value
}
