//! What one look at a Snapshot decided.

use std::collections::{BTreeMap, BTreeSet};

use integration_api::condition::{self, Condition};
use integration_api::formats;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::tries::Target;
use crate::world::Question;

/// Longest condition message, in bytes (TR-B40).
const MESSAGE_LIMIT: usize = 4096;

/// Actions, events, the next look, and why. A Snapshot that is already right gives a plan without actions, and such
/// a plan makes no API call.
///
/// The order of work is TR-B53: questions, creates, `automated`, then one metadata patch and one status patch of the
/// Snapshot. A plan with questions or creates is not final: its answers and results go into the world, and the
/// decision is made again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Live reads the decision waits for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ask: BTreeSet<Question>,
    /// Objects to create.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create: Vec<Create>,
    /// Releases that need `status.automated` (TR-B10).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub automate: Vec<String>,
    /// The metadata patch of the Snapshot.
    #[serde(skip_serializing_if = "MetadataChange::is_empty")]
    pub metadata: MetadataChange,
    /// The status patch of the Snapshot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionChange>,
    /// Kubernetes Events on the Snapshot (TR-B43).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// When to look again although nothing changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_again: Option<Timestamp>,
    /// What was done, or deliberately not done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// An object to create. Its name is a function of the cause (TR-B49).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Create {
    /// The test PipelineRun of a scenario.
    Run {
        /// Scenario.
        scenario: String,
        /// Number of the run that a run request asked for; `None` on a first run (TR-B50).
        #[serde(skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
    },
    /// The Release for a ReleasePlan.
    Release {
        /// ReleasePlan.
        plan: String,
    },
}

/// Keys of the Snapshot's metadata to write. `None` removes an annotation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataChange {
    /// The whole new list of owner references (TR-31).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_references: Option<Vec<Value>>,
    /// Annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<&'static str, Option<String>>,
}

impl MetadataChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.owner_references.is_none() && self.annotations.is_empty()
    }

    /// The merge patch, unless it would be empty.
    pub fn patch(&self) -> Option<Value> {
        if self.is_empty() {
            return None;
        }
        let mut metadata = serde_json::Map::new();
        if let Some(references) = &self.owner_references {
            metadata.insert("ownerReferences".into(), Value::from(references.clone()));
        }
        if !self.annotations.is_empty() {
            metadata.insert("annotations".into(), json!(self.annotations));
        }
        Some(json!({ "metadata": metadata }))
    }
}

/// One condition to set, or to remove when `to` is `None`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionChange {
    /// Type.
    #[serde(rename = "type")]
    pub type_: &'static str,
    /// New state.
    #[serde(flatten)]
    pub to: Option<ConditionState>,
}

/// Status, reason and message of a condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionState {
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// One word for programs.
    pub reason: &'static str,
    /// Text for people.
    pub message: String,
}

/// The merge patch of `status.conditions`: the list as it is, with the changes applied (TR-B8). `None` when nothing
/// changes.
pub fn status_patch(current: &[Condition], changes: &[ConditionChange], now: Timestamp) -> Option<Value> {
    let mut conditions = current.to_vec();
    for change in changes {
        match &change.to {
            Some(to) => {
                condition::set(&mut conditions, change.type_, to.status, to.reason, &to.message, now);
            }
            None => conditions.retain(|condition| condition.type_ != change.type_),
        }
    }
    (conditions != current).then(|| json!({ "status": { "conditions": conditions } }))
}

/// A Kubernetes Event on the Snapshot, and on the object at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Whether something is wrong.
    pub warning: bool,
    /// Reason, one of TR-B43.
    pub reason: &'static str,
    /// Text for people.
    pub note: String,
    /// The scenario or the ReleasePlan where the fault lies; it gets the Event too (TR-B43).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<Target>,
}

/// Why something was done or not done: `decision` and `reason` are bounded words for the metric, `about` names the
/// scenario, the plan or the Snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// What was decided.
    pub decision: &'static str,
    /// Why.
    pub reason: &'static str,
    /// About what.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub about: String,
}

impl Plan {
    /// Whether the plan makes no API call.
    pub fn is_empty(&self) -> bool {
        self.ask.is_empty()
            && self.create.is_empty()
            && self.automate.is_empty()
            && self.metadata.is_empty()
            && self.conditions.is_empty()
            && self.events.is_empty()
    }

    /// Notes a reason.
    pub(crate) fn because(&mut self, decision: &'static str, reason: &'static str, about: impl Into<String>) {
        self.reasons.push(Reason { decision, reason, about: about.into() });
    }

    /// Plans an Event.
    pub(crate) fn notice(&mut self, warning: bool, reason: &'static str, note: impl Into<String>) {
        self.events.push(Notice { warning, reason, note: note.into(), about: None });
    }

    /// Plans a warning about a fault of a scenario or a ReleasePlan.
    pub(crate) fn fault(&mut self, about: Target, reason: &'static str, note: impl Into<String>) {
        self.events.push(Notice { warning: true, reason, note: note.into(), about: Some(about) });
    }

    /// Plans to look again, at the earliest of all the times asked for.
    pub(crate) fn look_at(&mut self, time: Timestamp) {
        self.look_again = Some(self.look_again.map_or(time, |known| known.min(time)));
    }

    /// Plans a condition; a later plan for the same type wins.
    pub(crate) fn condition(&mut self, type_: &'static str, status: &'static str, reason: &'static str, message: &str) {
        let message = formats::truncate(message, MESSAGE_LIMIT);
        self.replace_condition(ConditionChange { type_, to: Some(ConditionState { status, reason, message }) });
    }

    /// Plans to remove a condition.
    pub(crate) fn remove_condition(&mut self, type_: &'static str) {
        self.replace_condition(ConditionChange { type_, to: None });
    }

    fn replace_condition(&mut self, change: ConditionChange) {
        self.conditions.retain(|known| known.type_ != change.type_);
        self.conditions.push(change);
    }

    /// Whether the plan writes this condition with this reason.
    pub fn sets(&self, type_: &str, reason: &str) -> bool {
        self.conditions
            .iter()
            .any(|change| change.type_ == type_ && change.to.as_ref().is_some_and(|to| to.reason == reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tr_b8_other_conditions_stay_byte_for_byte() {
        let foreign = Condition {
            type_: "Foreign".into(),
            status: "Maybe".into(),
            last_transition_time: "yesterday".into(),
            ..Condition::default()
        };
        let mut plan = Plan::default();
        plan.condition(condition::AUTO_RELEASED, condition::TRUE, "AutoReleased", "done");
        let patch = status_patch(std::slice::from_ref(&foreign), &plan.conditions, Timestamp::UNIX_EPOCH).unwrap();
        let written: Vec<Condition> = serde_json::from_value(patch["status"]["conditions"].clone()).unwrap();
        assert_eq!(written[0], foreign);
        assert_eq!(written[1].type_, "AutoReleased");
        assert_eq!(written.len(), 2);
    }

    // TR-1, TR-141: the list is atomic, so the patch carries all of it; the time moves only with the status.
    #[test]
    fn tr_1_a_condition_is_replaced_in_place() {
        let current: Vec<Condition> = ["AppStudioIntegrationStatus", "Other"]
            .map(|type_| Condition {
                type_: type_.into(),
                status: "Unknown".into(),
                last_transition_time: "2026-11-25T10:00:00Z".into(),
                ..Condition::default()
            })
            .into();
        let mut plan = Plan::default();
        plan.condition(condition::INTEGRATION_STATUS, condition::UNKNOWN, condition::IN_PROGRESS, "running");
        let patch = status_patch(&current, &plan.conditions, Timestamp::UNIX_EPOCH).unwrap();
        let written: Vec<Condition> = serde_json::from_value(patch["status"]["conditions"].clone()).unwrap();
        assert_eq!((&*written[0].reason, &*written[0].last_transition_time), ("InProgress", "2026-11-25T10:00:00Z"));
        assert_eq!(written[1], current[1]);
        plan.condition(condition::INTEGRATION_STATUS, condition::FALSE, condition::INVALID, "no owner");
        let patch = status_patch(&current, &plan.conditions, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(patch["status"]["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:00Z");
    }

    // TR-155, TR-154
    #[test]
    fn tr_b34_nothing_to_change_means_no_patch() {
        assert_eq!(MetadataChange::default().patch(), None);
        assert_eq!(status_patch(&[], &[], Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn tr_b40_messages_are_cut() {
        let mut plan = Plan::default();
        plan.condition(condition::AUTO_RELEASED, condition::TRUE, "AutoReleased", &"ü".repeat(9000));
        let to = plan.conditions[0].to.clone().unwrap();
        assert!(to.message.len() <= 4096 && to.message.len() > 4000);
    }
}
