//! A required scenario that nobody started (SR-11, RR-B28, RR-B29).

use std::sync::Arc;

use integration_api::condition::Condition;
use integration_api::test_status::StatusArray;
use integration_api::{IntegrationTestScenario, keys};
use integration_core::snapshot as snapshots;
use jiff::{SignedDuration, Timestamp};

use super::verdict::{decided, look_again, name};
use crate::world::{OwnerFact, VerdictPlan, VerdictWorld};

/// How long whoever starts tests gets before anybody else asks for it.
const GRACE: SignedDuration = SignedDuration::from_secs(60);
/// How often an unanswered request is looked at.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// A Snapshot on which nothing happened for that long is history (M1 row 1).
const HISTORY: SignedDuration = SignedDuration::from_hours(24);

/// Asks for a run of the first required scenario without an entry, if nobody else asks for anything.
pub fn decide(
    world: &VerdictWorld,
    required: &[&Arc<IntegrationTestScenario>],
    array: &StatusArray,
    now: Timestamp,
) -> VerdictPlan {
    let snapshot = &world.snapshot;
    let untriggered =
        |one: &&Arc<IntegrationTestScenario>| array.get(name(one)).is_none() && !array.has_opaque(name(one));
    let startable = |one: &&Arc<IntegrationTestScenario>| {
        one.metadata.deletion_timestamp.is_none() && !in_graph(&world.owner, name(one))
    };
    let missing: Vec<_> = required.iter().copied().filter(untriggered).filter(startable).collect();
    if missing.is_empty() || snapshots::invalid(snapshot) {
        return decided("waiting", "results");
    }
    let created = snapshot.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let entries = array.entries().map(|entry| entry.last_update_time).max();
    let conditions = snapshot.status.conditions.iter().filter_map(Condition::transition_time).max();
    if entries.max(conditions).or(created).is_none_or(|newest| now.duration_since(newest) > HISTORY) {
        return decided("left_alone", "history");
    }
    if snapshot.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(keys::RUN)) {
        let mut plan = decided("waiting", "run_requested");
        look_again(&mut plan, AGAIN);
        return plan;
    }
    let quiet = entries.or(created).unwrap_or(now);
    let due =
        |one: &IntegrationTestScenario| one.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0).max(quiet);
    if let Some(one) = missing.iter().find(|one| now.duration_since(due(one)) > GRACE) {
        let mut plan = decided("requested_run", "untriggered");
        plan.run_label = Some(name(one).to_owned());
        look_again(&mut plan, AGAIN);
        return plan;
    }
    let mut plan = decided("waiting", "start");
    let next = missing.iter().map(|one| GRACE - now.duration_since(due(one))).min().unwrap_or(GRACE);
    look_again(&mut plan, next.max(SignedDuration::ZERO) + SignedDuration::from_secs(1));
    plan
}

/// Scenarios of a test graph wait for each other; whether one is due is not for us to say.
fn in_graph(owner: &OwnerFact, scenario: &str) -> bool {
    let OwnerFact::ComponentGroup(group) = owner else { return false };
    let graph = &group.spec.test_graph;
    graph.contains_key(scenario) || graph.values().flatten().any(|parent| parent.name == scenario)
}
