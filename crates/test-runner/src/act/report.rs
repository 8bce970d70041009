//! What a reconcile tells: audit lines after success (TR-152, TR-B44), metrics (TR-B42), Events (TR-B43).

use integration_api::condition::{self, AUTO_RELEASED, INTEGRATION_STATUS, TEST_SUCCEEDED};
use integration_api::{Snapshot, keys};
use integration_core::snapshot;
use integration_runtime::{EventType, ObjectKey};
use jiff::Timestamp;
use kube::Resource;

use super::{Progress, Runner};
use crate::plan::Plan;
use crate::tries::Target;
use crate::world::World;

impl Runner {
    /// The metadata patch was accepted.
    pub(super) fn told_metadata(&self, snapshot: &Snapshot, plan: &Plan) {
        for _ in plan.reasons.iter().filter(|reason| (reason.decision, reason.reason) == ("test", "vanished")) {
            self.metrics.vanished();
        }
        if plan.metadata.owner_references.is_some() {
            audit_updated(snapshot, "the owner reference was added");
        }
        if plan.metadata.annotations.contains_key(keys::TEST_STATUS) {
            audit_updated(snapshot, "the test status was written");
        }
    }

    /// The status patch was accepted.
    pub(super) fn told_conditions(&self, before: &Snapshot, snapshot: &Snapshot, plan: &Plan, now: Timestamp) {
        for change in &plan.conditions {
            let Some(to) = &change.to else {
                audit_updated(snapshot, "the Invalid mark was removed");
                continue;
            };
            match (change.type_, to.reason) {
                (INTEGRATION_STATUS, condition::IN_PROGRESS) if snapshot::integration_condition(before).is_none() => {
                    self.metrics.started(snapshot, now);
                }
                (INTEGRATION_STATUS, condition::INVALID) => self.metrics.invalid(),
                (TEST_SUCCEEDED, condition::PASSED) => self.metrics.passed(snapshot, now),
                (AUTO_RELEASED, _) => self.released(before, plan, now),
                _ => {}
            }
            audit_updated(snapshot, &format!("condition {} is {}/{}", change.type_, to.status, to.reason));
        }
    }

    fn released(&self, before: &Snapshot, plan: &Plan, now: Timestamp) {
        let decisions = || plan.reasons.iter().filter(|reason| reason.decision == "release");
        for decision in decisions() {
            self.metrics.release_decision(decision.reason);
        }
        let verdict = snapshot::tests_condition(before).and_then(condition::Condition::transition_time);
        if let Some(verdict) = verdict.filter(|_| decisions().any(|decision| decision.reason == "created")) {
            self.metrics.released(verdict, now);
        }
    }

    /// All writes are done: the reasons of the plan, and the Events.
    pub(super) async fn told(&self, world: &World, plan: &Plan, progress: &mut Progress) {
        let snapshot = &*world.snapshot;
        let key = ObjectKey::of(snapshot);
        let (application, component_group) = owner(snapshot);
        for reason in &plan.reasons {
            self.context.decision(reason.decision, reason.reason);
            let about = &reason.about;
            if reason.decision == "left_alone" && progress.notices.iter().any(|notice| notice.reason == "LeftAlone") {
                tracing::info!(snapshot = %key, application, componentGroup = component_group, reason = reason.reason, about, "left alone");
            } else {
                tracing::debug!(snapshot = %key, application, componentGroup = component_group, decision = reason.decision, reason = reason.reason, about, "decided");
            }
        }
        for notice in std::mem::take(&mut progress.notices) {
            let kind = if notice.warning { EventType::Warning } else { EventType::Normal };
            match &notice.about {
                Some(Target::Run(name)) => {
                    for scenario in world.scenarios.iter().filter(|object| object.metadata.name.as_ref() == Some(name))
                    {
                        self.context.event(&**scenario, kind, notice.reason, notice.note.clone()).await;
                    }
                }
                Some(Target::Release(name)) => {
                    for release_plan in world.plans.iter().filter(|object| object.metadata.name.as_ref() == Some(name))
                    {
                        self.context.event(&**release_plan, kind, notice.reason, notice.note.clone()).await;
                    }
                }
                None => {}
            }
            self.context.event(snapshot, kind, notice.reason, notice.note).await;
        }
    }
}

/// An object was created for a scenario or a ReleasePlan of the Snapshot.
pub(super) fn audit_added<K: Resource<DynamicType = ()>>(snapshot: &Snapshot, object: &K, cause: &str) {
    let (application, component_group) = owner(snapshot);
    let ObjectKey { namespace, name } = ObjectKey::of(object);
    tracing::info!(
        audit = "true", action = "ADD", %namespace, %name, controllerKind = %K::kind(&()),
        snapshot = %ObjectKey::of(snapshot), application, componentGroup = component_group, cause, "created"
    );
}

fn audit_updated(snapshot: &Snapshot, what: &str) {
    let (application, component_group) = owner(snapshot);
    let ObjectKey { namespace, name } = ObjectKey::of(snapshot);
    tracing::info!(
        audit = "true", action = "UPDATE", %namespace, %name, controllerKind = "Snapshot",
        snapshot = %ObjectKey::of(snapshot), application, componentGroup = component_group, "{what}"
    );
}

/// Application and ComponentGroup of a Snapshot as log fields, `namespace/name` each (TR-151).
pub(super) fn owner(snapshot: &Snapshot) -> (Option<String>, Option<String>) {
    let namespace = snapshot.metadata.namespace.as_deref().unwrap_or_default();
    let field = |name: &str| (!name.is_empty()).then(|| format!("{namespace}/{name}"));
    (field(&snapshot.spec.application), field(&snapshot.spec.component_group))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use serde_json::{Value, json};

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(tell: impl FnOnce()) -> Value {
        let log = Log::default();
        let writer = log.clone();
        let subscriber =
            tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, tell);
        let bytes = log.0.lock().unwrap().clone();
        serde_json::from_slice(&bytes).unwrap()
    }

    // TR-151, TR-152, TR-B44, API-263
    #[test]
    fn tr_152_audit_lines_name_the_object_and_what_changed() {
        let snapshot: Snapshot = serde_json::from_value(json!({
            "metadata": { "name": "s", "namespace": "team" }, "spec": { "application": "app" } }))
        .unwrap();
        let updated = logged(|| audit_updated(&snapshot, "the test status was written"));
        for (key, value) in [
            ("audit", "true"),
            ("action", "UPDATE"),
            ("namespace", "team"),
            ("name", "s"),
            ("controllerKind", "Snapshot"),
            ("snapshot", "team/s"),
            ("application", "team/app"),
            ("message", "the test status was written"),
        ] {
            assert_eq!(updated[key], value, "{key}");
        }
        assert_eq!(updated.get("componentGroup"), None);
        let release: integration_api::Release =
            serde_json::from_value(json!({ "metadata": { "name": "r", "namespace": "team" } })).unwrap();
        let added = logged(|| audit_added(&snapshot, &release, "rp"));
        assert_eq!(
            (&added["action"], &added["controllerKind"], &added["cause"]),
            (&json!("ADD"), &json!("Release"), &json!("rp"))
        );
    }
}
