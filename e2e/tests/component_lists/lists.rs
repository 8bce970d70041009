//! gcl-aligner: the list follows the spec.

use anyhow::Result;
use e2e::TestSpace;
use e2e::fixtures::{component_group, nesting};
use e2e::programs::Options;
use serde_json::{Value, json};

use crate::world::{ALIGNER, World, aligned, entry, events, has_looked, image, keys_of, members, promoted, valid};

const TEAM: [(&str, &str); 2] = [("a", "main"), ("b", "v1")];

// GA-1, GA-4, GA-8, E-1, API-57, API-B21: a new group gets its blank entries and its condition in one patch; GA-13 nothing
// beyond its rights.
#[tokio::test]
async fn ga_4_a_new_group_gets_a_blank_entry_for_every_member() -> Result<()> {
    let world = aligned("new-group").await?;
    let begin = world.mark().await?;
    world.create(component_group("team", &TEAM)).await?;
    let group = world.wait_object("ComponentGroup", "team", |group| keys_of(group).len() == 2).await?;
    assert_eq!(keys_of(&group), ["a/main", "b/v1"]);
    let blank = json!({"name": "a", "version": "main", "url": "", "lastPromotedImage": "", "lastPromotedCommit": ""});
    assert_eq!(entry(&group, "a/main"), Some(&blank));
    assert_eq!(valid(&group).map(|valid| [valid[0], valid[1]]), Some(["True", "Valid"]));
    has_looked(&world).await?;
    let writes = world.requests_since(begin).await?.mutating().filter(|request| request.name == "team");
    assert_eq!(writes.count(), 1, "{}", writes.table());
    assert!(events(&world, "team").await?.is_empty());
    world.assert_well().await
}

// GA-5, E-3, E-4, GA-X13: the order of the spec, no former members, and an Event with the image that went.
#[tokio::test]
async fn ga_5_the_list_follows_the_spec_and_names_what_it_drops() -> Result<()> {
    let world = aligned("order").await?;
    world.create(promoted(component_group("team", &TEAM), &["b/v1", "gone/main", "a/main"])).await?;
    let group = world.wait_object("ComponentGroup", "team", |group| keys_of(group) == ["a/main", "b/v1"]).await?;
    for key in ["a", "b"] {
        let promoted = entry(&group, &format!("{key}/{}", if key == "a" { "main" } else { "v1" })).unwrap();
        assert_eq!(promoted["lastPromotedImage"], image(key));
        assert_eq!(promoted["lastPromotedBuildTime"], "2024-01-01T00:00:00Z");
    }
    let told = events(&world, "team").await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "CandidatesDropped");
    assert!(told[0].1.contains("gone (version main)") && told[0].1.contains(&image("gone")), "{told:?}");

    let patch = json!({"spec": {"components": members(&["c/main", "b/v1", "a/main"])}});
    world.patch("ComponentGroup", "team", patch).await?;
    let group =
        world.wait_object("ComponentGroup", "team", |group| keys_of(group) == ["c/main", "b/v1", "a/main"]).await?;
    assert_eq!(entry(&group, "b/v1").unwrap()["lastPromotedImage"], image("b"));
    assert_eq!(entry(&group, "c/main").unwrap()["lastPromotedImage"], "");
    Ok(())
}

// GA-X1, GA-6, E-7: nested groups have no entry; what the reference made for them goes.
#[tokio::test]
async fn ga_x1_nested_groups_have_no_entry() -> Result<()> {
    let world = aligned("nested").await?;
    let mut group = nesting(component_group("parent", &[("a", "main")]), "child");
    group["status"] = json!({"globalCandidateList": [{"name": "child", "version": ""}]});
    world.create(group).await?;
    world.create(component_group("child", &[("b", "main")])).await?;
    let parent = world.wait_object("ComponentGroup", "parent", |group| keys_of(group) == ["a/main"]).await?;
    assert_eq!(valid(&parent).unwrap()[0], "True");
    world.wait_object("ComponentGroup", "child", |group| keys_of(group) == ["b/main"]).await?;
    Ok(())
}

// GA-X2, GA-12, GA-X3, GA-9, E-6, E-10: what was changed by hand is repaired; what changes nothing is not written.
#[tokio::test]
async fn ga_x2_drift_is_repaired_and_nothing_else_is_written() -> Result<()> {
    let world = aligned("drift").await?;
    world.create(promoted(component_group("team", &TEAM), &["a/main"])).await?;
    let aligned = |group: &Value| keys_of(group) == ["a/main", "b/v1"];
    let group = world.wait_object("ComponentGroup", "team", aligned).await?;

    let (a, b) = (entry(&group, "a/main").unwrap(), entry(&group, "b/v1").unwrap());
    for drift in [json!([b, a]), json!([a]), json!([a, b, {"name": "x", "version": "y"}])] {
        world.patch_status("ComponentGroup", "team", json!({"globalCandidateList": drift})).await?;
        let repaired = world.wait_object("ComponentGroup", "team", aligned).await?;
        assert_eq!(entry(&repaired, "a/main").unwrap()["lastPromotedImage"], image("a"));
    }
    world.patch_status("ComponentGroup", "team", json!({"globalCandidateList": null})).await?;
    world.wait_object("ComponentGroup", "team", aligned).await?;

    let begin = world.mark().await?;
    world.patch("ComponentGroup", "team", json!({"metadata": {"labels": {"new": "label"}}})).await?;
    let graph = json!({"spec": {"testGraph": {"system": [{"name": "unit"}]}}});
    world.patch("ComponentGroup", "team", graph).await?;
    has_looked(&world).await?;
    let writes = world.requests_since(begin).await?.mutating().filter(|request| request.name == "team");
    assert_eq!(writes.count(), 0, "{}", writes.table());

    world.patch("ComponentGroup", "team", json!({"spec": {"components": []}})).await?;
    let emptied = |group: &Value| group["status"].get("globalCandidateList").is_none();
    world.wait_object("ComponentGroup", "team", emptied).await?;
    Ok(())
}

// API-B21, GA-7, GA-X5: a member that is listed twice has one entry; the condition names it until it is repaired.
#[tokio::test]
async fn api_b21_the_condition_names_what_cannot_work() -> Result<()> {
    let world = aligned("invalid").await?;
    let mut group = component_group("team", &[("a", "main"), ("b", "v1"), ("a", "main")]);
    group["spec"]["testGraph"] = json!({"unit": [{"name": "system"}], "system": [{"name": "unit"}]});
    world.create(group).await?;
    let group = world.wait_object("ComponentGroup", "team", |group| valid(group).is_some()).await?;
    assert_eq!(keys_of(&group), ["a/main", "b/v1"]);
    let [status, reason, message] = valid(&group).unwrap();
    assert_eq!([status, reason], ["False", "Invalid"]);
    for finding in ["a (version main) 2 times", "system -> unit -> system"] {
        assert!(message.contains(finding), "{message}");
    }

    let patch = json!({"spec": {"components": members(&["a/main", "b/v1"]), "testGraph": null}});
    world.patch("ComponentGroup", "team", patch).await?;
    let repaired = |group: &Value| valid(group).is_some_and(|valid| valid[0] == "True" && valid[1] == "Valid");
    world.wait_object("ComponentGroup", "team", repaired).await?;
    Ok(())
}

// GA-3: a group that somebody holds while it is deleted is aligned all the same; GA-2: one that is gone ends nothing.
#[tokio::test]
async fn ga_3_a_group_that_is_being_deleted_is_aligned() -> Result<()> {
    let world = aligned("terminating").await?;
    let mut group = component_group("team", &TEAM);
    group["metadata"]["finalizers"] = json!(["example.com/held"]);
    world.create(group).await?;
    world.wait_object("ComponentGroup", "team", |group| keys_of(group).len() == 2).await?;
    world.delete("ComponentGroup", "team").await?;
    world.patch_status("ComponentGroup", "team", json!({"globalCandidateList": null})).await?;
    world.wait_object("ComponentGroup", "team", |group| keys_of(group).len() == 2).await?;
    world.patch("ComponentGroup", "team", json!({"metadata": {"finalizers": null}})).await?;
    world.wait_gone("ComponentGroup", "team").await?;
    has_looked(&world).await?;
    world.assert_well().await
}

// GA-10, GA-X4, E-8: a write that somebody else's overtook is decided anew, and made once.
#[tokio::test]
async fn ga_10_after_a_conflict_the_list_is_decided_anew() -> Result<()> {
    let space = TestSpace::new("conflict").await?;
    space.create(promoted(component_group("team", &TEAM), &["b/v1"])).await?;
    let options = Options::for_space(&space).env("FAULT_CONFLICT_ONCE", "1");
    let world = World::start(space, ALIGNER, options).await?;
    let begin = world.mark().await?;
    let group = world.wait_object("ComponentGroup", "team", |group| keys_of(group) == ["a/main", "b/v1"]).await?;
    assert_eq!(entry(&group, "b/v1").unwrap()["lastPromotedImage"], image("b"));
    has_looked(&world).await?;
    let writes = world.requests_since(begin).await?.mutating().filter(|request| request.name == "team");
    assert!(writes.count() <= 1, "{}", writes.table());
    let conflicts = world.program.metric("integration_svc_write_conflicts_total", &[]).await?;
    assert!(conflicts >= 1.0, "{conflicts}");
    world.assert_well().await
}

// GA-2, GA-10, E-9: a group that vanishes before the write needs none any more.
#[tokio::test]
async fn ga_2_a_group_that_vanishes_before_the_write_is_forgotten() -> Result<()> {
    let space = TestSpace::new("vanished").await?;
    let options = Options::for_space(&space).env("FAULT_DELAY_MS", "700");
    let world = World::start(space, ALIGNER, options).await?;
    world.create(component_group("team", &TEAM)).await?;
    world.delete("ComponentGroup", "team").await?;
    has_looked(&world).await?;
    assert!(world.get("ComponentGroup", "team").await?.is_none());
    world.assert_well().await
}
