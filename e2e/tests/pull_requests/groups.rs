//! Pull requests of one branch name in several repositories: a PR group, whose members are told of each other.

use anyhow::{Result, ensure};
use e2e::fixtures::Build;
use e2e::objects::{annotation, held, label, name_of};
use integration_api::formats::group_snapshot_text;
use integration_api::keys;

use crate::stories::another_second;
use crate::world::{Model, World, complete, finish, shop, start, told, uid_of};

// SC-B17, SC-59, SC-60, SC-61, E-35, E-36: three members, one of which fails.
#[tokio::test]
async fn sc_b17_a_group_of_three_is_told_of_each_other() -> Result<()> {
    let world = shop("group-of-three", Model::Application, &["api", "web", "docs"]).await?;
    three_of_which_one_fails(&world, Model::Application).await
}

// The same in a ComponentGroup.
#[tokio::test]
async fn sc_b17_the_members_of_a_component_group_are_told_of_each_other() -> Result<()> {
    let world = shop("component-group-of-three", Model::Group, &["api", "web", "docs"]).await?;
    three_of_which_one_fails(&world, Model::Group).await
}

async fn three_of_which_one_fails(world: &World, model: Model) -> Result<()> {
    let [api, web, docs] = [("api", 1), ("web", 2), ("docs", 3)].map(|(name, number)| member(model, name, number));
    let first = complete(world, &api, 300).await?;
    assert_eq!(annotation(&first, keys::CREATE_GROUP_SNAPSHOT_STATUS), "");
    let first = name_of(&first);
    notified(world, &api, "incoming").await?;

    // A second one comes in: the Snapshot of the first is told, the first build is over.
    start(world, &web, 200).await?;
    let incoming = told(world, "Snapshot", first, &["web-pr-2", group_snapshot_text::WAITING, " feature"]).await?;
    assert!(!group_snapshot_text::processed(Some(&incoming)));
    notified(world, &web, "incoming").await?;

    // A third one: also the build that runs is told.
    start(world, &docs, 100).await?;
    for (kind, name) in [("Snapshot", first), ("PipelineRun", "web-pr-2")] {
        told(world, kind, name, &["docs-pr-3", group_snapshot_text::WAITING]).await?;
    }
    notified(world, &docs, "incoming").await?;

    // The second one fails: whoever waits for it is told, and it is let go.
    web.fail(world, "Failed").await?;
    for (kind, name) in [("Snapshot", first), ("PipelineRun", "docs-pr-3")] {
        let failed = told(world, kind, name, &["web-pr-2", "web", "fail"]).await?;
        ensure!(group_snapshot_text::processed(Some(&failed)), "{kind} {name}: {failed}");
    }
    let failed = world.wait_object("PipelineRun", "web-pr-2", |run| !held(run)).await?;
    assert_eq!(annotation(&failed, keys::GROUP_NOTIFIED), format!("failed/{}", uid_of(&failed)));
    assert_eq!(annotation(&failed, keys::CREATE_SNAPSHOT_STATUS), "");
    let of_itself = annotation(&failed, keys::CREATE_GROUP_SNAPSHOT_STATUS);
    assert!(of_itself.contains("docs-pr-3") && !of_itself.contains("web-pr-2"), "{of_itself}");

    // The third one succeeds: its Snapshot carries what it was told.
    let third = finish(world, &docs).await?;
    let carried = annotation(&third, keys::CREATE_GROUP_SNAPSHOT_STATUS);
    assert!(carried.contains("web-pr-2") && group_snapshot_text::processed(Some(carried)), "{carried}");
    assert_eq!(annotation(&third, keys::GROUP_NOTIFIED), "");
    let snapshots = world.list("Snapshot", "").await?;
    assert_eq!(snapshots.len(), 2);
    assert_eq!(label(&snapshots[0], keys::PR_GROUP_HASH), label(&snapshots[1], keys::PR_GROUP_HASH));

    // Each text was written once.
    let writes = world.requests().await?.mutating();
    let patches = |resource: &str, name: &str| {
        writes.filter(|write| write.verb == "patch" && write.resource == resource && write.name == name).count()
    };
    assert_eq!(patches("snapshots", first), 3);
    assert_eq!(patches("snapshots", name_of(&third)), 0);
    world.assert_well().await
}

// SC-B17, SC-B18, E-34: an older build that fails says nothing once a newer one of its Component has come; nor does a
// build of another group, or one of a Component that is of no interest to the owner.
#[tokio::test]
async fn sc_b17_only_the_newest_build_of_a_member_speaks_for_it() -> Result<()> {
    let model = Model::Application;
    let world = shop("newest-speaks", model, &["api", "web"]).await?;
    world.create(e2e::fixtures::application("other")).await?;
    world.create(e2e::fixtures::component("stranger", "other")).await?;
    let api = complete(&world, &member(model, "api", 1), 300).await?;
    let api = name_of(&api);
    let old = member(model, "web", 2).named("old");
    start(&world, &old, 200).await?;
    told(&world, "Snapshot", api, &["old"]).await?;
    another_second(&world, &old).await?;
    start(&world, &member(model, "web", 2).named("newer"), 100).await?;
    let newest = told(&world, "Snapshot", api, &["newer"]).await?;

    let elsewhere = member(model, "web", 4).named("elsewhere").source_branch("another");
    let stranger = member(model, "stranger", 5).application("other");
    for build in [&old, &elsewhere, &stranger] {
        if build.name != "old" {
            start(&world, build, 100).await?;
        }
        build.fail(&world, "Failed").await?;
        world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    }
    let now = world.get("Snapshot", api).await?.unwrap();
    assert_eq!(annotation(&now, keys::CREATE_GROUP_SNAPSHOT_STATUS), newest);
    world.assert_well().await
}

// SC-153, SC-B17: builds that start at once tell each other, each once, and do not quarrel about the last word.
#[tokio::test]
async fn sc_153_builds_of_a_group_that_start_at_once_come_to_an_end() -> Result<()> {
    const MEMBERS: usize = 10;
    let model = Model::Application;
    let components: Vec<String> = (0..MEMBERS).map(|number| format!("part-{number}")).collect();
    let names: Vec<&str> = components.iter().map(String::as_str).collect();
    let world = shop("group-at-once", model, &names).await?;
    let builds: Vec<Build> = names.iter().zip(1..).map(|(name, number)| member(model, name, number)).collect();
    futures::future::try_join_all(builds.iter().map(|build| start(&world, build, 100))).await?;
    futures::future::try_join_all(builds.iter().map(|build| notified(&world, build, "incoming"))).await?;
    let patches = world.requests().await?.mutating().filter(|write| write.resource == "pipelineruns").count();
    // Each build is held and marked, and tells every other one at most once.
    ensure!(patches <= MEMBERS * 2 + MEMBERS * (MEMBERS - 1), "{patches} patches of PipelineRuns");
    world.assert_well().await
}

/// A build of the group `feature`.
fn member(model: Model, component: &str, number: u32) -> Build {
    model.pull_request(component, number).source_branch("feature")
}

async fn notified(world: &World, build: &Build, state: &str) -> Result<()> {
    world
        .wait_object("PipelineRun", &build.name, |run| {
            annotation(run, keys::GROUP_NOTIFIED) == format!("{state}/{}", uid_of(run))
        })
        .await?;
    Ok(())
}
