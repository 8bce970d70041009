//! A Component that several ComponentGroups test, and ComponentGroups that are nested.

use anyhow::Result;
use e2e::TestSpace;
use e2e::fixtures::{self, nesting};
use e2e::objects::{annotation, expected_images, images, json_annotation, label, name_of};
use integration_api::keys;

use crate::world::{Model, SHOP, finish_all, group, promoted_image, shop, start};

/// ComponentGroup `mall` of that Component and all that the nested `annex` lists, beside its other owner.
pub async fn open_mall(space: &TestSpace, component: &str) -> Result<()> {
    space.create(fixtures::versioned_component("library", &["main"])).await?;
    space.create(group("annex", &["library"])).await?;
    space.create(nesting(group("mall", &[component]), "annex")).await?;
    Ok(())
}

// SC-B3, SC-120, SC-121, E-77, N-6: one build, a Snapshot for each of its owners; a nested group brings its candidates.
#[tokio::test]
async fn sc_b3_every_group_of_a_component_gets_its_snapshot() -> Result<()> {
    let world = shop("two-owners", Model::Group, &["frontend", "backend"]).await?;
    open_mall(&world, "frontend").await?;
    let before = world.list("ComponentGroup", "").await?;
    let build = Model::Group.pull_request("frontend", 7);
    start(&world, &build, 60).await?;
    let snapshots = finish_all(&world, &build, 2).await?;
    let owners: Vec<&str> = snapshots.iter().map(|snapshot| label(snapshot, keys::COMPONENT_GROUP)).collect();
    assert_eq!(owners, ["mall", SHOP], "in the order of the owners");
    let others = [("library main", "library"), ("backend main", "backend")];
    for (snapshot, (entry, other)) in snapshots.iter().zip(others) {
        let wanted = [("frontend main", build.image()), (entry, promoted_image(other))];
        assert_eq!(images(snapshot), expected_images(wanted));
        assert_eq!(annotation(snapshot, keys::INTEGRATION_WORKFLOW), keys::WORKFLOW_PULL_REQUEST);
        assert_eq!(annotation(snapshot, keys::VERSION), "main");
    }
    let run = world.get("PipelineRun", &build.name).await?.unwrap();
    let names: Vec<&str> = snapshots.iter().map(name_of).collect();
    assert_eq!(annotation(&run, keys::SNAPSHOTS), names.join(","));
    assert_eq!(annotation(&run, keys::SNAPSHOT), "");
    let status = json_annotation(&run, keys::CREATE_SNAPSHOT_STATUS);
    assert_eq!(status["status"], "success");
    assert_eq!(annotation(&run, keys::SNAPSHOT_CREATION_REPORT), "SnapshotCreated");
    assert_eq!(world.list("ComponentGroup", "").await?, before, "nothing of a pull request is promoted");
    let writes = world.requests().await?.mutating();
    assert_eq!(writes.count(), 4, "{}", writes.table());
    world.assert_well().await
}

// SC-B3, N-7: one owner cannot be served; the other one is.
#[tokio::test]
async fn sc_b3_one_lost_owner_does_not_stop_the_other() -> Result<()> {
    let world = shop("lost-owner", Model::Group, &["frontend", "backend"]).await?;
    world.create(nesting(group("circle", &["frontend"]), "circle")).await?;
    let build = Model::Group.pull_request("frontend", 7);
    start(&world, &build, 60).await?;
    let snapshots = finish_all(&world, &build, 1).await?;
    assert_eq!(label(&snapshots[0], keys::COMPONENT_GROUP), SHOP);
    let run = world.get("PipelineRun", &build.name).await?.unwrap();
    let status = json_annotation(&run, keys::CREATE_SNAPSHOT_STATUS);
    assert_eq!(status["status"], "failed");
    assert!(status["message"].as_str().unwrap().contains("circle"), "{status}");
    assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains("circle"));
    world.assert_well().await
}
