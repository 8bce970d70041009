//! Expected tests of a build of a pull request, reported to its git provider while there is no Snapshot that status-reporter
//! could report about (SC-65 … SC-75, SC-B14, SC-B15, SC-B19).
//!
//! What is wanted is read off the objects, so a restart neither repeats what is old nor loses what is young. The queue
//! of reports derives it anew before each call, see [`renew`].

use std::collections::BTreeSet;
use std::sync::Arc;

use integration_api::formats::build_report::{self, BuildReport};
use integration_api::formats::create_snapshot_status::CreateSnapshotStatus;
use integration_api::{IntegrationTestScenario, PipelineRun, Snapshot, keys};
use integration_core::owner::{Owner, OwnerKind};
use integration_core::{build, names, scenario};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::entry::{self, Found};
use super::plan::{Action, Plan};
use super::related;
use super::world::World;
use super::{ended, meta};

mod expectation;
mod outcome;
mod provider;
mod stand_in;

#[cfg(test)]
mod tests;

pub(super) use outcome::join;
pub use provider::{Provider, PullRequestRef};

use expectation::Expected;

/// How long after the end of a build its failure is reported (SC-B14).
const REPORTED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Subject of the expected group Snapshot of an Application; that of a ComponentGroup adds its name (02 §1.5).
const GROUP_SUBJECT: &str = "pr group";

/// What is reported about a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportState {
    /// It runs.
    InProgress,
    /// It failed.
    BuildFailed,
    /// It succeeded, and its Snapshot cannot be made.
    CreationFailed,
}

impl ReportState {
    /// What the marker `snapshot-creation-report` says once this was reported (D-2).
    pub(crate) fn marker(self) -> BuildReport {
        match self {
            Self::InProgress => BuildReport::InProgress,
            Self::BuildFailed => BuildReport::BuildFailed,
            Self::CreationFailed => BuildReport::CreationFailed,
        }
    }

    /// Value of the metric label `state`.
    pub fn word(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::BuildFailed => "build_failed",
            Self::CreationFailed => "creation_failed",
        }
    }
}

/// What a build wants to be reported now. It carries all that a report needs, because the build may be deleted before
/// the provider answers (SC-B14).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wish {
    /// The state of all targets.
    pub state: ReportState,
    /// Who is told.
    pub provider: Provider,
    /// What happened, and what to do.
    pub text: String,
    /// What is told about; never empty.
    pub targets: Vec<Target>,
}

/// The expected tests of one Snapshot that does not exist.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// Owner of that Snapshot.
    #[serde(serialize_with = "owner_text")]
    pub owner: Owner,
    /// Component name, `pr group`, or `pr group <ComponentGroup>`.
    pub subject: String,
    /// The tests, by name.
    pub scenarios: Vec<ExpectedTest>,
    /// Pull requests whose state decides whether that Snapshot is expected at all; nothing is reported before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<PullRequestRef>,
    /// Stands in for that Snapshot: what reports read of a Snapshot is here (SC-70, SC-71).
    #[serde(rename = "body")]
    pub snapshot: Arc<Snapshot>,
}

/// One expected test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExpectedTest {
    /// Name of the scenario.
    pub name: String,
    /// Whether its failure does not count.
    pub optional: bool,
}

/// Whether there may be something to report about a build: it is not settled, or settled with a failure that nobody was
/// told of.
pub(crate) fn possible(build: &PipelineRun) -> bool {
    let status = meta::annotation(build, keys::CREATE_SNAPSHOT_STATUS).and_then(CreateSnapshotStatus::parse);
    let failed = matches!(status, Some(CreateSnapshotStatus::Failed { .. }));
    !build::settled(build) || failed && reported(build).is_none()
}

fn reported(build: &PipelineRun) -> Option<BuildReport> {
    let marker = meta::annotation(build, keys::SNAPSHOT_CREATION_REPORT);
    build_report::reported(marker, build.finished(), build.succeeded())
}

/// What is wanted of a build. `plan` tells which owners are lost: what an old annotation says does not count (SC-B15).
fn wish(world: &World, build: &PipelineRun, plan: &Plan, now: Timestamp) -> Option<Wish> {
    related::pr_group(build)?;
    let all = || match entry::find(world, build) {
        Found::Entry(entry) => entry.owners.into_iter().map(|object| object.owner).collect(),
        Found::Ask { .. } | Found::Missing(_) => Vec::new(),
    };
    let (namespace, name) = (meta::namespace(build), meta::name(build));
    if related::running(build) {
        let text = format!(
            "Build PipelineRun {namespace}/{name} is still running. The test starts when it has succeeded and its \
             Snapshot is there."
        );
        return derive(world, build, ReportState::InProgress, &all(), text, now);
    }
    if build.finished() && !build.succeeded() {
        let text = format!(
            "Build PipelineRun {namespace}/{name} failed, so there is nothing to test. Fix the build and retry it."
        );
        return derive(world, build, ReportState::BuildFailed, &all(), text, now);
    }
    // One that is deleted while it runs comes to no end that can be told.
    if !build.succeeded() {
        return None;
    }
    let status = created_status(build, plan)?;
    let lost = if build::settled(build) { without_snapshot(build, status, all()) } else { plan.lost.clone() };
    let text =
        format!("Build PipelineRun {namespace}/{name} succeeded, but not every Snapshot could be made: {status}");
    derive(world, build, ReportState::CreationFailed, &lost, text, now)
}

/// Those owners of a settled build that it says it has no Snapshot for. What it says may be older than a Snapshot that it
/// lists, and that was deleted since.
fn without_snapshot(build: &PipelineRun, status: &str, mut owners: Vec<Owner>) -> Vec<Owner> {
    let Some(CreateSnapshotStatus::Failed { message }) = CreateSnapshotStatus::parse(status) else {
        return Vec::new();
    };
    let listed = [keys::SNAPSHOTS, keys::SNAPSHOT].map(|key| meta::annotation(build, key).unwrap_or_default());
    let is_listed = |name: &str| listed.iter().any(|names| names.split(',').any(|listed| listed == name));
    let namespace = meta::namespace(build);
    owners.retain(|owner| {
        let name = |k| names::component_snapshot(owner, build::start(build), meta::uid(build), k);
        message.contains(&format!("({} {namespace}/{})", owner.kind, owner.name))
            && !(0..=names::LAST_K).any(|k| is_listed(&name(k)))
    });
    owners
}

/// What the build says about its Snapshots, as soon as the plan is carried out.
fn created_status<'a>(build: &'a PipelineRun, plan: &'a Plan) -> Option<&'a str> {
    let planned = plan.actions.iter().find_map(|action| match action {
        Action::PatchBuild(patch) => patch.annotations.get(keys::CREATE_SNAPSHOT_STATUS).map(String::as_str),
        _ => None,
    });
    planned.or_else(|| meta::annotation(build, keys::CREATE_SNAPSHOT_STATUS))
}

/// The same wish as the objects are now: without what is not wanted any more, with what is known by now (SC-B14,
/// GRX-24). The build may be the last version that was seen.
pub(crate) fn renew(world: &World, build: &PipelineRun, wish: &Wish, now: Timestamp) -> Option<Wish> {
    let holds = match wish.state {
        ReportState::InProgress => related::running(build),
        ReportState::BuildFailed => build.finished() && !build.succeeded(),
        ReportState::CreationFailed => build.succeeded(),
    };
    let owners: BTreeSet<&Owner> = wish.targets.iter().map(|target| &target.owner).collect();
    let owners: Vec<Owner> = owners.into_iter().cloned().collect();
    holds.then(|| derive(world, build, wish.state, &owners, wish.text.clone(), now)).flatten()
}

/// When a wish of that build ends.
pub(crate) fn end(build: &PipelineRun) -> Timestamp {
    ended(build).saturating_add(REPORTED_FOR).unwrap_or(Timestamp::MAX)
}

/// The targets of these owners, without those that are served.
fn derive(
    world: &World,
    build: &PipelineRun,
    state: ReportState,
    owners: &[Owner],
    text: String,
    now: Timestamp,
) -> Option<Wish> {
    if !open(world, build, state, now) {
        return None;
    }
    let provider = Provider::of_build(build).filter(|provider| world.reports.reaches.contains(provider))?;
    let mut targets = Vec::new();
    for owner in owners.iter().filter(|owner| wanted(world, build, state, owner)) {
        let component = build::component(build).unwrap_or_default().to_owned();
        targets.extend(target(world, owner, component, stand_in::component(build, owner), Vec::new()));
        let group = stand_in::group(build, owner);
        if tests(world, owner, &group).is_empty() {
            continue;
        }
        let unknown = match expectation::of_group(world, build, state, owner) {
            Expected::No => continue,
            Expected::Yes => Vec::new(),
            Expected::Unknown(pull_requests) => pull_requests,
        };
        let subject = match owner.kind {
            OwnerKind::Application => GROUP_SUBJECT.to_owned(),
            OwnerKind::ComponentGroup => format!("{GROUP_SUBJECT} {}", owner.name),
        };
        targets.extend(target(world, owner, subject, group, unknown));
    }
    (!targets.is_empty()).then_some(Wish { state, provider, text, targets })
}

/// Whether the build still has to report that state: it is the newest of its key in a PR group, its marker does not
/// cover the state, and a failure is not old.
fn open(world: &World, build: &PipelineRun, state: ReportState, now: Timestamp) -> bool {
    let reported = reported(build);
    related::pr_group(build).is_some()
        && reported != Some(BuildReport::SnapshotCreated)
        && reported != Some(state.marker())
        && (state == ReportState::InProgress || now < end(build))
        && build::latest(build, world.group.builds.iter().map(|other| &**other))
}

/// Whether the tests of that owner still have to hear of the build from us.
fn wanted(world: &World, build: &PipelineRun, state: ReportState, owner: &Owner) -> bool {
    let lost = match state {
        ReportState::BuildFailed => true,
        ReportState::CreationFailed => !has(world, build, owner),
        ReportState::InProgress => !build::settled(build) && !has(world, build, owner),
    };
    lost && !is_tested(world, build, owner)
}

fn has(world: &World, build: &PipelineRun, owner: &Owner) -> bool {
    world.snapshots.iter().any(|snapshot| build::has(snapshot, build, owner))
}

/// Whether the same commit has a Snapshot of another build, as new as this build: its tests are under way or done, and
/// what they say is not overwritten (GRX-24, GRX-28).
fn is_tested(world: &World, build: &PipelineRun, owner: &Owner) -> bool {
    let own = stand_in::component(build, owner);
    let Some(commit) = provider::commit(&own.metadata) else { return false };
    world.group.snapshots.iter().any(|snapshot| {
        related::is_member(snapshot)
            && Owner::of_snapshot(&snapshot.spec).as_ref() == Some(owner)
            && meta::label(&**snapshot, keys::COMPONENT) == meta::label(&own, keys::COMPONENT)
            && provider::commit(&snapshot.metadata) == Some(commit)
            && integration_core::snapshot::start_time(snapshot) >= build::start(build)
    })
}

fn target(
    world: &World,
    owner: &Owner,
    subject: String,
    snapshot: Snapshot,
    unknown: Vec<PullRequestRef>,
) -> Option<Target> {
    let scenarios = tests(world, owner, &snapshot);
    let target = Target { owner: owner.clone(), subject, scenarios, unknown, snapshot: Arc::new(snapshot) };
    (!target.scenarios.is_empty()).then_some(target)
}

/// The tests that such a Snapshot of that owner will have, by name (SC-73).
fn tests(world: &World, owner: &Owner, snapshot: &Snapshot) -> Vec<ExpectedTest> {
    let applies = |scenario: &&Arc<IntegrationTestScenario>| {
        Owner::of_scenario(scenario).as_ref() == Some(owner)
            && !meta::terminating(&***scenario)
            && scenario::applies(scenario, snapshot)
    };
    let mut tests: Vec<ExpectedTest> = world
        .reports
        .scenarios
        .iter()
        .filter(applies)
        .map(|scenario| ExpectedTest {
            name: meta::name(&**scenario).to_owned(),
            optional: scenario::optional(scenario),
        })
        .collect();
    tests.sort_by(|one, other| one.name.cmp(&other.name));
    tests
}

fn owner_text<S: serde::Serializer>(owner: &Owner, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(owner)
}
