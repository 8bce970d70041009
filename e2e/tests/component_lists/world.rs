//! What every test here starts from: a namespace in which a program works.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::fixtures::{self, digest};
use e2e::programs::Options;
use e2e::{ControlPlane, Program, TestSpace};
use integration_api::keys;
use serde_json::{Value, json};

pub const ALIGNER: &str = "gcl-aligner";
pub const REGENERATOR: &str = "app-regenerator";
/// Commit of every promoted image here.
pub const COMMIT: &str = "5e0f2d4c1b3a5e0f2d4c1b3a5e0f2d4c1b3a5e0f";
/// How long app-regenerator waits for further deletions in most tests; deletion times have whole seconds.
pub const WAIT: &str = "--deletion-wait=4s";

/// A namespace with a program of its own.
pub type World = e2e::World<Program>;

/// A new namespace with gcl-aligner.
pub async fn aligned(name: &str) -> Result<World> {
    let space = TestSpace::new(name).await?;
    let options = Options::for_space(&space);
    World::start(space, ALIGNER, options).await
}

/// A new namespace with app-regenerator, which waits for further deletions as long as that argument says.
pub async fn regenerated(name: &str, wait: &str) -> Result<World> {
    let space = TestSpace::new(name).await?;
    let options = Options::for_space(&space).arg(wait);
    World::start(space, REGENERATOR, options).await
}

/// The program has seen everything that was done before: it has dealt with something new.
pub async fn has_looked(world: &World) -> Result<()> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("canary-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    if world.program.name() == ALIGNER {
        world.create(fixtures::component_group(&name, &[("canary", "main")])).await?;
        world.wait_object("ComponentGroup", &name, |group| keys_of(group) == ["canary/main"]).await?;
    } else {
        world.create(fixtures::application(&name)).await?;
        world.create(fixtures::component(&name, &name)).await?;
        world.wait_object("Component", &name, is_held).await?;
    }
    Ok(())
}

/// Application `app` with these Components, all promoted and held.
pub async fn held_application(space: &TestSpace, components: &[&str]) -> Result<()> {
    application(space, components).await?;
    for name in components {
        space.wait_object("Component", name, is_held).await?;
    }
    Ok(())
}

/// Waits until there are so many Snapshots; returns them.
pub async fn wait_snapshots(space: &TestSpace, count: usize) -> Result<Vec<Value>> {
    space
        .wait_within("Snapshots", Duration::from_secs(60), || async {
            space.list("Snapshot", "").await.ok().filter(|found| found.len() == count)
        })
        .await
}

/// Application `app` with these Components, all promoted.
pub async fn application(space: &TestSpace, components: &[&str]) -> Result<()> {
    space.create(fixtures::application("app")).await?;
    for name in components {
        space.create(fixtures::promoted_component(name, "app", &image(name), COMMIT)).await?;
    }
    Ok(())
}

/// Reasons and texts of the Events about an object of that name, sorted.
pub async fn events(space: &TestSpace, name: &str) -> Result<Vec<(String, String)>> {
    let mut found = space.events(name).await?;
    found.sort();
    Ok(found)
}

/// A new ControlPlane of its own, for a test that changes definitions.
pub async fn own_plane() -> Result<Arc<ControlPlane>> {
    ControlPlane::start().await.context("starting a control plane of its own")
}

/// The promoted image of a Component.
pub fn image(name: &str) -> String {
    format!("{}@{}", fixtures::image_repository(name), digest(name))
}

/// Candidates of ComponentGroups: members `component/version` that were promoted.
pub fn promoted(group: Value, members: &[&str]) -> Value {
    let images: Vec<String> = members.iter().map(|member| image(member.split('/').next().unwrap())).collect();
    let candidates: Vec<_> = members
        .iter()
        .zip(&images)
        .map(|(member, image)| {
            let (name, version) = member.split_once('/').unwrap();
            (name, version, image.as_str(), COMMIT)
        })
        .collect();
    fixtures::with_candidates(group, &candidates)
}

/// Members of a spec, `component/version`.
pub fn members(members: &[&str]) -> Value {
    let pairs: Vec<_> = members.iter().map(|member| member.split_once('/').unwrap()).collect();
    fixtures::component_group("any", &pairs)["spec"]["components"].clone()
}

/// `component/version` of each entry, in order.
pub fn keys_of(group: &Value) -> Vec<String> {
    let key = |entry: &Value| format!("{}/{}", text(&entry["name"]), text(&entry["version"]));
    list(group).iter().map(key).collect()
}

/// The entry of a member.
pub fn entry<'a>(group: &'a Value, key: &str) -> Option<&'a Value> {
    let (name, version) = key.split_once('/').unwrap();
    list(group).iter().find(|entry| entry["name"] == name && text(&entry["version"]) == version)
}

fn list(group: &Value) -> &[Value] {
    group["status"]["globalCandidateList"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Status, reason and message of condition `Valid`.
pub fn valid(group: &Value) -> Option<[&str; 3]> {
    let conditions = group["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|condition| condition["type"] == "Valid")?;
    Some([text(&found["status"]), text(&found["reason"]), text(&found["message"])])
}

/// Names of the Components in a Snapshot.
pub fn contents(snapshot: &Value) -> Vec<&str> {
    let components = snapshot["spec"]["components"].as_array();
    components.into_iter().flatten().map(|component| text(&component["name"])).collect()
}

/// Uids in the annotation of a Snapshot.
pub fn deleted(snapshot: &Value) -> Vec<&str> {
    text(&snapshot["metadata"]["annotations"][keys::DELETED_COMPONENTS]).split(',').collect()
}

pub fn is_held(component: &Value) -> bool {
    finalizers(component).contains(&keys::COMPONENT_FINALIZER)
}

pub fn finalizers(object: &Value) -> Vec<&str> {
    object["metadata"]["finalizers"].as_array().into_iter().flatten().map(text).collect()
}

pub fn uid_of(object: &Value) -> &str {
    text(&object["metadata"]["uid"])
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A patch of finalizers.
pub fn with_finalizers(finalizers: &[&str]) -> Value {
    json!({"metadata": {"finalizers": finalizers}})
}
