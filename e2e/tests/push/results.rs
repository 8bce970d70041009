//! What the end of a test PipelineRun means for its Snapshot.

use anyhow::Result;
use e2e::fixtures;
use e2e::tekton::Outcome;
use futures::future::try_join_all;
use integration_api::condition;

use crate::objects::{condition as condition_of, entries, message, name_of, text};
use crate::world::{World, push};

/// How a test ends, and what the user sees of it.
struct Case {
    /// Scenario, and part of all names.
    name: &'static str,
    outcome: Outcome,
    /// Status of the entry.
    status: &'static str,
    /// What its details say.
    details: &'static str,
    passes: bool,
}

const fn case(name: &'static str, outcome: Outcome, status: &'static str, details: &'static str, passes: bool) -> Case {
    Case { name, outcome, status, details, passes }
}

// RR-36 … RR-38, RR-41 … RR-45, RR-B5, RR-B8, D-1 (from the PipelineRun to the entry); SR-10, SR-12, SR-13, RR-B45 (from
// the entries to the verdict); TR-10 (only what passed is released).
#[tokio::test]
async fn every_end_of_a_test_has_its_verdict() -> Result<()> {
    let cases = [
        case("success", Outcome::Success, "TestPassed", "assed", true),
        case("warning", Outcome::Warning, "BuildPLRInProgress", "warning", true),
        case("skipped", Outcome::Skipped, "TestPassed", "assed", true),
        case("none", Outcome::NoResult, "TestPassed", "assed", true),
        case("failure", Outcome::Failure, "TestFail", "ailed", false),
        case("error", Outcome::Error, "TestFail", "ailed", false),
        case("mixed", Outcome::Mixed, "TestFail", "ailed", false),
        case("malformed", Outcome::Malformed, "TestFail", "Invalid result: ", false),
        case("pipeline-failed", Outcome::PipelineFailed, "TestFail", "Failed: 1", false),
        case("timed-out", Outcome::TimedOut, "TestFail", "PipelineRunTimeout", false),
        case("cancelled", Outcome::Cancelled, "TestFail", "Cancelled", false),
        case("unresolvable", Outcome::Unresolvable, "TestFail", "CouldntGetPipeline", false),
    ];
    let world = World::new("results").await?;
    for Case { name, outcome, .. } in &cases {
        world.tekton().play(name, outcome.clone());
        world
            .create_all([
                fixtures::application(name),
                fixtures::component(name, name),
                fixtures::scenario(name, name),
                fixtures::release_plan(name, name),
            ])
            .await?;
    }
    let builds: Vec<_> = cases.iter().map(|case| push(case.name).application(case.name)).collect();
    let snapshots = try_join_all(builds.iter().map(|build| world.complete(build))).await?;

    for (case, snapshot) in cases.iter().zip(&snapshots) {
        let snapshot = name_of(snapshot);
        let judged = if case.passes { world.passed(snapshot).await? } else { world.failed(snapshot).await? };
        let entry = &entries(&judged)[case.name];
        assert_eq!(entry["status"], case.status, "{}: {entry}", case.name);
        assert!(text(&entry["details"]).contains(case.details), "{}: {entry}", case.name);
        let finished = condition_of(&judged, condition::INTEGRATION_STATUS).unwrap();
        assert_eq!((text(&finished["status"]), text(&finished["reason"])), ("True".into(), "Finished".into()));
        if case.passes {
            world.released(snapshot, &[case.name]).await?;
        } else {
            assert!(message(&judged, condition::TEST_SUCCEEDED).contains(case.name), "the failed scenario is named");
        }
        world.runs_let_go(snapshot, 1).await?;
    }

    world.programs_have_looked().await?;
    for (case, snapshot) in cases.iter().zip(&snapshots).filter(|(case, _)| !case.passes) {
        assert!(world.plans_of(name_of(snapshot)).await?.is_empty(), "{} was released", case.name);
        let snapshot = world.get("Snapshot", name_of(snapshot)).await?.unwrap();
        assert!(condition_of(&snapshot, condition::AUTO_RELEASED).is_none(), "{}", case.name);
    }
    world.assert_nothing_forbidden().await
}
