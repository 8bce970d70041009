//! Walks `tests/cases`: each file is a world, and the plan that has to come out of it.
//!
//! Times are times of day on 2024-05-01; `now` is 10:00:00 unless the case says otherwise. A PipelineRun `r` has uid
//! `uid-r`, belongs to Snapshot `s` (uid `uid-s`), is controlled by it and has the right log URL, unless the case says
//! otherwise.
#![allow(clippy::unwrap_used, clippy::panic, clippy::struct_excessive_bools, reason = "a test says so by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use decision_cases::{Cases, compare, compare_given};
use integration_api::test_status::WarningWireName;
use integration_api::{PipelineRun, Snapshot, TaskRun, keys};
use jiff::Timestamp;
use result_recorder::console::ConsoleUrl;
use result_recorder::decide::{decide, stray};
use result_recorder::world::{Need, Rules, SnapshotFact, World};
use serde::Deserialize;
use serde_json::{Value, json};

const CONSOLE: &str = "https://console/{{NAMESPACE}}/{{PIPELINE_RUN_NAME}}";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    #[serde(default)]
    now: Option<String>,
    #[serde(default)]
    fact: Option<String>,
    #[serde(default)]
    snapshot: Option<SnapshotCase>,
    #[serde(default)]
    runs: Vec<RunCase>,
    #[serde(default)]
    task_runs: BTreeMap<String, Vec<TaskRunCase>>,
    #[serde(default)]
    other_runs: BTreeMap<String, Option<String>>,
    #[serde(default)]
    failed: Vec<String>,
    #[serde(default)]
    unwritable: bool,
    #[serde(default)]
    stray: bool,
    plan: Value,
    /// The array after the record; only the keys given are compared.
    after: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SnapshotCase {
    r#type: Option<String>,
    deleting: bool,
    canceled: bool,
    finished: bool,
    restored: bool,
    parent: bool,
    /// Bytes of annotations of others.
    ballast: usize,
    /// The array, or the text of the annotation.
    status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RunCase {
    name: String,
    #[serde(default)]
    scenario: Option<String>,
    #[serde(default)]
    attempt: Option<u32>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    started: Option<String>,
    #[serde(default)]
    completed: Option<String>,
    #[serde(default)]
    succeeded: Option<String>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    held: bool,
    #[serde(default)]
    deleting: Option<String>,
    #[serde(default)]
    cancelled: bool,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    log_url: Option<String>,
    /// Uid of the controlling Snapshot.
    #[serde(default)]
    owner: Option<String>,
    /// TaskRun to task; `TaskRun/Kind` for other kinds.
    #[serde(default)]
    children: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TaskRunCase {
    name: String,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    raw: Option<String>,
    #[serde(default)]
    owner: Option<String>,
}

fn time(text: &str) -> String {
    format!("2024-05-01T{text}Z")
}

fn timestamp(text: &str) -> Timestamp {
    time(text).parse().unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// Without members that are null.
fn object(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, object(value))).collect()
        }
        other => other,
    }
}

fn snapshot(case: &SnapshotCase) -> Snapshot {
    let mut annotations = BTreeMap::new();
    match &case.status {
        Value::Null => {}
        Value::String(text) => drop(annotations.insert(keys::TEST_STATUS, text.clone())),
        array => {
            let mut array = array.clone();
            for entry in array.as_array_mut().unwrap() {
                let entry = entry.as_object_mut().unwrap();
                entry.entry("lastUpdateTime").or_insert_with(|| json!("09:00:00"));
                for key in ["lastUpdateTime", "startTime", "completionTime"] {
                    if let Some(Value::String(text)) = entry.get_mut(key) {
                        *text = time(text);
                    }
                }
            }
            annotations.insert(keys::TEST_STATUS, array.to_string());
        }
    }
    if case.parent {
        annotations.insert(keys::CHILD_SNAPSHOT, "child".to_owned());
    }
    if case.ballast > 0 {
        annotations.insert("ballast", "x".repeat(case.ballast - "ballast".len()));
    }
    let mut labels = BTreeMap::new();
    if let Some(type_) = &case.r#type {
        labels.insert(keys::SNAPSHOT_TYPE, type_.as_str());
    }
    if case.restored {
        labels.insert(keys::VELERO_RESTORE, "backup");
    }
    let mut conditions = Vec::new();
    if case.canceled {
        conditions.push(json!({"type": "AppStudioIntegrationStatus", "status": "True", "reason": "Canceled"}));
    }
    if case.finished {
        conditions.push(json!({"type": "AppStudioTestSucceeded", "status": "True", "reason": "Passed"}));
    }
    read(object(json!({
        "metadata": {"namespace": "ns", "name": "s", "uid": "uid-s", "labels": labels, "annotations": annotations,
            "deletionTimestamp": case.deleting.then(|| time("09:00:00"))},
        "status": {"conditions": conditions},
    })))
}

fn run(case: &RunCase, stray: bool) -> PipelineRun {
    let mut labels = BTreeMap::new();
    if !stray {
        labels.insert(keys::SNAPSHOT, "s");
    }
    if let Some(scenario) = &case.scenario {
        labels.insert(keys::SCENARIO, scenario);
    }
    if case.optional {
        labels.insert(keys::OPTIONAL, "true");
    }
    let mut annotations = BTreeMap::new();
    match case.log_url.as_deref() {
        Some("") => {}
        Some(url) => drop(annotations.insert(keys::LOG_URL, url.to_owned())),
        None => drop(annotations.insert(keys::LOG_URL, format!("https://console/ns/{}", case.name))),
    }
    if let Some(attempt) = case.attempt {
        annotations.insert(keys::ATTEMPT, attempt.to_string());
    }
    if case.cancelled {
        annotations.insert(keys::CANCELLED, "true".to_owned());
    }
    let child = |(name, task): (&String, &String)| {
        let (name, kind) = name.split_once('/').unwrap_or((name, "TaskRun"));
        json!({"name": name, "pipelineTaskName": task, "kind": kind})
    };
    let condition = |status: &String| json!([{"type": "Succeeded", "status": status, "reason": case.reason, "message": case.message}]);
    let owner = case.owner.as_deref().unwrap_or("uid-s");
    read(object(json!({
        "metadata": {"namespace": "ns", "name": case.name, "uid": format!("uid-{}", case.name), "labels": labels, "annotations": annotations,
            "creationTimestamp": time(case.created.as_deref().unwrap_or("09:30:00")),
            "deletionTimestamp": case.deleting.as_deref().map(time),
            "finalizers": if case.held { vec!["chains.tekton.dev", keys::PIPELINE_RUN_FINALIZER] } else { vec![] },
            "ownerReferences": [{"apiVersion": "v1", "kind": "Snapshot", "name": "s", "uid": owner, "controller": true}]},
        "status": {"startTime": case.started.as_deref().map(time), "completionTime": case.completed.as_deref().map(time),
            "conditions": case.succeeded.as_ref().map(condition),
            "childReferences": case.children.iter().map(child).collect::<Vec<_>>()},
    })))
}

fn task_run(case: &TaskRunCase, run: &str) -> TaskRun {
    let output = |result: &String| {
        format!(
            r#"{{"result":"{result}","timestamp":"2024-05-22T06:42:21+00:00","successes":1,"failures":0,"warnings":0}}"#
        )
    };
    let value = case.raw.clone().or_else(|| case.result.as_ref().map(output));
    let owner = case.owner.clone().unwrap_or_else(|| format!("uid-{run}"));
    read(json!({
        "metadata": {"namespace": "ns", "name": case.name,
            "ownerReferences": [{"apiVersion": "v1", "kind": "PipelineRun", "name": run, "uid": owner, "controller": true}]},
        "status": {"results": value.map(|value| vec![json!({"name": "TEST_OUTPUT", "value": value})]).unwrap_or_default()},
    }))
}

fn need(text: &str) -> Need {
    match text.split_once(' ') {
        Some(("taskRuns", run)) => Need::TaskRuns(run.to_owned()),
        Some(("run", run)) => Need::Run(run.to_owned()),
        _ => Need::Snapshot,
    }
}

fn world(case: &Case) -> World {
    let known = case.snapshot.as_ref().map(|case| Arc::new(snapshot(case)));
    let snapshot = match (case.fact.as_deref(), known) {
        (Some("gone"), None) => SnapshotFact::Gone,
        (None, None) => SnapshotFact::Unknown,
        (None, Some(snapshot)) => SnapshotFact::Cached(snapshot),
        (Some("confirmed"), Some(snapshot)) => SnapshotFact::Confirmed(snapshot),
        (fact, _) => panic!("fact {fact:?} does not fit the snapshot"),
    };
    let task_runs = case
        .task_runs
        .iter()
        .map(|(name, all)| (name.clone(), Arc::new(all.iter().map(|one| task_run(one, name)).collect())));
    World {
        name: "s".to_owned(),
        snapshot,
        runs: case.runs.iter().map(|one| Arc::new(run(one, case.stray))).collect(),
        task_runs: task_runs.collect(),
        other_runs: case
            .other_runs
            .iter()
            .map(|(name, created)| (name.clone(), created.as_deref().map(timestamp)))
            .collect(),
        failed: case.failed.iter().map(|text| need(text)).collect(),
        unwritable: case.unwritable,
        rules: Arc::new(Rules { console: ConsoleUrl::new(CONSOLE), warning: WarningWireName::default() }),
    }
}

/// RR-53: once the record is on the Snapshot there is nothing more to record.
fn settles(world: &World, text: &str, now: Timestamp) -> Vec<String> {
    let mut snapshot = Snapshot::clone(world.snapshot.get().unwrap());
    snapshot.metadata.annotations.get_or_insert_default().insert(keys::TEST_STATUS.to_owned(), text.to_owned());
    let plan = decide(&World { snapshot: SnapshotFact::Confirmed(Arc::new(snapshot)), ..world.clone() }, now);
    plan.record.map(|record| format!("recorded again: {record:?}")).into_iter().collect()
}

fn check(case: &Case) -> Vec<String> {
    let world = world(case);
    let now = timestamp(case.now.as_deref().unwrap_or("10:00:00"));
    let plan = if case.stray { stray::decide(&world) } else { decide(&world, now) };
    let mut findings = compare(&case.plan, &plan);
    let text = plan.record.map(|record| record.array.to_annotation_within(world.rules.warning, record.limit));
    findings.extend(text.iter().flat_map(|text| settles(&world, text, now)));
    if let Some(expected) = &case.after {
        let array: Value = text.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
        findings.extend(compare_given("after", expected, &array));
    }
    findings
}

fn cases() -> Cases {
    Cases::of(env!("CARGO_MANIFEST_DIR"), 60)
}

#[test]
fn every_case_comes_out_as_written() {
    cases().check(check);
}

#[test]
fn every_case_is_named_after_its_rule() {
    cases().assert_names(&["rr"]);
}
