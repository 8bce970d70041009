//! A running build of a pull request replaces the Snapshots of its older builds (SC-95 … SC-97, SC-B4, SC-B5, SC-B26).
//!
//! Only the condition is written; test-runner cancels the tests of a canceled Snapshot (D-24).

use std::sync::Arc;

use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::event::{self, EventClass, SnapshotClass};
use integration_core::owner::{Owner, OwnerKind};
use integration_core::snapshot::{self, Type};
use integration_core::{build, names};

use super::meta;
use super::plan::{Action, Because, Question};
use super::related::{self, Related};
use super::world::World;

/// Most names in the annotation `superseded-snapshots`.
const REMEMBERED: usize = 20;

/// Marks the Snapshots that a running build replaces, each once. A build that ended since is still told what it has
/// replaced.
pub(super) fn decide(world: &World, build: &PipelineRun) -> Related {
    let mut related = Related::default();
    let replaces = related::running(build) && replaces(world, build);
    if related::number(build).is_none() || !replaces && world.related.superseded.is_empty() {
        return related;
    }
    let remembered: Vec<&str> =
        meta::annotation(build, keys::SUPERSEDED_SNAPSHOTS).unwrap_or_default().split(',').collect();
    let mut older: Vec<&Arc<Snapshot>> = Vec::new();
    for candidate in world.pull_request.snapshots.iter().filter(|candidate| of_this_request(candidate, build)) {
        if snapshot::start_time(candidate) >= build::start(build) {
            continue;
        }
        match versions(world, candidate, build) {
            Versions::Same => older.push(candidate),
            // Nobody asks about one that would be left as it is.
            Versions::Unknown if replaces && open(candidate) => {
                related.ask.push(Question::VersionsOf(meta::name(&**candidate).to_owned()));
            }
            Versions::Other | Versions::Unknown => {}
        }
    }
    for candidate in older.iter().filter(|candidate| replaces && open(candidate)) {
        let name = meta::name(&***candidate);
        // One that was run again since this very reconcile has marked it belongs to whoever asked for that.
        if !remembered.contains(&name) && !world.related.superseded.contains(name) {
            let message = message(build);
            let action = Action::Supersede { snapshot: name.to_owned(), message };
            related.write(world, &format!("status of Snapshot {name}"), action);
            related.because.push(Because { decision: "supersede", reason: "newer_build_started" });
        }
    }
    if related.actions.is_empty() && !world.related.superseded.is_empty() {
        let names = names_to_remember(&older, |candidate| {
            let name = meta::name(candidate);
            snapshot::canceled(candidate) || remembered.contains(&name) || world.related.superseded.contains(name)
        });
        if !names.is_empty() && meta::annotation(build, keys::SUPERSEDED_SNAPSHOTS) != Some(names.as_str()) {
            related.marks.push((keys::SUPERSEDED_SNAPSHOTS, names));
        }
    }
    related
}

/// Whether a Snapshot may still be marked by this build; asked again on the newest version before it is.
pub(crate) fn open(candidate: &Snapshot) -> bool {
    // Conditions are kept of Snapshots of pull requests only, and are written whole.
    meta::label(candidate, keys::PULL_REQUEST).is_some()
        && !snapshot::tests_finished(candidate)
        && !snapshot::integration_finished(candidate)
        && !snapshot::invalid(candidate)
        && !snapshot::ignore_supersession(candidate)
        && !meta::terminating(candidate)
}

/// The condition's message.
fn message(build: &PipelineRun) -> String {
    format!(
        "Superseded: build PipelineRun {} of the same pull request started later. To run its tests nevertheless, set \
         label {} on this Snapshot.",
        meta::name(build),
        keys::RUN
    )
}

/// Whether this is the newest build of its Component, version, pull request and repository (SC-B18).
fn replaces(world: &World, build: &PipelineRun) -> bool {
    let class = event::of_build(build);
    if class == EventClass::Push {
        return false;
    }
    let rivals = world.pull_request.builds.iter().map(|other| &**other).filter(|other| {
        event::of_build(other) == class
            && related::number(other) == related::number(build)
            && related::builds_of_one_repository(other, build)
    });
    build::latest(build, rivals)
}

/// Whether the Snapshot is one of the pull request of the build, in whatever version.
fn of_this_request(candidate: &Snapshot, build: &PipelineRun) -> bool {
    let class = match event::of_build(build) {
        EventClass::MergeQueue => SnapshotClass::MergeQueue,
        EventClass::PullRequest | EventClass::Push => SnapshotClass::PullRequest,
    };
    let component = build::component(build).map(names::label_value);
    snapshot::type_of(candidate) == Type::Component
        && meta::annotation(candidate, keys::INTEGRATION_WORKFLOW) == Some(keys::WORKFLOW_PULL_REQUEST)
        && event::of_snapshot(candidate) == class
        && meta::label(candidate, keys::COMPONENT) == component.as_deref()
        && meta::label(candidate, keys::PULL_REQUEST) == related::number(build)
        && related::same_repository(candidate, build)
}

enum Versions {
    Same,
    Other,
    Unknown,
}

/// Whether a Snapshot was made for the version of the build. The reference does not write the version; its Snapshots
/// are read for it.
fn versions(world: &World, candidate: &Snapshot, build: &PipelineRun) -> Versions {
    let wanted = build::version(build);
    let same = |same| if same { Versions::Same } else { Versions::Other };
    if meta::annotation(candidate, keys::VERSION).is_some() {
        return same(snapshot::version(candidate) == wanted);
    }
    match Owner::of_snapshot(&candidate.spec).map(|owner| owner.kind) {
        Some(OwnerKind::ComponentGroup) => match world.pull_request.versions.get(meta::name(candidate)) {
            // Several: any of them matches.
            Some(versions) => same(versions.len() != 1 || versions.iter().any(|version| version == wanted)),
            None => Versions::Unknown,
        },
        _ => same(wanted.is_empty()),
    }
}

/// The newest names: of those canceled now, and of those that the build replaced before, which a person may have run
/// again since.
fn names_to_remember(older: &[&Arc<Snapshot>], is_kept: impl Fn(&Snapshot) -> bool) -> String {
    let mut kept: Vec<&&Arc<Snapshot>> = older.iter().filter(|candidate| is_kept(candidate)).collect();
    kept.sort_by(|one, other| snapshot::order(other).cmp(&snapshot::order(one)));
    let names: Vec<&str> = kept.iter().take(REMEMBERED).map(|candidate| meta::name(&****candidate)).collect();
    names.join(",")
}
