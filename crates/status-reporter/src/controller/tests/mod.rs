//! Whole reconciles against an API server that answers what a test says.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::act::TRIES;
use scripted_api::{Answer, Requests, asked, context, events, found, merged, refused};

// HC-20, HC-22
#[test]
fn hc_20_rights_are_the_row_of_the_table() {
    let rights: Vec<_> =
        StatusReporter::RIGHTS.iter().map(|right| format!("{} {}", right.resource, right.verbs.join(" "))).collect();
    let table = [
        "pipelineruns get list watch patch",
        "taskruns list",
        "repositories get list watch",
        "snapshots get list watch patch",
        "snapshots/status patch",
        "components get list watch",
        "applications get list watch",
        "componentgroups get list watch",
        "integrationtestscenarios get list watch",
        "secrets get",
    ];
    assert_eq!(rights, table);
}

/// Everything of the program but its watches.
struct Bench {
    judge: Judge,
    releaser: Releaser,
    requests: Requests,
    registry: prometheus::Registry,
}

fn bench(snapshot: &Value, scenarios: &[&str], runs: &[Value], answers: Vec<Answer>) -> Bench {
    let (context, requests) = context(answers);
    let registry = context.registry().clone();
    let snapshots = Store::new(Watch::new().trim(trim::snapshot));
    snapshots.observe(serde_json::from_value(snapshot.clone()).unwrap());
    let owner = |one: &IntegrationTestScenario| Owner::of_scenario(one).map(|owner| owner.to_string());
    let known_scenarios =
        Store::new(Watch::new().trim(trim::scenario).index(BY_OWNER, move |one| owner(one).into_iter().collect()));
    for name in scenarios {
        let scenario = json!({"metadata": {"namespace": "ns", "name": name, "creationTimestamp": "2024-05-01T08:00:00Z"},
            "spec": {"application": "app", "resolverRef": {"resolver": "git", "params": []}}});
        known_scenarios.observe(serde_json::from_value(scenario).unwrap());
    }
    let known_runs = Store::new(
        Watch::<PipelineRun>::new()
            .labels(&tests_only())
            .trim(trim::pipeline_run)
            .index(BY_SNAPSHOT, |run| run::snapshot_name(run).into_iter().collect()),
    );
    for run in runs {
        known_runs.observe(serde_json::from_value(run.clone()).unwrap());
    }
    let applications = Store::new(Watch::<Application>::new());
    let application = json!({"metadata": {"namespace": "ns", "name": "app", "resourceVersion": "1"}, "spec": {}});
    applications.observe(serde_json::from_value(application).unwrap());
    let observer = Observer {
        context: context.clone(),
        snapshots: snapshots.clone(),
        scenarios: known_scenarios,
        runs: known_runs.clone(),
        applications,
        groups: Store::new(Watch::<ComponentGroup>::new()),
    };
    let metrics = Metrics::new(context.registry()).unwrap();
    let held_too_long = metrics::held(&context).unwrap();
    let actor = Actor { context, snapshots, runs: known_runs, metrics, held_too_long };
    let judge = Judge { observer: observer.clone(), actor: actor.clone() };
    Bench { judge, releaser: Releaser { observer, actor }, requests, registry }
}

fn snapshot(version: u64, status: &Value, conditions: &Value) -> Value {
    json!({"metadata": {"namespace": "ns", "name": "s", "uid": "uid-s", "resourceVersion": version.to_string(),
            "creationTimestamp": Timestamp::now().to_string(), "labels": {keys::SNAPSHOT_TYPE: keys::TYPE_COMPONENT},
            "annotations": {keys::TEST_STATUS: status.to_string()}},
        "spec": {"application": "app"}, "status": {"conditions": conditions}})
}

fn entry(scenario: &str, status: &str, run: &str) -> Value {
    json!({"scenario": scenario, "status": status, "lastUpdateTime": "2024-05-01T09:00:00Z", "testPipelineRunName": run})
}

fn condition(type_: &str, status: &str, reason: &str) -> Value {
    json!({"type": type_, "status": status, "reason": reason, "message": "theirs", "lastTransitionTime": "2024-05-01T08:30:00Z"})
}

fn held_run(name: &str, version: u64, finalizers: &[&str]) -> Value {
    json!({"metadata": {"namespace": "ns", "name": name, "uid": name, "resourceVersion": version.to_string(),
        "labels": {keys::SNAPSHOT: "s", keys::PIPELINE_TYPE: keys::PIPELINE_TEST}, "finalizers": finalizers}})
}

const OURS: &str = keys::PIPELINE_RUN_FINALIZER;
const SNAPSHOT: &str = "/apis/appstudio.redhat.com/v1alpha1/namespaces/ns/snapshots/s";
const RUNS: &str = "/apis/tekton.dev/v1/namespaces/ns/pipelineruns";

fn key() -> ObjectKey {
    ObjectKey::new("ns", "s")
}

fn body(requests: &Requests, number: usize) -> Value {
    requests.lock().unwrap()[number].1.clone()
}

fn attempts(registry: &prometheus::Registry) -> f64 {
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == "integration_svc_snapshot_attempt_total");
    family.map_or(0.0, |family| family.get_metric().iter().map(|metric| metric.get_counter().get_value()).sum())
}

// RR-B35, SR-12, SR-13, SR-14, MX-10, MX-X3, W3: both conditions in one patch with the version it was decided on; the other conditions as they
// are. TR-B8: on the newest version the Snapshot is canceled, so there is no verdict any more.
#[tokio::test(start_paused = true)]
async fn rr_b35_both_conditions_in_one_patch_and_none_once_canceled() {
    let passed = json!([entry("a", "TestPassed", "ra")]);
    let released = condition("AutoReleased", "True", "AutoReleased");
    let before = snapshot(1, &passed, &json!([released]));
    let judged = bench(&before, &["a"], &[], vec![merged(&before, 2)]);
    assert!(matches!(judged.judge.reconcile(key()).await, Disposition::Done));
    assert_eq!(asked(&judged.requests), [format!("PATCH {SNAPSHOT}/status")]);
    let patch = body(&judged.requests, 0);
    assert_eq!(patch["metadata"], json!({"uid": "uid-s", "resourceVersion": "1"}));
    let conditions = patch["status"]["conditions"].as_array().unwrap();
    assert_eq!(conditions[0], released);
    let types: Vec<_> = conditions.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["AutoReleased", "AppStudioIntegrationStatus", "AppStudioTestSucceeded"]);
    assert!((attempts(&judged.registry) - 1.0).abs() < f64::EPSILON);
    assert!(matches!(judged.judge.reconcile(key()).await, Disposition::Done));
    assert_eq!(judged.requests.lock().unwrap().len(), 1, "what is judged costs nothing");

    let canceled = condition("AppStudioIntegrationStatus", "True", "Canceled");
    let now = snapshot(2, &passed, &json!([canceled]));
    let dropped = bench(&before, &["a"], &[], vec![refused(409, "modified"), found(&now)]);
    assert!(matches!(dropped.judge.reconcile(key()).await, Disposition::Done));
    assert_eq!(asked(&dropped.requests), [format!("PATCH {SNAPSHOT}/status"), format!("GET {SNAPSHOT}")]);
    assert!(attempts(&dropped.registry).abs() < f64::EPSILON, "SR-14: nothing written, nothing counted");
}

// RR-B35: a re-run was asked for while the verdict was on its way: the old result is not judged as the new one.
#[tokio::test(start_paused = true)]
async fn rr_b35_a_conflict_with_a_reset_ends_without_a_verdict() {
    let before = snapshot(1, &json!([entry("a", "TestFail", "ra")]), &json!([]));
    let pending =
        json!([{"scenario": "a", "status": "Pending", "lastUpdateTime": "2024-05-01T09:30:00Z", "attempt": 2}]);
    let answers = vec![refused(409, "modified"), found(&snapshot(2, &pending, &json!([])))];
    let bench = bench(&before, &["a"], &[], answers);
    bench.judge.reconcile(key()).await;
    assert_eq!(bench.requests.lock().unwrap().len(), 2);
}

// RR-B28, SR-11: the label is added where it is absent; a user's own request of the same moment stays.
#[tokio::test(start_paused = true)]
async fn rr_b28_the_run_label_is_never_written_over() {
    let two_minutes_ago = Timestamp::now() - jiff::SignedDuration::from_mins(2);
    let mut before = snapshot(1, &json!([]), &json!([]));
    before["metadata"]["creationTimestamp"] = two_minutes_ago.to_string().into();
    let mut theirs = before.clone();
    theirs["metadata"]["labels"][keys::RUN] = "all".into();
    theirs["metadata"]["resourceVersion"] = "2".into();
    let bench = bench(&before, &["a"], &[], vec![refused(409, "modified"), found(&theirs)]);
    let end = bench.judge.reconcile(key()).await;
    assert!(matches!(end, Disposition::RequeueAfter(wait) if wait == Duration::from_secs(30)), "{end:?}");
    assert_eq!(asked(&bench.requests), [format!("PATCH {SNAPSHOT}"), format!("GET {SNAPSHOT}")]);
    let label = json!({"labels": {keys::RUN: "a"}, "uid": "uid-s", "resourceVersion": "1"});
    assert_eq!(body(&bench.requests, 0)["metadata"], label);
}

// RR-B36: whether the owner exists is asked once before anything is said.
#[tokio::test(start_paused = true)]
async fn rr_b36_a_missing_owner_is_confirmed_live_and_told() {
    let mut orphan = snapshot(1, &json!([entry("a", "TestPassed", "ra")]), &json!([]));
    orphan["spec"]["application"] = "gone".into();
    let bench = bench(&orphan, &[], &[], vec![refused(404, "not found"), refused(404, "not found")]);
    for _ in 0..2 {
        let end = bench.judge.reconcile(key()).await;
        assert!(matches!(end, Disposition::RequeueAfter(wait) if wait == Duration::from_secs(600)), "{end:?}");
    }
    let path = "/apis/appstudio.redhat.com/v1alpha1/namespaces/ns/applications/gone";
    assert_eq!(asked(&bench.requests), [format!("GET {path}"), format!("GET {path}")]);
    assert_eq!(events(&bench.requests), ["OwnerMissing"], "told once");
}

// RR-B37, SR-34, H5, W6: each PipelineRun on its own; an error of one, or a changed list, does not stop the others.
// 04 §7 rows 76, 97, 103.
#[tokio::test(start_paused = true)]
async fn rr_b37_finalizers_are_taken_off_one_by_one() {
    let status = json!([entry("a", "TestPassed", "ra"), entry("b", "TestFail", "rb"), entry("c", "TestFail", "rc")]);
    let runs = [held_run("ra", 5, &[OURS]), held_run("rb", 5, &[OURS]), held_run("rc", 5, &[OURS])];
    let answers = vec![
        refused(500, "etcd"),
        refused(404, "not found"),
        refused(422, "rejected"),
        found(&held_run("rc", 6, &["new", OURS])),
        found(&held_run("rc", 7, &["new"])),
    ];
    let bench = bench(&snapshot(1, &status, &json!([])), &[], &runs, answers);
    let end = bench.releaser.reconcile(key()).await;
    assert!(matches!(end, Disposition::Backoff(_)), "{end:?}");
    let expected =
        ["PATCH ra", "PATCH rb", "PATCH rc", "GET rc", "PATCH rc"].map(|text| text.replace(' ', &format!(" {RUNS}/")));
    assert_eq!(asked(&bench.requests), expected);
    let last = body(&bench.requests, 4);
    assert_eq!(last[1], json!({"op": "test", "path": "/metadata/finalizers", "value": ["new", OURS]}));
    assert_eq!(last[2], json!({"op": "add", "path": "/metadata/finalizers", "value": ["new"]}));
}

// RR-B37: somebody who writes all the time costs a pause, not the finalizer.
#[tokio::test(start_paused = true)]
async fn rr_b37_a_list_that_keeps_changing_is_tried_again_soon() {
    let changes = (0..TRIES).flat_map(|n| {
        let name = format!("f{n}");
        [refused(422, "rejected"), found(&held_run("ra", 6 + n as u64, &[name.as_str(), OURS]))]
    });
    let status = json!([entry("a", "TestPassed", "ra")]);
    let bench = bench(&snapshot(1, &status, &json!([])), &[], &[held_run("ra", 5, &[OURS])], changes.collect());
    let end = bench.releaser.reconcile(key()).await;
    assert!(matches!(end, Disposition::RequeueAfter(PAUSE)), "{end:?}");
}

// RR-B37: taken off by somebody else meanwhile is as good.
#[tokio::test(start_paused = true)]
async fn rr_b37_a_finalizer_that_is_off_already_is_no_work() {
    let status = json!([entry("a", "TestPassed", "ra")]);
    let answers = vec![refused(422, "rejected"), found(&held_run("ra", 6, &[]))];
    let bench = bench(&snapshot(1, &status, &json!([])), &[], &[held_run("ra", 5, &[OURS])], answers);
    assert!(matches!(bench.releaser.reconcile(key()).await, Disposition::Done));
    assert!(matches!(bench.releaser.reconcile(key()).await, Disposition::Done));
    assert_eq!(bench.requests.lock().unwrap().len(), 2);
}

// SR-3: a Snapshot that is gone needs nothing.
#[tokio::test(start_paused = true)]
async fn sr_3_a_snapshot_that_is_gone_is_done() {
    let bench = bench(&snapshot(1, &json!([]), &json!([])), &[], &[], vec![]);
    let gone = || ObjectKey::new("ns", "gone");
    assert!(matches!(bench.judge.reconcile(gone()).await, Disposition::Done));
    assert!(matches!(bench.releaser.reconcile(gone()).await, Disposition::Done));
    assert!(bench.requests.lock().unwrap().is_empty());
}

// RR-B41, OP-X1: the API server is asked for test PipelineRuns only.
#[test]
fn rr_b41_only_test_pipeline_runs_are_watched() {
    assert_eq!(tests_only(), "pipelines.appstudio.openshift.io/type=test");
}
