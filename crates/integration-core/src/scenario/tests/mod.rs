use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::testing::{scenario, snapshot};

fn applicable(labels: Value, annotations: Value) -> Vec<&'static str> {
    const SCENARIOS: [(&str, &[&str]); 10] = [
        ("none", &[]),
        ("application", &["application"]),
        ("component", &["component"]),
        ("component_component-sample", &["component_component-sample"]),
        ("component_component-sample-2", &["component_component-sample-2"]),
        ("pull_request", &["pull_request"]),
        ("push", &["push"]),
        ("group", &["group"]),
        ("group+component", &["group", "component"]),
        ("n/a", &["n/a"]),
    ];
    let snapshot = snapshot(labels, annotations, json!([]));
    SCENARIOS
        .into_iter()
        .filter(|(_, contexts)| applies(&scenario(contexts, json!({}), json!({})), &snapshot))
        .map(|(name, _)| name)
        .collect()
}

// TR-12, API-143; 03 §22 rows 9 … 12
#[test]
fn tr_12_contexts_of_a_component_push() {
    let labels = json!({keys::SNAPSHOT_TYPE: "component", keys::COMPONENT: "component-sample"});
    assert_eq!(
        applicable(labels, json!({})),
        ["none", "application", "component", "component_component-sample", "push", "group+component"]
    );
}

#[test]
fn tr_12_contexts_of_a_component_pull_request() {
    let labels = json!({
        keys::SNAPSHOT_TYPE: "component", keys::COMPONENT: "component-sample",
        keys::EVENT_TYPE: "pull_request", keys::PULL_REQUEST: "1",
    });
    assert_eq!(
        applicable(labels, json!({})),
        ["none", "application", "component", "component_component-sample", "pull_request", "group+component"]
    );
}

#[test]
fn tr_12_contexts_of_a_group() {
    let labels = json!({
        keys::SNAPSHOT_TYPE: "group", keys::COMPONENT: "", keys::EVENT_TYPE: "pull_request", keys::PULL_REQUEST: "1",
    });
    assert_eq!(applicable(labels, json!({})), ["none", "application", "pull_request", "group", "group+component"]);
}

#[test]
fn tr_12_contexts_of_an_override_with_pull_request_labels() {
    let labels = json!({keys::SNAPSHOT_TYPE: "override", keys::EVENT_TYPE: "pull_request", keys::PULL_REQUEST: "1"});
    assert_eq!(applicable(labels, json!({})), ["none", "application", "pull_request"]);
}

// TR-12, API-143; 01 §9 rows 53, 54; 03 §22 row 13
#[rstest]
#[case("all", json!({}), true)]
#[case("component_foo", json!({keys::SNAPSHOT_TYPE: "override", keys::COMPONENT: "foo"}), true)]
#[case("component_foo", json!({keys::SNAPSHOT_TYPE: "group", keys::COMPONENT: "foo"}), true)]
#[case("component_component_x", json!({keys::COMPONENT: "component_x"}), true)]
#[case("component_", json!({}), false)]
#[case("override", json!({keys::SNAPSHOT_TYPE: "override"}), true)]
#[case("push", json!({keys::SNAPSHOT_TYPE: "group"}), false)]
#[case("disabled", json!({keys::SNAPSHOT_TYPE: "component"}), false)]
#[case("Push", json!({}), false)]
#[case("", json!({}), false)]
fn tr_12_single_contexts(#[case] context: &str, #[case] labels: Value, #[case] expected: bool) {
    let snapshot = snapshot(labels, json!({}), json!([]));
    assert_eq!(applies(&scenario(&[context], json!({}), json!({})), &snapshot), expected);
}

// TR-B51: merge queues are no pushes, parents follow their child; one without a word about it keeps the old contexts.
#[rstest]
#[case(json!({keys::SOURCE_BRANCH: "gh-readonly-queue/main/pr-1-a"}), "pull_request")]
#[case(json!({keys::CHILD_SNAPSHOT: "c", keys::INTEGRATION_WORKFLOW: "pull-request"}), "pull_request")]
#[case(json!({keys::CHILD_SNAPSHOT: "c"}), "push")]
fn tr_b51_contexts_follow_the_event_class(#[case] annotations: Value, #[case] expected: &str) {
    let snapshot = snapshot(json!({}), annotations, json!([]));
    for context in ["push", "pull_request"] {
        assert_eq!(applies(&scenario(&[context], json!({}), json!({})), &snapshot), context == expected, "{context}");
    }
}

// API-B24: names that are no label values are compared in the form in which they were written.
#[test]
fn api_b24_contexts_of_components_with_long_names() {
    let name = "c".repeat(70);
    let snapshot = snapshot(json!({keys::COMPONENT: label_value(&name)}), json!({}), json!([]));
    assert!(applies(&scenario(&[&format!("component_{name}")], json!({}), json!({})), &snapshot));
}

// TR-11, API-23; 03 §22 row 14
#[rstest]
#[case(json!({keys::OPTIONAL: "true"}), true)]
#[case(json!({keys::OPTIONAL: "True"}), false)]
#[case(json!({keys::OPTIONAL: "false"}), false)]
#[case(json!({keys::OPTIONAL: ""}), false)]
#[case(json!({}), false)]
fn tr_11_only_true_is_optional(#[case] labels: Value, #[case] expected: bool) {
    assert_eq!(optional(&scenario(&[], labels, json!({}))), expected);
}
