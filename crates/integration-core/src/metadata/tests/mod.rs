use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::testing::{build, scenario, snapshot};

fn results(results: &[(&str, &str)]) -> PipelineRun {
    let results: Vec<_> = results.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    serde_json::from_value(json!({"status": {"results": results}})).unwrap()
}

// SC-104, API-139, API-140; 02 E-86
#[test]
fn sc_104_prefixes_decide_what_a_snapshot_gets() {
    let keys = json!({
        "pipelinesascode.tekton.dev/sha": "abc",
        "build.appstudio.openshift.io/repo": "r",
        "build.appstudio.redhat.com/commit_sha": "c",
        "test.appstudio.openshift.io/keep-snapshot": "true",
        "custom.appstudio.openshift.io/a": "1",
        "release.appstudio.openshift.io/b": "2",
        "foo": "no",
        "appstudio.openshift.io/component": "no",
        "pipelines.appstudio.openshift.io/type": "no",
        "appstudio.redhat.com/updateComponentOnSuccess": "no",
        "pac.test.appstudio.openshift.io/log-url": "no",
        "integration.konflux-ci.dev/attempt": "no",
    });
    let expected = BTreeMap::from(
        [
            ("pac.test.appstudio.openshift.io/sha", "abc"),
            ("build.appstudio.openshift.io/repo", "r"),
            ("build.appstudio.redhat.com/commit_sha", "c"),
            ("test.appstudio.openshift.io/keep-snapshot", "true"),
            ("custom.appstudio.openshift.io/a", "1"),
            ("release.appstudio.openshift.io/b", "2"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    let copied = snapshot_from_build(&build(keys.clone(), keys));
    assert_eq!(copied.labels, expected);
    assert_eq!(copied.annotations, expected);
}

// SC-B23, API-B1, D-28; 02 E-95, N-25
#[test]
fn sc_b23_a_build_cannot_set_the_operators_keys() {
    let labels = json!({
        "test.appstudio.openshift.io/type": "override",
        "test.appstudio.openshift.io/run": "all",
        "test.appstudio.openshift.io/scenario": "x",
        "test.appstudio.openshift.io/optional": "true",
        "test.appstudio.openshift.io/pipelinerunfinishtime": "1",
        "test.appstudio.openshift.io/pr-group-sha": "x",
    });
    let annotations = json!({
        "test.appstudio.openshift.io/status": "[]",
        "test.appstudio.openshift.io/status-corrupt": "x",
        "test.appstudio.openshift.io/git-reporter-status": "{}",
        "test.appstudio.openshift.io/git-reporting-failure": "x",
        "test.appstudio.openshift.io/pr-last-update": "x",
        "test.appstudio.openshift.io/create-snapshot-status": "{}",
        "test.appstudio.openshift.io/snapshot-creation-report": "x",
        "test.appstudio.openshift.io/create-groupsnapshot-status": "x",
        "test.appstudio.openshift.io/group-test-info": "[]",
        "test.appstudio.openshift.io/child-snapshot": "x",
        "test.appstudio.openshift.io/pr-group": "x",
        "test.appstudio.openshift.io/source-repo-url": "x",
        "test.appstudio.openshift.io/pipelinerunstarttime": "1",
        "test.appstudio.openshift.io/lastbuilttime": "1",
        "test.appstudio.openshift.io/added-to-global-candidate-list": "{}",
        "test.appstudio.openshift.io/integration-workflow": "push",
        "test.appstudio.openshift.io/pr-status": "merged",
        "test.appstudio.openshift.io/component-nudge-processed": "x",
        "test.appstudio.openshift.io/result-should-release": "true",
        "test.appstudio.openshift.io/build-pipelinerun-uid": "x",
        "test.appstudio.openshift.io/superseded-snapshots": "x",
        "test.appstudio.openshift.io/group-notified": "x",
        "appstudio.openshift.io/version": "v",
        "appstudio.openshift.io/context": "c",
    });
    assert_eq!(snapshot_from_build(&build(labels.clone(), annotations.clone())), Copied::default());
    for key in labels.as_object().unwrap().keys() {
        assert!(is_operator_owned_label(key), "{key}");
    }
    for key in annotations.as_object().unwrap().keys() {
        assert!(is_operator_owned_annotation(key), "{key}");
    }
    assert_eq!(OPERATOR_OWNED.len(), labels.as_object().unwrap().len() + annotations.as_object().unwrap().len());
}

// SC-B23: a key is owned in one place only; elsewhere, and otherwise under the prefixes, it travels as before.
#[test]
fn sc_b23_everything_else_travels() {
    let copied = snapshot_from_build(&build(
        json!({"test.appstudio.openshift.io/status": "l", "release.appstudio.openshift.io/auto-release": "false"}),
        json!({"test.appstudio.openshift.io/type": "a", "test.appstudio.openshift.io/ignore-supersession": "true"}),
    ));
    assert_eq!(copied.labels.len(), 2);
    assert_eq!(copied.annotations.len(), 2);
}

// API-207; 02 E-87
#[rstest]
#[case(r#"{"traceparent":"00-1-01"}"#, true)]
#[case("", false)]
fn api_207_the_span_context_travels_unless_empty(#[case] value: &str, #[case] copied: bool) {
    let annotations = json!({"tekton.dev/pipelinerunSpanContext": value});
    let on_snapshot = snapshot_from_build(&build(json!({}), annotations.clone())).annotations;
    let on_run = test_run_from_snapshot(&snapshot(json!({}), annotations, json!([]))).annotations;
    for annotations in [on_snapshot, on_run] {
        assert_eq!(annotations.get(keys::SPAN_CONTEXT).map(String::as_str), copied.then_some(value));
    }
}

// API-218, SC-105; 02 E-85, 01 §9 row 55
#[test]
fn api_218_results_become_annotations() {
    let copied = snapshot_from_build(&results(&[
        ("MY_Result", "x"),
        ("EMPTY", ""),
        ("CHAINS-GIT_URL", "https://h/r"),
        ("SHOULD_RELEASE", "false"),
        ("IMAGE_URL", " quay.io/o/c1:tag\n"),
    ]));
    let expected = [
        ("test.appstudio.openshift.io/result-my-result", "x"),
        ("test.appstudio.openshift.io/result-chains-git-url", "https://h/r"),
        ("test.appstudio.openshift.io/result-should-release", "false"),
        // SC-B13: raw, as the build wrote it.
        ("test.appstudio.openshift.io/result-image-url", " quay.io/o/c1:tag\n"),
    ];
    assert_eq!(copied.annotations, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(copied.skipped_results, Vec::<String>::new());
}

// SC-B23
#[rstest]
#[case(&"n".repeat(56), "v", true)]
#[case(&"n".repeat(57), "v", false)]
#[case("a b", "v", false)]
#[case("a/b", "v", false)]
#[case("ends-with-", "v", false)]
#[case("ümlaut", "v", false)]
#[case("", "v", false)]
#[case("a.b_c", "v", true)]
#[case("big", &"v".repeat(8 << 10), true)]
#[case("big", &"v".repeat((8 << 10) + 1), false)]
fn sc_b23_results_that_make_no_annotation_are_skipped(#[case] name: &str, #[case] value: &str, #[case] copied: bool) {
    let metadata = snapshot_from_build(&results(&[(name, value)]));
    assert_eq!(metadata.annotations.len(), usize::from(copied));
    assert_eq!(metadata.skipped_results.is_empty(), copied);
}

// SC-B23, D-21
#[test]
fn d_21_results_beyond_32_kib_are_skipped_and_named() {
    let value = "v".repeat(8 << 10);
    let copied = snapshot_from_build(&results(&[
        ("A", &value),
        ("B", &value),
        ("C", &value),
        ("D", &value),
        ("E", &value),
        ("F", "small"),
    ]));
    assert_eq!(copied.annotations.len(), 4);
    assert_eq!(copied.skipped_results, ["E", "F"]);
}

// API-B18
#[test]
fn api_b18_results_give_way_to_the_annotations_of_the_build() {
    let mut build = results(&[("A", &"v".repeat(8 << 10)), ("B", "small")]);
    let big = BTreeMap::from([("custom.appstudio.openshift.io/big".to_owned(), "v".repeat(245 << 10))]);
    build.metadata.annotations = Some(big);
    assert_eq!(snapshot_from_build(&build).skipped_results, ["A"]);
}

// TR-116, TR-B30, API-B17; 03 §22 row 70
#[test]
fn tr_b30_bookkeeping_stays_on_the_snapshot() {
    let copied = test_run_from_snapshot(&snapshot(
        json!({
            "test.appstudio.openshift.io/run": "all",
            "test.appstudio.openshift.io/type": "component",
            "test.appstudio.openshift.io/pr-group-sha": "h",
            "pac.test.appstudio.openshift.io/sha": "abc",
            "custom.appstudio.openshift.io/custom-label": "c",
            "release.appstudio.openshift.io/auto-release": "false",
            "appstudio.openshift.io/component": "c1",
        }),
        json!({
            "test.appstudio.openshift.io/status": "[]",
            "test.appstudio.openshift.io/status-corrupt": "x",
            "test.appstudio.openshift.io/git-reporter-status": "{}",
            "test.appstudio.openshift.io/git-reporting-failure": "x",
            "test.appstudio.openshift.io/create-groupsnapshot-status": "x",
            "test.appstudio.openshift.io/create-snapshot-status": "x",
            "test.appstudio.openshift.io/snapshot-creation-report": "x",
            "test.appstudio.openshift.io/added-to-global-candidate-list": "{}",
            "test.appstudio.openshift.io/component-nudge-processed": "x",
            "test.appstudio.openshift.io/pr-last-update": "x",
            "test.appstudio.openshift.io/group-test-info": "[]",
            "test.appstudio.openshift.io/result-image-url": "i",
            "test.appstudio.openshift.io/run": "an annotation of that key is nothing special",
            "build.appstudio.redhat.com/commit_sha": "c",
            "pac.test.appstudio.openshift.io/repo-url": "https://h/r",
            "appstudio.redhat.com/updateComponentOnSuccess": "true",
            "integration.konflux-ci.dev/auto-release-state": "{}",
        }),
        json!([]),
    ));
    let labels: Vec<_> = copied.labels.keys().map(String::as_str).collect();
    assert_eq!(
        labels,
        [
            "custom.appstudio.openshift.io/custom-label",
            "pac.test.appstudio.openshift.io/sha",
            "test.appstudio.openshift.io/pr-group-sha",
            "test.appstudio.openshift.io/type",
        ]
    );
    let annotations: Vec<_> = copied.annotations.keys().map(String::as_str).collect();
    assert_eq!(
        annotations,
        [
            "build.appstudio.redhat.com/commit_sha",
            "pac.test.appstudio.openshift.io/repo-url",
            "test.appstudio.openshift.io/group-test-info",
            "test.appstudio.openshift.io/result-image-url",
            "test.appstudio.openshift.io/run",
        ]
    );
}

// TR-B30, D-12: a build's own end and log say nothing about the test, and a tenant must not hide or fake a result.
#[test]
fn tr_b30_what_speaks_about_one_pipeline_run_does_not_travel() {
    let of_build = build(
        json!({}),
        json!({"pipelinesascode.tekton.dev/cancelled": "true", "pipelinesascode.tekton.dev/log-url": "https://evil"}),
    );
    let on_snapshot = snapshot_from_build(&of_build).annotations;
    assert_eq!(on_snapshot.get(keys::CANCELLED).map(String::as_str), Some("true"), "so it does arrive at the Snapshot");
    let copied = test_run_from_snapshot(&snapshot(json!({}), json!(on_snapshot), json!([])));
    assert_eq!(copied, Copied::default());
}

// TR-118, API-140; 03 §22 row 69
#[test]
fn tr_118_annotations_of_the_scenario_travel_by_substring() {
    let scenario = scenario(
        &[],
        json!({"test.appstudio.openshift.io/label": "no"}),
        json!({
            "unrelated": "x",
            "test.appstudio.openshift.io/kind": "k",
            "xappstudio.openshift.io/y": "y",
            "appstudio.openshift.io": "no slash",
        }),
    );
    let expected: Value = json!({"test.appstudio.openshift.io/kind": "k", "xappstudio.openshift.io/y": "y"});
    assert_eq!(json!(test_run_from_scenario(&scenario)), expected);
}

// TR-B4: a parent must look like neither the build's own Snapshot nor a tested one.
#[rstest]
#[case("test.appstudio.openshift.io/type", true)]
#[case("appstudio.openshift.io/component", true)]
#[case("test.appstudio.openshift.io/pr-group-sha", true)]
#[case("release.appstudio.openshift.io/auto-release", true)]
#[case("pac.test.appstudio.openshift.io/event-type", true)]
#[case("appstudio.openshift.io/build-pipelinerun", false)]
#[case("test.appstudio.openshift.io/pipelinerunfinishtime", false)]
#[case("test.appstudio.openshift.io/run", false)]
#[case("appstudio.openshift.io/component-group", false)]
fn tr_b4_labels_of_a_parent(#[case] key: &str, #[case] expected: bool) {
    assert_eq!(label_travels_to_parent(key), expected);
}

#[rstest]
#[case("test.appstudio.openshift.io/integration-workflow", true)]
#[case("test.appstudio.openshift.io/pr-group", true)]
#[case("test.appstudio.openshift.io/pipelinerunstarttime", true)]
#[case("appstudio.openshift.io/version", true)]
#[case("test.appstudio.openshift.io/result-should-release", true)]
#[case("test.appstudio.openshift.io/ignore-supersession", true)]
#[case("test.appstudio.openshift.io/group-test-info", true)]
#[case("tekton.dev/pipelinerunSpanContext", true)]
#[case("pac.test.appstudio.openshift.io/repo-url", true)]
#[case("build.appstudio.redhat.com/commit_sha", true)]
#[case("custom.appstudio.openshift.io/x", true)]
#[case("test.appstudio.openshift.io/build-pipelinerun-uid", false)]
#[case("test.appstudio.openshift.io/status", false)]
#[case("test.appstudio.openshift.io/git-reporter-status", false)]
#[case("test.appstudio.openshift.io/added-to-global-candidate-list", false)]
#[case("test.appstudio.openshift.io/child-snapshot", false)]
#[case("test.appstudio.openshift.io/create-snapshot-status", false)]
#[case("test.appstudio.openshift.io/source-repo-url", false)]
fn tr_b4_annotations_of_a_parent(#[case] key: &str, #[case] expected: bool) {
    assert_eq!(annotation_travels_to_parent(key), expected);
}
