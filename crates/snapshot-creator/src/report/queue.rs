//! Works off what is on the desk, one call at a time for each build.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use integration_api::PipelineRun;
use integration_runtime::{Disposition, ObjectKey, Reconciler};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::desk::{Desk, Task};
use super::item::{Answer, CallId, Next};
use super::{ReportError, ReportErrorClass, Reporter};
use crate::decide::{ReportState, Wish, meta, report};
use crate::metrics::{Metrics, ReportResult};
use crate::observe::{self, Caches, Learnt};

/// How long a call may take (SC-B14).
const CALL: Duration = Duration::from_secs(10);
/// How often a replica looks whether it leads: before and during calls, and where it does not. Writing stops a third of a
/// Lease before another replica may begin, which is a second at least.
const LOOK: Duration = Duration::from_secs(1);

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
                return Some(Instant::now() + LOOK);
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
                    if let Some(answer) = self.call(alive, self.reporter.report(&report)).await {
                        self.answered(key, uid, &task, id, answer.map(|()| Answer::Accepted));
                    }
                }
                Next::Ask(id, pull_request, alive) => {
                    if let Some(answer) = self.call(alive, self.reporter.pull_request_open(&pull_request)).await {
                        if let Ok(open) = answer {
                            self.desk.learn(&pull_request, open);
                        }
                        self.answered(key, uid, &task, id, answer.map(Answer::Open));
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

    fn answered(&self, key: &ObjectKey, uid: &str, task: &Task, id: CallId, answer: Result<Answer, ReportError>) {
        let Wish { provider, state, .. } = &task.wish;
        let (namespace, name, word) = (&*key.namespace, &*key.name, state.word());
        let mut result = match &answer {
            Ok(_) => ReportResult::Accepted,
            Err(ReportError { class: ReportErrorClass::Recoverable { .. }, .. }) => ReportResult::Error,
            Err(_) => ReportResult::Refused,
        };
        let is_report = match (&id, &answer) {
            (CallId::Report(subject, scenario), Ok(_)) => {
                tracing::info!(namespace, name, state = word, subject, scenario, "expected test reported");
                true
            }
            (CallId::Report(subject, scenario), Err(error)) => {
                tracing::warn!(namespace, name, state = word, subject, scenario, %error, "expected test not reported");
                true
            }
            (CallId::PullRequest(pull_request), Err(error)) => {
                tracing::warn!(namespace, name, pull_request, %error, "whether a pull request is open is not known");
                false
            }
            (CallId::PullRequest(_), Ok(_)) => false,
        };
        if self.desk.answered(key, uid, task, id, answer, (self.now)()) {
            result = ReportResult::GivenUp;
        }
        if is_report {
            self.metrics.reported(provider.word(), word, result);
        }
    }

    /// One call; `None` when the desk let go of it meanwhile, or another replica is about to lead. What does not answer in
    /// time may have been done: that is found out by asking again.
    async fn call<T>(
        &self,
        mut alive: watch::Receiver<()>,
        call: impl Future<Output = Result<T, ReportError>>,
    ) -> Option<Result<T, ReportError>> {
        let deposed = async {
            while (self.leads)() {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            _ = alive.changed() => None,
            () = deposed => None,
            answer = timeout(CALL, call) => Some(answer.unwrap_or_else(|_| Err(ReportError {
                class: ReportErrorClass::Recoverable { after: None },
                code: 0,
                host: "the git provider".to_owned(),
                text: format!("no answer within {} s", CALL.as_secs()),
            }))),
        }
    }
}
