//! Where the facts come from: caches first, the API server only for what a decision asks for by name.

use std::sync::Arc;

use integration_api::{PipelineRun, Snapshot, TaskRun, keys};
use integration_core::names;
use integration_runtime::{ApiError, Context, ObjectKey, Store};
use jiff::Timestamp;

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
                let selector = format!("{}={}", keys::TEKTON_PIPELINE_RUN, names::label_value(run));
                let task_runs = self.context.list::<TaskRun>(&key.namespace, &selector).await?;
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
}

fn creation(object: &serde_json::Value) -> Timestamp {
    let text = object.pointer("/metadata/creationTimestamp").and_then(serde_json::Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or(Timestamp::MIN)
}
