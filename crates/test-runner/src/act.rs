//! Carries out a [`Plan`]: questions and creates first, the decision again with their outcome, then one metadata patch
//! and one status patch of the Snapshot (TR-B53).

mod create;
mod report;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use integration_api::Snapshot;
use integration_runtime::{ApiError, Context, Disposition, ObjectKey, Part, Reconciler, Update};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::decide::decide;
use crate::metrics::Metrics;
use crate::observe::Stores;
use crate::plan::{Notice, Plan, status_patch};
use crate::settings::Settings;
use crate::tries::{Target, Tries};
use crate::world::{Facts, World};

/// Works on one Snapshot at a time.
pub struct Runner {
    context: Context,
    stores: Stores,
    metrics: Metrics,
    settings: Settings,
    /// Failed creates by Snapshot.
    memory: Mutex<HashMap<ObjectKey, Tries>>,
}

/// What one reconcile has done so far.
#[derive(Default)]
struct Progress {
    facts: Facts,
    tries: Tries,
    /// Actions tried; none is tried twice in one reconcile.
    tried: BTreeSet<String>,
    /// First error that does not keep the rest from being done.
    error: Option<ApiError>,
    /// Events to send once the writes succeeded.
    notices: Vec<Notice>,
    /// The whole Snapshot as read live, for parameter SNAPSHOT.
    live: Option<Value>,
}

/// Nothing more may be done in this reconcile.
struct Stop(Disposition);

impl Runner {
    /// A worker over these caches.
    pub fn new(context: Context, stores: Stores, metrics: Metrics, settings: Settings) -> Self {
        Self { context, stores, metrics, settings, memory: Mutex::default() }
    }
}

impl Reconciler for Runner {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        let tries = self.remembered(&key);
        let mut progress = Progress { tries, ..Progress::default() };
        let disposition = match self.work(&key, &mut progress).await {
            Ok(disposition) | Err(Stop(disposition)) => disposition,
        };
        self.remember(key, progress.tries);
        match progress.error {
            Some(error) => Disposition::Backoff(error).and(disposition),
            None => disposition,
        }
    }
}

impl Runner {
    async fn work(&self, key: &ObjectKey, progress: &mut Progress) -> Result<Disposition, Stop> {
        loop {
            let Some(world) = self.stores.observe(key, &progress.facts, &progress.tries, self.settings.policy()) else {
                return Ok(Disposition::Done);
            };
            let now = self.context.now();
            let plan = decide(&world, now);
            progress.note(&plan.events);
            if !self.prepare(&world, &plan, now, progress).await? {
                return self.write(world, plan, now, progress).await;
            }
        }
    }

    /// Questions, creates and `automated`: everything that must be known before the Snapshot is written. Says whether
    /// anything was tried, so that the decision is to be made again.
    async fn prepare(&self, world: &World, plan: &Plan, now: Timestamp, progress: &mut Progress) -> Result<bool, Stop> {
        let mut tried = false;
        for question in &plan.ask {
            if progress.first(format!("{question:?}")) {
                tried = true;
                match self.stores.answer(&self.context, world, question).await {
                    Ok(answer) => progress.facts.note(question.clone(), answer),
                    Err(error) => progress.fail(error),
                }
            }
        }
        for create in &plan.create {
            if progress.first(format!("{create:?}")) {
                tried = true;
                self.create(world, create, now, progress).await?;
            }
        }
        for release in &plan.automate {
            if progress.first(format!("automate {release}")) {
                tried = true;
                self.automate(world, release, progress).await;
            }
        }
        Ok(tried)
    }

    /// The two patches of the Snapshot. Each is computed anew on the newest version known.
    async fn write(
        &self,
        mut world: World,
        plan: Plan,
        now: Timestamp,
        progress: &mut Progress,
    ) -> Result<Disposition, Stop> {
        let before = Arc::clone(&world.snapshot);
        let mut last = plan.clone();
        if !plan.metadata.is_empty() {
            let change = |newest: &Snapshot| {
                last = decide(&self.around(newest, &world, progress), now);
                last.metadata.patch()
            };
            match self
                .context
                .update(&self.stores.snapshots, Arc::clone(&before), Part::Metadata, change)
                .await
                .map_err(stop)?
            {
                Update::Gone => return Err(Stop(Disposition::Done)),
                Update::Written(snapshot) => {
                    self.told_metadata(&snapshot, &last);
                    progress.note(&last.events);
                    world.snapshot = snapshot;
                }
                Update::Unchanged(snapshot) => world.snapshot = snapshot,
            }
            world = self.around(&world.snapshot, &world, progress);
            last = decide(&world, now);
        }
        if !last.conditions.is_empty() {
            let change = |newest: &Snapshot| {
                last = decide(&self.around(newest, &world, progress), now);
                status_patch(&newest.status.conditions, &last.conditions, now)
            };
            match self
                .context
                .update(&self.stores.snapshots, Arc::clone(&world.snapshot), Part::Status, change)
                .await
                .map_err(stop)?
            {
                Update::Gone => return Err(Stop(Disposition::Done)),
                Update::Written(snapshot) => {
                    self.told_conditions(&before, &snapshot, &last, now);
                    progress.note(&last.events);
                }
                Update::Unchanged(_) => {}
            }
        }
        self.told(&world, &plan, progress).await;
        if last.look_again.is_none() {
            progress.tries = Tries::default();
        }
        progress.tries.keep(|target| exists(&world, target));
        Ok(last.look_again.map_or(Disposition::Done, |time| Disposition::RequeueAfter(until(time, self.context.now()))))
    }

    /// The world around a version of the Snapshot, from the caches as they are now: a write that has to be computed
    /// again must not be decided on what was known before the first try.
    fn around(&self, newest: &Snapshot, before: &World, progress: &Progress) -> World {
        let key = ObjectKey::of(newest);
        let world = self.stores.observe(&key, &progress.facts, &progress.tries, self.settings.policy());
        world.as_ref().unwrap_or(before).with(newest)
    }

    /// Marks a Release as made by the service (TR-B10).
    async fn automate(&self, world: &World, name: &str, progress: &mut Progress) {
        let Some(release) = world.releases.iter().find(|release| release.metadata.name.as_deref() == Some(name)) else {
            return;
        };
        let change = |newest: &integration_api::Release| {
            (!newest.status.automated).then(|| json!({ "status": { "automated": true } }))
        };
        if let Err(error) = self.context.update(&self.stores.releases, Arc::clone(release), Part::Status, change).await
        {
            progress.fail(error);
        }
    }

    fn remember(&self, key: ObjectKey, tries: Tries) {
        let exists = |key: &ObjectKey| self.stores.snapshots.get(&key.namespace, &key.name).is_some();
        if tries.is_empty() || !exists(&key) {
            return;
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is woken for Snapshots that went while another replica led; each doubling, they are looked for.
        if memory.len().is_power_of_two() {
            memory.retain(|key, _| exists(key));
        }
        memory.insert(key, tries);
    }

    fn remembered(&self, key: &ObjectKey) -> Tries {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).remove(key).unwrap_or_default()
    }
}

impl Progress {
    /// Whether an action was not tried yet in this reconcile.
    fn first(&mut self, action: String) -> bool {
        self.tried.insert(action)
    }

    fn fail(&mut self, error: ApiError) {
        self.error.get_or_insert(error);
    }

    fn note(&mut self, notices: &[Notice]) {
        for notice in notices {
            if !self.notices.contains(notice) {
                self.notices.push(notice.clone());
            }
        }
    }
}

/// Whether the scenario or the ReleasePlan is still there; nobody tries again for one that is gone.
fn exists(world: &World, target: &Target) -> bool {
    match target {
        Target::Run(name) => world.scenarios.iter().any(|object| object.metadata.name.as_ref() == Some(name)),
        Target::Release(name) => world.plans.iter().any(|object| object.metadata.name.as_ref() == Some(name)),
    }
}

fn stop(error: ApiError) -> Stop {
    Stop(Disposition::Backoff(error))
}

fn until(time: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(now)).unwrap_or_default()
}
