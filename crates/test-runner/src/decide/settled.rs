//! Which Snapshots need no work: gates that need nothing but the Snapshot itself.

use integration_api::{Snapshot, keys};
use integration_core::event::{self, SnapshotClass};
use integration_core::snapshot::{self, Type};

/// Snapshots that are never touched: restored from a backup (TR-28) or being deleted (TR-B39).
pub fn untouchable(snapshot: &Snapshot) -> Option<&'static str> {
    if snapshot::restored(&snapshot.metadata) {
        Some("restored")
    } else if snapshot.metadata.deletion_timestamp.is_some() {
        Some("terminating")
    } else {
        None
    }
}

/// Snapshots of a kind that this version does not handle.
pub fn left_alone(snapshot: &Snapshot) -> Option<&'static str> {
    if snapshot::is_parent(snapshot) {
        return Some("parent");
    }
    match (snapshot::type_of(snapshot), event::of_snapshot(snapshot)) {
        (Type::Group, _) => Some("group"),
        (Type::Override, _) => Some("override"),
        (Type::Component | Type::Other, SnapshotClass::Push) => None,
        (_, SnapshotClass::PullRequest) => Some("pull_request"),
        (_, SnapshotClass::MergeQueue) => Some("merge_queue"),
        (_, SnapshotClass::Unclassified) => Some("unclassified"),
    }
}

/// Whether somebody asked for a run (API-L8).
pub fn asks_for_run(snapshot: &Snapshot) -> bool {
    snapshot.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(keys::RUN))
}

/// Whether a change of a scenario or of the owner may matter to this Snapshot (TR-B36, TR-B54).
pub fn unsettled(snapshot: &Snapshot) -> bool {
    handled(snapshot) && (!snapshot::tests_finished(snapshot) || releasable(snapshot))
}

/// Whether a change of a ReleasePlan or of a newer Snapshot may matter: promotable and not released (TR-B36, M4).
pub fn releasable(snapshot: &Snapshot) -> bool {
    handled(snapshot) && !snapshot::auto_released(snapshot) && promotable(snapshot).is_empty()
}

fn handled(snapshot: &Snapshot) -> bool {
    untouchable(snapshot).is_none() && left_alone(snapshot).is_none()
}

/// What keeps a Snapshot from being promoted (TR-10, M4): all reasons, or only `tests_not_finished`.
pub fn promotable(snapshot: &Snapshot) -> Vec<&'static str> {
    if !snapshot::tests_finished(snapshot) {
        return vec!["tests_not_finished"];
    }
    let forbidden = snapshot
        .metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(keys::AUTO_RELEASE))
        .is_some_and(|value| value == "false");
    [
        (!snapshot::passed(snapshot), "not_passed"),
        (!snapshot::valid(snapshot), "invalid"),
        (event::of_snapshot(snapshot) != SnapshotClass::Push, "not_push"),
        (forbidden, "auto_release_disabled"),
        (snapshot::type_of(snapshot) == Type::Group, "group"),
    ]
    .into_iter()
    .filter_map(|(holds, reason)| holds.then_some(reason))
    .collect()
}
