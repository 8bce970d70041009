//! What a client of an old version sees, and what its writes leave behind.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::keys::CONVERSION_DATA;

const ALPHA: &str = "appstudio.redhat.com/v1alpha1";
const BETA1: &str = "appstudio.redhat.com/v1beta1";
const BETA2: &str = "appstudio.redhat.com/v1beta2";

fn object(api_version: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": "IntegrationTestScenario",
        "metadata": {"name": "s", "namespace": "ns", "uid": "u", "labels": {"l": "1"}, "annotations": {"a": "1"}},
        "spec": spec,
    })
}

fn git(params: &Value) -> Value {
    json!({"resolver": "git", "params": params})
}

fn data(object: &Value) -> Option<&str> {
    object["metadata"]["annotations"][CONVERSION_DATA].as_str()
}

/// A scenario of a ComponentGroup that no old version can express.
fn rich() -> Value {
    object(
        BETA2,
        &json!({
            "componentGroup": "cg",
            "resolverRef": {"resolver": "git", "params": [{"name": "url", "value": "https://g/x"}], "resourceKind": "pipelinerun"},
            "params": [{"name": "p", "value": "v"}],
            "contexts": [{"name": "push"}],
            "dependents": ["other"],
        }),
    )
}

// API-35, API-B3, API-39; row 1 of the edge cases.
#[test]
fn api_35_v1beta1_becomes_v1beta2() {
    let old = object(
        BETA1,
        &json!({
            "application": "app",
            "resolverRef": git(&json!([{"name": "url", "value": "https://g/x"}, {"name": "revision", "value": "main"}])),
            "params": [{"name": "p", "values": ["1", "2"]}],
            "contexts": [{"name": "push", "description": "d"}],
            "environment": {"name": "e", "type": "POC", "configuration": {"env": [{"name": "n", "value": "v"}]}},
            "unknown": 1,
        }),
    );
    let mut expected = object(
        BETA2,
        &json!({
            "application": "app",
            "resolverRef": {
                "resolver": "git",
                "params": [{"name": "url", "value": "https://g/x"}, {"name": "revision", "value": "main"}],
                "resourceKind": "pipeline",
            },
            "params": [{"name": "p", "values": ["1", "2"]}],
            "contexts": [{"name": "push", "description": "d"}],
        }),
    );
    expected["status"] = json!({"conditions": []});
    assert_eq!(convert(&old, BETA2), Ok(expected));
}

// Row 76 of the edge cases.
#[test]
fn api_35_empty_parameters_of_the_resolver_stay_a_list() {
    let old =
        object(BETA1, &json!({"application": "app", "resolverRef": git(&json!([])), "params": [], "contexts": null}));
    let new = to_v1beta2(&old).unwrap();
    assert_eq!(
        new["spec"],
        json!({"application": "app", "resolverRef": {"resolver": "git", "params": [], "resourceKind": "pipeline"}})
    );
}

// Row 2 of the edge cases.
#[test]
fn api_36_v1alpha1_becomes_a_bundle() {
    let old = object(ALPHA, &json!({"application": "app", "bundle": "b", "pipeline": "p"}));
    let new = convert(&old, BETA2).unwrap();
    assert_eq!(
        new["spec"]["resolverRef"],
        json!({
            "resolver": "bundles",
            "params": [
                {"name": "bundle", "value": "b"},
                {"name": "name", "value": "p"},
                {"name": "kind", "value": "pipeline"},
            ],
            "resourceKind": "pipeline",
        })
    );
    assert_eq!(new["status"], json!({"conditions": []}));
}

// Row 3 of the edge cases.
#[test]
fn api_37_a_scenario_of_a_component_group_has_no_application_in_v1beta1() {
    let old = convert(&rich(), BETA1).unwrap();
    assert_eq!(
        old["spec"],
        json!({
            "application": "",
            "resolverRef": {"resolver": "git", "params": [{"name": "url", "value": "https://g/x"}]},
            "params": [{"name": "p", "value": "v"}],
            "environment": {"name": "", "type": ""},
            "contexts": [{"name": "push"}],
        })
    );
    assert_eq!(old.get("status"), None);
    assert_eq!(old["metadata"]["labels"], json!({"l": "1"}));
}

// Row 4 of the edge cases.
#[test]
fn api_38_another_resolver_has_no_bundle_in_v1alpha1() {
    let old = convert(&rich(), ALPHA).unwrap();
    assert_eq!((&old["spec"]["bundle"], &old["spec"]["pipeline"]), (&json!(""), &json!("")));
    assert_eq!(old["spec"]["environment"], json!({"name": "", "type": ""}));
}

#[test]
fn api_38_the_last_parameter_of_a_name_counts() {
    let params = json!([
        {"name": "bundle", "value": "1"}, {"name": "name", "value": "p"}, {"name": "bundle", "value": "2"}
    ]);
    let new = object(BETA2, &json!({"application": "app", "resolverRef": {"resolver": "bundles", "params": params}}));
    let mut old = convert(&new, ALPHA).unwrap();
    assert_eq!(old["spec"]["bundle"], "2");
    old["spec"]["bundle"] = json!("3");
    let params = convert(&old, BETA2).unwrap()["spec"]["resolverRef"]["params"].clone();
    assert_eq!(params.as_array().map(Vec::len), Some(3));
    assert_eq!((&params[0]["value"], &params[2]["value"]), (&json!("1"), &json!("3")));
}

#[test]
fn api_39_old_versions_meet_in_the_hub() {
    let old = object(ALPHA, &json!({"application": "app", "bundle": "b", "pipeline": "p"}));
    let beta = convert(&old, BETA1).unwrap();
    assert_eq!(beta["apiVersion"], BETA1);
    assert_eq!(beta["spec"]["resolverRef"]["params"][1], json!({"name": "name", "value": "p"}));
    let back = convert(&beta, ALPHA).unwrap();
    assert_eq!((&back["spec"]["bundle"], &back["spec"]["pipeline"]), (&json!("b"), &json!("p")));
}

// Row 5 of the edge cases.
#[rstest]
#[case(rich(), BETA2, "already")]
#[case(rich(), "appstudio.redhat.com/v2", "no version")]
#[case(json!({"apiVersion": "v1", "kind": "IntegrationTestScenario"}), BETA2, "no version")]
#[case(json!({"apiVersion": BETA1, "kind": "ComponentGroup"}), BETA2, "ComponentGroup")]
#[case(json!({}), BETA2, "no version")]
#[case(json!([]), BETA2, "no version")]
#[case(object(BETA1, &json!({"application": "app"})), BETA2, "resolverRef")]
#[case(object(BETA1, &json!({"application": 7, "resolverRef": git(&json!([]))})), BETA2, "ns/s")]
#[case(object(ALPHA, &json!("x")), BETA2, "cannot be read")]
fn api_39_what_cannot_be_converted_is_named(#[case] object: Value, #[case] desired: &str, #[case] expected: &str) {
    let error = convert(&object, desired).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn api_39_conditions_have_to_be_a_list() {
    let mut new = rich();
    new["status"] = json!({"conditions": {}});
    assert!(convert(&new, BETA1).unwrap_err().to_string().contains("`status.conditions`"));
}

#[test]
fn api_40_metadata_stay_apart_from_our_annotation() {
    for version in [ALPHA, BETA1] {
        let mut old = convert(&rich(), version).unwrap();
        assert!(data(&old).is_some());
        old["metadata"]["annotations"].as_object_mut().unwrap().remove(CONVERSION_DATA);
        assert_eq!(old["metadata"], rich()["metadata"]);
    }
}

#[rstest]
#[case(ALPHA)]
#[case(BETA1)]
fn api_b3_an_annotation_set_through_an_old_version_changes_nothing_else(#[case] version: &str) {
    let mut new = rich();
    new["status"] = json!({"conditions": [{"type": "IntegrationTestScenarioValid", "status": "True", "x": 1}]});
    let mut old = convert(&new, version).unwrap();
    assert_eq!(old["status"], new["status"], "conditions are copied");
    old["metadata"]["annotations"]["b"] = json!("2");
    new["metadata"]["annotations"]["b"] = json!("2");
    assert_eq!(convert(&old, BETA2), Ok(new));
}

#[test]
fn api_b3_nothing_is_stored_when_nothing_would_be_lost() {
    let new = object(
        BETA2,
        &json!({"application": "app", "resolverRef": {"resolver": "git", "params": [], "resourceKind": "pipeline"}}),
    );
    assert_eq!(data(&convert(&new, BETA1).unwrap()), None);
    assert!(data(&convert(&new, ALPHA).unwrap()).is_some(), "v1alpha1 has no git resolver");
}

#[test]
fn api_b3_what_was_changed_in_an_old_version_wins() {
    let mut old = convert(&rich(), BETA1).unwrap();
    old["spec"]["params"] = json!([]);
    old["spec"]["contexts"] = json!([{"name": "group"}]);
    old["spec"]["resolverRef"]["params"][0]["value"] = json!("https://g/y");
    let spec = convert(&old, BETA2).unwrap()["spec"].clone();
    assert_eq!(
        spec,
        json!({
            "componentGroup": "cg",
            "resolverRef": {"resolver": "git", "params": [{"name": "url", "value": "https://g/y"}], "resourceKind": "pipelinerun"},
            "contexts": [{"name": "group"}],
            "dependents": ["other"],
        })
    );
    let mut old = convert(&rich(), BETA1).unwrap();
    old["spec"]["resolverRef"]["resolver"] = json!("http");
    assert_eq!(convert(&old, BETA2).unwrap()["spec"]["resolverRef"]["resolver"], "http");
    let mut old = convert(&rich(), ALPHA).unwrap();
    old["spec"]["bundle"] = json!("b");
    let resolver = convert(&old, BETA2).unwrap()["spec"]["resolverRef"].clone();
    assert_eq!((&resolver["resolver"], &resolver["params"][0]["value"]), (&json!("bundles"), &json!("b")));
}

#[rstest]
#[case(ALPHA)]
#[case(BETA1)]
fn api_b3_an_application_set_through_an_old_version_is_the_only_owner(#[case] version: &str) {
    let mut old = convert(&rich(), version).unwrap();
    old["spec"]["application"] = json!("app");
    let spec = convert(&old, BETA2).unwrap()["spec"].clone();
    assert_eq!((&spec["application"], spec.get("componentGroup")), (&json!("app"), None));
}

#[rstest]
#[case("")]
#[case("null")]
#[case("{")]
#[case("[]")]
#[case(r#"{"componentGroup":"evil"}"#)]
#[case(r#"{"resolverRef":{"resolver":1,"params":[]}}"#)]
fn api_b3_malformed_data_are_ignored(#[case] text: &str) {
    let mut old = object(BETA1, &json!({"application": "app", "resolverRef": git(&json!([]))}));
    let plain = convert(&old, BETA2).unwrap();
    old["metadata"]["annotations"][CONVERSION_DATA] = json!(text);
    assert_eq!(convert(&old, BETA2), Ok(plain));
}

#[test]
fn api_b3_oversized_data_are_ignored() {
    let mut old = object(BETA1, &json!({"application": "app", "resolverRef": git(&json!([]))}));
    let plain = convert(&old, BETA2).unwrap();
    let dependent = "d".repeat(256 * 1024);
    old["metadata"]["annotations"][CONVERSION_DATA] =
        json!(json!({"resolverRef": git(&json!([])), "dependents": [dependent]}).to_string());
    assert_eq!(convert(&old, BETA2), Ok(plain));
}

#[test]
fn api_b3_data_on_a_stored_object_are_not_passed_on() {
    let spec =
        json!({"application": "app", "resolverRef": {"resolver": "git", "params": [], "resourceKind": "pipeline"}});
    let mut new = object(BETA2, &spec);
    new["metadata"]["annotations"] = json!({CONVERSION_DATA: r#"{"resolverRef":{"resolver":"x","params":[]}}"#});
    let old = convert(&new, BETA1).unwrap();
    assert_eq!(old["metadata"].get("annotations"), None);
}

fn any_spec() -> impl Strategy<Value = V1beta2> {
    let text = || prop::sample::select(vec!["", "a", "bundles", "git", "bundle", "name", "kind", "pipeline"]);
    let param =
        move || (text(), text()).prop_map(|(name, value)| ResolverParam { name: name.into(), value: value.into() });
    let owner = || prop::option::of(prop::sample::select(vec!["app", "cg"]));
    (
        (owner(), owner(), text(), prop::collection::vec(param(), 0..4), prop::option::of(text())),
        prop::collection::vec(text(), 0..2),
    )
        .prop_map(|((application, group, resolver, params, kind), dependents)| V1beta2 {
            application: application.map(str::to_owned),
            component_group: group.map(str::to_owned),
            resolver_ref: ResolverRef { resolver: resolver.into(), params, resource_kind: kind.map(str::to_owned) },
            params: Vec::new(),
            contexts: Vec::new(),
            dependents: dependents.into_iter().map(str::to_owned).collect(),
        })
}

proptest! {
    #[test]
    fn api_b3_every_spec_survives_every_old_version(spec in any_spec(), alpha in any::<bool>()) {
        let mut new = object(BETA2, &serde_json::to_value(&spec).unwrap());
        new["status"] = json!({"conditions": []});
        let old = convert(&new, if alpha { ALPHA } else { BETA1 }).unwrap();
        prop_assert_eq!(convert(&old, BETA2), Ok(new));
    }
}
