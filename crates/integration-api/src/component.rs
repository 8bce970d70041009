//! Component (API-81 … API-88).

use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::foreign::foreign_kind;

/// A Component, restricted to what the service reads and writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Labels, annotations (`lastbuilttime`), finalizers.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Desired state.
    #[serde(default)]
    pub spec: ComponentSpec,
    /// Observed state: the Application model's candidate image.
    #[serde(default)]
    pub status: ComponentStatus,
}

foreign_kind!(Component, "appstudio.redhat.com", "v1alpha1", "Component", "component", "components");

/// Spec of a Component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentSpec {
    /// Owning Application; empty in the ComponentGroup model (API-81).
    pub application: String,
    /// Where the source is.
    pub source: ComponentSource,
    /// Image last pushed for this Component (API-85).
    pub container_image: String,
}

/// Source of a Component or of a Snapshot component (API-83, API-84, API-91).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentSource {
    /// Git source of the old model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git: Option<GitSource>,
    /// Git URL of the new model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// Path of the Dockerfile.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dockerfile_uri: String,
    /// Versions of the new model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<SourceVersion>,
}

/// A git repository at a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitSource {
    /// Repository URL.
    pub url: String,
    /// Branch, tag or commit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// Context directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// URL of a devfile.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub devfile_url: String,
    /// URL of a Dockerfile.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dockerfile_url: String,
}

/// One version of a Component's source. Keys are written in the order of API-196.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceVersion {
    /// Pipelines to build with, passed through as it is.
    #[serde(rename = "build-pipeline", skip_serializing_if = "Option::is_none")]
    pub build_pipeline: Option<serde_json::Value>,
    /// Context directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub context: String,
    /// Path of the Dockerfile.
    #[serde(rename = "dockerfileUri", skip_serializing_if = "String::is_empty")]
    pub dockerfile_uri: String,
    /// Name of the version.
    pub name: String,
    /// Branch, tag or commit.
    pub revision: String,
    /// Whether builds of this version are skipped.
    #[serde(rename = "skip-builds", skip_serializing_if = "Option::is_none")]
    pub skip_builds: Option<bool>,
}

/// Status of a Component: the candidate of the Application model (API-87).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComponentStatus {
    /// Image of the newest push build, `repository@sha256:…`.
    pub last_promoted_image: String,
    /// Commit of that build.
    pub last_built_commit: String,
}
