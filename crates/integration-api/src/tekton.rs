//! PipelineRun and TaskRun of Tekton (API-110 … API-121).

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::condition::{self, Condition};
use crate::foreign::foreign_kind;

/// A PipelineRun, restricted to what the service reads; the pipeline itself is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PipelineRun {
    /// Labels, annotations, finalizers, times.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Requested state.
    #[serde(default)]
    pub spec: PipelineRunSpec,
    /// Outcome.
    #[serde(default)]
    pub status: PipelineRunStatus,
}

foreign_kind!(PipelineRun, "tekton.dev", "v1", "PipelineRun", "pipelinerun", "pipelineruns");

/// Spec of a PipelineRun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PipelineRunSpec {
    /// Requested state, for example `CancelledRunFinally` (API-114).
    pub status: Option<String>,
}

/// Status of a PipelineRun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PipelineRunStatus {
    /// Conditions; `Succeeded` matters.
    pub conditions: Vec<Condition>,
    /// When it started.
    pub start_time: Option<Time>,
    /// When it ended.
    pub completion_time: Option<Time>,
    /// Results in their order.
    pub results: Vec<RunResult>,
    /// TaskRuns, CustomRuns and PipelineRuns it made.
    pub child_references: Vec<ChildReference>,
}

/// A named result. Only string values are used; any other value reads as `""` but is present (API-119).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunResult {
    /// Name.
    pub name: String,
    /// String value, `""` for arrays and objects.
    #[serde(deserialize_with = "string_or_empty")]
    pub value: String,
}

fn string_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(value) => value,
        _ => String::new(),
    })
}

/// An object the PipelineRun made (API-120).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChildReference {
    /// Object name.
    pub name: String,
    /// Task of the pipeline.
    pub pipeline_task_name: String,
    /// `TaskRun`, `CustomRun` or `PipelineRun`.
    pub kind: String,
}

impl PipelineRun {
    /// The `Succeeded` condition.
    pub fn succeeded_condition(&self) -> Option<&Condition> {
        condition::find(&self.status.conditions, condition::SUCCEEDED)
    }

    /// Finished: the condition exists and is not `Unknown` (API-117, SC-1, TR-22).
    pub fn finished(&self) -> bool {
        self.succeeded_condition().is_some_and(|condition| condition.status != condition::UNKNOWN)
    }

    /// Succeeded: the condition is `True` (API-117, SC-2).
    pub fn succeeded(&self) -> bool {
        self.succeeded_condition().is_some_and(|condition| condition.status == condition::TRUE)
    }

    /// The first result of that name; `Some("")` for a present one that is no string (API-119).
    pub fn result(&self, name: &str) -> Option<&str> {
        self.status.results.iter().find(|result| result.name == name).map(|result| result.value.as_str())
    }

    /// `status.startTime`.
    pub fn start_time(&self) -> Option<Timestamp> {
        self.status.start_time.as_ref().map(|time| time.0)
    }

    /// `status.completionTime`.
    pub fn completion_time(&self) -> Option<Timestamp> {
        self.status.completion_time.as_ref().map(|time| time.0)
    }

    /// `metadata.creationTimestamp`.
    pub fn creation_time(&self) -> Option<Timestamp> {
        self.metadata.creation_timestamp.as_ref().map(|time| time.0)
    }
}

/// A TaskRun, restricted to its outcome (API-121).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskRun {
    /// Labels and owner.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Outcome.
    #[serde(default)]
    pub status: TaskRunStatus,
}

foreign_kind!(TaskRun, "tekton.dev", "v1", "TaskRun", "taskrun", "taskruns");

/// Status of a TaskRun.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TaskRunStatus {
    /// Conditions; `Succeeded` matters.
    pub conditions: Vec<Condition>,
    /// When it started.
    pub start_time: Option<Time>,
    /// When it ended.
    pub completion_time: Option<Time>,
    /// Results of the final attempt.
    pub results: Vec<RunResult>,
}
