//! Decisions as data: one file a case in `tests/cases`, `world` in, `plan` out.
//!
//! Objects of a world are written without what all of them share; see [`defaults`]. A plan must be equal to the
//! expected one, with three reliefs: texts may be left out, a text ending in `…` is a beginning, and `reasons` are
//! compared only when they are given.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use test_runner::world::World;

/// Keys of a plan that may be left out where they stand beside others.
const TEXTS: [&str; 7] = ["message", "note", "details", "lastUpdateTime", "startTime", "completionTime", "about"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
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

#[test]
fn every_case_is_decided_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut failures = BTreeMap::new();
    for file in &files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if let Err(failure) = check(&std::fs::read_to_string(file).unwrap()) {
            failures.insert(name, failure);
        }
    }
    let report: Vec<_> = failures.iter().map(|(name, failure)| format!("\n--- {name}\n{failure}\n")).collect();
    assert!(failures.is_empty(), "{} of {} cases failed:{}", failures.len(), files.len(), report.concat());
    assert!(files.len() > 50, "the cases are there");
}

fn check(text: &str) -> Result<(), String> {
    let case: Case = serde_yaml_ng::from_str(text).map_err(|error| format!("not a case: {error}"))?;
    let world: World = serde_json::from_value(complete(case.world)).map_err(|error| format!("not a world: {error}"))?;
    let plan = test_runner::decide(&world, case.now);
    let actual = view(serde_json::to_value(&plan).unwrap());
    // The same world gives the same plan.
    assert_eq!(plan, test_runner::decide(&world, case.now));
    let mut expected = case.plan.as_object().cloned().unwrap_or_default();
    if let (None, Some(reasons)) = (expected.get("reasons"), actual.get("reasons")) {
        expected.insert("reasons".to_owned(), reasons.clone());
    }
    let empty = expected.keys().all(|key| key == "reasons" || key == "lookAgain");
    assert_eq!(plan.is_empty(), empty, "is_empty() agrees with what is written");
    matches(&Value::Object(expected), &actual, "plan")
        .map_err(|failure| format!("{failure}\ndecided:\n{}", serde_yaml_ng::to_string(&actual).unwrap()))
}

/// Annotation values that are JSON are shown as data.
fn view(mut plan: Value) -> Value {
    if let Some(annotations) = plan.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        for value in annotations.values_mut() {
            if let Some(data) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
                *value = data;
            }
        }
    }
    plan
}

fn matches(expected: &Value, actual: &Value, path: &str) -> Result<(), String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                let found = actual.get(key).ok_or_else(|| format!("{path}.{key} is missing"))?;
                matches(value, found, &format!("{path}.{key}"))?;
            }
            let surplus = actual.keys().find(|key| !expected.contains_key(*key) && !TEXTS.contains(&key.as_str()));
            surplus.map_or(Ok(()), |key| Err(format!("{path}.{key} is not expected")))
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => expected
            .iter()
            .zip(actual)
            .enumerate()
            .try_for_each(|(index, (expected, actual))| matches(expected, actual, &format!("{path}[{index}]"))),
        (Value::String(expected), Value::String(actual))
            if expected.strip_suffix('…').is_some_and(|begin| actual.starts_with(begin)) =>
        {
            Ok(())
        }
        _ if expected == actual => Ok(()),
        _ => Err(format!("{path}: expected {expected}, decided {actual}")),
    }
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
    match (&mut base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    base.remove(key);
                } else {
                    let below = base.remove(key).unwrap_or(Value::Null);
                    base.insert(key.clone(), merged(below, value));
                }
            }
        }
        (_, Value::Null) => {}
        (base, over) => *base = over.clone(),
    }
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
