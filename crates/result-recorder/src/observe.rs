//! Where the facts come from: caches first, the API server only for what a decision asks for by name.

use std::sync::Arc;

use integration_api::{PipelineRun, Snapshot, TaskRun, condition, keys};
use integration_core::names;
use integration_runtime::{ApiError, Context, ObjectKey, Store};
use jiff::Timestamp;

use crate::decide::is_task_run;
use crate::world::{Need, Rules, SnapshotFact, World};

/// Index of test PipelineRuns by the name of their Snapshot.
pub const BY_SNAPSHOT: &str = "by_snapshot";

/// The sources of facts.
#[derive(Clone)]
pub struct Observer {
    /// The API server.
    pub context: Context,
    /// Test PipelineRuns.
    pub runs: Store<PipelineRun>,
    /// Snapshots.
    pub snapshots: Store<Snapshot>,
    /// Settings.
    pub rules: Arc<Rules>,
}

impl Observer {
    /// One Snapshot with its test PipelineRuns, from the caches alone.
    pub fn snapshot(&self, key: &ObjectKey) -> World {
        let snapshot = self.snapshots.get(&key.namespace, &key.name);
        World {
            name: key.name.to_string(),
            snapshot: snapshot.map_or(SnapshotFact::Unknown, SnapshotFact::Cached),
            runs: self.runs.lookup(BY_SNAPSHOT, &key.namespace, &key.name),
            rules: Arc::clone(&self.rules),
            ..World::default()
        }
    }

    /// One PipelineRun without a usable label.
    pub fn stray(&self, key: &ObjectKey) -> World {
        let runs = self.runs.get(&key.namespace, &key.name).into_iter().collect();
        World { runs, rules: Arc::clone(&self.rules), ..World::default() }
    }

    /// Fetches one fact into the world.
    pub async fn fetch(&self, key: &ObjectKey, need: &Need, world: &mut World) -> Result<(), ApiError> {
        match need {
            Need::Snapshot => {
                let found = self.context.get(&self.snapshots, &key.namespace, &key.name).await?;
                world.snapshot = found.map_or(SnapshotFact::Gone, SnapshotFact::Confirmed);
            }
            Need::TaskRuns(run) => {
                let known = world.runs.iter().find(|known| known.metadata.name.as_ref() == Some(run));
                let task_runs = self.task_runs(&key.namespace, run, known.map(|known| &**known)).await?;
                world.task_runs.insert(run.clone(), Arc::new(task_runs));
            }
            Need::Run(run) => {
                // Not through the cache: that one selects by label, and this name comes from an annotation.
                let found = self.context.get_raw::<PipelineRun>(&key.namespace, run).await?;
                world.other_runs.insert(run.clone(), found.map(|object| creation(&object)));
            }
        }
        Ok(())
    }

    /// The TaskRuns of a finished PipelineRun. What ended does not change any more, so a list that may be a little old
    /// is enough once it shows the end of each of them; otherwise the newest state is asked for (RR-B5).
    async fn task_runs(
        &self,
        namespace: &str,
        name: &str,
        run: Option<&PipelineRun>,
    ) -> Result<Vec<TaskRun>, ApiError> {
        let selector = format!("{}={}", keys::TEKTON_PIPELINE_RUN, names::label_value(name));
        let recent = self.context.list_recent::<TaskRun>(namespace, &selector).await?;
        if run.is_some_and(|run| all_ended(run, &recent)) {
            return Ok(recent);
        }
        self.context.list::<TaskRun>(namespace, &selector).await
    }
}

/// Whether every TaskRun that the PipelineRun refers to is there, belongs to it and has ended.
fn all_ended(run: &PipelineRun, task_runs: &[TaskRun]) -> bool {
    let ended = |task_run: &TaskRun| {
        let owners = task_run.metadata.owner_references.iter().flatten();
        let ours = owners.map(|owner| Some(&owner.uid)).any(|uid| uid == run.metadata.uid.as_ref());
        let succeeded = condition::find(&task_run.status.conditions, condition::SUCCEEDED);
        ours && succeeded.is_some_and(|condition| condition.status != condition::UNKNOWN)
    };
    run.status.child_references.iter().filter(|child| is_task_run(child)).all(|child| {
        task_runs.iter().any(|task_run| task_run.metadata.name.as_ref() == Some(&child.name) && ended(task_run))
    })
}

fn creation(object: &serde_json::Value) -> Timestamp {
    let text = object.pointer("/metadata/creationTimestamp").and_then(serde_json::Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or(Timestamp::MIN)
}
