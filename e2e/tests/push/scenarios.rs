//! Which scenarios are run, and which of them count.

use anyhow::Result;
use e2e::fixtures::{self, optional, scenario, with_contexts};
use e2e::tekton::Outcome;
use integration_api::{condition, keys};

use crate::objects::{annotation, entries, has_condition, label, name_of};
use crate::world::{World, push};

// TR-11, SR-7, API-23: the failure of an optional scenario is shown and does not count.
#[tokio::test]
async fn an_optional_scenario_may_fail() -> Result<()> {
    let world = World::new("optional").await?;
    world.small().await?;
    world.create(optional(scenario("lint", "small"))).await?;
    world.tekton().play("lint", Outcome::Failure);
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let snapshot = name_of(&snapshot);

    world.released(snapshot, &["prod"]).await?;
    let entry = world.wait_entry(snapshot, "lint", "TestFail").await?;
    assert_eq!(entry["isOptionalScenario"], true);
    let runs = world.runs_let_go(snapshot, 2).await?;
    assert!(runs.iter().any(|run| label(run, keys::OPTIONAL) == "true"));
    let settled = world.passed(snapshot).await?;
    assert_eq!(entries(&settled)["unit"]["status"], "TestPassed");
    world.assert_nothing_forbidden().await
}

// TR-93, SR-10: nothing required means passed at once, whatever an optional scenario says.
#[tokio::test]
async fn only_optional_scenarios_hold_nothing_up() -> Result<()> {
    let world = World::new("only-optional").await?;
    world
        .create_all([
            fixtures::application("small"),
            fixtures::component("frontend", "small"),
            fixtures::release_plan("prod", "small"),
            optional(scenario("lint", "small")),
        ])
        .await?;
    world.tekton().play("lint", Outcome::Hang);
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let snapshot = name_of(&snapshot);
    world.released(snapshot, &["prod"]).await?;
    world.wait_entry(snapshot, "lint", "InProgress").await?;
    let run = world.run_of(snapshot, "lint").await?;
    world
        .patch("PipelineRun", name_of(&run), serde_json::json!({"spec": {"status": keys::CANCELLED_RUN_FINALLY}}))
        .await?;
    world.wait_entry(snapshot, "lint", "TestFail").await?;
    world.passed(snapshot).await?;
    Ok(())
}

// TR-93, TR-71: without any scenario a Snapshot is released untested.
#[tokio::test]
async fn without_a_scenario_the_snapshot_is_released_untested() -> Result<()> {
    let world = World::new("no-scenario").await?;
    world
        .create_all([
            fixtures::application("small"),
            fixtures::component("frontend", "small"),
            fixtures::release_plan("prod", "small"),
        ])
        .await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let released = world.released(name_of(&snapshot), &["prod"]).await?;
    assert!(has_condition(&released, condition::TEST_SUCCEEDED, "True", "Passed"));
    assert!(entries(&released).is_empty());
    assert!(world.runs_of(name_of(&snapshot)).await?.is_empty());
    world.assert_nothing_forbidden().await
}

// TR-12, API-143: the contexts of a scenario, and its owner, decide whether it applies.
#[tokio::test]
async fn contexts_choose_the_scenarios() -> Result<()> {
    let world = World::new("contexts").await?;
    world.small().await?;
    world.create(fixtures::application("other")).await?;
    let applies = [
        ("no-context", vec![]),
        ("application", vec!["application"]),
        ("all", vec!["all"]),
        ("component", vec!["component"]),
        ("component-frontend", vec!["component_frontend"]),
        ("push", vec!["push"]),
        ("one-of-two", vec!["group", "push"]),
    ];
    let does_not_apply = [
        ("component-backend", vec!["component_backend"]),
        ("pull-request", vec!["pull_request"]),
        ("group", vec!["group"]),
        ("override", vec!["override"]),
        ("unknown", vec!["Push", "everything"]),
    ];
    for (name, contexts) in applies.iter().chain(&does_not_apply) {
        world.create(with_contexts(scenario(name, "small"), contexts)).await?;
    }
    world.create(scenario("of-another-application", "other")).await?;

    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let released = world.released(name_of(&snapshot), &["prod"]).await?;
    let mut wanted: Vec<&str> = applies.iter().map(|(name, _)| *name).chain(["unit"]).collect();
    wanted.sort_unstable();
    assert_eq!(entries(&released).keys().collect::<Vec<_>>(), wanted);
    assert_eq!(world.runs_of(name_of(&snapshot)).await?.keys().collect::<Vec<_>>(), wanted);
    Ok(())
}

// TR-114, API-A19: the parameter SNAPSHOT is the name where the scenario asks for that.
#[tokio::test]
async fn a_scenario_can_ask_for_the_name_of_the_snapshot() -> Result<()> {
    let world = World::new("by-name").await?;
    world.small().await?;
    let named = fixtures::with_annotation(scenario("named", "small"), keys::SNAPSHOT_PARAM_AS_NAME, "true");
    world.create(named).await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let run = world.run_of(name_of(&snapshot), "named").await?;
    assert_eq!(run["spec"]["params"][0]["value"], name_of(&snapshot));
    let run = world.run_of(name_of(&snapshot), "unit").await?;
    assert_ne!(run["spec"]["params"][0]["value"], name_of(&snapshot));
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// D-31, M1 row 1: a scenario that is created while the tests run is run on the Snapshot too; after the verdict it is not.
#[tokio::test]
async fn a_scenario_can_join_while_the_tests_run() -> Result<()> {
    let world = World::without_tekton("join").await?;
    world.small().await?;
    let snapshot = world.complete(&push("frontend").application("small")).await?;
    let snapshot = name_of(&snapshot);
    let unit = world.run_of(snapshot, "unit").await?;
    world.create(scenario("late", "small")).await?;
    let late = world.run_of(snapshot, "late").await?;
    world.end_test(name_of(&unit), "True", "Succeeded").await?;
    world.wait_entry(snapshot, "unit", "TestPassed").await?;
    world.end_test(name_of(&late), "True", "Succeeded").await?;
    world.released(snapshot, &["prod"]).await?;

    world.create(scenario("too-late", "small")).await?;
    world.programs_have_looked().await?;
    assert_eq!(world.runs_of(snapshot).await?.len(), 2);
    let settled = world.get("Snapshot", snapshot).await?.unwrap();
    assert!(!annotation(&settled, keys::TEST_STATUS).contains("too-late"));
    Ok(())
}
