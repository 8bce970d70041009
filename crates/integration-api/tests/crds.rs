//! The definitions we ship accept and refuse what clusters accept and refuse today.

// A test fails by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use rstest::rstest;
use serde_json::{Value, json};

use integration_api::crds;

/// The definition as JSON, without texts for people and without what every kind has.
fn comparable(mut crd: Value) -> Value {
    crd["spec"].as_object_mut().unwrap().remove("conversion");
    crd["metadata"].as_object_mut().unwrap().remove("annotations");
    for version in crd["spec"]["versions"].as_array_mut().unwrap() {
        let root = version["schema"]["openAPIV3Schema"]["properties"].as_object_mut().unwrap();
        for key in ["apiVersion", "kind", "metadata"] {
            root.remove(key);
        }
    }
    without_texts(&mut crd);
    crd
}

fn without_texts(value: &mut Value) {
    match value {
        Value::Object(object) => {
            // A property may have one of these names; then its value is no string.
            object.retain(|key, value| {
                !(["description", "message", "deprecationWarning"].contains(&key.as_str()) && value.is_string())
            });
            object.values_mut().for_each(without_texts);
            if let Some(Value::Array(required)) = object.get_mut("required") {
                required.sort_by_key(ToString::to_string);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_texts),
        _ => {}
    }
}

fn owned(name: &str) -> CustomResourceDefinition {
    crds::owned().into_iter().find(|crd| crd.spec.names.plural == name).unwrap()
}

fn ours(name: &str) -> Value {
    serde_json::to_value(owned(name)).unwrap()
}

// The whole schema is compared, so each of these is a line of the reference file:
// API-2, API-4, API-10, API-11, API-12, API-13, API-14, API-15, API-16, API-17, API-18, API-19, API-20, API-30,
// API-31, API-45, API-46, API-47, API-48, API-49, API-50, API-51, API-52, API-53, API-54, API-55, API-56, API-62,
// API-63, API-64, API-65, API-66, API-67, API-68, API-69, API-70, D-16, GA-X5
#[rstest]
#[case::componentgroups("componentgroups", include_str!("reference/componentgroups.yaml"))]
#[case::integrationtestscenarios("integrationtestscenarios", include_str!("reference/integrationtestscenarios.yaml"))]
#[case::nudgeconfigs("nudgeconfigs", include_str!("reference/nudgeconfigs.yaml"))]
fn api_1_the_schema_is_the_one_of_today(#[case] name: &str, #[case] reference: &str) {
    let reference: CustomResourceDefinition = serde_yaml_ng::from_str(reference).unwrap();
    let mut reference = comparable(serde_json::to_value(reference).unwrap());
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties";
    if name == "componentgroups" {
        // GA-X5: the API server refuses a second entry of a Component in a version.
        let list = reference.pointer_mut(&format!("{spec}/status/properties/globalCandidateList")).unwrap();
        list["x-kubernetes-list-type"] = json!("map");
        list["x-kubernetes-list-map-keys"] = json!(["name", "version"]);
        list["items"]["properties"]["version"]["default"] = json!("");
    }
    if name == "integrationtestscenarios" {
        // API-10: exactly one owner.
        let spec = "/spec/versions/2/schema/openAPIV3Schema/properties/spec";
        let one_of = json!([{"required": ["application"]}, {"required": ["componentGroup"]}]);
        reference.pointer_mut(spec).unwrap()["oneOf"] = one_of;
    }
    let ours = comparable(ours(name));
    for (ours, reference) in
        std::iter::zip(ours["spec"]["versions"].as_array().unwrap(), reference["spec"]["versions"].as_array().unwrap())
    {
        assert_eq!(ours, reference, "version {}", reference["name"]);
    }
    assert_eq!(ours, reference);
}

#[test]
fn api_4_old_versions_warn() {
    let crd = owned("integrationtestscenarios");
    let warnings: Vec<_> = crd
        .spec
        .versions
        .iter()
        .map(|version| (version.name.as_str(), version.deprecation_warning.as_deref()))
        .collect();
    let [("v1alpha1", Some(alpha)), ("v1beta1", Some(beta)), ("v1beta2", None)] = warnings[..] else {
        panic!("{warnings:?}")
    };
    assert!(alpha.contains("will be migrated to v1beta1") && beta.contains("will be migrated to v1beta2"));
}

// API-6
#[test]
fn api_5_old_versions_are_converted_by_the_webhook() {
    let crd = ours("integrationtestscenarios");
    assert_eq!(
        crd["spec"]["conversion"],
        json!({"strategy": "Webhook", "webhook": {
            "clientConfig": {"service": {
                "name": "integration-service-webhook-service", "namespace": "integration-service", "path": "/convert"
            }},
            "conversionReviewVersions": ["v1", "v1beta1"]
        }})
    );
    assert_eq!(crd["metadata"]["annotations"]["service.beta.openshift.io/inject-cabundle"], "true");
    assert!(ours("componentgroups")["spec"].get("conversion").is_none());
}

#[test]
fn api_62_a_violation_says_what_to_do() {
    let text = ours("nudgeconfigs").to_string();
    for message in ["named 'nudge-config'", "cannot nudge itself", "may be listed once"] {
        assert!(text.contains(message), "{message}");
    }
}

#[test]
fn descriptions_explain_every_field_and_name_no_rule() {
    let names_rule = regex::Regex::new(r"\b(API|TR|SC|GA)-[A-Z]?[0-9]").unwrap();
    for crd in crds::owned() {
        for version in &crd.spec.versions {
            let schema = serde_json::to_value(&version.schema).unwrap();
            assert!(!names_rule.is_match(&schema.to_string()), "{}", schema);
            assert_described(&schema["openAPIV3Schema"], &crd.spec.names.kind);
        }
    }
}

fn assert_described(schema: &Value, path: &str) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
        assert_described(property, &path);
        assert_described(&property["items"], &path);
    }
}

// API-122: kinds of others are stored whole, status apart.
#[test]
fn api_75_foreign_kinds_keep_unknown_fields() {
    let names: Vec<String> = crds::foreign()
        .into_iter()
        .map(|crd| {
            let [version] = &crd.spec.versions[..] else { panic!("one version") };
            let schema = version.schema.clone().unwrap().open_api_v3_schema.unwrap();
            assert_eq!(schema.x_kubernetes_preserve_unknown_fields, Some(true));
            assert!(version.subresources.as_ref().unwrap().status.is_some());
            assert_eq!(crd.metadata.name, Some(format!("{}.{}", crd.spec.names.plural, crd.spec.group)));
            format!("{}/{} {}", crd.metadata.name.unwrap(), version.name, crd.spec.names.kind)
        })
        .collect();
    assert_eq!(
        names,
        [
            "applications.appstudio.redhat.com/v1alpha1 Application",
            "components.appstudio.redhat.com/v1alpha1 Component",
            "snapshots.appstudio.redhat.com/v1alpha1 Snapshot",
            "releases.appstudio.redhat.com/v1alpha1 Release",
            "releaseplans.appstudio.redhat.com/v1alpha1 ReleasePlan",
            "pipelineruns.tekton.dev/v1 PipelineRun",
            "taskruns.tekton.dev/v1 TaskRun",
            "resolutionrequests.resolution.tekton.dev/v1beta1 ResolutionRequest",
            "repositories.pipelinesascode.tekton.dev/v1alpha1 Repository",
        ]
    );
}
