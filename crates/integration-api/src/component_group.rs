//! ComponentGroup (API-45 … API-59), owner of Snapshots in the ComponentGroup model.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;

/// Spec of a ComponentGroup: which Components, in which versions, are tested and released together.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "appstudio.redhat.com",
    version = "v1beta2",
    kind = "ComponentGroup",
    namespaced,
    status = "ComponentGroupStatus",
    doc = "Components that are tested and released together.",
    shortname = "cg",
    derive = "Default",
    derive = "PartialEq",
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct ComponentGroupSpec {
    /// Members: Components in a version, and nested ComponentGroups.
    pub components: Vec<ComponentReference>,
    /// Scenario to the scenarios it runs after.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub test_graph: BTreeMap<String, Vec<TestGraphParent>>,
    /// Reserved; ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_creator: Option<SnapshotCreator>,
}

absent_is_default!(ComponentGroupSpec);

/// A member of a ComponentGroup (API-46 … API-51).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentReference {
    /// Name of the Component or of the nested ComponentGroup.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// `component` or `componentGroup`, in any case.
    #[serde(default = "default_kind")]
    #[schemars(regex(pattern = r"(?i)^(component|componentGroup)$"))]
    pub kind: String,
    /// Version of the Component; absent for nested ComponentGroups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_version: Option<ComponentVersion>,
}

fn default_kind() -> String {
    "component".to_owned()
}

impl ComponentReference {
    /// Whether this refers to a nested ComponentGroup.
    pub fn is_group(&self) -> bool {
        self.kind.eq_ignore_ascii_case("componentGroup")
    }

    /// Name of the referenced version, `""` when none is given.
    pub fn version_name(&self) -> &str {
        self.component_version.as_ref().map_or("", |version| version.name.as_str())
    }
}

/// Version of a member (API-49 … API-51).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentVersion {
    /// Name of the version.
    pub name: String,
    /// Git revision; the key is called `version` although it holds the revision.
    #[serde(rename = "version", default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Context directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// A scenario that must end before another one starts (API-52).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestGraphParent {
    /// Scenario that runs first.
    pub name: String,
    /// Whether its failure keeps the dependent from running.
    #[serde(default)]
    pub fail_fast: bool,
}

/// Reserved for creating Snapshots by a Task; ignored (API-53).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotCreator {
    /// The Task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_ref: Option<TaskReference>,
}

/// Reference to a Task through a resolver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskReference {
    /// Tekton resolver.
    pub resolver: String,
    /// Parameters of the resolver.
    pub params: Vec<crate::scenario::ResolverParam>,
}

/// Status of a ComponentGroup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentGroupStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<crate::Condition>,
    /// Newest promotable image of each member.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub global_candidate_list: Vec<GclEntry>,
}

/// One entry of the global candidate list (API-56). Unset strings are written as `""` (API-57, GA-8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GclEntry {
    /// Component name.
    pub name: String,
    /// Component version.
    #[serde(default)]
    pub version: String,
    /// Git URL.
    #[serde(default)]
    pub url: String,
    /// `repository@sha256:…`.
    #[serde(default)]
    pub last_promoted_image: String,
    /// Commit the image was built from.
    #[serde(default)]
    pub last_promoted_commit: String,
    /// Start of the build, RFC 3339, second precision, UTC (API-58).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_promoted_build_time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
}
