//! As large, as deep and as long as users may make it: it works, or the user is told where it ends.

use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::fixtures;
use futures::stream::{self, StreamExt, TryStreamExt};
use integration_api::keys;
use serde_json::{Value, json};

use crate::objects::{annotation, entries, held, images, json_annotation, label, name_of, old_image, text};
use crate::world::{World, push};

/// Components of one owner.
const MANY: usize = 500;
/// Levels of nested groups that are allowed (SC-121, API-266).
const DEEP: usize = 15;
/// A Snapshot of many components reaches the end of its tests within that time, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

// SC-115: an Application of 500 Components.
#[tokio::test]
async fn an_application_of_500_components_is_built_tested_and_released() -> Result<()> {
    let world = World::new("large-application").await?;
    world.small().await?;
    let siblings = (1..MANY).map(|index| {
        let name = format!("part-{index:03}");
        fixtures::promoted_component(&name, "small", &old_image(&name), "b0b0")
    });
    create_quickly(&world, siblings).await?;
    let snapshot = is_large_and_released(&world, "small").await?;
    assert_eq!(snapshot["spec"]["application"], "small");
    Ok(())
}

// SC-120, SC-122: a ComponentGroup of 500 members.
#[tokio::test]
async fn a_group_of_500_members_is_built_tested_and_released() -> Result<()> {
    let world = World::new("large-group").await?;
    let names: Vec<String> = (1..MANY).map(|index| format!("part-{index:03}")).collect();
    let images: Vec<String> = names.iter().map(|name| old_image(name)).collect();
    let all = ["frontend"].into_iter().chain(names.iter().map(String::as_str));
    let members: Vec<_> = all.map(|name| (name, "main")).collect();
    let candidates: Vec<_> =
        names.iter().zip(&images).map(|(name, image)| (name.as_str(), "main", image.as_str(), "b0b0")).collect();
    create_quickly(&world, names.iter().map(|name| fixtures::versioned_component(name, &["main"]))).await?;
    world
        .create_all([
            fixtures::versioned_component("frontend", &["main"]),
            fixtures::with_candidates(fixtures::component_group("team", &members), &candidates),
            fixtures::group_scenario("unit", "team"),
            fixtures::group_release_plan("prod", "team"),
        ])
        .await?;
    let snapshot = is_large_and_released(&world, "").await?;
    assert_eq!(snapshot["spec"]["componentGroup"], "team");
    let group = world.get("ComponentGroup", "team").await?.unwrap();
    assert_eq!(group["status"]["globalCandidateList"].as_array().unwrap().len(), MANY);
    Ok(())
}

// SC-121, SC-B3, API-266: fifteen levels below a group are read; of one more the user is told, with the way to it.
#[tokio::test]
async fn groups_nest_fifteen_levels_deep_and_no_deeper() -> Result<()> {
    let world = World::new("nesting").await?;
    let level = |level: usize| format!("level-{level}");
    let bottom = fixtures::component_group(&level(DEEP), &[("deepest", "main")]);
    let image = old_image("deepest");
    let groups = (1..DEEP).map(|at| fixtures::nesting(fixtures::component_group(&level(at), &[]), &level(at + 1)));
    let built =
        |name: &str, nested: &str| fixtures::nesting(fixtures::component_group(name, &[("frontend", "main")]), nested);
    world.create_all(groups).await?;
    world
        .create_all([
            fixtures::with_candidates(bottom, &[("deepest", "main", &image, "b0b0")]),
            fixtures::versioned_component("frontend", &["main"]),
            fixtures::versioned_component("deepest", &["main"]),
            built("allowed", &level(1)),
            built("excessive", "between"),
            fixtures::nesting(fixtures::component_group("between", &[]), &level(1)),
            fixtures::group_release_plan("prod", "allowed"),
        ])
        .await?;
    let build = push("frontend").version("main");
    let snapshot = world.complete(&build).await?;
    assert_eq!(snapshot["spec"]["componentGroup"], "allowed");
    assert_eq!(images(&snapshot)["deepest main"], image);
    world.released(name_of(&snapshot), &["prod"]).await?;

    let told = world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    let way = ["excessive", "between"].map(ToOwned::to_owned).into_iter().chain((1..=DEEP).map(level));
    let way = way.collect::<Vec<_>>().join(" / ");
    let message = failure(&told);
    for part in [
        &format!("nested_group (ComponentGroup {}/excessive): ", world.namespace),
        &format!("nested more than {DEEP} levels deep in spec.components: {way}"),
        &format!("Created: {}.", name_of(&snapshot)),
    ] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains(&way));
    Ok(())
}

// SC-121, SC-B36, SC-B37, API-B21: groups that contain each other are told, and served once they do not any more.
#[tokio::test]
async fn a_cycle_of_groups_is_told_and_recovers() -> Result<()> {
    let world = World::new("ring").await?;
    let nesting = |name: &str, nested: &str, members: &[(&str, &str)]| {
        fixtures::nesting(fixtures::component_group(name, members), nested)
    };
    world
        .create_all([
            fixtures::versioned_component("frontend", &["main"]),
            nesting("ring", "inner", &[("frontend", "main")]),
            nesting("inner", "ring", &[]),
            fixtures::group_release_plan("prod", "ring"),
        ])
        .await?;
    let build = push("frontend").version("main");
    build.complete(&world).await?;
    let told = world.wait_object("PipelineRun", &build.name, |run| !failure(run).is_empty()).await?;
    let cause = format!(
        "nested_group (ComponentGroup {}/ring): ComponentGroups contain each other in spec.components: \
         ring / inner / ring",
        world.namespace
    );
    assert!(failure(&told).contains(&cause), "{}", failure(&told));
    assert!(failure(&told).contains("The Snapshot is then created"), "{}", failure(&told));
    assert!(!held(&told), "{told}");
    assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains(&cause));
    assert!(world.list("Snapshot", "").await?.is_empty());

    world.patch("ComponentGroup", "inner", json!({"spec": {"components": []}})).await?;
    let snapshot = world.snapshot_of(&build).await?;
    assert_eq!(snapshot["spec"]["componentGroup"], "ring");
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// API-B24, API-270, SC-B16, SC-B38, TR-B49: names and versions longer than a label value, in the ComponentGroup model.
#[tokio::test]
async fn names_of_groups_may_be_long() -> Result<()> {
    let world = World::new("long-groups").await?;
    let long = |name: &str| format!("{name}-{}", "x".repeat(100));
    let (group, version, scenario) = (long("team"), long("v"), long("unit"));
    world
        .create_all([
            fixtures::versioned_component("frontend", &[&version]),
            fixtures::component_group(&group, &[("frontend", &version)]),
            fixtures::group_scenario(&scenario, &group),
        ])
        .await?;
    let build = push("frontend").version(&version).named(&long("build"));
    build.complete(&world).await?;
    let settled =
        world.wait_object("PipelineRun", &build.name, |run| !annotation(run, keys::SNAPSHOTS).is_empty()).await?;
    let name = annotation(&settled, keys::SNAPSHOTS);
    let snapshot = world.get("Snapshot", name).await?.unwrap();
    assert!(name.len() <= 63 && name.starts_with("team-xxx"), "{name}");
    assert_eq!(snapshot["spec"]["componentGroup"], group);
    assert_eq!(annotation(&snapshot, keys::VERSION), version);
    assert_eq!(label(&snapshot, keys::COMPONENT_GROUP).len(), 63);
    let passed = world.passed(name).await?;
    assert_eq!(entries(&passed)[&scenario]["status"], "TestPassed");
    let run = world.runs_let_go(name, 1).await?.remove(0);
    assert_eq!(label(&run, keys::COMPONENT_GROUP), label(&snapshot, keys::COMPONENT_GROUP));
    Ok(())
}

/// The Component frontend is built in a world with an owner of many; says how long that takes and how much it is.
async fn is_large_and_released(world: &World, application: &str) -> Result<Value> {
    world.programs_have_looked().await?;
    let build = push("frontend");
    let build = if application.is_empty() { build.version("main") } else { build.application(application) };
    build.create(world).await?;
    build.run(world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(world).await?;
    build.sign(world).await?;
    let begin = Instant::now();
    let snapshot = world.snapshot_of(&build).await?;
    let created = begin.elapsed();
    assert_eq!(images(&snapshot).len(), MANY);
    assert_eq!(annotation(&snapshot, keys::CREATE_SNAPSHOT_STATUS), "", "nothing was left out");
    let released = world.released(name_of(&snapshot), &["prod"]).await?;
    assert_eq!(entries(&released)["unit"]["status"], "TestPassed");
    let (total, size) = (begin.elapsed(), snapshot.to_string().len() / 1024);
    assert!(total < PATIENCE, "{total:?}");
    println!(
        "{}: {MANY} components, signed to Snapshot {created:?}, to Release {total:?}, {size} KiB",
        world.namespace
    );
    Ok(snapshot)
}

/// Creates objects side by side.
async fn create_quickly(world: &World, objects: impl Iterator<Item = Value>) -> Result<()> {
    stream::iter(objects).map(|object| world.create(object)).buffer_unordered(4).try_collect::<Vec<_>>().await?;
    Ok(())
}

/// Why a build says that it has no Snapshot; empty while it does not.
fn failure(build: &Value) -> String {
    let status = json_annotation(build, keys::CREATE_SNAPSHOT_STATUS);
    if status["status"] == "failed" { text(&status["message"]) } else { String::new() }
}
