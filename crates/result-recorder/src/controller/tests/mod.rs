//! Whole reconciles against an API server that answers what a test says.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use jiff::Timestamp;
use scripted_api::{Answer, Requests, asked, context, events, found, merged, refused};

// HC-20, HC-22
#[test]
fn hc_20_rights_are_the_row_of_the_table() {
    let rights: Vec<_> =
        ResultRecorder::RIGHTS.iter().map(|right| format!("{} {}", right.resource, right.verbs.join(" "))).collect();
    let table = ["pipelineruns get list watch patch", "taskruns list", "snapshots get list watch patch"];
    assert_eq!(rights, table);
}

// D-1
#[test]
fn d_1_the_wire_name_of_warnings_is_one_of_two() {
    assert_eq!(warning_wire_name(""), Ok(WarningWireName::BuildPlrInProgress));
    assert_eq!(warning_wire_name("BuildPLRInProgress"), Ok(WarningWireName::BuildPlrInProgress));
    assert_eq!(warning_wire_name("TestWarning"), Ok(WarningWireName::TestWarning));
    assert!(warning_wire_name("Warning").is_err());
}

/// Everything of the program but its watches.
struct Bench {
    recorder: Recorder,
    strays: Strays,
    requests: Requests,
}

fn bench(snapshot: &Value, runs: &[Value], answers: Vec<Answer>) -> Bench {
    let (context, requests) = context(answers);
    let (results, strays) = (Watch::<Snapshot>::new().trim(trim::snapshot), runs_watch());
    let (snapshots, known) = (Store::new(results), Store::new(strays));
    snapshots.observe(serde_json::from_value(snapshot.clone()).unwrap());
    for run in runs {
        known.observe(serde_json::from_value(run.clone()).unwrap());
    }
    let metrics = Metrics::new(context.registry()).unwrap();
    let held_too_long = metrics::held(&context).unwrap();
    let rules = Arc::new(Rules { console: ConsoleUrl::new("https://c/{{PIPELINE_RUN_NAME}}"), ..Rules::default() });
    let observer = Observer { context: context.clone(), runs: known.clone(), snapshots: snapshots.clone(), rules };
    let actor = Actor { context, runs: known, snapshots, metrics, held_too_long };
    let recorder = Recorder { observer: observer.clone(), actor: actor.clone() };
    Bench { recorder, strays: Strays { observer, actor }, requests }
}

/// The watch on test PipelineRuns, without anybody to wake.
fn runs_watch() -> Watch<PipelineRun> {
    Watch::new()
        .labels(&tests_only())
        .trim(trim::pipeline_run)
        .index(BY_SNAPSHOT, |run| run::place(run).map(|place| place.snapshot).into_iter().collect())
}

fn snapshot(version: u64, type_: &str, status: &Value) -> Value {
    json!({"metadata": {"namespace": "ns", "name": "s", "uid": "uid-s", "resourceVersion": version.to_string(),
        "labels": {keys::SNAPSHOT_TYPE: type_},
        "annotations": {keys::TEST_STATUS: status.to_string(), "other": "stays"}}})
}

fn entry(scenario: &str, status: &str, run: &str) -> Value {
    json!({"scenario": scenario, "status": status, "lastUpdateTime": "2024-05-01T09:00:00Z", "testPipelineRunName": run})
}

/// A PipelineRun that failed a moment ago: no TaskRun is read.
fn failed(name: &str, scenario: &str, finalizers: &[&str]) -> Value {
    json!({"metadata": {"namespace": "ns", "name": name, "uid": name, "resourceVersion": "5",
            "labels": {keys::SNAPSHOT: "s", keys::SCENARIO: scenario, keys::PIPELINE_TYPE: keys::PIPELINE_TEST},
            "annotations": {keys::LOG_URL: format!("https://c/{name}"), "tekton": "own"}, "finalizers": finalizers},
        "status": {"completionTime": Timestamp::now().to_string(),
            "conditions": [{"type": "Succeeded", "status": "False", "reason": "Failed"}]}})
}

const OURS: &str = keys::PIPELINE_RUN_FINALIZER;
const SNAPSHOT: &str = "/apis/appstudio.redhat.com/v1alpha1/namespaces/ns/snapshots/s";
const RUNS: &str = "/apis/tekton.dev/v1/namespaces/ns/pipelineruns";

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

/// Scenario and status of the array in a patch.
fn states(patch: &Value) -> Vec<(String, String)> {
    let text = patch["metadata"]["annotations"][keys::TEST_STATUS].as_str().unwrap();
    let array: Vec<Value> = serde_json::from_str(text).unwrap();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    array.iter().map(|entry| (text(entry, "scenario"), text(entry, "status"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

// RR-B2, RR-14, RR-50: the runner of tests reset b and another result of c arrived while a's was on its way.
#[tokio::test(start_paused = true)]
async fn rr_b2_a_conflict_is_decided_anew_on_a_live_read_and_others_keep_their_entries() {
    let before = snapshot(1, "component", &json!([entry("a", "InProgress", "ra"), entry("b", "TestFail", "rb")]));
    let pending = json!({"scenario": "b", "status": "Pending", "lastUpdateTime": "2024-05-01T09:59:00Z", "attempt": 2});
    let now = json!([entry("a", "InProgress", "ra"), pending, entry("c", "TestPassed", "rc")]);
    let now = snapshot(2, "component", &now);
    let bench =
        bench(&before, &[failed("ra", "a", &[OURS])], vec![refused(409, "modified"), found(&now), merged(&now, 3)]);
    let end = bench.recorder.reconcile(key("s")).await;
    assert!(matches!(end, Disposition::Done), "{end:?}");
    let expected = [format!("PATCH {SNAPSHOT}"), format!("GET {SNAPSHOT}"), format!("PATCH {SNAPSHOT}")];
    assert_eq!(asked(&bench.requests), expected);
    let patch = bench.requests.lock().unwrap()[2].1.clone();
    assert_eq!(states(&patch), pairs(&[("a", "TestFail"), ("b", "Pending"), ("c", "TestPassed")]));
    assert_eq!(patch["metadata"]["resourceVersion"], "2");
    assert_eq!(patch["metadata"]["annotations"].as_object().unwrap().len(), 1, "no other key is sent");
}

// RR-B2, RR-B4: on the newest version the result is there already, so nothing is written.
#[tokio::test(start_paused = true)]
async fn rr_b2_a_decision_that_does_not_hold_any_more_is_dropped() {
    let before = snapshot(1, "component", &json!([entry("a", "InProgress", "ra")]));
    let now = snapshot(2, "component", &json!([entry("a", "TestPassed", "ra")]));
    let bench = bench(&before, &[failed("ra", "a", &[OURS])], vec![refused(409, "modified"), found(&now)]);
    assert!(matches!(bench.recorder.reconcile(key("s")).await, Disposition::Done));
    assert_eq!(asked(&bench.requests).len(), 2);
}

// RR-B50, RR-B13, RR-B37, H3, W1, W2: two results in one patch of the Snapshot; the finalizers go only after it was
// acknowledged, one patch a PipelineRun, and one that fails does not stop the other.
#[tokio::test(start_paused = true)]
async fn rr_b50_two_results_one_record_then_the_finalizers() {
    let before = snapshot(1, "override", &json!([entry("a", "InProgress", "ra"), entry("b", "InProgress", "rb")]));
    let runs = [failed("ra", "a", &["chains", OURS]), failed("rb", "b", &[OURS])];
    let mut released = failed("rb", "b", &[]);
    released["metadata"]["resourceVersion"] = "6".into();
    let bench = bench(&before, &runs, vec![merged(&before, 2), refused(500, "etcd"), found(&released)]);
    let end = bench.recorder.reconcile(key("s")).await;
    assert!(matches!(end, Disposition::Backoff(_)), "the failed one is tried again: {end:?}");
    let expected = [format!("PATCH {SNAPSHOT}"), format!("PATCH {RUNS}/ra"), format!("PATCH {RUNS}/rb")];
    assert_eq!(asked(&bench.requests), expected);
    let bodies: Vec<_> = bench.requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(states(&bodies[0]), pairs(&[("a", "TestFail"), ("b", "TestFail")]));
    let release = json!([
        {"op": "test", "path": "/metadata/uid", "value": "ra"},
        {"op": "test", "path": "/metadata/finalizers", "value": ["chains", OURS]},
        {"op": "add", "path": "/metadata/finalizers", "value": ["chains"]}
    ]);
    assert_eq!(bodies[1], release);
    assert_eq!(events(&bench.requests), ["TestResultRecorded"]);
}

// RR-B37, RR-55: the list of finalizers changed between read and patch (04 §7 row 103).
#[tokio::test(start_paused = true)]
async fn rr_b37_a_failed_test_is_tried_again_on_the_newest_version() {
    let recorded = snapshot(1, "override", &json!([entry("a", "TestFail", "ra")]));
    let mut changed = failed("ra", "a", &["new", OURS]);
    changed["metadata"]["resourceVersion"] = "6".into();
    let mut released = failed("ra", "a", &["new"]);
    released["metadata"]["resourceVersion"] = "7".into();
    let answers = vec![found(&recorded), refused(422, "rejected"), found(&changed), found(&released)];
    let bench = bench(&recorded, &[failed("ra", "a", &[OURS])], answers);
    let end = bench.recorder.reconcile(key("s")).await;
    assert!(matches!(end, Disposition::Done), "{end:?}");
    let sent = bench.requests.lock().unwrap()[3].1.clone();
    assert_eq!(sent[1], json!({"op": "test", "path": "/metadata/finalizers", "value": ["new", OURS]}));
    assert_eq!(sent[2], json!({"op": "add", "path": "/metadata/finalizers", "value": ["new"]}));
}

// RR-B13: gone meanwhile is as good as released.
#[tokio::test(start_paused = true)]
async fn rr_b13_a_pipeline_run_that_is_gone_is_no_error() {
    let recorded = snapshot(1, "override", &json!([entry("a", "TestFail", "ra")]));
    let answers = vec![found(&recorded), refused(404, "not found")];
    let bench = bench(&recorded, &[failed("ra", "a", &[OURS])], answers);
    assert!(matches!(bench.recorder.reconcile(key("s")).await, Disposition::Done));
}

// RR-B12: of the annotations the cache keeps a few; that it keeps none does not mean that there are none.
#[tokio::test(start_paused = true)]
async fn rr_b12_a_log_url_is_added_to_annotations_the_cache_does_not_keep() {
    let running = snapshot(1, "component", &json!([entry("a", "TestFail", "ra")]));
    let mut run = failed("ra", "a", &[]);
    run["metadata"]["annotations"] = json!({"tekton": "own"});
    let mut repaired = failed("ra", "a", &[]);
    repaired["metadata"]["resourceVersion"] = "6".into();
    let bench = bench(&running, &[run], vec![found(&repaired)]);
    assert!(matches!(bench.recorder.reconcile(key("s")).await, Disposition::Done));
    let sent = bench.requests.lock().unwrap()[0].1.clone();
    let path = "/metadata/annotations/pac.test.appstudio.openshift.io~1log-url";
    let expected = json!([
        {"op": "test", "path": "/metadata/uid", "value": "ra"},
        {"op": "add", "path": path, "value": "https://c/ra"}
    ]);
    assert_eq!(sent, expected);
    assert!(matches!(bench.recorder.reconcile(key("s")).await, Disposition::Done), "and then nothing is owed");
}

// RR-B10: refused as too large, tried once more with half of it, then told and left for ten minutes; never in a loop.
#[tokio::test(start_paused = true)]
async fn rr_b10_an_array_that_is_refused_twice_is_told_and_left() {
    let long = |scenario: &str| {
        let mut entry = entry(scenario, "TestFail", "r");
        entry["details"] = "x".repeat(1000).into();
        entry
    };
    let before = json!([entry("a", "InProgress", "ra"), long("b"), long("c")]);
    let too_large = || refused(422, "metadata.annotations: Too long: may not be more than 262144 bytes");
    let bench =
        bench(&snapshot(1, "component", &before), &[failed("ra", "a", &[OURS])], vec![too_large(), too_large()]);
    let end = bench.recorder.reconcile(key("s")).await;
    assert!(matches!(end, Disposition::RequeueAfter(wait) if wait == Duration::from_secs(600)), "{end:?}");
    let sizes: Vec<_> = {
        let requests = bench.requests.lock().unwrap();
        let patches = requests.iter().filter_map(|(_, body)| body.pointer("/metadata/annotations"));
        patches.map(|all| all[keys::TEST_STATUS].as_str().unwrap().len()).collect()
    };
    assert!(sizes.len() == 2 && sizes[1] < sizes[0] / 2, "{sizes:?}");
    assert_eq!(events(&bench.requests), ["TestStatusTooLarge"]);
}

// RR-B5, RR-B16: one list, by the label that Tekton sets.
#[tokio::test(start_paused = true)]
async fn rr_b5_the_task_runs_of_a_run_that_succeeded_are_one_list() {
    let before = snapshot(1, "component", &json!([entry("a", "InProgress", "ra")]));
    let mut run = failed("ra", "a", &[OURS]);
    run["status"]["conditions"][0]["status"] = "True".into();
    run["status"]["childReferences"] = json!([{"kind": "TaskRun", "name": "t", "pipelineTaskName": "scan"}]);
    let result = r#"{"result":"WARNING","timestamp":"1665405318","successes":1,"failures":0,"warnings":1}"#;
    let owner =
        json!([{"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": "ra", "uid": "ra", "controller": true}]);
    let task_run = |ended: &str| {
        json!({"metadata": {}, "items": [{"metadata": {"name": "t", "ownerReferences": owner},
            "status": {"conditions": [{"type": "Succeeded", "status": ended}],
                "results": [{"name": "TEST_OUTPUT", "value": result}]}}]})
    };
    let list = "GET /apis/tekton.dev/v1/namespaces/ns/taskruns?&labelSelector=tekton.dev%2FpipelineRun%3Dra";
    let recent = format!("{list}&resourceVersion=0&resourceVersionMatch=NotOlderThan");
    let newest = format!("{list}&limit=100");

    // What the API server has in memory shows the end of every TaskRun.
    let runs = std::slice::from_ref(&run);
    let quick = bench(&before, runs, vec![found(&task_run("True")), merged(&before, 2)]);
    assert!(matches!(quick.recorder.reconcile(key("s")).await, Disposition::Done));
    assert_eq!(asked(&quick.requests), [recent.clone(), format!("PATCH {SNAPSHOT}")]);
    let patch = quick.requests.lock().unwrap()[1].1.clone();
    assert_eq!(states(&patch), pairs(&[("a", "BuildPLRInProgress")]));

    // Its memory is behind: the newest state is asked for.
    for behind in [task_run("Unknown"), json!({"metadata": {}, "items": []})] {
        let answers = vec![found(&behind), found(&task_run("True")), merged(&before, 2)];
        let slow = bench(&before, runs, answers);
        assert!(matches!(slow.recorder.reconcile(key("s")).await, Disposition::Done));
        assert_eq!(asked(&slow.requests), [recent.clone(), newest.clone(), format!("PATCH {SNAPSHOT}")]);
    }
}

// RR-21, RR-53: a key without anything behind it, and one on which all is done, cost no request.
#[tokio::test(start_paused = true)]
async fn rr_53_what_is_done_costs_nothing() {
    let done = snapshot(1, "component", &json!([entry("a", "TestFail", "ra")]));
    let bench = bench(&done, &[failed("ra", "a", &[OURS])], vec![]);
    for name in ["s", "s", "unknown"] {
        assert!(matches!(bench.recorder.reconcile(key(name)).await, Disposition::Done));
        assert!(matches!(bench.strays.reconcile(key(name)).await, Disposition::Done));
    }
    assert!(bench.requests.lock().unwrap().is_empty());
}

// RR-B11: a PipelineRun without labels to go by is its own key; released, and told once.
#[tokio::test(start_paused = true)]
async fn rr_b11_a_stray_is_released_and_told() {
    let mut stray = failed("x", "a", &[OURS]);
    stray["metadata"]["labels"] = json!({keys::PIPELINE_TYPE: keys::PIPELINE_TEST});
    let mut released = stray.clone();
    released["metadata"]["finalizers"] = json!([]);
    released["metadata"]["resourceVersion"] = "6".into();
    let bench = bench(&snapshot(1, "component", &json!([])), &[stray], vec![found(&released)]);
    assert!(matches!(bench.strays.reconcile(key("x")).await, Disposition::Done));
    assert_eq!(asked(&bench.requests), [format!("PATCH {RUNS}/x")]);
    assert_eq!(events(&bench.requests), ["TestLabelMissing"]);
}

// RR-B12, RR-18: the API server is asked for test PipelineRuns only (04 §7 row 6).
#[test]
fn rr_b12_only_test_pipeline_runs_are_watched() {
    assert_eq!(tests_only(), "pipelines.appstudio.openshift.io/type=test");
    let store = Store::new(runs_watch());
    let mut build = failed("b", "a", &[OURS]);
    build["metadata"]["labels"][keys::PIPELINE_TYPE] = keys::PIPELINE_BUILD.into();
    store.observe(serde_json::from_value(build).unwrap());
    assert!(store.is_empty());
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// RR-64, RR-55: the audit log names the object and what was done to it.
#[tokio::test(start_paused = true)]
async fn rr_64_a_release_is_in_the_audit_log() {
    let recorded = snapshot(1, "override", &json!([entry("a", "TestFail", "ra")]));
    let mut released = failed("ra", "a", &[]);
    released["metadata"]["resourceVersion"] = "6".into();
    let bench = bench(&recorded, &[failed("ra", "a", &[OURS])], vec![found(&recorded), found(&released)]);
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    bench.recorder.reconcile(key("s")).await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let audit: Vec<_> = lines.iter().filter(|line| line["audit"] == "true").collect();
    assert_eq!(audit.len(), 1, "{text}");
    let fields = ["level", "action", "namespace", "name", "controllerKind", "finalizer"];
    let found: Vec<_> = fields.iter().map(|field| audit[0][*field].as_str().unwrap_or_default()).collect();
    assert_eq!(found, ["INFO", "UPDATE", "ns", "ra", "PipelineRun", OURS]);
}
