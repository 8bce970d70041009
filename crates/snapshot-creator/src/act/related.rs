//! Writes of other builds and Snapshots. A failed one is tried again later and stops nothing else (SC-B26).

use std::sync::Arc;

use integration_api::condition::{CANCELED, INTEGRATION_STATUS, TRUE};
use integration_api::{PipelineRun, Snapshot, condition, keys};
use integration_runtime::{ApiError, ErrorClass, EventType, Part, RunPatch, Update};
use serde_json::{Value, json};

use super::{Act, Outcomes, audit, seconds};
use crate::decide::{Action, merged, meta, notify, supersede};
use crate::observe::BY_PR_GROUP;

impl Act {
    /// Carries out one write of another object.
    pub(super) async fn relate(
        &self,
        build: &PipelineRun,
        action: Action,
        outcomes: &mut Outcomes,
    ) -> Result<(), ApiError> {
        let namespace = meta::namespace(build);
        let (target, result) = match action {
            Action::MarkMerged(snapshot) => {
                let change = |snapshot: &Snapshot| {
                    (meta::annotation(snapshot, keys::PR_STATUS) != Some(merged::MERGED))
                        .then(|| annotation(keys::PR_STATUS, merged::MERGED))
                };
                let result = self.change(namespace, &snapshot, Part::Metadata, change).await.map(|_| ());
                (format!("Snapshot {snapshot}"), result)
            }
            Action::TellSnapshot { snapshot, text } => {
                let result = self.tell_snapshot(namespace, &snapshot, &text).await;
                (format!("Snapshot {snapshot}"), result)
            }
            Action::TellBuild { build, text } => {
                (format!("PipelineRun {build}"), self.tell_build(namespace, &build, &text).await)
            }
            Action::Supersede { snapshot, message } => {
                let result = self.supersede(build, &snapshot, &message).await;
                if let Ok(true) = result {
                    outcomes.related.superseded.insert(snapshot.clone());
                }
                (format!("Snapshot {snapshot}"), result.map(|_| ()))
            }
            Action::PromoteComponent(_)
            | Action::PromoteInGroup { .. }
            | Action::CreateSnapshot(_)
            | Action::PatchBuild(_) => return Ok(()),
        };
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.class() == ErrorClass::NotLeader => Err(error),
            Err(error) => {
                tracing::warn!(namespace, build = meta::name(build), %error, "{target} not written; tried again");
                outcomes.related.failed.insert(target);
                outcomes.error = Some(error);
                Ok(())
            }
        }
    }

    /// One compare-and-swap of a Snapshot; one that is gone needs nothing. Returns it if it was changed.
    async fn change(
        &self,
        namespace: &str,
        name: &str,
        part: Part,
        change: impl FnMut(&Snapshot) -> Option<Value>,
    ) -> Result<Option<Arc<Snapshot>>, ApiError> {
        let Some(snapshot) = self.caches.snapshots.get(namespace, name) else { return Ok(None) };
        match self.context.update(&self.caches.snapshots, snapshot, part, change).await? {
            Update::Written(snapshot) => {
                audit("UPDATE", "Snapshot", &*snapshot, None);
                Ok(Some(snapshot))
            }
            Update::Unchanged(_) | Update::Gone => Ok(None),
        }
    }

    /// Three programs write this key; one that changed meanwhile is told only while it is the newest of its component.
    async fn tell_snapshot(&self, namespace: &str, name: &str, text: &str) -> Result<(), ApiError> {
        let change = |snapshot: &Snapshot| {
            let hash = meta::label(snapshot, keys::PR_GROUP_HASH)?;
            let group = self.caches.snapshots.lookup(BY_PR_GROUP, namespace, hash);
            let told = meta::annotation(snapshot, keys::CREATE_GROUP_SNAPSHOT_STATUS) == Some(text);
            (!told && notify::newest(snapshot, &group)).then(|| annotation(keys::CREATE_GROUP_SNAPSHOT_STATUS, text))
        };
        self.change(namespace, name, Part::Metadata, change).await.map(|_| ())
    }

    async fn tell_build(&self, namespace: &str, name: &str, text: &str) -> Result<(), ApiError> {
        let Some(build) = self.caches.builds.get(namespace, name) else { return Ok(()) };
        let patch = RunPatch::new().annotation(keys::CREATE_GROUP_SNAPSHOT_STATUS, text);
        // A build that is gone, or another one by now, is not told; the next round looks at what is there.
        self.context.patch_json(&self.caches.builds, &build, patch).await?;
        audit("UPDATE", "PipelineRun", &*build, None);
        Ok(())
    }

    /// Whether the condition was written. Tests may have ended, or a person may have intervened, since the decision.
    async fn supersede(&self, build: &PipelineRun, name: &str, message: &str) -> Result<bool, ApiError> {
        let now = self.context.now();
        let change = |snapshot: &Snapshot| {
            let mut conditions = snapshot.status.conditions.clone();
            let new = supersede::open(snapshot)
                && condition::set(&mut conditions, INTEGRATION_STATUS, TRUE, CANCELED, message, now);
            new.then(|| json!({ "status": { "conditions": conditions } }))
        };
        let Some(snapshot) = self.change(meta::namespace(build), name, Part::Status, change).await? else {
            return Ok(false);
        };
        let created = snapshot.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
        self.metrics.canceled_after(seconds(now.duration_since(created)));
        self.context.event(&*snapshot, EventType::Normal, "Superseded", message.to_owned()).await;
        Ok(true)
    }
}

fn annotation(key: &str, value: &str) -> Value {
    json!({ "metadata": { "annotations": { key: value } } })
}
