//! The caches, and the [`World`] around one build as they know it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use integration_api::{Application, Component, ComponentGroup, PipelineRun, Snapshot, keys};
use integration_core::{build, names};
use integration_runtime::{ApiError, Context, ObjectKey, Store};
use jiff::Timestamp;

use crate::decide::{Attempt, Lookup, Question, World, meta};

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
    /// Snapshots of builds.
    pub snapshots: Store<Snapshot>,
}

/// What one reconcile has learnt beside the caches.
#[derive(Default)]
pub(crate) struct Learnt {
    /// When this replica began to work.
    pub took_over: Option<Timestamp>,
    /// Objects that a live read did not find.
    pub gone: BTreeSet<Gone>,
    /// The Component, also when it vanished during this reconcile (E-54).
    pub component: Option<Arc<Component>>,
    /// Whether the Snapshots of the build were listed live.
    pub listed: bool,
    /// What was tried, by owner name.
    pub attempts: BTreeMap<String, Attempt>,
}

/// Kind and name of an object that does not exist.
pub(crate) type Gone = (&'static str, String);

/// Index value of a Component in a version.
pub(crate) fn member(component: &str, version: &str) -> String {
    format!("{component}/{version}")
}

/// The world around a build. Reads caches only.
pub(crate) fn observe(caches: &Caches, key: &ObjectKey, learnt: &mut Learnt) -> World {
    let namespace = &*key.namespace;
    let Some(run) = caches.builds.get(namespace, &key.name) else { return World::default() };
    let mut world = World {
        took_over: learnt.took_over,
        listed: learnt.listed,
        attempts: learnt.attempts.clone(),
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
    world.snapshots = caches.snapshots.lookup(BY_BUILD, namespace, &names::label_value(&key.name));
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
    };
    learnt.gone.extend(missing);
    Ok(())
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

fn known<T>(cached: Option<Arc<T>>, kind: &'static str, name: &str, learnt: &Learnt) -> Lookup<T> {
    match cached {
        None if learnt.gone.contains(&(kind, name.to_owned())) => Lookup::Gone,
        cached => cached.into(),
    }
}
