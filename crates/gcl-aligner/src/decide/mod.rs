//! What a ComponentGroup needs, decided from nothing but the group.

mod alignment;
mod validity;

use integration_api::{ComponentGroup, Condition};
use integration_core::gcl;
pub use integration_core::plan::{Because, Notice};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// What to do with one ComponentGroup. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// The whole new global candidate list; an empty one is removed from the status (E-10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<Vec<Value>>,
    /// All conditions, where `Valid` has to change (API-B21).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// Entries that are in the list no more (GA-X13).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// Kubernetes Events about the group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// What is done and why.
    pub because: Vec<Because>,
}

/// An entry that went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// Component, or nested ComponentGroup.
    pub name: String,
    /// Version.
    pub version: String,
    /// The promoted image, `""` if there was none.
    pub image: String,
    /// `not_a_member`, `nested_group` or `duplicate`.
    pub reason: &'static str,
}

/// Decides about a group, also about one that is being deleted (GA-3). `now` becomes the transition time of a condition
/// that turns.
pub fn decide(group: &ComponentGroup, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    alignment::align(group, &gcl::entries(group), &mut plan);
    validity::judge(group, now, &mut plan);
    plan
}

impl Plan {
    /// Whether nothing has to be written (GA-X3).
    pub fn is_empty(&self) -> bool {
        self.list.is_none() && self.conditions.is_none()
    }

    /// The patch of the status, `None` where nothing has to be written.
    pub fn patch(&self) -> Option<Value> {
        let mut status = Map::new();
        if let Some(list) = &self.list {
            let list = if list.is_empty() { Value::Null } else { list.clone().into() };
            status.insert("globalCandidateList".to_owned(), list);
        }
        if let Some(conditions) = &self.conditions {
            status.insert("conditions".to_owned(), json!(conditions));
        }
        (!status.is_empty()).then(|| json!({ "status": status }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // GA-9, E-10: no member, no list; GA-X3: no change, no patch.
    #[test]
    fn ga_9_an_empty_list_is_removed_and_no_change_is_not_sent() {
        assert_eq!(Plan::default().patch(), None);
        let emptied = Plan { list: Some(Vec::new()), ..Plan::default() };
        assert_eq!(emptied.patch(), Some(json!({"status": {"globalCandidateList": null}})));
        let listed = Plan { list: Some(vec![json!({"name": "a"})]), ..Plan::default() };
        assert_eq!(listed.patch(), Some(json!({"status": {"globalCandidateList": [{"name": "a"}]}})));
    }
}
