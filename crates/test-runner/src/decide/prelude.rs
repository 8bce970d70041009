//! Owner of the Snapshot (TR-29 … TR-31, TR-B36, TR-B37, TR-B41, D-29).

use integration_api::Snapshot;
use integration_api::condition::{self, INTEGRATION_STATUS};
use integration_core::owner::Owner;
use integration_core::snapshot;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::Value;

use super::conditions;
use crate::plan::Plan;
use crate::world::{Question, World};

/// The owner, when there is exactly one and it exists; else nothing else may happen to the Snapshot.
///
/// A missing owner makes the Snapshot Invalid, after a live read confirmed it; when it appears, the condition goes.
pub(super) fn decide(world: &World, plan: &mut Plan) -> Option<Owner> {
    let snapshot = &*world.snapshot;
    match owner(world, plan)? {
        Ok((owner, uid)) => {
            if condition::find(&snapshot.status.conditions, INTEGRATION_STATUS)
                .is_some_and(|found| found.reason == condition::INVALID)
            {
                plan.remove_condition(INTEGRATION_STATUS);
                plan.because("owner", "appeared", owner.name.clone());
            } else if !snapshot::valid(snapshot) {
                plan.because("nothing", "invalid", "");
                return None;
            }
            plan.metadata.owner_references = with_controller(snapshot, &owner, &uid);
            Some(owner)
        }
        Err(problem) => {
            plan.because("owner", "missing", "");
            if markable(snapshot) {
                plan.condition(INTEGRATION_STATUS, condition::FALSE, condition::INVALID, &problem);
                plan.notice(true, "OwnerMissing", problem);
            }
            None
        }
    }
}

/// The owner and its uid, or what is wrong with it. `None` while that is not known.
fn owner(world: &World, plan: &mut Plan) -> Option<Result<(Owner, String), String>> {
    let snapshot = &*world.snapshot;
    let spec = &snapshot.spec;
    if !spec.application.is_empty() && !spec.component_group.is_empty() {
        return Some(Err(format!(
            "The Snapshot names two owners, Application {:?} and ComponentGroup {:?}; exactly one is allowed. Create a Snapshot with one owner.",
            spec.application, spec.component_group
        )));
    }
    let Some(owner) = Owner::of_snapshot(spec) else {
        return Some(Err("The Snapshot names neither an Application nor a ComponentGroup as its owner. Create a Snapshot with one owner.".to_owned()));
    };
    if let Some(object) = &world.owner {
        return Some(Ok((owner, object.uid.clone())));
    }
    match world.facts.owner {
        Some(false) => Some(Err(format!(
            "The {} {:?} that owns this Snapshot does not exist. Create it and try again: the Snapshot is tested as soon as it exists.",
            owner.kind, owner.name
        ))),
        Some(true) => {
            plan.because("nothing", "owner_not_in_cache", owner.name);
            None
        }
        None => {
            plan.because("nothing", "owner_unknown", owner.name);
            if markable(snapshot) {
                plan.ask.insert(Question::Owner);
            }
            None
        }
    }
}

/// Whether the Invalid mark could be set: only then is a live read worth its cost.
fn markable(snapshot: &Snapshot) -> bool {
    let current = snapshot::integration_condition(snapshot);
    conditions::may_become(current, condition::INVALID) && !snapshot::auto_released(snapshot)
}

/// The owner references with the owner as controller, unless there is a controller already, whoever it is (TR-31).
fn with_controller(snapshot: &Snapshot, owner: &Owner, uid: &str) -> Option<Vec<Value>> {
    let references = snapshot.metadata.owner_references.as_deref().unwrap_or_default();
    if references.iter().any(|reference| reference.controller == Some(true)) {
        return None;
    }
    let controller = owner.reference(uid);
    let same = |reference: &OwnerReference| {
        let group = |version: &str| version.split_once('/').map_or(String::new(), |(group, _)| group.to_owned());
        controller.get("kind").and_then(Value::as_str) == Some(&reference.kind)
            && controller.get("name").and_then(Value::as_str) == Some(&reference.name)
            && controller.get("apiVersion").and_then(Value::as_str).map(group) == Some(group(&reference.api_version))
    };
    let kept = references
        .iter()
        .filter(|reference| !same(reference))
        .filter_map(|reference| serde_json::to_value(reference).ok());
    Some(kept.chain([controller.clone()]).collect())
}
