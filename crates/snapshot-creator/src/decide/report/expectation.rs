//! Whether a group Snapshot is to be expected: at least two members of the owner are on their way, or have a Snapshot
//! of an open pull request (SC-74, SC-B19).

use std::collections::BTreeSet;
use std::sync::Arc;

use integration_api::formats::create_snapshot_status::CreateSnapshotStatus;
use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::owner::{Owner, OwnerKind};
use integration_core::{build, names, snapshot};

use super::super::world::World;
use super::super::{meta, related};
use super::{PullRequestRef, ReportState, stand_in};

/// Fewest members of a group Snapshot.
const MEMBERS: usize = 2;

/// The answer.
pub(super) enum Expected {
    /// There will be none.
    No,
    /// There will be one.
    Yes,
    /// Depends on whether these pull requests are open.
    Unknown(Vec<PullRequestRef>),
}

/// Whether one is expected for that owner. `state` is what is to be said of the build.
pub(super) fn of_group(world: &World, build: &PipelineRun, state: ReportState, owner: &Owner) -> Expected {
    let members = members(world, owner);
    let own = stand_in::component(build, owner);
    let (mut sure, mut open) = (0, 0);
    let mut unknown = BTreeSet::new();
    for (component, version) in &members {
        if on_its_way(world, build, state, owner, component, version) {
            sure += 1;
            continue;
        }
        let Some(newest) = newest(world, owner, &members, component, version) else { continue };
        if same_pull_request(newest, &own) {
            sure += 1;
            continue;
        }
        // Where there is nobody to ask it counts as closed.
        let request = PullRequestRef::of(meta::namespace(build), &newest.metadata);
        let Some(request) = request.filter(|request| world.reports.reaches.contains(&request.provider)) else {
            continue;
        };
        match world.reports.pull_requests.get(&request.name()) {
            Some(true) => sure += 1,
            Some(false) => {}
            None => {
                open += 1;
                unknown.insert(request);
            }
        }
    }
    if sure >= MEMBERS {
        Expected::Yes
    } else if sure + open >= MEMBERS {
        Expected::Unknown(unknown.into_iter().collect())
    } else {
        Expected::No
    }
}

/// Components of the owner, in each version that it lists.
fn members(world: &World, owner: &Owner) -> BTreeSet<(String, String)> {
    match owner.kind {
        OwnerKind::Application => {
            world.siblings.iter().map(|sibling| (meta::name(&**sibling).to_owned(), String::new())).collect()
        }
        OwnerKind::ComponentGroup => world
            .groups
            .iter()
            .filter(|group| meta::name(&***group) == owner.name)
            .flat_map(|group| &group.spec.components)
            .filter(|reference| !reference.is_group())
            .map(|reference| (reference.name.clone(), reference.version_name().to_owned()))
            .collect(),
    }
}

/// Whether the newest build of that member will still deliver a Snapshot.
fn on_its_way(
    world: &World,
    build: &PipelineRun,
    state: ReportState,
    owner: &Owner,
    component: &str,
    version: &str,
) -> bool {
    let others = world.group.builds.iter().map(|other| &**other);
    let builds = others.chain([build]);
    let newest = builds
        .filter(|other| build::component(other) == Some(component) && build::version(other) == version)
        .max_by(|one, other| build::order(one, other));
    let Some(newest) = newest else { return false };
    if meta::uid(newest) == meta::uid(build) {
        return state == ReportState::InProgress;
    }
    let failed = || {
        let status = meta::annotation(newest, keys::CREATE_SNAPSHOT_STATUS).and_then(CreateSnapshotStatus::parse);
        matches!(status, Some(CreateSnapshotStatus::Failed { .. }))
    };
    let has = || world.group.snapshots.iter().any(|snapshot| build::has(snapshot, newest, owner));
    related::running(newest) || newest.succeeded() && !build::settled(newest) && !failed() && !has()
}

/// The newest Snapshot of that member. One that names no version stands for the first that its component is listed in.
fn newest<'a>(
    world: &'a World,
    owner: &Owner,
    members: &BTreeSet<(String, String)>,
    component: &str,
    version: &str,
) -> Option<&'a Arc<Snapshot>> {
    let label = names::label_value(component);
    let first = members.iter().find(|(name, _)| name == component).map(|(_, version)| version.as_str());
    world
        .group
        .snapshots
        .iter()
        .filter(|candidate| {
            let named = snapshot::version(candidate);
            related::is_member(candidate)
                && Owner::of_snapshot(&candidate.spec).as_ref() == Some(owner)
                && meta::label(&***candidate, keys::COMPONENT) == Some(label.as_ref())
                && (named == version || named.is_empty() && first == Some(version))
        })
        .max_by(|one, other| snapshot::order(one).cmp(&snapshot::order(other)))
}

/// Whether both name one pull request of one repository.
fn same_pull_request(one: &Snapshot, other: &Snapshot) -> bool {
    use integration_core::event::pull_request_number;
    use integration_core::git_url::same_repository;
    let url = |snapshot| meta::annotation(snapshot, keys::REPO_URL).unwrap_or_default();
    let number = pull_request_number(&one.metadata);
    number.is_some() && number == pull_request_number(&other.metadata) && same_repository(url(one), url(other))
}
