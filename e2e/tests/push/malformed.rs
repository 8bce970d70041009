//! Objects as no program of the field writes them, but as the API server accepts them: they hurt nobody else.

use std::collections::BTreeMap;

use anyhow::Result;
use e2e::fixtures;
use integration_api::keys;
use serde_json::{Value, json};

use crate::objects::{annotation, entries, held, name_of, old_image, refused};
use crate::world::{Programs, World, push};

/// A kind, its objects' content by name.
type Odd = (&'static str, &'static str, Vec<Value>);

// Invariant 9, API-119, SC-B31, TR-B47: malformed objects stop neither a watch nor a program nor anybody else's build.
#[tokio::test]
async fn malformed_objects_hurt_nobody_else() -> Result<()> {
    let world = World::new("malformed").await?;
    world.small().await?;
    let mut accepted = BTreeMap::new();
    for (kind, version, contents) in odd_objects() {
        for (index, content) in contents.into_iter().enumerate() {
            let name = format!("odd-{index}");
            let mut object = json!({"apiVersion": version, "kind": kind});
            object.as_object_mut().unwrap().extend(content.as_object().unwrap().clone());
            object["metadata"]["name"] = json!(name);
            match world.create(object).await {
                Ok(_) => *accepted.entry(kind).or_insert(0) += 1,
                // Strict definitions refuse some of them, or their status; then there is nothing to fear.
                Err(error) if refused(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    assert!(accepted.values().sum::<i32>() >= 20, "too few were accepted to prove anything: {accepted:?}");

    world.programs_have_looked().await?;
    let build = push("frontend").application("small");
    let snapshot = world.complete(&build).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    Programs::shared().await?.assert_healthy().await?;
    world.assert_nothing_forbidden().await
}

// Invariant 9: an object that becomes readable is handled as if it had always been.
#[tokio::test]
async fn a_malformed_build_that_is_corrected_gets_its_snapshot() -> Result<()> {
    let world = World::new("corrected").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    build.create(&world).await?;
    match world.patch_status("PipelineRun", &build.name, json!({"conditions": "none", "results": {"a": 1}})).await {
        Ok(_) => {
            world.programs_have_looked().await?;
            let creator = Programs::shared().await?.get("snapshot-creator");
            let skipped = creator.metric("integration_svc_malformed_objects_total", &[]).await?;
            assert!(skipped >= 1.0, "nobody was told");
            world.patch_status("PipelineRun", &build.name, json!({"conditions": null, "results": null})).await?;
        }
        // A strict definition does not let it come to this.
        Err(error) if refused(&error) => {}
        Err(error) => return Err(error),
    }
    build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(&world).await?;
    build.sign(&world).await?;
    let snapshot = world.snapshot_of(&build).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// TR-B19, N-62: a broken status without any test is replaced, the old value kept.
#[tokio::test]
async fn a_broken_status_without_tests_is_replaced() -> Result<()> {
    let world = World::new("broken-status").await?;
    world.small().await?;
    world.programs_have_looked().await?;
    let mut snapshot = json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1",
        "kind": "Snapshot",
        "metadata": {"name": "broken"},
        "spec": {
            "application": "small",
            "components": [{"name": "frontend", "containerImage": old_image("frontend")}],
        },
    });
    snapshot["metadata"]["annotations"] = json!({keys::TEST_STATUS: "{not json"});
    world.create(snapshot).await?;
    world.event("broken", "StatusCorrupt").await?;
    let released = world.released("broken", &["prod"]).await?;
    assert_eq!(annotation(&released, keys::STATUS_CORRUPT), "{not json");
    assert_eq!(entries(&released)["unit"]["status"], "TestPassed");
    Ok(())
}

// RR-B15, TR-B19: a status that breaks while tests run is rebuilt from their PipelineRuns; nothing runs twice.
#[tokio::test]
async fn a_status_that_breaks_while_tests_run_is_rebuilt() -> Result<()> {
    let world = World::without_tekton("rebuilt-status").await?;
    world.small().await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let snapshot = name_of(&snapshot);
    let run = world.run_of(snapshot, "unit").await?;
    world.start_test(name_of(&run)).await?;
    world.wait_entry(snapshot, "unit", "InProgress").await?;
    let broken = json!({"metadata": {"annotations": {keys::TEST_STATUS: "[[[[ oops"}}});
    world.patch("Snapshot", snapshot, broken).await?;

    world.event(snapshot, "TestStatusRebuilt").await?;
    let entry = world.wait_entry(snapshot, "unit", "InProgress").await?;
    assert_eq!(entry["testPipelineRunName"], name_of(&run));
    world.end_test(name_of(&run), "True", "Succeeded").await?;
    let released = world.released(snapshot, &["prod"]).await?;
    assert_eq!(entries(&released)["unit"]["status"], "TestPassed");
    assert_eq!(annotation(&released, keys::STATUS_CORRUPT), "[[[[ oops");
    world.runs_let_go(snapshot, 1).await?;
    Ok(())
}

// N-59, RR-B1, API-B4: an entry this version does not understand is kept byte for byte and stops nobody.
#[tokio::test]
async fn an_entry_of_a_later_version_is_kept() -> Result<()> {
    let world = World::new("later-entry").await?;
    world.small().await?;
    world.programs_have_looked().await?;
    let entry =
        r#"{"scenario":"strange","status":"Foo","lastUpdateTime":"2024-01-01T00:00:00Z","details":"","x":[1,2.50]}"#;
    world
        .create(json!({
            "apiVersion": "appstudio.redhat.com/v1alpha1",
            "kind": "Snapshot",
            "metadata": {"name": "later", "annotations": {keys::TEST_STATUS: format!("[{entry}]")}},
            "spec": {
                "application": "small",
                "components": [{"name": "frontend", "containerImage": old_image("frontend")}],
            },
        }))
        .await?;
    let released = world.released("later", &["prod"]).await?;
    assert!(annotation(&released, keys::TEST_STATUS).contains(entry), "{}", annotation(&released, keys::TEST_STATUS));
    assert_eq!(entries(&released)["unit"]["status"], "TestPassed");
    Ok(())
}

/// Objects that carry the right labels to be watched, and little else that is right.
fn odd_objects() -> Vec<Odd> {
    let long = "x".repeat(63);
    let huge = "y".repeat(200 * 1024);
    let build = |metadata: Value, rest: Value| {
        let mut object = json!({"metadata": metadata, "spec": {"pipelineRef": {"name": "build"}}});
        let labels = &mut object["metadata"]["labels"];
        labels[keys::PIPELINE_TYPE] = json!("build");
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    let of_frontend = || json!({"labels": {keys::COMPONENT: "frontend"}});
    let succeeded = |status: &str| json!([{"type": "Succeeded", "status": status}]);
    let results = json!([
        {"name": keys::RESULT_IMAGE_URL, "type": "array", "value": ["a", "b"]},
        {"name": keys::RESULT_IMAGE_DIGEST, "type": "object", "value": {"a": "b"}},
        {"name": keys::RESULT_GIT_URL, "value": "\u{1f680}"},
        {"name": keys::RESULT_GIT_COMMIT, "value": ""},
    ]);
    let signed = json!({
        "labels": {keys::COMPONENT: "frontend"},
        "annotations": {
            keys::CHAINS_SIGNED: "", keys::CREATE_SNAPSHOT_STATUS: "{not json", keys::ADDED_TO_GCL: "[]",
            keys::SNAPSHOTS: "", keys::SNAPSHOT: "", keys::VERSION: "",
        },
    });
    let builds = vec![
        build(json!({}), json!({})),
        build(json!({"labels": {keys::COMPONENT: long, keys::PAC_EVENT_TYPE: ""}}), json!({})),
        build(json!({"annotations": {"huge": huge, keys::VERSION: " \u{1f680}\n"}}), json!({})),
        build(of_frontend(), json!({"status": {"conditions": "none"}})),
        build(of_frontend(), json!({"status": {"conditions": succeeded("Perhaps")}})),
        build(of_frontend(), json!({"status": {"conditions": [], "startTime": "yesterday"}})),
        build(signed.clone(), json!({"status": {"conditions": succeeded("True"), "results": results}})),
        build(signed, json!({"status": {"conditions": succeeded("True"), "results": []}})),
        build(of_frontend(), json!({"spec": {"status": "Whatever", "pipelineRef": {"name": "build"}}})),
        build(of_frontend(), json!({"spec": {"status": 7}})),
        build(of_frontend(), json!({"spec": {"params": [{"name": "a", "value": [1, {}]}]}})),
        build(json!({"labels": {keys::COMPONENT: "frontend", keys::PAC_PULL_REQUEST: "many"}}), json!({})),
        build(
            json!({"labels": {keys::COMPONENT: "frontend"}, "finalizers": [keys::PIPELINE_RUN_FINALIZER]}),
            json!({}),
        ),
    ];
    let test = |labels: Value, annotations: Value, rest: Value| {
        let mut object = build(json!({"labels": labels, "annotations": annotations}), rest);
        object["metadata"]["labels"][keys::PIPELINE_TYPE] = json!("test");
        object["metadata"]["name"] = json!("");
        object
    };
    let owner = json!([{
        "apiVersion": "appstudio.redhat.com/v1alpha1", "kind": "Snapshot", "name": "nobody", "uid": "1-2-3",
        "controller": true,
    }]);
    let mut owned = test(json!({keys::SNAPSHOT: "nobody", keys::SCENARIO: "unit"}), json!({}), json!({}));
    owned["metadata"]["ownerReferences"] = owner;
    let finished = json!({"status": {"conditions": succeeded("True"), "childReferences": "none"}});
    let childless = json!({"status": {"conditions": succeeded("True"), "childReferences": [{"kind": "TaskRun"}]}});
    let tests = vec![
        test(json!({}), json!({}), json!({})),
        test(json!({keys::SNAPSHOT: ""}), json!({keys::ATTEMPT: "-1"}), json!({})),
        test(json!({keys::SNAPSHOT: "odd-0", keys::SCENARIO: long}), json!({keys::ATTEMPT: "many"}), finished),
        test(json!({keys::SNAPSHOT: "odd-0", keys::SCENARIO: "unit"}), json!({}), childless),
        owned,
    ];
    let mut runs = builds;
    runs.extend(tests);
    let snapshots = vec![
        json!({"metadata": {}, "spec": {}}),
        json!({"metadata": {}}),
        json!({"metadata": {"labels": {keys::SNAPSHOT_TYPE: "Component"}}, "spec": {"application": "small"}}),
        json!({
            "metadata": {"annotations": {keys::BUILD_START_TIME: "yesterday", keys::TEST_STATUS: "7"}},
            "spec": {"application": "nobody", "components": []},
        }),
        json!({"metadata": {}, "spec": {"application": "small", "components": [{"name": "", "containerImage": ""}]}}),
        json!({"metadata": {}, "spec": {"application": "small"}, "status": {"conditions": {"a": "b"}}}),
        json!({
            "metadata": {"labels": {keys::BUILD_PIPELINE_RUN: "odd-0", keys::COMPONENT: "frontend"}},
            "spec": {"application": "small", "componentGroup": "small"},
        }),
    ];
    let components = vec![
        json!({"metadata": {}, "spec": {"application": "odd", "source": {}}}),
        json!({
            "metadata": {"annotations": {keys::LAST_BUILT_TIME: "yesterday"}},
            "spec": {"application": "odd", "componentName": "odd", "source": {"git": {"url": ""}}},
            "status": {"lastPromotedImage": "not an image", "lastBuiltCommit": " "},
        }),
        json!({"metadata": {}, "spec": {"application": "odd", "source": {}}, "status": {"lastPromotedImage": 7}}),
    ];
    let scenarios = vec![
        json!({"metadata": {}, "spec": {"application": "odd", "resolverRef": {"resolver": "", "params": []}}}),
        json!({
            "metadata": {"labels": {keys::OPTIONAL: "perhaps"}, "annotations": {keys::PIPELINE_TIMEOUT: "for ever"}},
            "spec": {
                "application": "odd", "contexts": [{"name": ""}],
                "resolverRef": {"resolver": "r", "resourceKind": "banana", "params": []},
            },
        }),
    ];
    let plans = vec![
        json!({"metadata": {}, "spec": {}}),
        json!({"metadata": {"annotations": {keys::AUTO_RELEASE: "((("}}, "spec": {"application": "odd", "target": ""}}),
    ];
    let releases = vec![
        json!({"metadata": {"labels": {keys::AUTOMATED: "true"}}, "spec": {"releasePlan": "", "snapshot": ""}}),
        json!({
            "metadata": {}, "spec": {"releasePlan": "nobody", "snapshot": "nobody"},
            "status": {"automated": "perhaps"},
        }),
    ];
    let groups = vec![
        fixtures::component_group("", &[("frontend", ""), ("nobody", "main"), ("frontend", "")]),
        fixtures::nesting(fixtures::component_group("", &[]), "odd-1"),
        json!({"metadata": {}, "spec": {"components": []}, "status": {"globalCandidateList": [{"name": "frontend"}]}}),
    ];
    let apps = "appstudio.redhat.com/v1alpha1";
    let ours = "appstudio.redhat.com/v1beta2";
    vec![
        ("Component", apps, components),
        ("IntegrationTestScenario", ours, scenarios),
        ("ComponentGroup", ours, groups),
        ("ReleasePlan", apps, plans),
        ("Snapshot", apps, snapshots),
        ("Release", apps, releases),
        ("PipelineRun", "tekton.dev/v1", runs),
    ]
}
