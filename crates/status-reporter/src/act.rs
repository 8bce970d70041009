//! Carries plans out.

use std::sync::Arc;

use integration_api::{PipelineRun, Snapshot, keys};
use integration_runtime::metrics::LeaderGauge;
use integration_runtime::{ApiError, Context, EventType, Part, Patched, RunPatch, Store, Update};
use jiff::Timestamp;
use serde_json::json;

use crate::decide::verdict;
use crate::metrics::Metrics;
use crate::run;
use crate::world::{Notice, Verdict, VerdictPlan, VerdictWorld};

/// How often a patch of a PipelineRun is tried on a newer version before the key is put back.
pub const TRIES: usize = 5;

/// Carries plans out.
#[derive(Clone)]
pub struct Actor {
    /// The API server.
    pub context: Context,
    /// Snapshots.
    pub snapshots: Store<Snapshot>,
    /// Test PipelineRuns.
    pub runs: Store<PipelineRun>,
    /// Metrics.
    pub metrics: Metrics,
    /// PipelineRuns held too long (RR-B49).
    pub held_too_long: LeaderGauge,
}

impl Actor {
    /// Sets the conditions in one compare-and-swap of the status (W3). The decision is made anew on whatever version the
    /// API server has (RR-B35). Returns the plan that was carried out, if one was.
    pub async fn verdict(&self, world: &VerdictWorld, now: Timestamp) -> Result<Option<VerdictPlan>, ApiError> {
        let mut sent = None;
        let change = |newest: &Snapshot| {
            let plan = verdict::decide(&on(world, newest), now);
            let body = json!({ "status": { "conditions": plan.verdict.as_ref()?.conditions } });
            sent = Some(plan);
            Some(body)
        };
        let update = self.context.update(&self.snapshots, Arc::clone(&world.snapshot), Part::Status, change).await?;
        let Update::Written(snapshot) = update else { return Ok(None) };
        if let Some(verdict) = sent.as_ref().and_then(|plan| plan.verdict.as_ref()) {
            self.judged(&snapshot, verdict);
        }
        Ok(sent)
    }

    fn judged(&self, snapshot: &Snapshot, verdict: &Verdict) {
        if let Some(attempt) = verdict.attempt {
            self.metrics.attempt(attempt);
        }
        let namespace = snapshot.metadata.namespace.as_deref().unwrap_or_default();
        let name = snapshot.metadata.name.as_deref().unwrap_or_default();
        for setting in &verdict.set {
            tracing::info!(
                audit = "true",
                action = "UPDATE",
                namespace,
                name,
                controllerKind = "Snapshot",
                condition = setting.type_,
                status = setting.status,
                reason = setting.reason,
                "condition set"
            );
        }
    }

    /// Asks for a run of a scenario, unless somebody else asked for one meanwhile (RR-B28).
    pub async fn request_run(&self, world: &VerdictWorld, now: Timestamp) -> Result<(), ApiError> {
        let change = |newest: &Snapshot| {
            let scenario = verdict::decide(&on(world, newest), now).run_label?;
            Some(json!({ "metadata": { "labels": { keys::RUN: scenario } } }))
        };
        self.context.update(&self.snapshots, Arc::clone(&world.snapshot), Part::Metadata, change).await?;
        Ok(())
    }

    /// Takes the finalizer off one PipelineRun (W6, RR-B37). It belongs there no more whatever the newest version is:
    /// the result that names it is final. Returns whether it is off; it may not be where others write all the time.
    pub async fn release(&self, pipeline_run: &Arc<PipelineRun>) -> Result<bool, ApiError> {
        let mut newest = Arc::clone(pipeline_run);
        for _ in 0..TRIES {
            let patch = RunPatch::new().remove_finalizer(keys::PIPELINE_RUN_FINALIZER);
            match self.context.patch_json(&self.runs, &newest, patch).await? {
                Patched::Conflict(changed) if run::held(&changed) => newest = changed,
                // Somebody else took it off.
                Patched::Conflict(_) | Patched::Gone => return Ok(true),
                Patched::Written(_) => {
                    self.released(pipeline_run);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn released(&self, pipeline_run: &PipelineRun) {
        self.metrics.released("no_provider");
        tracing::info!(
            audit = "true",
            action = "UPDATE",
            namespace = pipeline_run.metadata.namespace.as_deref().unwrap_or_default(),
            name = run::name(pipeline_run),
            controllerKind = "PipelineRun",
            finalizer = keys::PIPELINE_RUN_FINALIZER,
            "finalizer removed"
        );
    }

    /// Writes Warning Events.
    pub async fn events(&self, snapshot: &Snapshot, runs: &[Arc<PipelineRun>], events: Vec<Notice>) {
        for Notice { run, reason, note } in events {
            match run {
                None => self.context.event(snapshot, EventType::Warning, reason, note).await,
                Some(name) => {
                    if let Some(run) = runs.iter().find(|run| run::name(run) == name) {
                        self.context.event(&**run, EventType::Warning, reason, note).await;
                    }
                }
            }
        }
    }
}

fn on(world: &VerdictWorld, newest: &Snapshot) -> VerdictWorld {
    VerdictWorld { snapshot: Arc::new(newest.clone()), ..world.clone() }
}
