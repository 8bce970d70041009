//! The decision: what a Snapshot needs, as a pure function of what is known.
//!
//! One room a responsibility: [`settled`] (is there anything to do at all), [`prelude`] (owner), [`scenarios`] (state
//! machine M1), [`releases`] (M4), [`conditions`] (which transitions are allowed). The operations do not keep each
//! other from running (TR-B53): only the gates here couple them.

pub mod conditions;
pub mod prelude;
pub mod releases;
pub mod scenarios;
pub mod settled;

use jiff::{SignedDuration, Timestamp};

use crate::plan::Plan;
use crate::world::World;

/// A Snapshot this version does not handle is told once, while it is young enough for somebody to wait for it.
const TELL_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Decides about one Snapshot at the time `now`.
pub fn decide(world: &World, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let snapshot = &*world.snapshot;
    if let Some(reason) = settled::untouchable(snapshot) {
        plan.because("nothing", reason, "");
        return plan;
    }
    if let Some(reason) = settled::left_alone(snapshot) {
        leave_alone(world, now, reason, "", &mut plan);
        return plan;
    }
    if settled::asks_for_run(snapshot) {
        leave_alone(world, now, "run_request", "", &mut plan);
    }
    if let Some(owner) = prelude::decide(world, &mut plan) {
        scenarios::decide(world, &owner, now, &mut plan);
        releases::decide(world, &owner, now, &mut plan);
    }
    conditions::keep_allowed(&snapshot.status.conditions, &mut plan);
    plan
}

/// Something this version does not handle is left as it is, visibly.
fn leave_alone(world: &World, now: Timestamp, reason: &'static str, about: &str, plan: &mut Plan) {
    plan.because("left_alone", reason, about);
    let created = world.snapshot.metadata.creation_timestamp.as_ref();
    if created.is_some_and(|time| now.duration_since(time.0) < TELL_WITHIN) {
        let note = match reason {
            "test_graph" => format!(
                "scenario {about} waits for other scenarios; this version of test-runner does not start dependent scenarios yet"
            ),
            "resource_kind" => format!(
                "scenario {about} refers to a resource of kind pipelinerun; this version of test-runner starts pipelines only"
            ),
            "run_request" => {
                "this version of test-runner does not handle run requests yet; the label stays until one does"
                    .to_owned()
            }
            _ => format!("this version of test-runner leaves Snapshots of this kind alone ({reason})"),
        };
        plan.notice(false, "LeftAlone", note);
    }
}
