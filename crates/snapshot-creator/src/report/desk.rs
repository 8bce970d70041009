//! What is to be reported, and how far that is: where the queue of builds and the queue of reports meet.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use integration_api::PipelineRun;
use integration_runtime::ObjectKey;
use jiff::Timestamp;
use tokio::time::Instant;

use super::item::{Answer, CallId, Item, Next};
use super::{ReportError, Reporter};
use crate::Wake;
use crate::decide::{Provider, PullRequestRef, ReportState, Reports, Wish, World, meta, related};

/// How long the state of a pull request is remembered (SC-B19).
const PULL_REQUEST: Duration = Duration::from_secs(60);

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
    pull_requests: Mutex<HashMap<(String, String), Known>>,
    builds: Wake,
    reports: Wake,
}

struct Known {
    open: bool,
    until: Instant,
}

/// What the queue of reports works on.
pub(crate) struct Task {
    /// The build.
    pub build: Arc<PipelineRun>,
    /// What is wanted.
    pub wish: Wish,
    version: u64,
}

impl Desk {
    /// The desk between the queue of builds and that of reports.
    pub fn between<R: Reporter>(builds: Wake, reports: Wake, reporter: &R) -> Self {
        let reaches: Vec<Provider> = Provider::ALL.into_iter().filter(|provider| reporter.reaches(*provider)).collect();
        if reaches.is_empty() {
            tracing::info!("no git provider is reached: expected tests of running and failed builds are not reported");
        }
        Self::new(reaches, builds, reports)
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
            reopened = item.done && item.is_open();
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
        // It may have grown since it was done.
        let done = matches!(next, Next::Done);
        let ended = done && !item.done;
        item.done = done;
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
        answer: Result<Answer, ReportError>,
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
        let answer = Known { open, until: now + PULL_REQUEST };
        known.insert((pull_request.namespace.clone(), pull_request.name()), answer);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
