//! A list with duplicates that was stored under the reference's definition (GA-7, GA-X5, D-8).

use std::time::Duration;

use anyhow::Result;
use e2e::fixtures::component_group;
use e2e::programs::Options;
use e2e::{TestSpace, wait};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{ALIGNER, World, entry, events, has_looked, keys_of, own_plane};

const DEFINITION: &str = "componentgroups.appstudio.redhat.com";
const LIST: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/globalCandidateList";

// GA-X5, GA-7, D-8: under either definition one patch repairs it, the newest entry stays, and then a writer may go on.
#[tokio::test]
async fn ga_x5_stored_duplicates_are_repaired() -> Result<()> {
    let space = TestSpace::on(own_plane().await?, "duplicates").await?;
    let definitions: Api<CustomResourceDefinition> = Api::all(space.client.clone());
    let as_installed = serde_json::to_value(definitions.get(DEFINITION).await?)?;
    let is_map = as_installed.pointer(&format!("{LIST}/x-kubernetes-list-type")) == Some(&json!("map"));
    if is_map {
        change(&definitions, &["x-kubernetes-list-type", "x-kubernetes-list-map-keys"], None).await?;
    }

    space.create(component_group("team", &[("a", "main"), ("b", "v1")])).await?;
    let of = |image: &str, time: &str| {
        json!({"name": "a", "version": "main", "url": "", "lastPromotedImage": image, "lastPromotedCommit": "",
            "lastPromotedBuildTime": time})
    };
    let duplicates =
        json!({"globalCandidateList": [of("older", "2024-01-01T00:00:00Z"), of("newer", "2024-01-02T00:00:00Z")]});
    let store = || async { space.patch_status("ComponentGroup", "team", duplicates.clone()).await.ok() };
    let stored = wait::wait_for("duplicates to be accepted", Duration::from_secs(30), store).await?;
    assert_eq!(keys_of(&stored), ["a/main", "a/main"]);
    if is_map {
        change(&definitions, &["x-kubernetes-list-type", "x-kubernetes-list-map-keys"], Some(&as_installed)).await?;
        space.create(component_group("probe", &[])).await?;
        let refused =
            || async { space.patch_status("ComponentGroup", "probe", duplicates.clone()).await.is_err().then_some(()) };
        wait::wait_for("duplicates to be refused again", Duration::from_secs(30), refused).await?;
        space.delete("ComponentGroup", "probe").await?;
    }

    let options = Options::for_space(&space);
    let world = World::start(space, ALIGNER, options).await?;
    let group = world.wait_object("ComponentGroup", "team", |group| keys_of(group) == ["a/main", "b/v1"]).await?;
    assert_eq!(entry(&group, "a/main").unwrap()["lastPromotedImage"], "newer");
    assert!(events(&world, "team").await?[0].1.contains("older"));
    let mut next = group["status"]["globalCandidateList"].clone();
    next[1]["lastPromotedImage"] = json!("promoted");
    world.patch_status("ComponentGroup", "team", json!({"globalCandidateList": next})).await?;
    has_looked(&world).await?;
    let group = world.get("ComponentGroup", "team").await?.unwrap();
    assert_eq!(entry(&group, "b/v1").unwrap()["lastPromotedImage"], "promoted");
    world.assert_well().await
}

/// Takes keys of the list's schema away, or puts them back as they were.
async fn change(
    definitions: &Api<CustomResourceDefinition>,
    keys: &[&str],
    before: Option<&Value>,
) -> Result<CustomResourceDefinition> {
    let operations: Vec<Value> = keys
        .iter()
        .map(|key| {
            let path = format!("{LIST}/{key}");
            match before.and_then(|before| before.pointer(&path)) {
                Some(value) => json!({"op": "add", "path": path, "value": value}),
                None => json!({"op": "remove", "path": path}),
            }
        })
        .collect();
    let patch: Patch<()> = Patch::Json(serde_json::from_value(json!(operations))?);
    Ok(definitions.patch(DEFINITION, &PatchParams::default(), &patch).await?)
}
