//! What a reconcile tells: audit lines after success (TR-152, TR-B44), metrics (TR-B42), Events (TR-B43).

use integration_api::condition::{self, AUTO_RELEASED, INTEGRATION_STATUS, TEST_SUCCEEDED};
use integration_api::{Snapshot, keys};
use integration_core::snapshot;
use integration_runtime::{EventType, ObjectKey};
use jiff::Timestamp;
use kube::Resource;

use super::{Progress, Runner};
use crate::plan::Plan;

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
    pub(super) async fn told(&self, snapshot: &Snapshot, plan: &Plan, progress: &mut Progress) {
        let key = ObjectKey::of(snapshot);
        let (application, component_group) = (&snapshot.spec.application, &snapshot.spec.component_group);
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
            self.context.event(snapshot, kind, notice.reason, notice.note).await;
        }
    }
}

/// An object was created for a scenario or a ReleasePlan.
pub(super) fn audit_added<K: Resource<DynamicType = ()>>(object: &K, cause: &str) {
    let meta = object.meta();
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    tracing::info!(audit = "true", action = "ADD", namespace, name, controllerKind = %K::kind(&()), cause, "created");
}

fn audit_updated(snapshot: &Snapshot, what: &str) {
    let meta = &snapshot.metadata;
    let (namespace, name) = (meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default());
    let (application, component_group) = (&snapshot.spec.application, &snapshot.spec.component_group);
    tracing::info!(
        audit = "true",
        action = "UPDATE",
        namespace,
        name,
        controllerKind = "Snapshot",
        application,
        componentGroup = component_group,
        "{what}"
    );
}
