//! Objects that are deleted in the middle: nothing waits for them for ever, nothing comes back.

use anyhow::Result;
use integration_api::{condition, keys};

use crate::objects::{annotation, held, message, name_of, names, test_runs, text};
use crate::world::{World, push};

// SC-40, SC-41, SC-B34: a running build that is deleted is let go at once.
#[tokio::test]
async fn a_running_build_can_be_deleted() -> Result<()> {
    let world = World::new("deleted-build").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    build.create(&world).await?;
    build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    world.delete("PipelineRun", &build.name).await?;
    world.wait_gone("PipelineRun", &build.name).await?;
    world.programs_have_looked().await?;
    let snapshots = world.list("Snapshot", &format!("{}=frontend", keys::COMPONENT)).await?;
    assert!(snapshots.is_empty(), "{snapshots:?}");
    Ok(())
}

// SC-91, SC-B6: a build that succeeded and is deleted before it is signed stays until its Snapshot exists.
#[tokio::test]
async fn a_build_that_is_deleted_before_its_signature_gets_its_snapshot() -> Result<()> {
    let world = World::new("deleted-early").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    build.create(&world).await?;
    build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(&world).await?;
    world.delete("PipelineRun", &build.name).await?;
    world.programs_have_looked().await?;
    assert!(world.get("PipelineRun", &build.name).await?.is_some());

    build.sign(&world).await?;
    world.wait_gone("PipelineRun", &build.name).await?;
    let snapshots = world.list("Snapshot", &format!("{}={}", keys::BUILD_PIPELINE_RUN, build.name)).await?;
    assert_eq!(snapshots.len(), 1);
    world.released(name_of(&snapshots[0]), &["prod"]).await?;
    Ok(())
}

// RR-32, RR-49, SR-10, H5: a test that is deleted while it runs is recorded as that, fails the Snapshot, and is gone.
#[tokio::test]
async fn a_test_that_is_deleted_while_it_runs_fails_the_snapshot() -> Result<()> {
    let world = World::without_tekton("deleted-test").await?;
    world.small().await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let snapshot = name_of(&snapshot);
    let run = world.run_of(snapshot, "unit").await?;
    world.start_test(name_of(&run)).await?;
    world.wait_entry(snapshot, "unit", "InProgress").await?;
    world.delete("PipelineRun", name_of(&run)).await?;

    let entry = world.wait_entry(snapshot, "unit", "Deleted").await?;
    assert!(text(&entry["details"]).contains(name_of(&run)), "{entry}");
    world.wait_gone("PipelineRun", name_of(&run)).await?;
    let judged = world.failed(snapshot).await?;
    assert!(message(&judged, condition::TEST_SUCCEEDED).contains("unit"));
    world.programs_have_looked().await?;
    assert!(world.runs_of(snapshot).await?.is_empty(), "it is not started again");
    assert!(world.plans_of(snapshot).await?.is_empty());
    Ok(())
}

// H1, RR-23, TR-B39 (PipelineRuns of a Snapshot that is gone are let go), SC-B33 (it is not made again).
#[tokio::test]
async fn a_snapshot_that_is_deleted_while_its_tests_run_leaves_nothing_stuck() -> Result<()> {
    let world = World::without_tekton("deleted-snapshot").await?;
    world.shop().await?;
    let build = push("frontend").application("shop");
    let snapshot = world.complete(&build).await?;
    let snapshot = name_of(&snapshot);
    let runs = [world.run_of(snapshot, "unit").await?, world.run_of(snapshot, "system").await?];
    let [deleted, finishing] = [name_of(&runs[0]), name_of(&runs[1])];
    for run in [deleted, finishing] {
        world.start_test(run).await?;
    }
    world.wait_entry(snapshot, "system", "InProgress").await?;
    world.delete("Snapshot", snapshot).await?;
    world.wait_gone("Snapshot", snapshot).await?;

    // What garbage collection does, and what a run does that was faster.
    world.delete("PipelineRun", deleted).await?;
    world.wait_gone("PipelineRun", deleted).await?;
    world.end_test(finishing, "True", "Succeeded").await?;
    world.wait_object("PipelineRun", finishing, |run| !held(run)).await?;

    world.programs_have_looked().await?;
    let left = world.list("PipelineRun", &test_runs(snapshot)).await?;
    assert_eq!(names(&left).into_iter().collect::<Vec<_>>(), [finishing]);
    let snapshots = world.list("Snapshot", &format!("{}={}", keys::BUILD_PIPELINE_RUN, build.name)).await?;
    assert!(snapshots.is_empty(), "the Snapshot was made again");
    assert!(world.plans_of(snapshot).await?.is_empty());
    world.assert_nothing_forbidden().await
}

// SC-B32, SC-B33, N-5: another PipelineRun of the same name is another build.
#[tokio::test]
async fn a_build_of_the_same_name_is_another_build() -> Result<()> {
    let world = World::new("same-name").await?;
    world.small().await?;
    let build = push("frontend").application("small");
    let first = world.complete(&build).await?;
    world.released(name_of(&first), &["prod"]).await?;
    world.delete("PipelineRun", &build.name).await?;
    world.wait_gone("PipelineRun", &build.name).await?;

    build.complete(&world).await?;
    let settled =
        world.wait_object("PipelineRun", &build.name, |run| !annotation(run, keys::SNAPSHOTS).is_empty()).await?;
    let second = annotation(&settled, keys::SNAPSHOTS);
    assert_ne!(second, name_of(&first));
    world.released(second, &["prod"]).await?;
    assert_eq!(world.list("Snapshot", "").await?.len(), 2);
    assert_eq!(world.list("Release", "").await?.len(), 2);
    Ok(())
}
