//! Works off what is on the desk, one call at a time for each build.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use integration_api::PipelineRun;
use integration_runtime::{Disposition, ObjectKey, Reconciler};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::desk::{Desk, Next, Task};
use super::{ReportError, ReportErrorClass, Reporter};
use crate::decide::{ReportState, Wish, meta, report};
use crate::metrics::{Metrics, ReportResult};
use crate::observe::{self, Caches, Learnt};

/// How long a call may take (SC-B14).
const CALL: Duration = Duration::from_secs(10);
/// Pause of a replica that may not act at the moment.
const NOT_LEADING: Duration = Duration::from_secs(1);

/// Reports about builds.
pub(crate) struct Queue<R> {
    /// The git providers.
    pub reporter: R,
    /// Where wishes come from.
    pub desk: Desk,
    /// The newest known objects: before each call the wish is looked at again.
    pub caches: Caches,
    /// Metrics.
    pub metrics: Metrics,
    /// First part of the names of checks.
    pub console: String,
    /// The time.
    pub now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// Whether this replica leads.
    pub leads: Box<dyn Fn() -> bool + Send + Sync>,
}

impl<R: Reporter> Reconciler for Queue<R> {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        let mut soonest: Option<Instant> = None;
        for uid in self.desk.uids(&key) {
            let at = self.work(&key, &uid).await;
            soonest = soonest.into_iter().chain(at).min();
        }
        soonest.map_or(Disposition::Done, |at| Disposition::RequeueAfter(at.saturating_duration_since(Instant::now())))
    }
}

impl<R: Reporter> Queue<R> {
    /// Makes calls until there is none left that can be made now. Returns when to look again.
    async fn work(&self, key: &ObjectKey, uid: &str) -> Option<Instant> {
        loop {
            if !(self.leads)() {
                return Some(Instant::now() + NOT_LEADING);
            }
            let task = self.desk.task(key, uid)?;
            let end = self.end(&task);
            let wish = self.renewed(key, uid, &task);
            match self.desk.next(key, uid, &task, wish, &self.console) {
                Next::Again => {}
                Next::Done => {
                    let left = self.desk.task(key, uid);
                    if left.is_some() && self.caches.builds.get(&key.namespace, &key.name).is_none() {
                        self.desk.gone(key);
                    }
                    return end.filter(|_| left.is_some());
                }
                Next::At(at) => return Some(end.map_or(at, |end| end.min(at))),
                Next::Report(id, report, alive) => {
                    if let Some(answer) = call(alive, self.reporter.report(&report)).await {
                        self.answered(key, uid, &task, id, answer);
                    }
                }
                Next::Ask(id, pull_request, alive) => {
                    if let Some(answer) = call(alive, self.reporter.pull_request_open(&pull_request)).await {
                        if let Ok(open) = answer {
                            self.desk.learn(&pull_request, open);
                        }
                        self.answered(key, uid, &task, id, answer.map(|_| ()));
                    }
                }
            }
        }
    }

    /// The wish as the objects are now; `None` once it is not wanted any more.
    fn renewed(&self, key: &ObjectKey, uid: &str, task: &Task) -> Option<Wish> {
        let cached = self.caches.builds.get(&key.namespace, &key.name).filter(|build| meta::uid(&**build) == uid);
        if cached.is_none() && task.wish.state == ReportState::InProgress {
            return None;
        }
        let build: Arc<PipelineRun> = cached.unwrap_or_else(|| Arc::clone(&task.build));
        let mut world = observe::of(&self.caches, Arc::clone(&build), &mut Learnt::default());
        self.desk.tell(&mut world);
        report::renew(&world, &build, &task.wish, (self.now)())
    }

    /// When a failure is old news.
    fn end(&self, task: &Task) -> Option<Instant> {
        let left = report::end(&task.build).duration_since((self.now)());
        let failed = task.wish.state != ReportState::InProgress;
        failed.then(|| Instant::now() + Duration::try_from(left).unwrap_or(Duration::ZERO))
    }

    fn answered(
        &self,
        key: &ObjectKey,
        uid: &str,
        task: &Task,
        id: super::desk::CallId,
        answer: Result<(), ReportError>,
    ) {
        let Wish { provider, state, .. } = &task.wish;
        let (namespace, name) = (&*key.namespace, &*key.name);
        let mut result = match &answer {
            Ok(()) => ReportResult::Accepted,
            Err(ReportError { class: ReportErrorClass::Recoverable { .. }, .. }) => ReportResult::Error,
            Err(_) => ReportResult::Refused,
        };
        if let Err(error) = &answer {
            tracing::warn!(namespace, name, state = state.word(), call = ?id, %error, "expected test not reported");
        } else {
            tracing::info!(namespace, name, state = state.word(), call = ?id, "expected test reported");
        }
        if self.desk.answered(key, uid, task, id, answer, (self.now)()) {
            result = ReportResult::GivenUp;
        }
        self.metrics.reported(provider.word(), state.word(), result);
    }
}

/// One call; `None` when the desk let go of it meanwhile. What does not answer in time may have been done: that is found
/// out by asking again.
async fn call<T>(
    mut alive: watch::Receiver<()>,
    call: impl Future<Output = Result<T, ReportError>>,
) -> Option<Result<T, ReportError>> {
    tokio::select! {
        biased;
        _ = alive.changed() => None,
        answer = timeout(CALL, call) => Some(answer.unwrap_or_else(|_| Err(ReportError {
            class: ReportErrorClass::Recoverable { after: None },
            code: 0,
            host: "the git provider".to_owned(),
            text: format!("no answer within {} s", CALL.as_secs()),
        }))),
    }
}
