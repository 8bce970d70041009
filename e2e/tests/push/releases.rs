//! To which ReleasePlans a Snapshot goes.

use anyhow::Result;
use e2e::fixtures::{self, release_plan, with_annotation, with_label};
use e2e::tekton;
use integration_api::{condition, keys};
use serde_json::{Value, json};

use crate::objects::{condition as condition_of, json_annotation, message, name_of, text};
use crate::world::{World, push};

// TR-66, API-190: the label chooses; no label means yes, another owner's plan is none of ours.
#[tokio::test]
async fn a_plan_without_auto_release_gets_no_release() -> Result<()> {
    let world = World::new("plans").await?;
    world.small().await?;
    let mut unlabelled = release_plan("unlabelled", "small");
    unlabelled["metadata"].as_object_mut().unwrap().remove("labels");
    world
        .create_all([
            with_label(release_plan("manual", "small"), keys::AUTO_RELEASE, "false"),
            unlabelled,
            release_plan("of-another-application", "other"),
            fixtures::group_release_plan("of-a-group", "small"),
        ])
        .await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let released = world.released(name_of(&snapshot), &["prod", "unlabelled"]).await?;
    let message = message(&released, condition::AUTO_RELEASED);
    assert!(message.contains("prod") && message.contains("unlabelled") && !message.contains("manual"), "{message}");
    Ok(())
}

// TR-68: no plan wants it.
#[tokio::test]
async fn without_a_plan_the_snapshot_says_so() -> Result<()> {
    let world = World::new("no-plan").await?;
    world.small().await?;
    world.delete("ReleasePlan", "prod").await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let settled = world.released(name_of(&snapshot), &[]).await?;
    assert!(message(&settled, condition::AUTO_RELEASED).contains("skipped"));
    Ok(())
}

// TR-B18, N-50, API-A43: an expression this version cannot evaluate is told and does not hold the other plan up.
#[tokio::test]
async fn a_plan_with_an_expression_is_left_alone_visibly() -> Result<()> {
    let world = World::new("expression").await?;
    world.small().await?;
    world.create(with_annotation(release_plan("cel", "small"), keys::AUTO_RELEASE, "true")).await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let snapshot = name_of(&snapshot);
    assert!(world.event(snapshot, "ReleasePlanExpressionFailed").await?.contains("cel"));
    world
        .wait_for("the Release of the other plan", || async {
            (world.plans_of(snapshot).await.ok()? == ["prod"]).then_some(())
        })
        .await?;
    let state = |snapshot: &Value| json_annotation(snapshot, keys::AUTO_RELEASE_STATE);
    let told = world.wait_object("Snapshot", snapshot, |snapshot| state(snapshot).to_string().contains("cel")).await?;
    assert!(!state(&told).to_string().contains("prod"), "{}", state(&told));
    assert!(condition_of(&told, condition::AUTO_RELEASED).is_none(), "the expression may still be repaired");

    // Repaired: the label decides instead.
    world.patch("ReleasePlan", "cel", json!({"metadata": {"annotations": {keys::AUTO_RELEASE: null}}})).await?;
    let released = world.released(snapshot, &["cel", "prod"]).await?;
    assert_eq!(state(&released), Value::Null);
    Ok(())
}

// API-A15, TR-66, TR-68: the build itself may say that it is not to be released.
#[tokio::test]
async fn a_build_can_say_that_it_is_not_to_be_released() -> Result<()> {
    let world = World::new("should-release").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    build.create(&world).await?;
    build.run(&world).await?;
    let mut results = build.results();
    results.as_array_mut().unwrap().push(json!({"name": "SHOULD_RELEASE", "value": "false"}));
    build.succeed_with(&world, &tekton::now(), results).await?;
    build.sign(&world).await?;
    let snapshot = world.snapshot_of(&build).await?;
    let settled = world.released(name_of(&snapshot), &[]).await?;
    assert!(message(&settled, condition::AUTO_RELEASED).contains("SHOULD_RELEASE"));
    Ok(())
}

// TR-10, API-L9: the label on the Snapshot forbids it; it comes from the build's metadata.
#[tokio::test]
async fn a_label_can_forbid_the_release() -> Result<()> {
    let world = World::new("forbidden-release").await?;
    world.small().await?;
    let build = push("frontend").application("small").label(keys::AUTO_RELEASE, "false");
    let snapshot = world.complete(&build).await?;
    let snapshot = name_of(&snapshot);
    world.passed(snapshot).await?;
    world.programs_have_looked().await?;
    assert!(world.plans_of(snapshot).await?.is_empty());
    let settled = world.get("Snapshot", snapshot).await?.unwrap();
    assert!(condition_of(&settled, condition::AUTO_RELEASED).is_none());

    // Allowed by the user.
    world.patch("Snapshot", snapshot, json!({"metadata": {"labels": {keys::AUTO_RELEASE: null}}})).await?;
    world.released(snapshot, &["prod"]).await?;
    Ok(())
}

// TR-B10, TR-B49, TR-B54: the Release is named after its Snapshot, marked as automated, and made once.
#[tokio::test]
async fn a_release_is_named_after_the_snapshot_and_made_once() -> Result<()> {
    let world = World::new("release").await?;
    world.small().await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    let release = world.list("Release", "").await?.remove(0);
    assert!(name_of(&release).starts_with(name_of(&snapshot)), "{}", name_of(&release));
    assert_eq!(release["status"]["automated"], true);

    // A Release that a user deletes does not come back (invariant 2).
    world.delete("Release", name_of(&release)).await?;
    world.wait_gone("Release", name_of(&release)).await?;
    world.programs_have_looked().await?;
    assert!(world.plans_of(name_of(&snapshot)).await?.is_empty());
    assert_eq!(text(&release["spec"]["snapshot"]), name_of(&snapshot));
    Ok(())
}
