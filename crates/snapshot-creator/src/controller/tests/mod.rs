//! Indexes, trimmed objects, and whom a change wakes.

use serde_json::{Value, json};

use super::*;

fn group(components: &Value) -> ComponentGroup {
    serde_json::from_value(json!({
        "apiVersion": "appstudio.redhat.com/v1beta2",
        "kind": "ComponentGroup",
        "metadata": {"name": "g", "namespace": "team", "uid": "g"},
        "spec": {"components": components},
    }))
    .unwrap()
}

fn member(name: &str, version: &str) -> Value {
    json!({"name": name, "componentVersion": {"name": version}})
}

// SC-26; 02 E-8, E-9
#[test]
fn sc_26_a_group_owns_the_components_it_lists_in_that_version() {
    let listed = members(&group(&json!([
        member("c1", "v1"),
        {"name": "c1", "kind": "Component", "componentVersion": {"name": "v2"}},
        {"name": "c2", "kind": "ComponentGroup", "componentVersion": {"name": "v1"}},
    ])));
    assert_eq!(listed, [observe::member("c1", "v1"), observe::member("c1", "v2")]);
    assert!(!listed.contains(&observe::member("c1", "V1")), "versions are compared exactly");
}

fn wakes(before: Option<&Value>, after: Option<&Value>) -> bool {
    let (before, after) = (before.map(|list| Arc::new(group(list))), after.map(|list| Arc::new(group(list))));
    changed(&Change { before: before.as_ref(), after: after.as_ref() }, |a: &ComponentGroup, b| {
        a.spec.components == b.spec.components
    })
}

// SC-B37: appearing, vanishing and a new spec wake builds; a new status does not.
#[test]
fn sc_b37_only_what_may_bring_a_snapshot_wakes_builds() {
    let (one, two) = (json!([member("c1", "v1")]), json!([member("c1", "v2")]));
    assert!(wakes(None, Some(&one)) && wakes(Some(&one), None) && wakes(Some(&one), Some(&two)));
    assert!(!wakes(Some(&one), Some(&one)));
    let before = Arc::new(group(&one));
    let mut replaced = group(&one);
    replaced.metadata.uid = Some("other".to_owned());
    let mut terminating = group(&one);
    terminating.metadata.deletion_timestamp = serde_json::from_value(json!("2025-01-01T00:00:00Z")).unwrap();
    for after in [replaced, terminating] {
        let after = Arc::new(after);
        assert!(changed(&Change { before: Some(&before), after: Some(&after) }, |_: &ComponentGroup, _| true));
    }
}

// SC-B37: nested groups decide whom a change concerns beside the members.
#[test]
fn sc_b37_members_and_nested_groups_are_told_apart() {
    let group = group(&json!([member("c1", "v1"), {"name": "nested", "kind": "componentGroup"}]));
    assert_eq!((referenced(&group, false), referenced(&group, true)), (vec!["c1".into()], vec!["nested".into()]));
}

fn snapshot(label: &str, annotation: Option<&str>) -> Snapshot {
    let annotations = annotation.map(|name| {
        json!({keys::BUILD_PIPELINE_RUN: name, "foo": "bar", keys::TEST_STATUS: "[]",
        format!("{}image-url", keys::RESULT_PREFIX): "quay.io/o/i"})
    });
    serde_json::from_value(json!({
        "metadata": {"name": "s", "labels": {keys::BUILD_PIPELINE_RUN: label}, "annotations": annotations},
    }))
    .unwrap()
}

// SC-B16, SC-B37, API-B24
#[test]
fn sc_b16_a_snapshot_wakes_its_build_also_when_the_name_is_no_label_value() {
    let long = "b".repeat(70);
    assert_eq!(build_of(&snapshot("b1", None)), Some("b1"));
    assert_eq!(build_of(&snapshot(&names::label_value(&long), Some(&long))), Some(long.as_str()));
    assert_eq!(build_of(&snapshot("b1", Some("another"))), Some("b1"), "the label decides");
    assert_eq!(build_of(&Snapshot::default()), None);
}

// SC-B25: trimmed objects; whose Snapshot it is and which results it carries stays.
#[test]
fn sc_b25_a_snapshot_is_kept_without_what_is_not_read() {
    let mut kept = snapshot("b1", Some("b1"));
    trim_snapshot(&mut kept);
    let result = format!("{}image-url", keys::RESULT_PREFIX);
    let expected = [(keys::BUILD_PIPELINE_RUN.to_owned(), "b1".to_owned()), (result, String::new())];
    assert_eq!(kept.metadata.annotations, Some(expected.into()));
    assert_eq!(meta::label(&kept, keys::BUILD_PIPELINE_RUN), Some("b1"));
}
