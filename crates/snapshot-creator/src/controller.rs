//! What is watched, with which selector and indexes, and whom a change wakes (SC-B25, SC-B37).
//!
//! A wake-up only says "look at this build": a lost or doubled one changes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use integration_api::scenario::ResolverRef;
use integration_api::{Application, Component, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot, keys};
use integration_core::owner::Owner;
use integration_core::{build, names};
#[cfg(test)]
use integration_runtime::Store;
use integration_runtime::{Change, ObjectKey, Queue, SettingsError, Setup, Watch};
use jiff::Timestamp;
use kube::Resource;

use crate::Wake;
use crate::act::Act;
use crate::decide::{meta, revivable};
use crate::metrics::Metrics;
use crate::observe::{
    self, BY_APPLICATION, BY_BUILD, BY_COMPONENT, BY_LISTED_COMPONENT, BY_MEMBER, BY_NESTED, BY_OWNER, BY_PR_GROUP,
    BY_PULL_REQUEST, Caches, Versions,
};
use crate::reconcile::Controller;
use crate::report::Reporter;
use crate::report::desk::Desk;
use crate::report::queue;

/// Registers the watches, the queue of builds and the queue of reports. `console` is the first part of the names of
/// checks.
pub(crate) fn register<R: Reporter>(setup: &mut Setup, reporter: R, console: String) -> Result<(), SettingsError> {
    let context = setup.context();
    let metrics = Metrics::register(context.registry()).map_err(|error| SettingsError(error.to_string()))?;
    let (queue, reports) = (setup.queue("builds"), setup.queue("reports"));
    let (wakes_build, wakes_reports) = (waking(&queue), waking(&reports));
    let clock = context.clone();
    let wake = Waker::new(Arc::clone(&wakes_build), move || clock.now());
    let caches = Caches {
        builds: setup.watch(builds(wake.clone())),
        components: setup.watch(components(wake.clone())),
        applications: setup.watch(applications(wake.clone())),
        groups: setup.watch(groups(wake.clone())),
        snapshots: setup.watch(snapshots(wake.clone())),
        scenarios: setup.watch(scenarios()),
        versions: Versions::default(),
    };
    // Set once: watches start only after this function returned.
    wake.caches.get_or_init(|| caches.clone());
    let every_build = caches.builds.clone();
    // The keys are asked for first when this replica begins to lead.
    let took_over = Arc::new(OnceLock::new());
    let desk = Desk::between(wakes_build, wakes_reports, &reporter);
    let (clock, fence) = (context.clone(), context.clone());
    let reporting = queue::Queue {
        reporter,
        desk: desk.clone(),
        caches: caches.clone(),
        metrics: metrics.clone(),
        console,
        now: Box::new(move || clock.now()),
        leads: Box::new(move || fence.may_write()),
    };
    let act = Act { context: context.clone(), caches, metrics };
    let controller = Controller::new(act, desk.clone(), Arc::clone(&took_over));
    setup.serve(&reports, reporting, move || desk.keys());
    setup.serve(&queue, controller, move || {
        took_over.get_or_init(|| context.now());
        every_build.keys()
    });
    Ok(())
}

fn waking(queue: &Queue) -> Wake {
    let queue = queue.clone();
    Arc::new(move |key| queue.wake(key))
}

#[cfg(test)]
impl Caches {
    /// Caches that know what a test tells them, and wake builds as those of a running program do.
    pub(crate) fn told(wake: Wake, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let wake = Waker::new(wake, now);
        let caches = Self {
            builds: Store::new(builds(wake.clone())),
            components: Store::new(components(wake.clone())),
            applications: Store::new(applications(wake.clone())),
            groups: Store::new(groups(wake.clone())),
            snapshots: Store::new(snapshots(wake.clone())),
            scenarios: Store::new(scenarios()),
            versions: Versions::default(),
        };
        wake.caches.get_or_init(|| caches.clone());
        caches
    }
}

fn builds(wake: Waker) -> Watch<PipelineRun> {
    Watch::<PipelineRun>::new()
        .labels(&format!("{}={}", keys::PIPELINE_TYPE, keys::PIPELINE_BUILD))
        .trim(|run| run.status.child_references = Vec::new())
        .index(BY_COMPONENT, |run| build::component(run).map(str::to_owned).into_iter().collect())
        .index(BY_PR_GROUP, |run| observe::group_hash(run).into_iter().collect())
        .index(BY_PULL_REQUEST, |run| observe::request_of(run).into_iter().collect())
        .on_change(move |change| {
            if let Some(run) = change.newest() {
                (wake.wake)(ObjectKey::of(&**run));
                // A build that had ended when it was first seen is news to nobody: the others are looked at anyway.
                let news = change.before.is_some() || !run.finished();
                if news && changed(&change, |before, after| stage(before) == stage(after)) {
                    wake.running_builds_around(run);
                }
            }
        })
}

/// What other builds of the same PR group or pull request look at.
fn stage(run: &PipelineRun) -> (bool, bool, bool) {
    (run.finished(), build::settled(run), meta::annotation(run, keys::PR_STATUS).is_some())
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
        .index(BY_MEMBER, members)
        .index(BY_LISTED_COMPONENT, |group| referenced(group, false))
        .index(BY_NESTED, |group| referenced(group, true))
        .on_change(move |change| {
            if changed(&change, |before, after| before.spec.components == after.spec.components) {
                wake.builds_of_groups(&change);
            }
        })
}

fn snapshots(wake: Waker) -> Watch<Snapshot> {
    let group = |snapshot: &Snapshot| meta::label(snapshot, keys::PR_GROUP_HASH).map(str::to_owned);
    Watch::<Snapshot>::new()
        .trim(trim_snapshot)
        .index(BY_BUILD, |snapshot| {
            meta::label(snapshot, keys::BUILD_PIPELINE_RUN).map(str::to_owned).into_iter().collect()
        })
        .index(BY_PR_GROUP, move |snapshot| group(snapshot).into_iter().collect())
        .index(BY_PULL_REQUEST, |snapshot| observe::request_of_snapshot(snapshot).into_iter().collect())
        .on_change(move |change| {
            // Content is not looked at: only that there is one, or none any more.
            if changed(&change, |_, _| true)
                && let Some(snapshot) = change.newest()
            {
                wake.build_of_snapshot(snapshot);
                wake.running_builds_of_request(snapshot);
            }
        })
}

fn scenarios() -> Watch<IntegrationTestScenario> {
    Watch::<IntegrationTestScenario>::new()
        .trim(|scenario| {
            scenario.spec.resolver_ref = ResolverRef::default();
            scenario.spec.params = Vec::new();
            scenario.metadata.annotations = None;
            scenario.status = None;
        })
        .index(BY_OWNER, |scenario| Owner::of_scenario(scenario).map(|owner| owner.to_string()).into_iter().collect())
}

/// Annotations of a Snapshot that are looked at when it belongs to a pull request or a PR group.
const PULL_REQUEST_ANNOTATIONS: &[&str] = &[
    keys::BUILD_START_TIME,
    keys::CHILD_SNAPSHOT,
    keys::CREATE_GROUP_SNAPSHOT_STATUS,
    keys::GIT_PROVIDER,
    keys::IGNORE_SUPERSESSION,
    keys::INSTALLATION_ID,
    keys::INTEGRATION_WORKFLOW,
    keys::PR_STATUS,
    keys::PULL_REQUEST,
    keys::REPO_URL,
    keys::SHA,
    keys::SOURCE_BRANCH,
    keys::VERSION,
];

/// Test results alone can take 160 KiB of a Snapshot's annotations; of results of the build only the keys are looked at.
fn trim_snapshot(snapshot: &mut Snapshot) {
    let shared = [keys::PULL_REQUEST, keys::PR_GROUP_HASH].iter().any(|key| meta::label(snapshot, key).is_some());
    if !shared {
        snapshot.status.conditions = Vec::new();
    }
    if let Some(annotations) = &mut snapshot.metadata.annotations {
        annotations.retain(|key, value| {
            if key.starts_with(keys::RESULT_PREFIX) {
                value.clear();
                return true;
            }
            key == keys::BUILD_PIPELINE_RUN
                || key == keys::BUILD_PIPELINE_RUN_UID
                || shared && PULL_REQUEST_ANNOTATIONS.contains(&key.as_str())
        });
    }
}

/// What a group lists, as it is looked up: nested groups are no members (SC-26).
fn members(group: &ComponentGroup) -> Vec<String> {
    let members = group.spec.components.iter().filter(|reference| !reference.is_group());
    members.map(|reference| observe::member(&reference.name, reference.version_name())).collect()
}

/// Name of the build a Snapshot was made for. A name that is no label value stands in the annotation of the same key
/// (API-B24).
fn build_of(snapshot: &Snapshot) -> Option<&str> {
    let label = meta::label(snapshot, keys::BUILD_PIPELINE_RUN)?;
    let whole = meta::annotation(snapshot, keys::BUILD_PIPELINE_RUN);
    Some(whole.filter(|name| names::label_value(name) == label).unwrap_or(label))
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
    wake: Wake,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Known when all of them are made.
    caches: Arc<OnceLock<Caches>>,
}

impl Waker {
    fn new(wake: Wake, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { wake, now: Arc::new(now), caches: Arc::default() }
    }

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
        let Some(name) = build_of(snapshot) else { return };
        if let Some(run) = caches.builds.get(meta::namespace(snapshot), name) {
            self.wake(&run);
        }
    }

    /// Running builds of the same PR group or pull request: the build is news to them, or no rival any more.
    fn running_builds_around(&self, run: &PipelineRun) {
        let Some(caches) = self.caches.get() else { return };
        let namespace = meta::namespace(run);
        let group = observe::group_hash(run).map(|hash| caches.builds.lookup(BY_PR_GROUP, namespace, &hash));
        let request = observe::request_of(run).map(|value| caches.builds.lookup(BY_PULL_REQUEST, namespace, &value));
        for other in group.into_iter().chain(request).flatten().filter(|other| !other.finished()) {
            (self.wake)(ObjectKey::of(&*other));
        }
    }

    /// The running builds that a Snapshot of their pull request may be older than (SC-B4).
    fn running_builds_of_request(&self, snapshot: &Snapshot) {
        let Some(caches) = self.caches.get() else { return };
        let Some(value) = observe::request_of_snapshot(snapshot) else { return };
        for run in caches.builds.lookup(BY_PULL_REQUEST, meta::namespace(snapshot), &value) {
            if !run.finished() {
                (self.wake)(ObjectKey::of(&*run));
            }
        }
    }

    fn wake(&self, run: &PipelineRun) {
        if revivable(run, (self.now)()) {
            (self.wake)(ObjectKey::of(run));
        }
    }
}

#[cfg(test)]
mod tests;
