//! State machine M1: one scenario of one Snapshot, rows 1 to 5, 8 and 11 for first runs.
//!
//! Result-recorder owns row 6 (outcomes). Run requests (rows 9, 10) and the test graph (row 7) come later: a scenario
//! that waits for others stays Pending, visibly.

mod waiting;

use std::collections::{BTreeMap, BTreeSet};

use integration_api::condition::{self, INTEGRATION_STATUS, TEST_SUCCEEDED};
use integration_api::test_status::{Entry, StatusArray, TestStatus};
use integration_api::{IntegrationTestScenario, PipelineRun, Snapshot, formats, keys};
use integration_core::owner::Owner;
use integration_core::{names, scenario, snapshot};
use jiff::{SignedDuration, Timestamp};

use crate::plan::Plan;
use crate::world::{Question, World};

/// Unfinished work on a finished Snapshot older than this is history (M1 startable, TR-B54).
const HISTORY: SignedDuration = SignedDuration::from_hours(3);
/// A scenario created later joins only Snapshots with a sign of life younger than this (M1 row 1, D-31).
const JOIN_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// A PipelineRun is missed only this long after its entry was written (TR-B55).
const MISSED_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// Part of a broken test status that is kept, in bytes (TR-B19).
const CORRUPT_LIMIT: usize = 4096;
/// All annotations of an object, keys and values, in bytes (API-B18).
const ANNOTATIONS_LIMIT: usize = 250 * 1024;
/// The test status, in bytes (D-21).
const STATUS_LIMIT: usize = 160 * 1024;

/// Decides about every scenario of the Snapshot.
pub(super) fn decide(world: &World, owner: &Owner, now: Timestamp, plan: &mut Plan) {
    let Some((array, corrupt)) = read(world, plan) else { return };
    let mut tests = Tests::new(world, owner, now, array);
    if !tests.fresh() {
        plan.because("nothing", "history", "");
        return;
    }
    let names: BTreeSet<String> = tests
        .applicable
        .keys()
        .map(|name| (*name).to_owned())
        .chain(tests.before.entries().map(|entry| entry.scenario.clone()))
        .collect();
    for name in &names {
        tests.look_at(name, plan);
    }
    if corrupt.is_some() {
        // With a PipelineRun the broken value would be result-recorder's to replace: it goes first.
        plan.create.clear();
    }
    tests.finish(corrupt, plan);
}

/// Whether a required scenario that was asked to run again is still open: the Snapshot is not promotable (M1, M4).
pub(super) fn rerun_pending(world: &World, owner: &Owner, snapshot: &Snapshot, now: Timestamp) -> bool {
    let Ok(array) = StatusArray::parse(annotation(snapshot, keys::TEST_STATUS)) else { return false };
    let required =
        |name: &str| applicable(world, owner, snapshot).get(name).is_some_and(|scenario| !scenario::optional(scenario));
    array.entries().any(|entry| {
        entry.attempt.is_some()
            && !entry.status.is_final()
            && now.duration_since(entry.last_update_time) <= HISTORY
            && required(&entry.scenario)
    })
}

/// The test status, and the broken value if it was replaced by an empty one (TR-B19). `None` when nothing may be
/// started or written: result-recorder rebuilds the status from the PipelineRuns.
fn read<'a>(world: &'a World, plan: &mut Plan) -> Option<(StatusArray, Option<&'a str>)> {
    let text = annotation(&world.snapshot, keys::TEST_STATUS);
    match StatusArray::parse(text) {
        Ok(array) => {
            for member in array.opaque() {
                let scenario = member.scenario.clone().unwrap_or_default();
                // Finished Snapshots are history: a restart tells nobody about them.
                if !snapshot::tests_finished(&world.snapshot) {
                    plan.notice(
                        true,
                        "StatusCorrupt",
                        format!(
                            "the entry of scenario {scenario:?} cannot be read and is kept as it is: {}",
                            member.reason
                        ),
                    );
                }
                plan.because("nothing", "unreadable_entry", scenario);
            }
            Some((array, None))
        }
        Err(error) if world.runs.is_empty() && !snapshot::tests_finished(&world.snapshot) => {
            plan.notice(
                true,
                "StatusCorrupt",
                format!(
                    "the test status is replaced, its old value is kept in annotation {}: {error}",
                    keys::STATUS_CORRUPT
                ),
            );
            Some((StatusArray::default(), text))
        }
        Err(_) => {
            plan.because("nothing", "status_corrupt", "");
            None
        }
    }
}

struct Tests<'a> {
    world: &'a World,
    snapshot: &'a Snapshot,
    now: Timestamp,
    applicable: BTreeMap<&'a str, &'a IntegrationTestScenario>,
    before: StatusArray,
    after: StatusArray,
    finished: bool,
    canceled: bool,
    newest_entry: Option<Timestamp>,
    newest_sign: Option<Timestamp>,
}

impl<'a> Tests<'a> {
    fn new(world: &'a World, owner: &Owner, now: Timestamp, array: StatusArray) -> Self {
        let snapshot = &*world.snapshot;
        let newest_entry = array.entries().map(|entry| entry.last_update_time).max();
        let conditions = snapshot.status.conditions.iter().filter_map(condition::Condition::transition_time);
        Self {
            world,
            snapshot,
            now,
            applicable: applicable(world, owner, snapshot),
            after: array.clone(),
            before: array,
            finished: snapshot::tests_finished(snapshot),
            canceled: snapshot::canceled(snapshot),
            newest_entry,
            newest_sign: conditions.chain(newest_entry).max(),
        }
    }

    /// Whether open work is still worth doing (TR-B54).
    fn fresh(&self) -> bool {
        !self.finished || self.newest_entry.is_some_and(|time| self.now.duration_since(time) < HISTORY)
    }

    /// One scenario: the rows of M1 in the order of the entry's state.
    fn look_at(&mut self, name: &str, plan: &mut Plan) {
        if self.before.has_opaque(name) {
            return;
        }
        let entry = self.before.get(name).cloned();
        match &entry {
            None => {
                if self.may_join(name, plan) {
                    self.wait(name, None, plan);
                }
            }
            // M2: nothing that a canceled Snapshot has is touched, so a restart neither reads nor writes for it.
            Some(_) if self.canceled => plan.because("nothing", "canceled", name),
            Some(entry) if entry.status == TestStatus::Pending => match self.named_run(entry, plan) {
                Named::None | Named::Gone => self.wait(name, Some(entry), plan),
                Named::Exists | Named::Unknown => self.refresh_optional(name),
            },
            Some(entry) if entry.status == TestStatus::InProgress => {
                self.refresh_optional(name);
                self.running(entry, plan);
            }
            Some(_) => self.refresh_optional(name),
        }
    }

    /// Row 1: whether an entry may appear for a scenario that has none.
    fn may_join(&self, name: &str, plan: &mut Plan) -> bool {
        if self.finished {
            return false;
        }
        let young = self.newest_sign.is_none_or(|time| self.now.duration_since(time) < JOIN_WITHIN);
        if self.before.is_empty() || (young && !self.canceled) {
            return true;
        }
        plan.because("nothing", if self.canceled { "canceled" } else { "old_snapshot" }, name);
        false
    }

    /// Row 11 (TR-B55): an entry whose PipelineRun vanished.
    fn running(&mut self, entry: &Entry, plan: &mut Plan) {
        if entry.pipeline_run.is_empty()
            && let Some(run) = self.newest_run(&entry.scenario, self.attempt(&entry.scenario, Some(entry)))
        {
            let name = run.metadata.name.clone().unwrap_or_default();
            self.after.set_pipeline_run(&entry.scenario, &name);
            return;
        }
        if entry.pipeline_run.is_empty() {
            plan.because("nothing", "run_not_named", entry.scenario.clone());
            return;
        }
        if self.indexed(&entry.pipeline_run) {
            return;
        }
        let missed_at = entry.last_update_time.checked_add(MISSED_AFTER).unwrap_or(self.now);
        if self.now < missed_at {
            plan.look_at(missed_at);
            return;
        }
        if self.named_run(entry, plan) == Named::Gone {
            let text = format!(
                "The integration PipelineRun {} is gone, its result is lost. Set label {}={} on the Snapshot to run the scenario again.",
                entry.pipeline_run,
                keys::RUN,
                entry.scenario
            );
            self.after.update(&entry.scenario, TestStatus::Deleted, &text, self.now);
            plan.because("test", "vanished", entry.scenario.clone());
            plan.notice(true, "TestVanished", format!("scenario {}: {text}", entry.scenario));
        }
    }

    /// Where the PipelineRun is that an entry names. Only a live read proves that it is gone.
    fn named_run(&self, entry: &Entry, plan: &mut Plan) -> Named {
        let name = &entry.pipeline_run;
        if name.is_empty() {
            return Named::None;
        }
        if self.indexed(name) {
            return Named::Exists;
        }
        match self.world.facts.runs.get(name) {
            Some(true) => Named::Exists,
            Some(false) => Named::Gone,
            None => {
                plan.ask.insert(Question::Run(name.clone()));
                Named::Unknown
            }
        }
    }

    fn indexed(&self, name: &str) -> bool {
        self.world.runs.iter().any(|run| run.metadata.name.as_deref() == Some(name))
    }

    /// The run that counts: what the entry says, else the highest attempt among the PipelineRuns (TR-B50).
    fn attempt(&self, name: &str, entry: Option<&Entry>) -> u32 {
        let highest = || self.runs(name).map(run_attempt).max().unwrap_or(1);
        entry.and_then(|entry| entry.attempt).unwrap_or_else(highest).max(1)
    }

    fn runs(&self, name: &str) -> impl Iterator<Item = &'a PipelineRun> + use<'a> {
        let scenario = names::label_value(name).into_owned();
        let world = self.world;
        world.runs.iter().map(AsRef::as_ref).filter(move |run| label(run, keys::SCENARIO) == Some(&scenario))
    }

    /// The PipelineRun of a scenario and an attempt, the newest if there are several (row 2).
    fn newest_run(&self, name: &str, attempt: u32) -> Option<&'a PipelineRun> {
        self.runs(name)
            .filter(|run| run_attempt(run) == attempt)
            .max_by_key(|run| (run.creation_time(), run.metadata.name.clone()))
    }

    /// Result-recorder may have created the entry without the flag (M1 ownership).
    fn refresh_optional(&mut self, name: &str) {
        if !self.finished
            && let Some(scenario) = self.applicable.get(name)
        {
            self.after.set_optional(name, scenario::optional(scenario));
        }
    }

    /// The patches: the test status, and the conditions that follow from it.
    fn finish(self, corrupt: Option<&str>, plan: &mut Plan) {
        if corrupt.is_some() || self.after != self.before {
            let text = self.after.to_annotation_within(self.world.policy.warning, room_for_status(self.snapshot));
            // Details that were shortened for lack of room may come out as they were.
            if annotation(self.snapshot, keys::TEST_STATUS) != Some(&text) {
                plan.metadata.annotations.insert(keys::TEST_STATUS, Some(text));
            }
        }
        if let Some(broken) = corrupt {
            plan.metadata.annotations.insert(keys::STATUS_CORRUPT, Some(formats::truncate(broken, CORRUPT_LIMIT)));
        }
        // TR-B8: the first start, or its repair after a crash between the two patches.
        let started = self.after.entries().any(|entry| entry.status == TestStatus::InProgress);
        let status = snapshot::integration_condition(self.snapshot);
        if started && super::conditions::may_become(status, condition::IN_PROGRESS) {
            plan.condition(
                INTEGRATION_STATUS,
                condition::UNKNOWN,
                condition::IN_PROGRESS,
                "Integration tests are running.",
            );
        }
        // TR-93.
        let required = self.applicable.values().any(|scenario| !scenario::optional(scenario));
        if !required && !self.finished && !self.canceled {
            if !self.world.facts.scenarios {
                plan.ask.insert(Question::Scenarios);
                return;
            }
            let text = "No required IntegrationTestScenario applies to this Snapshot, testing is skipped.";
            plan.condition(TEST_SUCCEEDED, condition::TRUE, condition::PASSED, text);
            plan.because("passed", "no_required_scenario", "");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// The entry names none.
    None,
    /// It exists.
    Exists,
    /// The API server does not know it.
    Gone,
    /// Asked for.
    Unknown,
}

/// The scenarios that apply to the Snapshot (M1 row 1): same owner, matching context, not terminating.
fn applicable<'a>(
    world: &'a World,
    owner: &Owner,
    snapshot: &Snapshot,
) -> BTreeMap<&'a str, &'a IntegrationTestScenario> {
    world
        .scenarios
        .iter()
        .map(AsRef::as_ref)
        .filter(|scenario| scenario.metadata.deletion_timestamp.is_none())
        .filter(|scenario| {
            Owner::of_scenario(scenario).as_ref() == Some(owner) && scenario::applies(scenario, snapshot)
        })
        .filter_map(|scenario| Some((scenario.metadata.name.as_deref()?, scenario)))
        .collect()
}

/// Attempt of a PipelineRun: its annotation, absent or unreadable = 1 (TR-B50).
pub(crate) fn run_attempt(run: &PipelineRun) -> u32 {
    let annotation = run.metadata.annotations.as_ref().and_then(|annotations| annotations.get(keys::ATTEMPT));
    annotation.and_then(|text| text.parse().ok()).filter(|attempt| *attempt >= 1).unwrap_or(1)
}

fn label<'a>(run: &'a PipelineRun, key: &str) -> Option<&'a str> {
    run.metadata.labels.as_ref()?.get(key).map(String::as_str)
}

fn annotation<'a>(snapshot: &'a Snapshot, key: &str) -> Option<&'a str> {
    snapshot.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// Bytes the test status may take next to the other annotations (API-B18).
fn room_for_status(snapshot: &Snapshot) -> usize {
    let others: usize = snapshot
        .metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, _)| key.as_str() != keys::TEST_STATUS)
        .map(|(key, value)| key.len() + value.len())
        .sum();
    STATUS_LIMIT.min(ANNOTATIONS_LIMIT.saturating_sub(others + keys::TEST_STATUS.len()))
}
