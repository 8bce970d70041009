//! Event classes: does a build or a Snapshot come from a push, a pull request or a merge queue (D-25)?

use integration_api::{PipelineRun, Snapshot, keys};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::meta::{annotation, label, non_empty_annotation, pairs};
use crate::metadata;
use crate::snapshot::{Type, is_parent, type_of};

/// What started a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventClass {
    /// A push, or nothing that Pipelines as Code knows of.
    Push,
    /// A pull or merge request.
    PullRequest,
    /// A merge queue.
    MergeQueue,
}

impl EventClass {
    /// Value of the annotation `integration-workflow` that a Snapshot of this build gets (SC-105).
    pub fn workflow(self) -> &'static str {
        match self {
            Self::Push => keys::WORKFLOW_PUSH,
            Self::PullRequest | Self::MergeQueue => keys::WORKFLOW_PULL_REQUEST,
        }
    }
}

/// Class of a build (SC-B39, SC-3, SC-4). Only keys that Pipelines as Code sets count: everything else comes from the
/// PipelineRun's definition, for a pull request from its branch.
pub fn of_build(build: &PipelineRun) -> EventClass {
    let meta = &build.metadata;
    if annotation(meta, keys::PAC_SOURCE_BRANCH).is_some_and(is_merge_queue) {
        EventClass::MergeQueue
    } else if label(meta, keys::PAC_PULL_REQUEST).is_none() || is_push(label(meta, keys::PAC_EVENT_TYPE)) {
        EventClass::Push
    } else {
        EventClass::PullRequest
    }
}

/// Class of a Snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SnapshotClass {
    /// Proven to come from a push, or made by hand; the only class that may be promoted.
    Push,
    /// From a pull or merge request, groups included.
    PullRequest,
    /// From a merge queue.
    MergeQueue,
    /// Made for a parent ComponentGroup without a word about its child: never promotable (D-5).
    Unclassified,
}

/// Class of a Snapshot (TR-B51, API-B2).
pub fn of_snapshot(snapshot: &Snapshot) -> SnapshotClass {
    let meta = &snapshot.metadata;
    if type_of(snapshot) == Type::Group {
        return SnapshotClass::PullRequest;
    }
    if annotation(meta, keys::SOURCE_BRANCH).is_some_and(is_merge_queue) {
        return SnapshotClass::MergeQueue;
    }
    match annotation(meta, keys::INTEGRATION_WORKFLOW) {
        Some(keys::WORKFLOW_PUSH) => return SnapshotClass::Push,
        Some(keys::WORKFLOW_PULL_REQUEST) => return SnapshotClass::PullRequest,
        _ => {}
    }
    if is_parent(snapshot) && !tells_about_its_child(meta) {
        return SnapshotClass::Unclassified;
    }
    let event = label(meta, keys::EVENT_TYPE);
    if label(meta, keys::BUILD_PIPELINE_RUN).is_some() && event.is_some() && !is_push(event) {
        return SnapshotClass::PullRequest;
    }
    if event.is_none() || is_push(event) || label(meta, keys::PULL_REQUEST).is_none() {
        SnapshotClass::Push
    } else {
        SnapshotClass::PullRequest
    }
}

/// Pull request number of a Snapshot: its label, its annotation, else the number in a merge queue's branch (API-145).
pub fn pull_request_number(meta: &ObjectMeta) -> Option<&str> {
    label(meta, keys::PULL_REQUEST)
        .filter(|number| !number.is_empty())
        .or_else(|| non_empty_annotation(meta, keys::PULL_REQUEST))
        .or_else(|| annotation(meta, keys::SOURCE_BRANCH).and_then(merge_queue_number))
}

/// Whether a branch belongs to a merge queue (API-144, SC-3).
pub fn is_merge_queue(branch: &str) -> bool {
    branch.strip_prefix("refs/heads/").unwrap_or(branch).starts_with("gh-readonly-queue/")
}

/// `pr-<number>-…` in the last segment of a merge queue's branch.
fn merge_queue_number(branch: &str) -> Option<&str> {
    if !is_merge_queue(branch) {
        return None;
    }
    let (_, segment) = branch.rsplit_once('/')?;
    let mut parts = segment.split('-');
    (parts.next() == Some("pr")).then(|| parts.next())?.filter(|number| !number.is_empty())
}

fn is_push(event: Option<&str>) -> bool {
    matches!(event, Some("push" | "Push"))
}

/// Whether a parent carries anything that is copied from its child (TR-B4).
fn tells_about_its_child(meta: &ObjectMeta) -> bool {
    pairs(meta.labels.as_ref()).any(|(key, _)| metadata::label_travels_to_parent(key))
        || pairs(meta.annotations.as_ref()).any(|(key, _)| metadata::annotation_travels_to_parent(key))
}

#[cfg(test)]
mod tests;
