//! A pull request that is pushed to again: its older Snapshots need no tests any more.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::faults::LIMIT;
use e2e::objects::{annotation, message, name_of, seconds_ago};
use e2e::programs::Options;
use e2e::{Program, TestSpace};
use integration_api::{condition, keys};
use serde_json::{Value, json};

use crate::world::{
    CREATOR, Model, World, annotated, canceled, complete, conditions_of, finish, quiet_plane, start, start_at,
};

// SC-B4, SC-B26, SC-97, E-80: marked once, by name of the build.
#[tokio::test]
async fn sc_b4_a_newer_build_replaces_the_snapshot_of_an_older_one() -> Result<()> {
    let world = World::new("superseded", Model::Application, &["frontend", "backend"]).await?;
    replaces_the_older_one(&world, Model::Application).await
}

// The same in a ComponentGroup.
#[tokio::test]
async fn sc_b4_a_newer_build_replaces_the_snapshot_of_its_group() -> Result<()> {
    let world = World::new("group-superseded", Model::Group, &["frontend", "backend"]).await?;
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
        world.next_step(&second, step).await?;
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
    assert_eq!(world.status_writes(older).await?, 1);
    assert_eq!(world.events(older, "Superseded").await?.len(), 1);
    world.assert_well().await
}

// SC-B5, E-81, E-82, E-83, SC-98: finished ones, those that say so, and pushes are not touched; another one of the same
// pull request is, so it was looked at.
#[tokio::test]
async fn sc_b5_what_is_over_or_kept_is_not_superseded() -> Result<()> {
    let model = Model::Application;
    let world = World::new("kept", model, &["frontend"]).await?;
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
    let world = World::new("late", model, &["frontend"]).await?;
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
        world.next_step(&new, step).await?;
    }
    finish(&world, &new).await?;
    let now = world.get("Snapshot", late).await?.unwrap();
    assert_eq!(conditions_of(&now), conditions_of(&reset));
    assert_eq!(world.status_writes(late).await?, 1);
    world.assert_well().await
}

// SC-B4, E-84: an older build that still runs, and is over later, never touches what is newer.
#[tokio::test]
async fn sc_b4_an_older_build_never_touches_a_newer_snapshot() -> Result<()> {
    let model = Model::Application;
    let world = World::new("slow", model, &["frontend"]).await?;
    let [old, new] = ["old", "new"].map(|name| model.pull_request("frontend", 7).named(name));
    start(&world, &old, 300).await?;
    // Created in another second: which is the newer one is not left to the times alone.
    let created = world.get("PipelineRun", "old").await?.unwrap()["metadata"]["creationTimestamp"].clone();
    world.wait_for("another second", || async { (e2e::tekton::now() != created).then_some(()) }).await?;
    let newer = complete(&world, &new, 100).await?;
    for step in 1..4 {
        world.next_step(&old, step).await?;
    }
    let late = finish(&world, &old).await?;
    let newer = world.get("Snapshot", name_of(&newer)).await?.unwrap();
    assert!(conditions_of(&newer).is_empty() && conditions_of(&late).is_empty());
    for build in ["old", "new"] {
        let run = world.get("PipelineRun", build).await?.unwrap();
        assert_eq!(annotation(&run, keys::SUPERSEDED_SNAPSHOTS), "");
    }
    assert_eq!(world.status_writes(name_of(&newer)).await?, 0);
    world.assert_well().await
}

// N-17, SC-B26: the tests of the Snapshot end between the decision and its write: the verdict stays.
#[tokio::test]
async fn n_17_a_verdict_that_comes_first_is_kept() -> Result<()> {
    let model = Model::Application;
    let space = TestSpace::on(quiet_plane().await?, "verdict-first").await?;
    model.open(&space, &["frontend"]).await?;
    let log = space.control_plane.folder().join("verdict-first.writes");
    let options = Options::for_space(&space)
        .env("FAULT_DELAY_MS", Duration::from_secs(2).as_millis().to_string())
        .env("FAULT_LOG", log.display().to_string());
    let begin = space.control_plane.audit().mark().await?;
    let creator = Program::start(&space.control_plane, CREATOR, options).await?;
    let [first, second] = ["first", "second"].map(|name| model.pull_request("frontend", 7).named(name));
    let snapshot = complete(&space, &first, 300).await?;
    let snapshot = name_of(&snapshot);
    second.create(&space).await?;
    second.run_since(&space, &seconds_ago(100)).await?;
    let write = format!("{snapshot}/status");
    space
        .wait_within("the write to be on its way", LIMIT, || async {
            std::fs::read_to_string(&log).ok()?.contains(&write).then_some(())
        })
        .await?;
    let verdict = json!([{"type": condition::TEST_SUCCEEDED, "status": "True", "reason": "Passed", "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    space.patch_status("Snapshot", snapshot, json!({"conditions": verdict})).await?;
    finish(&space, &second).await?;
    let now = space.get("Snapshot", snapshot).await?.unwrap();
    assert_eq!(json!(conditions_of(&now)), verdict);
    let writes = space.control_plane.audit().since(begin).await?.of_program(CREATOR).in_namespace(&space.namespace);
    let writes = writes.mutating().filter(|write| write.name == snapshot && write.subresource == "status");
    let codes: Vec<u16> = writes.0.iter().map(|write| write.code).collect();
    assert_eq!(codes, [409], "it was on its way, once");
    ensure!(creator.is_running());
    let run = space.get("PipelineRun", "second").await?.unwrap();
    assert_eq!(annotation(&run, keys::SUPERSEDED_SNAPSHOTS), "");
    Ok(())
}

async fn conditions(world: &World, snapshots: &[String]) -> Result<Vec<Vec<Value>>> {
    let mut found = Vec::new();
    for name in snapshots {
        found.push(conditions_of(&world.get("Snapshot", name).await?.unwrap()));
    }
    Ok(found)
}
