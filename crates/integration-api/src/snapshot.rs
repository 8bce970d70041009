//! Snapshot: a set of images to be tested and released together (API-90 … API-96).

use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Condition;
use crate::component::ComponentSource;
use crate::foreign::foreign_kind;

/// A Snapshot as the programs keep it in their caches: who owns it and where it stands. The list of images is left
/// out, because a cluster holds thousands of Snapshots with dozens of images each; who needs the list reads the
/// object (see [`SnapshotSpec`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Labels and annotations carry most of the state.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Owner.
    #[serde(default)]
    pub spec: SnapshotOwner,
    /// Conditions.
    #[serde(default)]
    pub status: SnapshotStatus,
}

foreign_kind!(Snapshot, "appstudio.redhat.com", "v1alpha1", "Snapshot", "snapshot", "snapshots");

/// The owner fields of a Snapshot's spec. ComponentGroup wins where both are set (API-95).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotOwner {
    /// Application, in the Application model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// ComponentGroup, in the ComponentGroup model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub component_group: String,
}

/// Status of a Snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotStatus {
    /// Conditions; an atomic list, always written whole (API-93).
    pub conditions: Vec<Condition>,
}

/// The whole spec of a Snapshot, in the key order of API-196. Fields this version does not know are kept and
/// written behind the known ones (TR-B32).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotSpec {
    /// Application, in the Application model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub application: String,
    /// ComponentGroup, in the ComponentGroup model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub component_group: String,
    /// Name shown to people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Description shown to people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display_description: String,
    /// The images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<SnapshotComponent>,
    /// Free-form data of others; always present.
    pub artifacts: Map<String, Value>,
    /// Fields unknown to this version.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// One image of a Snapshot (API-91), in the key order of API-196.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SnapshotComponent {
    /// Component name.
    pub name: String,
    /// Component version, ComponentGroup model only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `repository@sha256:…`.
    pub container_image: String,
    /// Where it was built from; always present, `{}` when unknown.
    pub source: ComponentSource,
    /// Fields unknown to this version.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}
