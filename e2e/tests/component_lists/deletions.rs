//! app-regenerator: one Snapshot of what remains, and nothing is held for ever.

use std::time::Duration;

use anyhow::Result;
use e2e::Program;
use e2e::fixtures::{self, promoted_component};
use e2e::objects::name_of;
use e2e::programs::Options;
use e2e::tekton::Tekton;
use integration_api::keys;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{
    COMMIT, REGENERATOR, WAIT, World, contents, deleted, events, finalizers, has_looked, held_application, image,
    is_held, regenerated, text, uid_of, wait_snapshots, with_finalizers,
};

const FIVE: [&str; 5] = ["a", "b", "c", "d", "e"];

// AR-2, AR-6, AR-8, AR-9, AR-10, AR-12, AR-15, AR-X1, AR-X2, AR-X6, AR-X10, E-19, E-20, API-L9, API-F3, API-270: two of five are deleted, which makes
// one Snapshot of the other three; then both go, and the finalizer of somebody else is none of ours.
#[tokio::test]
async fn ar_x6_two_of_five_deleted_at_once_make_one_snapshot() -> Result<()> {
    let world = regenerated("two-of-five", WAIT).await?;
    held_application(&world, &FIVE).await?;
    let held = world.get("Component", "b").await?.unwrap();
    let foreign = "image-controller.example.com/image";
    world.patch("Component", "b", with_finalizers(&[finalizers(&held)[0], foreign])).await?;
    let uids = [uid_of(&world.get("Component", "a").await?.unwrap()).to_owned(), uid_of(&held).to_owned()];
    let application = world.get("Application", "app").await?.unwrap();
    let begin = world.mark().await?;
    let delete = [world.delete("Component", "a"), world.delete("Component", "b")];
    futures::future::try_join_all(delete).await?;
    world.wait_object("Component", "a", is_held).await?;

    let snapshots = wait_snapshots(&world, 1).await?;
    let snapshot = &snapshots[0];
    assert_eq!(contents(snapshot), ["c", "d", "e"]);
    assert_eq!(snapshot["spec"]["application"], "app");
    let first = &snapshot["spec"]["components"][0];
    assert_eq!(first["containerImage"], image("c"));
    assert_eq!(first["source"]["git"]["revision"], COMMIT);
    assert_eq!(snapshot["metadata"]["labels"], json!({keys::AUTO_RELEASE: "false"}));
    let mut wanted: Vec<&str> = uids.iter().map(String::as_str).collect();
    wanted.sort_unstable();
    assert_eq!(deleted(snapshot), wanted);
    let owner = &snapshot["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["uid"], &owner["controller"]), (&application["metadata"]["uid"], &json!(true)));

    world.wait_gone("Component", "a").await?;
    let left = world.wait_object("Component", "b", |component| !is_held(component)).await?;
    assert_eq!(finalizers(&left), [foreign]);
    for name in ["c", "d", "e"] {
        assert!(is_held(&world.get("Component", name).await?.unwrap()));
    }
    let told = events(&world, "app").await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0 == "SnapshotCreated" && told[0].1.contains(name_of(snapshot)), "{told:?}");
    has_looked(&world).await?;
    let writes = world.requests_since(begin).await?.mutating().filter(|request| !request.name.starts_with("canary"));
    assert_eq!(writes.count(), 3, "{}", writes.table());

    // AR-17, AR-X11, E-80: a new process makes nothing of what others still hold.
    world.program.terminate().await?;
    let again = World::start((*world).clone(), REGENERATOR, Options::for_space(&world).arg(WAIT)).await?;
    has_looked(&again).await?;
    assert_eq!(again.list("Snapshot", "").await?.len(), 1);
    world.patch("Component", "b", json!({"metadata": {"finalizers": null}})).await?;
    world.wait_gone("Component", "b").await?;
    again.assert_well().await
}

// AR-X6, E-88: without a flag, further deletions are waited for thirty seconds.
#[tokio::test]
async fn ar_x6_thirty_seconds_after_the_newest_deletion() -> Result<()> {
    let world = regenerated("thirty-seconds", "--concurrency=4").await?;
    held_application(&world, &["a", "b", "c"]).await?;
    world.delete("Component", "a").await?;
    let first: Timestamp = deletion(&world, "a").await?;
    // At least one whole second later.
    world
        .wait_for("another second", || async { (Timestamp::now().as_second() > first.as_second() + 1).then_some(()) })
        .await?;
    world.delete("Component", "b").await?;
    let newest = deletion(&world, "b").await?;
    assert!(newest > first);
    let snapshots = wait_snapshots(&world, 1).await?;
    let waited = time(&snapshots[0]["metadata"]["creationTimestamp"])?.duration_since(newest).as_secs();
    assert!((29..45).contains(&waited), "created {waited} s after the newest deletion");
    assert_eq!(contents(&snapshots[0]), ["c"]);
    assert_eq!(deleted(&snapshots[0]).len(), 2);
    for name in ["a", "b"] {
        world.wait_gone("Component", name).await?;
    }
    Ok(())
}

// AR-1, AR-X6, DESIGN §3: deletions while the program was down are served when it is back, by one Snapshot.
#[tokio::test]
async fn ar_1_deletions_are_served_after_an_outage() -> Result<()> {
    let world = regenerated("outage", WAIT).await?;
    held_application(&world, &["a", "b", "c"]).await?;
    world.program.terminate().await?;
    world.delete("Component", "a").await?;
    let first = deletion(&world, "a").await?;
    world
        .wait_for("some seconds", || async { (Timestamp::now().as_second() > first.as_second() + 5).then_some(()) })
        .await?;
    world.delete("Component", "b").await?;
    let again = World::start((*world).clone(), REGENERATOR, Options::for_space(&world).arg(WAIT)).await?;
    let snapshots = wait_snapshots(&again, 1).await?;
    assert_eq!((contents(&snapshots[0]), deleted(&snapshots[0]).len()), (vec!["c"], 2));
    for name in ["a", "b"] {
        again.wait_gone("Component", name).await?;
    }
    again.assert_well().await
}

// AR-4, AR-X5, E-23: an Application that is deleted with its Components leaves no Snapshot and no Component, whether it
// goes first, stays until its Components are gone, or goes after them.
#[tokio::test]
async fn ar_x5_an_application_that_is_deleted_leaves_nothing_behind() -> Result<()> {
    let world = regenerated("dying-application", WAIT).await?;
    for order in ["application-first", "components-first", "foreground"] {
        let components = [format!("{order}-a"), format!("{order}-b")];
        world.create(fixtures::application(order)).await?;
        for name in &components {
            world.create(promoted_component(name, order, &image(name), COMMIT)).await?;
            world.wait_object("Component", name, is_held).await?;
        }
        if order == "foreground" {
            world.patch("Application", order, with_finalizers(&["foregroundDeletion"])).await?;
        }
        if order == "components-first" {
            world.delete("Component", &components[0]).await?;
        }
        world.delete("Application", order).await?;
        for name in components.iter().skip(usize::from(order == "components-first")) {
            world.delete("Component", name).await?;
        }
        for name in &components {
            world.wait_gone("Component", name).await?;
        }
        if order == "foreground" {
            world.patch("Application", order, json!({"metadata": {"finalizers": null}})).await?;
        }
        world.wait_gone("Application", order).await?;
    }
    has_looked(&world).await?;
    assert!(world.list("Snapshot", "").await?.is_empty());
    assert!(world.list("Event", "").await?.iter().all(|event| event["reason"] != "SnapshotNotCreated"));
    world.assert_well().await
}

// AR-3, AR-X3, E-18: a Component that left for the ComponentGroup model is let go, also when it is being deleted.
#[tokio::test]
async fn ar_x3_a_component_that_left_its_application_is_let_go() -> Result<()> {
    let world = regenerated("left", WAIT).await?;
    held_application(&world, &["a", "b"]).await?;
    world.create(fixtures::versioned_component("grouped", &["main"])).await?;
    world.patch("Component", "a", json!({"spec": {"application": ""}})).await?;
    world.wait_object("Component", "a", |component| !is_held(component)).await?;
    world.patch("Component", "b", json!({"spec": {"application": ""}})).await?;
    for name in ["a", "b", "grouped"] {
        world.delete("Component", name).await?;
        world.wait_gone("Component", name).await?;
    }
    has_looked(&world).await?;
    assert!(world.list("Snapshot", "").await?.is_empty());
    Ok(())
}

// AR-X9, AR-4, AR-5: the finalizer comes and goes with the Application.
#[tokio::test]
async fn ar_x9_a_component_is_held_once_its_application_exists() -> Result<()> {
    let world = regenerated("late-application", WAIT).await?;
    world.create(promoted_component("a", "app", &image("a"), COMMIT)).await?;
    has_looked(&world).await?;
    assert!(!is_held(&world.get("Component", "a").await?.unwrap()));
    for _ in 0..2 {
        world.create(fixtures::application("app")).await?;
        world.wait_object("Component", "a", is_held).await?;
        world.delete("Application", "app").await?;
        world.wait_object("Component", "a", |component| !is_held(component)).await?;
    }
    world.assert_well().await
}

// AR-18, E-81: the Application named at the time of the deletion gets the Snapshot.
#[tokio::test]
async fn ar_18_a_component_that_moved_belongs_to_its_new_application() -> Result<()> {
    let world = regenerated("moved", WAIT).await?;
    held_application(&world, &["a", "b"]).await?;
    world.create(fixtures::application("app2")).await?;
    world.create(promoted_component("z", "app2", &image("z"), COMMIT)).await?;
    world.wait_object("Component", "z", is_held).await?;
    world.patch("Component", "a", json!({"spec": {"application": "app2"}})).await?;
    world.delete("Component", "a").await?;
    let snapshots = wait_snapshots(&world, 1).await?;
    assert_eq!((text(&snapshots[0]["spec"]["application"]), contents(&snapshots[0])), ("app2", vec!["z"]));
    world.wait_gone("Component", "a").await?;
    Ok(())
}

// AR-9, AR-11, AR-X7, AR-X8, E-21, E-22: siblings without image are named; where none remains there is no Snapshot.
#[tokio::test]
async fn ar_x7_what_cannot_be_in_the_snapshot_is_named() -> Result<()> {
    let world = regenerated("unusable", WAIT).await?;
    held_application(&world, &["a", "branchless"]).await?;
    world.create(fixtures::component("unbuilt", "app")).await?;
    world.wait_object("Component", "unbuilt", is_held).await?;
    world.patch("Component", "branchless", json!({"spec": {"source": {"git": {"revision": null}}}})).await?;
    world.delete("Component", "a").await?;
    let snapshots = wait_snapshots(&world, 1).await?;
    assert_eq!(contents(&snapshots[0]), ["branchless"]);
    let named = text(&snapshots[0]["metadata"]["annotations"][keys::CREATE_SNAPSHOT_STATUS]);
    assert!(named.starts_with("unbuilt: ") && !named.contains("branchless"), "{named}");
    world.wait_gone("Component", "a").await?;

    world.delete("Component", "branchless").await?;
    world.wait_gone("Component", "branchless").await?;
    let told = events(&world, "app").await?;
    let reason = told.iter().find(|(reason, _)| reason == "SnapshotNotCreated");
    assert!(reason.is_some_and(|(_, note)| note.contains("branchless") && note.contains("unbuilt: ")), "{told:?}");
    world.delete("Component", "unbuilt").await?;
    world.wait_gone("Component", "unbuilt").await?;
    assert_eq!(world.list("Snapshot", "").await?.len(), 1);
    Ok(())
}

// AR-14: such a Snapshot is tested like one of a push, and never released by itself.
#[tokio::test]
async fn ar_14_the_snapshot_is_tested_and_not_released() -> Result<()> {
    let world = regenerated("tested", WAIT).await?;
    let tekton = Tekton::start(&world);
    let mut others = Vec::new();
    for name in ["test-runner", "result-recorder", "status-reporter"] {
        others.push(Program::start(&world.control_plane, name, Options::for_space(&world)).await?);
    }
    held_application(&world, &["a", "b"]).await?;
    world.create(fixtures::scenario("unit", "app")).await?;
    world.create(fixtures::release_plan("prod", "app")).await?;
    world.delete("Component", "a").await?;
    let name = name_of(&wait_snapshots(&world, 1).await?[0]).to_owned();
    let judged = |snapshot: &Value| {
        let conditions = snapshot["status"]["conditions"].as_array();
        conditions.into_iter().flatten().any(|one| one["type"] == "AppStudioTestSucceeded" && one["status"] == "True")
    };
    world
        .wait_within("the verdict", Duration::from_secs(60), || async {
            world.get("Snapshot", &name).await.ok()?.filter(judged)
        })
        .await?;
    let runs = world.list("PipelineRun", &format!("{}={name}", keys::SNAPSHOT)).await?;
    assert_eq!(runs.len(), 1);
    assert!(world.list("Release", "").await?.is_empty());
    assert!(others.iter().all(Program::is_running));
    drop(tekton);
    Ok(())
}

async fn deletion(world: &World, name: &str) -> Result<Timestamp> {
    time(&world.get("Component", name).await?.unwrap()["metadata"]["deletionTimestamp"])
}

fn time(value: &Value) -> Result<Timestamp> {
    Ok(text(value).parse()?)
}
