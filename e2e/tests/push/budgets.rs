//! How many requests the life of one push build costs, from its creation until nothing is held any more.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::fixtures::{self, Build};
use e2e::tekton::{Outcome, Play};

use crate::objects::{held, name_of};
use crate::world::{World, push};

// DESIGN §7; SC-B25, SC-B34, TR-B53, RR-B50, RR-B51, D-32: two scenarios, one plan, no git provider.
#[tokio::test]
async fn an_application_stays_within_its_budget() -> Result<()> {
    let world = World::new("budget").await?;
    world.shop().await?;
    costs_at_most(&world, &push("frontend").application("shop"), 17).await
}

// The same for a ComponentGroup, where the candidate is one write.
#[tokio::test]
async fn a_component_group_stays_within_its_budget() -> Result<()> {
    let world = World::new("group-budget").await?;
    world.team().await?;
    world.create(fixtures::group_scenario("system", "team")).await?;
    costs_at_most(&world, &push("frontend").version("main"), 16).await
}

async fn costs_at_most(world: &World, build: &Build, writes: usize) -> Result<()> {
    // Tests that last a moment, so that their start and their end are two stories.
    world.tekton().play_others(Play { outcome: Outcome::Success, duration: Duration::from_secs(1) });
    let audit = world.control_plane.audit();
    let begin = audit.mark().await?;
    build.create(world).await?;
    build.run(world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(world).await?;
    build.sign(world).await?;
    let snapshot = world.snapshot_of(build).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    world.runs_let_go(name_of(&snapshot), 2).await?;
    world.event(name_of(&snapshot), "TestResultRecorded").await?;

    let requests = audit.since(begin).await?.of_programs().in_namespace(&world.namespace);
    ensure!(requests.mutating().count() <= writes, "more than {writes} writes:\n{}", requests.table());
    ensure!(requests.events().count() <= 5, "more than 5 Events:\n{}", requests.table());
    ensure!(requests.reads().count() <= 4, "more than 4 reads:\n{}", requests.table());
    ensure!(requests.mutating().count() > 10, "the writes were not counted:\n{}", requests.table());
    Ok(())
}
