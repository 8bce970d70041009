//! The Snapshot of the Components that remain (AR-9, AR-10, AR-X1, AR-X7, AR-X8).

use std::sync::Arc;

use integration_api::formats::truncate;
use integration_api::snapshot::SnapshotSpec;
use integration_api::{Application, Component, Snapshot, keys};
use integration_core::assembly::{self, Assembled, BuiltComponent};
use integration_core::build::BuildResults;
use integration_core::image::ImageReference;
use integration_core::names;
use integration_core::owner::{Owner, OwnerKind};
use jiff::Timestamp;
use serde_json::{Map, json};

use super::{NewSnapshot, World, meta};

/// Most bytes of the list of Components that were left out.
const LEFT_OUT_LIMIT: usize = 16 * 1024;
/// A valid image, of nothing.
const NO_IMAGE: &str = "none.invalid/none@sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// What remains of an Application.
pub(super) enum Remaining {
    /// No other Component.
    Nothing,
    /// Other Components, none of which can be in a Snapshot: their names and reasons.
    Unusable(String),
    /// Components for a Snapshot.
    Components(Box<Assembled>),
}

/// The living Components of the Application, under the rule for siblings in Snapshots of builds (SC-B22).
pub(super) fn remaining(world: &World) -> Remaining {
    let living: Vec<_> =
        world.components.iter().filter(|component| !meta::terminating(&***component)).cloned().collect();
    if living.is_empty() {
        return Remaining::Nothing;
    }
    let assembled = siblings(&world.name, &living);
    if assembled.components.is_empty() {
        return Remaining::Unusable(left_out(&assembled));
    }
    Remaining::Components(Box::new(assembled))
}

/// The assembly of a Snapshot is about a build and its siblings. Here are siblings only, so a Component without a name
/// stands for the built one and is taken out again.
fn siblings(application: &str, components: &[Arc<Component>]) -> Assembled {
    let Ok(image) = ImageReference::parse(NO_IMAGE) else { return Assembled::default() };
    let results = BuildResults { image, url: String::new(), revision: String::new(), context: String::new() };
    let built = BuiltComponent { component: Arc::default(), version: String::new(), results };
    // Never fails in this model.
    let mut assembled = assembly::application(application, &built, components).unwrap_or_default();
    assembled.components.retain(|component| !component.name.is_empty());
    assembled
}

fn left_out(assembled: &Assembled) -> String {
    let text = assembly::left_out_text(&assembled.left_out, OwnerKind::Application).unwrap_or_default();
    truncate(&text, LEFT_OUT_LIMIT)
}

/// The Snapshot under its name number `k`.
pub(super) fn snapshot(
    world: &World,
    application: &Application,
    deleted: &[&Arc<Component>],
    remaining: Assembled,
    k: u8,
) -> NewSnapshot {
    let uids = uids(deleted);
    let newest = deleted.iter().filter_map(|component| deleted_at(component)).max().unwrap_or_default();
    let texts: Vec<&str> = uids.iter().map(String::as_str).collect();
    let name = names::regenerated_snapshot(&world.name, meta::uid(application), newest, &texts, k);

    let mut annotations = Map::from_iter([(keys::DELETED_COMPONENTS.to_owned(), uids.join(",").into())]);
    let left_out = left_out(&remaining);
    if !left_out.is_empty() {
        annotations.insert(keys::CREATE_SNAPSHOT_STATUS.to_owned(), left_out.into());
    }
    let owner = Owner::application(world.name.as_str());
    let spec = SnapshotSpec {
        application: owner.name.clone(),
        components: remaining.components,
        artifacts: Map::new(),
        ..SnapshotSpec::default()
    };
    let body = json!({
        "apiVersion": OwnerKind::Application.api_version(),
        "kind": "Snapshot",
        "metadata": {
            "name": name,
            "namespace": world.namespace,
            "labels": { keys::AUTO_RELEASE: "false" },
            "annotations": annotations,
            "ownerReferences": [owner.reference(meta::uid(application))],
        },
        "spec": spec,
    });
    NewSnapshot { name, deleted: uids, body }
}

/// Uids of the deleted Components a Snapshot was made for; none for other Snapshots.
pub fn made_for(snapshot: &Snapshot) -> impl Iterator<Item = &str> {
    let uids = snapshot.metadata.annotations.as_ref().and_then(|annotations| annotations.get(keys::DELETED_COMPONENTS));
    uids.into_iter().flat_map(|uids| uids.split(',')).filter(|uid| !uid.is_empty())
}

/// Uids in byte order.
pub(super) fn uids(components: &[&Arc<Component>]) -> Vec<String> {
    let mut uids: Vec<_> = components.iter().map(|component| meta::uid(&***component).to_owned()).collect();
    uids.sort_unstable();
    uids
}

/// When the Component was deleted.
pub(super) fn deleted_at(component: &Component) -> Option<Timestamp> {
    component.metadata.deletion_timestamp.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // AR-X7: what stands for the built Component is a valid one, and is not in the result.
    #[test]
    fn ar_x7_siblings_only() {
        assert!(ImageReference::parse(NO_IMAGE).is_ok());
        let sibling: Component = serde_json::from_value(json!({
            "metadata": {"name": "b"},
            "spec": {"application": "app", "source": {"git": {"url": "https://git/b", "revision": "main"}}},
            "status": {"lastPromotedImage": format!("quay.io/org/b@sha256:{}", "a".repeat(64))},
        }))
        .unwrap();
        let assembled = siblings("app", &[Arc::new(sibling)]);
        let names: Vec<_> = assembled.components.iter().map(|component| component.name.as_str()).collect();
        assert_eq!(names, ["b"]);
    }

    #[test]
    fn ar_x1_only_our_annotation_says_what_a_snapshot_was_made_for() {
        let snapshot = |annotations| -> Snapshot {
            serde_json::from_value(json!({"metadata": {"name": "s", "annotations": annotations}})).unwrap()
        };
        let uids = |snapshot: &Snapshot| made_for(snapshot).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(uids(&snapshot(json!({keys::DELETED_COMPONENTS: "u1,u2"}))), ["u1", "u2"]);
        for none in [json!({keys::DELETED_COMPONENTS: ""}), json!({"other": "u1"})] {
            assert!(uids(&snapshot(none)).is_empty());
        }
    }
}
