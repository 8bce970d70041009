//! IntegrationTestScenario v1alpha1 (API-31): deprecated, served through conversion.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::v1beta1::Environment;
use super::{IntegrationTestScenarioStatus, PipelineParameter, TestContext};
use crate::absent::absent_is_default;

/// Spec of an IntegrationTestScenario of an Application, whose pipeline comes from a bundle.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "appstudio.redhat.com",
    version = "v1alpha1",
    kind = "IntegrationTestScenario",
    namespaced,
    status = "IntegrationTestScenarioStatus",
    doc = "A test that Snapshots of an Application must or may pass.",
    shortname = "its",
    storage = false,
    deprecated = "IntegrationTestScenario v1alpha1 is deprecated and will be migrated to v1beta1",
    printcolumn = r#"{"name":"Application","type":"string","jsonPath":".spec.application"}"#
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct IntegrationTestScenarioSpec {
    /// Owning Application.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub application: String,
    /// Bundle that holds the pipeline.
    pub bundle: String,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Parameters of the test pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<PipelineParameter>,
    /// Ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Which Snapshots the scenario applies to; empty = all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<TestContext>,
}

absent_is_default!(IntegrationTestScenarioSpec);
