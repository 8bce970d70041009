//! What a decision is made from, and what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use integration_api::test_status::{StatusArray, TestStatus, WarningWireName};
use integration_api::{PipelineRun, Snapshot, TaskRun};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::console::ConsoleUrl;

/// How long something unrecorded still matters: after that it is history (RR-B3, RR-B53).
pub const WINDOW: SignedDuration = SignedDuration::from_hours(3);

/// Settings that influence a decision.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Pattern of the log URL (RR-58).
    pub console: ConsoleUrl,
    /// How TestWarning is written (D-1).
    pub warning: WarningWireName,
}

/// One Snapshot, or the place where one should be, with all test PipelineRuns labelled with it.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Name of the Snapshot.
    pub name: String,
    /// The Snapshot as far as it is known.
    pub snapshot: SnapshotFact,
    /// Its test PipelineRuns.
    pub runs: Vec<Arc<PipelineRun>>,
    /// TaskRuns read live, by PipelineRun name.
    pub task_runs: BTreeMap<String, Arc<Vec<TaskRun>>>,
    /// PipelineRuns an entry names that are not among [`World::runs`]: when they were created, `None` if they are gone.
    pub other_runs: BTreeMap<String, Option<Timestamp>>,
    /// Reads that failed in this pass; what depends on them waits.
    pub failed: BTreeSet<Need>,
    /// The API server refused the annotation as too large, even shortened (RR-B10).
    pub unwritable: bool,
    /// Settings.
    pub rules: Arc<Rules>,
}

/// What is known about the Snapshot.
#[derive(Clone, Debug, Default)]
pub enum SnapshotFact {
    /// Not in the cache; may exist.
    #[default]
    Unknown,
    /// As the cache has it: true at some time, maybe not the newest.
    Cached(Arc<Snapshot>),
    /// As a live read or the response to our own write showed it.
    Confirmed(Arc<Snapshot>),
    /// A live read answered 404.
    Gone,
}

impl SnapshotFact {
    /// The Snapshot, if one is known.
    pub fn get(&self) -> Option<&Arc<Snapshot>> {
        match self {
            Self::Cached(snapshot) | Self::Confirmed(snapshot) => Some(snapshot),
            Self::Unknown | Self::Gone => None,
        }
    }

    /// Whether this pass has seen the object itself, not only the cache.
    pub fn confirmed(&self) -> bool {
        matches!(self, Self::Confirmed(_) | Self::Gone)
    }
}

/// A fact a decision asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Need {
    /// The Snapshot, read live.
    Snapshot,
    /// The TaskRuns of this PipelineRun, one live list (RR-B5).
    TaskRuns(String),
    /// Whether this PipelineRun exists and since when, read live (RR-B3).
    Run(String),
}

/// What to do about one Snapshot. Steps come one after the other: first the needs are fetched, then the record is
/// written, then the PipelineRuns are patched; after each step the decision is made again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Facts to fetch before anything else.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<Need>,
    /// The new status annotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
    /// Patches of PipelineRuns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunPatchPlan>,
    /// Kubernetes Events to write.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// Look again after that many milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_again_ms: Option<u64>,
    /// Why, PipelineRun by PipelineRun.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// PipelineRuns of ours to release that are held far too long (RR-B49).
    #[serde(skip_serializing_if = "is_zero")]
    pub overdue: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde wants")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

impl Plan {
    /// Look again in `wait` at the latest.
    pub fn look_again(&mut self, wait: SignedDuration) {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(0).max(1);
        self.look_again_ms = Some(self.look_again_ms.map_or(wait, |sooner| sooner.min(wait)));
    }
}

/// One write of the status annotation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// What changes, entry by entry.
    pub changes: Vec<Change>,
    /// The whole array after the change.
    #[serde(skip)]
    pub array: StatusArray,
    /// Bytes the array may take (RR-B10, API-B18).
    #[serde(skip)]
    pub limit: usize,
    /// The broken value this write replaces, shortened (RR-B15).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrupt: Option<String>,
    /// Text of the Event once every entry is final.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// What is recorded for one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Scenario.
    pub scenario: String,
    /// PipelineRun it comes from.
    pub run: String,
    /// New state.
    #[serde(serialize_with = "state")]
    pub status: TestStatus,
    /// Text for people.
    pub details: String,
    /// Attempt to write into the entry (RR-B3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde wants")]
fn state<S: serde::Serializer>(status: &TestStatus, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(status.wire(WarningWireName::TestWarning))
}

/// One patch of one PipelineRun (W2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunPatchPlan {
    /// Name.
    pub run: String,
    /// New log URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// Why the finalizer is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseCause>,
}

/// Why a finalizer is taken off (04 §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseCause {
    /// H1: no usable label.
    NoLabel,
    /// H1: the Snapshot does not exist.
    SnapshotGone,
    /// H1: the PipelineRun belongs to an earlier Snapshot of the same name.
    OtherSnapshot,
    /// H1: the Snapshot is being deleted.
    SnapshotDeleting,
    /// H2: a newer run of the scenario counts.
    Superseded,
    /// H2: cancelled.
    Cancelled,
    /// H2: finished too long ago to be recorded.
    History,
    /// H3, H4: recorded, and nobody reports it.
    Recorded,
    /// The result cannot be written and the PipelineRun is being deleted (RR-B10).
    Unwritable,
}

impl ReleaseCause {
    /// Value of the metric's label `cause`.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoLabel => "no_label",
            Self::SnapshotGone => "snapshot_gone",
            Self::OtherSnapshot => "other_snapshot",
            Self::SnapshotDeleting => "snapshot_deleting",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::History => "history",
            Self::Recorded => "recorded",
            Self::Unwritable => "unwritable",
        }
    }
}

/// A Warning Event.
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

/// Why something was done, or deliberately not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// PipelineRun.
    pub run: String,
    /// `recorded`, `not_recorded`, `waiting`, `left_alone`.
    pub decision: &'static str,
    /// Machine-readable reason.
    pub reason: &'static str,
}
