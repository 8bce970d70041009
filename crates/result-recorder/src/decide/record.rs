//! The new status annotation (RR-27, RR-B2 … RR-B4, RR-B10, RR-B15, RR-B50, RR-B53).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use integration_api::formats::truncate;
use integration_api::test_status::{StatusArray, TestStatus, WarningWireName};
use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::snapshot as snapshots;
use jiff::Timestamp;

use super::outcome::{self, Outcome};
use super::rules::{self, Claim, Start};
use crate::run;
use crate::trim;
use crate::world::{Change, Notice, Plan, Reason, Record, ReleaseCause, World};

/// Bytes of the status array (RR-B10).
const ARRAY: usize = 160 * 1024;
/// Bytes of all annotations of an object together (API-B18).
const ANNOTATIONS: usize = 250 * 1024;
/// Bytes kept of a broken array (RR-B15).
const CORRUPT: usize = 4 * 1024;
/// Bytes of an Event's text.
const NOTE: usize = 1000;

/// What became of a PipelineRun's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the array as read, for good.
    Recorded,
    /// It does not count.
    Dropped(ReleaseCause),
    /// The PipelineRun belongs to an earlier Snapshot of the same name.
    Foreign,
    /// Neither, yet.
    Open,
}

/// Judges every PipelineRun of the Snapshot and puts the record, or the facts it needs, into the plan.
pub fn record(world: &World, snapshot: &Snapshot, now: Timestamp, plan: &mut Plan) -> BTreeMap<String, Verdict> {
    let mut pass = Pass { world, snapshot, now, plan, judged: BTreeMap::new(), changes: Vec::new() };
    let text = snapshot.metadata.annotations.as_ref().and_then(|all| all.get(keys::TEST_STATUS)).map(String::as_str);
    let (array, corrupt) = match StatusArray::parse(text) {
        Ok(array) => (pass.update(array), None),
        Err(_) => (pass.rebuild(), Some(truncate(text.unwrap_or_default(), CORRUPT))),
    };
    let Pass { judged, changes, plan, .. } = pass;
    // A rebuilt array is written when it is complete: what it lacks would look like a test that never ran.
    let incomplete = corrupt.is_some() && !plan.needs.is_empty();
    if changes.is_empty() || incomplete || world.unwritable {
        let why = if world.unwritable { "unwritable" } else { "incomplete" };
        for reason in plan.reasons.iter_mut().filter(|reason| reason.decision == "recorded") {
            (reason.decision, reason.reason) = ("waiting", why);
        }
        return judged;
    }
    if let Some(corrupt) = &corrupt {
        let note = format!(
            "The test status was unreadable and was rebuilt from its PipelineRuns ({}); the old value is kept in annotation {} ({} bytes)",
            changes.len(),
            keys::STATUS_CORRUPT,
            corrupt.len()
        );
        plan.events.push(Notice { run: None, reason: "TestStatusRebuilt", note });
    }
    let summary = summary(&array);
    plan.record = Some(Record { changes, array, limit: limit(snapshot), corrupt, summary });
    judged
}

struct Pass<'a> {
    world: &'a World,
    snapshot: &'a Snapshot,
    now: Timestamp,
    plan: &'a mut Plan,
    judged: BTreeMap<String, Verdict>,
    changes: Vec<Change>,
}

impl Pass<'_> {
    /// Changes the entries that PipelineRuns have something to say about; the others stay as they are.
    fn update(&mut self, mut array: StatusArray) -> StatusArray {
        self.report_unreadable(&array);
        for (scenario, runs) in self.by_scenario() {
            let mut newer_pending = false;
            for pipeline_run in runs {
                let named = array.get(&scenario).is_some_and(|entry| entry.pipeline_run == run::name(&pipeline_run));
                let (verdict, decision, reason) =
                    match rules::claim(self.world, &array, &scenario, &pipeline_run, self.now) {
                        Claim::Accepted if newer_pending && !named => (Verdict::Open, "left_alone", "newer_run"),
                        Claim::Accepted => {
                            newer_pending = true;
                            self.accept(&mut array, &scenario, &pipeline_run)
                        }
                        Claim::Frozen => (Verdict::Recorded, "left_alone", "already_recorded"),
                        Claim::FrozenWithoutAttempt => self.restore_attempt(&mut array, &scenario, &pipeline_run),
                        Claim::Dropped(cause, reason) => (Verdict::Dropped(cause), "not_recorded", reason),
                        Claim::Unreadable => (Verdict::Open, "left_alone", "unreadable_entry"),
                        Claim::Need(need) => {
                            self.plan.needs.insert(need);
                            (Verdict::Open, "waiting", "other_run")
                        }
                    };
                self.judge(&pipeline_run, verdict, decision, reason);
            }
        }
        array
    }

    /// An array from nothing but the PipelineRuns: of each scenario the highest attempt, then the newest (RR-B15).
    fn rebuild(&mut self) -> StatusArray {
        let mut array = StatusArray::default();
        for (scenario, runs) in self.by_scenario() {
            let mut taken = false;
            for pipeline_run in runs {
                if run::cancelled(&pipeline_run) {
                    self.judge(&pipeline_run, Verdict::Dropped(ReleaseCause::Cancelled), "not_recorded", "cancelled");
                } else if taken {
                    self.judge(&pipeline_run, Verdict::Open, "left_alone", "newer_run");
                } else {
                    taken = true;
                    self.rebuild_entry(&mut array, &scenario, &pipeline_run);
                }
            }
        }
        array
    }

    fn rebuild_entry(&mut self, array: &mut StatusArray, scenario: &str, pipeline_run: &PipelineRun) {
        let outcome =
            if run::over(pipeline_run) { Some(outcome::of(self.world, pipeline_run, self.now)) } else { None };
        let (status, details) = match outcome {
            Some(Outcome::Known(status, details)) => (status, details),
            Some(Outcome::Need(need)) => {
                self.plan.needs.insert(need);
                self.judge(pipeline_run, Verdict::Open, "waiting", "task_runs");
                return;
            }
            None if pipeline_run.start_time().is_none() => (TestStatus::Pending, "Pending".to_owned()),
            Some(Outcome::Wait(_)) | None => (TestStatus::InProgress, self.running(pipeline_run)),
        };
        self.write(array, scenario, pipeline_run, status, details);
        self.judge(pipeline_run, Verdict::Open, "recorded", "rebuilt");
    }

    fn accept(
        &mut self,
        array: &mut StatusArray,
        scenario: &str,
        pipeline_run: &PipelineRun,
    ) -> (Verdict, &'static str, &'static str) {
        let held = run::held(pipeline_run);
        let canceled = snapshots::canceled(self.snapshot);
        if canceled && !held {
            return (Verdict::Open, "left_alone", "canceled_snapshot");
        }
        if !run::over(pipeline_run) {
            if canceled {
                return (Verdict::Open, "left_alone", "canceled_snapshot");
            }
            return match rules::start(array.get(scenario), pipeline_run, self.now) {
                Start::Nothing(reason) => (Verdict::Open, "left_alone", reason),
                Start::Wait(wait) => {
                    self.plan.look_again(wait);
                    (Verdict::Open, "waiting", "start")
                }
                Start::Due => {
                    let details = self.running(pipeline_run);
                    self.write(array, scenario, pipeline_run, TestStatus::InProgress, details);
                    (Verdict::Open, "recorded", "start_repaired")
                }
            };
        }
        if !held && rules::ended_before_window(pipeline_run, self.now) {
            return (Verdict::Open, "left_alone", "history");
        }
        match outcome::of(self.world, pipeline_run, self.now) {
            Outcome::Known(status, details) => {
                self.write(array, scenario, pipeline_run, status, details);
                (Verdict::Open, "recorded", "outcome")
            }
            Outcome::Wait(wait) => {
                self.plan.look_again(wait);
                (Verdict::Open, "waiting", "missing_task_runs")
            }
            Outcome::Need(need) => {
                self.plan.needs.insert(need);
                (Verdict::Open, "waiting", "task_runs")
            }
        }
    }

    /// The number of the attempt comes back, the result stays (M1 row 13, RR-B4).
    fn restore_attempt(
        &mut self,
        array: &mut StatusArray,
        scenario: &str,
        pipeline_run: &PipelineRun,
    ) -> (Verdict, &'static str, &'static str) {
        let Some(entry) = array.get(scenario) else { return (Verdict::Open, "left_alone", "no_entry") };
        if !run::held(pipeline_run) {
            return (Verdict::Recorded, "left_alone", "already_recorded");
        }
        let (status, details) = (entry.status, entry.details.clone());
        let attempt = run::attempt(pipeline_run);
        array.set_attempt(scenario, attempt);
        self.change(scenario, pipeline_run, status, details, Some(attempt));
        (Verdict::Open, "recorded", "attempt_restored")
    }

    fn write(
        &mut self,
        array: &mut StatusArray,
        scenario: &str,
        pipeline_run: &PipelineRun,
        status: TestStatus,
        details: String,
    ) {
        let known = array.get(scenario).map(integration_api::test_status::Entry::attempt);
        array.update(scenario, status, &details, self.now);
        array.set_pipeline_run(scenario, run::name(pipeline_run));
        if known.is_none() {
            let labels = pipeline_run.metadata.labels.as_ref();
            array.set_optional(
                scenario,
                labels.and_then(|all| all.get(keys::OPTIONAL)).is_some_and(|value| value == "true"),
            );
        }
        let attempt = run::attempt(pipeline_run);
        let attempt = (attempt > known.unwrap_or(1)).then_some(attempt);
        if let Some(attempt) = attempt {
            array.set_attempt(scenario, attempt);
        }
        self.change(scenario, pipeline_run, status, details, attempt);
    }

    fn change(
        &mut self,
        scenario: &str,
        pipeline_run: &PipelineRun,
        status: TestStatus,
        details: String,
        attempt: Option<u32>,
    ) {
        let (scenario, run) = (scenario.to_owned(), run::name(pipeline_run).to_owned());
        self.changes.push(Change { scenario, run, status, details, attempt });
    }

    fn running(&self, pipeline_run: &PipelineRun) -> String {
        let namespace = pipeline_run.metadata.namespace.as_deref().unwrap_or_default();
        format!("Test PipelineRun is running: {}", self.world.rules.console.of(namespace, run::name(pipeline_run)))
    }

    fn judge(&mut self, pipeline_run: &PipelineRun, verdict: Verdict, decision: &'static str, reason: &'static str) {
        self.judged.insert(run::name(pipeline_run).to_owned(), verdict);
        self.plan.reasons.push(Reason { run: run::name(pipeline_run).to_owned(), decision, reason });
    }

    /// The PipelineRuns of this very Snapshot, by scenario, highest attempt and newest first.
    fn by_scenario(&mut self) -> BTreeMap<String, Vec<Arc<PipelineRun>>> {
        let mut groups: BTreeMap<String, Vec<Arc<PipelineRun>>> = BTreeMap::new();
        for pipeline_run in &self.world.runs {
            let foreign =
                run::owner_uid(pipeline_run).is_some_and(|uid| Some(uid) != self.snapshot.metadata.uid.as_deref());
            if foreign {
                self.judge(pipeline_run, Verdict::Foreign, "not_recorded", "other_snapshot");
            } else if let Some(place) = run::place(pipeline_run) {
                groups.entry(place.scenario).or_default().push(Arc::clone(pipeline_run));
            }
        }
        for runs in groups.values_mut() {
            runs.sort_by_key(|one| Reverse((run::attempt(one), one.creation_time(), run::name(one).to_owned())));
        }
        groups
    }

    /// Unreadable members stay, and the user learns about them while it matters (RR-B1).
    fn report_unreadable(&mut self, array: &StatusArray) {
        if snapshots::tests_finished(self.snapshot) {
            return;
        }
        for member in array.opaque() {
            let scenario = member.scenario.as_deref().unwrap_or("unknown");
            let note =
                format!("The test status of scenario {scenario} is unreadable and left as it is: {}", member.reason);
            self.plan.events.push(Notice { run: None, reason: "TestStatusUnreadable", note: truncate(&note, NOTE) });
        }
    }
}

/// One line once every test has its result (RR-B42).
fn summary(array: &StatusArray) -> Option<String> {
    if !array.opaque().is_empty() || array.entries().any(|entry| !entry.status.is_final()) {
        return None;
    }
    let results =
        array.entries().map(|entry| format!("{}: {}", entry.scenario, entry.status.wire(WarningWireName::TestWarning)));
    Some(truncate(&format!("All results recorded: {}", results.collect::<Vec<_>>().join(", ")), NOTE))
}

/// The array gives way when the other annotations leave it no room (API-B18).
fn limit(snapshot: &Snapshot) -> usize {
    ANNOTATIONS.saturating_sub(trim::other_annotation_bytes(&snapshot.metadata)).min(ARRAY)
}
