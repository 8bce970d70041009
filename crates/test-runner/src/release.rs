//! The Release of a Snapshot to one ReleasePlan (TR-71, API-100 … API-103).

use integration_api::{Release, Snapshot, keys};
use serde_json::{Value, json};

use crate::decide::releases;

/// The object to create. It has no owner reference: a Release outlives its Snapshot.
pub fn body(snapshot: &Snapshot, release_plan: &str, name: &str) -> Value {
    let mut body = json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1",
        "kind": "Release",
        "metadata": {
            "name": name,
            "namespace": snapshot.metadata.namespace,
            "labels": { keys::AUTOMATED: "true" },
        },
        "spec": { "snapshot": snapshot.metadata.name, "releasePlan": release_plan },
    });
    let span = snapshot.metadata.annotations.as_ref().and_then(|annotations| annotations.get(keys::SPAN_CONTEXT));
    if let (Some(span), Some(metadata)) =
        (span.filter(|span| !span.is_empty()), body.get_mut("metadata").and_then(Value::as_object_mut))
    {
        metadata.insert("annotations".into(), json!({ keys::SPAN_CONTEXT: span }));
    }
    body
}

/// Whether a Release that has the name already is the one that was to be created (TR-B49). One that failed only because
/// it was not marked as automated in time is not: the next name is tried (TR-B10).
pub fn same_cause(existing: &Release, snapshot: &Snapshot, release_plan: &str) -> bool {
    Some(&existing.spec.snapshot) == snapshot.metadata.name.as_ref()
        && existing.spec.release_plan == release_plan
        && releases::ours(existing)
        && !releases::failed_without_automated(existing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        serde_json::from_value(json!({ "metadata": { "name": "s", "namespace": "team", "uid": "u",
            "annotations": { "tekton.dev/pipelinerunSpanContext": "{\"traceparent\":\"00-1\"}" } } }))
        .unwrap()
    }

    #[test]
    fn tr_71_a_release_names_snapshot_and_plan_and_is_marked_automated() {
        let body = body(&snapshot(), "rp", "s-abcde");
        assert_eq!(body["metadata"]["name"], "s-abcde");
        assert_eq!(body["metadata"]["namespace"], "team");
        assert_eq!(body["metadata"]["labels"], json!({ "release.appstudio.openshift.io/automated": "true" }));
        assert_eq!(body["spec"], json!({ "snapshot": "s", "releasePlan": "rp" }));
        // TR-149
        assert_eq!(body["metadata"]["annotations"]["tekton.dev/pipelinerunSpanContext"], "{\"traceparent\":\"00-1\"}");
        // API-102, API-103, TR-B48: nothing else; release-service fills in author and grace period from the plan.
        assert!(body["metadata"].get("ownerReferences").is_none());
        assert!(body.get("status").is_none());
    }

    #[test]
    fn tr_b49_a_release_of_somebody_else_is_not_adopted() {
        let ours: Release = serde_json::from_value(body(&snapshot(), "rp", "s-abcde")).unwrap();
        assert!(same_cause(&ours, &snapshot(), "rp"));
        assert!(!same_cause(&ours, &snapshot(), "other"));
        let by_hand =
            Release { metadata: kube::core::ObjectMeta { labels: None, ..ours.metadata.clone() }, ..ours.clone() };
        assert!(!same_cause(&by_hand, &snapshot(), "rp"));
    }
}
