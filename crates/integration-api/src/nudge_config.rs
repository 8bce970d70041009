//! NudgeConfig (API-62 … API-70): which Components are updated when another one was built.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::absent::absent_is_default;

/// Spec of the NudgeConfig, of which there is one per namespace, named `nudge-config`.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "appstudio.redhat.com",
    version = "v1beta2",
    kind = "NudgeConfig",
    namespaced,
    status = "NudgeConfigStatus",
    doc = "Which Components are updated when another one was built; one per namespace, named nudge-config.",
    shortname = "nc",
    validation = Rule::new("self.metadata.name == 'nudge-config'").message("a namespace has one NudgeConfig, named 'nudge-config'"),
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase", remote = "Self")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.nudges) || self.nudges.all(n, n.from != n.to)",
        "message": "a Component cannot nudge itself: from and to must differ"
    },
    {
        "rule": "!has(self.nudges) || self.nudges.all(i, self.nudges.exists_one(j, i.from == j.from && i.to == j.to))",
        "message": "each pair of from and to may be listed once"
    }
]))]
pub struct NudgeConfigSpec {
    /// Edges of the nudge graph.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub nudges: Vec<Nudge>,
}

absent_is_default!(NudgeConfigSpec);

/// One edge: a build of `from` proposes its image to `to`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Nudge {
    /// Built Component.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub from: String,
    /// Component that is updated.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub to: String,
    /// `immediate` or `validated`.
    #[serde(default = "default_mode")]
    #[schemars(extend("enum" = ["immediate", "validated"]))]
    pub mode: String,
    /// Reserved; ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub gating_group: Option<String>,
}

fn default_mode() -> String {
    "immediate".to_owned()
}

/// Status of a NudgeConfig.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NudgeConfigStatus {
    /// Conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<crate::Condition>,
    /// When the graph was last checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_validation_time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>,
}
