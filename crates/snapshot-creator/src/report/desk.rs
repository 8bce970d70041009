//! What is to be reported, and how far that is: where the queue of builds and the queue of reports meet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use integration_api::PipelineRun;
use integration_runtime::{ObjectKey, Queue};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Report, ReportError, ReportErrorClass, Reporter};
use crate::decide::{
    Provider, PullRequestRef, ReportFailure, ReportState, Reported, Reports, Wish, World, meta, related,
};

/// First pause after an error that may pass; doubles with each further one in a row (SC-B14).
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause after such an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// When a refused call is tried again, from the first refusal on; then it is given up.
const AGAIN: [Duration; 2] = [Duration::from_secs(15 * 60), Duration::from_secs(45 * 60)];
/// How long the state of a pull request is remembered (SC-B19).
const PULL_REQUEST: Duration = Duration::from_secs(60);

/// Wakes a build in one of the queues.
pub(crate) type Wake = Box<dyn Fn(ObjectKey) + Send + Sync>;

/// The desk. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    reaches: Vec<Provider>,
    /// By build, then by its uid: a deleted build and its successor may both have something to report.
    items: Mutex<HashMap<ObjectKey, BTreeMap<String, Item>>>,
    /// By namespace and name of the pull request.
    pull_requests: Mutex<HashMap<(String, String), Answer>>,
    builds: Wake,
    reports: Wake,
}

struct Answer {
    open: bool,
    until: Instant,
}

/// What one build wants to be reported.
struct Item {
    /// Its newest known version.
    build: Arc<PipelineRun>,
    wish: Wish,
    /// Counts what was changed from outside the queue of reports.
    version: u64,
    calls: BTreeMap<CallId, Call>,
    /// Errors in a row that may pass.
    errors: u32,
    not_before: Option<Instant>,
    done: bool,
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

enum Call {
    Accepted,
    Refused { first: Instant, tries: usize, again: Option<Instant>, failure: ReportFailure },
}

/// What the queue of reports works on.
pub(crate) struct Task {
    /// The build.
    pub build: Arc<PipelineRun>,
    /// What is wanted.
    pub wish: Wish,
    version: u64,
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

impl Desk {
    /// The desk between these queues.
    pub fn between<R: Reporter>(builds: &Queue, reports: &Queue, reporter: &R) -> Self {
        let reaches: Vec<Provider> = Provider::ALL.into_iter().filter(|provider| reporter.reaches(*provider)).collect();
        if reaches.is_empty() {
            tracing::info!("no git provider is reached: expected tests of running and failed builds are not reported");
        }
        let (builds, reports) = (builds.clone(), reports.clone());
        Self::new(reaches, Box::new(move |key| builds.wake(key)), Box::new(move |key| reports.wake(key)))
    }

    /// An empty desk.
    pub fn new(reaches: Vec<Provider>, builds: Wake, reports: Wake) -> Self {
        let (items, pull_requests) = (Mutex::default(), Mutex::default());
        Self { inner: Arc::new(Inner { reaches, items, pull_requests, builds, reports }) }
    }

    /// Whether there is no provider at all.
    pub fn reaches_nobody(&self) -> bool {
        self.inner.reaches.is_empty()
    }

    /// Adds to a world what is known here.
    pub fn tell(&self, world: &mut World) {
        let Some(build) = world.build.as_ref().filter(|build| related::pr_group(build).is_some()) else { return };
        let namespace = meta::namespace(&**build);
        let now = Instant::now();
        let items = lock(&self.inner.items);
        let item = items.get(&ObjectKey::of(&**build)).and_then(|items| items.get(meta::uid(&**build)));
        world.reports = Reports {
            reaches: self.inner.reaches.clone(),
            reported: item.map(Item::reported),
            pull_requests: lock(&self.inner.pull_requests)
                .iter()
                .filter(|((of, _), answer)| of == namespace && answer.until > now)
                .map(|((_, name), answer)| (name.clone(), answer.open))
                .collect(),
            ..std::mem::take(&mut world.reports)
        };
    }

    /// Takes in what a build wants now. What it wants no more is dropped at once, with the call in flight (SC-B14).
    /// Returns whether more is wanted than what was called done.
    pub fn offer(&self, build: &Arc<PipelineRun>, wish: Option<Wish>) -> bool {
        let (key, uid) = (ObjectKey::of(&**build), meta::uid(&**build).to_owned());
        let mut all = lock(&self.inner.items);
        let Some(wish) = wish else {
            if let Some(items) = all.get_mut(&key) {
                items.remove(&uid);
                if items.is_empty() {
                    all.remove(&key);
                }
            }
            return false;
        };
        let items = all.entry(key.clone()).or_default();
        let mut reopened = false;
        if let Some(item) = items.get_mut(&uid).filter(|item| item.wish.state == wish.state) {
            item.build = Arc::clone(build);
            if item.wish == wish {
                return false;
            }
            item.wish = wish;
            item.version += 1;
            // A pull request that was looked up is not looked up again for that.
            reopened = item.done && item.ids().any(|id| matches!(id, CallId::Report(..)) && item.is_open(&id));
            item.done &= !reopened;
        } else {
            items.insert(uid, Item::new(Arc::clone(build), wish));
        }
        drop(all);
        (self.inner.reports)(key);
        reopened
    }

    /// A build is gone. Its failure is still reported.
    pub fn gone(&self, key: &ObjectKey) {
        let mut all = lock(&self.inner.items);
        if let Some(items) = all.get_mut(key) {
            items.retain(|_, item| item.wish.state != ReportState::InProgress && !item.done);
            if items.is_empty() {
                all.remove(key);
            }
        }
    }

    /// Builds with something on the desk.
    pub fn keys(&self) -> Vec<ObjectKey> {
        lock(&self.inner.items).keys().cloned().collect()
    }

    /// Uids of the builds of that name.
    pub fn uids(&self, key: &ObjectKey) -> Vec<String> {
        lock(&self.inner.items).get(key).map(|items| items.keys().cloned().collect()).unwrap_or_default()
    }

    /// What a build wants, as it was offered or renewed last.
    pub fn task(&self, key: &ObjectKey, uid: &str) -> Option<Task> {
        let items = lock(&self.inner.items);
        let item = items.get(key)?.get(uid)?;
        Some(Task { build: Arc::clone(&item.build), wish: item.wish.clone(), version: item.version })
    }

    /// What a build wants now, looked at a moment ago, and what follows. `console` is the first part of names.
    pub fn next(&self, key: &ObjectKey, uid: &str, task: &Task, wish: Option<Wish>, console: &str) -> Next {
        let mut all = lock(&self.inner.items);
        let Some(items) = all.get_mut(key) else { return Next::Done };
        let Some(item) = items.get_mut(uid) else { return Next::Done };
        if item.version != task.version || item.wish.state != task.wish.state {
            return Next::Again;
        }
        let Some(wish) = wish else {
            items.remove(uid);
            if items.is_empty() {
                all.remove(key);
            }
            drop(all);
            (self.inner.builds)(key.clone());
            return Next::Done;
        };
        item.wish = wish;
        let next = item.next(console);
        let ended = matches!(next, Next::Done) && !std::mem::replace(&mut item.done, true);
        drop(all);
        if ended {
            (self.inner.builds)(key.clone());
        }
        next
    }

    /// A provider answered. Returns whether the call was given up with that.
    pub fn answered(
        &self,
        key: &ObjectKey,
        uid: &str,
        task: &Task,
        call: CallId,
        answer: Result<(), ReportError>,
        now: Timestamp,
    ) -> bool {
        let mut items = lock(&self.inner.items);
        let item = items.get_mut(key).and_then(|items| items.get_mut(uid));
        let Some(item) = item.filter(|item| item.wish.state == task.wish.state) else { return false };
        let before = item.reported();
        let given_up = item.answered(call, answer, now);
        let told = item.reported() != before;
        drop(items);
        if told {
            (self.inner.builds)(key.clone());
        }
        given_up
    }

    /// A pull request was looked up.
    pub fn learn(&self, pull_request: &PullRequestRef, open: bool) {
        let now = Instant::now();
        let mut known = lock(&self.inner.pull_requests);
        known.retain(|_, answer| answer.until > now);
        let answer = Answer { open, until: now + PULL_REQUEST };
        known.insert((pull_request.namespace.clone(), pull_request.name()), answer);
    }
}

impl Item {
    fn new(build: Arc<PipelineRun>, wish: Wish) -> Self {
        Self {
            build,
            wish,
            version: 0,
            calls: BTreeMap::new(),
            errors: 0,
            not_before: None,
            done: false,
            alive: watch::Sender::new(()),
        }
    }

    /// All calls of the wish: questions of a target before its reports, which wait for the answers.
    fn ids(&self) -> impl Iterator<Item = CallId> + '_ {
        self.wish.targets.iter().flat_map(|target| {
            let asked = target.unknown.iter().map(|request| CallId::PullRequest(request.name()));
            let tests = target.scenarios.iter().filter(|_| target.unknown.is_empty());
            let told = tests.map(|test| CallId::Report(target.subject.clone(), test.name.clone()));
            asked.chain(told)
        })
    }

    /// Whether a call is still to be made.
    fn is_open(&self, id: &CallId) -> bool {
        match self.calls.get(id) {
            None => true,
            Some(Call::Accepted) => false,
            Some(Call::Refused { again, .. }) => again.is_some(),
        }
    }

    fn next(&self, console: &str) -> Next {
        let now = Instant::now();
        if !self.ids().any(|id| self.is_open(&id)) {
            return Next::Done;
        }
        if let Some(at) = self.not_before.filter(|at| *at > now) {
            return Next::At(at);
        }
        let mut soonest: Option<Instant> = None;
        for id in self.ids() {
            match self.calls.get(&id) {
                None => return self.call(id, console),
                Some(Call::Refused { again: Some(again), .. }) if *again <= now => return self.call(id, console),
                Some(Call::Refused { again: Some(again), .. }) => {
                    soonest = Some(soonest.map_or(*again, |soonest| soonest.min(*again)));
                }
                Some(Call::Refused { again: None, .. } | Call::Accepted) => {}
            }
        }
        soonest.map_or(Next::Done, Next::At)
    }

    fn call(&self, id: CallId, console: &str) -> Next {
        let alive = self.alive.subscribe();
        for target in &self.wish.targets {
            match &id {
                CallId::PullRequest(name) => {
                    if let Some(request) = target.unknown.iter().find(|request| request.name() == *name) {
                        return Next::Ask(id, request.clone(), alive);
                    }
                }
                CallId::Report(subject, scenario) => {
                    if let (true, Some(test)) =
                        (target.subject == *subject, target.scenarios.iter().find(|test| test.name == *scenario))
                    {
                        let report = Report::of(console, &self.wish, target, test);
                        return Next::Report(id, Box::new(report), alive);
                    }
                }
            }
        }
        Next::Done
    }

    /// Returns whether the call is given up.
    fn answered(&mut self, id: CallId, answer: Result<(), ReportError>, now: Timestamp) -> bool {
        let error = match answer {
            Ok(()) => {
                self.errors = 0;
                match id {
                    // Its answer is kept elsewhere, and forgotten after a while.
                    CallId::PullRequest(_) => self.calls.remove(&id),
                    CallId::Report(..) => self.calls.insert(id, Call::Accepted),
                };
                return false;
            }
            Err(error) => error,
        };
        match error.class {
            ReportErrorClass::Recoverable { after } => {
                let pause = FIRST_PAUSE.saturating_mul(1 << self.errors.min(6)).min(LONGEST_PAUSE);
                self.errors = self.errors.saturating_add(1);
                self.not_before = Some(Instant::now() + after.unwrap_or(pause));
                false
            }
            ReportErrorClass::Permanent => {
                let (first, tries) = match self.calls.get(&id) {
                    Some(Call::Refused { first, tries, .. }) => (*first, *tries),
                    _ => (Instant::now(), 0),
                };
                let again = AGAIN.get(tries).map(|pause| first + *pause);
                let failure = ReportFailure {
                    provider: self.wish.provider,
                    host: error.host,
                    code: error.code,
                    time: now,
                    text: error.text,
                };
                self.calls.insert(id, Call::Refused { first, tries: tries + 1, again, failure });
                again.is_none()
            }
        }
    }

    fn reported(&self) -> Reported {
        // What the wish does not contain any more does not count.
        let reports: Vec<&Call> =
            self.ids().filter(|id| matches!(id, CallId::Report(..))).filter_map(|id| self.calls.get(&id)).collect();
        let refused = reports.iter().filter_map(|call| match call {
            Call::Refused { failure, .. } => Some(failure),
            Call::Accepted => None,
        });
        Reported {
            state: self.wish.state,
            done: self.done,
            given_up: reports.iter().any(|call| matches!(call, Call::Refused { again: None, .. })),
            sent: reports.iter().any(|call| matches!(call, Call::Accepted)),
            failure: refused.max_by_key(|failure| failure.time).cloned(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
