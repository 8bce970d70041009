//! State machine M4: releases of a promotable push Snapshot, decided for each ReleasePlan on its own (TR-64 … TR-73,
//! TR-B10, TR-B11, TR-B18).
//!
//! A ReleasePlan is chosen by its label; one with an expression (API-A43) is an error in this version and does not
//! keep the others from being released.

mod newer;
mod outcome;

use std::collections::BTreeMap;

use integration_api::condition;
use integration_api::{Release, ReleasePlan, Snapshot, keys};
use integration_core::owner::Owner;
use integration_core::snapshot;
use jiff::{SignedDuration, Timestamp};

use super::{scenarios, settled};
use crate::plan::{Create, Plan};
use crate::tries::{Class, Target};
use crate::world::World;
use newer::Above;
pub use newer::is_newer;
pub(crate) use newer::release_name;
use outcome::{Outcome, Outcomes, RELEASE_FAILED};

/// Errors are final this long after the Snapshot became promotable (M4, TR-73).
const GIVE_UP: SignedDuration = SignedDuration::from_hours(3);
/// Release-service refuses a Release without `status.automated` for good some minutes after its creation; until then
/// a missing one is repaired (TR-B10).
const REPAIR_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// Decides about every ReleasePlan of the owner.
pub(super) fn decide(world: &World, owner: &Owner, now: Timestamp, plan: &mut Plan) {
    let snapshot = &*world.snapshot;
    plan.automate = world
        .releases
        .iter()
        .filter(|release| needs_automated(release, now))
        .filter_map(|release| release.metadata.name.clone())
        .collect();
    if snapshot::auto_released(snapshot) {
        return;
    }
    let mut obstacles = settled::promotable(snapshot);
    if obstacles.is_empty() && scenarios::rerun_pending(world, owner, snapshot, now) {
        obstacles.push("rerun_pending");
    }
    for obstacle in &obstacles {
        plan.because("not_promotable", obstacle, "");
    }
    if obstacles.is_empty() {
        let outcomes = Releases { world, owner, now, since: promotable_since(snapshot) }.outcomes(plan);
        outcomes.conclude(snapshot, now, plan);
    }
}

struct Releases<'a> {
    world: &'a World,
    owner: &'a Owner,
    now: Timestamp,
    since: Timestamp,
}

impl Releases<'_> {
    fn outcomes(&self, plan: &mut Plan) -> Outcomes {
        let snapshot = &*self.world.snapshot;
        let should_release = annotation(snapshot, keys::RESULT_SHOULD_RELEASE) != Some("false");
        let above = Above::of(self.world, plan);
        let give_up = later(self.since, GIVE_UP);
        let mut outcomes = Outcomes { by_plan: BTreeMap::new(), should_release, give_up };
        let plans = self.world.plans.iter().filter(|plan| plan.metadata.deletion_timestamp.is_none());
        for release_plan in plans.filter(|plan| Owner::of_plan(plan).as_ref() == Some(self.owner)) {
            let Some(name) = release_plan.metadata.name.clone() else { continue };
            let outcome = match chosen(release_plan, should_release) {
                Chosen::No => continue,
                Chosen::Expression => Outcome::Failed {
                    event: "ReleasePlanExpressionFailed",
                    text: "CEL expressions on ReleasePlans are not supported by this version; use the label instead of the annotation".to_owned(),
                },
                Chosen::Yes => self.outcome(&name, release_plan, &above, give_up, plan),
            };
            outcomes.by_plan.insert(name, outcome);
        }
        outcomes
    }

    /// The rows of M4 for one candidate.
    fn outcome(
        &self,
        name: &str,
        release_plan: &ReleasePlan,
        above: &Above<'_>,
        give_up: Timestamp,
        plan: &mut Plan,
    ) -> Outcome {
        // Row 1.
        let of_plan = || self.world.releases.iter().filter(|release| release.spec.release_plan == name);
        if of_plan().any(|release| !failed_without_automated(release)) {
            return Outcome::Exists;
        }
        // Row 2.
        match above.released(name, plan) {
            None => return Outcome::Asked,
            Some(names) if !names.is_empty() => return Outcome::Superseded(names),
            Some(_) => {}
        }
        // Row 3.
        let deadline = later(self.since, self.world.policy.supersession_wait);
        if self.now < deadline
            && let Some(open) = above.newest_open(self.owner, self.now)
        {
            return Outcome::Waits { newer: open, until: deadline };
        }
        // Row 4.
        let cause = release_plan.metadata.resource_version.as_deref().unwrap_or_default();
        match self.world.tries.get(&Target::Release(name.to_owned()), cause) {
            Some(failure) if failure.class == Class::Terminal => {
                Outcome::Failed { event: RELEASE_FAILED, text: failure.message.clone() }
            }
            Some(failure) if failure.next >= give_up => {
                let (hours, class) = (GIVE_UP.as_hours(), failure.class.word());
                let text = format!("given up {hours} h after the verdict ({class}): {}", failure.message);
                Outcome::Failed { event: RELEASE_FAILED, text }
            }
            Some(failure) if failure.next > self.now => {
                Outcome::Retries { next: failure.next, class: failure.class.word(), message: failure.message.clone() }
            }
            _ => {
                for release in of_plan() {
                    let failed = release.metadata.name.as_deref().unwrap_or_default();
                    plan.notice(
                        true,
                        RELEASE_FAILED,
                        format!(
                            "Release {failed} failed because it was not marked as automated in time; it is made again"
                        ),
                    );
                }
                plan.create.push(Create::Release { plan: name.to_owned() });
                Outcome::Created
            }
        }
    }
}

enum Chosen {
    Yes,
    No,
    Expression,
}

/// Whether a ReleasePlan is to be released to (TR-66, API-190). The label is on unless it is exactly `false`.
fn chosen(plan: &ReleasePlan, should_release: bool) -> Chosen {
    let value =
        |map: &Option<BTreeMap<String, String>>| map.as_ref().and_then(|map| map.get(keys::AUTO_RELEASE)).cloned();
    if value(&plan.metadata.annotations).is_some_and(|expression| !expression.is_empty()) {
        Chosen::Expression
    } else if value(&plan.metadata.labels).is_some_and(|label| label == "false") || !should_release {
        Chosen::No
    } else {
        Chosen::Yes
    }
}

/// Whether a Release of ours still lacks `status.automated` and may be repaired (TR-B10).
fn needs_automated(release: &Release, now: Timestamp) -> bool {
    let young =
        release.metadata.creation_timestamp.as_ref().is_some_and(|time| now.duration_since(time.0) < REPAIR_WITHIN);
    ours(release) && young && !release.status.automated && !failed(release)
}

/// Whether a Release of ours failed only because `status.automated` came too late: it counts as absent (TR-B10).
pub(crate) fn failed_without_automated(release: &Release) -> bool {
    ours(release) && failed(release) && !release.status.automated
}

/// Whether the Release was made by the service (API-L11).
pub(crate) fn ours(release: &Release) -> bool {
    release.metadata.labels.as_ref().and_then(|labels| labels.get(keys::AUTOMATED)).is_some_and(|value| value == "true")
}

fn failed(release: &Release) -> bool {
    condition::find(&release.status.conditions, "Released")
        .is_some_and(|condition| condition.status == condition::FALSE)
}

/// When the Snapshot became promotable: its verdict, else its creation, so that every wait ends.
fn promotable_since(snapshot: &Snapshot) -> Timestamp {
    let verdict = snapshot::tests_condition(snapshot).and_then(condition::Condition::transition_time);
    let created = || snapshot.metadata.creation_timestamp.as_ref().map(|time| time.0);
    verdict.or_else(created).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn annotation<'a>(snapshot: &'a Snapshot, key: &str) -> Option<&'a str> {
    snapshot.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}
