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
//! How plans are compared: [`decision_cases::compare`]. After the plan the same decision is made again: it must be
//! empty, whatever the case is about (GA-X3).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says so by panicking")]

use decision_cases::{Cases, compare};
use gcl_aligner::decide::decide;
use integration_api::ComponentGroup;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    spec: Value,
    #[serde(default)]
    metadata: serde_json::Map<String, Value>,
    #[serde(default)]
    list: Vec<Value>,
    conditions: Option<Value>,
    plan: Value,
}

fn cases() -> Cases {
    Cases::of(env!("CARGO_MANIFEST_DIR"), 15)
}

#[test]
fn every_group_leads_to_its_plan() {
    cases().check(check);
}

#[test]
fn every_case_is_named_after_its_rule() {
    cases().assert_names(&["ga", "api"]);
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
    let mut findings = compare(&expected, &plan);

    let mut after = object;
    if let Some(list) = &plan.list {
        after["status"]["globalCandidateList"] = json!(list);
    }
    if let Some(conditions) = &plan.conditions {
        after["status"]["conditions"] = json!(conditions);
    }
    let group: ComponentGroup = serde_json::from_value(after).unwrap();
    if !decide(&group, now).is_empty() {
        findings.push("the plan is not the last one".to_owned());
    }
    findings
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
