//! What the API server takes and refuses of our three kinds, and what it fills in (01 §1).

use anyhow::Result;
use e2e::{ControlPlane, TestSpace, crds, fixtures, space::resource};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, PostParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};

/// Label values of Kubernetes are as long; these names have no limit of their own.
const LONG: &str = "a123456789-a123456789-a123456789-a123456789-a123456789-a123456789-a1";

#[tokio::test]
async fn names_and_versions_of_our_kinds() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let api: Api<CustomResourceDefinition> = Api::all(plane.client().await?);
    for (plural, short, versions) in [
        ("integrationtestscenarios", "its", &["v1alpha1", "v1beta1", "v1beta2"][..]),
        ("componentgroups", "cg", &["v1beta2"][..]),
        ("nudgeconfigs", "nc", &["v1beta2"][..]),
    ] {
        // API-1
        let spec = api.get(&format!("{plural}.appstudio.redhat.com")).await?.spec;
        assert_eq!(spec.scope, "Namespaced");
        assert_eq!(spec.names.short_names.as_deref(), Some(&[short.to_owned()][..]));
        assert_eq!(spec.names.list_kind.as_deref(), Some(format!("{}List", spec.names.kind).as_str()));
        assert_eq!(spec.versions.iter().map(|version| version.name.as_str()).collect::<Vec<_>>(), versions);
        for version in &spec.versions {
            assert!(version.served, "{plural} {}", version.name);
            assert_eq!(version.storage, version.name == "v1beta2", "{plural} {}", version.name);
            let subresources = version.subresources.as_ref().unwrap();
            assert!(subresources.status.is_some() && subresources.scale.is_none(), "{plural} {}", version.name);
            let columns: Vec<&str> =
                version.additional_printer_columns.iter().flatten().map(|column| column.json_path.as_str()).collect();
            match (plural, version.name.as_str()) {
                ("integrationtestscenarios", "v1beta2") => {
                    assert_eq!(columns, [".spec.application", ".spec.componentGroup"]);
                }
                ("integrationtestscenarios", old) => {
                    // API-4
                    assert_eq!(columns, [".spec.application"]);
                    assert_eq!(version.deprecated, Some(true), "{old}");
                    assert!(version.deprecation_warning.as_ref().is_some_and(|text| !text.is_empty()), "{old}");
                }
                _ => assert_eq!(columns, [".metadata.creationTimestamp"]),
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn scenarios() -> Result<()> {
    let space = TestSpace::new("scenarios").await?;
    let ours = crds::foreign_folder().is_none();
    let scenario = || fixtures::scenario("unit", "app");
    let with = |pointer: &str, value: Value| set(scenario(), pointer, value);
    let without = |pointer: &str| unset(scenario(), pointer);
    check(
        &space,
        vec![
            ("API-10 an Application", true, scenario()),
            ("API-10 a ComponentGroup", true, fixtures::group_scenario("unit", "group")),
            ("API-10 no spec", true, without("/spec")),
            // The field's file comes without the patch that adds this rule.
            ("API-10 both owners", !ours, with("/spec/componentGroup", json!("group"))),
            ("API-10 no owner", !ours, without("/spec/application")),
            ("API-11 empty", false, with("/spec/application", json!(""))),
            ("API-11 upper case", false, with("/spec/application", json!("App"))),
            ("API-11 a dash at the end", false, with("/spec/application", json!("app-"))),
            ("API-11 a dot", false, with("/spec/application", json!("a.b"))),
            ("API-11 long", true, with("/spec/application", json!(LONG))),
            ("API-12 empty", false, fixtures::group_scenario("unit", "")),
            ("API-12 underscore", false, fixtures::group_scenario("unit", "a_b")),
            ("API-13 no resolver reference", false, without("/spec/resolverRef")),
            ("API-14 no resolver", false, without("/spec/resolverRef/resolver")),
            ("API-14 any text", true, with("/spec/resolverRef/resolver", json!("Some thing"))),
            ("API-15 no parameters", false, without("/spec/resolverRef/params")),
            ("API-15 empty parameters", true, with("/spec/resolverRef/params", json!([]))),
            ("API-15 no name", false, with("/spec/resolverRef/params", json!([{"value": "v"}]))),
            ("API-15 no value", false, with("/spec/resolverRef/params", json!([{"name": "n"}]))),
            ("API-16 any kind", true, with("/spec/resolverRef/resourceKind", json!("PipelineRun"))),
            ("API-16 empty kind", true, with("/spec/resolverRef/resourceKind", json!(""))),
            ("API-17 a bare name", true, with("/spec/params", json!([{"name": "n"}]))),
            ("API-17 values", true, with("/spec/params", json!([{"name": "n", "values": ["a", "b"]}]))),
            ("API-17 no name", false, with("/spec/params", json!([{"value": "v"}]))),
            ("API-17 a number", false, with("/spec/params", json!([{"name": "n", "value": 1}]))),
            ("API-18 a bare name", true, with("/spec/contexts", json!([{"name": "anything"}]))),
            ("API-18 no name", false, with("/spec/contexts", json!([{"description": "d"}]))),
            ("API-19 names", true, with("/spec/dependents", json!(["other"]))),
            ("API-19 a number", false, with("/spec/dependents", json!([1]))),
        ],
    )
    .await?;

    // API-16: no default here.
    let stored = space.create(scenario()).await?;
    assert_eq!(stored.pointer("/spec/resolverRef/resourceKind"), None);
    let stored = space.patch("IntegrationTestScenario", "unit", json!({"spec": {"dependents": ["other"]}})).await?;
    assert_eq!(stored["spec"]["dependents"], json!(["other"]));

    // API-20, API-2
    let status = |status: Value| space.patch_status("IntegrationTestScenario", "unit", status);
    assert!(status(json!({"conditions": []})).await.is_ok());
    assert!(status(json!({"conditions": [condition("IntegrationTestScenarioValid", "True", "Valid")]})).await.is_ok());
    assert!(status(json!({"conditions": null, "other": 1})).await.is_err(), "API-20: conditions are required");
    for (why, broken) in broken_conditions() {
        assert!(status(json!({"conditions": [broken]})).await.is_err(), "{why}");
    }
    Ok(())
}

#[tokio::test]
async fn component_groups() -> Result<()> {
    let space = TestSpace::new("groups").await?;
    let group = || fixtures::component_group("group", &[("frontend", "main")]);
    let with = |pointer: &str, value: Value| set(group(), pointer, value);
    let without = |pointer: &str| unset(group(), pointer);
    let parent = |parent: Value| with("/spec/testGraph", json!({"child": [parent]}));
    let task = |task: Value| with("/spec/snapshotCreator", json!({"taskRef": task}));
    check(
        &space,
        vec![
            ("API-45 no members", false, without("/spec/components")),
            ("API-45 empty members", true, with("/spec/components", json!([]))),
            ("API-46 no name", false, without("/spec/components/0/name")),
            ("API-46 upper case", false, with("/spec/components/0/name", json!("Frontend"))),
            ("API-46 empty", false, with("/spec/components/0/name", json!(""))),
            ("API-46 long", true, with("/spec/components/0/name", json!(LONG))),
            ("API-47 any case", true, with("/spec/components/0/kind", json!("COMPONENTgroup"))),
            ("API-47 component", true, with("/spec/components/0/kind", json!("Component"))),
            ("API-47 another kind", false, with("/spec/components/0/kind", json!("group"))),
            ("API-48 no version", true, without("/spec/components/0/componentVersion")),
            ("API-49 no name", false, with("/spec/components/0/componentVersion", json!({"version": "main"}))),
            ("API-49 any text", true, with("/spec/components/0/componentVersion/name", json!("Release 1.0"))),
            ("API-50 no revision", true, with("/spec/components/0/componentVersion", json!({"name": "main"}))),
            ("API-51 a context", true, with("/spec/components/0/componentVersion/context", json!("src"))),
            ("API-51 a number", false, with("/spec/components/0/componentVersion/context", json!(1))),
            ("API-52 no name", false, parent(json!({"failFast": true}))),
            ("API-52 text for a flag", false, parent(json!({"name": "p", "failFast": "yes"}))),
            ("API-52 no parents", true, with("/spec/testGraph", json!({"child": []}))),
            ("API-53 a task", true, task(json!({"resolver": "git", "params": [{"name": "n", "value": "v"}]}))),
            ("API-53 no resolver", false, task(json!({"params": []}))),
            ("API-53 no parameters", false, task(json!({"resolver": "git"}))),
            ("API-53 no task", true, with("/spec/snapshotCreator", json!({}))),
        ],
    )
    .await?;

    // API-47, API-50, API-52: defaults, and what is not in the schema.
    let mut written = set(group(), "/spec/testGraph", json!({"child": [{"name": "parent"}]}));
    written["spec"]["components"][0]["componentVersion"]["revision"] = json!("main");
    let stored = space.create(written).await?;
    assert_eq!(stored["spec"]["components"][0]["kind"], "component");
    assert_eq!(stored["spec"]["testGraph"]["child"][0]["failFast"], false);
    assert_eq!(stored["spec"]["components"][0]["componentVersion"], json!({"name": "main", "version": "main"}));

    // API-54 … API-57
    let status = |status: Value| space.patch_status("ComponentGroup", "group", status);
    let entry = json!({"name": "c1", "version": "main", "url": "", "lastPromotedImage": "", "lastPromotedCommit": ""});
    let mut unpromoted = entry.clone();
    unpromoted["lastPromotedBuildTime"] = Value::Null;
    let stored = status(json!({"globalCandidateList": [unpromoted]})).await?;
    assert_eq!(stored["status"]["globalCandidateList"], json!([entry]), "API-57");
    let stored = status(json!({"globalCandidateList": [{"name": "c1", "version": "main"}]})).await?;
    assert_eq!(stored["status"]["globalCandidateList"], json!([{"name": "c1", "version": "main"}]), "API-56");
    let time =
        |time: &str| json!({"globalCandidateList": [{"name": "c1", "version": "v", "lastPromotedBuildTime": time}]});
    assert!(status(time("2024-01-02T03:04:05Z")).await.is_ok(), "API-56");
    assert!(status(time("yesterday")).await.is_err(), "API-56");
    assert!(status(json!({"globalCandidateList": [{"version": "main"}]})).await.is_err(), "API-56: name");
    let two = json!({"globalCandidateList": [{"name": "c1", "version": "a"}, {"name": "c1", "version": "b"}]});
    assert!(status(two).await.is_ok(), "API-56: one entry a version");
    if crds::foreign_folder().is_none() {
        let twice = json!({"globalCandidateList": [{"name": "c1", "version": "a"}, {"name": "c1", "version": "a"}]});
        assert!(status(twice).await.is_err(), "GA-X5: one entry a version");
    }
    for (why, broken) in broken_conditions() {
        assert!(status(json!({"conditions": [broken]})).await.is_err(), "{why}");
    }
    assert!(status(json!({"conditions": [condition("Valid", "True", "Valid")]})).await.is_ok(), "API-54");
    Ok(())
}

#[tokio::test]
async fn nudge_configs() -> Result<()> {
    let space = TestSpace::new("nudges").await?;
    let config = |nudges: Value| nudge_config("nudge-config", &json!({"nudges": nudges}));
    let nudge = |key: &str, value: Value| config(json!([set(json!({"from": "a", "to": "b"}), key, value)]));
    let many = |count: usize| -> Value { (0..count).map(|n| json!({"from": "a", "to": format!("b{n}")})).collect() };
    let length = |length: usize| json!("a".repeat(length));
    check(
        &space,
        vec![
            ("API-62 the name", true, config(json!([{"from": "a", "to": "b"}]))),
            ("API-62 another name", false, nudge_config("other", &json!({"nudges": [{"from": "a", "to": "b"}]}))),
            ("API-63 no edges", true, nudge_config("nudge-config", &json!({}))),
            ("API-63 256 edges", true, config(many(256))),
            ("API-63 257 edges", false, config(many(257))),
            ("API-64 no from", false, config(json!([{"to": "b"}]))),
            ("API-64 no to", false, config(json!([{"from": "a"}]))),
            ("API-64 empty", false, nudge("/from", json!(""))),
            ("API-64 63 characters", true, nudge("/to", length(63))),
            ("API-64 64 characters", false, nudge("/to", length(64))),
            ("API-64 upper case", false, nudge("/to", json!("B"))),
            ("API-65 validated", true, nudge("/mode", json!("validated"))),
            ("API-65 another mode", false, nudge("/mode", json!("Immediate"))),
            ("API-66 63 characters", true, nudge("/gatingGroup", length(63))),
            ("API-66 64 characters", false, nudge("/gatingGroup", length(64))),
            ("API-67 itself", false, nudge("/to", json!("a"))),
            (
                "API-68 the same pair",
                false,
                config(json!([{"from": "a", "to": "b"}, {"from": "a", "to": "b", "mode": "validated"}])),
            ),
            ("API-68 there and back", true, config(json!([{"from": "a", "to": "b"}, {"from": "b", "to": "a"}]))),
        ],
    )
    .await?;

    let stored = space.create(config(json!([{"from": "a", "to": "b"}]))).await?;
    assert_eq!(stored["spec"]["nudges"], json!([{"from": "a", "to": "b", "mode": "immediate"}]), "API-65");
    let status = |status: Value| space.patch_status("NudgeConfig", "nudge-config", status);
    assert!(status(json!({"conditions": [condition("StaleReferences", "False", "AllFound")]})).await.is_ok(), "API-69");
    for (why, broken) in broken_conditions() {
        assert!(status(json!({"conditions": [broken]})).await.is_err(), "{why}");
    }
    Ok(())
}

/// Creates each object without storing it; a refusal must be 422 Invalid.
async fn check(space: &TestSpace, cases: Vec<(&str, bool, Value)>) -> Result<()> {
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    for (case, accepted, object) in cases {
        let api = Api::<DynamicObject>::namespaced_with(
            space.client.clone(),
            &space.namespace,
            &resource(object["kind"].as_str().unwrap()),
        );
        match api.create(&dry_run, &serde_json::from_value(object)?).await {
            Ok(_) => assert!(accepted, "{case} is accepted"),
            Err(kube::Error::Api(status)) if status.code == 422 => assert!(!accepted, "{case} is refused: {status}"),
            Err(error) => panic!("{case}: {error}"),
        }
    }
    Ok(())
}

fn nudge_config(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "appstudio.redhat.com/v1beta2", "kind": "NudgeConfig",
        "metadata": {"name": name}, "spec": spec,
    })
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": "",
        "lastTransitionTime": "2024-01-02T03:04:05Z",
    })
}

/// Conditions that API-2 forbids.
fn broken_conditions() -> Vec<(&'static str, Value)> {
    let good = || condition("Valid", "True", "Valid");
    vec![
        ("API-2 no time", unset(good(), "/lastTransitionTime")),
        ("API-2 no message", unset(good(), "/message")),
        ("API-2 no reason", unset(good(), "/reason")),
        ("API-2 no status", unset(good(), "/status")),
        ("API-2 no type", unset(good(), "/type")),
        ("API-2 a time that is none", set(good(), "/lastTransitionTime", json!("now"))),
        ("API-2 a long message", set(good(), "/message", json!("x".repeat(32769)))),
        ("API-2 an empty reason", set(good(), "/reason", json!(""))),
        ("API-2 a reason with a blank", set(good(), "/reason", json!("Not valid"))),
        ("API-2 a long reason", set(good(), "/reason", json!("x".repeat(1025)))),
        ("API-2 another status", set(good(), "/status", json!("true"))),
        ("API-2 a type with a blank", set(good(), "/type", json!("Not valid"))),
        ("API-2 a long type", set(good(), "/type", json!("x".repeat(317)))),
        ("API-2 a negative generation", set(good(), "/observedGeneration", json!(-1))),
    ]
}

/// The JSON with a value at a pointer whose parent exists.
fn set(mut json: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap()[key] = value;
    json
}

/// The JSON without what is at the pointer.
fn unset(mut json: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    json
}
