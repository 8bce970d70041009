//! A pull request that is pushed to again: its older Snapshots need no tests any more.

use std::borrow::Borrow;
use std::time::Duration;

use anyhow::Result;
use e2e::audit::Request;
use e2e::faults::LIMIT;
use e2e::fixtures::Build;
use e2e::objects::{annotation, message, name_of, seconds_ago};
use e2e::programs::Options;
use e2e::{Program, TestSpace};
use integration_api::{condition, keys};
use serde_json::{Value, json};

use crate::stories::another_second;
use crate::world::{
    CREATOR, Model, World, annotated, canceled, complete, conditions_of, finish, is_settled, quiet_plane, shop, start,
    start_at,
};

/// How long a write of n-17 is on its way: enough for another one to overtake it on a busy machine.
const UNDERWAY: Duration = Duration::from_secs(8);

// SC-B4, SC-B26, SC-97, E-80: marked once, by name of the build.
#[tokio::test]
async fn sc_b4_a_newer_build_replaces_the_snapshot_of_an_older_one() -> Result<()> {
    let world = shop("superseded", Model::Application, &["frontend", "backend"]).await?;
    replaces_the_older_one(&world, Model::Application).await
}

// The same in a ComponentGroup.
#[tokio::test]
async fn sc_b4_a_newer_build_replaces_the_snapshot_of_its_group() -> Result<()> {
    let world = shop("group-superseded", Model::Group, &["frontend", "backend"]).await?;
    replaces_the_older_one(&world, Model::Group).await
}

async fn replaces_the_older_one(world: &World, model: Model) -> Result<()> {
    let first = model.pull_request("frontend", 7).named("first");
    let older = complete(world, &first, 300).await?;
    let older = name_of(&older);
    // Of another pull request, of another Component, and of another repository.
    let unrelated = [
        model.pull_request("frontend", 8),
        model.pull_request("backend", 7).source_branch("feature-of-backend"),
        model.pull_request("frontend", 7).named("fork").repository("https://git.example.com/fork/frontend", "fork"),
    ];
    let mut others = Vec::new();
    for build in &unrelated {
        others.push(complete(world, build, 300).await?);
    }

    let second = model.pull_request("frontend", 7).named("second");
    start(world, &second, 100).await?;
    let marked = canceled(world, older).await?;
    assert!(message(&marked, condition::INTEGRATION_STATUS).contains("second"));
    annotated(world, "PipelineRun", "second", keys::SUPERSEDED_SNAPSHOTS, older).await?;
    assert!(world.event(older, "Superseded").await?.contains("second"));

    for step in 1..4 {
        next_step(world, &second, step).await?;
    }
    let newer = finish(world, &second).await?;
    assert!(conditions_of(&newer).is_empty());
    assert_eq!(annotation(&newer, keys::SUPERSEDED_SNAPSHOTS), "", "a word about older ones stays on the build");
    for other in others {
        let now = world.get("Snapshot", name_of(&other)).await?.unwrap();
        assert_eq!(conditions_of(&now), conditions_of(&other), "{}", name_of(&other));
    }
    let now = world.get("Snapshot", older).await?.unwrap();
    assert_eq!(conditions_of(&now), conditions_of(&marked));
    assert_eq!(status_writes(world, older).await?, [200]);
    let events = world.events(older).await?;
    assert_eq!(events.iter().filter(|(reason, _)| reason == "Superseded").count(), 1);
    world.assert_well().await
}

// SC-B5, E-81, E-82, E-83, SC-98: finished ones, those that say so, and pushes are not touched; another one of the same
// pull request is, so it was looked at.
#[tokio::test]
async fn sc_b5_what_is_over_or_kept_is_not_superseded() -> Result<()> {
    let model = Model::Application;
    let world = shop("kept", model, &["frontend"]).await?;
    let pull = |name: &str| model.pull_request("frontend", 7).named(name);
    // All of them started at once: none of them replaces another.
    let begin = seconds_ago(300);
    let builds = [
        pull("ordinary"),
        pull("kept").annotation(keys::IGNORE_SUPERSESSION, "true"),
        pull("passed"),
        pull("failed"),
        pull("finished"),
        model.push("frontend").named("push").label(keys::PAC_PULL_REQUEST, "7"),
    ];
    let mut snapshots = Vec::new();
    for build in &builds {
        start_at(&world, build, &begin).await?;
    }
    for build in &builds {
        snapshots.push(name_of(&finish(&world, build).await?).to_owned());
    }
    let verdict = |type_: &str, status: &str, reason: &str| {
        json!({"conditions": [{"type": type_, "status": status, "reason": reason, "message": "m",
            "lastTransitionTime": "2026-01-01T00:00:00Z"}]})
    };
    for (snapshot, status) in snapshots[2..5].iter().zip([
        verdict(condition::TEST_SUCCEEDED, condition::TRUE, condition::PASSED),
        verdict(condition::TEST_SUCCEEDED, condition::FALSE, condition::FAILED),
        verdict(condition::INTEGRATION_STATUS, condition::TRUE, condition::FINISHED),
    ]) {
        world.patch_status("Snapshot", snapshot, status).await?;
    }
    let before = conditions(&world, &snapshots).await?;

    let newest = pull("newest");
    start(&world, &newest, 100).await?;
    canceled(&world, &snapshots[0]).await?;
    annotated(&world, "PipelineRun", "newest", keys::SUPERSEDED_SNAPSHOTS, &snapshots[0]).await?;
    finish(&world, &newest).await?;
    assert_eq!(conditions(&world, &snapshots).await?[1..], before[1..]);
    world.assert_well().await
}

// N-15, N-16, SC-B4: an older build that is over later is replaced too, once; what a user then asks for again is left.
#[tokio::test]
async fn n_15_the_snapshot_of_an_older_build_that_is_late_is_superseded_once() -> Result<()> {
    let model = Model::Application;
    let world = shop("late", model, &["frontend"]).await?;
    let [old, new] = ["old", "new"].map(|name| model.pull_request("frontend", 7).named(name));
    start(&world, &old, 300).await?;
    start(&world, &new, 100).await?;
    let late = finish(&world, &old).await?;
    let late = name_of(&late);
    let marked = canceled(&world, late).await?;
    assert!(message(&marked, condition::INTEGRATION_STATUS).contains("new"));
    annotated(&world, "PipelineRun", "new", keys::SUPERSEDED_SNAPSHOTS, late).await?;

    // Tests are run again while the newer build still runs.
    let mut again = conditions_of(&marked);
    again.retain(|condition| condition["type"] != condition::INTEGRATION_STATUS);
    again.push(json!({"type": condition::INTEGRATION_STATUS, "status": "Unknown", "reason": condition::IN_PROGRESS,
        "message": "run again", "lastTransitionTime": "2026-01-01T00:00:00Z"}));
    let reset = world.patch_status("Snapshot", late, json!({"conditions": again})).await?;
    for step in 1..4 {
        next_step(&world, &new, step).await?;
    }
    finish(&world, &new).await?;
    let now = world.get("Snapshot", late).await?.unwrap();
    assert_eq!(conditions_of(&now), conditions_of(&reset));
    assert_eq!(status_writes(&world, late).await?, [200]);
    world.assert_well().await
}

// SC-B4, E-84: an older build that still runs, and is over later, never touches what is newer.
#[tokio::test]
async fn sc_b4_an_older_build_never_touches_a_newer_snapshot() -> Result<()> {
    let model = Model::Application;
    let world = shop("slow", model, &["frontend"]).await?;
    let [old, new] = ["old", "new"].map(|name| model.pull_request("frontend", 7).named(name));
    start(&world, &old, 300).await?;
    another_second(&world, &old).await?;
    let newer = complete(&world, &new, 100).await?;
    for step in 1..4 {
        next_step(&world, &old, step).await?;
    }
    let late = finish(&world, &old).await?;
    let newer = world.get("Snapshot", name_of(&newer)).await?.unwrap();
    assert!(conditions_of(&newer).is_empty() && conditions_of(&late).is_empty());
    for build in ["old", "new"] {
        let run = world.get("PipelineRun", build).await?.unwrap();
        assert_eq!(annotation(&run, keys::SUPERSEDED_SNAPSHOTS), "");
    }
    assert!(status_writes(&world, name_of(&newer)).await?.is_empty());
    world.assert_well().await
}

// N-17, SC-B26: the tests of the Snapshot end between the decision and its write: the verdict stays.
#[tokio::test]
async fn n_17_a_verdict_that_comes_first_is_kept() -> Result<()> {
    let model = Model::Application;
    let space = TestSpace::on(quiet_plane().await?, "verdict-first").await?;
    model.open(&space, &["frontend"]).await?;
    let log = space.control_plane.folder().join("verdict-first.writes");
    let [first, second] = ["first", "second"].map(|name| model.pull_request("frontend", 7).named(name));
    let options = Options::for_space(&space);
    let quick = Program::start(&space.control_plane, CREATOR, options.clone()).await?;
    let snapshot = complete(&space, &first, 300).await?;
    let snapshot = name_of(&snapshot);
    quick.terminate().await?;

    let options =
        options.env("FAULT_DELAY_MS", UNDERWAY.as_millis().to_string()).env("FAULT_LOG", log.display().to_string());
    let world = e2e::World::start(space, CREATOR, options).await?;
    second.create(&world).await?;
    second.run_since(&world, &seconds_ago(100)).await?;
    let write = format!("{snapshot}/status");
    world
        .wait_within("the write to be on its way", LIMIT, || async {
            std::fs::read_to_string(&log).ok()?.contains(&write).then_some(())
        })
        .await?;
    let verdict = json!([{"type": condition::TEST_SUCCEEDED, "status": "True", "reason": "Passed", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    world.patch_status("Snapshot", snapshot, json!({"conditions": verdict})).await?;
    second.succeed(&world).await?;
    second.sign(&world).await?;
    let settled = || async { world.get("PipelineRun", "second").await.ok()?.filter(is_settled) };
    let run = world.wait_within("the second build to be let go", LIMIT, settled).await?;
    let now = world.get("Snapshot", snapshot).await?.unwrap();
    assert_eq!(json!(conditions_of(&now)), verdict);
    assert_eq!(status_writes(&world, snapshot).await?, [409], "it was on its way, once");
    assert_eq!(annotation(&run, keys::SUPERSEDED_SNAPSHOTS), "");
    world.assert_well().await
}

/// Something else happens to a build that runs, as Tekton's next step; snapshot-creator looks at it again.
async fn next_step(world: &World, build: &Build, step: u32) -> Result<()> {
    let message = format!("Tasks Completed: {step} (Failed: 0, Cancelled 0), Incomplete: 4");
    let condition = e2e::tekton::succeeded("Unknown", "Running", &message);
    world.patch_status("PipelineRun", &build.name, json!({"conditions": [condition]})).await?;
    Ok(())
}

/// What snapshot-creator was answered each time it wrote the status of a Snapshot.
async fn status_writes<P: Borrow<Program>>(world: &e2e::World<P>, snapshot: &str) -> Result<Vec<u16>> {
    let writes = world.requests().await?.mutating();
    let of_status =
        |write: &Request| write.resource == "snapshots" && write.subresource == "status" && write.name == snapshot;
    Ok(writes.filter(of_status).0.iter().map(|write| write.code).collect())
}

async fn conditions(world: &World, snapshots: &[String]) -> Result<Vec<Vec<Value>>> {
    let mut found = Vec::new();
    for name in snapshots {
        found.push(conditions_of(&world.get("Snapshot", name).await?.unwrap()));
    }
    Ok(found)
}
