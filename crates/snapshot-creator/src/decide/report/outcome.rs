//! What reports mean for the build itself: the marker, the finalizer, and the words of a report that is not possible
//! (SC-B14, SC-B20, SC-B34).

use integration_api::formats::build_report::BuildReport;
use integration_api::formats::truncate;
use integration_api::{PipelineRun, keys};
use integration_core::build;
use jiff::Timestamp;

use super::super::entry::{self, Found};
use super::super::plan::{Action, Because, BuildPatch, FinalizerChange, Notice, Plan, Wait};
use super::super::world::{ReportFailure, Reported, World};
use super::super::{meta, notify, related};
use super::{Provider, ReportState, Wish, provider, stand_in};

/// Most bytes of a provider's words.
const WORDS_LIMIT: usize = 1024;

/// Adds to a plan what is to be reported about the build, and what became of it so far.
pub(in super::super) fn join(world: &World, build: &PipelineRun, mut plan: Plan, now: Timestamp) -> Plan {
    if !plan.ask.is_empty() {
        return plan;
    }
    plan.report = super::wish(world, build, &plan, now);
    let mut patch = BuildPatch::default();
    if let Some(reported) = &world.reports.reported {
        tell_failure(build, reported, &mut patch);
    } else if let Some(text) = unreportable(world, build, &plan, now) {
        patch.annotate(build, keys::GIT_REPORTING_FAILURE, text);
    }
    if let Some(wish) = plan.report.take() {
        follow(world, build, &wish, &mut plan, &mut patch, now);
        plan.report = Some(wish);
    }
    add(plan, patch)
}

/// The marker of what was reported. A failure that is still to be told keeps the build, for a while.
fn follow(world: &World, build: &PipelineRun, wish: &Wish, plan: &mut Plan, patch: &mut BuildPatch, now: Timestamp) {
    // Not all that is to be said about the Snapshots has been said (SC-B3).
    for action in &mut plan.actions {
        if let Action::PatchBuild(patch) = action {
            let created = BuildReport::SnapshotCreated.wire();
            if patch.annotations.get(keys::SNAPSHOT_CREATION_REPORT).is_some_and(|marker| marker == created) {
                patch.annotations.remove(keys::SNAPSHOT_CREATION_REPORT);
            }
        }
    }
    match world.reports.reported.as_ref().filter(|reported| reported.done && reported.state == wish.state) {
        // Where nobody could tell whether a Snapshot is expected, nothing was reported.
        Some(reported) if reported.sent || reported.given_up => {
            patch.annotate(build, keys::SNAPSHOT_CREATION_REPORT, wish.state.marker().wire().to_owned());
            if reported.given_up {
                patch.events.push(given_up(build, wish, reported));
            }
        }
        None if wish.state != ReportState::InProgress && now < notify::deadline(build) => hold(build, plan),
        Some(_) | None => {}
    }
}

/// Keeps our finalizer where the build has it.
fn hold(build: &PipelineRun, plan: &mut Plan) {
    if !meta::has_finalizer(build) {
        return;
    }
    let before = plan.actions.len();
    for action in &mut plan.actions {
        if let Action::PatchBuild(patch) = action
            && patch.finalizer == Some(FinalizerChange::Release)
        {
            patch.finalizer = None;
        }
    }
    plan.actions.retain(|action| !matches!(action, Action::PatchBuild(patch) if patch.is_empty()));
    if plan.actions.len() < before {
        // Nothing but the release was planned.
        plan.because.clear();
    }
    plan.wait = Wait::both(plan.wait, Some(Wait::Until(notify::deadline(build))));
    plan.because.push(Because { decision: "wait", reason: "failure_to_report" });
}

/// Lets the patch travel with the one that is planned. A plan that does something else first is followed by another.
fn add(mut plan: Plan, patch: BuildPatch) -> Plan {
    if patch.is_empty() {
        return plan;
    }
    if plan.actions.is_empty() {
        plan.actions.push(Action::PatchBuild(patch));
        return plan;
    }
    for action in &mut plan.actions {
        if let Action::PatchBuild(planned) = action {
            planned.annotations.extend(patch.annotations);
            planned.removed.extend(patch.removed);
            planned.events.extend(patch.events);
            break;
        }
    }
    plan
}

/// Why a provider does not take reports, while that is so (SC-B20).
fn tell_failure(build: &PipelineRun, reported: &Reported, patch: &mut BuildPatch) {
    let told = meta::annotation(build, keys::GIT_REPORTING_FAILURE);
    match &reported.failure {
        Some(failure) => {
            let head = head(failure);
            if !told.is_some_and(|told| told.starts_with(&head)) {
                let text = format!("{head}{}: {}", failure.time, truncate(&failure.text, WORDS_LIMIT));
                patch.annotate(build, keys::GIT_REPORTING_FAILURE, text);
            }
        }
        None if reported.sent && told.is_some() => patch.removed.push(keys::GIT_REPORTING_FAILURE),
        None => {}
    }
}

/// The part of the annotation that tells failures apart.
fn head(failure: &ReportFailure) -> String {
    let ReportFailure { provider, host, code, .. } = failure;
    let code = if *code == 0 { "none".to_owned() } else { code.to_string() };
    format!("provider {}, host {host}, class permanent, code {code}, time ", provider.word())
}

/// The annotation of a build that ended and whose expected tests can be reported to nobody, because it does not say
/// where its source is hosted. While it runs, Pipelines as Code may still write that.
fn unreportable(world: &World, build: &PipelineRun, plan: &Plan, now: Timestamp) -> Option<String> {
    const HEAD: &str = "provider none, host none, class metadata, code none, time ";
    let told = meta::annotation(build, keys::GIT_REPORTING_FAILURE).is_some_and(|told| told.starts_with(HEAD));
    let group = related::pr_group(build);
    let open = build.finished() && !build::settled(build) && now < super::end(build) && group.is_some();
    // No patch of its own for a build that will have one.
    let travels = !build.succeeded() || plan.actions.iter().any(|action| matches!(action, Action::PatchBuild(_)));
    if told || !open || !travels || Provider::of_build(build).is_some() {
        return None;
    }
    let others = world.group.builds.iter().map(|other| &**other);
    let Found::Entry(entry) = entry::find(world, build) else { return None };
    let expected = entry.owners.iter().any(|object| {
        let snapshot = stand_in::component(build, &object.owner);
        !super::tests(world, &object.owner, &snapshot).is_empty()
    });
    (expected && build::latest(build, others)).then(|| {
        format!(
            "{HEAD}{now}: PipelineRun {}/{} has no annotation {} that names a supported git provider, so its expected \
             tests are reported nowhere; Pipelines as Code sets it.",
            meta::namespace(build),
            meta::name(build),
            provider::pac_key(keys::GIT_PROVIDER)
        )
    })
}

fn given_up(build: &PipelineRun, wish: &Wish, reported: &Reported) -> Notice {
    let why = reported.failure.as_ref().map(|failure| {
        let code = if failure.code == 0 { String::new() } else { format!(" (code {})", failure.code) };
        format!(": {} answered{code}: {}", failure.host, truncate(&failure.text, WORDS_LIMIT))
    });
    let note = format!(
        "Expected tests of build PipelineRun {}/{} could not all be reported to {} and are not tried again{}. Check \
         the credentials and the rights of the Repository.",
        meta::namespace(build),
        meta::name(build),
        wish.provider.word(),
        why.unwrap_or_default().trim_end_matches('.')
    );
    Notice { warning: true, reason: "ReportGivenUp", note }
}
