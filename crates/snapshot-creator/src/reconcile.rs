//! The reconcile loop of one build: observe, decide, act, until nothing is left to do.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use integration_runtime::{ApiError, Disposition, ObjectKey, Reconciler};
use jiff::Timestamp;

use crate::act::{Act, Outcomes};
use crate::decide::{self, Attempt, Plan, RefusalClass, Wait, World, meta};
use crate::observe::{self, Learnt};

/// Rounds of one reconcile. The longest ordinary story (two live reads, candidate, create under the fifth name,
/// patch with a conflict) takes ten.
const ROUNDS: u32 = 16;
/// Pause where a plan waits without an error, or a reconcile used up its rounds.
const PAUSE: Duration = Duration::from_secs(5);
/// Builds of which it is remembered that a log line was written.
const TOLD: usize = 8192;

/// Works on builds.
pub(crate) struct Controller {
    act: Act,
    /// When this replica began to work; set by whoever needs it first.
    took_over: Arc<OnceLock<Timestamp>>,
    /// Refusals that still hold, by build.
    refused: Mutex<HashMap<ObjectKey, Refused>>,
    told: Mutex<HashSet<String>>,
}

/// Refusals of one build.
struct Refused {
    /// Uid of the build; another build of the name starts afresh.
    uid: String,
    /// By owner name.
    attempts: BTreeMap<String, Attempt>,
}

impl Controller {
    /// A controller that remembers nothing yet. `took_over` is set when this replica begins to work.
    pub fn new(act: Act, took_over: Arc<OnceLock<Timestamp>>) -> Self {
        Self { act, took_over, refused: Mutex::default(), told: Mutex::default() }
    }

    async fn run(&self, key: &ObjectKey) -> Result<Disposition, ApiError> {
        let took_over = *self.took_over.get_or_init(|| self.act.context.now());
        let mut learnt = Learnt { took_over: Some(took_over), ..Learnt::default() };
        let mut outcomes = Outcomes::default();
        let mut uid = None;
        for _ in 0..ROUNDS {
            learnt.attempts.clone_from(&outcomes.attempts);
            let mut world = observe::observe(&self.act.caches, key, &mut learnt);
            let current = world.build.as_deref().map(|build| meta::uid(build).to_owned());
            if uid.is_none() {
                outcomes.attempts = self.recall(key, current.as_deref());
                world.attempts.clone_from(&outcomes.attempts);
                uid.clone_from(&current);
            } else if uid != current {
                // Gone, or another build of the same name, which has a wake-up of its own.
                self.remember(key, None, BTreeMap::new());
                return Ok(Disposition::Done);
            }
            let plan = decide::decide(&world, self.act.context.now());
            self.explain(&world, &plan);
            for question in plan.ask.iter().cloned() {
                observe::ask(&self.act.context, &self.act.caches, key, question, &mut learnt).await?;
            }
            if !plan.ask.is_empty() {
                continue;
            }
            if let Some(build) = &world.build {
                for notice in plan.events.iter().cloned() {
                    self.act.notify(build, notice).await;
                }
            }
            if plan.actions.is_empty() {
                self.remember(key, uid, outcomes.attempts);
                return Ok(self.disposition(plan.wait, outcomes.error));
            }
            for action in plan.actions {
                self.act.perform(&world, action, &mut outcomes).await?;
            }
        }
        self.remember(key, uid, outcomes.attempts);
        Ok(Disposition::RequeueAfter(PAUSE))
    }

    fn disposition(&self, wait: Option<Wait>, error: Option<ApiError>) -> Disposition {
        match (wait, error) {
            (None, _) => Disposition::Done,
            (Some(Wait::Until(time)), _) => {
                let pause = time.duration_since(self.act.context.now());
                Disposition::RequeueAfter(Duration::try_from(pause).unwrap_or(Duration::ZERO))
            }
            (Some(Wait::Backoff), Some(error)) => Disposition::Backoff(error),
            (Some(Wait::Backoff), None) => Disposition::RequeueAfter(PAUSE),
        }
    }

    /// Metric and log of why; a build that is left alone gets one line.
    fn explain(&self, world: &World, plan: &Plan) {
        let Some(build) = &world.build else { return };
        for because in &plan.because {
            self.act.context.decision(because.decision, because.reason);
            let (namespace, name) = (meta::namespace(&**build), meta::name(&**build));
            let (decision, reason) = (because.decision, because.reason);
            if decision == "left_alone" && self.first_told(meta::uid(&**build)) {
                tracing::info!(namespace, name, reason, "build left alone");
            } else {
                tracing::debug!(namespace, name, decision, reason, "decided");
            }
        }
    }

    fn first_told(&self, uid: &str) -> bool {
        let mut told = lock(&self.told);
        if told.len() >= TOLD {
            told.clear();
        }
        told.insert(uid.to_owned())
    }

    /// Refusals of earlier reconciles that still hold.
    fn recall(&self, key: &ObjectKey, uid: Option<&str>) -> BTreeMap<String, Attempt> {
        let now = self.act.context.now();
        let mut attempts = match lock(&self.refused).get(key) {
            Some(refused) if Some(refused.uid.as_str()) == uid => refused.attempts.clone(),
            _ => return BTreeMap::new(),
        };
        for attempt in attempts.values_mut() {
            attempt.refusal = attempt.refusal.take().filter(|refusal| refusal.until.is_none_or(|until| until > now));
        }
        attempts
    }

    fn remember(&self, key: &ObjectKey, uid: Option<String>, mut attempts: BTreeMap<String, Attempt>) {
        attempts.retain(|_, attempt| {
            attempt.gcl = None;
            attempt.names_taken = 0;
            attempt.refusal.as_ref().is_some_and(|refusal| refusal.class != RefusalClass::Retryable)
        });
        let mut refused = lock(&self.refused);
        match uid {
            Some(uid) if !attempts.is_empty() => {
                refused.insert(key.clone(), Refused { uid, attempts });
            }
            _ => {
                refused.remove(key);
            }
        }
    }
}

impl Reconciler for Controller {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        self.run(&key).await.unwrap_or_else(Disposition::Backoff)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
