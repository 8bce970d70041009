//! Builds that get no Snapshot, or not at once: told to the user, never held for ever.

use anyhow::Result;
use e2e::fixtures::{self, Build};
use integration_api::keys;
use serde_json::{Value, json};

use crate::objects::{annotation, held, json_annotation, name_of, seconds_ago, text};
use crate::world::{World, push};

/// Annotations that say what became of a build.
const OUTCOMES: [&str; 4] = [keys::SNAPSHOT, keys::SNAPSHOTS, keys::CREATE_SNAPSHOT_STATUS, keys::ADDED_TO_GCL];

// SC-86, SC-103, SC-B12, SC-B13, SC-B36, API-119: a result that is missing or wrong is terminal, named with its value,
// and neither promoted nor tested.
#[tokio::test]
async fn a_build_without_a_usable_image_is_told() -> Result<()> {
    let world = World::new("no-image").await?;
    world.small().await?;
    let image = fixtures::image_repository("frontend");
    let sha512 = format!("sha512:{}", "ab".repeat(64));
    let missing = |names: &[&str]| {
        names.iter().fold(build("missing").results(), |results, name| with_result(&results, name, &Value::Null))
    };
    let wrong = |name: &str, value: Value| with_result(&build("wrong").results(), name, &value);
    let cases = [
        ("no-url", missing(&[keys::RESULT_IMAGE_URL]), "missing_result", "has no result IMAGE_URL;"),
        ("no-commit", missing(&[keys::RESULT_GIT_COMMIT]), "missing_result", "has no result CHAINS-GIT_COMMIT;"),
        ("no-results", json!([]), "missing_result", "IMAGE_URL, IMAGE_DIGEST, CHAINS-GIT_URL, CHAINS-GIT_COMMIT;"),
        ("short", wrong(keys::RESULT_IMAGE_DIGEST, json!("sha256:c0ffee")), "invalid_digest", "\"sha256:c0ffee\""),
        ("sha512", wrong(keys::RESULT_IMAGE_DIGEST, json!(sha512)), "invalid_digest", sha512.as_str()),
        (
            "other-digest",
            wrong(keys::RESULT_IMAGE_URL, json!(format!("{image}@{}", fixtures::digest("one")))),
            "invalid_digest",
            "the image URL names digest",
        ),
        ("scheme", wrong(keys::RESULT_IMAGE_URL, json!("https://quay.io/org/app:1")), "invalid_digest", "a scheme"),
        ("spaces", wrong(keys::RESULT_IMAGE_URL, json!("My Image")), "invalid_digest", "image repository \"My Image\""),
        ("list", wrong(keys::RESULT_IMAGE_URL, json!([image, image])), "invalid_digest", "result IMAGE_URL is no text"),
        (
            "map",
            wrong(keys::RESULT_IMAGE_DIGEST, json!({"a": "b"})),
            "invalid_digest",
            "result IMAGE_DIGEST is no text",
        ),
    ]
    .map(|(name, results, reason, detail)| (build(name), results, reason, detail));
    for (build, results, ..) in &cases {
        build.create(&world).await?;
        build.run(&world).await?;
        world.wait_object("PipelineRun", &build.name, held).await?;
        build.succeed_with(&world, &seconds_ago(0), results.clone()).await?;
        build.sign(&world).await?;
    }
    for (build, _, reason, detail) in &cases {
        let told = world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
        let object = format!("(Application {}/small): build PipelineRun {}", world.namespace, build.name);
        assert_failed(&told, &[reason, &object, detail, "; correct the build pipeline and build again."]);
        let marker = json_annotation(&told, keys::ADDED_TO_GCL);
        assert_eq!(marker["result"], false, "{marker}");
        assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains(detail));
    }
    world.programs_have_looked().await?;
    for (build, ..) in &cases {
        world.assert_no_snapshot(build).await?;
    }
    let component = world.get("Component", "frontend").await?.unwrap();
    assert_eq!(component["status"]["lastPromotedImage"], Value::Null);
    Ok(())
}

// SC-23, SC-B8, SC-B36, SC-B37: told while the Component is missing, done when it appears.
#[tokio::test]
async fn a_missing_component_is_named_and_recovers() -> Result<()> {
    let world = World::new("no-component").await?;
    world.small().await?;
    recovers(&world, &push("late").application("small"), "component_not_found", fixtures::component("late", "small"))
        .await
}

// SC-25, SC-B8, SC-B36, SC-B37: the same for the Application.
#[tokio::test]
async fn a_missing_application_is_named_and_recovers() -> Result<()> {
    let world = World::new("no-application").await?;
    world
        .create_all([
            fixtures::component("late", "late"),
            fixtures::scenario("unit", "late"),
            fixtures::release_plan("prod", "late"),
        ])
        .await?;
    recovers(&world, &push("late").application("late"), "application_not_found", fixtures::application("late")).await
}

// SC-21, SC-B8, SC-B36: nobody knows whom a build without the label is for.
#[tokio::test]
async fn a_build_without_component_label_is_told() -> Result<()> {
    let world = World::new("no-label").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    let mut object = build.object();
    object["metadata"]["labels"].as_object_mut().unwrap().remove(keys::COMPONENT);
    world.create(object).await?;
    build.run(&world).await?;
    let told = world.wait_object("PipelineRun", &build.name, failed).await?;
    assert_failed(&told, &["component_label_missing", keys::COMPONENT]);
    assert!(!held(&told), "{told}");
    Ok(())
}

// SC-8, SC-82, SC-B6, SC-B34: nothing happens before the signature, and the build is held until then.
#[tokio::test]
async fn a_snapshot_waits_for_the_signature() -> Result<()> {
    let world = World::new("unsigned").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    build.create(&world).await?;
    build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(&world).await?;
    world.programs_have_looked().await?;
    let waiting = world.get("PipelineRun", &build.name).await?.unwrap();
    assert!(held(&waiting));
    assert_no_outcome(&waiting);
    world.assert_no_snapshot(&build).await?;
    let component = world.get("Component", "frontend").await?.unwrap();
    assert_eq!(component["status"]["lastPromotedImage"], Value::Null);

    build.sign(&world).await?;
    let snapshot = world.snapshot_of(&build).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// SC-82, SC-B6, N-21: five minutes after the end the wait is over; a later signature still counts.
#[tokio::test]
async fn a_signature_that_does_not_come_in_time_is_told_and_may_come_later() -> Result<()> {
    let world = World::new("late-signature").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    build.create(&world).await?;
    build.run_since(&world, &seconds_ago(600)).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed_with(&world, &seconds_ago(360), build.results()).await?;

    let told = world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    assert_failed(&told, &["chains_timeout", keys::CHAINS_SIGNED]);
    assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains("chains_timeout"));
    world.assert_no_snapshot(&build).await?;

    build.sign(&world).await?;
    let snapshot = world.snapshot_of(&build).await?;
    let settled = world.get("PipelineRun", &build.name).await?.unwrap();
    assert_eq!(json_annotation(&settled, keys::CREATE_SNAPSHOT_STATUS)["status"], "success");
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// SC-81: a failed build is let go, whatever it failed of, and has no Snapshot.
#[tokio::test]
async fn a_failed_build_is_let_go() -> Result<()> {
    let world = World::new("failed-build").await?;
    world.small().await?;
    let reasons = ["Failed", "PipelineRunTimeout", "Cancelled", "CouldntGetPipeline"];
    let builds = reasons.map(|reason| (push("frontend").application("small").named(&reason.to_lowercase()), reason));
    for (build, reason) in &builds {
        build.create(&world).await?;
        build.run(&world).await?;
        world.wait_object("PipelineRun", &build.name, held).await?;
        build.fail(&world, reason).await?;
        // Chains signs failed builds too.
        build.sign(&world).await?;
    }
    for (build, _) in &builds {
        world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    }
    world.programs_have_looked().await?;
    for (build, _) in &builds {
        world.assert_no_snapshot(build).await?;
        let build = world.get("PipelineRun", &build.name).await?.unwrap();
        assert!(!held(&build));
        assert_no_outcome(&build);
    }
    world.assert_nothing_forbidden().await
}

// SC-B3, SC-121, SC-B36, N-7: a group that cannot be assembled does not stop the other one, and is named.
#[tokio::test]
async fn a_group_that_contains_itself_does_not_stop_the_other() -> Result<()> {
    let world = World::new("cycle").await?;
    let nesting = |name: &str, nested: &str, members: &[(&str, &str)]| {
        fixtures::nesting(fixtures::component_group(name, members), nested)
    };
    world
        .create_all([
            fixtures::versioned_component("frontend", &["main"]),
            fixtures::component_group("good", &[("frontend", "main")]),
            nesting("ring", "inner", &[("frontend", "main")]),
            nesting("inner", "ring", &[]),
            nesting("torn", "nobody", &[("frontend", "main")]),
            fixtures::group_release_plan("prod", "good"),
        ])
        .await?;
    let build = push("frontend").version("main");
    let snapshot = world.complete(&build).await?;
    assert_eq!(snapshot["spec"]["componentGroup"], "good");
    let told = world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    assert_eq!(annotation(&told, keys::SNAPSHOTS), name_of(&snapshot));
    let status = json_annotation(&told, keys::CREATE_SNAPSHOT_STATUS);
    assert_eq!(status["status"], "failed");
    for part in ["nested_group", "ring", "inner", "torn", "nobody", name_of(&snapshot)] {
        assert!(text(&status["message"]).contains(part), "{part} is not in {status}");
    }
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// SC-B16: a used-up quota is told and does not hold the build; nobody hammers the API server.
#[tokio::test]
async fn a_used_up_quota_for_snapshots_is_told() -> Result<()> {
    let world = World::new("quota").await?;
    world.small().await?;
    world.create(quota("count/snapshots.appstudio.redhat.com")).await?;
    let build = push("frontend").application("small");
    build.complete(&world).await?;
    let told = world.wait_object("PipelineRun", &build.name, failed).await?;
    assert_failed(&told, &["quota", "exceeded quota"]);
    world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains("quota"));
    // The image is the candidate all the same, for the Snapshots of its siblings.
    let component = world.get("Component", "frontend").await?.unwrap();
    assert_eq!(component["status"]["lastPromotedImage"], build.image());
    Ok(())
}

// TR-B52, N-6: so is one for PipelineRuns; the scenario waits.
#[tokio::test]
async fn a_used_up_quota_for_tests_is_told() -> Result<()> {
    let world = World::new("test-quota").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    build.create(&world).await?;
    world.create(quota("count/pipelineruns.tekton.dev")).await?;
    build.run(&world).await?;
    build.succeed(&world).await?;
    build.sign(&world).await?;
    let snapshot = world.snapshot_of(&build).await?;
    let entry = world.wait_entry(name_of(&snapshot), "unit", "Pending").await?;
    assert!(text(&entry["details"]).contains("quota"), "{entry}");
    assert!(world.event(name_of(&snapshot), "TestCreateRetry").await?.contains("quota"));
    Ok(())
}

/// A build of the only Component.
fn build(name: &str) -> Build {
    push("frontend").application("small").named(name)
}

/// Results of a build with another value for that one; without it when that is null.
fn with_result(results: &Value, name: &str, value: &Value) -> Value {
    let kind = match value {
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        _ => "string",
    };
    let others = results.as_array().unwrap().iter().filter(|result| result["name"] != name).cloned();
    let new = json!({"name": name, "type": kind, "value": value});
    others.chain((!value.is_null()).then_some(new)).collect()
}

/// A quota of that resource with nothing left. Nobody counts in a control plane without controllers, so the count is
/// written by hand.
fn quota(resource: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "tight"},
        "spec": {"hard": {resource: "0"}},
        "status": {"hard": {resource: "0"}, "used": {resource: "0"}},
    })
}

/// The build fails for want of an object, and gets its Snapshot when that appears. In the world are a scenario and the
/// plan `prod` of its Application.
async fn recovers(world: &World, build: &Build, reason: &str, missing: Value) -> Result<()> {
    build.complete(world).await?;
    let told = world.wait_object("PipelineRun", &build.name, failed).await?;
    assert_failed(&told, &[reason, "late"]);
    assert!(!held(&told), "{told}");
    assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains(reason));
    world.assert_no_snapshot(build).await?;

    world.create(missing).await?;
    let snapshot = world.snapshot_of(build).await?;
    let settled = world.get("PipelineRun", &build.name).await?.unwrap();
    assert_eq!(json_annotation(&settled, keys::CREATE_SNAPSHOT_STATUS)["status"], "success");
    world.released(name_of(&snapshot), &["prod"]).await?;
    world.assert_nothing_forbidden().await
}

impl World {
    /// A build has no Snapshot.
    async fn assert_no_snapshot(&self, build: &Build) -> Result<()> {
        let snapshots = self.list("Snapshot", &format!("{}={}", keys::BUILD_PIPELINE_RUN, build.name)).await?;
        assert!(snapshots.is_empty(), "{} has a Snapshot", build.name);
        Ok(())
    }
}

/// Whether a build says that it has no Snapshot.
fn failed(build: &Value) -> bool {
    json_annotation(build, keys::CREATE_SNAPSHOT_STATUS)["status"] == "failed"
}

/// A build says that it has no Snapshot, and why.
fn assert_failed(build: &Value, parts: &[&str]) {
    let status = json_annotation(build, keys::CREATE_SNAPSHOT_STATUS);
    assert_eq!(status["status"], "failed", "{}: {status}", name_of(build));
    for part in parts {
        assert!(text(&status["message"]).contains(part), "{}: {part} is not in {status}", name_of(build));
    }
    assert_eq!(annotation(build, keys::SNAPSHOTS), "");
}

/// A build says nothing.
fn assert_no_outcome(build: &Value) {
    for key in OUTCOMES {
        assert_eq!(annotation(build, key), "", "{key} of {}", name_of(build));
    }
}
