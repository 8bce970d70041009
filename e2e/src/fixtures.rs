//! Objects a user, Pipelines as Code or the build service would write, as JSON that every API server with the field's
//! definitions accepts. They carry no namespace: [`TestSpace::create`](crate::TestSpace::create) puts them into its own.

mod build;

use serde_json::{Value, json};

pub use build::{Build, digest};

/// An Application.
pub fn application(name: &str) -> Value {
    json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1",
        "kind": "Application",
        "metadata": {"name": name},
        "spec": {"displayName": name},
    })
}

/// A Component of an Application, built from `https://git.example.com/org/<name>` at `main`.
pub fn component(name: &str, application: &str) -> Value {
    json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {
            "application": application,
            "componentName": name,
            "containerImage": image_repository(name),
            "source": {"git": {"url": git_url(name), "revision": "main"}},
        },
    })
}

/// As [`component`], with a candidate: the image and commit of an earlier push build, in its status.
pub fn promoted_component(name: &str, application: &str, image: &str, commit: &str) -> Value {
    let mut component = component(name, application);
    component["status"] = json!({"lastPromotedImage": image, "lastBuiltCommit": commit});
    component
}

/// A Component of the ComponentGroup model, with the given versions, each on the branch of its name.
pub fn versioned_component(name: &str, versions: &[&str]) -> Value {
    let versions: Vec<Value> = versions.iter().map(|version| json!({"name": version, "revision": version})).collect();
    json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {
            "containerImage": image_repository(name),
            "source": {"url": git_url(name), "versions": versions},
        },
    })
}

/// A ComponentGroup of `(component, version)` members.
pub fn component_group(name: &str, members: &[(&str, &str)]) -> Value {
    let components: Vec<Value> = members
        .iter()
        .map(|(name, version)| json!({"name": name, "componentVersion": {"name": version, "version": version}}))
        .collect();
    json!({
        "apiVersion": "appstudio.redhat.com/v1beta2",
        "kind": "ComponentGroup",
        "metadata": {"name": name},
        "spec": {"components": components},
    })
}

/// The same ComponentGroup with another ComponentGroup as member.
#[must_use]
pub fn nesting(mut group: Value, nested: &str) -> Value {
    group["spec"]["components"].as_array_mut().unwrap().push(json!({"name": nested, "kind": "componentGroup"}));
    group
}

/// The same ComponentGroup with candidates `(component, version, image, commit)` in its status.
#[must_use]
pub fn with_candidates(mut group: Value, candidates: &[(&str, &str, &str, &str)]) -> Value {
    let list: Vec<Value> = candidates
        .iter()
        .map(|(name, version, image, commit)| {
            json!({
                "name": name, "version": version, "url": git_url(name),
                "lastPromotedImage": image, "lastPromotedCommit": commit,
                "lastPromotedBuildTime": "2024-01-01T00:00:00Z",
            })
        })
        .collect();
    group["status"] = json!({"globalCandidateList": list});
    group
}

/// A scenario of an Application, for every context.
pub fn scenario(name: &str, application: &str) -> Value {
    scenario_of(name, &json!({"application": application}))
}

/// A scenario of a ComponentGroup, for every context.
pub fn group_scenario(name: &str, group: &str) -> Value {
    scenario_of(name, &json!({"componentGroup": group}))
}

/// The same scenario, for those contexts only.
#[must_use]
pub fn with_contexts(mut scenario: Value, contexts: &[&str]) -> Value {
    scenario["spec"]["contexts"] = contexts.iter().map(|name| json!({"name": name, "description": name})).collect();
    scenario
}

/// The same scenario, optional: its failure does not count (API-23).
#[must_use]
pub fn optional(scenario: Value) -> Value {
    with_label(scenario, integration_api::keys::OPTIONAL, "true")
}

/// A ReleasePlan of an Application.
pub fn release_plan(name: &str, application: &str) -> Value {
    release_plan_of(name, &json!({"application": application, "target": "release-tenant"}))
}

/// A ReleasePlan of a ComponentGroup.
pub fn group_release_plan(name: &str, group: &str) -> Value {
    release_plan_of(name, &json!({"componentGroup": group, "target": "release-tenant"}))
}

/// The same object with a label.
#[must_use]
pub fn with_label(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["labels"][key] = json!(value);
    object
}

/// The same object with an annotation.
#[must_use]
pub fn with_annotation(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["annotations"][key] = json!(value);
    object
}

/// Image repository of a Component, without tag or digest.
pub fn image_repository(component: &str) -> String {
    format!("registry.example.com/org/{component}")
}

/// Git repository of a Component.
pub fn git_url(component: &str) -> String {
    format!("https://git.example.com/org/{component}")
}

fn scenario_of(name: &str, owner: &Value) -> Value {
    let mut scenario = json!({
        "apiVersion": "appstudio.redhat.com/v1beta2",
        "kind": "IntegrationTestScenario",
        "metadata": {"name": name},
        "spec": {
            "resolverRef": {
                "resolver": "git",
                "params": [
                    {"name": "url", "value": "https://git.example.com/org/pipelines.git"},
                    {"name": "revision", "value": "main"},
                    {"name": "pathInRepo", "value": "pipelines/test.yaml"},
                ],
            },
            "contexts": [{"name": "application", "description": "every Snapshot"}],
        },
    });
    for (key, value) in owner.as_object().unwrap() {
        scenario["spec"][key] = value.clone();
    }
    scenario
}

fn release_plan_of(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1",
        "kind": "ReleasePlan",
        "metadata": {"name": name, "labels": {(integration_api::keys::AUTO_RELEASE): "true"}},
        "spec": spec,
    })
}
