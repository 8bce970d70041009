//! Reading the cases: objects of a world are written without what all of them share; see [`defaults`].

use decision_cases::{Cases, merge_patch};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use test_runner::world::World;

/// One file of `tests/cases`.
pub struct Case {
    /// Name of the file.
    pub file: String,
    /// When the decision is made; noon unless the case says otherwise.
    pub now: Timestamp,
    /// What is known.
    pub world: World,
    /// What is to be decided.
    pub plan: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What the case shows.
    #[allow(dead_code)]
    about: String,
    #[serde(default = "noon")]
    now: Timestamp,
    world: Value,
    plan: Value,
}

fn noon() -> Timestamp {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

/// The files.
pub fn files() -> Cases {
    Cases::of(env!("CARGO_MANIFEST_DIR"), 100)
}

/// All cases, sorted by name.
pub fn cases() -> Vec<Case> {
    let read = |(file, case): (String, File)| {
        let world = serde_json::from_value(complete(case.world))
            .unwrap_or_else(|error| panic!("the world of {file} cannot be read: {error}"));
        Case { file, now: case.now, world, plan: case.plan }
    };
    files().read().into_iter().map(read).collect()
}

/// Adds to every object of a world what the case does not say.
fn complete(mut world: Value) -> Value {
    let group = world.pointer("/snapshot/spec/componentGroup").is_some();
    let owner = |object: Value| {
        if group {
            merged(json!({ "spec": { "componentGroup": "group" } }), &object)
        } else {
            merged(json!({ "spec": { "application": "app" } }), &object)
        }
    };
    let Some(map) = world.as_object_mut() else { return world };
    let given = map.remove("snapshot").unwrap_or_else(|| json!({}));
    let snapshot = merged(if group { defaults::snapshot("group") } else { defaults::snapshot("app") }, &given);
    map.insert("snapshot".to_owned(), statuses(snapshot));
    if !map.contains_key("owner") {
        map.insert("owner".to_owned(), json!({ "uid": "owner-uid" }));
    }
    each(map, "scenarios", |object| owner(merged(defaults::scenario(), &object)));
    each(map, "plans", owner);
    each(map, "runs", |object| merged(defaults::run(&object), &object));
    each(map, "releases", |object| merged(defaults::release("snap"), &object));
    each(map, "line", |mut sibling| {
        let snapshot = sibling.as_object_mut().and_then(|map| map.remove("snapshot")).unwrap_or_default();
        let name = snapshot.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let snapshot =
            statuses(merged(if group { defaults::snapshot("group") } else { defaults::snapshot("app") }, &snapshot));
        let mut map = sibling.as_object().cloned().unwrap_or_default();
        map.insert("snapshot".to_owned(), snapshot);
        each(&mut map, "releases", |object| merged(defaults::release(&name), &object));
        Value::Object(map)
    });
    if let Some(group) = map.get_mut("group") {
        *group = merged(defaults::group(), group);
    }
    world
}

/// The test status may be given as data.
fn statuses(mut snapshot: Value) -> Value {
    if let Some(annotations) = snapshot.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        for value in annotations.values_mut().filter(|value| !value.is_string()) {
            *value = Value::String(value.to_string());
        }
    }
    snapshot
}

fn each(map: &mut Map<String, Value>, key: &str, complete: impl Fn(Value) -> Value) {
    if let Some(list) = map.get_mut(key).and_then(Value::as_array_mut) {
        for object in list {
            *object = complete(object.take());
        }
    }
}

/// `over` laid over `base`; `null` removes.
fn merged(mut base: Value, over: &Value) -> Value {
    merge_patch(&mut base, over);
    base
}

/// What the objects of all cases share.
mod defaults {
    use super::{Value, json};

    /// Component Snapshot `snap` of a push, created two minutes before noon, owned.
    pub fn snapshot(owner: &str) -> Value {
        let (kind, version) = if owner == "group" {
            ("ComponentGroup", "appstudio.redhat.com/v1beta2")
        } else {
            ("Application", "appstudio.redhat.com/v1alpha1")
        };
        let field = if owner == "group" { "componentGroup" } else { "application" };
        json!({
            "metadata": {
                "name": "snap", "namespace": "team", "uid": "snap-uid", "resourceVersion": "1",
                "creationTimestamp": "2026-11-25T11:58:00Z",
                "labels": {
                    "test.appstudio.openshift.io/type": "component", "appstudio.openshift.io/component": "c1",
                    "pac.test.appstudio.openshift.io/event-type": "push",
                },
                "annotations": { "test.appstudio.openshift.io/pipelinerunstarttime": "1795693800000" },
                "ownerReferences": [{ "apiVersion": version, "kind": kind, "name": owner, "uid": "owner-uid", "controller": true }],
            },
            "spec": { field: owner },
        })
    }

    pub fn scenario() -> Value {
        json!({
            "apiVersion": "appstudio.redhat.com/v1beta2", "kind": "IntegrationTestScenario", "metadata": { "namespace": "team" },
            "spec": { "resolverRef": { "resolver": "git", "params": [] } },
        })
    }

    /// A test PipelineRun of `snap`; its scenario is the label, else the name up to the first `-`.
    pub fn run(object: &Value) -> Value {
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        json!({ "metadata": {
            "namespace": "team", "creationTimestamp": "2026-11-25T11:59:00Z",
            "labels": { "appstudio.openshift.io/snapshot": "snap", "test.appstudio.openshift.io/scenario": name.split('-').next() },
        } })
    }

    /// A Release of ours that release-service accepted.
    pub fn release(snapshot: &str) -> Value {
        json!({
            "metadata": {
                "namespace": "team", "creationTimestamp": "2026-11-25T11:59:59Z",
                "labels": { "release.appstudio.openshift.io/automated": "true" },
            },
            "spec": { "snapshot": snapshot }, "status": { "automated": true },
        })
    }

    pub fn group() -> Value {
        json!({ "apiVersion": "appstudio.redhat.com/v1beta2", "kind": "ComponentGroup", "metadata": { "name": "group" }, "spec": { "components": [] } })
    }
}
