//! A pull request that is merged: the push says so, and its Snapshots may be collected.

use anyhow::Result;
use e2e::objects::{annotation, name_of};
use futures::future::try_join_all;
use integration_api::keys;

use crate::world::{Model, World, annotated, complete, finish, shop, start};

/// Value of the annotation.
const MERGED: &str = "merged";

// SC-B21, SC-50, SC-51, E-32, E-33: whatever started the build.
#[tokio::test]
async fn sc_b21_every_snapshot_of_a_merged_pull_request_is_marked() -> Result<()> {
    let world = shop("merged", Model::Application, &["frontend", "backend"]).await?;
    every_snapshot_is_marked(&world, Model::Application).await
}

// The same in a ComponentGroup.
#[tokio::test]
async fn sc_b21_every_snapshot_of_a_merged_pull_request_is_marked_in_its_group() -> Result<()> {
    let world = shop("group-merged", Model::Group, &["frontend", "backend"]).await?;
    every_snapshot_is_marked(&world, Model::Group).await
}

async fn every_snapshot_is_marked(world: &World, model: Model) -> Result<()> {
    let events = [
        "pull_request",
        "retest-all-comment",
        "Merge_Request",
        "test-all-comment",
        "test-comment",
        "retest-comment",
        "on-comment",
        "ok-to-test-comment",
        "pull_request_labeled",
    ];
    // Of no branch, so that no PR group is told of them.
    let pull = |name: &str| model.pull_request("frontend", 12).named(name).source_branch("");
    let builds = events.map(|event| pull(&event.to_lowercase().replace('_', "-")).event_type(event));
    let snapshots = try_join_all(builds.iter().map(|build| complete(world, build, 300))).await?;
    let unrelated = [
        model.pull_request("frontend", 13),
        model.pull_request("backend", 12).source_branch("feature-of-backend"),
        pull("fork").repository("https://git.example.com/fork/frontend", "fork"),
    ];
    let others = try_join_all(unrelated.iter().map(|build| complete(world, build, 300))).await?;

    // One that still runs when the pull request is merged, and one that is begun after that.
    let [slow, late] = ["slow", "late"].map(pull);
    start(world, &slow, 200).await?;
    let push = model.push("frontend").label(keys::PAC_PULL_REQUEST, "12");
    // Repositories are compared by what they are, not letter by letter (D-27).
    let push = push.repository("https://git.example.com/org/frontend.git", "org");
    start(world, &push, 100).await?;
    for snapshot in &snapshots {
        annotated(world, "Snapshot", name_of(snapshot), keys::PR_STATUS, MERGED).await?;
    }
    annotated(world, "PipelineRun", &push.name, keys::PR_STATUS, MERGED).await?;
    let pushed = finish(world, &push).await?;
    assert_eq!(annotation(&pushed, keys::PR_STATUS), MERGED);
    assert_eq!(annotation(&pushed, keys::INTEGRATION_WORKFLOW), keys::WORKFLOW_PUSH);
    let slow = finish(world, &slow).await?;
    let late = complete(world, &late, 50).await?;
    for snapshot in [&slow, &late] {
        assert_eq!(annotation(snapshot, keys::PR_STATUS), MERGED);
    }
    for other in &others {
        let now = world.get("Snapshot", name_of(other)).await?.unwrap();
        assert_eq!(annotation(&now, keys::PR_STATUS), "", "{}", name_of(other));
    }
    // Each once, and the two late ones by nothing but their creation.
    let writes = world.requests().await?.mutating().filter(|write| write.code == 200);
    for (snapshot, wanted) in snapshots.iter().map(|one| (one, 1)).chain([(&slow, 0), (&late, 0)]) {
        let name = name_of(snapshot);
        let patches =
            writes.filter(|write| write.name == name && write.verb == "patch" && write.subresource.is_empty());
        assert_eq!(patches.count(), wanted, "{name}:\n{}", patches.table());
    }
    world.assert_well().await
}
