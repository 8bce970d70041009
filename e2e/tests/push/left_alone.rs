//! What is not handled yet, or never: left as it is, visibly.

use anyhow::Result;
use e2e::fixtures;
use integration_api::{condition, keys};
use serde_json::{Value, json};

use crate::objects::{condition as condition_of, entries, has_condition, held, label, name_of, old_image, test_runs};
use crate::world::World;

// TR-2, TR-3, TR-B4, TR-B43, TR-B51: Snapshots of other kinds are told about and not touched.
#[tokio::test]
async fn snapshots_of_other_kinds_are_left_alone_visibly() -> Result<()> {
    let world = World::new("other-kinds").await?;
    world.small().await?;
    let of_pull_request = |snapshot: Value| {
        let snapshot = fixtures::with_label(snapshot, keys::EVENT_TYPE, "pull_request");
        let snapshot = fixtures::with_label(snapshot, keys::PULL_REQUEST, "7");
        fixtures::with_annotation(snapshot, keys::INTEGRATION_WORKFLOW, "pull-request")
    };
    let of_type = |name: &str, type_: &str| fixtures::with_label(snapshot(name), keys::SNAPSHOT_TYPE, type_);
    let queue = "gh-readonly-queue/main/pr-9-c0ffee";
    let cases = [
        of_pull_request(of_type("pull", "component")),
        of_pull_request(of_type("group", "group")),
        of_type("override", "override"),
        fixtures::with_annotation(of_type("queue", "component"), keys::SOURCE_BRANCH, queue),
        fixtures::with_annotation(of_type("parent", "component"), keys::CHILD_SNAPSHOT, "child"),
    ];
    let mut created = Vec::new();
    for case in cases {
        created.push(world.create(case).await?);
    }
    for snapshot in &created {
        world.event(name_of(snapshot), "LeftAlone").await?;
    }
    world.programs_have_looked().await?;
    for snapshot in &created {
        assert_untouched(&world, snapshot).await?;
    }
    Ok(())
}

// TR-28, SR-4, H4: what a backup tool restored is history.
#[tokio::test]
async fn a_restored_snapshot_is_ignored() -> Result<()> {
    let world = World::new("restored").await?;
    world.small().await?;
    let restored = fixtures::with_label(snapshot("restored"), keys::VELERO_RESTORE, "monday");
    let backup = fixtures::with_label(snapshot("backup"), keys::VELERO_BACKUP, "monday");
    let running = r#"[{"scenario":"unit","status":"InProgress","lastUpdateTime":"2024-01-01T00:00:00Z","details":""}]"#;
    let mut created = Vec::new();
    for snapshot in [restored, fixtures::with_annotation(backup, keys::TEST_STATUS, running)] {
        created.push(world.create(snapshot).await?);
    }
    world.programs_have_looked().await?;
    for snapshot in &created {
        assert_untouched(&world, snapshot).await?;
        assert!(world.events(name_of(snapshot)).await?.is_empty());
    }
    Ok(())
}

// RR-B52, H5: results are not reported to a git provider yet; that holds nothing else up and is told.
#[tokio::test]
async fn what_cannot_be_reported_is_told_and_released() -> Result<()> {
    let world = World::new("provider").await?;
    world.small().await?;
    let snapshot = world.complete(&fixtures::Build::push("frontend").application("small")).await?;
    let snapshot = name_of(&snapshot);
    world.released(snapshot, &["prod"]).await?;
    assert!(world.event(snapshot, "NotReported").await?.contains("github"));
    world.programs_have_looked().await?;
    let runs = world.list("PipelineRun", &test_runs(snapshot)).await?;
    assert!(runs.len() == 1 && runs.iter().all(held), "kept for whoever will report them");
    Ok(())
}

// TR-30, TR-B36, TR-B37, N-58, D-29: a Snapshot without exactly one existing owner is Invalid until it has one.
#[tokio::test]
async fn a_snapshot_without_owner_is_invalid_until_it_appears() -> Result<()> {
    let world = World::new("no-owner").await?;
    world.small().await?;
    world.create_all([fixtures::scenario("unit-late", "late"), fixtures::release_plan("prod-late", "late")]).await?;
    world.programs_have_looked().await?;
    let mut late = snapshot("late");
    late["spec"]["application"] = json!("late");
    let mut both = snapshot("both");
    both["spec"]["componentGroup"] = json!("small");
    for snapshot in [late, both] {
        world.create(snapshot).await?;
    }
    for name in ["late", "both"] {
        world.wait_condition(name, condition::INTEGRATION_STATUS, "False", "Invalid").await?;
        world.event(name, "OwnerMissing").await?;
        assert!(world.runs_of(name).await?.is_empty());
    }
    world.create(fixtures::application("late")).await?;
    world.released("late", &["prod-late"]).await?;
    let both = world.get("Snapshot", "both").await?.unwrap();
    assert!(has_condition(&both, condition::INTEGRATION_STATUS, "False", "Invalid"));
    Ok(())
}

// TR-81, TR-B43: a run request is for a later version; the label stays, and the tests go on.
#[tokio::test]
async fn a_run_request_is_left_alone_visibly() -> Result<()> {
    let world = World::new("run-request").await?;
    world.small().await?;
    world.programs_have_looked().await?;
    let created = snapshot("asked");
    world.create(fixtures::with_label(created, keys::RUN, "unit")).await?;
    world.event("asked", "LeftAlone").await?;
    let released = world.released("asked", &["prod"]).await?;
    assert_eq!(label(&released, keys::RUN), "unit");
    assert_eq!(entries(&released).len(), 1);
    Ok(())
}

/// A Snapshot of Application small, made by hand.
fn snapshot(name: &str) -> Value {
    json!({
        "apiVersion": "appstudio.redhat.com/v1alpha1",
        "kind": "Snapshot",
        "metadata": {"name": name, "labels": {}, "annotations": {}},
        "spec": {
            "application": "small",
            "components": [{"name": "frontend", "containerImage": old_image("frontend")}],
        },
    })
}

/// Nobody wrote to the Snapshot and nothing was made for it.
async fn assert_untouched(world: &World, created: &Value) -> Result<()> {
    let name = name_of(created);
    let now = world.get("Snapshot", name).await?.unwrap();
    assert_eq!(now["metadata"]["resourceVersion"], created["metadata"]["resourceVersion"], "{name} was written");
    assert!(condition_of(&now, condition::INTEGRATION_STATUS).is_none());
    assert!(world.list("PipelineRun", &test_runs(name)).await?.is_empty(), "{name} is tested");
    assert!(world.plans_of(name).await?.is_empty(), "{name} is released");
    Ok(())
}
