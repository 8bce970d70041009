//! Objects are read with everything that clusters hold, and written in the form others expect.

// A test fails by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use integration_api::component_group::{ComponentReference, GclEntry};
use integration_api::snapshot::SnapshotSpec;
use integration_api::{
    Application, Component, ComponentGroup, IntegrationTestScenario, NudgeConfig, PipelineRun, Release, ReleasePlan,
    Repository, Snapshot, TaskRun,
};
use rstest::rstest;
use serde_json::{Value, json};

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// An object with nothing but its metadata.
fn bare(api_version: &str, kind: &str) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "ns"}})
}

// API-10, API-75: an object without spec and status must not make a list unreadable.
#[test]
fn api_10_a_spec_may_be_absent() {
    let scenario: IntegrationTestScenario = read(bare("appstudio.redhat.com/v1beta2", "IntegrationTestScenario"));
    assert_eq!((scenario.spec.application, scenario.spec.resolver_ref.resolver.as_str()), (None, ""));
    let group: ComponentGroup = read(bare("appstudio.redhat.com/v1beta2", "ComponentGroup"));
    assert!(group.spec.components.is_empty());
    let config: NudgeConfig = read(bare("appstudio.redhat.com/v1beta2", "NudgeConfig"));
    assert!(config.spec.nudges.is_empty());
}

#[test]
fn api_75_objects_of_others_are_read_with_unknown_fields_and_without_known_ones() {
    let mut object = bare("x/v1", "X");
    object["metadata"]["managedFields"] = json!([]);
    object["spec"] = json!({"unknown": {"deep": [1, null]}});
    object["status"] = json!({"unknown": 1});
    for object in [bare("x/v1", "X"), object] {
        let _: Application = read(object.clone());
        let _: Component = read(object.clone());
        let _: Snapshot = read(object.clone());
        let _: Release = read(object.clone());
        let _: ReleasePlan = read(object.clone());
        let _: PipelineRun = read(object.clone());
        let _: TaskRun = read(object.clone());
        let _: Repository = read(object);
    }
}

// API-14, API-15, API-16, API-17, API-18, API-19, API-20
#[test]
fn api_13_a_scenario_is_read_whole() {
    let mut object = bare("appstudio.redhat.com/v1beta2", "IntegrationTestScenario");
    object["spec"] = json!({
        "componentGroup": "cg",
        "resolverRef": {"resolver": "git", "params": [{"name": "url", "value": "u"}], "resourceKind": "pipelinerun"},
        "params": [{"name": "a", "value": "v"}, {"name": "b", "values": ["1"]}],
        "contexts": [{"name": "push", "description": "d"}],
        "dependents": ["x"],
    });
    object["status"] = json!({"conditions": []});
    let scenario: IntegrationTestScenario = read(object.clone());
    assert_eq!(serde_json::to_value(scenario).unwrap(), object);
}

// API-46, API-47, API-48, API-49
#[rstest]
#[case(json!({"name": "a"}), false, "")]
#[case(json!({"name": "a", "kind": "Component", "componentVersion": {"name": "main", "version": "abc"}}), false, "main")]
#[case(json!({"name": "a", "kind": "componentGroup"}), true, "")]
#[case(json!({"name": "a", "kind": "COMPONENTGROUP"}), true, "")]
fn api_47_kinds_are_compared_in_any_case(#[case] member: Value, #[case] is_group: bool, #[case] version: &str) {
    let member: ComponentReference = read(member);
    assert_eq!((member.is_group(), member.version_name()), (is_group, version));
}

// API-50, API-51, API-52
#[test]
fn api_50_the_revision_is_called_version() {
    let mut object = bare("appstudio.redhat.com/v1beta2", "ComponentGroup");
    object["spec"] = json!({
        "components": [{"name": "a", "kind": "component", "componentVersion": {"name": "v1", "version": "abc", "context": "d"}}],
        "testGraph": {"e2e": [{"name": "smoke", "failFast": true}, {"name": "unit"}]},
    });
    let group: ComponentGroup = read(object);
    let version = group.spec.components[0].component_version.as_ref().unwrap();
    assert_eq!(
        (version.name.as_str(), version.revision.as_deref(), version.context.as_deref()),
        ("v1", Some("abc"), Some("d"))
    );
    let parents: Vec<_> = group.spec.test_graph["e2e"].iter().map(|p| (p.name.as_str(), p.fail_fast)).collect();
    assert_eq!(parents, [("smoke", true), ("unit", false)]);
}

// API-56, API-58
#[test]
fn api_57_unset_texts_of_a_candidate_are_written_empty() {
    let entry = GclEntry { name: "c1".to_owned(), version: "main".to_owned(), ..GclEntry::default() };
    assert_eq!(
        serde_json::to_string(&entry).unwrap(),
        r#"{"name":"c1","version":"main","url":"","lastPromotedImage":"","lastPromotedCommit":""}"#
    );
    let entry: GclEntry = read(json!({"name": "c1", "lastPromotedBuildTime": "2024-01-02T05:04:05+02:00"}));
    assert_eq!(entry.version, "");
    let time = &serde_json::to_value(&entry).unwrap()["lastPromotedBuildTime"];
    assert_eq!(time, "2024-01-02T03:04:05Z");
}

// API-65
#[test]
fn api_65_an_edge_is_immediate_unless_it_says_otherwise() {
    let mut object = bare("appstudio.redhat.com/v1beta2", "NudgeConfig");
    object["spec"] = json!({"nudges": [{"from": "a", "to": "b"}, {"from": "a", "to": "c", "mode": "validated"}]});
    let config: NudgeConfig = read(object);
    let modes: Vec<&str> = config.spec.nudges.iter().map(|nudge| nudge.mode.as_str()).collect();
    assert_eq!(modes, ["immediate", "validated"]);
}

// API-81, API-82, API-83, API-84, API-85, API-87
#[test]
fn api_83_a_component_is_read_in_both_models() {
    let mut object = bare("appstudio.redhat.com/v1alpha1", "Component");
    object["spec"] = json!({
        "application": "app", "containerImage": "i",
        "source": {"git": {"url": "u", "revision": "r", "context": "c"}, "url": "n",
                   "versions": [{"name": "v", "revision": "r2", "context": "c2"}]},
    });
    object["status"] = json!({"lastPromotedImage": "p", "lastBuiltCommit": "b"});
    let component: Component = read(object);
    let git = component.spec.source.git.as_ref().unwrap();
    assert_eq!((git.url.as_str(), git.revision.as_str(), git.context.as_str()), ("u", "r", "c"));
    let version = &component.spec.source.versions[0];
    assert_eq!((version.name.as_str(), version.revision.as_str(), version.context.as_str()), ("v", "r2", "c2"));
    assert_eq!((component.spec.application.as_str(), component.spec.container_image.as_str()), ("app", "i"));
    assert_eq!(
        (component.status.last_promoted_image.as_str(), component.status.last_built_commit.as_str()),
        ("p", "b")
    );
}

// API-100, API-101, API-104
#[test]
fn api_100_releases_and_plans_are_read() {
    let mut object = bare("appstudio.redhat.com/v1alpha1", "Release");
    object["spec"] = json!({"snapshot": "s", "releasePlan": "p"});
    object["status"] = json!({"automated": true, "conditions": [{"type": "Released", "status": "False"}]});
    let release: Release = read(object);
    assert_eq!((release.spec.snapshot.as_str(), release.spec.release_plan.as_str()), ("s", "p"));
    assert!(release.status.automated && release.status.conditions[0].status == "False");
    let mut object = bare("appstudio.redhat.com/v1alpha1", "ReleasePlan");
    object["spec"] = json!({"application": "app", "target": "t"});
    let plan: ReleasePlan = read(object);
    assert_eq!((plan.spec.application.as_str(), plan.spec.component_group.as_str()), ("app", ""));
}

fn run(conditions: &Value) -> PipelineRun {
    let mut object = bare("tekton.dev/v1", "PipelineRun");
    object["status"] = json!({"conditions": conditions});
    read(object)
}

// TR-22
#[rstest]
#[case(json!([]), false, false)]
#[case(json!([{"type": "Succeeded", "status": "Unknown", "reason": "Running"}]), false, false)]
#[case(json!([{"type": "Succeeded", "status": "True"}]), true, true)]
#[case(json!([{"type": "Succeeded", "status": "False"}]), true, false)]
#[case(json!([{"type": "Other", "status": "True"}]), false, false)]
fn api_117_a_run_is_finished_once_its_condition_is_known(
    #[case] conditions: Value,
    #[case] finished: bool,
    #[case] succeeded: bool,
) {
    let run = run(&conditions);
    assert_eq!((run.finished(), run.succeeded()), (finished, succeeded));
}

// API-118, API-120, API-121
#[test]
fn api_119_only_text_results_have_a_value() {
    let mut object = bare("tekton.dev/v1", "PipelineRun");
    object["metadata"]["creationTimestamp"] = json!("2024-01-02T03:04:04Z");
    object["status"] = json!({
        "startTime": "2024-01-02T03:04:05Z",
        "completionTime": "2024-01-02T03:04:06Z",
        "results": [
            {"name": "a", "value": "1"}, {"name": "a", "value": "2"},
            {"name": "list", "value": ["x"]}, {"name": "map", "value": {"k": "v"}}, {"name": "none"}
        ],
        "childReferences": [{"name": "tr", "pipelineTaskName": "task", "kind": "TaskRun", "apiVersion": "tekton.dev/v1"}],
    });
    let run: PipelineRun = read(object.clone());
    let results = ["a", "list", "map", "none", "absent"].map(|name| run.result(name));
    assert_eq!(results, [Some("1"), Some(""), Some(""), Some(""), None]);
    let times = [run.creation_time(), run.start_time(), run.completion_time()].map(|time| time.unwrap().to_string());
    assert_eq!(times, ["2024-01-02T03:04:04Z", "2024-01-02T03:04:05Z", "2024-01-02T03:04:06Z"]);
    let child = &run.status.child_references[0];
    assert_eq!(
        (child.name.as_str(), child.pipeline_task_name.as_str(), child.kind.as_str()),
        ("tr", "task", "TaskRun")
    );
    // RR-44, row 70 of the edge cases: such a result is there, but empty.
    let task: TaskRun = read(object);
    assert_eq!(task.status.results[2].value, "");
}

#[rstest]
#[case(json!({"url": "u"}), None)]
#[case(json!({"url": "u", "git_provider": {"type": "github"}}), None)]
#[case(json!({"url": "u", "git_provider": {"secret": {"name": "s", "key": "k"}}}), Some(("s", "k")))]
fn api_126_credentials_of_a_repository_are_optional(#[case] spec: Value, #[case] expected: Option<(&str, &str)>) {
    let mut object = bare("pipelinesascode.tekton.dev/v1alpha1", "Repository");
    object["spec"] = spec;
    let repository: Repository = read(object);
    assert_eq!(repository.spec.url, "u", "API-125");
    let secret = repository.spec.git_provider.as_ref().and_then(|provider| provider.secret.as_ref());
    assert_eq!(secret.map(|secret| (secret.name.as_str(), secret.key.as_str())), expected);
}

// API-90, API-93
#[test]
fn api_90_a_cached_snapshot_knows_its_owner_and_conditions() {
    let mut object = bare("appstudio.redhat.com/v1alpha1", "Snapshot");
    object["spec"] = json!({"componentGroup": "cg", "components": [{"name": "c", "containerImage": "i"}]});
    object["status"] =
        json!({"conditions": [{"type": "T", "status": "True"}], "parentSnapshots": {"p": {"created": true}}});
    let snapshot: Snapshot = read(object);
    assert_eq!((snapshot.spec.application.as_str(), snapshot.spec.component_group.as_str()), ("", "cg"));
    assert_eq!(snapshot.status.conditions.len(), 1);
}

// API-91, API-92, TR-B32; row 75 of the edge cases.
#[test]
fn api_196_a_snapshot_is_written_in_the_order_of_its_keys() {
    let text = concat!(
        r#"{"application":"app","displayName":"n","components":[{"name":"c","version":"v","containerImage":"i","#,
        r#""source":{"git":{"url":"u","revision":"r","context":"x","dockerfileUrl":"d"},"#,
        r#""versions":[{"build-pipeline":{"p":1},"context":"x","name":"v","revision":"r","skip-builds":true}]},"#,
        r#""future":1}],"artifacts":{"unstableFields":{"a":[]}},"more":{}}"#
    );
    let spec: SnapshotSpec = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&spec).unwrap(), text);
    let spec: SnapshotSpec =
        serde_json::from_str(r#"{"components":[{"containerImage":"i","name":"c"}],"application":"app"}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&spec).unwrap(),
        r#"{"application":"app","components":[{"name":"c","containerImage":"i","source":{}}],"artifacts":{}}"#
    );
}
