//! Who gets the finalizer taken off, and which log URL is repaired (04 §9 H1 … H4, RR-B12, RR-B13, RR-B49).

use std::collections::BTreeMap;

use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::snapshot::{self as snapshots, Type};
use jiff::{SignedDuration, Timestamp};

use super::record::Verdict;
use super::{awaiting, confirmed};
use crate::run;
use crate::world::{Notice, Plan, Reason, ReleaseCause, RunPatchPlan, WINDOW, World};

/// A finalizer held that long after the end is called out (RR-B49).
const OVERDUE: SignedDuration = SignedDuration::from_hours(4);
/// How often a Snapshot whose annotation cannot be written is looked at (RR-B10).
const UNWRITABLE: SignedDuration = SignedDuration::from_mins(10);

/// The Snapshot is not in the cache: only the API server can tell that it is gone.
pub fn unknown(world: &World, plan: &mut Plan) {
    if awaiting(world).next().is_some() {
        confirmed(world, plan);
    }
    patch(world, plan, |_| None);
}

/// H1: nobody will ever read the result.
pub fn gone(world: &World, plan: &mut Plan) {
    patch(world, plan, |_| Some(ReleaseCause::SnapshotGone));
}

/// H1: the Snapshot goes away, and takes its PipelineRuns along.
pub fn deleting(world: &World, plan: &mut Plan) {
    if awaiting(world).next().is_some() && confirmed(world, plan) {
        patch(world, plan, |_| Some(ReleaseCause::SnapshotDeleting));
    }
}

/// The Snapshot is there and its annotation needs no change.
pub fn recorded(
    world: &World,
    snapshot: &Snapshot,
    judged: &BTreeMap<String, Verdict>,
    now: Timestamp,
    plan: &mut Plan,
) {
    let ours = releases_recorded(snapshot);
    let cause = |pipeline_run: &PipelineRun| match judged.get(run::name(pipeline_run)) {
        Some(Verdict::Recorded) => ours.then_some(ReleaseCause::Recorded),
        Some(Verdict::Dropped(cause)) => Some(*cause),
        Some(Verdict::Foreign) => Some(ReleaseCause::OtherSnapshot),
        Some(Verdict::Open) | None => {
            (world.unwritable && run::deleting(pipeline_run)).then_some(ReleaseCause::Unwritable)
        }
    };
    let unconfirmed = awaiting(world).any(|one| cause(one).is_some()) && !confirmed(world, plan);
    patch(world, plan, |pipeline_run| if unconfirmed { None } else { cause(pipeline_run) });
    if world.unwritable {
        plan.look_again(UNWRITABLE);
        let note =
            "The test status does not fit into the Snapshot's annotations, even shortened; remove large annotations"
                .to_owned();
        plan.events.push(Notice { run: None, reason: "TestStatusTooLarge", note });
    }
    let reported_elsewhere =
        |pipeline_run: &PipelineRun| judged.get(run::name(pipeline_run)) == Some(&Verdict::Recorded) && !ours;
    overdue(world, now, plan, reported_elsewhere);
}

/// Whether a recorded result is the end of the matter: nobody reports Snapshots of other types, parent Snapshots and
/// restored ones (H3, H4, RR-B54).
fn releases_recorded(snapshot: &Snapshot) -> bool {
    let reported = matches!(snapshots::type_of(snapshot), Type::Component | Type::Group);
    !reported || snapshots::is_parent(snapshot) || snapshots::restored(&snapshot.metadata)
}

/// At most one patch a PipelineRun, none without need (W2).
fn patch(world: &World, plan: &mut Plan, cause: impl Fn(&PipelineRun) -> Option<ReleaseCause>) {
    for pipeline_run in &world.runs {
        let release = run::awaits_release(pipeline_run).then(|| cause(pipeline_run)).flatten();
        let log_url = log_url(world, pipeline_run);
        if let Some(cause) = release {
            plan.reasons.push(Reason {
                run: run::name(pipeline_run).to_owned(),
                decision: "released",
                reason: cause.label(),
            });
        }
        if release.is_some() || log_url.is_some() {
            plan.runs.push(RunPatchPlan { run: run::name(pipeline_run).to_owned(), log_url, release });
        }
    }
}

/// The log URL, where it is absent, or wrong on a PipelineRun that is still ours: a changed setting does not rewrite
/// history (RR-B12).
pub fn log_url(world: &World, pipeline_run: &PipelineRun) -> Option<String> {
    let held = run::held(pipeline_run);
    let wanted = || {
        let namespace = pipeline_run.metadata.namespace.as_deref().unwrap_or_default();
        world.rules.console.of(namespace, run::name(pipeline_run))
    };
    match run::annotation(pipeline_run, keys::LOG_URL) {
        None if held || !run::deleting(pipeline_run) => Some(wanted()),
        Some(current) if held => Some(wanted()).filter(|wanted| wanted != current),
        _ => None,
    }
}

/// Finalizers that should have been taken off long ago (RR-B49).
fn overdue(world: &World, now: Timestamp, plan: &mut Plan, elsewhere: impl Fn(&PipelineRun) -> bool) {
    const { assert!(OVERDUE.as_secs() == WINDOW.as_secs() + 3600) };
    for pipeline_run in awaiting(world) {
        let released = plan.runs.iter().any(|patch| patch.release.is_some() && patch.run == run::name(pipeline_run));
        let deletion = || pipeline_run.metadata.deletion_timestamp.as_ref().map(|time| time.0);
        let since = run::end(pipeline_run).or_else(deletion);
        let long = since.is_some_and(|since| now.duration_since(since) > OVERDUE);
        if !long || released || elsewhere(pipeline_run) {
            continue;
        }
        plan.overdue += 1;
        let note = format!(
            "Finalizer {} is held although the PipelineRun is over: its result is not recorded",
            keys::PIPELINE_RUN_FINALIZER
        );
        plan.events.push(Notice { run: Some(run::name(pipeline_run).to_owned()), reason: "FinalizerHeld", note });
    }
}
