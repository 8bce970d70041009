//! What to do about one build PipelineRun: pure functions from a [`World`] and the time to a [`Plan`].
//!
//! The decision is a level, not a reaction: it looks at what is there and plans what is missing, in the order of
//! SC-B34: finalizer, global candidate list, Snapshots, then one patch that certifies them.

use integration_api::formats::create_snapshot_status::CreateSnapshotStatus;
use integration_api::{PipelineRun, keys};
use integration_core::build;
use integration_core::event::{self, EventClass};
use jiff::{SignedDuration, Timestamp};

pub(crate) mod content;
mod entry;
mod failure;
mod gcl;
pub(crate) mod meta;
mod patch;
mod plan;
mod settle;
mod snapshots;
mod waiting;
mod world;

pub use failure::{Failure, FailureReason};
pub use plan::{
    Action, Because, BuildPatch, Candidate, Count, FinalizerChange, GclResult, NewSnapshot, Notice, Plan, Question,
    Wait,
};
pub use world::{Attempt, GclAttempt, Lookup, Refusal, RefusalClass, World};

use entry::{Entry, Found};

/// A build older than this is left alone without an Event: nobody waits for it any more.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);

/// Decides about one build.
pub fn decide(world: &World, now: Timestamp) -> Plan {
    let Some(build) = world.build.as_deref() else {
        return Plan::nothing("nothing", "gone");
    };
    if let Some(plan) = closed(build, now) {
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
    match event::of_build(build) {
        EventClass::Push if build.finished() => finished_push(world, build, &entry, now),
        EventClass::Push => patch::keep(build),
        class => left_alone(build, class, now),
    }
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
fn closed(build: &PipelineRun, now: Timestamp) -> Option<Plan> {
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
    match event::of_build(build) {
        EventClass::Push => Some(patch::let_go(build, "build_failed")),
        // A failure report may still be owed, so its finalizer is not ours to take off here.
        class => (!meta::has_finalizer(build)).then(|| left_alone(build, class, now)),
    }
}

fn finished_push(world: &World, build: &PipelineRun, entry: &Entry<'_>, now: Timestamp) -> Plan {
    if !build::signed(build) {
        return waiting::for_signature(build, now);
    }
    let source = build::source(build);
    let gcl = gcl::answers(world, build, entry, source.as_ref(), now);
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

/// Builds of pull requests and merge queues: not handled yet, and never mishandled.
fn left_alone(build: &PipelineRun, class: EventClass, now: Timestamp) -> Plan {
    let reason = if class == EventClass::MergeQueue { "merge_queue" } else { "pull_request" };
    let mut plan = Plan::nothing("left_alone", reason);
    let young = build.creation_time().is_some_and(|created| now.duration_since(created) < YOUNG);
    if young {
        plan.events.push(Notice {
            warning: false,
            reason: "LeftAlone",
            note: format!(
                "This build belongs to a {}; snapshot-creator makes Snapshots of push builds only.",
                reason.replace('_', " ")
            ),
        });
    }
    plan
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
