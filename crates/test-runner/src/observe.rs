//! Gathers the [`World`] of a Snapshot: caches first, the API server only for what the decision asks for.

use std::sync::Arc;

use integration_api::{
    Application, ComponentGroup, IntegrationTestScenario, PipelineRun, Release, ReleasePlan, Snapshot, keys, meta,
};
use integration_core::names;
use integration_core::owner::{Owner, OwnerKind};
use integration_runtime::{ApiError, Context, ObjectKey, Store};
use kube::Resource;
use serde_json::Value;

use crate::decide::{releases, settled};
use crate::pipeline_run::controlled_by;
use crate::tries::Tries;
use crate::world::{Answer, Facts, OwnerObject, Policy, Question, Sibling, World};

/// Index of scenarios and ReleasePlans, value [`owner_value`].
pub const BY_OWNER: &str = "by_owner";
/// Index of Snapshots that a change of their owner or its scenarios may matter to, value [`owner_value`].
pub const UNSETTLED_BY_OWNER: &str = "unsettled_by_owner";
/// Index of Snapshots that are promotable and not released, value [`owner_value`].
pub const RELEASABLE_BY_OWNER: &str = "releasable_by_owner";
/// Index of component Snapshots, value [`line_value`].
pub const BY_LINE: &str = "by_line";
/// Index of component Snapshots that are promotable and not released, value [`line_value`].
pub const RELEASABLE_BY_LINE: &str = "releasable_by_line";
/// Index of test PipelineRuns and Releases, value = name of the Snapshot (label value for PipelineRuns).
pub const BY_SNAPSHOT: &str = "by_snapshot";

/// The caches.
#[derive(Clone)]
pub struct Stores {
    /// Snapshots.
    pub snapshots: Store<Snapshot>,
    /// Test PipelineRuns.
    pub runs: Store<PipelineRun>,
    /// Scenarios.
    pub scenarios: Store<IntegrationTestScenario>,
    /// ReleasePlans.
    pub plans: Store<ReleasePlan>,
    /// Releases.
    pub releases: Store<Release>,
    /// Applications.
    pub applications: Store<Application>,
    /// ComponentGroups.
    pub groups: Store<ComponentGroup>,
}

/// Index value of an owner.
pub fn owner_value(owner: &Owner) -> String {
    format!("{}/{}", owner.kind, owner.name)
}

/// Index value of the Snapshots that may supersede each other; `None` for a Snapshot without owner or component.
/// Origin, version and class are compared in memory ([`releases::is_newer`]).
pub fn line_value(snapshot: &Snapshot) -> Option<String> {
    let owner = Owner::of_snapshot(&snapshot.spec)?;
    let component = snapshot.metadata.labels.as_ref()?.get(keys::COMPONENT)?;
    Some(format!("{}/{component}", owner_value(&owner)))
}

impl Stores {
    /// The world around a Snapshot, from caches alone; `None` when there is no such Snapshot.
    pub fn observe(&self, key: &ObjectKey, facts: &Facts, tries: &Tries, policy: Policy) -> Option<World> {
        let namespace = &*key.namespace;
        let snapshot = self.snapshots.get(namespace, &key.name)?;
        let mut world = World { facts: facts.clone(), tries: tries.clone(), policy, ..World::default() };
        if let Some(owner) = Owner::of_snapshot(&snapshot.spec) {
            let value = owner_value(&owner);
            match owner.kind {
                OwnerKind::Application => {
                    world.owner = self.applications.get(namespace, &owner.name).map(|object| owner_object(&*object));
                }
                OwnerKind::ComponentGroup => {
                    world.group = self.groups.get(namespace, &owner.name);
                    world.owner = world.group.as_deref().map(owner_object);
                }
            }
            world.scenarios = self.scenarios.lookup(BY_OWNER, namespace, &value);
            world.plans = self.plans.lookup(BY_OWNER, namespace, &value);
        }
        world.runs = self.runs.lookup(BY_SNAPSHOT, namespace, &names::label_value(&key.name));
        world.runs.retain(|run| controlled_by(run, &snapshot));
        world.releases = self.releases.lookup(BY_SNAPSHOT, namespace, &key.name);
        if settled::releasable(&snapshot) {
            world.line = self.newer(namespace, &snapshot);
        }
        world.snapshot = snapshot;
        Some(world)
    }

    fn newer(&self, namespace: &str, snapshot: &Snapshot) -> Vec<Sibling> {
        let Some(line) = line_value(snapshot) else { return Vec::new() };
        let candidates = self.snapshots.lookup(BY_LINE, namespace, &line).into_iter();
        candidates
            .filter(|other| releases::is_newer(snapshot, other))
            .map(|other| Sibling {
                releases: self.releases.lookup(BY_SNAPSHOT, namespace, meta::name(&*other)),
                snapshot: other,
            })
            .collect()
    }

    /// Asks the API server. The answer goes into the cache too.
    pub async fn answer(&self, context: &Context, world: &World, question: &Question) -> Result<Answer, ApiError> {
        let namespace = world.snapshot.metadata.namespace.as_deref().unwrap_or_default();
        match question {
            Question::Owner => match Owner::of_snapshot(&world.snapshot.spec) {
                Some(Owner { kind: OwnerKind::Application, name }) => {
                    exists(context.get(&self.applications, namespace, &name).await)
                }
                Some(Owner { kind: OwnerKind::ComponentGroup, name }) => {
                    exists(context.get(&self.groups, namespace, &name).await)
                }
                None => Ok(Answer::Exists(false)),
            },
            Question::Scenarios => {
                for scenario in context.list::<IntegrationTestScenario>(namespace, "").await? {
                    self.scenarios.observe(scenario);
                }
                Ok(Answer::Listed)
            }
            Question::Run(name) => exists(context.get(&self.runs, namespace, name).await),
            Question::Release(name) => exists(context.get(&self.releases, namespace, name).await),
            Question::Version(name) => {
                let live = context.get_raw::<Snapshot>(namespace, name).await?;
                Ok(Answer::Version(live.and_then(|live| only_version(&live))))
            }
        }
    }
}

fn exists<K>(answer: Result<Option<Arc<K>>, ApiError>) -> Result<Answer, ApiError> {
    answer.map(|object| Answer::Exists(object.is_some()))
}

/// Version of the only image of the Snapshot's component (M2); `None` when there are none or several.
fn only_version(snapshot: &Value) -> Option<String> {
    let component = snapshot.pointer("/metadata/labels")?.get(keys::COMPONENT)?;
    let images = snapshot.pointer("/spec/components")?.as_array()?;
    let mut images = images.iter().filter(|image| image.get("name") == Some(component));
    let image = images.next()?;
    let version = image.get("version").and_then(Value::as_str).unwrap_or_default();
    images.next().is_none().then(|| version.to_owned())
}

fn owner_object<K: Resource>(object: &K) -> OwnerObject {
    OwnerObject { uid: object.meta().uid.clone().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn m2_the_version_is_that_of_the_only_image_of_the_component() {
        let version = |images: Value| {
            let labels = json!({ "appstudio.openshift.io/component": "c1" });
            only_version(&json!({ "metadata": { "labels": labels }, "spec": { "components": images } }))
        };
        assert_eq!(
            version(json!([{ "name": "c1", "version": "v1" }, { "name": "c2", "version": "v2" }])),
            Some("v1".into())
        );
        assert_eq!(version(json!([{ "name": "c1" }])), Some(String::new()));
        assert_eq!(version(json!([{ "name": "c1", "version": "v1" }, { "name": "c1", "version": "v2" }])), None);
        assert_eq!(version(json!([])), None);
    }

    #[test]
    fn m4_a_line_is_owner_and_component() {
        let snapshot = |spec: Value, labels: Value| {
            line_value(&serde_json::from_value(json!({ "metadata": { "labels": labels }, "spec": spec })).unwrap())
        };
        let labels = json!({ "appstudio.openshift.io/component": "c1" });
        let of_application = snapshot(json!({ "application": "x" }), labels.clone());
        assert!(of_application.is_some());
        assert_ne!(of_application, snapshot(json!({ "componentGroup": "x" }), labels));
        assert_eq!(snapshot(json!({ "application": "x" }), json!({})), None);
    }
}
