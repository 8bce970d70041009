//! The caches, and the [`World`] around one build as they know it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use integration_api::{Application, Component, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot, keys};
use integration_core::owner::Owner;
use integration_core::{build, names, pr_group};
use integration_runtime::{ApiError, Context, ObjectKey, Store};
use jiff::Timestamp;
use serde_json::Value;

use crate::decide::{Attempt, Lookup, PrGroup, PullRequest, Question, Tried, World, meta, notify, related, report};

/// Index of builds by Component.
pub(crate) const BY_COMPONENT: &str = "by_component";
/// Index of Components by Application.
pub(crate) const BY_APPLICATION: &str = "by_application";
/// Index of ComponentGroups by member, see [`member`].
pub(crate) const BY_MEMBER: &str = "by_member";
/// Index of ComponentGroups by the Components they list.
pub(crate) const BY_LISTED_COMPONENT: &str = "by_listed_component";
/// Index of ComponentGroups by the ComponentGroups nested directly below them.
pub(crate) const BY_NESTED: &str = "by_nested";
/// Index of Snapshots by the build their label names.
pub(crate) const BY_BUILD: &str = "by_build";
/// Index of builds and of Snapshots by the hash of their PR group.
pub(crate) const BY_PR_GROUP: &str = "by_pr_group";
/// Index of builds and of Snapshots by Component and pull request number, see [`request`].
pub(crate) const BY_PULL_REQUEST: &str = "by_pull_request";

/// Index of scenarios by owner, as `Application shop`.
pub(crate) const BY_OWNER: &str = "by_owner";

/// The newest known objects of every kind.
#[derive(Clone)]
pub(crate) struct Caches {
    /// Build PipelineRuns.
    pub builds: Store<PipelineRun>,
    /// Components.
    pub components: Store<Component>,
    /// Applications.
    pub applications: Store<Application>,
    /// ComponentGroups.
    pub groups: Store<ComponentGroup>,
    /// Snapshots.
    pub snapshots: Store<Snapshot>,
    /// Tests.
    pub scenarios: Store<IntegrationTestScenario>,
    /// What live reads told.
    pub versions: Versions,
}

/// Versions of the built component in Snapshots that do not name theirs, by uid of the Snapshot.
#[derive(Clone, Default)]
pub(crate) struct Versions(Arc<Mutex<HashMap<String, Vec<String>>>>);

impl Versions {
    /// Snapshots remembered: those that the reference made for open pull requests. Forgetting costs a read.
    const MOST: usize = 4096;

    fn learn(&self, uid: &str, versions: Vec<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::MOST {
            known.clear();
        }
        known.insert(uid.to_owned(), versions);
    }

    fn of(&self, snapshot: &Snapshot) -> Option<Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(meta::uid(snapshot)).cloned()
    }
}

/// What one reconcile has learnt beside the caches.
#[derive(Default)]
pub(crate) struct Learnt {
    /// The time.
    pub now: Option<Timestamp>,
    /// When this replica began to work.
    pub took_over: Option<Timestamp>,
    /// Whether no git provider can be reported to.
    pub unreported: bool,
    /// Objects that a live read did not find.
    pub gone: BTreeSet<Gone>,
    /// The Component, also when it vanished during this reconcile (E-54).
    pub component: Option<Arc<Component>>,
    /// Whether the Snapshots of the build were listed live.
    pub listed: bool,
    /// What was tried, by owner name.
    pub attempts: BTreeMap<String, Attempt>,
    /// What was done to other objects.
    pub related: Tried,
}

/// Kind and name of an object that does not exist.
pub(crate) type Gone = (&'static str, String);

/// Index value of a Component in a version.
pub(crate) fn member(component: &str, version: &str) -> String {
    format!("{component}/{version}")
}

/// Index value of a pull request of a Component.
pub(crate) fn request(component: &str, number: &str) -> String {
    format!("{component}/{number}")
}

/// Hash of the PR group of a build, computed: what its label says may come from the pull request (API-B1).
pub(crate) fn group_hash(run: &PipelineRun) -> Option<String> {
    related::pr_group(run).map(|group| pr_group::hash(&group))
}

/// [`request`] of a build.
pub(crate) fn request_of(run: &PipelineRun) -> Option<String> {
    Some(request(&names::label_value(build::component(run)?), related::number(run)?))
}

/// [`request`] of a Snapshot.
pub(crate) fn request_of_snapshot(snapshot: &Snapshot) -> Option<String> {
    let number = meta::label(snapshot, keys::PULL_REQUEST).filter(|number| !number.is_empty())?;
    Some(request(meta::label(snapshot, keys::COMPONENT)?, number))
}

/// The world around the build of that name. Reads caches only.
pub(crate) fn observe(caches: &Caches, key: &ObjectKey, learnt: &mut Learnt) -> World {
    match caches.builds.get(&key.namespace, &key.name) {
        Some(run) => of(caches, run, learnt),
        None => World::default(),
    }
}

/// The world around a build, which may be gone.
pub(crate) fn of(caches: &Caches, run: Arc<PipelineRun>, learnt: &mut Learnt) -> World {
    let namespace = meta::namespace(&*run);
    let mut world = World {
        took_over: learnt.took_over,
        listed: learnt.listed,
        attempts: learnt.attempts.clone(),
        related: learnt.related.clone(),
        ..World::default()
    };
    if let Some(name) = build::component(&run) {
        let vanished = learnt.component.take().filter(|component| meta::name(&**component) == name);
        learnt.component = caches.components.get(namespace, name).or(vanished);
        world.component = known(learnt.component.clone(), "component", name, learnt);
        let version = build::version(&run);
        match world.component.found().map(Arc::clone) {
            Some(component) if version.is_empty() => {
                application_model(caches, namespace, &component, learnt, &mut world);
            }
            Some(_) => group_model(caches, namespace, name, version, learnt, &mut world),
            None => {}
        }
    }
    around(caches, namespace, &run, learnt, &mut world);
    world.snapshots = caches.snapshots.lookup(BY_BUILD, namespace, &names::label_value(meta::name(&*run)));
    if related::pr_group(&run).is_some() && report::possible(&run) {
        world.reports.scenarios = scenarios(caches, namespace, &world);
    }
    world.build = Some(run);
    world
}

/// Finds out what the caches cannot tell. The answer of the API server is in the caches, or in `learnt`, afterwards.
pub(crate) async fn ask(
    context: &Context,
    caches: &Caches,
    key: &ObjectKey,
    question: Question,
    learnt: &mut Learnt,
) -> Result<(), ApiError> {
    let namespace = &*key.namespace;
    let missing = match question {
        Question::Component(name) => {
            context.get(&caches.components, namespace, &name).await?.is_none().then_some(("component", name))
        }
        Question::Application(name) => {
            context.get(&caches.applications, namespace, &name).await?.is_none().then_some(("application", name))
        }
        Question::ComponentGroup(name) => {
            context.get(&caches.groups, namespace, &name).await?.is_none().then_some(("group", name))
        }
        Question::SnapshotsOfBuild => {
            let selector = format!("{}={}", keys::BUILD_PIPELINE_RUN, names::label_value(&key.name));
            for snapshot in context.list::<Snapshot>(namespace, &selector).await? {
                caches.snapshots.observe(snapshot);
            }
            learnt.listed = true;
            None
        }
        Question::VersionsOf(name) => {
            let live = context.get_raw::<Snapshot>(namespace, &name).await?;
            if let Some(cached) = caches.snapshots.get(namespace, &name) {
                caches.versions.learn(meta::uid(&*cached), live.as_ref().map(versions).unwrap_or_default());
            }
            None
        }
    };
    learnt.gone.extend(missing);
    Ok(())
}

/// The PR group and the pull request, as far as they matter for the build.
fn around(caches: &Caches, namespace: &str, run: &PipelineRun, learnt: &Learnt, world: &mut World) {
    let others = |index, value: &str| {
        let mut builds = caches.builds.lookup(index, namespace, value);
        builds.retain(|other| other.metadata.uid != run.metadata.uid);
        builds
    };
    // A group may have hundreds of members, each of which is woken by each other one.
    let to_tell = notify::open(run, learnt.now.unwrap_or(Timestamp::UNIX_EPOCH));
    let to_report = report::possible(run) && (!learnt.unreported || run.finished());
    if let Some(hash) = group_hash(run).filter(|_| to_tell || to_report) {
        world.group = PrGroup {
            builds: others(BY_PR_GROUP, &hash),
            snapshots: caches.snapshots.lookup(BY_PR_GROUP, namespace, &hash),
        };
    }
    if let Some(value) = request_of(run) {
        let snapshots = caches.snapshots.lookup(BY_PULL_REQUEST, namespace, &value);
        let versions = snapshots
            .iter()
            .filter_map(|snapshot| Some((meta::name(&**snapshot).to_owned(), caches.versions.of(snapshot)?)))
            .collect();
        world.pull_request = PullRequest { builds: others(BY_PULL_REQUEST, &value), snapshots, versions };
    }
}

fn application_model(caches: &Caches, namespace: &str, component: &Component, learnt: &Learnt, world: &mut World) {
    let name = component.spec.application.as_str();
    world.application = known(caches.applications.get(namespace, name), "application", name, learnt);
    world.siblings = caches.components.lookup(BY_APPLICATION, namespace, name);
}

fn group_model(caches: &Caches, namespace: &str, component: &str, version: &str, learnt: &Learnt, world: &mut World) {
    world.groups = caches.groups.lookup(BY_MEMBER, namespace, &member(component, version));
    if world.groups.is_empty() {
        world.listed_versions = listed_versions(caches, namespace, component);
        return;
    }
    let mut components = BTreeSet::new();
    let mut next: Vec<Arc<ComponentGroup>> = world.groups.clone();
    while let Some(group) = next.pop() {
        for reference in &group.spec.components {
            if !reference.is_group() {
                components.insert(reference.name.clone());
            } else if !world.nested.contains_key(&reference.name) {
                let nested = known(caches.groups.get(namespace, &reference.name), "group", &reference.name, learnt);
                next.extend(nested.found().cloned());
                world.nested.insert(reference.name.clone(), nested);
            }
        }
    }
    world.siblings = components.iter().filter_map(|name| caches.components.get(namespace, name)).collect();
}

/// Tests of the owners of the build.
fn scenarios(caches: &Caches, namespace: &str, world: &World) -> Vec<Arc<IntegrationTestScenario>> {
    let application = world.application.found().map(|application| Owner::application(meta::name(&**application)));
    let groups = world.groups.iter().map(|group| Owner::component_group(meta::name(&**group)));
    let owners = application.into_iter().chain(groups);
    owners.flat_map(|owner| caches.scenarios.lookup(BY_OWNER, namespace, &owner.to_string())).collect()
}

fn listed_versions(caches: &Caches, namespace: &str, component: &str) -> Vec<String> {
    let versions: BTreeSet<String> = caches
        .groups
        .lookup(BY_LISTED_COMPONENT, namespace, component)
        .iter()
        .flat_map(|group| group.spec.components.clone())
        .filter(|reference| !reference.is_group() && reference.name == component)
        .map(|reference| reference.version_name().to_owned())
        .collect();
    versions.into_iter().collect()
}

/// Versions in which a Snapshot contains the component it was made for; the label of a long name is no name.
fn versions(snapshot: &Value) -> Vec<String> {
    let component = snapshot.pointer("/metadata/labels").and_then(|labels| labels.get(keys::COMPONENT));
    let component = component.and_then(Value::as_str).unwrap_or_default();
    let components = snapshot.pointer("/spec/components").and_then(Value::as_array).into_iter().flatten();
    components
        .filter(|entry| {
            entry.get("name").and_then(Value::as_str).is_some_and(|name| names::label_value(name) == component)
        })
        .map(|entry| entry.get("version").and_then(Value::as_str).unwrap_or_default().to_owned())
        .collect()
}

fn known<T>(cached: Option<Arc<T>>, kind: &'static str, name: &str, learnt: &Learnt) -> Lookup<T> {
    match cached {
        None if learnt.gone.contains(&(kind, name.to_owned())) => Lookup::Gone,
        cached => cached.into(),
    }
}
