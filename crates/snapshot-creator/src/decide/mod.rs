//! What to do about one build PipelineRun: pure functions from a [`World`] and the time to a [`Plan`].
//!
//! The decision is a level, not a reaction: it looks at what is there and plans what is missing, in the order of
//! SC-B34: finalizer, global candidate list, Snapshots, then one patch that certifies them.

use integration_api::formats::create_snapshot_status::CreateSnapshotStatus;
use integration_api::{PipelineRun, keys};
use integration_core::build;
use integration_core::event::{self, EventClass};
use jiff::Timestamp;

pub(crate) mod content;
mod entry;
mod failure;
mod gcl;
pub(crate) mod merged;
pub(crate) mod meta;
pub(crate) mod notify;
mod patch;
mod plan;
pub(crate) mod related;
pub(crate) mod report;
mod settle;
mod snapshots;
pub(crate) mod supersede;
mod waiting;
mod world;

pub use failure::{Failure, FailureReason};
pub use plan::{
    Action, Because, BuildPatch, Candidate, Count, FinalizerChange, GclResult, NewSnapshot, Notice, Plan, Question,
    Wait,
};
pub use report::{ExpectedTest, Provider, PullRequestRef, ReportState, Target, Wish};
pub use world::{
    Attempt, GclAttempt, Lookup, PrGroup, PullRequest, Refusal, RefusalClass, ReportFailure, Reported, Reports, Tried,
    World,
};

use entry::{Entry, Found};
use gcl::Gcl;
use related::Related;

/// Decides about one build: its own Snapshots, and what it means for other builds and Snapshots.
pub fn decide(world: &World, now: Timestamp) -> Plan {
    let Some(build) = world.build.as_deref() else {
        return Plan::nothing("nothing", "gone");
    };
    let related = Related::of(world, build, now);
    let plan = own(world, build, related.holds, now);
    related.join(report::join(world, build, plan, now))
}

/// The Snapshots of the build, and the build itself. A failed build is held until then.
fn own(world: &World, build: &PipelineRun, holds: Option<Timestamp>, now: Timestamp) -> Plan {
    if let Some(plan) = closed(build, holds, now) {
        return plan;
    }
    let entry = match entry::find(world, build) {
        Found::Entry(entry) => entry,
        Found::Ask { question, otherwise } => {
            // What the build already says was confirmed once; the watch tells when the object appears.
            let plan = settle::failed(build, &otherwise);
            return if plan.actions.is_empty() { plan } else { Plan::ask(vec![question]) };
        }
        Found::Missing(failure) => return settle::failed(build, &failure),
    };
    if build.finished() { succeeded(world, build, &entry, now) } else { patch::keep(build) }
}

/// Whether another object's change may bring this build its Snapshot: it is owed one, or told why it has none (SC-B37).
pub fn revivable(build: &PipelineRun, now: Timestamp) -> bool {
    let status = meta::annotation(build, keys::CREATE_SNAPSHOT_STATUS).and_then(CreateSnapshotStatus::parse);
    let failed = matches!(status, Some(CreateSnapshotStatus::Failed { .. }));
    build::owed(build, now) || failed && !build::settled(build) && !build::expired(build, now)
}

/// When the build ended (SC-82); the beginning of time for one without any time.
pub(crate) fn ended(build: &PipelineRun) -> Timestamp {
    build::ended(build).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Builds that are owed nothing: at most our finalizer is taken off (SC-B33).
fn closed(build: &PipelineRun, holds: Option<Timestamp>, now: Timestamp) -> Option<Plan> {
    if build::settled(build) {
        return Some(patch::let_go(build, "settled"));
    }
    if build::expired(build, now) {
        return Some(Plan::nothing("nothing", "expired"));
    }
    if !build.finished() && meta::terminating(build) {
        return Some(patch::let_go(build, "terminating"));
    }
    if !build.finished() || build.succeeded() {
        return None;
    }
    Some(match holds.filter(|_| meta::has_finalizer(build)) {
        Some(until) => Plan { wait: Some(Wait::Until(until)), ..Plan::nothing("wait", "failure_to_tell") },
        None => patch::let_go(build, "build_failed"),
    })
}

fn succeeded(world: &World, build: &PipelineRun, entry: &Entry<'_>, now: Timestamp) -> Plan {
    if !build::signed(build) {
        return waiting::for_signature(build, entry, now);
    }
    let source = build::source(build);
    let gcl = match event::of_build(build) {
        EventClass::Push => gcl::answers(world, build, entry, source.as_ref(), now),
        EventClass::PullRequest | EventClass::MergeQueue => Gcl::NotAsked,
    };
    if let Some(plan) = gcl::promotions(&gcl) {
        return plan;
    }
    let marker = gcl::marker(build, &gcl, now);
    let states = match snapshots::states(world, build, entry, source.as_ref(), marker.as_ref()) {
        Ok(states) => states,
        Err(questions) => return Plan::ask(questions),
    };
    settle::decide(world, build, entry, &states, &gcl, marker.as_ref(), now)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn build(annotations: &serde_json::Value, finalizers: &[&str]) -> PipelineRun {
        serde_json::from_value(json!({
            "metadata": {"name": "b1", "uid": "u", "annotations": annotations, "finalizers": finalizers},
            "status": {"completionTime": "2025-01-01T00:05:00Z", "conditions": [{"type": "Succeeded", "status": "True"}]},
        }))
        .unwrap()
    }

    #[test]
    fn sc_b37_changes_of_other_objects_wake_builds_that_are_owed_or_told_why_not() {
        let day: Timestamp = "2025-01-02T00:05:00Z".parse().unwrap();
        let later: Timestamp = "2025-01-02T00:05:01Z".parse().unwrap();
        let failed = json!({keys::CREATE_SNAPSHOT_STATUS: r#"{"message":"x","status":"failed"}"#});
        assert!(revivable(&build(&failed, &[]), day));
        assert!(!revivable(&build(&failed, &[]), later), "expired");
        assert!(revivable(&build(&failed, &[keys::PIPELINE_RUN_FINALIZER]), later), "held builds do not expire");
        assert!(revivable(&build(&json!({keys::CHAINS_SIGNED: "true"}), &[]), later), "owed");
        assert!(!revivable(&build(&json!({keys::CHAINS_SIGNED: "true", keys::SNAPSHOTS: "s"}), &[]), day), "settled");
        assert!(!revivable(&build(&json!({}), &[]), day), "not signed yet");
    }
}
