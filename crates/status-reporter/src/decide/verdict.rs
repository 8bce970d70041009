//! Are all required tests over, and did they pass (SR-6 … SR-16)?

use integration_api::condition::{self, Condition};
use integration_api::formats::truncate;
use integration_api::test_status::{Entry, StatusArray, WarningWireName};
use integration_api::{IntegrationTestScenario, Snapshot, keys};
use integration_core::owner::Owner;
use integration_core::{scenario, snapshot as snapshots};
use jiff::{SignedDuration, Timestamp};

use super::safety_net;
use crate::world::{Attempt, Decision, Notice, OwnerFact, Setting, Verdict, VerdictPlan, VerdictWorld};

/// How often an unfinished Snapshot without owner is looked at (RR-B36).
const OWNER_MISSING: SignedDuration = SignedDuration::from_mins(10);
/// Bytes of a condition's message (RR-B45).
const MESSAGE: usize = 1024;

/// Decides about the conditions of one Snapshot.
pub fn decide(world: &VerdictWorld, now: Timestamp) -> VerdictPlan {
    let snapshot = &*world.snapshot;
    if let Some(reason) = not_judged(snapshot) {
        return decided("left_alone", reason);
    }
    let Ok(array) = StatusArray::parse(annotation(snapshot, keys::TEST_STATUS)) else {
        return decided("left_alone", "unreadable_status");
    };
    let news = news(snapshot, &array);
    if news.as_ref().is_some_and(Vec::is_empty) {
        return decided("settled", "finished");
    }
    let owner = match owner(world) {
        Ok(owner) => owner,
        Err(plan) => return *plan,
    };
    let mut required: Vec<_> =
        world.scenarios.iter().filter(|one| !scenario::optional(one) && scenario::applies(one, snapshot)).collect();
    required.sort_by_key(|one| name(one));
    let over = required.iter().all(|one| array.get(name(one)).is_some_and(|entry| entry.status.is_final()));
    match (over, news) {
        (true, news) => judge(snapshot, &owner, &required, &array, &news.unwrap_or_default(), now),
        (false, None) => safety_net::decide(world, &required, &array, now),
        // A finished Snapshot never gets a test started from here (RR-B18).
        (false, Some(_)) => decided("waiting", "results"),
    }
}

/// Snapshots on which there is no verdict (SR-1, SR-4, RR-B18, RR-B27).
fn not_judged(snapshot: &Snapshot) -> Option<&'static str> {
    if snapshots::restored(&snapshot.metadata) {
        Some("restored")
    } else if snapshot.metadata.deletion_timestamp.is_some() {
        Some("deleting")
    } else if annotation(snapshot, keys::TEST_STATUS)
        .or(annotation(snapshot, keys::CREATE_GROUP_SNAPSHOT_STATUS))
        .is_none()
    {
        Some("no_status")
    } else if snapshots::canceled(snapshot) {
        Some("canceled")
    } else {
        None
    }
}

/// For a Snapshot that is judged already: the results that came after the verdict, second by second (RR-B44). `None`
/// for an unfinished one.
fn news<'a>(snapshot: &Snapshot, array: &'a StatusArray) -> Option<Vec<&'a Entry>> {
    if !snapshots::tests_finished(snapshot) {
        return None;
    }
    let judged = snapshots::tests_condition(snapshot).and_then(Condition::transition_time);
    let later = |entry: &&Entry| {
        entry.status.is_final() && judged.is_some_and(|judged| entry.last_update_time.as_second() > judged.as_second())
    };
    Some(array.entries().filter(later).collect())
}

/// The owner, or what to do without one (RR-B36).
fn owner(world: &VerdictWorld) -> Result<Owner, Box<VerdictPlan>> {
    let missing = |note: String| {
        let mut plan = decided("left_alone", "owner_missing");
        plan.events.push(Notice { run: None, reason: "OwnerMissing", note });
        if !snapshots::tests_finished(&world.snapshot) {
            look_again(&mut plan, OWNER_MISSING);
        }
        Box::new(plan)
    };
    let Some(owner) = Owner::of_snapshot(&world.snapshot.spec) else {
        return Err(missing(
            "The Snapshot names neither an Application nor a ComponentGroup, so its tests are not judged".to_owned(),
        ));
    };
    match world.owner {
        OwnerFact::Application | OwnerFact::ComponentGroup(_) => Ok(owner),
        OwnerFact::Unknown => Err(Box::new(VerdictPlan { need_owner: true, ..decided("waiting", "owner") })),
        OwnerFact::Gone => Err(missing(format!("{owner} does not exist, so the tests of the Snapshot are not judged"))),
    }
}

/// All required tests are over (SR-12, SR-13).
fn judge(
    snapshot: &Snapshot,
    owner: &Owner,
    required: &[&std::sync::Arc<IntegrationTestScenario>],
    array: &StatusArray,
    news: &[&Entry],
    now: Timestamp,
) -> VerdictPlan {
    let failed: Vec<&Entry> =
        required.iter().filter_map(|one| array.get(name(one))).filter(|entry| !entry.status.is_passed()).collect();
    let mut conditions = snapshot.status.conditions.clone();
    let mut set = Vec::new();
    let mut apply = |setting: Setting| {
        condition::set(&mut conditions, setting.type_, setting.status, setting.reason, &setting.message, now);
        set.push(setting);
    };
    if may_finish(snapshot) {
        let message = match required.len() {
            0 => format!("No integration test is required for {owner}"),
            count => format!("All required integration tests of {owner} have finished ({count})"),
        };
        apply(Setting {
            type_: condition::INTEGRATION_STATUS,
            status: condition::TRUE,
            reason: condition::FINISHED,
            message,
        });
    }
    let before = snapshots::tests_condition(snapshot);
    let (status, reason) =
        if failed.is_empty() { (condition::TRUE, condition::PASSED) } else { (condition::FALSE, condition::FAILED) };
    let changes = before.is_none_or(|before| before.status != status);
    if changes {
        let message =
            if failed.is_empty() { "All required integration tests passed".to_owned() } else { failure(&failed) };
        apply(Setting { type_: condition::TEST_SUCCEEDED, status, reason, message });
    }
    if set.is_empty() {
        return decided("settled", "judged_the_same");
    }
    let mut plan = decided("finished", if failed.is_empty() { "passed" } else { "failed" });
    if status == condition::TRUE && before.is_some_and(|before| before.status == condition::FALSE) {
        let names: Vec<_> = news.iter().map(|entry| entry.scenario.as_str()).collect();
        let note =
            format!("The failed Snapshot counts as passed now, because of a later result of {}", names.join(", "));
        plan.events.push(Notice { run: None, reason: "VerdictChanged", note });
    }
    let attempt = changes.then(|| Attempt { reason, seconds: seconds(snapshot, now) });
    plan.verdict = Some(Verdict { set, conditions, attempt });
    plan
}

/// The allowed transitions to `Finished` (TR-B8, RR-B35).
fn may_finish(snapshot: &Snapshot) -> bool {
    snapshots::integration_condition(snapshot)
        .is_none_or(|condition| matches!(condition.reason.as_str(), condition::IN_PROGRESS | condition::ERROR_OCCURED))
}

/// Names the failed scenarios (RR-B45).
fn failure(failed: &[&Entry]) -> String {
    let names =
        failed.iter().map(|entry| format!("{} ({})", entry.scenario, entry.status.wire(WarningWireName::TestWarning)));
    truncate(&format!("Required integration tests failed: {}", names.collect::<Vec<_>>().join(", ")), MESSAGE)
}

/// How long the run took: from the request to run again, else from the Snapshot's creation (RR-B35).
fn seconds(snapshot: &Snapshot, now: Timestamp) -> f64 {
    let again = snapshots::tests_condition(snapshot).is_some();
    let in_progress =
        snapshots::integration_condition(snapshot).filter(|condition| condition.reason == condition::IN_PROGRESS);
    let requested = in_progress.filter(|_| again).and_then(Condition::transition_time);
    let created = || snapshot.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let since = requested.or_else(created).unwrap_or(now);
    now.duration_since(since).as_secs_f64().max(0.0)
}

/// Name of a scenario.
pub fn name(scenario: &IntegrationTestScenario) -> &str {
    scenario.metadata.name.as_deref().unwrap_or_default()
}

/// An annotation.
pub fn annotation<'a>(snapshot: &'a Snapshot, key: &str) -> Option<&'a str> {
    snapshot.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// A plan that does nothing, with the reason.
pub fn decided(decision: &'static str, reason: &'static str) -> VerdictPlan {
    VerdictPlan { decision: Decision { decision, reason }, ..VerdictPlan::default() }
}

/// Look again in `wait`.
pub fn look_again(plan: &mut VerdictPlan, wait: SignedDuration) {
    plan.look_again_ms = Some(u64::try_from(wait.as_millis()).unwrap_or(0).max(1));
}
