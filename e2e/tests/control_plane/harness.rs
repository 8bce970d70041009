//! The harness itself: rights are enforced, the stand-in Tekton does what it is asked, requests are counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::tekton::{Outcome, Play, Tekton};
use e2e::{ControlPlane, TestSpace, fixtures, process, rbac};
use fixtures::Build;
use integration_api::{PipelineRun, TaskRun, keys};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};

#[tokio::test]
async fn every_definition_is_established() -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(plane.client().await?);
    let installed: Vec<String> = definitions
        .list(&ListParams::default())
        .await?
        .into_iter()
        .filter(|definition| {
            let conditions = definition.status.as_ref().and_then(|status| status.conditions.clone());
            conditions.unwrap_or_default().iter().any(|c| c.type_ == "Established" && c.status == "True")
        })
        .map(|definition| definition.spec.names.kind)
        .collect();
    for kind in [
        "Application",
        "Component",
        "ComponentGroup",
        "IntegrationTestScenario",
        "NudgeConfig",
        "PipelineRun",
        "Release",
        "ReleasePlan",
        "Repository",
        "ResolutionRequest",
        "Snapshot",
        "TaskRun",
    ] {
        assert!(installed.iter().any(|installed| installed == kind), "{kind} is not among {installed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_account_without_rights_is_refused_and_one_with_rights_is_not() -> Result<()> {
    let space = TestSpace::new("rights").await?;
    let plane = &space.control_plane;
    space.create(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody"}})).await?;
    let kubeconfig = rbac::kubeconfig(plane, &space.namespace, "nobody", "nobody").await?;
    let nobody = plane.client_of(&kubeconfig).await?;
    let snapshots: Api<integration_api::Snapshot> = Api::namespaced(nobody.clone(), &space.namespace);
    let begin = plane.audit().mark().await?;
    let error = snapshots.list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(&error, kube::Error::Api(status) if status.code == 403), "{error}");

    let rights = |kind: &str, rest: Value| {
        let mut object =
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "look"}});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    for object in [
        rights(
            "Role",
            json!({"rules": [
                {"apiGroups": ["appstudio.redhat.com"], "resources": ["snapshots"], "verbs": ["list"]}
            ]}),
        ),
        rights(
            "RoleBinding",
            json!({
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "look"},
                "subjects": [{"kind": "ServiceAccount", "name": "nobody", "namespace": space.namespace}],
            }),
        ),
    ] {
        space.create(object).await?;
    }
    // The authorizer sees a new binding through a watch of its own.
    space.wait_for("the right to list", || async { snapshots.list(&ListParams::default()).await.ok() }).await?;

    let user = format!("system:serviceaccount:{}:nobody", space.namespace);
    let requests = plane.audit().since(begin).await?.filter(|request| request.user == user);
    assert!(requests.forbidden().count() >= 1, "{}", requests.table());
    assert_eq!(requests.reads().count(), requests.count(), "{}", requests.table());
    assert_eq!(requests.in_namespace(&space.namespace).filter(|request| request.code == 200).count(), 1);
    Ok(())
}

#[tokio::test]
async fn requests_are_counted_by_verb_and_resource() -> Result<()> {
    let space = TestSpace::new("audit").await?;
    let begin = space.control_plane.audit().mark().await?;
    space.create(fixtures::application("app")).await?;
    space.patch("Application", "app", json!({"metadata": {"labels": {"a": "b"}}})).await?;
    space.get("Application", "app").await?;
    space.list("Application", "").await?;
    let requests = space.control_plane.audit().since(begin).await?.in_namespace(&space.namespace);
    assert_eq!(requests.mutating().count(), 2, "{}", requests.table());
    assert_eq!(requests.reads().count(), 2, "{}", requests.table());
    assert!(requests.filter(|request| request.verb == "patch").0.iter().all(|request| request.name == "app"));
    Ok(())
}

#[tokio::test]
async fn tekton_ends_a_run_with_every_outcome() -> Result<()> {
    let space = TestSpace::new("outcomes").await?;
    let tekton = Tekton::start(&space);
    // Outcome, condition status and reason, the TEST_OUTPUT result of each TaskRun ("" = none).
    let cases: Vec<(Outcome, &str, &str, Vec<&str>)> = vec![
        (Outcome::Success, "True", "Succeeded", vec!["SUCCESS"]),
        (Outcome::Failure, "True", "Succeeded", vec!["FAILURE"]),
        (Outcome::Warning, "True", "Succeeded", vec!["WARNING"]),
        (Outcome::Skipped, "True", "Succeeded", vec!["SKIPPED"]),
        (Outcome::Error, "True", "Succeeded", vec!["ERROR"]),
        (Outcome::Mixed, "True", "Succeeded", vec!["FAILURE", "SUCCESS", "WARNING"]),
        (Outcome::NoResult, "True", "Succeeded", vec![""]),
        (Outcome::Malformed, "True", "Succeeded", vec!["not json"]),
        (Outcome::PipelineFailed, "False", "Failed", vec![""]),
        (Outcome::TimedOut, "False", "PipelineRunTimeout", vec![""]),
        (Outcome::Cancelled, "False", "Cancelled", vec![""]),
        (Outcome::Unresolvable, "False", "CouldntGetPipeline", vec![]),
    ];
    for (index, (outcome, ..)) in cases.iter().enumerate() {
        let scenario = format!("scenario-{index}");
        tekton.play(&scenario, outcome.clone());
        space.create(test_run(&format!("run-{index}"), &scenario)).await?;
    }
    for (index, (outcome, status, reason, outputs)) in cases.iter().enumerate() {
        let name = format!("run-{index}");
        let run = typed::<PipelineRun>(&space.wait_object("PipelineRun", &name, finished).await?)?;
        let condition = run.succeeded_condition().unwrap();
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), (*status, *reason), "{outcome:?}");
        assert!(run.completion_time() >= run.start_time(), "{outcome:?}");
        assert_eq!(run.status.child_references.len(), outputs.len(), "{outcome:?}");
        let task_runs = space.list("TaskRun", &format!("{}={name}", keys::TEKTON_PIPELINE_RUN)).await?;
        let mut results: Vec<String> = Vec::new();
        for task_run in task_runs {
            let task_run = typed::<TaskRun>(&task_run)?;
            assert_eq!(task_run.metadata.owner_references.unwrap()[0].uid, run.metadata.uid.clone().unwrap());
            let output = task_run.status.results.first().map(|result| result.value.clone()).unwrap_or_default();
            let parsed = serde_json::from_str::<Value>(&output).ok();
            results.push(parsed.and_then(|value| Some(value["result"].as_str()?.to_owned())).unwrap_or(output));
        }
        results.sort();
        assert_eq!(&results, outputs, "{outcome:?}");
    }
    assert_eq!(tekton.finished(), cases.len());
    Ok(())
}

#[tokio::test]
async fn a_hanging_run_ends_only_when_it_is_cancelled() -> Result<()> {
    let space = TestSpace::new("cancel").await?;
    let tekton = Tekton::start(&space);
    tekton.play("slow", Outcome::Hang);
    space.create(test_run("slow", "slow")).await?;
    space.create(test_run("quick", "quick")).await?;
    space.wait_object("PipelineRun", "quick", finished).await?;
    let running = space.wait_object("PipelineRun", "slow", |run| !run["status"]["startTime"].is_null()).await?;
    assert!(!finished(&running));

    space.patch("PipelineRun", "slow", json!({"spec": {"status": keys::CANCELLED_RUN_FINALLY}})).await?;
    let run = typed::<PipelineRun>(&space.wait_object("PipelineRun", "slow", finished).await?)?;
    assert_eq!(run.succeeded_condition().unwrap().reason, "Cancelled");
    Ok(())
}

#[tokio::test]
async fn runs_of_one_scenario_follow_the_script_and_a_new_stand_in_goes_on() -> Result<()> {
    let space = TestSpace::new("script").await?;
    let quick = |outcome| Play { outcome, duration: Duration::ZERO };
    let tekton = Tekton::start(&space);
    tekton.play_all("unit", [quick(Outcome::PipelineFailed), quick(Outcome::Success)]);
    let mut seen = Vec::new();
    for name in ["first", "second", "third"] {
        space.create(test_run(name, "unit")).await?;
        let run = typed::<PipelineRun>(&space.wait_object("PipelineRun", name, finished).await?)?;
        seen.push(run.succeeded());
    }
    assert_eq!(seen, [false, true, true]);

    drop(tekton);
    space.create(test_run("fourth", "unit")).await?;
    let _tekton = Tekton::start(&space);
    space.wait_object("PipelineRun", "fourth", finished).await?;
    Ok(())
}

#[tokio::test]
async fn two_hundred_and_fifty_runs_at_once_end_in_time() -> Result<()> {
    let space = TestSpace::new("many").await?;
    let tekton = Tekton::start(&space);
    tekton.play_others(Play { outcome: Outcome::Success, duration: Duration::from_secs(5) });
    let begin = Instant::now();
    let names: Vec<String> = (0..250).map(|index| format!("run-{index}")).collect();
    futures::future::try_join_all(names.iter().map(|name| space.create(test_run(name, "unit")))).await?;
    space
        .wait_within("250 finished runs", Duration::from_secs(60), || async {
            (tekton.finished() == 250).then_some(())
        })
        .await?;
    process::progress(&format!("250 runs of 5 s each ended after {:?}", begin.elapsed()));
    assert_eq!(space.list("TaskRun", "").await?.len(), 250);
    Ok(())
}

#[tokio::test]
async fn builds_carry_the_results_of_a_real_one() -> Result<()> {
    let space = TestSpace::new("builds").await?;
    let by_hand = Build::push("frontend").application("app").big();
    let by_tekton = Build::push("backend").version("main");
    by_hand.complete(&space).await?;
    let tekton = Tekton::start(&space);
    tekton.play_builds(Duration::ZERO);
    by_tekton.create(&space).await?;
    for build in [by_hand, by_tekton] {
        let signed = |run: &Value| !run["metadata"]["annotations"][keys::CHAINS_SIGNED].is_null();
        let stored = space.wait_object("PipelineRun", &build.name, signed).await?;
        let run = typed::<PipelineRun>(&stored)?;
        assert!(run.succeeded());
        assert_eq!(run.result(keys::RESULT_IMAGE_URL), Some(build.image_url.as_str()));
        assert_eq!(run.result(keys::RESULT_IMAGE_DIGEST), Some(build.image_digest.as_str()));
        assert_eq!(run.result(keys::RESULT_GIT_COMMIT), Some(build.commit.as_str()));
        assert_eq!(stored["spec"]["params"], build.object()["spec"]["params"], "nothing is pruned");
    }
    Ok(())
}

#[tokio::test]
async fn fixtures_are_stored_as_they_were_written() -> Result<()> {
    let space = TestSpace::new("fixtures").await?;
    let group = fixtures::component_group("group", &[("frontend", "main"), ("backend", "v1")]);
    let image = format!("registry.example.com/org/frontend@{}", fixtures::digest("old"));
    let objects = [
        fixtures::application("app"),
        fixtures::promoted_component("frontend", "app", &image, "c0ffee"),
        fixtures::versioned_component("backend", &["main", "v1"]),
        fixtures::with_candidates(fixtures::nesting(group, "inner"), &[("frontend", "main", &image, "c0ffee")]),
        fixtures::optional(fixtures::with_contexts(fixtures::scenario("unit", "app"), &["push", "pull_request"])),
        fixtures::with_annotation(fixtures::group_scenario("smoke", "group"), keys::SNAPSHOT_PARAM_AS_NAME, "true"),
        fixtures::release_plan("plan", "app"),
        fixtures::group_release_plan("group-plan", "group"),
        Build::push("frontend").application("app").object(),
    ];
    for object in objects {
        let stored = space.create(object.clone()).await?;
        for part in ["/spec", "/status", "/metadata/labels", "/metadata/annotations"] {
            if let Some(wanted) = object.pointer(part) {
                let found = stored.pointer(part).unwrap_or(&Value::Null);
                assert!(contains(found, wanted), "{part} of {}: {found} lacks something of {wanted}", object["kind"]);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_restarted_api_server_keeps_objects_and_clients() -> Result<()> {
    let space = TestSpace::on(ControlPlane::start().await?, "restart").await?;
    let tekton = Tekton::start(&space);
    space.create(test_run("before", "unit")).await?;
    space.wait_object("PipelineRun", "before", finished).await?;

    space.control_plane.stop_api_server();
    assert!(space.get("PipelineRun", "before").await.is_err());
    assert!(space.control_plane.api_server_usage().is_err());
    space.control_plane.start_api_server().await?;
    assert!(space.control_plane.api_server_usage()?.peak_rss_kib > 1024);

    let begin = space.control_plane.audit().mark().await?;
    space.wait_for("the client to connect again", || async { space.get("PipelineRun", "before").await.ok()? }).await?;
    space.create(test_run("after", "unit")).await?;
    space.wait_object("PipelineRun", "after", finished).await?;
    assert_eq!(tekton.finished(), 2);
    let created = space.control_plane.audit().since(begin).await?.filter(|request| request.verb == "create");
    assert_eq!(created.filter(|request| request.resource == "pipelineruns").count(), 1, "{}", created.table());
    Ok(())
}

#[tokio::test]
async fn a_wait_in_vain_shows_what_is_there() -> Result<()> {
    let space = TestSpace::new("dump").await?;
    Build::push("frontend").complete(&space).await?;
    let wait =
        space.wait_within("a Snapshot", Duration::ZERO, || async { space.list("Snapshot", "").await.ok()?.pop() });
    let text = format!("{:#}", wait.await.unwrap_err());
    for part in ["a Snapshot", "PipelineRun frontend-on-push", "condition Succeeded=True", keys::CHAINS_SIGNED] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    Ok(())
}

/// A test PipelineRun as test-runner makes it.
fn test_run(name: &str, scenario: &str) -> Value {
    let labels = BTreeMap::from([(keys::PIPELINE_TYPE, keys::PIPELINE_TEST), (keys::SCENARIO, scenario)]);
    json!({
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": name, "labels": labels},
        "spec": {"pipelineRef": {"resolver": "git", "params": [{"name": "url", "value": "https://git.example.com"}]}},
    })
}

fn finished(run: &Value) -> bool {
    typed::<PipelineRun>(run).is_ok_and(|run| run.finished())
}

fn typed<K: serde::de::DeserializeOwned>(object: &Value) -> Result<K> {
    Ok(serde_json::from_value(object.clone())?)
}

/// Whether everything in `wanted` is in `found`; a definition may add defaults.
fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| found.get(key).is_some_and(|found| contains(found, value)))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| contains(found, wanted))
        }
        _ => found == wanted,
    }
}
