//! Carries a plan out: one patch of the status, and Events about what it drops.

use std::sync::Arc;

use integration_api::ComponentGroup;
use integration_runtime::{ApiError, Context, EventType, ObjectKey, Part, Store, Update};

use crate::decide::{Plan, decide};

/// What actions work with.
#[derive(Clone)]
pub(crate) struct Actor {
    /// The cluster.
    pub context: Context,
    /// Responses go here.
    pub groups: Store<ComponentGroup>,
}

impl Actor {
    /// Writes list and condition, decided anew on the newest version each time somebody else was faster (D-7, GA-X4).
    pub async fn carry_out(&self, group: Arc<ComponentGroup>, plan: Plan) -> Result<(), ApiError> {
        // Before the write: once it is done, nothing tells what was in the list, and the process may end in between. An
        // Event is stored once, however often it is sent.
        self.tell(&group, &plan).await;
        let now = self.context.now();
        let mut sent = Plan::default();
        let change = |newest: &ComponentGroup| {
            sent = decide(newest, now);
            sent.patch()
        };
        if let Update::Written(group) = self.context.update(&self.groups, group, Part::Status, change).await? {
            self.tell(&group, &sent).await;
            self.record(&group, &sent);
        }
        Ok(())
    }

    async fn tell(&self, group: &ComponentGroup, plan: &Plan) {
        for notice in &plan.events {
            let kind = if notice.warning { EventType::Warning } else { EventType::Normal };
            self.context.event(group, kind, notice.reason, notice.note.clone()).await;
        }
    }

    /// The audit line of the write and one for each entry that went (GA-X13).
    fn record(&self, group: &ComponentGroup, plan: &Plan) {
        let key = ObjectKey::of(group);
        let (namespace, name) = (&*key.namespace, &*key.name);
        for because in &plan.because {
            self.context.decision(because.decision, because.reason);
        }
        let reasons: Vec<_> = plan.because.iter().map(|because| because.reason).collect();
        tracing::info!(
            audit = "true",
            action = "UPDATE",
            namespace,
            name,
            controllerKind = "ComponentGroup",
            ?reasons,
            "global candidate list or condition written"
        );
        for dropped in &plan.dropped {
            tracing::info!(
                audit = "true",
                action = "DELETE",
                namespace,
                name,
                controllerKind = "ComponentGroup",
                component = dropped.name,
                version = dropped.version,
                image = dropped.image,
                reason = dropped.reason,
                "entry of the global candidate list dropped"
            );
        }
    }
}
