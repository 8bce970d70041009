//! Several writers of one list at once (D-8, GA-X5).

use std::time::Duration;

use anyhow::Result;
use e2e::Program;
use e2e::fixtures::{Build, component_group, versioned_component};
use e2e::programs::Options;
use futures::future::try_join_all;
use serde_json::json;

use crate::world::{aligned, entry, keys_of};

const MEMBERS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

// D-7, D-8, GA-X4, GA-X5, GA-X6, 02 N-12: while the members change places all the time and each is promoted, no entry is lost,
// none is there twice, and the list ends in the order of the spec.
#[tokio::test]
async fn ga_x5_promotions_and_alignment_lose_nothing_of_each_other() -> Result<()> {
    let world = aligned("writers").await?;
    let creator = Program::start(&world.control_plane, "snapshot-creator", Options::for_space(&world)).await?;
    for name in MEMBERS {
        world.create(versioned_component(name, &["main"])).await?;
    }
    let members = MEMBERS.map(|name| (name, "main"));
    world.create(component_group("team", &members)).await?;

    let builds: Vec<Build> = MEMBERS
        .iter()
        .flat_map(|name| {
            ["first", "second"]
                .map(|word| Build::push(name).without_provider().version("main").named(&format!("{name}-{word}")))
        })
        .collect();
    let promote = try_join_all(builds.iter().enumerate().map(|(number, build)| {
        let space = &world;
        async move {
            // The second build of each began later.
            let start = format!("2025-01-01T00:00:{:02}Z", number % 2);
            build.create(space).await?;
            build.run_since(space, &start).await?;
            build.succeed(space).await?;
            build.sign(space).await
        }
    }));
    let reorder = async {
        for turn in 0..20 {
            let mut turned = members;
            turned.rotate_left(turn % MEMBERS.len());
            let components = component_group("team", &turned)["spec"]["components"].clone();
            world.patch("ComponentGroup", "team", json!({"spec": {"components": components}})).await?;
        }
        let reversed: Vec<_> = members.into_iter().rev().collect();
        let components = component_group("team", &reversed)["spec"]["components"].clone();
        world.patch("ComponentGroup", "team", json!({"spec": {"components": components}})).await
    };
    futures::future::try_join(promote, reorder).await?;

    let wanted: Vec<String> = MEMBERS.iter().rev().map(|name| format!("{name}/main")).collect();
    world
        .wait_within("every promotion in the order of the spec", Duration::from_secs(60), || async {
            let group = world.get("ComponentGroup", "team").await.ok()??;
            let promoted = builds.iter().skip(1).step_by(2).all(|build| {
                let found = entry(&group, &format!("{}/main", build.component));
                found.is_some_and(|entry| {
                    entry["lastPromotedImage"] == build.image() && entry["lastPromotedCommit"] == build.commit
                })
            });
            (promoted && keys_of(&group) == wanted).then_some(())
        })
        .await?;
    assert!(creator.is_running());
    world.assert_well().await
}
