//! IntegrationTestScenario v1beta1 (API-30): deprecated, served through conversion.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IntegrationTestScenarioStatus, PipelineParameter, ResolverParam, TestContext};
use crate::absent::absent_is_default;

/// Spec of an IntegrationTestScenario of an Application.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "appstudio.redhat.com",
    version = "v1beta1",
    kind = "IntegrationTestScenario",
    namespaced,
    status = "IntegrationTestScenarioStatus",
    doc = "A test that Snapshots of an Application must or may pass.",
    shortname = "its",
    storage = false,
    deprecated = "IntegrationTestScenario v1beta1 is deprecated and will be migrated to v1beta2",
    printcolumn = r#"{"name":"Application","type":"string","jsonPath":".spec.application"}"#
)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct IntegrationTestScenarioSpec {
    /// Owning Application.
    #[schemars(regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub application: String,
    /// Where the test pipeline comes from.
    pub resolver_ref: ResolverRef,
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

/// Reference to a pipeline through a Tekton resolver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResolverRef {
    /// Resolver.
    pub resolver: String,
    /// Parameters of the resolver.
    pub params: Vec<ResolverParam>,
}

/// Environment of the test; no longer used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Environment {
    /// Name.
    pub name: String,
    /// Type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<EnvironmentConfiguration>,
}

/// Configuration of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentConfiguration {
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvironmentVariable>,
    /// Where the environment is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<EnvironmentTarget>,
}

/// An environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentVariable {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// Where an environment is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentTarget {
    /// Claim of the target.
    pub deployment_target_claim: DeploymentTargetClaim,
}

/// Claim of a deployment target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentTargetClaim {
    /// Name of the claim.
    pub claim_name: String,
}
