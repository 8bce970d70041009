//! What is watched, with which selector and indexes, and whom a change wakes (SC-B25, SC-B37).
//!
//! A wake-up only says "look at this build": a lost or doubled one changes nothing.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use integration_api::scenario::ResolverRef;
use integration_api::{Application, Component, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot, keys};
use integration_core::owner::Owner;
use integration_core::{build, names};
use integration_runtime::{Change, Context, ObjectKey, Queue, SettingsError, Setup, Watch};
use kube::Resource;

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
    let wake = Waker { queue: queue.clone(), context: context.clone(), caches: Arc::default() };
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
    let desk = Desk::between(&queue, &reports, &reporter);
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

fn builds(wake: Waker) -> Watch<PipelineRun> {
    Watch::<PipelineRun>::new()
        .labels(&format!("{}={}", keys::PIPELINE_TYPE, keys::PIPELINE_BUILD))
        .trim(|run| run.status.child_references = Vec::new())
        .index(BY_COMPONENT, |run| build::component(run).map(str::to_owned).into_iter().collect())
        .index(BY_PR_GROUP, |run| observe::group_hash(run).into_iter().collect())
        .index(BY_PULL_REQUEST, |run| observe::request_of(run).into_iter().collect())
        .on_change(move |change| {
            if let Some(run) = change.newest() {
                wake.queue.wake(ObjectKey::of(&**run));
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
            self.queue.wake(ObjectKey::of(&*other));
        }
    }

    /// The running builds that a Snapshot of their pull request may be older than (SC-B4).
    fn running_builds_of_request(&self, snapshot: &Snapshot) {
        let Some(caches) = self.caches.get() else { return };
        let Some(value) = observe::request_of_snapshot(snapshot) else { return };
        for run in caches.builds.lookup(BY_PULL_REQUEST, meta::namespace(snapshot), &value) {
            if !run.finished() {
                self.queue.wake(ObjectKey::of(&*run));
            }
        }
    }

    fn wake(&self, run: &PipelineRun) {
        if revivable(run, self.context.now()) {
            self.queue.wake(ObjectKey::of(run));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn group(components: &Value) -> ComponentGroup {
        serde_json::from_value(json!({
            "apiVersion": "appstudio.redhat.com/v1beta2",
            "kind": "ComponentGroup",
            "metadata": {"name": "g", "namespace": "team", "uid": "g"},
            "spec": {"components": components},
        }))
        .unwrap()
    }

    fn member(name: &str, version: &str) -> Value {
        json!({"name": name, "componentVersion": {"name": version}})
    }

    // SC-26; 02 E-8, E-9
    #[test]
    fn sc_26_a_group_owns_the_components_it_lists_in_that_version() {
        let listed = members(&group(&json!([
            member("c1", "v1"),
            {"name": "c1", "kind": "Component", "componentVersion": {"name": "v2"}},
            {"name": "c2", "kind": "ComponentGroup", "componentVersion": {"name": "v1"}},
        ])));
        assert_eq!(listed, [observe::member("c1", "v1"), observe::member("c1", "v2")]);
        assert!(!listed.contains(&observe::member("c1", "V1")), "versions are compared exactly");
    }

    fn wakes(before: Option<&Value>, after: Option<&Value>) -> bool {
        let (before, after) = (before.map(|list| Arc::new(group(list))), after.map(|list| Arc::new(group(list))));
        changed(&Change { before: before.as_ref(), after: after.as_ref() }, |a: &ComponentGroup, b| {
            a.spec.components == b.spec.components
        })
    }

    // SC-B37: appearing, vanishing and a new spec wake builds; a new status does not.
    #[test]
    fn sc_b37_only_what_may_bring_a_snapshot_wakes_builds() {
        let (one, two) = (json!([member("c1", "v1")]), json!([member("c1", "v2")]));
        assert!(wakes(None, Some(&one)) && wakes(Some(&one), None) && wakes(Some(&one), Some(&two)));
        assert!(!wakes(Some(&one), Some(&one)));
        let before = Arc::new(group(&one));
        let mut replaced = group(&one);
        replaced.metadata.uid = Some("other".to_owned());
        let mut terminating = group(&one);
        terminating.metadata.deletion_timestamp = serde_json::from_value(json!("2025-01-01T00:00:00Z")).unwrap();
        for after in [replaced, terminating] {
            let after = Arc::new(after);
            assert!(changed(&Change { before: Some(&before), after: Some(&after) }, |_: &ComponentGroup, _| true));
        }
    }

    // SC-B37: nested groups decide whom a change concerns beside the members.
    #[test]
    fn sc_b37_members_and_nested_groups_are_told_apart() {
        let group = group(&json!([member("c1", "v1"), {"name": "nested", "kind": "componentGroup"}]));
        assert_eq!((referenced(&group, false), referenced(&group, true)), (vec!["c1".into()], vec!["nested".into()]));
    }

    fn snapshot(label: &str, annotation: Option<&str>) -> Snapshot {
        let annotations = annotation.map(|name| {
            json!({keys::BUILD_PIPELINE_RUN: name, "foo": "bar", keys::TEST_STATUS: "[]",
            format!("{}image-url", keys::RESULT_PREFIX): "quay.io/o/i"})
        });
        serde_json::from_value(json!({
            "metadata": {"name": "s", "labels": {keys::BUILD_PIPELINE_RUN: label}, "annotations": annotations},
        }))
        .unwrap()
    }

    // SC-B16, SC-B37, API-B24
    #[test]
    fn sc_b16_a_snapshot_wakes_its_build_also_when_the_name_is_no_label_value() {
        let long = "b".repeat(70);
        assert_eq!(build_of(&snapshot("b1", None)), Some("b1"));
        assert_eq!(build_of(&snapshot(&names::label_value(&long), Some(&long))), Some(long.as_str()));
        assert_eq!(build_of(&snapshot("b1", Some("another"))), Some("b1"), "the label decides");
        assert_eq!(build_of(&Snapshot::default()), None);
    }

    // SC-B25: trimmed objects; whose Snapshot it is and which results it carries stays.
    #[test]
    fn sc_b25_a_snapshot_is_kept_without_what_is_not_read() {
        let mut kept = snapshot("b1", Some("b1"));
        trim_snapshot(&mut kept);
        let result = format!("{}image-url", keys::RESULT_PREFIX);
        let expected = [(keys::BUILD_PIPELINE_RUN.to_owned(), "b1".to_owned()), (result, String::new())];
        assert_eq!(kept.metadata.annotations, Some(expected.into()));
        assert_eq!(meta::label(&kept, keys::BUILD_PIPELINE_RUN), Some("b1"));
    }
}
