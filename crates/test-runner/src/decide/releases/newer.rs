//! The newer Snapshots of the same component that may make a release superfluous (TR-B11, M4).

use integration_api::{Snapshot, keys};
use integration_core::event::{self, SnapshotClass};
use integration_core::names;
use integration_core::owner::Owner;
use integration_core::snapshot::{self, Type};
use jiff::{SignedDuration, Timestamp};

use crate::decide::{scenarios, settled};
use crate::plan::Plan;
use crate::world::{Question, Sibling, World};

/// An unfinished newer Snapshot older than this is not waited for (M4).
const OPEN_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// Whether `other` supersedes `snapshot`: both component Snapshots of pushes with equal owner, origin, component and
/// version, `other` from another build that started strictly later, and not being deleted.
pub fn is_newer(snapshot: &Snapshot, other: &Snapshot) -> bool {
    let label =
        |snapshot: &Snapshot, key: &str| snapshot.metadata.labels.as_ref().and_then(|labels| labels.get(key)).cloned();
    let annotation = |snapshot: &Snapshot, key: &str| {
        snapshot.metadata.annotations.as_ref().and_then(|annotations| annotations.get(key)).cloned()
    };
    let comparable = !snapshot::ignore_supersession(snapshot)
        && label(snapshot, keys::COMPONENT).is_some_and(|component| !component.is_empty())
        && snapshot::build_start(snapshot).is_some();
    let same_build = label(snapshot, keys::BUILD_PIPELINE_RUN).is_some()
        && label(snapshot, keys::BUILD_PIPELINE_RUN) == label(other, keys::BUILD_PIPELINE_RUN)
        && annotation(snapshot, keys::BUILD_PIPELINE_RUN_UID) == annotation(other, keys::BUILD_PIPELINE_RUN_UID);
    let owner = Owner::of_snapshot(&snapshot.spec);
    comparable
        && snapshot.metadata.name != other.metadata.name
        && !same_build
        && owner.is_some()
        && owner == Owner::of_snapshot(&other.spec)
        && snapshot::type_of(other) == Type::Component
        && event::of_snapshot(other) == SnapshotClass::Push
        && other.metadata.deletion_timestamp.is_none()
        && label(snapshot, keys::COMPONENT) == label(other, keys::COMPONENT)
        && annotation(snapshot, keys::CHILD_COMPONENT_GROUP) == annotation(other, keys::CHILD_COMPONENT_GROUP)
        && same_version(snapshot::version(snapshot), snapshot::version(other))
        && snapshot::start_time(other) > snapshot::start_time(snapshot)
}

/// The reference does not write the version: an unknown one may be equal ([`Above::of`] finds out).
fn same_version(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || one == other
}

enum Version<'a> {
    /// Equal to any.
    Any,
    /// This one.
    Is(&'a str),
    /// A live read of the Snapshot of this name tells.
    Unknown(&'a str),
}

/// Version of a Snapshot (M2): its annotation; else, for Snapshots of the reference, that of its only image of the
/// component, which the cache does not hold. The Application model has no versions.
fn version<'a>(world: &'a World, snapshot: &'a Snapshot) -> Version<'a> {
    let recorded = snapshot::version(snapshot);
    if !recorded.is_empty() {
        return Version::Is(recorded);
    }
    if snapshot.spec.component_group.is_empty() {
        return Version::Any;
    }
    let name = snapshot.metadata.name.as_deref().unwrap_or_default();
    match world.facts.versions.get(name) {
        None => Version::Unknown(name),
        Some(None) => Version::Any,
        Some(Some(version)) => Version::Is(version),
    }
}

/// Everything above one Snapshot, newest first.
pub(super) struct Above<'a> {
    newer: Vec<&'a Sibling>,
    world: &'a World,
    /// Whether the versions of all that matter are known.
    known: bool,
}

impl<'a> Above<'a> {
    pub(super) fn of(world: &'a World, plan: &mut Plan) -> Self {
        let mut above = Self { newer: Vec::new(), world, known: true };
        for sibling in world.line.iter().filter(|sibling| is_newer(&world.snapshot, &sibling.snapshot)) {
            match (version(world, &world.snapshot), version(world, &sibling.snapshot)) {
                (Version::Is(one), Version::Is(other)) if one != other => {}
                (Version::Unknown(name), _) | (_, Version::Unknown(name)) => {
                    above.known = false;
                    plan.ask.insert(Question::Version(name.to_owned()));
                }
                _ => above.newer.push(sibling),
            }
        }
        let order = |sibling: &&Sibling| {
            std::cmp::Reverse((snapshot::start_time(&sibling.snapshot), sibling.snapshot.metadata.name.clone()))
        };
        above.newer.sort_by_key(order);
        above
    }

    /// Names of the newer Snapshots that a Release for this plan exists of. `None` while a live read is needed: an
    /// AutoReleased Snapshot has made its Releases, so one that the index lacks may just lag behind.
    pub(super) fn released(&self, release_plan: &str, plan: &mut Plan) -> Option<Vec<String>> {
        if !self.known {
            return None;
        }
        let name = |sibling: &&Sibling| sibling.snapshot.metadata.name.clone().unwrap_or_default();
        let indexed =
            |sibling: &&Sibling| sibling.releases.iter().any(|release| release.spec.release_plan == release_plan);
        let known: Vec<String> = self.newer.iter().copied().filter(indexed).map(|sibling| name(&sibling)).collect();
        if !known.is_empty() {
            return Some(known);
        }
        let mut found = Vec::new();
        let mut unknown = false;
        for sibling in self.newer.iter().filter(|sibling| snapshot::auto_released(&sibling.snapshot)) {
            let release = release_name(&sibling.snapshot, release_plan, 0);
            match self.world.facts.releases.get(&release) {
                Some(true) => found.push(name(sibling)),
                Some(false) => {}
                None => {
                    unknown = true;
                    plan.ask.insert(Question::Release(release));
                }
            }
        }
        (!unknown || !found.is_empty()).then_some(found)
    }

    /// The newest one that may still be released.
    pub(super) fn newest_open(&self, owner: &Owner, now: Timestamp) -> Option<String> {
        let open = |snapshot: &Snapshot| {
            if snapshot::tests_finished(snapshot) {
                let promotable = settled::promotable(snapshot).is_empty()
                    && !scenarios::rerun_pending(self.world, owner, snapshot, now);
                promotable && !snapshot::auto_released(snapshot)
            } else {
                let created = snapshot.metadata.creation_timestamp.as_ref();
                let young = created.is_some_and(|time| now.duration_since(time.0) < OPEN_WITHIN);
                young && !snapshot::canceled(snapshot) && snapshot::valid(snapshot)
            }
        };
        self.newer
            .iter()
            .find(|sibling| open(&sibling.snapshot))
            .and_then(|sibling| sibling.snapshot.metadata.name.clone())
    }
}

/// Name of the Release of a Snapshot to a plan (TR-B49).
pub(crate) fn release_name(snapshot: &Snapshot, release_plan: &str, k: u8) -> String {
    let metadata = &snapshot.metadata;
    let sha = metadata.annotations.as_ref().and_then(|annotations| annotations.get(keys::SHA)).map(String::as_str);
    names::release(
        metadata.name.as_deref().unwrap_or_default(),
        sha,
        metadata.uid.as_deref().unwrap_or_default(),
        release_plan,
        k,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn snapshot(name: &str, start: &str, change: impl FnOnce(&mut Value)) -> Snapshot {
        let mut snapshot = json!({
            "metadata": {
                "name": name,
                "labels": { "test.appstudio.openshift.io/type": "component", "appstudio.openshift.io/component": "c1",
                    "appstudio.openshift.io/build-pipelinerun": name, "pac.test.appstudio.openshift.io/event-type": "push" },
                "annotations": { "test.appstudio.openshift.io/pipelinerunstarttime": start,
                    "test.appstudio.openshift.io/build-pipelinerun-uid": format!("uid-of-{name}") },
            },
            "spec": { "application": "app" },
        });
        change(&mut snapshot);
        serde_json::from_value(snapshot).unwrap()
    }

    fn newer(change: impl FnOnce(&mut Value)) -> bool {
        is_newer(&snapshot("old", "1795693800000", |_| ()), &snapshot("new", "1795693900000", change))
    }

    // TR-B11, TR-70
    #[test]
    fn m4_only_a_later_push_of_the_same_line_is_newer() {
        assert!(newer(|_| ()));
        assert!(!newer(|new| new["metadata"]["annotations"]["test.appstudio.openshift.io/pipelinerunstarttime"] =
            "1795693800000".into()));
        assert!(!newer(|new| new["metadata"]["labels"]["appstudio.openshift.io/component"] = "c2".into()));
        assert!(!newer(|new| new["metadata"]["labels"]["test.appstudio.openshift.io/type"] = "override".into()));
        assert!(!newer(|new| new["metadata"]["annotations"]["test.appstudio.openshift.io/integration-workflow"] =
            "pull-request".into()));
        assert!(!newer(
            |new| new["metadata"]["annotations"]["integration.konflux-ci.dev/child-component-group"] = "child".into()
        ));
        assert!(!newer(|new| new["metadata"]["deletionTimestamp"] = "2026-11-25T12:00:00Z".into()));
        assert!(!newer(|new| new["spec"] = json!({ "componentGroup": "app" })));
    }

    #[test]
    fn m4_snapshots_of_one_build_do_not_supersede_each_other() {
        assert!(!newer(|new| {
            new["metadata"]["labels"]["appstudio.openshift.io/build-pipelinerun"] = "old".into();
            new["metadata"]["annotations"]["test.appstudio.openshift.io/build-pipelinerun-uid"] = "uid-of-old".into();
        }));
        assert!(
            newer(|new| new["metadata"]["labels"]["appstudio.openshift.io/build-pipelinerun"] = "old".into()),
            "a re-created build is another one"
        );
    }

    #[test]
    fn m4_without_component_or_start_time_nothing_is_newer() {
        let new = snapshot("new", "1795693900000", |_| ());
        assert!(!is_newer(&snapshot("old", "soon", |_| ()), &new));
        assert!(!is_newer(&snapshot("old", "1", |old| old["metadata"]["labels"] = json!({})), &new));
    }
}
