//! Writes of other builds and Snapshots. A failed one is tried again later and stops nothing else (SC-B26).

use std::sync::Arc;

use integration_api::condition::{CANCELED, INTEGRATION_STATUS, TRUE};
use integration_api::{PipelineRun, Snapshot, condition, keys};
use integration_runtime::{ApiError, ErrorClass, EventType, Part, Patched, RunPatch, Update};
use kube::Resource;
use serde_json::{Value, json};

use super::{Act, Outcomes, audit, seconds};
use crate::decide::{Action, World, merged, meta, notify, supersede};
use crate::observe::BY_PR_GROUP;

impl Act {
    /// Carries out one write of another object, as the world knows it.
    pub(super) async fn relate(&self, world: &World, action: Action, outcomes: &mut Outcomes) -> Result<(), ApiError> {
        let Some(build) = world.build.as_deref() else { return Ok(()) };
        let (target, result) = match action {
            Action::MarkMerged(name) => {
                let result = self.mark_merged(found(&world.pull_request.snapshots, &name)).await;
                (format!("Snapshot {name}"), result)
            }
            Action::TellSnapshot { snapshot: name, text } => {
                let target = format!("Snapshot {name}");
                let result = self.tell_snapshot(found(&world.group.snapshots, &name), &text).await;
                (target.clone(), result.map(|()| drop(outcomes.related.told.insert(target, text))))
            }
            Action::TellBuild { build: name, text } => {
                let target = format!("PipelineRun {name}");
                let result = self.tell_build(found(&world.group.builds, &name), &text).await;
                let told = |told| {
                    if told {
                        outcomes.related.told.insert(target.clone(), text);
                    }
                };
                (target.clone(), result.map(told))
            }
            Action::Supersede { snapshot: name, message } => {
                let result = self.supersede(found(&world.pull_request.snapshots, &name), &message).await;
                let target = format!("status of Snapshot {name}");
                let marked = |marked| {
                    if marked {
                        outcomes.related.superseded.insert(name);
                    }
                };
                (target, result.map(marked))
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
                let (namespace, build) = (meta::namespace(build), meta::name(build));
                tracing::warn!(namespace, build, %error, "{target} not written; tried again");
                outcomes.related.failed.insert(target);
                outcomes.error = Some(error);
                Ok(())
            }
        }
    }

    /// One compare-and-swap of a Snapshot; one that is gone, or another one by now, needs nothing. Returns it if it was
    /// changed.
    async fn change(
        &self,
        snapshot: Option<&Arc<Snapshot>>,
        part: Part,
        change: impl FnMut(&Snapshot) -> Option<Value>,
    ) -> Result<Option<Arc<Snapshot>>, ApiError> {
        let Some(snapshot) = snapshot else { return Ok(None) };
        match self.context.update(&self.caches.snapshots, Arc::clone(snapshot), part, change).await? {
            Update::Written(snapshot) => {
                audit("UPDATE", "Snapshot", &*snapshot, None);
                Ok(Some(snapshot))
            }
            Update::Unchanged(_) | Update::Gone => Ok(None),
        }
    }

    async fn mark_merged(&self, snapshot: Option<&Arc<Snapshot>>) -> Result<(), ApiError> {
        let change = |snapshot: &Snapshot| {
            (meta::annotation(snapshot, keys::PR_STATUS) != Some(merged::MERGED))
                .then(|| annotation(keys::PR_STATUS, merged::MERGED))
        };
        self.change(snapshot, Part::Metadata, change).await.map(|_| ())
    }

    /// Three programs write this key; one that changed since the decision is told only while it is the newest of its
    /// component.
    async fn tell_snapshot(&self, snapshot: Option<&Arc<Snapshot>>, text: &str) -> Result<(), ApiError> {
        let decided_on = snapshot.and_then(|snapshot| snapshot.metadata.resource_version.clone());
        let change = |newest: &Snapshot| {
            if meta::annotation(newest, keys::CREATE_GROUP_SNAPSHOT_STATUS) == Some(text) {
                return None;
            }
            if newest.metadata.resource_version != decided_on {
                let hash = meta::label(newest, keys::PR_GROUP_HASH)?;
                let group = self.caches.snapshots.lookup(BY_PR_GROUP, meta::namespace(newest), hash);
                if !notify::newest(newest, &group) {
                    return None;
                }
            }
            Some(annotation(keys::CREATE_GROUP_SNAPSHOT_STATUS, text))
        };
        self.change(snapshot, Part::Metadata, change).await.map(|_| ())
    }

    /// Whether the build was told, or needs nothing any more.
    async fn tell_build(&self, build: Option<&Arc<PipelineRun>>, text: &str) -> Result<bool, ApiError> {
        let Some(build) = build else { return Ok(true) };
        let patch = RunPatch::new().annotation(keys::CREATE_GROUP_SNAPSHOT_STATUS, text);
        Ok(match self.context.patch_json(&self.caches.builds, build, patch).await? {
            Patched::Written(_) => {
                audit("UPDATE", "PipelineRun", &**build, None);
                true
            }
            // The newest version is in the cache; the next round decides on it.
            Patched::Conflict(_) => false,
            Patched::Gone => true,
        })
    }

    /// Whether the condition was written. Tests may have ended, or a person may have intervened, since the decision.
    async fn supersede(&self, snapshot: Option<&Arc<Snapshot>>, message: &str) -> Result<bool, ApiError> {
        let now = self.context.now();
        let change = |snapshot: &Snapshot| {
            let mut conditions = snapshot.status.conditions.clone();
            let new = supersede::open(snapshot)
                && condition::set(&mut conditions, INTEGRATION_STATUS, TRUE, CANCELED, message, now);
            new.then(|| json!({ "status": { "conditions": conditions } }))
        };
        let Some(snapshot) = self.change(snapshot, Part::Status, change).await? else { return Ok(false) };
        let created = snapshot.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
        self.metrics.canceled_after(seconds(now.duration_since(created)));
        self.context.event(&*snapshot, EventType::Normal, "Superseded", message.to_owned()).await;
        Ok(true)
    }
}

fn found<'a, K: Resource>(objects: &'a [Arc<K>], name: &str) -> Option<&'a Arc<K>> {
    objects.iter().find(|object| meta::name(&***object) == name)
}

fn annotation(key: &str, value: &str) -> Value {
    json!({ "metadata": { "annotations": { key: value } } })
}
