//! Test PipelineRuns without a usable label (RR-B11).

use integration_api::{PipelineRun, keys};

use super::release::log_url;
use crate::run;
use crate::world::{Notice, Plan, Reason, ReleaseCause, RunPatchPlan, World};

/// Decides about one PipelineRun that belongs to no Snapshot or no scenario: nothing is recorded, and the finalizer goes
/// as soon as the PipelineRun is over. One without finalizer needs nothing.
pub fn decide(world: &World) -> Plan {
    let mut plan = Plan::default();
    for pipeline_run in &world.runs {
        if run::place(pipeline_run).is_none() && run::held(pipeline_run) {
            stray(world, pipeline_run, &mut plan);
        }
    }
    plan
}

fn stray(world: &World, pipeline_run: &PipelineRun, plan: &mut Plan) {
    let name = run::name(pipeline_run).to_owned();
    let note = format!(
        "Nothing is recorded: the PipelineRun needs the labels {} and {}, both with a value",
        keys::SNAPSHOT,
        keys::SCENARIO
    );
    plan.events.push(Notice { run: Some(name.clone()), reason: "TestLabelMissing", note });
    plan.reasons.push(Reason { run: name.clone(), decision: "not_recorded", reason: "no_label" });
    let release = run::over(pipeline_run).then_some(ReleaseCause::NoLabel);
    let log_url = log_url(world, pipeline_run);
    if release.is_some() || log_url.is_some() {
        plan.runs.push(RunPatchPlan { run: name, log_url, release });
    }
}
