//! Branches of a merge queue: built as if they were pushed to, and not merged yet.

use anyhow::Result;
use e2e::objects::{annotation, images, label, name_of};
use integration_api::keys;

use crate::world::{Model, annotated, canceled, complete, finish, shop, start};

// SC-3, SC-4, SC-105, E-28, E-29, E-30: tested as a pull request; its number is the label, else part of the branch.
#[tokio::test]
async fn sc_105_a_merge_queue_is_no_push() -> Result<()> {
    let model = Model::Group;
    let world = shop("merge-queue", model, &["frontend"]).await?;
    let candidate = model.candidate(&world, "frontend").await?;
    let branch = "refs/heads/gh-readonly-queue/main/pr-7-54e7c1";
    for (name, label_of, branch, number) in [
        ("labelled", Some("5"), branch, "5"),
        ("empty", Some(""), branch, "7"),
        ("unlabelled", None, "gh-readonly-queue/main/pr-8-54e7c1", "8"),
        ("unknown", None, "gh-readonly-queue/main/invalid-suffix", ""),
        ("short", Some(""), "gh-readonly-queue/main", ""),
    ] {
        let mut build = model.push("frontend").named(name).merge_queue(branch);
        if let Some(value) = label_of {
            build = build.label(keys::PAC_PULL_REQUEST, value);
        }
        let run = start(&world, &build, 60).await?;
        assert_eq!(annotation(&run, keys::PR_GROUP), branch.trim_start_matches("refs/heads/"));
        let snapshot = finish(&world, &build).await?;
        assert_eq!(annotation(&snapshot, keys::INTEGRATION_WORKFLOW), keys::WORKFLOW_PULL_REQUEST);
        assert_eq!(label(&snapshot, keys::EVENT_TYPE), "push");
        assert_eq!(label(&snapshot, keys::PULL_REQUEST), number, "{name}");
        assert_eq!(annotation(&snapshot, keys::PULL_REQUEST), number, "{name}");
        assert_eq!(images(&snapshot)["frontend main"], build.image());
        let run = world.get("PipelineRun", name).await?.unwrap();
        assert_eq!(annotation(&run, keys::ADDED_TO_GCL), "");
        assert_eq!(annotation(&run, keys::SNAPSHOT_CREATION_REPORT), "SnapshotCreated");
    }
    assert_eq!(model.candidate(&world, "frontend").await?, candidate, "nothing is promoted before it is merged");
    world.assert_well().await
}

// SC-B4: the queue and the pull request itself do not replace each other; two turns in the queue do.
#[tokio::test]
async fn sc_b4_a_turn_in_the_queue_replaces_the_turn_before() -> Result<()> {
    let model = Model::Application;
    let world = shop("queue-again", model, &["frontend"]).await?;
    let pull = complete(&world, &model.pull_request("frontend", 7), 400).await?;
    let turn = |name: &str, sha: &str| {
        let branch = format!("gh-readonly-queue/main/pr-7-{sha}");
        model.push("frontend").named(name).merge_queue(&branch).label(keys::PAC_PULL_REQUEST, "7")
    };
    let first = complete(&world, &turn("first", "aaaa"), 300).await?;
    start(&world, &turn("second", "bbbb"), 200).await?;
    canceled(&world, name_of(&first)).await?;
    annotated(&world, "PipelineRun", "second", keys::SUPERSEDED_SNAPSHOTS, name_of(&first)).await?;
    let again = model.pull_request("frontend", 7).named("again");
    start(&world, &again, 100).await?;
    canceled(&world, name_of(&pull)).await?;
    annotated(&world, "PipelineRun", "again", keys::SUPERSEDED_SNAPSHOTS, name_of(&pull)).await?;
    world.assert_well().await
}
