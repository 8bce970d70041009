//! What is watched, with which selector and indexes, and whom a change wakes (SC-B25, SC-B37).
//!
//! A wake-up only says "look at this build": a lost or doubled one changes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use integration_api::{Application, Component, ComponentGroup, PipelineRun, Snapshot, keys};
use integration_core::{build, names};
use integration_runtime::{Change, Context, ObjectKey, Queue, SettingsError, Setup, Watch};
use kube::Resource;

use crate::act::Act;
use crate::decide::{meta, revivable};
use crate::metrics::Metrics;
use crate::observe::{self, BY_APPLICATION, BY_BUILD, BY_COMPONENT, BY_LISTED_COMPONENT, BY_MEMBER, BY_NESTED, Caches};
use crate::reconcile::Controller;

/// Registers the watches and the queue of builds.
pub(crate) fn register(setup: &mut Setup) -> Result<(), SettingsError> {
    let context = setup.context();
    let metrics = Metrics::register(context.registry()).map_err(|error| SettingsError(error.to_string()))?;
    let queue = setup.queue("builds");
    let wake = Waker { queue: queue.clone(), context: context.clone(), caches: Arc::default() };
    let caches = Caches {
        builds: setup.watch(builds(queue.clone())),
        components: setup.watch(components(wake.clone())),
        applications: setup.watch(applications(wake.clone())),
        groups: setup.watch(groups(wake.clone())),
        snapshots: setup.watch(snapshots(wake.clone())),
    };
    // Set once: watches start only after this function returned.
    wake.caches.get_or_init(|| caches.clone());
    let every_build = caches.builds.clone();
    // The keys are asked for first when this replica begins to lead.
    let took_over = Arc::new(OnceLock::new());
    let controller = Controller::new(Act { context: context.clone(), caches, metrics }, Arc::clone(&took_over));
    setup.serve(&queue, controller, move || {
        took_over.get_or_init(|| context.now());
        every_build.keys()
    });
    Ok(())
}

fn builds(queue: Queue) -> Watch<PipelineRun> {
    Watch::<PipelineRun>::new()
        .labels(&format!("{}={}", keys::PIPELINE_TYPE, keys::PIPELINE_BUILD))
        .trim(|run| run.status.child_references = Vec::new())
        .index(BY_COMPONENT, |run| build::component(run).map(str::to_owned).into_iter().collect())
        .on_change(move |change| {
            if let Some(run) = change.newest() {
                queue.wake(ObjectKey::of(&**run));
            }
        })
}

fn components(wake: Waker) -> Watch<Component> {
    Watch::<Component>::new().index(BY_APPLICATION, |component| vec![component.spec.application.clone()]).on_change(
        move |change| {
            if changed(&change, |before, after| before.spec == after.spec)
                && let Some(component) = change.newest()
            {
                wake.builds_of(meta::namespace(&**component), meta::name(&**component));
            }
        },
    )
}

fn applications(wake: Waker) -> Watch<Application> {
    Watch::<Application>::new().on_change(move |change| {
        if changed(&change, |_, _| true)
            && let Some(application) = change.newest()
        {
            wake.builds_of_application(meta::namespace(&**application), meta::name(&**application));
        }
    })
}

fn groups(wake: Waker) -> Watch<ComponentGroup> {
    Watch::<ComponentGroup>::new()
        .index(BY_MEMBER, |group| {
            let members = group.spec.components.iter().filter(|reference| !reference.is_group());
            members.map(|reference| observe::member(&reference.name, reference.version_name())).collect()
        })
        .index(BY_LISTED_COMPONENT, |group| referenced(group, false))
        .index(BY_NESTED, |group| referenced(group, true))
        .on_change(move |change| {
            if changed(&change, |before, after| before.spec.components == after.spec.components) {
                wake.builds_of_groups(&change);
            }
        })
}

/// Only Snapshots of builds are kept.
fn snapshots(wake: Waker) -> Watch<Snapshot> {
    Watch::<Snapshot>::new()
        .labels(keys::BUILD_PIPELINE_RUN)
        .trim(|snapshot| snapshot.status.conditions = Vec::new())
        .index(BY_BUILD, |snapshot| {
            meta::label(snapshot, keys::BUILD_PIPELINE_RUN).map(str::to_owned).into_iter().collect()
        })
        .on_change(move |change| {
            // Content is not looked at: only that there is one, or none any more.
            if changed(&change, |_, _| true)
                && let Some(snapshot) = change.newest()
            {
                wake.build_of_snapshot(snapshot);
            }
        })
}

/// Names of the Components, or of the nested ComponentGroups, that a group lists.
fn referenced(group: &ComponentGroup, nested: bool) -> Vec<String> {
    let references = group.spec.components.iter().filter(|reference| reference.is_group() == nested);
    references.map(|reference| reference.name.clone()).collect()
}

/// Whether an object appeared, vanished, began to be deleted, or differs in what matters.
fn changed<K: Resource>(change: &Change<'_, K>, same: impl Fn(&K, &K) -> bool) -> bool {
    match (change.before, change.after) {
        (Some(before), Some(after)) => {
            meta::uid(&**before) != meta::uid(&**after)
                || meta::terminating(&**before) != meta::terminating(&**after)
                || !same(before, after)
        }
        _ => true,
    }
}

/// Wakes builds that may get their Snapshot because another object changed.
#[derive(Clone)]
struct Waker {
    queue: Queue,
    context: Context,
    caches: Arc<OnceLock<Caches>>,
}

impl Waker {
    fn builds_of(&self, namespace: &str, component: &str) {
        let Some(caches) = self.caches.get() else { return };
        for run in caches.builds.lookup(BY_COMPONENT, namespace, component) {
            self.wake(&run);
        }
    }

    fn builds_of_application(&self, namespace: &str, application: &str) {
        let Some(caches) = self.caches.get() else { return };
        for component in caches.components.lookup(BY_APPLICATION, namespace, application) {
            self.builds_of(namespace, meta::name(&*component));
        }
    }

    /// Builds of everything that the group lists or listed, and of everything that the groups above it list: their
    /// Snapshots contain its candidates.
    fn builds_of_groups(&self, change: &Change<'_, ComponentGroup>) {
        let (Some(caches), Some(newest)) = (self.caches.get(), change.newest()) else { return };
        let namespace = meta::namespace(&**newest);
        let groups = change.before.into_iter().chain(change.after);
        let mut components: BTreeSet<String> = groups.flat_map(|group| referenced(group, false)).collect();
        let mut seen = BTreeSet::from([meta::name(&**newest).to_owned()]);
        let mut next = vec![meta::name(&**newest).to_owned()];
        while let Some(name) = next.pop() {
            for above in caches.groups.lookup(BY_NESTED, namespace, &name) {
                if seen.insert(meta::name(&*above).to_owned()) {
                    components.extend(referenced(&above, false));
                    next.push(meta::name(&*above).to_owned());
                }
            }
        }
        for component in components {
            self.builds_of(namespace, &component);
        }
    }

    fn build_of_snapshot(&self, snapshot: &Snapshot) {
        let Some(caches) = self.caches.get() else { return };
        let Some(label) = meta::label(snapshot, keys::BUILD_PIPELINE_RUN) else { return };
        // A name that is no label value stands in the annotation of the same key (API-B24).
        let name =
            meta::annotation(snapshot, keys::BUILD_PIPELINE_RUN).filter(|name| names::label_value(name) == label);
        if let Some(run) = caches.builds.get(meta::namespace(snapshot), name.unwrap_or(label)) {
            self.wake(&run);
        }
    }

    fn wake(&self, run: &PipelineRun) {
        if revivable(run, self.context.now()) {
            self.queue.wake(ObjectKey::of(run));
        }
    }
}
