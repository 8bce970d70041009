//! What a decision asks for.

use std::collections::BTreeMap;

use integration_core::image::ImageReference;
use integration_core::owner::{Owner, OwnerKind};
pub use integration_core::plan::{Because, Notice};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::failure::FailureReason;
use super::report::Wish;

/// What to do about one build, and why. An empty plan makes no API call.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Facts that only a live read can give; when there are any, nothing else is planned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<Question>,
    /// What to write, in this order. Each outcome goes back into the world, then the decision is made again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Events that certify no write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// When to look again without being woken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// What the git provider of a pull request is to be told of the build (SC-B14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Wish>,
    /// Owners that get no Snapshot of this build, as far as this decision can tell (SC-B15).
    #[serde(skip)]
    pub lost: Vec<Owner>,
    /// Why: one entry for each thing done and each thing deliberately not done.
    pub because: Vec<Because>,
}

impl Plan {
    /// A plan that only says why nothing is done.
    pub fn nothing(decision: &'static str, reason: &'static str) -> Self {
        Self::default().with(decision, reason)
    }

    /// Adds a reason.
    #[must_use]
    pub fn with(mut self, decision: &'static str, reason: &'static str) -> Self {
        self.because.push(Because { decision, reason });
        self
    }

    /// A plan that asks for facts.
    pub fn ask(questions: Vec<Question>) -> Self {
        Self { ask: questions, ..Self::default() }
    }
}

/// A fact to be read live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Does this Component exist?
    Component(String),
    /// Does this Application exist?
    Application(String),
    /// Does this nested ComponentGroup exist?
    ComponentGroup(String),
    /// Which Snapshots name this build?
    SnapshotsOfBuild,
    /// In which versions does this Snapshot contain the component it was made for?
    VersionsOf(String),
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make the build the candidate of its Component (Application model, SC-B11).
    PromoteComponent(Candidate),
    /// Make the build the candidate of a ComponentGroup (SC-B11).
    PromoteInGroup {
        /// The ComponentGroup.
        group: String,
        /// The candidate.
        candidate: Candidate,
    },
    /// Create a Snapshot.
    CreateSnapshot(NewSnapshot),
    /// Patch the build PipelineRun.
    PatchBuild(BuildPatch),
    /// Mark a Snapshot of a pull request that was merged (SC-B21).
    MarkMerged(String),
    /// Tell a Snapshot of the PR group what became of this build (SC-B17).
    TellSnapshot {
        /// The Snapshot.
        snapshot: String,
        /// The whole value of its annotation.
        text: String,
    },
    /// Tell another build of the PR group what became of this one (SC-B17).
    TellBuild {
        /// The other build.
        build: String,
        /// The whole value of its annotation.
        text: String,
    },
    /// Mark a Snapshot Canceled because this build replaces it (SC-B4, SC-B26).
    Supersede {
        /// The Snapshot.
        snapshot: String,
        /// Message of its condition.
        message: String,
    },
}

/// An image that becomes the newest promotable one of its Component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Component name.
    pub component: String,
    /// Version; empty in the Application model.
    pub version: String,
    /// The image, by digest.
    #[serde(serialize_with = "image_text")]
    pub image: ImageReference,
    /// Git URL.
    pub url: String,
    /// Commit.
    pub commit: String,
    /// `status.startTime` of the build.
    pub start: Option<Timestamp>,
}

/// A Snapshot to be created under a deterministic name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewSnapshot {
    /// Whom it belongs to.
    #[serde(serialize_with = "owner_text")]
    pub owner: Owner,
    /// Its name.
    pub name: String,
    /// The whole object.
    pub body: Value,
    /// Tells Snapshots of one name with different contents apart.
    #[serde(skip)]
    pub fingerprint: u64,
}

/// A change of the build PipelineRun, sent as one patch.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BuildPatch {
    /// Change of our finalizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finalizer: Option<FinalizerChange>,
    /// Labels to set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<&'static str, String>,
    /// Annotations to set.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<&'static str, String>,
    /// Annotations to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<&'static str>,
    /// Events, once the patch was accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// Counters, once the patch was accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<Count>,
}

impl BuildPatch {
    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.finalizer.is_none() && self.labels.is_empty() && self.annotations.is_empty() && self.removed.is_empty()
    }
}

/// Change of the finalizer `test.appstudio.openshift.io/pipelinerun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalizerChange {
    /// Keep the build until its Snapshot question is settled.
    Add,
    /// Let the build go.
    Release,
}

/// A counter to be incremented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// `integration_svc_snapshot_creation_failed_total`.
    CreationFailed {
        /// Model of the owner.
        #[serde(serialize_with = "model_text")]
        model: OwnerKind,
        /// Why.
        reason: FailureReason,
    },
    /// `integration_svc_gcl_updates_total`.
    Gcl {
        /// Model of the owner.
        #[serde(serialize_with = "model_text")]
        model: OwnerKind,
        /// How the question was answered.
        result: GclResult,
    },
}

/// Values of label `result` of `integration_svc_gcl_updates_total` (SC-B30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GclResult {
    /// Written by this program.
    Updated,
    /// The list already held this build.
    Unchanged,
    /// A newer build holds the place.
    Superseded,
    /// The list has no place for it.
    NotMember,
    /// The build has no usable image or source.
    Invalid,
    /// Given up after errors.
    Error,
}

impl GclResult {
    /// The label value.
    pub fn word(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Superseded => "superseded",
            Self::NotMember => "not_member",
            Self::Invalid => "invalid",
            Self::Error => "error",
        }
    }
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Exactly then.
    Until(Timestamp),
    /// After the next back-off of this build.
    Backoff,
    /// After the next back-off of this build, and exactly then at the latest.
    BackoffUntil(Timestamp),
}

impl Wait {
    /// What two reasons to wait need together.
    pub(super) fn both(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        let due = one.due().into_iter().chain(other.due()).min();
        let exact = |wait| matches!(wait, Self::Until(_));
        Some(match due {
            Some(due) if exact(one) && exact(other) => Self::Until(due),
            Some(due) => Self::BackoffUntil(due),
            None => Self::Backoff,
        })
    }

    fn due(self) -> Option<Timestamp> {
        match self {
            Self::Until(due) | Self::BackoffUntil(due) => Some(due),
            Self::Backoff => None,
        }
    }
}

// serde calls these with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn model_text<S: serde::Serializer>(kind: &OwnerKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.model())
}

fn owner_text<S: serde::Serializer>(owner: &Owner, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(owner)
}

fn image_text<S: serde::Serializer>(image: &ImageReference, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(image)
}
