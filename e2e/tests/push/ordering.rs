//! Builds that overtake each other or start together.

use anyhow::Result;
use e2e::fixtures::{self, Build};
use integration_api::{condition, keys};

use crate::objects::{entries, images, json_annotation, message, name_of, names, seconds_ago};
use crate::world::{World, push};

// SC-77, SC-B11, SC-B30 (the candidate stays), SC-B3 (the older Snapshot is made), TR-69, TR-B11, D-14, M4 row 2, N-46
// (its release is superseded): in the Application model.
#[tokio::test]
async fn an_older_build_that_ends_later_is_tested_but_not_released() -> Result<()> {
    let world = World::new("older").await?;
    world.small().await?;
    let build = |name: &str| push("frontend").application("small").named(name);
    let (older, newer) = (build("older"), build("newer"));
    overtaken(&world, &older, &newer).await?;
    let component = world.get("Component", "frontend").await?.unwrap();
    assert_eq!(component["status"]["lastPromotedImage"], newer.image());
    assert_eq!(component["status"]["lastBuiltCommit"], newer.commit);
    Ok(())
}

// The same rules in the ComponentGroup model; GA-21, GA-X9.
#[tokio::test]
async fn an_older_build_of_a_group_that_ends_later_is_tested_but_not_released() -> Result<()> {
    let world = World::new("older-in-group").await?;
    world.team().await?;
    let build = |name: &str| push("frontend").version("main").named(name);
    let (older, newer) = (build("older"), build("newer"));
    overtaken(&world, &older, &newer).await?;
    let group = world.get("ComponentGroup", "team").await?.unwrap();
    let candidates = group["status"]["globalCandidateList"].as_array().unwrap();
    assert_eq!(candidates.len(), 1);
    assert_eq!(candidates[0]["lastPromotedImage"], newer.image());
    Ok(())
}

// M4 row 3, N-44 … N-46, TR-B50: what passed waits for a newer Snapshot that is still tested, and says so.
#[tokio::test]
async fn a_release_waits_for_the_newer_snapshot_that_is_still_tested() -> Result<()> {
    let world = World::without_tekton("waiting").await?;
    world.small().await?;
    let build = |name: &str| push("frontend").application("small").named(name);
    let mut snapshots = Vec::new();
    for (build, start) in [(build("older"), 600), (build("newer"), 300)] {
        build.create(&world).await?;
        build.run_since(&world, &seconds_ago(start)).await?;
        build.succeed(&world).await?;
        build.sign(&world).await?;
        snapshots.push(name_of(&world.snapshot_of(&build).await?).to_owned());
    }
    let [older, newer] = [&*snapshots[0], &*snapshots[1]];
    let newer_run = world.run_of(newer, "unit").await?;
    let older_run = world.run_of(older, "unit").await?;
    world.end_test(name_of(&older_run), "True", "Succeeded").await?;
    let waiting = world
        .wait_object("Snapshot", older, |snapshot| {
            json_annotation(snapshot, keys::AUTO_RELEASE_STATE).to_string().contains(newer)
        })
        .await?;
    assert!(crate::objects::condition(&waiting, condition::AUTO_RELEASED).is_none());
    assert!(world.event(older, "ReleaseWaiting").await?.contains(newer));
    assert!(world.plans_of(older).await?.is_empty());

    // The newer one fails: nothing is newer any more that could be released.
    world.end_test(name_of(&newer_run), "False", "Failed").await?;
    world.failed(newer).await?;
    let released = world.released(older, &["prod"]).await?;
    assert_eq!(json_annotation(&released, keys::AUTO_RELEASE_STATE), serde_json::Value::Null);
    assert!(world.plans_of(newer).await?.is_empty());
    Ok(())
}

// SC-B9, SC-B32, D-6: builds of the same second have Snapshots of their own, and all are released.
#[tokio::test]
async fn builds_of_the_same_second_have_snapshots_of_their_own() -> Result<()> {
    let world = World::new("same-second").await?;
    world.small().await?;
    world.create(fixtures::component("backend", "small")).await?;
    let builds = [
        push("frontend").application("small"),
        push("backend").application("small"),
        push("frontend").application("small").named("frontend-again"),
    ];
    let start = seconds_ago(1);
    for build in &builds {
        build.create(&world).await?;
        build.run_since(&world, &start).await?;
        build.succeed(&world).await?;
    }
    for build in &builds {
        build.sign(&world).await?;
    }
    let mut snapshots = Vec::new();
    for build in &builds {
        let snapshot = world.snapshot_of(build).await?;
        assert_eq!(images(&snapshot)[&build.component], build.image());
        world.released(name_of(&snapshot), &["prod"]).await?;
        snapshots.push(snapshot);
    }
    assert_eq!(names(&snapshots).len(), 3);
    assert_eq!(world.list("Snapshot", "").await?.len(), 3);
    assert_eq!(world.list("Release", "").await?.len(), 3);
    Ok(())
}

/// The newer build is released before the older one ends.
async fn overtaken(world: &World, older: &Build, newer: &Build) -> Result<()> {
    for (build, start) in [(older, 600), (newer, 300)] {
        build.create(world).await?;
        build.run_since(world, &seconds_ago(start)).await?;
    }
    newer.succeed(world).await?;
    newer.sign(world).await?;
    let newer_snapshot = world.snapshot_of(newer).await?;
    world.released(name_of(&newer_snapshot), &["prod"]).await?;

    older.succeed(world).await?;
    older.sign(world).await?;
    let older_snapshot = world.snapshot_of(older).await?;
    assert!(images(&older_snapshot).values().any(|image| *image == older.image()));
    let superseded = world.released(name_of(&older_snapshot), &[]).await?;
    assert_eq!(entries(&superseded)["unit"]["status"], "TestPassed");
    let message = message(&superseded, condition::AUTO_RELEASED);
    assert!(message.starts_with("Released in newer Snapshot"), "{message}");
    assert!(message.contains(name_of(&newer_snapshot)), "{message}");
    assert!(world.event(name_of(&older_snapshot), "ReleaseSuperseded").await?.contains(name_of(&newer_snapshot)));
    let build = world.get("PipelineRun", &older.name).await?.unwrap();
    assert_eq!(json_annotation(&build, keys::ADDED_TO_GCL)["result"], false);
    assert_eq!(json_annotation(&build, keys::CREATE_SNAPSHOT_STATUS)["status"], "success");
    let events = world.events(&older.name).await?;
    assert!(events.iter().all(|(reason, _)| reason == "SnapshotCreated"), "{events:?}");
    Ok(())
}
