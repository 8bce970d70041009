//! Carries out plans, action by action, through the runtime's safe writes.

use std::sync::Arc;

use integration_api::{Application, Component, Snapshot, keys};
use integration_runtime::{ApiError, Context, Created, EventType, Patched, RunPatch};

use crate::decide::{NewSnapshot, Notice, made_for, meta};
use crate::observe::Caches;

/// How often a finalizer is tried on a newer version before the key is put back.
const TRIES: usize = 5;

/// What actions work with.
#[derive(Clone)]
pub(crate) struct Actor {
    /// The cluster.
    pub context: Context,
    /// Responses go here.
    pub caches: Caches,
}

/// What became of a finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is as it should be.
    Done,
    /// Others wrote all the time.
    Busy,
}

impl Actor {
    /// Adds the finalizer to a living Component (AR-6). A patch that tests the list it replaces loses no finalizer of
    /// anybody else (AR-X2).
    pub async fn hold(&self, component: &Arc<Component>) -> Result<Outcome, ApiError> {
        let patch = RunPatch::new().add_finalizer(keys::COMPONENT_FINALIZER);
        let owed = |component: &Component| !meta::terminating(component) && !meta::held(component);
        let outcome = self.patch(component, patch, owed).await?;
        if outcome == Some(true) {
            audit("UPDATE", "Component", &**component, "finalizer");
        }
        Ok(outcome.map_or(Outcome::Busy, |_| Outcome::Done))
    }

    /// Takes the finalizer off (AR-12).
    pub async fn release(&self, component: &Arc<Component>) -> Result<Outcome, ApiError> {
        let patch = RunPatch::new().remove_finalizer(keys::COMPONENT_FINALIZER);
        let outcome = self.patch(component, patch, meta::held).await?;
        if outcome == Some(true) {
            audit("DELETE", "Component", &**component, "finalizer");
        }
        Ok(outcome.map_or(Outcome::Busy, |_| Outcome::Done))
    }

    /// `true` = written, `false` = nothing to do, `None` = others write all the time.
    async fn patch(
        &self,
        component: &Arc<Component>,
        patch: RunPatch,
        owed: impl Fn(&Component) -> bool,
    ) -> Result<Option<bool>, ApiError> {
        let mut newest = Arc::clone(component);
        for _ in 0..TRIES {
            match self.context.patch_json(&self.caches.components, &newest, patch.clone()).await? {
                Patched::Written(_) => return Ok(Some(true)),
                Patched::Conflict(changed) if owed(&changed) => newest = changed,
                Patched::Conflict(_) | Patched::Gone => return Ok(Some(false)),
            }
        }
        Ok(None)
    }

    /// Creates the Snapshot (AR-10). `None` if its name belongs to something else.
    pub async fn create(
        &self,
        application: &Application,
        snapshot: &NewSnapshot,
    ) -> Result<Option<Arc<Snapshot>>, ApiError> {
        let created = self.context.create_once(&self.caches.snapshots, &snapshot.body).await?;
        // No watch keeps this store in order, so it keeps nothing.
        self.caches.snapshots.forget(meta::namespace(application), &snapshot.name, None);
        Ok(match created {
            Created::New(created) => {
                audit("ADD", "Snapshot", &*created, "created");
                Some(created)
            }
            Created::Exists(existing) => of_the_same_cause(&existing, application, snapshot).then_some(existing),
        })
    }

    /// Sends an Event about the Application.
    pub async fn tell(&self, application: &Application, notice: Notice) {
        let kind = if notice.warning { EventType::Warning } else { EventType::Normal };
        self.context.event(application, kind, notice.reason, notice.note).await;
    }
}

/// API-270: the same Application is its controller, and it was made for the same Components.
fn of_the_same_cause(existing: &Snapshot, application: &Application, wanted: &NewSnapshot) -> bool {
    let references = existing.metadata.owner_references.iter().flatten();
    let mut controllers = references.filter(|reference| reference.controller == Some(true));
    controllers.any(|reference| reference.uid == meta::uid(application)) && made_for(existing).eq(&wanted.deleted)
}

/// The audit line of a change that was made.
fn audit<K: kube::Resource<DynamicType = ()>>(action: &'static str, kind: &'static str, object: &K, key: &'static str) {
    tracing::info!(
        audit = "true",
        action,
        namespace = meta::namespace(object),
        name = meta::name(object),
        controllerKind = kind,
        key,
        "object changed"
    );
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    // API-270
    #[test]
    fn api_270_a_snapshot_of_another_cause_is_not_taken_for_ours() {
        let application: Application =
            serde_json::from_value(json!({"metadata": {"name": "app", "uid": "a"}})).unwrap();
        let wanted =
            NewSnapshot { name: "s".to_owned(), deleted: vec!["u1".to_owned(), "u2".to_owned()], body: Value::Null };
        let same = |uid: &str, controller: bool, deleted: &str| {
            let existing: Snapshot = serde_json::from_value(json!({"metadata": {
                "name": "s", "annotations": {keys::DELETED_COMPONENTS: deleted},
                "ownerReferences": [{"apiVersion": "v1", "kind": "Application", "name": "app", "uid": uid, "controller": controller}],
            }}))
            .unwrap();
            of_the_same_cause(&existing, &application, &wanted)
        };
        assert!(same("a", true, "u1,u2"));
        assert!(!same("b", true, "u1,u2"), "of a former Application of that name");
        assert!(!same("a", false, "u1,u2"), "not its controller");
        assert!(!same("a", true, "u1"), "for other Components");
    }
}
