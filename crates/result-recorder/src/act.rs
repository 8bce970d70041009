//! Carries plans out.

use std::sync::Arc;

use integration_api::test_status::WarningWireName;
use integration_api::{PipelineRun, Snapshot, keys};
use integration_runtime::metrics::LeaderGauge;
use integration_runtime::{ApiError, Context, ErrorClass, EventType, Part, Patched, RunPatch, Store, Update};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::decide::decide;
use crate::metrics::Metrics;
use crate::run;
use crate::world::{Notice, Plan, Record, RunPatchPlan, SnapshotFact, World};

/// Carries plans out.
#[derive(Clone)]
pub struct Actor {
    /// The API server.
    pub context: Context,
    /// Test PipelineRuns.
    pub runs: Store<PipelineRun>,
    /// Snapshots.
    pub snapshots: Store<Snapshot>,
    /// Metrics.
    pub metrics: Metrics,
    /// PipelineRuns held too long (RR-B49).
    pub held_too_long: LeaderGauge,
}

/// Events to write when all patches are out.
pub type Events = Vec<(EventType, Notice)>;

impl Actor {
    /// Writes the record (W1). The decision is made anew on whatever version the API server has (RR-B2); the world
    /// afterwards holds the Snapshot as the response shows it.
    pub async fn record(&self, world: &mut World, now: Timestamp, events: &mut Events) -> Result<(), ApiError> {
        let Some(start) = world.snapshot.get().cloned() else { return Ok(()) };
        let error = match self.try_record(world, &start, now, usize::MAX, events).await {
            Err((error, size)) if too_large(&error) => {
                match self.try_record(world, &start, now, size / 2, events).await {
                    Err((error, _)) if too_large(&error) => {
                        world.unwritable = true;
                        return Ok(());
                    }
                    other => other,
                }
            }
            other => other,
        };
        error.map_err(|(error, _)| error)
    }

    /// One compare-and-swap with an array of at most `limit` bytes. An error comes with the size that was tried.
    async fn try_record(
        &self,
        world: &mut World,
        start: &Arc<Snapshot>,
        now: Timestamp,
        limit: usize,
        events: &mut Events,
    ) -> Result<(), (ApiError, usize)> {
        let mut sent = None;
        let mut size = 0;
        let written = self.context.update(&self.snapshots, Arc::clone(start), Part::Metadata, |newest| {
            let fact = SnapshotFact::Cached(Arc::new(newest.clone()));
            let mut plan = decide(&World { snapshot: fact, ..world.clone() }, now);
            let record = plan.record.take()?;
            let text = record.array.to_annotation_within(world.rules.warning, record.limit.min(limit));
            size = text.len();
            let body = patch(&record, text);
            sent = Some((plan, record));
            Some(body)
        });
        match written.await.map_err(|error| (error, size))? {
            Update::Written(snapshot) => {
                world.snapshot = SnapshotFact::Confirmed(snapshot);
                if let Some((plan, record)) = sent {
                    self.recorded(plan, record, events);
                }
            }
            Update::Unchanged(snapshot) => world.snapshot = SnapshotFact::Cached(snapshot),
            Update::Gone => world.snapshot = SnapshotFact::Unknown,
        }
        Ok(())
    }

    fn recorded(&self, plan: Plan, record: Record, events: &mut Events) {
        for change in &record.changes {
            let status = change.status.wire(WarningWireName::TestWarning);
            self.metrics.recorded(status);
            self.context.decision("recorded", "outcome");
            tracing::info!(
                scenario = change.scenario,
                pipelineRun = change.run,
                status,
                details = change.details,
                "test state recorded"
            );
        }
        if record.corrupt.is_some() {
            self.metrics.rebuilt();
        }
        events.extend(plan.events.into_iter().map(|event| (EventType::Warning, event)));
        if let Some(note) = record.summary {
            events.push((EventType::Normal, Notice { run: None, reason: "TestResultRecorded", note }));
        }
    }

    /// Patches one PipelineRun (W2). Returns its newest version when that has to be decided on again.
    pub async fn patch_run(
        &self,
        run: &Arc<PipelineRun>,
        plan: &RunPatchPlan,
    ) -> Result<Option<Arc<PipelineRun>>, ApiError> {
        let mut patch = RunPatch::new();
        if let Some(url) = &plan.log_url {
            patch = patch.annotation(keys::LOG_URL, url);
        }
        if plan.release.is_some() {
            patch = patch.remove_finalizer(keys::PIPELINE_RUN_FINALIZER);
        }
        match self.context.patch_json(&self.runs, run, patch).await? {
            Patched::Conflict(newest) => return Ok(Some(newest)),
            Patched::Written(_) => self.patched(run, plan),
            // Gone is as good as released (RR-B13).
            Patched::Gone => {}
        }
        Ok(None)
    }

    /// Audit log (RR-55, RR-64).
    fn patched(&self, run: &PipelineRun, plan: &RunPatchPlan) {
        let (namespace, name) = (run.metadata.namespace.as_deref().unwrap_or_default(), run::name(run));
        if let Some(cause) = plan.release {
            self.metrics.released(cause.label());
            let finalizer = keys::PIPELINE_RUN_FINALIZER;
            tracing::info!(
                audit = "true",
                action = "UPDATE",
                namespace,
                name,
                controllerKind = "PipelineRun",
                finalizer,
                cause = cause.label(),
                "finalizer removed"
            );
        }
        if let Some(url) = &plan.log_url {
            tracing::info!(
                audit = "true",
                action = "UPDATE",
                namespace,
                name,
                controllerKind = "PipelineRun",
                url,
                "log URL repaired"
            );
        }
    }

    /// Writes Events.
    pub async fn events(&self, world: &World, events: Events) {
        for (type_, event) in events {
            let Notice { run, reason, note } = event;
            match run {
                Some(name) => {
                    if let Some(run) = world.runs.iter().find(|run| run::name(run) == name) {
                        self.context.event(&**run, type_, reason, note).await;
                    }
                }
                None => {
                    if let Some(snapshot) = world.snapshot.get() {
                        self.context.event(&**snapshot, type_, reason, note).await;
                    }
                }
            }
        }
    }
}

/// The merge patch of a record.
fn patch(record: &Record, text: String) -> Value {
    let mut annotations = Map::new();
    annotations.insert(keys::TEST_STATUS.to_owned(), text.into());
    if let Some(corrupt) = &record.corrupt {
        annotations.insert(keys::STATUS_CORRUPT.to_owned(), corrupt.as_str().into());
    }
    json!({ "metadata": { "annotations": annotations } })
}

/// The server refuses the object because its annotations are too large together (RR-B10).
fn too_large(error: &ApiError) -> bool {
    match error.class() {
        ErrorClass::TooLarge => true,
        ErrorClass::Invalid => error.cause().contains("annotations"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use integration_api::test_status::StatusArray;

    use super::*;

    // RR-14, RR-B15
    #[test]
    fn rr_14_a_patch_names_only_the_keys_it_changes() {
        let record =
            Record { changes: Vec::new(), array: StatusArray::default(), limit: 100, corrupt: None, summary: None };
        let body = patch(&record, "[]".to_owned());
        assert_eq!(body, json!({"metadata": {"annotations": {"test.appstudio.openshift.io/status": "[]"}}}));
        let body = patch(&Record { corrupt: Some("{}".to_owned()), ..record }, "[]".to_owned());
        let annotations = json!({
            "test.appstudio.openshift.io/status": "[]",
            "test.appstudio.openshift.io/status-corrupt": "{}",
        });
        assert_eq!(body, json!({"metadata": {"annotations": annotations}}));
    }
}
