//! IntegrationTestScenario v1beta2 (API-10 … API-23): a test that Snapshots must or may pass.

pub mod v1alpha1;
pub mod v1beta1;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;

/// Spec of an IntegrationTestScenario. Exactly one of `application` and `componentGroup` is set (API-10).
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "appstudio.redhat.com",
    version = "v1beta2",
    kind = "IntegrationTestScenario",
    namespaced,
    status = "IntegrationTestScenarioStatus",
    doc = "A test that Snapshots of an Application or a ComponentGroup must or may pass.",
    shortname = "its",
    derive = "Default",
    derive = "PartialEq",
    printcolumn = r#"{"name":"Application","type":"string","jsonPath":".spec.application"}"#,
    printcolumn = r#"{"name":"ComponentGroup","type":"string","jsonPath":".spec.componentGroup"}"#
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct IntegrationTestScenarioSpec {
    /// Owning Application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub application: Option<String>,
    /// Owning ComponentGroup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub component_group: Option<String>,
    /// Where the test pipeline comes from.
    pub resolver_ref: ResolverRef,
    /// Parameters of the test pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<PipelineParameter>,
    /// Which Snapshots the scenario applies to; empty = all (API-143).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contexts: Vec<TestContext>,
    /// Accepted and stored, never read (API-19).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<String>,
}

absent_is_default!(IntegrationTestScenarioSpec);

/// Reference to a pipeline through a Tekton resolver (API-13 … API-16).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResolverRef {
    /// Resolver: `git`, `bundles`, `hub`, `http`, `cluster`, or any other name.
    pub resolver: String,
    /// Parameters of the resolver.
    pub params: Vec<ResolverParam>,
    /// `pipeline` (also when empty) or `pipelinerun`, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_kind: Option<String>,
}

/// A parameter of a resolver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolverParam {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// A parameter of the test pipeline (API-17).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PipelineParameter {
    /// Name.
    pub name: String,
    /// String value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Array value, used when `value` is absent or empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// A context in which the scenario applies (API-18).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestContext {
    /// Name, see API-143.
    pub name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Status of an IntegrationTestScenario (API-20).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IntegrationTestScenarioStatus {
    /// Conditions.
    pub conditions: Vec<crate::Condition>,
}
