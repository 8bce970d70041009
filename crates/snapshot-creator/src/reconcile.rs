//! The reconcile loop of one build: observe, decide, act, until nothing is left to do.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use integration_runtime::{ApiError, Disposition, ErrorClass, ObjectKey, Reconciler};
use jiff::Timestamp;

use crate::act::{Act, Outcomes, refused_for_good};
use crate::decide::{self, Action, Plan, Wait, World, meta};
use crate::memory::Memory;
use crate::observe::{self, Learnt};
use crate::report::desk::Desk;

/// Rounds of one reconcile. The longest ordinary story (candidate, creates under five names, patch with a conflict)
/// takes ten; fifteen levels of nested ComponentGroups that no cache knows yet take one each before that.
const ROUNDS: u32 = 32;
/// Patches of the build in one reconcile: the two of SC-B34, and conflicts.
const PATCHES: u32 = 6;
/// Pause where a plan waits without an error.
const PAUSE: Duration = Duration::from_secs(5);
/// Pause of a build on which a reconcile could not come to an end, because somebody undoes what it writes.
const STUCK: Duration = Duration::from_secs(60);

/// Works on builds.
pub(crate) struct Controller {
    act: Act,
    desk: Desk,
    /// When this replica began to work; set by whoever needs it first.
    took_over: Arc<OnceLock<Timestamp>>,
    memory: Memory,
}

impl Controller {
    /// A controller that remembers nothing yet. `took_over` is set when this replica begins to work.
    pub fn new(act: Act, desk: Desk, took_over: Arc<OnceLock<Timestamp>>) -> Self {
        Self { act, desk, took_over, memory: Memory::default() }
    }

    async fn run(&self, key: &ObjectKey) -> Result<Disposition, ApiError> {
        let mut outcomes = Outcomes::default();
        let mut uid = None;
        let result = self.rounds(key, &mut outcomes, &mut uid).await;
        // Also after an error: a quota must not be asked again because the patch that tells of it failed.
        let build = self.act.caches.builds.get(&key.namespace, &key.name);
        let open = build.is_some_and(|build| {
            uid.as_deref() == Some(meta::uid(&*build)) && decide::revivable(&build, self.act.context.now())
        });
        // Those who are told are not told again because one could not be.
        let telling = result.is_err() || !outcomes.related.failed.is_empty();
        self.memory.tell(key, uid.clone().filter(|_| telling), outcomes.related.told);
        self.memory.remember(key, uid.filter(|_| open), outcomes.attempts);
        result
    }

    /// `uid` is set to the build that this reconcile is about.
    async fn rounds(
        &self,
        key: &ObjectKey,
        outcomes: &mut Outcomes,
        uid: &mut Option<String>,
    ) -> Result<Disposition, ApiError> {
        let took_over = *self.took_over.get_or_init(|| self.act.context.now());
        let unreported = self.desk.reaches_nobody();
        let mut learnt = Learnt { took_over: Some(took_over), unreported, ..Learnt::default() };
        let mut patches = 0;
        for _ in 0..ROUNDS {
            learnt.attempts.clone_from(&outcomes.attempts);
            learnt.related.clone_from(&outcomes.related);
            let now = self.act.context.now();
            learnt.now = Some(now);
            let mut world = observe::observe(&self.act.caches, key, &mut learnt);
            match world.build {
                Some(_) => self.desk.tell(&mut world),
                None => self.desk.gone(key),
            }
            let current = world.build.as_deref().map(|build| meta::uid(build).to_owned());
            if uid.is_none() {
                outcomes.attempts = self.memory.recall(key, current.as_deref(), now);
                outcomes.related.told = self.memory.told(key, current.as_deref());
                world.attempts.clone_from(&outcomes.attempts);
                world.related.told.clone_from(&outcomes.related.told);
                uid.clone_from(&current);
            } else if *uid != current {
                // Gone, or another build of the same name, which has a wake-up of its own.
                return Ok(Disposition::Done);
            }
            let plan = decide::decide(&world, now);
            self.explain(&world, &plan);
            for question in plan.ask.iter().cloned() {
                observe::ask(&self.act.context, &self.act.caches, key, question, &mut learnt).await?;
            }
            if !plan.ask.is_empty() {
                continue;
            }
            if let Some(build) = &world.build {
                // Before anything is written: what is not wanted any more is withdrawn before a Snapshot is created.
                if self.desk.offer(build, plan.report.clone()) {
                    continue;
                }
            }
            if let Some(build) = &world.build {
                for notice in plan.events.iter().cloned() {
                    self.act.notify(build, notice).await;
                }
            }
            if plan.actions.is_empty() {
                return Ok(self.disposition(plan.wait, outcomes.error.take()));
            }
            if plan.actions.iter().any(|action| matches!(action, Action::PatchBuild(_))) {
                patches += 1;
                if patches > PATCHES {
                    break;
                }
            }
            let mut failed = None;
            for action in plan.actions {
                match self.act.perform(&world, action, outcomes).await {
                    Ok(()) => {}
                    Err(error) if error.class() == ErrorClass::NotLeader => return Err(error),
                    // What concerns other objects does not wait for the build.
                    Err(error) => failed = Some(error),
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        let (namespace, name) = (&*key.namespace, &*key.name);
        tracing::warn!(
            namespace,
            name,
            "build PipelineRun not settled: what is written to it, or to its Component or ComponentGroups, is undone \
             at once; look for a webhook or a controller that changes these objects"
        );
        Ok(Disposition::RequeueAfter(STUCK))
    }

    fn disposition(&self, wait: Option<Wait>, error: Option<ApiError>) -> Disposition {
        match (wait, error) {
            (None, _) => Disposition::Done,
            (Some(Wait::Until(time)), _) => Disposition::RequeueAfter(self.until(time)),
            (Some(Wait::Backoff), Some(error)) => Disposition::Backoff(error),
            (Some(Wait::Backoff), None) => Disposition::RequeueAfter(PAUSE),
            (Some(Wait::BackoffUntil(time)), Some(error)) => Disposition::BackoffWithin(error, self.until(time)),
            (Some(Wait::BackoffUntil(time)), None) => Disposition::RequeueAfter(PAUSE.min(self.until(time))),
        }
    }

    fn until(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.act.context.now())).unwrap_or(Duration::ZERO)
    }

    /// Metric and log of why.
    fn explain(&self, world: &World, plan: &Plan) {
        let Some(build) = &world.build else { return };
        for because in &plan.because {
            self.act.context.decision(because.decision, because.reason);
            let (namespace, name) = (meta::namespace(&**build), meta::name(&**build));
            let (decision, reason) = (because.decision, because.reason);
            tracing::debug!(namespace, name, decision, reason, "decided");
            if decision == "ignore" {
                let snapshots: Vec<_> = world.snapshots.iter().map(|snapshot| meta::name(&**snapshot)).collect();
                tracing::warn!(namespace, name, reason, ?snapshots, "the oldest Snapshot of each owner counts");
            }
        }
    }
}

impl Reconciler for Controller {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        match self.run(&key).await {
            Ok(disposition) => disposition,
            // The same request can never succeed (SC-B35); another version of the objects leads to another one.
            Err(error) if refused_for_good(&error) => {
                tracing::warn!(%key, %error, "reconcile given up until the build or what it belongs to changes");
                Disposition::Terminal("invalid")
            }
            Err(error) => Disposition::Backoff(error),
        }
    }
}

#[cfg(test)]
mod tests;
