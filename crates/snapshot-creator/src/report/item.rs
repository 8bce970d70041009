//! What one build wants to be reported: its calls, and what became of each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use integration_api::PipelineRun;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Report, ReportError, ReportErrorClass};
use crate::decide::{ExpectedTest, PullRequestRef, ReportFailure, Reported, Target, Wish};

/// First pause after an error that may pass; doubles with each further one of that call (SC-B14).
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause after such an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Shortest and longest pause that a provider may ask for (GRX-2).
const ASKED_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));
/// When a refused call is tried again, from the first refusal on; then it is given up.
const AGAIN: [Duration; 2] = [Duration::from_secs(15 * 60), Duration::from_secs(45 * 60)];

/// What one build wants to be reported.
pub(super) struct Item {
    /// Its newest known version.
    pub build: Arc<PipelineRun>,
    /// What it wants.
    pub wish: Wish,
    /// Counts what was changed from outside the queue of reports.
    pub version: u64,
    /// Whether nothing is left to be done.
    pub done: bool,
    calls: BTreeMap<CallId, Call>,
    /// Dropped with the item, which ends the call in flight.
    alive: watch::Sender<()>,
}

/// Names a call among those of a build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallId {
    /// A report, by subject and scenario.
    Report(String, String),
    /// A question for a pull request, by its name.
    PullRequest(String),
}

/// What a provider answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It took the report.
    Accepted,
    /// Whether the pull request is open.
    Open(bool),
}

/// What became of a call that was made.
struct Call {
    /// When it was made last.
    tried: Instant,
    /// When it is to be made again; `None` = never.
    again: Option<Instant>,
    /// Whether it was answered.
    answered: bool,
    /// Errors in a row that may pass.
    errors: u32,
    /// That it was refused, until it is answered.
    refusal: Option<Refusal>,
}

struct Refusal {
    first: Instant,
    tries: usize,
    failure: ReportFailure,
}

/// What is to be done next about a build.
pub(crate) enum Next {
    /// One call; it is dropped when the receiver says that the desk let go of it.
    Report(CallId, Box<Report>, watch::Receiver<()>),
    /// One question.
    Ask(CallId, PullRequestRef, watch::Receiver<()>),
    /// Nothing before that time.
    At(Instant),
    /// Nothing more.
    Done,
    /// The wish has changed meanwhile.
    Again,
}

impl Item {
    /// Nothing was done yet.
    pub fn new(build: Arc<PipelineRun>, wish: Wish) -> Self {
        let (calls, alive) = (BTreeMap::new(), watch::Sender::new(()));
        Self { build, wish, version: 0, done: false, calls, alive }
    }

    /// Whether a call is still to be made, now or later.
    pub fn is_open(&self) -> bool {
        self.open(Instant::now()).next().is_some()
    }

    /// A call that was never made goes first, then the one that waited longest. Each call waits for itself only: others
    /// may have another host, or meet with no error.
    pub fn next(&self, console: &str) -> Next {
        let now = Instant::now();
        let due = self.open(now).filter(|id| self.is_due(id, now));
        if let Some(id) = due.min_by_key(|id| self.calls.get(id).map(|call| call.tried)) {
            return self.call(id, console);
        }
        let later = self.open(now).filter_map(|id| self.calls.get(&id)?.again);
        later.min().map_or(Next::Done, Next::At)
    }

    /// A provider answered. Returns whether the call is given up with that.
    pub fn answered(&mut self, id: CallId, answer: Result<Answer, ReportError>, now: Timestamp) -> bool {
        let tried = Instant::now();
        let error = match answer {
            // The answer is kept elsewhere, and forgotten after a while: then it is asked again before the next report.
            Ok(Answer::Open(true)) => {
                self.calls.remove(&id);
                return false;
            }
            Ok(Answer::Accepted | Answer::Open(false)) => {
                self.calls.insert(id, Call { tried, again: None, answered: true, errors: 0, refusal: None });
                return false;
            }
            Err(error) => error,
        };
        let before = self.calls.remove(&id);
        let (errors, refusal) = before.map(|call| (call.errors, call.refusal)).unwrap_or_default();
        let call = match error.class {
            ReportErrorClass::Recoverable { after } => {
                let pause = FIRST_PAUSE.saturating_mul(1 << errors.min(6)).min(LONGEST_PAUSE);
                let pause = after.map_or(pause, |after| after.clamp(ASKED_PAUSE.0, ASKED_PAUSE.1));
                Call { tried, again: Some(tried + pause), answered: false, errors: errors.saturating_add(1), refusal }
            }
            ReportErrorClass::Permanent => {
                let (first, tries) = refusal.map_or((tried, 0), |refusal| (refusal.first, refusal.tries));
                let again = AGAIN.get(tries).map(|pause| first + *pause);
                let ReportError { code, host, text, .. } = error;
                let failure = ReportFailure { provider: self.wish.provider, host, code, time: now, text };
                let refusal = Some(Refusal { first, tries: tries + 1, failure });
                Call { tried, again, answered: false, errors: 0, refusal }
            }
        };
        let given_up = call.again.is_none();
        self.calls.insert(id, call);
        given_up
    }

    /// How far the reports of the wish are. What it does not contain any more does not count.
    pub fn reported(&self) -> Reported {
        let ids = self.wish.targets.iter().flat_map(reports);
        let calls: Vec<&Call> = ids.filter_map(|id| self.calls.get(&id)).collect();
        let refusals = calls.iter().filter_map(|call| call.refusal.as_ref());
        Reported {
            state: self.wish.state,
            done: self.done,
            given_up: calls.iter().any(|call| !call.answered && call.again.is_none()),
            sent: calls.iter().any(|call| call.answered),
            failure: refusals.map(|refusal| &refusal.failure).max_by_key(|failure| failure.time).cloned(),
        }
    }

    /// The calls that are still to be made, now or later.
    fn open(&self, now: Instant) -> impl Iterator<Item = CallId> + '_ {
        let ids = self.wish.targets.iter().flat_map(move |target| self.of(target, now));
        ids.filter(|id| self.calls.get(id).is_none_or(|call| call.again.is_some()))
    }

    /// The reports of a target; instead of them the questions where a report is due and waits for the answers.
    fn of(&self, target: &Target, now: Instant) -> Vec<CallId> {
        if !target.unknown.is_empty() && reports(target).any(|id| self.is_due(&id, now)) {
            return target.unknown.iter().map(|request| CallId::PullRequest(request.name())).collect();
        }
        reports(target).collect()
    }

    fn is_due(&self, id: &CallId, now: Instant) -> bool {
        self.calls.get(id).is_none_or(|call| call.again.is_some_and(|again| again <= now))
    }

    fn call(&self, id: CallId, console: &str) -> Next {
        let alive = self.alive.subscribe();
        for target in &self.wish.targets {
            let request = target.unknown.iter().find(|request| CallId::PullRequest(request.name()) == id);
            if let Some(request) = request.cloned() {
                return Next::Ask(id, request, alive);
            }
            if let Some(test) = target.scenarios.iter().find(|test| report(target, test) == id) {
                return Next::Report(id, Box::new(Report::of(console, &self.wish, target, test)), alive);
            }
        }
        Next::Done
    }
}

fn reports(target: &Target) -> impl Iterator<Item = CallId> + '_ {
    target.scenarios.iter().map(|test| report(target, test))
}

fn report(target: &Target, test: &ExpectedTest) -> CallId {
    CallId::Report(target.subject.clone(), test.name.clone())
}
