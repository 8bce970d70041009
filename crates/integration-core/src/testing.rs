//! Objects for tests, from what the API server stores.

#![expect(clippy::needless_pass_by_value, reason = "values are written in place by the tests")]

use integration_api::snapshot::SnapshotComponent;
use integration_api::{Component, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A time from RFC 3339.
pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A valid image of this repository.
pub(crate) fn image(repository: &str) -> String {
    format!("quay.io/org/{repository}@{}", digest())
}

/// A valid digest.
pub(crate) fn digest() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

/// A Snapshot with these labels, annotations and conditions.
pub(crate) fn snapshot(labels: Value, annotations: Value, conditions: Value) -> Snapshot {
    serde_json::from_value(json!({
        "metadata": {"name": "s", "labels": labels, "annotations": annotations},
        "status": {"conditions": conditions},
    }))
    .unwrap()
}

/// A build PipelineRun with these labels and annotations.
pub(crate) fn build(labels: Value, annotations: Value) -> PipelineRun {
    serde_json::from_value(json!({"metadata": {
        "name": "b1", "uid": "u1", "creationTimestamp": "2025-01-01T00:00:00Z",
        "labels": labels, "annotations": annotations,
    }}))
    .unwrap()
}

/// A scenario with these contexts, labels and annotations.
pub(crate) fn scenario(contexts: &[&str], labels: Value, annotations: Value) -> IntegrationTestScenario {
    let contexts: Vec<_> = contexts.iter().map(|name| json!({"name": name})).collect();
    serde_json::from_value(json!({
        "apiVersion": "appstudio.redhat.com/v1beta2",
        "kind": "IntegrationTestScenario",
        "metadata": {"name": "its", "labels": labels, "annotations": annotations},
        "spec": {"application": "app", "resolverRef": {"resolver": "git", "params": []}, "contexts": contexts},
    }))
    .unwrap()
}

/// A Component of Application `app` with this spec and status.
pub(crate) fn component(name: &str, source: Value, status: Value) -> Component {
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"application": "app", "source": source},
        "status": status,
    }))
    .unwrap()
}

/// A ComponentGroup whose members are `name/version` or, for a nested group, `group:name`.
pub(crate) fn group(name: &str, members: &[&str], list: &[Value]) -> ComponentGroup {
    let members: Vec<_> = members
        .iter()
        .map(|member| match member.split_once('/') {
            Some((name, version)) => json!({"name": name, "componentVersion": {"name": version}}),
            None => json!({"name": member.strip_prefix("group:").unwrap_or(member), "kind": "ComponentGroup"}),
        })
        .collect();
    serde_json::from_value(json!({
        "apiVersion": "appstudio.redhat.com/v1beta2",
        "kind": "ComponentGroup",
        "metadata": {"name": name},
        "spec": {"components": members},
        "status": {"globalCandidateList": list},
    }))
    .unwrap()
}

/// An entry of the global candidate list with an image of the component's name, built at this commit and time.
pub(crate) fn entry(name: &str, version: &str, commit: &str, time: &str) -> Value {
    json!({
        "name": name, "version": version, "url": format!("https://git/{name}"),
        "lastPromotedImage": image(name), "lastPromotedCommit": commit, "lastPromotedBuildTime": time,
    })
}

/// An entry without candidate.
pub(crate) fn blank(name: &str, version: &str) -> Value {
    json!({"name": name, "version": version, "url": "", "lastPromotedImage": "", "lastPromotedCommit": ""})
}

/// A component of a Snapshot.
pub(crate) fn snapshot_component(name: &str, version: &str, image: &str, git: Value) -> SnapshotComponent {
    serde_json::from_value(json!({
        "name": name, "version": version, "containerImage": image, "source": {"git": git},
    }))
    .unwrap()
}
