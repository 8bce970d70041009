//! Walks `tests/cases`: each file is a world, and the plans that have to come out of it.
//!
//! Times are times of day on 2024-05-01; `now` is 10:00:00 unless the case says otherwise. A Snapshot `s` (uid `uid-s`)
//! of Application `app` was created at 09:00:00; scenarios at 08:00:00.
#![allow(clippy::unwrap_used, clippy::panic, clippy::struct_excessive_bools, reason = "a test says so by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use decision_cases::{Cases, compare, compare_given};
use integration_api::{ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot, keys};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use status_reporter::decide::{report, verdict};
use status_reporter::world::{OwnerFact, ReportWorld, Verdict, VerdictWorld};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    #[serde(default)]
    now: Option<String>,
    snapshot: SnapshotCase,
    /// `unknown`, `gone`; absent = it exists.
    #[serde(default)]
    owner: Option<String>,
    /// Test graph of the owning ComponentGroup: scenario to its parents.
    #[serde(default)]
    graph: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    scenarios: Vec<ScenarioCase>,
    #[serde(default)]
    runs: Vec<RunCase>,
    #[serde(default)]
    verdict: Option<Value>,
    #[serde(default)]
    report: Option<Value>,
    /// All conditions after the verdict; only the keys given are compared.
    conditions: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SnapshotCase {
    #[serde(default = "component")]
    r#type: String,
    #[serde(default = "morning")]
    created: String,
    #[serde(default)]
    component_group: bool,
    #[serde(default)]
    no_owner: bool,
    #[serde(default)]
    deleting: bool,
    #[serde(default)]
    restored: bool,
    #[serde(default)]
    parent: bool,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    /// Type to `Status/Reason/time`.
    #[serde(default)]
    conditions: BTreeMap<String, String>,
    /// The array, or the text of the annotation.
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScenarioCase {
    name: String,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    contexts: Vec<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    deleting: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RunCase {
    name: String,
    #[serde(default)]
    released: bool,
    #[serde(default)]
    owner: Option<String>,
}

fn component() -> String {
    "component".to_owned()
}

fn morning() -> String {
    "09:00:00".to_owned()
}

/// A time of day, or a whole timestamp.
fn time(text: &str) -> String {
    if text.contains('T') { text.to_owned() } else { format!("2024-05-01T{text}Z") }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn snapshot(case: &SnapshotCase) -> Snapshot {
    let mut annotations = case.annotations.clone();
    match &case.status {
        Value::Null => {}
        Value::String(text) => drop(annotations.insert(keys::TEST_STATUS.to_owned(), text.clone())),
        array => {
            let mut array = array.clone();
            for entry in array.as_array_mut().unwrap() {
                let entry = entry.as_object_mut().unwrap();
                let updated = entry.get("lastUpdateTime").map_or("09:30:00", |text| text.as_str().unwrap());
                let updated = time(updated).into();
                entry.insert("lastUpdateTime".to_owned(), updated);
            }
            annotations.insert(keys::TEST_STATUS.to_owned(), array.to_string());
        }
    }
    let mut labels = case.labels.clone();
    if !case.r#type.is_empty() {
        labels.insert(keys::SNAPSHOT_TYPE.to_owned(), case.r#type.clone());
    }
    if case.restored {
        labels.insert(keys::VELERO_BACKUP.to_owned(), "b".to_owned());
    }
    if case.parent {
        annotations.insert(keys::CHILD_SNAPSHOT.to_owned(), "child".to_owned());
    }
    let owner = match (case.no_owner, case.component_group) {
        (true, _) => json!({}),
        (_, true) => json!({"componentGroup": "group"}),
        _ => json!({"application": "app"}),
    };
    let condition = |(type_, text): (&String, &String)| {
        let parts: Vec<_> = text.splitn(3, '/').collect();
        let [status, reason, at] = parts[..] else { panic!("{text}") };
        json!({"type": type_, "status": status, "reason": reason, "message": "", "lastTransitionTime": time(at)})
    };
    let deleted = if case.deleting { json!(time("09:59:00")) } else { Value::Null };
    read(json!({
        "metadata": {"namespace": "ns", "name": "s", "uid": "uid-s", "labels": labels, "annotations": annotations,
            "creationTimestamp": time(&case.created), "deletionTimestamp": deleted},
        "spec": owner,
        "status": {"conditions": case.conditions.iter().map(condition).collect::<Vec<_>>()},
    }))
}

fn scenario(case: &ScenarioCase) -> IntegrationTestScenario {
    let labels = if case.optional { json!({keys::OPTIONAL: "true"}) } else { json!({}) };
    let deleted = if case.deleting { json!(time("09:59:00")) } else { Value::Null };
    let contexts: Vec<_> = case.contexts.iter().map(|name| json!({"name": name})).collect();
    read(json!({
        "metadata": {"namespace": "ns", "name": case.name, "labels": labels, "deletionTimestamp": deleted,
            "creationTimestamp": time(case.created.as_deref().unwrap_or("08:00:00"))},
        "spec": {"application": "app", "resolverRef": {"resolver": "git", "params": []}, "contexts": contexts},
    }))
}

fn owner(case: &Case) -> OwnerFact {
    match case.owner.as_deref() {
        Some("gone") => OwnerFact::Gone,
        Some("unknown") => OwnerFact::Unknown,
        None if case.snapshot.component_group => {
            let parents = |names: &Vec<String>| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
            let graph: BTreeMap<_, _> = case.graph.iter().map(|(name, all)| (name, parents(all))).collect();
            let group: ComponentGroup =
                read(json!({"metadata": {"name": "group"}, "spec": {"components": [], "testGraph": graph}}));
            OwnerFact::ComponentGroup(Arc::new(group))
        }
        None => OwnerFact::Application,
        Some(other) => panic!("{other} is no fact about an owner"),
    }
}

fn run(case: &RunCase) -> PipelineRun {
    let finalizers = if case.released { vec![] } else { vec![keys::PIPELINE_RUN_FINALIZER] };
    let owner = case.owner.as_deref().unwrap_or("uid-s");
    read(json!({"metadata": {"namespace": "ns", "name": case.name, "finalizers": finalizers,
        "ownerReferences": [{"apiVersion": "v1", "kind": "Snapshot", "name": "s", "uid": owner, "controller": true}]}}))
}

/// Once the conditions are set there is nothing more to set (SR-13).
fn settles(world: &VerdictWorld, verdict: &Verdict, now: Timestamp) -> Vec<String> {
    let mut snapshot = Snapshot::clone(&world.snapshot);
    snapshot.status.conditions.clone_from(&verdict.conditions);
    let again = verdict::decide(&VerdictWorld { snapshot: Arc::new(snapshot), ..world.clone() }, now);
    again.verdict.map(|again| format!("judged again: {again:?}")).into_iter().collect()
}

fn check(case: &Case) -> Vec<String> {
    let now: Timestamp = time(case.now.as_deref().unwrap_or("10:00:00")).parse().unwrap();
    let snapshot = Arc::new(snapshot(&case.snapshot));
    assert!(case.verdict.is_some() || case.report.is_some(), "it expects nothing");
    let mut findings = Vec::new();
    if let Some(expected) = &case.verdict {
        let scenarios = case.scenarios.iter().map(|one| Arc::new(scenario(one))).collect();
        let world = VerdictWorld { snapshot: Arc::clone(&snapshot), owner: owner(case), scenarios };
        let plan = verdict::decide(&world, now);
        findings.extend(compare(expected, &plan));
        findings.extend(plan.verdict.iter().flat_map(|verdict| settles(&world, verdict, now)));
        if let Some(expected) = &case.conditions {
            let conditions = plan.verdict.map(|verdict| verdict.conditions).unwrap_or_default();
            findings.extend(compare_given("conditions", expected, &conditions));
        }
    }
    if let Some(expected) = &case.report {
        let runs = case.runs.iter().map(|one| Arc::new(run(one))).collect();
        findings.extend(compare(expected, &report::decide(&ReportWorld { snapshot, runs }, now)));
    }
    findings
}

fn cases() -> Cases {
    Cases::of(env!("CARGO_MANIFEST_DIR"), 40)
}

#[test]
fn every_case_comes_out_as_written() {
    cases().check(check);
}

#[test]
fn every_case_is_named_after_its_rule() {
    cases().assert_names(&["sr", "rr", "d"]);
}
