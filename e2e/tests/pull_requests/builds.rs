//! One build of a pull request, from its start to its Snapshot.

use anyhow::{Result, ensure};
use e2e::objects::{annotation, expected_images, held, images, json_annotation, label, name_of, seconds_ago};
use integration_api::keys;

use crate::stories::second_after;
use crate::world::{Model, World, conditions_of, finish, is_settled, promoted_image, shop, start, uid_of};

/// Of PR group `feature`: SC-6.
const FEATURE: &str = "2ad562319767157087dda0dec6391f4479f8a04869ab0cc8d3a9c3637dae73";

// SC-B34, SC-B37, SC-55, SC-58, SC-66, SC-B27, SC-B30, E-76, E-97
#[tokio::test]
async fn sc_b34_a_pull_request_gets_a_snapshot_and_no_candidate() -> Result<()> {
    let world = shop("pull-request", Model::Application, &["frontend", "backend"]).await?;
    gets_its_snapshot(&world, Model::Application).await
}

// SC-B34, SC-B2, E-77: the same in a ComponentGroup.
#[tokio::test]
async fn sc_b34_a_pull_request_gets_a_snapshot_of_its_group() -> Result<()> {
    let world = shop("group-pull-request", Model::Group, &["frontend", "backend"]).await?;
    gets_its_snapshot(&world, Model::Group).await
}

async fn gets_its_snapshot(world: &World, model: Model) -> Result<()> {
    let candidate = model.candidate(world, "frontend").await?;
    let begin = world.mark().await?;
    let build = model.pull_request("frontend", 7).source_branch("refs/heads/feature");
    let run = start(world, &build, 60).await?;
    assert_eq!((annotation(&run, keys::PR_GROUP), label(&run, keys::PR_GROUP_HASH)), ("feature", FEATURE));
    let writes = world.requests_since(begin).await?.mutating();
    ensure!(writes.count() == 1, "the finalizer and the PR group are not one patch:\n{}", writes.table());

    // Of a build that ended when the program took over, the Snapshots are listed live, and times have whole seconds.
    second_after(world, &e2e::tekton::now()).await?;
    let warm = world.mark().await?;
    let snapshot = finish(world, &build).await?;
    let name = name_of(&snapshot);
    for (key, value) in [
        (keys::SNAPSHOT_TYPE, keys::TYPE_COMPONENT),
        (keys::COMPONENT, "frontend"),
        (model.owner_label(), "shop"),
        (keys::BUILD_PIPELINE_RUN, build.name.as_str()),
        (keys::PULL_REQUEST, "7"),
        (keys::EVENT_TYPE, "pull_request"),
        (keys::PR_GROUP_HASH, FEATURE),
    ] {
        assert_eq!(label(&snapshot, key), value, "label {key}");
    }
    for (key, value) in [
        (keys::INTEGRATION_WORKFLOW, keys::WORKFLOW_PULL_REQUEST),
        (keys::PR_GROUP, "feature"),
        (keys::PULL_REQUEST, "7"),
        (keys::BUILD_PIPELINE_RUN_UID, &uid_of(&run)),
        (keys::SOURCE_REPO_URL, &build.git_url),
        (keys::ADDED_TO_GCL, ""),
        (keys::PR_STATUS, ""),
        (keys::SNAPSHOT_CREATION_REPORT, ""),
    ] {
        assert_eq!(annotation(&snapshot, key), value, "annotation {key}");
    }
    let contents = [(&*model.entry("frontend"), build.image()), (&model.entry("backend"), promoted_image("backend"))];
    assert_eq!(images(&snapshot), expected_images(contents));
    assert!(conditions_of(&snapshot).is_empty());

    let run = world.get("PipelineRun", &build.name).await?.unwrap();
    assert_eq!(annotation(&run, keys::SNAPSHOTS), name);
    assert_eq!(annotation(&run, keys::SNAPSHOT), if model == Model::Application { name } else { "" });
    assert_eq!(json_annotation(&run, keys::CREATE_SNAPSHOT_STATUS)["status"], "success");
    assert_eq!(annotation(&run, keys::SNAPSHOT_CREATION_REPORT), "SnapshotCreated");
    assert_eq!(annotation(&run, keys::ADDED_TO_GCL), "");
    assert!(!held(&run));
    assert_eq!(model.candidate(world, "frontend").await?, candidate, "nothing of a pull request is promoted");

    assert!(world.event(&build.name, "SnapshotCreated").await?.contains(name));
    let requests = world.requests_since(begin).await?;
    ensure!(requests.mutating().count() == 3, "not 3 writes:\n{}", requests.mutating().table());
    ensure!(requests.events().count() == 1, "not 1 Event:\n{}", requests.events().table());
    let reads = world.requests_since(warm).await?.reads();
    ensure!(reads.count() == 0, "reads although everything is known:\n{}", reads.table());
    world.assert_well().await
}

// SC-B27, D-17, SC-57: two forks that happen to build their default branch have nothing to do with each other.
#[tokio::test]
async fn sc_b27_a_default_branch_without_organisation_makes_no_group() -> Result<()> {
    let model = Model::Application;
    let world = shop("default-branch", model, &["frontend", "backend"]).await?;
    let alone = model.pull_request("frontend", 1).source_branch("main");
    let forked = model.pull_request("backend", 2).source_branch("main");
    let forked = forked.repository("https://git.example.com/org/backend", "fork");
    for (build, group) in [(&alone, ""), (&forked, "main-fork")] {
        let run = start(&world, build, 60).await?;
        assert_eq!(annotation(&run, keys::PR_GROUP), group);
        assert_eq!(label(&run, keys::PR_GROUP_HASH).is_empty(), group.is_empty());
        let snapshot = finish(&world, build).await?;
        assert_eq!(annotation(&snapshot, keys::PR_GROUP), group);
        assert_eq!(label(&snapshot, keys::PR_GROUP_HASH), label(&run, keys::PR_GROUP_HASH));
    }
    world.assert_well().await
}

// SC-B27, SC-B23: what a pull request says about its own group is corrected, and not carried over.
#[tokio::test]
async fn sc_b27_a_claimed_group_is_corrected() -> Result<()> {
    let model = Model::Application;
    let world = shop("claimed-group", model, &["frontend"]).await?;
    let build = model
        .pull_request("frontend", 1)
        .source_branch("feature")
        .annotation(keys::PR_GROUP, "release")
        .label(keys::PR_GROUP_HASH, "0123456789");
    let run = start(&world, &build, 60).await?;
    assert_eq!((annotation(&run, keys::PR_GROUP), label(&run, keys::PR_GROUP_HASH)), ("feature", FEATURE));
    let snapshot = finish(&world, &build).await?;
    assert_eq!((annotation(&snapshot, keys::PR_GROUP), label(&snapshot, keys::PR_GROUP_HASH)), ("feature", FEATURE));
    Ok(())
}

// SC-42, SC-B37, E-14: seen for the first time when it was over already: no finalizer, and the Snapshot all the same.
// E-12: deleted while it runs: let go at once, without a Snapshot.
#[tokio::test]
async fn sc_42_a_build_that_is_over_or_deleted_is_not_held() -> Result<()> {
    let model = Model::Application;
    let world = shop("over", model, &["frontend", "backend"]).await?;
    let deleted = model.pull_request("backend", 2);
    start(&world, &deleted, 60).await?;
    world.delete("PipelineRun", &deleted.name).await?;
    world.wait_gone("PipelineRun", &deleted.name).await?;

    let build = model.pull_request("frontend", 1);
    let mut object = build.object();
    object["metadata"]["annotations"][keys::CHAINS_SIGNED] = "true".into();
    let now = seconds_ago(0);
    object["status"] = serde_json::json!({
        "startTime": seconds_ago(60), "completionTime": now, "results": build.results(),
        "conditions": [e2e::tekton::succeeded("True", "Succeeded", "done")],
    });
    world.create(object).await?;
    world.wait_object("PipelineRun", &build.name, is_settled).await?;
    let snapshots = world.list("Snapshot", "").await?;
    assert_eq!(snapshots.len(), 1);
    assert_eq!(label(&snapshots[0], keys::BUILD_PIPELINE_RUN), build.name);
    world.assert_well().await
}
