//! What is watched, and whom a change wakes (TR-B36).

use std::sync::{Arc, OnceLock};

use integration_api::{
    Application, ComponentGroup, IntegrationTestScenario, PipelineRun, Release, ReleasePlan, Snapshot, keys, meta,
};
use integration_core::event::{self, SnapshotClass};
use integration_core::owner::Owner;
use integration_core::snapshot::{self, Type};
use integration_runtime::{Change, ObjectKey, Queue, SettingsError, Setup, Watch};
use kube::Resource;

use crate::act::Runner;
use crate::decide::settled;
use crate::metrics::Metrics;
use crate::observe::{
    BY_LINE, BY_OWNER, BY_SNAPSHOT, RELEASABLE_BY_LINE, RELEASABLE_BY_OWNER, Stores, UNSETTLED_BY_OWNER, line_value,
    owner_value,
};
use crate::settings::Settings;

/// Registers watches and the queue of Snapshots.
pub fn start(setup: &mut Setup, settings: Settings) -> Result<(), SettingsError> {
    let queue = setup.queue("snapshots");
    let wakes = Wakes { queue: queue.clone(), stores: Arc::default() };
    let stores = Stores {
        snapshots: setup.watch(snapshots(&wakes)),
        runs: setup.watch(runs(&wakes)),
        scenarios: setup.watch(scenarios(&wakes)),
        plans: setup.watch(plans(&wakes)),
        releases: setup.watch(releases(&wakes)),
        applications: setup.watch(applications(&wakes)),
        groups: setup.watch(groups(&wakes)),
    };
    // The watches start after this function returned, so no listener misses this.
    let _ = wakes.stores.set(stores.clone());
    let context = setup.context();
    let metrics = Metrics::new(context.registry())
        .map_err(|error| SettingsError(format!("a metric has a name that is taken: {error}")))?;
    let keys = stores.snapshots.clone();
    setup.serve(&queue, Runner::new(context, stores, metrics, settings), move || keys.keys());
    Ok(())
}

fn snapshots(wakes: &Wakes) -> Watch<Snapshot> {
    let wakes = wakes.clone();
    let owner = |snapshot: &Snapshot| Owner::of_snapshot(&snapshot.spec).map(|owner| owner_value(&owner));
    let component_push = |snapshot: &Snapshot| {
        snapshot::type_of(snapshot) == Type::Component && event::of_snapshot(snapshot) == SnapshotClass::Push
    };
    Watch::new()
        .index(UNSETTLED_BY_OWNER, move |snapshot| {
            owner(snapshot).filter(|_| settled::unsettled(snapshot)).into_iter().collect()
        })
        .index(RELEASABLE_BY_OWNER, move |snapshot| {
            owner(snapshot).filter(|_| settled::releasable(snapshot)).into_iter().collect()
        })
        .index(BY_LINE, move |snapshot| line_value(snapshot).filter(|_| component_push(snapshot)).into_iter().collect())
        .index(RELEASABLE_BY_LINE, move |snapshot| {
            line_value(snapshot).filter(|_| settled::releasable(snapshot)).into_iter().collect()
        })
        .on_change(move |change: Change<'_, Snapshot>| {
            let Some(newest) = change.newest() else { return };
            wakes.queue.wake(ObjectKey::of(&**newest));
            wakes.waiting_below(newest);
        })
}

fn runs(wakes: &Wakes) -> Watch<PipelineRun> {
    let wakes = wakes.clone();
    Watch::new()
        .labels(&format!("{}={}", keys::PIPELINE_TYPE, keys::PIPELINE_TEST))
        .trim(|run: &mut PipelineRun| {
            if let Some(annotations) = &mut run.metadata.annotations {
                annotations.retain(|key, _| key == keys::ATTEMPT || key == keys::CANCELLED);
            }
            run.status.results = Vec::new();
            run.status.child_references = Vec::new();
        })
        .index(BY_SNAPSHOT, |run| {
            run.metadata.labels.as_ref().and_then(|labels| labels.get(keys::SNAPSHOT)).cloned().into_iter().collect()
        })
        // Its existence matters here; its outcome is result-recorder's.
        .on_change(move |change: Change<'_, PipelineRun>| {
            let appeared_or_gone = change.before.is_none() || change.after.is_none();
            let Some(newest) = change.newest().filter(|_| appeared_or_gone) else { return };
            for owner in newest
                .metadata
                .owner_references
                .iter()
                .flatten()
                .filter(|owner| owner.controller == Some(true) && owner.kind == "Snapshot")
            {
                wakes.queue.wake(ObjectKey::new(meta::namespace(&**newest), &owner.name));
            }
        })
}

fn scenarios(wakes: &Wakes) -> Watch<IntegrationTestScenario> {
    let wakes = wakes.clone();
    Watch::new()
        .index(BY_OWNER, |scenario| Owner::of_scenario(scenario).map(|owner| owner_value(&owner)).into_iter().collect())
        .on_change(move |change: Change<'_, IntegrationTestScenario>| {
            wakes.of_owner(&change, UNSETTLED_BY_OWNER, Owner::of_scenario);
        })
}

fn plans(wakes: &Wakes) -> Watch<ReleasePlan> {
    let wakes = wakes.clone();
    Watch::new()
        .trim(|plan: &mut ReleasePlan| {
            for map in [&mut plan.metadata.labels, &mut plan.metadata.annotations].into_iter().flatten() {
                map.retain(|key, _| key == keys::AUTO_RELEASE);
            }
        })
        .index(BY_OWNER, |plan| Owner::of_plan(plan).map(|owner| owner_value(&owner)).into_iter().collect())
        .on_change(move |change: Change<'_, ReleasePlan>| wakes.of_owner(&change, RELEASABLE_BY_OWNER, Owner::of_plan))
}

fn releases(wakes: &Wakes) -> Watch<Release> {
    let wakes = wakes.clone();
    Watch::new()
        .trim(|release: &mut Release| release.metadata.annotations = None)
        .index(BY_SNAPSHOT, |release| vec![release.spec.snapshot.clone()])
        .on_change(move |change: Change<'_, Release>| {
            let Some(newest) = change.newest() else { return };
            let (namespace, name) = (meta::namespace(&**newest), &*newest.spec.snapshot);
            wakes.queue.wake(ObjectKey::new(namespace, name));
            if let Some(snapshot) = wakes.stores.get().and_then(|stores| stores.snapshots.get(namespace, name)) {
                wakes.waiting_below(&snapshot);
            }
        })
}

fn applications(wakes: &Wakes) -> Watch<Application> {
    let wakes = wakes.clone();
    Watch::new()
        .trim(|application: &mut Application| {
            application.metadata.labels = None;
            application.metadata.annotations = None;
        })
        .on_change(move |change: Change<'_, Application>| {
            if change.before.is_none() || change.after.is_none() {
                wakes.of_owner(&change, UNSETTLED_BY_OWNER, |application| {
                    Some(Owner::application(application.metadata.name.clone()?))
                });
            }
        })
}

fn groups(wakes: &Wakes) -> Watch<ComponentGroup> {
    let wakes = wakes.clone();
    Watch::new()
        .trim(|group: &mut ComponentGroup| {
            group.metadata.labels = None;
            group.metadata.annotations = None;
            group.spec.components = Vec::new();
            group.status = None;
        })
        .on_change(move |change: Change<'_, ComponentGroup>| {
            // Every build changes the status of its groups; only the test graph matters here.
            let same = change.before.zip(change.after).is_some_and(|(before, after)| before.spec == after.spec);
            if !same {
                wakes.of_owner(&change, UNSETTLED_BY_OWNER, |group| {
                    Some(Owner::component_group(group.metadata.name.clone()?))
                });
            }
        })
}

/// Wakes Snapshots on behalf of other objects.
#[derive(Clone)]
struct Wakes {
    queue: Queue,
    stores: Arc<OnceLock<Stores>>,
}

impl Wakes {
    /// Snapshots of the owners that an object named before or names now.
    fn of_owner<K: Resource>(&self, change: &Change<'_, K>, index: &'static str, owner: impl Fn(&K) -> Option<Owner>) {
        let Some(stores) = self.stores.get() else { return };
        let mut owners: Vec<Owner> =
            [change.before, change.after].into_iter().flatten().filter_map(|object| owner(object)).collect();
        owners.dedup();
        let Some(newest) = change.newest() else { return };
        for owner in owners {
            for snapshot in stores.snapshots.lookup(index, meta::namespace(&**newest), &owner_value(&owner)) {
                self.queue.wake(ObjectKey::of(&*snapshot));
            }
        }
    }

    /// Older Snapshots whose release may wait for this one (M4).
    fn waiting_below(&self, newer: &Snapshot) {
        let (Some(stores), Some(line)) = (self.stores.get(), line_value(newer)) else { return };
        for older in stores.snapshots.lookup(RELEASABLE_BY_LINE, meta::namespace(newer), &line) {
            if older.metadata.name != newer.metadata.name {
                self.queue.wake(ObjectKey::of(&*older));
            }
        }
    }
}
