//! What is recorded and released, from what is known: pure, never fails, never waits.

mod outcome;
mod record;
mod release;
mod rules;
pub mod stray;
mod test_output;

use jiff::Timestamp;

pub use outcome::is_task_run;

use crate::run;
use crate::world::{Need, Plan, SnapshotFact, World};

/// Decides about one Snapshot and its test PipelineRuns.
///
/// A plan holds one step only: facts to fetch, else the record, else patches of PipelineRuns. So a finalizer is never
/// taken off before the record it waits for was acknowledged (04 §9, RR-B2).
pub fn decide(world: &World, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    match &world.snapshot {
        SnapshotFact::Unknown => release::unknown(world, &mut plan),
        SnapshotFact::Gone => release::gone(world, &mut plan),
        SnapshotFact::Cached(snapshot) | SnapshotFact::Confirmed(snapshot) => {
            if snapshot.metadata.deletion_timestamp.is_some() {
                release::deleting(world, &mut plan);
            } else {
                let judged = record::record(world, snapshot, now, &mut plan);
                if plan.record.is_none() && !must_fetch(world, &plan) {
                    release::recorded(world, snapshot, &judged, now, &mut plan);
                }
            }
        }
    }
    if must_fetch(world, &plan) {
        plan.record = None;
        plan.runs.clear();
        plan.events.clear();
    }
    // What could not be read is not asked for again in this pass; the rest goes on without it.
    plan.needs.retain(|need| !world.failed.contains(need));
    plan
}

fn must_fetch(world: &World, plan: &Plan) -> bool {
    !plan.needs.is_subset(&world.failed)
}

/// Asks for the Snapshot itself where the cache's word is not enough. Returns whether it is known now.
fn confirmed(world: &World, plan: &mut Plan) -> bool {
    if world.snapshot.confirmed() {
        return true;
    }
    plan.needs.insert(Need::Snapshot);
    false
}

/// The PipelineRuns that are over and still hold the finalizer.
fn awaiting(world: &World) -> impl Iterator<Item = &std::sync::Arc<integration_api::PipelineRun>> {
    world.runs.iter().filter(|run| run::awaits_release(run))
}
