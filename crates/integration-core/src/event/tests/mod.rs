use integration_api::keys;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::testing::{build, snapshot};

// SC-B39, SC-3, SC-4, API-147
#[rstest]
// 02 E-31
#[case(json!({}), json!({}), EventClass::Push)]
#[case(json!({"event-type": "pull_request", "pull-request": "1"}), json!({}), EventClass::PullRequest)]
#[case(json!({"event-type": "push", "pull-request": "12"}), json!({}), EventClass::Push)]
#[case(json!({"event-type": "Push", "pull-request": "12"}), json!({}), EventClass::Push)]
#[case(json!({"event-type": "PUSH", "pull-request": "12"}), json!({}), EventClass::PullRequest)]
// 01 §9 row 51: a pull request number without event type.
#[case(json!({"pull-request": "12"}), json!({}), EventClass::PullRequest)]
#[case(json!({"pull-request": ""}), json!({}), EventClass::PullRequest)]
// 01 §9 rows 51a, 51b
#[case(json!({"event-type": "incoming"}), json!({}), EventClass::Push)]
#[case(json!({"event-type": "Tag_Push"}), json!({}), EventClass::Push)]
#[case(json!({"event-type": "ok-to-test-comment", "pull-request": "3"}), json!({}), EventClass::PullRequest)]
// 02 E-28
#[case(
    json!({"event-type": "push", "pull-request": "5"}),
    json!({"source-branch": "refs/heads/gh-readonly-queue/main/pr-7-54e7"}),
    EventClass::MergeQueue
)]
#[case(json!({"event-type": "push"}), json!({"source-branch": "gh-readonly-queue/main/x"}), EventClass::MergeQueue)]
#[case(json!({"event-type": "push"}), json!({"source-branch": "gh-readonly-queues"}), EventClass::Push)]
fn sc_b39_class_of_a_build(#[case] labels: Value, #[case] annotations: Value, #[case] expected: EventClass) {
    let build = build(prefixed(keys::PAC_PREFIX, &labels), prefixed(keys::PAC_PREFIX, &annotations));
    assert_eq!(of_build(&build), expected);
    let workflow = if expected == EventClass::Push { "push" } else { "pull-request" };
    assert_eq!(expected.workflow(), workflow);
}

// SC-B39, D-25; 02 N-25, 03 N-66: nothing a pull request's definition says makes it a push.
#[test]
fn sc_b39_a_pull_request_cannot_call_itself_a_push() {
    let build = build(
        json!({
            keys::PAC_PULL_REQUEST: "1", keys::PAC_EVENT_TYPE: "pull_request",
            keys::SNAPSHOT_TYPE: "override", keys::EVENT_TYPE: "push",
        }),
        json!({keys::INTEGRATION_WORKFLOW: "push"}),
    );
    assert_eq!(of_build(&build), EventClass::PullRequest);
}

#[test]
fn sc_4_a_build_without_metadata_is_a_push() {
    assert_eq!(of_build(&PipelineRun::default()), EventClass::Push);
}

// TR-B51, TR-4, API-146; 03 §22 rows 1 … 8
#[rstest]
#[case(json!({}), json!({}), SnapshotClass::Push)]
#[case(json!({keys::EVENT_TYPE: "push", keys::PULL_REQUEST: "12"}), json!({}), SnapshotClass::Push)]
#[case(json!({keys::EVENT_TYPE: "Push"}), json!({}), SnapshotClass::Push)]
#[case(json!({keys::EVENT_TYPE: "pull_request"}), json!({}), SnapshotClass::Push)]
#[case(json!({keys::EVENT_TYPE: "pull_request", keys::PULL_REQUEST: "1"}), json!({}), SnapshotClass::PullRequest)]
#[case(json!({keys::EVENT_TYPE: "push"}), json!({keys::SOURCE_BRANCH: "gh-readonly-queue/main/pr-2987-bda9"}), SnapshotClass::MergeQueue)]
#[case(
    json!({keys::EVENT_TYPE: "push"}),
    json!({keys::SOURCE_BRANCH: "refs/heads/gh-readonly-queue/main/pr-2987-bda9", keys::INTEGRATION_WORKFLOW: "push"}),
    SnapshotClass::MergeQueue
)]
#[case(json!({keys::SNAPSHOT_TYPE: "group"}), json!({}), SnapshotClass::PullRequest)]
// 01 §9 rows 52, 66
#[case(json!({keys::SNAPSHOT_TYPE: "group", keys::EVENT_TYPE: "push"}), json!({}), SnapshotClass::PullRequest)]
#[case(json!({keys::SNAPSHOT_TYPE: "group", keys::EVENT_TYPE: ""}), json!({}), SnapshotClass::PullRequest)]
#[case(json!({keys::EVENT_TYPE: "push"}), json!({keys::SOURCE_BRANCH: "somebranch"}), SnapshotClass::Push)]
// 01 §9 row 51
#[case(json!({keys::PULL_REQUEST: "12"}), json!({}), SnapshotClass::Push)]
// The annotation that the operator writes decides first.
#[case(json!({keys::EVENT_TYPE: "pull_request", keys::PULL_REQUEST: "1"}), json!({keys::INTEGRATION_WORKFLOW: "push"}), SnapshotClass::Push)]
#[case(json!({keys::EVENT_TYPE: "push"}), json!({keys::INTEGRATION_WORKFLOW: "pull-request"}), SnapshotClass::PullRequest)]
#[case(json!({keys::EVENT_TYPE: "push"}), json!({keys::INTEGRATION_WORKFLOW: "other"}), SnapshotClass::Push)]
// A build's Snapshot without that annotation is not a push because its pull request number got lost.
#[case(json!({keys::BUILD_PIPELINE_RUN: "b", keys::EVENT_TYPE: "pull_request"}), json!({}), SnapshotClass::PullRequest)]
#[case(json!({keys::BUILD_PIPELINE_RUN: "b", keys::EVENT_TYPE: "push"}), json!({}), SnapshotClass::Push)]
#[case(json!({keys::BUILD_PIPELINE_RUN: "b"}), json!({}), SnapshotClass::Push)]
fn tr_b51_class_of_a_snapshot(#[case] labels: Value, #[case] annotations: Value, #[case] expected: SnapshotClass) {
    assert_eq!(of_snapshot(&snapshot(labels, annotations, json!([]))), expected);
}

// TR-B51, TR-B4, API-B2, D-5; 03 N-53: what a parent says about its child decides, and silence never promotes.
#[rstest]
#[case(json!({}), json!({}), SnapshotClass::Unclassified)]
#[case(json!({keys::COMPONENT_GROUP: "parent"}), json!({keys::CREATE_SNAPSHOT_STATUS: "x", keys::SOURCE_REPO_URL: "https://h/r"}), SnapshotClass::Unclassified)]
#[case(json!({keys::SNAPSHOT_TYPE: "component"}), json!({keys::INTEGRATION_WORKFLOW: "pull-request"}), SnapshotClass::PullRequest)]
#[case(json!({keys::SNAPSHOT_TYPE: "component"}), json!({keys::INTEGRATION_WORKFLOW: "push"}), SnapshotClass::Push)]
#[case(json!({keys::SNAPSHOT_TYPE: "group"}), json!({}), SnapshotClass::PullRequest)]
#[case(json!({keys::SNAPSHOT_TYPE: "override"}), json!({}), SnapshotClass::Push)]
#[case(json!({keys::EVENT_TYPE: "pull_request", keys::PULL_REQUEST: "1"}), json!({}), SnapshotClass::PullRequest)]
#[case(json!({}), json!({keys::SOURCE_BRANCH: "gh-readonly-queue/main/pr-1-a"}), SnapshotClass::MergeQueue)]
fn tr_b51_class_of_a_parent(#[case] labels: Value, #[case] mut annotations: Value, #[case] expected: SnapshotClass) {
    annotations.as_object_mut().unwrap().insert(keys::CHILD_SNAPSHOT.to_owned(), "child".into());
    assert_eq!(of_snapshot(&snapshot(labels, annotations, json!([]))), expected);
}

// API-144, API-145, SC-105; 02 E-28 … E-30, 01 §9 row 50, 03 §22 row 108
#[rstest]
#[case(Some("5"), None, "refs/heads/gh-readonly-queue/main/pr-7-54e7", Some("5"))]
#[case(Some(""), None, "refs/heads/gh-readonly-queue/main/pr-7-54e7", Some("7"))]
#[case(None, Some("6"), "gh-readonly-queue/main/pr-7-54e7", Some("6"))]
#[case(None, Some(""), "gh-readonly-queue/main/pr-2987-bda9", Some("2987"))]
#[case(None, None, "gh-readonly-queue/main/pr-2987", Some("2987"))]
#[case(None, None, "gh-readonly-queue/main/invalid-suffix", None)]
#[case(None, None, "gh-readonly-queue/main", None)]
#[case(None, None, "gh-readonly-queue/main/pr--x", None)]
#[case(None, None, "gh-readonly-queue/main/pr", None)]
#[case(None, None, "feature/pr-1-x", None)]
fn api_145_pull_request_number(
    #[case] label: Option<&str>,
    #[case] annotation: Option<&str>,
    #[case] branch: &str,
    #[case] expected: Option<&str>,
) {
    let mut labels = json!({});
    let mut annotations = json!({keys::SOURCE_BRANCH: branch});
    for (map, value) in [(&mut labels, label), (&mut annotations, annotation)] {
        if let Some(value) = value {
            map.as_object_mut().unwrap().insert(keys::PULL_REQUEST.to_owned(), value.into());
        }
    }
    let snapshot = snapshot(labels, annotations, json!([]));
    assert_eq!(pull_request_number(&snapshot.metadata), expected);
}

fn prefixed(prefix: &str, map: &Value) -> Value {
    map.as_object().unwrap().iter().map(|(key, value)| (format!("{prefix}/{key}"), value.clone())).collect()
}
