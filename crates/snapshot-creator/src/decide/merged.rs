//! Snapshots of a pull request that was merged: marked, so that they are collected (SC-50 … SC-53, SC-B21).

use integration_api::{PipelineRun, keys};
use integration_core::event::{self, EventClass};
use integration_core::owner::Owner;
use integration_core::snapshot::{self, Type};
use integration_core::{build, names};
use jiff::Timestamp;

use super::entry::{self, Found};
use super::plan::{Action, Because};
use super::related::{self, Related};
use super::world::World;
use super::{ended, meta};

/// Value of the annotation `pr-status` (API-A16).
pub(crate) const MERGED: &str = "merged";

/// Marks what a push that names a pull request has merged.
pub(super) fn decide(world: &World, build: &PipelineRun, now: Timestamp) -> Related {
    let mut related = Related::default();
    let Some(number) = related::number(build).filter(|_| event::of_build(build) == EventClass::Push) else {
        return related;
    };
    let history = build.finished() && now.duration_since(ended(build)) > build::EXPIRY;
    if history || meta::annotation(build, keys::PR_STATUS) == Some(MERGED) {
        return related;
    }
    let Found::Entry(entry) = entry::find(world, build) else { return related };
    if entry.owners.is_empty() {
        return related;
    }
    let component = names::label_value(meta::name(&**entry.component));
    for candidate in &world.pull_request.snapshots {
        let owned = Owner::of_snapshot(&candidate.spec)
            .is_some_and(|owner| entry.owners.iter().any(|object| object.owner == owner));
        // A parent Snapshot goes with its child; the group it belongs to lists the Component no more than any other.
        let marked = (owned || snapshot::is_parent(candidate))
            && snapshot::type_of(candidate) == Type::Component
            && meta::label(&**candidate, keys::COMPONENT) == Some(component.as_ref())
            && meta::label(&**candidate, keys::PULL_REQUEST) == Some(number)
            && related::same_repository(candidate, build)
            && related::not_a_push(candidate);
        if marked && meta::annotation(&**candidate, keys::PR_STATUS) != Some(MERGED) {
            let name = meta::name(&**candidate);
            related.write(world, &format!("Snapshot {name}"), Action::MarkMerged(name.to_owned()));
        }
    }
    if related.done() {
        related.marks.push((keys::PR_STATUS, MERGED.to_owned()));
    }
    related.because.push(Because { decision: "mark_merged", reason: "pull_request_merged" });
    related
}

/// Whether the pull request of a build is known to be merged: a push says so of itself, and for a pull request a push
/// of the same Component, number and repository that was marked (SC-53, SC-B21).
pub(super) fn is_known(world: &World, build: &PipelineRun) -> bool {
    let marked = |build: &PipelineRun| meta::annotation(build, keys::PR_STATUS) == Some(MERGED);
    match event::of_build(build) {
        EventClass::Push => marked(build),
        EventClass::PullRequest | EventClass::MergeQueue => world.pull_request.builds.iter().any(|other| {
            event::of_build(other) == EventClass::Push
                && marked(other)
                && related::builds_of_one_repository(other, build)
        }),
    }
}
