use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::testing::{build, digest, image, snapshot, time};

const NOW: &str = "2025-01-02T12:00:00Z";

/// A Snapshot of Application `app` made for build `b1` with uid `u1`.
fn made_by_build() -> Snapshot {
    let mut snapshot =
        snapshot(json!({keys::BUILD_PIPELINE_RUN: "b1"}), json!({keys::BUILD_PIPELINE_RUN_UID: "u1"}), json!([]));
    "app".clone_into(&mut snapshot.spec.application);
    snapshot
}

/// A build that succeeded at this time and carries these annotations.
fn succeeded(completed: &str, annotations: Value) -> PipelineRun {
    let mut build = build(json!({}), annotations);
    let status = json!({
        "conditions": [{"type": "Succeeded", "status": "True", "reason": "Completed"}],
        "startTime": "2025-01-01T00:00:00Z", "completionTime": completed,
    });
    build.status = serde_json::from_value(status).unwrap();
    build
}

fn has_for_app(snapshot: &Snapshot) -> bool {
    has(snapshot, &build(json!({}), json!({})), &Owner::application("app"))
}

// SC-B33, D-3
#[test]
fn sc_b33_a_snapshot_of_the_same_build_and_owner_is_its_snapshot() {
    assert!(has_for_app(&made_by_build()));
}

#[test]
fn sc_b33_deletion_and_type_do_not_matter() {
    let mut snapshot = made_by_build();
    snapshot.metadata.deletion_timestamp = Some(time(NOW).into());
    snapshot.metadata.labels.as_mut().unwrap().insert(keys::SNAPSHOT_TYPE.to_owned(), "other".to_owned());
    assert!(has_for_app(&snapshot));
}

#[test]
fn sc_b33_another_owner_another_name_no_name() {
    let mut other_owner = made_by_build();
    "other".clone_into(&mut other_owner.spec.application);
    assert!(!has_for_app(&other_owner));
    let mut both_owners = made_by_build();
    "group".clone_into(&mut both_owners.spec.component_group);
    assert!(!has_for_app(&both_owners));
    let mut no_label = made_by_build();
    no_label.metadata.labels = None;
    assert!(!has_for_app(&no_label));
    let mut other_build = made_by_build();
    other_build.metadata.labels.as_mut().unwrap().insert(keys::BUILD_PIPELINE_RUN.to_owned(), "b2".to_owned());
    assert!(!has_for_app(&other_build));
}

// SC-B33, SC-B32; 02 N-4, N-5
#[rstest]
#[case(Some("u2"), Some("2025-01-01T00:00:00Z"), false)]
#[case(Some(""), Some("2025-01-01T00:00:00Z"), false)]
#[case(Some("u1"), None, true)]
#[case(None, Some("2025-01-01T00:00:00Z"), true)]
#[case(None, Some("2025-01-01T00:00:01Z"), true)]
#[case(None, Some("2024-12-31T23:59:59Z"), false)]
#[case(None, None, false)]
fn sc_b32_a_build_of_the_same_name_does_not_inherit(
    #[case] uid: Option<&str>,
    #[case] created: Option<&str>,
    #[case] expected: bool,
) {
    let mut snapshot = made_by_build();
    snapshot.metadata.annotations = uid.map(|uid| [(keys::BUILD_PIPELINE_RUN_UID.to_owned(), uid.to_owned())].into());
    snapshot.metadata.creation_timestamp = created.map(|created| time(created).into());
    assert_eq!(has_for_app(&snapshot), expected);
}

// API-B24, SC-B16
#[test]
fn api_b24_builds_with_long_names_are_found() {
    let mut build = build(json!({}), json!({}));
    build.metadata.name = Some("b".repeat(100));
    let mut snapshot = made_by_build();
    let label = label_value(&"b".repeat(100)).into_owned();
    snapshot.metadata.labels.as_mut().unwrap().insert(keys::BUILD_PIPELINE_RUN.to_owned(), label);
    assert!(has(&snapshot, &build, &Owner::application("app")));
}

// SC-B33, API-B13, D-3; 01 §9 row 77
#[rstest]
#[case(json!({}), false)]
#[case(json!({keys::SNAPSHOTS: ""}), false)]
#[case(json!({keys::SNAPSHOT: ""}), false)]
#[case(json!({keys::SNAPSHOTS: "a,b"}), true)]
#[case(json!({keys::SNAPSHOT: "a"}), true)]
fn sc_b33_settled(#[case] annotations: Value, #[case] expected: bool) {
    assert_eq!(settled(&build(json!({}), annotations)), expected);
}

// SC-8; 02 E-18
#[rstest]
#[case(json!({keys::CHAINS_SIGNED: "true"}), true)]
#[case(json!({keys::CHAINS_SIGNED: "failed"}), true)]
#[case(json!({keys::CHAINS_SIGNED: ""}), true)]
#[case(json!({}), false)]
fn sc_8_signed(#[case] annotations: Value, #[case] expected: bool) {
    assert_eq!(signed(&build(json!({}), annotations)), expected);
}

const FAILED: &str = r#"{"message":"Failed to create snapshot","status":"failed"}"#;

// SC-B33
#[rstest]
// Exactly 24 hours are not more than 24 hours.
#[case("2025-01-01T12:00:00Z", FAILED, false)]
#[case("2025-01-01T11:59:59Z", FAILED, true)]
#[case("2025-01-01T11:59:59Z", r#"{"message":"x","status":"success"}"#, false)]
#[case("2025-01-01T11:59:59Z", "not json", false)]
#[case("2025-01-01T11:59:59Z", "", false)]
fn sc_b33_expired(#[case] completed: &str, #[case] status: &str, #[case] expected: bool) {
    let build = succeeded(completed, json!({keys::CREATE_SNAPSHOT_STATUS: status}));
    assert_eq!(expired(&build, time(NOW)), expected);
}

#[test]
fn sc_b33_a_build_we_still_hold_does_not_expire() {
    let mut build = succeeded("2025-01-01T00:00:00Z", json!({keys::CREATE_SNAPSHOT_STATUS: FAILED}));
    build.metadata.finalizers = Some(vec![keys::PIPELINE_RUN_FINALIZER.to_owned()]);
    assert!(!expired(&build, time(NOW)));
    build.metadata.finalizers = Some(vec!["other".to_owned()]);
    assert!(expired(&build, time(NOW)));
}

// SC-82, SC-B33; 02 E-17: the creation stands in for a missing completion.
#[test]
fn sc_82_a_build_without_completion_counts_from_its_creation() {
    let mut build = succeeded("2025-01-02T00:00:00Z", json!({keys::CREATE_SNAPSHOT_STATUS: FAILED}));
    assert!(!expired(&build, time(NOW)));
    build.status.completion_time = None;
    assert_eq!(ended(&build), Some(time("2025-01-01T00:00:00Z")));
    assert!(expired(&build, time(NOW)));
}

// SC-B33, API-B13; 02 N-2, N-21, N-26
#[rstest]
#[case(json!({keys::CHAINS_SIGNED: "true"}), true)]
#[case(json!({}), false)]
#[case(json!({keys::CHAINS_SIGNED: "true", keys::SNAPSHOTS: "s"}), false)]
#[case(json!({keys::CHAINS_SIGNED: "true", keys::CREATE_SNAPSHOT_STATUS: FAILED}), false)]
fn sc_b33_owed(#[case] annotations: Value, #[case] expected: bool) {
    let mut build = succeeded("2025-01-01T00:00:00Z", annotations);
    assert_eq!(owed(&build, time(NOW)), expected);
    "False".clone_into(&mut build.status.conditions[0].status);
    assert!(!owed(&build, time(NOW)));
    build.status.conditions.clear();
    assert!(!owed(&build, time(NOW)));
}

// SC-B33, SC-76, API-182; 02 E-53, 01 §9 row 63
#[rstest]
#[case(json!({}), json!({}), true)]
#[case(json!({}), json!({keys::ADDED_TO_GCL: r#"{"result":true,"reason":"Success","lastupdatedtime":"2025-01-01T00:00:00Z"}"#}), false)]
#[case(json!({}), json!({keys::ADDED_TO_GCL: r#"{"result":false,"reason":"x","lastupdatedtime":"2025-01-01T00:00:00Z"}"#}), true)]
#[case(json!({}), json!({keys::ADDED_TO_GCL: r#"{"result":true"#}), true)]
#[case(json!({}), json!({keys::SNAPSHOT: "s"}), false)]
#[case(json!({keys::PAC_PULL_REQUEST: "1", keys::PAC_EVENT_TYPE: "pull_request"}), json!({}), false)]
fn sc_b33_only_pushes_ask_for_the_candidate_list(
    #[case] labels: Value,
    #[case] mut annotations: Value,
    #[case] expected: bool,
) {
    annotations.as_object_mut().unwrap().insert(keys::CHAINS_SIGNED.to_owned(), "true".into());
    let mut build = succeeded("2025-01-01T00:05:00Z", annotations);
    build.metadata.labels = serde_json::from_value(labels).unwrap();
    assert_eq!(candidate_open(&build, time(NOW)), expected);
}

// D-6, SC-B9
#[test]
fn d_6_start_falls_back_to_the_creation_and_never_to_now() {
    let mut build = succeeded(NOW, json!({}));
    build.metadata.creation_timestamp = Some(time("2024-12-31T00:00:00Z").into());
    assert_eq!(start(&build), time("2025-01-01T00:00:00Z"));
    build.status.start_time = None;
    assert_eq!(start(&build), time("2024-12-31T00:00:00Z"));
    assert_eq!(start(&PipelineRun::default()), Timestamp::UNIX_EPOCH);
}

// SC-24; 02 E-7
#[test]
fn sc_24_component_and_version_of_a_build() {
    let build = build(json!({keys::COMPONENT: "c1"}), json!({keys::VERSION: "v1"}));
    assert_eq!((component(&build), version(&build)), (Some("c1"), "v1"));
    assert_eq!((component(&PipelineRun::default()), version(&PipelineRun::default())), (None, ""));
}

fn rival(component: &str, version: &str, created: &str, started: Option<&str>, uid: &str) -> PipelineRun {
    let mut build = build(json!({keys::COMPONENT: component}), json!({keys::VERSION: version}));
    build.metadata.uid = Some(uid.to_owned());
    build.metadata.creation_timestamp = Some(time(created).into());
    build.status.start_time = started.map(|started| time(started).into());
    build
}

// SC-B18
#[rstest]
#[case(rival("c", "v", "2025-01-01T00:00:01Z", None, "a"), false)]
#[case(rival("c", "v", "2024-12-31T00:00:00Z", None, "z"), true)]
#[case(rival("c", "w", "2025-01-01T00:00:01Z", None, "z"), true)]
#[case(rival("d", "v", "2025-01-01T00:00:01Z", None, "z"), true)]
#[case(rival("c", "v", "2025-01-01T00:00:00Z", Some("2025-01-01T00:00:03Z"), "a"), false)]
#[case(rival("c", "v", "2025-01-01T00:00:00Z", Some("2025-01-01T00:00:01Z"), "z"), true)]
#[case(rival("c", "v", "2025-01-01T00:00:00Z", None, "z"), false)]
#[case(rival("c", "v", "2025-01-01T00:00:00Z", None, "a"), true)]
fn sc_b18_latest(#[case] other: PipelineRun, #[case] expected: bool) {
    let build = rival("c", "v", "2025-01-01T00:00:00Z", Some("2025-01-01T00:00:02Z"), "m");
    assert_eq!(latest(&build, [&build, &other]), expected);
    if other.metadata.labels == build.metadata.labels && version(&other) == version(&build) {
        assert_eq!(latest(&other, [&build, &other]), !expected);
    }
}

#[test]
fn sc_b18_a_build_without_component_is_nobodys_rival() {
    let nameless = build(json!({}), json!({}));
    let newer = rival("", "", "2026-01-01T00:00:00Z", None, "z");
    assert!(latest(&nameless, [&newer]));
    let mut old = rival("", "", "2020-01-01T00:00:00Z", None, "a");
    assert!(latest(&old, [&nameless]));
    old.metadata.labels = None;
    assert!(latest(&newer, [&old]));
}

fn with_results(results: Value) -> PipelineRun {
    let mut build = build(json!({}), json!({keys::CONTEXT: "sub"}));
    build.status.results = serde_json::from_value(results).unwrap();
    build
}

// SC-100, SC-101, SC-B13; 02 E-55
#[test]
fn sc_100_a_build_delivers_image_and_source() {
    let delivered = source(&with_results(json!([
        {"name": "IMAGE_URL", "value": " quay.io/org/c1:tag\n"},
        {"name": "IMAGE_URL", "value": "the first one counts"},
        {"name": "IMAGE_DIGEST", "value": digest()},
        {"name": "CHAINS-GIT_URL", "value": "https://h/r\n"},
        {"name": "CHAINS-GIT_COMMIT", "value": " abc "},
    ])))
    .unwrap();
    assert_eq!(delivered.image.to_string(), image("c1"));
    assert_eq!((delivered.url.as_str(), delivered.revision.as_str()), ("https://h/r", "abc"));
    assert_eq!(delivered.context, "sub");
}

// SC-101; 02 E-59
#[test]
fn sc_101_empty_git_results_are_accepted() {
    let delivered = source(&with_results(json!([
        {"name": "IMAGE_URL", "value": "quay.io/org/c1"},
        {"name": "IMAGE_DIGEST", "value": digest()},
        {"name": "CHAINS-GIT_URL", "value": ""},
        {"name": "CHAINS-GIT_COMMIT", "value": ["array"]},
    ])))
    .unwrap();
    assert_eq!((delivered.url.as_str(), delivered.revision.as_str()), ("", ""));
}

// SC-100; 02 E-50
#[test]
fn sc_100_missing_results_are_named() {
    let error =
        source(&with_results(json!([{"name": "IMAGE_URL", "value": "i"}, {"name": "CHAINS-GIT_URL", "value": "u"}])))
            .unwrap_err();
    assert_eq!(error.reason(), "missing_result");
    assert_eq!(error.to_string(), "build PipelineRun b1 has no result IMAGE_DIGEST, CHAINS-GIT_COMMIT");
}

// SC-103, SC-B12; 02 E-58
#[rstest]
#[case(json!("invalidDigest"), "invalidDigest")]
#[case(json!(["sha256:1"]), "result IMAGE_DIGEST is no text")]
#[case(json!({"a": "b"}), "result IMAGE_DIGEST is no text")]
fn sc_b12_invalid_images_are_refused(#[case] digest: Value, #[case] text: &str) {
    let error = source(&with_results(json!([
        {"name": "IMAGE_URL", "value": "quay.io/org/c1"},
        {"name": "IMAGE_DIGEST", "value": digest},
        {"name": "CHAINS-GIT_URL", "value": "u"},
        {"name": "CHAINS-GIT_COMMIT", "value": "c"},
    ])))
    .unwrap_err();
    assert_eq!(error.reason(), "invalid_digest");
    assert!(error.to_string().contains(text) && error.to_string().contains("b1"), "{error}");
}
