//! Decisions as data: every file of `tests/cases` is a ComponentGroup and the plan it must lead to.
//!
//! ```yaml
//! says: what the case shows
//! spec: {components: []}   # of ComponentGroup `group`
//! metadata: {}             # beside its name
//! list: [a/main, b/v1=img] # status.globalCandidateList: a blank entry, a promoted one, or the entry itself
//! conditions: []           # status.conditions; without it the group was found valid before
//! plan: {}                 # the whole plan; its list is written the same way
//! ```
//!
//! A text that begins with `~` only has to be contained. After the plan the same decision is made again: it must be
//! empty, whatever the case is about (GA-X3).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says so by panicking")]

use std::path::{Path, PathBuf};

use gcl_aligner::decide::decide;
use integration_api::ComponentGroup;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    says: String,
    spec: Value,
    #[serde(default)]
    metadata: serde_json::Map<String, Value>,
    #[serde(default)]
    list: Vec<Value>,
    conditions: Option<Value>,
    plan: Value,
}

#[test]
fn every_group_leads_to_its_plan() {
    let mut problems = Vec::new();
    let files = files();
    assert!(files.len() > 15, "the cases are missing");
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let case: Case = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let differences = check(&case);
        if !differences.is_empty() {
            problems.push(format!("{name} ({}):\n  {}", case.says, differences.join("\n  ")));
        }
    }
    assert!(problems.is_empty(), "{} cases fail\n\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn every_case_is_named_after_its_rule() {
    for file in files() {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        let (area, rule) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let numbered = rule.trim_start_matches(['b', 'x']).parse::<u32>().is_ok();
        assert!(["ga", "api"].contains(&area) && numbered && parts.next().is_some(), "{name}");
    }
}

fn check(case: &Case) -> Vec<String> {
    let now: Timestamp = "2025-05-01T10:00:00Z".parse().unwrap();
    let valid = json!([{"type": "Valid", "status": "True", "reason": "Valid", "lastTransitionTime": "2025-01-01T00:00:00Z",
        "message": "Members and test graph of the ComponentGroup can be used as they are"}]);
    let conditions = case.conditions.clone().unwrap_or(valid);
    let list: Vec<Value> = case.list.iter().map(entry).collect();
    let mut metadata = case.metadata.clone();
    metadata.insert("name".to_owned(), "group".into());
    let object = json!({"apiVersion": "appstudio.redhat.com/v1beta2", "kind": "ComponentGroup", "metadata": metadata,
        "spec": case.spec, "status": {"conditions": conditions, "globalCandidateList": list}});
    let group: ComponentGroup = serde_json::from_value(object.clone()).unwrap();
    let plan = decide(&group, now);

    let mut expected = case.plan.clone();
    if let Some(list) = expected.get_mut("list").and_then(Value::as_array_mut) {
        *list = list.iter().map(entry).collect();
    }
    let mut differences = Vec::new();
    let actual = serde_json::to_value(&plan).unwrap();
    compare(&expected, &actual, "plan", &mut differences);
    if !differences.is_empty() {
        differences.push(format!("actual plan\n{}", serde_yaml_ng::to_string(&actual).unwrap()));
    }

    let mut after = object;
    if let Some(list) = &plan.list {
        after["status"]["globalCandidateList"] = json!(list);
    }
    if let Some(conditions) = &plan.conditions {
        after["status"]["conditions"] = json!(conditions);
    }
    let group: ComponentGroup = serde_json::from_value(after).unwrap();
    if !decide(&group, now).is_empty() {
        differences.push("the plan is not the last one".to_owned());
    }
    differences
}

/// `name/version` is a blank entry as it is stored, `name/version=image` a promoted one.
fn entry(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let (key, image) = text.split_once('=').unwrap_or((text, ""));
    let (name, version) = key.split_once('/').unwrap();
    if image.is_empty() {
        return json!({"name": name, "version": version, "url": "", "lastPromotedImage": "", "lastPromotedCommit": ""});
    }
    json!({"name": name, "version": version, "url": format!("https://git/{name}"), "lastPromotedImage": image,
        "lastPromotedCommit": format!("commit-{image}"), "lastPromotedBuildTime": "2025-04-01T10:00:00Z"})
}

fn compare(expected: &Value, actual: &Value, path: &str, differences: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, expected) in expected {
                compare(expected, actual.get(key).unwrap_or(&Value::Null), &format!("{path}.{key}"), differences);
            }
            let unexpected = actual.keys().filter(|key| !expected.contains_key(*key));
            differences.extend(unexpected.map(|key| format!("{path}.{key} is not expected")));
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(expected, actual, &format!("{path}[{index}]"), differences);
            }
        }
        (Value::String(expected), Value::String(actual)) if expected.starts_with('~') => {
            if !actual.contains(&expected[1..]) {
                differences.push(format!("{path} does not contain {:?}", &expected[1..]));
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => differences.push(format!("{path}: expected {expected}, got {actual}")),
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
