//! Which finished test PipelineRuns are released (04 §9 H5).

use std::sync::Arc;

use integration_api::test_status::{Entry, StatusArray};
use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::snapshot::{self as snapshots, Type};
use jiff::{SignedDuration, Timestamp};

use super::verdict::annotation;
use crate::run;
use crate::world::{Decision, Notice, ReportPlan, ReportWorld, WINDOW};

/// Objects younger than that get an Event when they are left alone.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);

/// Decides about the finalizers of one Snapshot's test PipelineRuns.
///
/// A PipelineRun that a final entry names is settled once that entry is reported everywhere; without a git provider there
/// is nowhere to report to. All others are the business of result-recorder (H1 … H4, H6).
pub fn decide(world: &ReportWorld, now: Timestamp) -> ReportPlan {
    let snapshot = &*world.snapshot;
    if let Some(reason) = not_ours(snapshot) {
        return decided("left_alone", reason);
    }
    let Ok(array) = StatusArray::parse(annotation(snapshot, keys::TEST_STATUS)) else {
        return decided("left_alone", "unreadable_status");
    };
    let waiting: Vec<(&Entry, &Arc<PipelineRun>)> =
        world.runs.iter().filter_map(|run| Some((reported_by(&array, snapshot, run)?, run))).collect();
    if waiting.is_empty() {
        return decided("settled", "nothing_held");
    }
    if let Some((reason, place)) = unsupported(snapshot) {
        return left_alone(snapshot, &waiting, reason, &place, now);
    }
    let release = waiting.iter().map(|(_, run)| run::name(run).to_owned()).collect();
    ReportPlan { release, ..decided("released", "no_provider") }
}

/// Snapshots whose PipelineRuns result-recorder releases (H1, H3, H4, RR-B54).
fn not_ours(snapshot: &Snapshot) -> Option<&'static str> {
    if snapshot.metadata.deletion_timestamp.is_some() {
        Some("deleting")
    } else if snapshots::restored(&snapshot.metadata) {
        Some("restored")
    } else if snapshots::is_parent(snapshot) {
        Some("parent")
    } else if matches!(snapshots::type_of(snapshot), Type::Component | Type::Group) {
        None
    } else {
        Some("not_reported")
    }
}

/// The final entry that names this PipelineRun, if it still holds the finalizer. The entry proves that it is over, and
/// stays as it is (RR-B4).
fn reported_by<'a>(array: &'a StatusArray, snapshot: &Snapshot, pipeline_run: &PipelineRun) -> Option<&'a Entry> {
    if !run::held(pipeline_run) || !run::belongs_to(pipeline_run, snapshot) {
        return None;
    }
    array.entries().find(|entry| entry.status.is_final() && entry.pipeline_run == run::name(pipeline_run))
}

/// Where results would have to be reported to: reason and name.
fn unsupported(snapshot: &Snapshot) -> Option<(&'static str, String)> {
    if snapshots::type_of(snapshot) == Type::Group {
        return Some(("group_snapshot", "the pull requests of the group".to_owned()));
    }
    let labels = snapshot.metadata.labels.as_ref();
    let provider =
        annotation(snapshot, keys::GIT_PROVIDER).or_else(|| labels?.get(keys::GIT_PROVIDER).map(String::as_str))?;
    Some(("git_provider", format!("git provider {provider}")))
}

fn left_alone(
    snapshot: &Snapshot,
    waiting: &[(&Entry, &Arc<PipelineRun>)],
    reason: &'static str,
    place: &str,
    now: Timestamp,
) -> ReportPlan {
    let mut plan = decided("left_alone", reason);
    let age = snapshot.metadata.creation_timestamp.as_ref().map(|created| now.duration_since(created.0));
    if age.is_some_and(|age| age < YOUNG) {
        let note = format!(
            "Test results are not reported to {place}: this version cannot report; their PipelineRuns keep the finalizer"
        );
        plan.events.push(Notice { run: None, reason: "NotReported", note });
    }
    for (_, pipeline_run) in waiting
        .iter()
        .filter(|(entry, _)| now.duration_since(entry.last_update_time) > WINDOW + SignedDuration::from_hours(1))
    {
        let name = run::name(pipeline_run).to_owned();
        let note = format!(
            "Finalizer {} is held although the PipelineRun is over: its result is not reported",
            keys::PIPELINE_RUN_FINALIZER
        );
        plan.events.push(Notice { run: Some(name.clone()), reason: "FinalizerHeld", note });
        plan.overdue.push(name);
    }
    plan
}

fn decided(decision: &'static str, reason: &'static str) -> ReportPlan {
    ReportPlan { decision: Decision { decision, reason }, ..ReportPlan::default() }
}
