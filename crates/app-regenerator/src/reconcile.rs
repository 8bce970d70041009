//! The reconcile loops: observe, decide, act, until nothing is left to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use integration_api::{Application, Component};
use integration_runtime::{ApiError, Disposition, ErrorClass, ObjectKey, Reconciler};
use jiff::{SignedDuration, Timestamp};

use crate::act::{Actor, Outcome};
use crate::decide::{self, Fact, NewSnapshot, Plan, World, is_orphan};
use crate::memory::Memory;
use crate::observe::{self, Learnt};

/// Rounds of one reconcile: questions, creates under five names, finalizers.
const ROUNDS: u32 = 12;
/// Pause after a Component that others changed each time we tried, or that changes back.
const PAUSE: Duration = Duration::from_secs(5);

/// Works on Applications.
pub(crate) struct Regenerator {
    actor: Actor,
    wait: SignedDuration,
    memory: Memory,
}

impl Regenerator {
    /// One that remembers nothing yet.
    pub fn new(actor: Actor, wait: SignedDuration) -> Self {
        Self { actor, wait, memory: Memory::default() }
    }

    async fn run(&self, key: &ObjectKey) -> Result<Disposition, ApiError> {
        let Actor { context, caches } = &self.actor;
        let mut learnt = Learnt::default();
        let mut finalizers = Finalizers::default();
        for _ in 0..ROUNDS {
            let world = observe::observe(caches, key, &learnt, self.memory.recall(key), self.wait);
            let now = context.now();
            let mut plan = decide::decide(&world, now);
            finalizers.leave_out(&mut plan);
            for question in plan.ask.iter().copied() {
                observe::ask(context, caches, key, question, &mut learnt).await?;
            }
            if plan.ask.is_empty() {
                self.explain(key, &plan);
            }
            if plan.is_idle() {
                return Ok(self.disposition(key, plan.look_again.map(|time| until(time, now)), finalizers));
            }
            self.carry_out(key, &world, plan, &mut learnt, &mut finalizers).await?;
        }
        tracing::warn!(application = %key, "not settled: somebody undoes what is written to its Components");
        Ok(Disposition::RequeueAfter(PAUSE))
    }

    fn disposition(&self, key: &ObjectKey, look_again: Option<Duration>, finalizers: Finalizers) -> Disposition {
        match (look_again, finalizers.error) {
            // What failed is tried again then.
            (Some(pause), _) => Disposition::RequeueAfter(pause),
            (None, Some(error)) => Disposition::Backoff(error),
            (None, None) if !finalizers.failed.is_empty() => Disposition::RequeueAfter(PAUSE),
            (None, None) => {
                self.memory.forget(key);
                Disposition::Done
            }
        }
    }

    /// Finalizers of living Components first: they wait for nothing. Deleted ones are let go only after the Event that
    /// tells why. One Component that cannot be patched holds up no other.
    async fn carry_out(
        &self,
        key: &ObjectKey,
        world: &World,
        plan: Plan,
        learnt: &mut Learnt,
        finalizers: &mut Finalizers,
    ) -> Result<(), ApiError> {
        for component in named(world, &plan.hold) {
            finalizers.take(component, self.actor.hold(component).await)?;
        }
        let mut refused = None;
        if let Fact::Found(application) = &world.application {
            self.tell(application, &plan).await;
            if let Some(snapshot) = &plan.create {
                match self.actor.create(application, snapshot).await {
                    Ok(Some(created)) => learnt.snapshots.get_or_insert_default().push(created),
                    Ok(None) => self.memory.name_taken(key, &snapshot.deleted),
                    Err(error) => refused = self.refused(key, snapshot, error)?,
                }
            }
        }
        for component in named(world, &plan.release) {
            finalizers.take(component, self.actor.release(component).await)?;
        }
        if let Fact::Found(application) = &world.application {
            // What could not be recorded gets a second chance; the rest is not sent again.
            self.tell(application, &plan).await;
        }
        refused.map_or(Ok(()), Err)
    }

    async fn tell(&self, application: &Application, plan: &Plan) {
        for notice in &plan.events {
            self.actor.tell(application, notice.clone()).await;
        }
    }

    /// Remembers the failure and returns it, unless it can never pass: that is decided about at once.
    fn refused(&self, key: &ObjectKey, snapshot: &NewSnapshot, error: ApiError) -> Result<Option<ApiError>, ApiError> {
        if error.class() == ErrorClass::NotLeader {
            return Err(error);
        }
        self.memory.failed(key, &snapshot.deleted, &error, self.actor.context.now());
        tracing::warn!(application = %key, snapshot = %snapshot.name, %error, "Snapshot not created");
        Ok(self.memory.recall(key).never.is_none().then_some(error))
    }

    fn explain(&self, key: &ObjectKey, plan: &Plan) {
        for because in &plan.because {
            self.actor.context.decision(because.decision, because.reason);
            let (decision, reason) = (because.decision, because.reason);
            tracing::debug!(application = %key, decision, reason, "decided");
        }
    }
}

impl Reconciler for Regenerator {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        self.run(&key).await.unwrap_or_else(Disposition::Backoff)
    }
}

/// Finalizers that could not be changed in this reconcile.
#[derive(Default)]
struct Finalizers {
    /// Names of the Components.
    failed: BTreeSet<String>,
    /// The last error.
    error: Option<ApiError>,
}

impl Finalizers {
    /// They are not tried twice in one reconcile.
    fn leave_out(&self, plan: &mut Plan) {
        plan.hold.retain(|name| !self.failed.contains(name));
        plan.release.retain(|name| !self.failed.contains(name));
    }

    fn take(&mut self, component: &Component, result: Result<Outcome, ApiError>) -> Result<(), ApiError> {
        match result {
            Ok(Outcome::Done) => return Ok(()),
            Ok(Outcome::Busy) => {}
            Err(error) if error.class() == ErrorClass::NotLeader => return Err(error),
            Err(error) => {
                tracing::warn!(%error, "finalizer not changed");
                self.error = Some(error);
            }
        }
        self.failed.insert(decide::meta::name(component).to_owned());
        Ok(())
    }
}

/// Lets Components of no Application go (AR-X3).
pub(crate) struct Orphans {
    /// What actions work with.
    pub actor: Actor,
}

impl Reconciler for Orphans {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        let component = self.actor.caches.components.get(&key.namespace, &key.name);
        let Some(component) = component.filter(|component| is_orphan(component)) else { return Disposition::Done };
        self.actor.context.decision("release", "no_application");
        match self.actor.release(&component).await {
            Ok(Outcome::Done) => Disposition::Done,
            Ok(Outcome::Busy) => Disposition::RequeueAfter(PAUSE),
            Err(error) => Disposition::Backoff(error),
        }
    }
}

fn named<'a>(world: &'a World, names: &'a [String]) -> impl Iterator<Item = &'a Arc<Component>> {
    world.components.iter().filter(|component| names.iter().any(|name| name == decide::meta::name(&***component)))
}

fn until(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO)
}
