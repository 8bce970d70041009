//! Conditions and their types and reasons (API-2, API-C1 … API-C15).

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Type `AppStudioTestSucceeded` (API-C1 … C3): did the required tests pass?
pub const TEST_SUCCEEDED: &str = "AppStudioTestSucceeded";
/// Type `AppStudioIntegrationStatus` (API-C4 … C8): where integration testing stands.
pub const INTEGRATION_STATUS: &str = "AppStudioIntegrationStatus";
/// Type `AutoReleased` (API-C9).
pub const AUTO_RELEASED: &str = "AutoReleased";
/// Type `ParentSnapshotsCreated` (API-C10).
pub const PARENT_SNAPSHOTS_CREATED: &str = "ParentSnapshotsCreated";
/// Type `StaleReferences` on NudgeConfigs (API-C11).
pub const STALE_REFERENCES: &str = "StaleReferences";
/// Legacy type read where [`TEST_SUCCEEDED`] is absent (API-C12).
pub const LEGACY_TEST_SUCCEEDED: &str = "HACBSStudioTestSucceeded";
/// Legacy type read where [`INTEGRATION_STATUS`] is absent (API-C13).
pub const LEGACY_INTEGRATION_STATUS: &str = "HACBSIntegrationStatus";
/// Legacy type equal to the GCL marker (API-C14).
pub const LEGACY_ADDED_TO_GCL: &str = "AddedToGlobalCandidateList";
/// Type `Succeeded` of Tekton objects (API-C15).
pub const SUCCEEDED: &str = "Succeeded";
/// Type of IntegrationTestScenarios (API-21).
pub const SCENARIO_VALID: &str = "IntegrationTestScenarioValid";

/// Reason `Passed` (API-C1).
pub const PASSED: &str = "Passed";
/// Reason `Failed` (API-C2).
pub const FAILED: &str = "Failed";
/// Reason `InProgress` (API-C3, API-C4).
pub const IN_PROGRESS: &str = "InProgress";
/// Reason `Finished` (API-C5).
pub const FINISHED: &str = "Finished";
/// Reason `Canceled`, one `l` (API-C6).
pub const CANCELED: &str = "Canceled";
/// Reason `Invalid` (API-C7).
pub const INVALID: &str = "Invalid";
/// Reason `ErrorOccured`; the spelling is the contract (API-C8). Read, never written.
pub const ERROR_OCCURED: &str = "ErrorOccured";

/// `True`.
pub const TRUE: &str = "True";
/// `False`.
pub const FALSE: &str = "False";
/// `Unknown`.
pub const UNKNOWN: &str = "Unknown";

/// One metav1 condition. Times stay text, so that a condition nobody changed is written back byte for byte.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// Type, unique in its list.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word for programs.
    pub reason: String,
    /// Text for people.
    pub message: String,
    /// RFC 3339, second precision; changes only with `status` (API-3).
    pub last_transition_time: String,
    /// Generation the condition was computed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

impl Condition {
    /// When the status last changed; `None` when absent or unreadable.
    pub fn transition_time(&self) -> Option<Timestamp> {
        self.last_transition_time.parse().ok()
    }
}

/// The standard condition of metav1 (API-2). Reading is more tolerant than this.
impl JsonSchema for Condition {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One condition.",
            "type": "object",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "lastTransitionTime": {
                    "description": "When the status last changed.",
                    "type": "string",
                    "format": "date-time"
                },
                "message": { "description": "Text for people.", "type": "string", "maxLength": 32768 },
                "observedGeneration": {
                    "description": "Generation the condition was computed for.",
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0
                },
                "reason": {
                    "description": "One word for programs.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                },
                "status": {
                    "description": "Whether the condition holds.",
                    "type": "string",
                    "enum": ["True", "False", "Unknown"]
                },
                "type": {
                    "description": "What the condition is about.",
                    "type": "string",
                    "maxLength": 316,
                    "pattern": concat!(
                        r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?",
                        r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                    )
                }
            }
        })
    }
}

/// The condition of this type, if there is one.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The condition of this type, else of its legacy name (RR-16, TR-1).
pub fn find_with_legacy<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    let legacy = match type_ {
        TEST_SUCCEEDED => LEGACY_TEST_SUCCEEDED,
        INTEGRATION_STATUS => LEGACY_INTEGRATION_STATUS,
        _ => return find(conditions, type_),
    };
    find(conditions, type_).or_else(|| find(conditions, legacy))
}

/// Sets one condition and leaves the others alone (API-3, RR-15). The transition time moves only when the status
/// changes. Returns whether anything changed.
pub fn set(
    conditions: &mut Vec<Condition>,
    type_: &str,
    status: &str,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> bool {
    let now = jiff::fmt::temporal::DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&now);
    match conditions.iter_mut().find(|condition| condition.type_ == type_) {
        Some(existing) => {
            if existing.status == status && existing.reason == reason && existing.message == message {
                return false;
            }
            if existing.status != status {
                existing.last_transition_time = now;
            }
            status.clone_into(&mut existing.status);
            reason.clone_into(&mut existing.reason);
            message.clone_into(&mut existing.message);
        }
        None => conditions.push(Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            last_transition_time: now,
            observed_generation: None,
        }),
    }
    true
}
