//! Which scenarios a Snapshot has to pass (API-143, TR-11, TR-12).

use integration_api::{IntegrationTestScenario, Snapshot, keys};

use crate::event::{SnapshotClass, of_snapshot};
use crate::meta::label;
use crate::names::label_value;
use crate::snapshot::{Type, type_of};

/// Whether the scenario's contexts match the Snapshot (API-143, TR-12). Names are case-sensitive; no contexts match
/// every Snapshot, an unknown one matches none. Owner, deletion and validity of the scenario are not looked at.
pub fn applies(scenario: &IntegrationTestScenario, snapshot: &Snapshot) -> bool {
    let contexts = &scenario.spec.contexts;
    contexts.is_empty() || contexts.iter().any(|context| context_matches(&context.name, snapshot))
}

/// Whether the scenario's failure does not count: label `optional` is exactly `true` (TR-11, API-23).
pub fn optional(scenario: &IntegrationTestScenario) -> bool {
    label(&scenario.metadata, keys::OPTIONAL) == Some("true")
}

fn context_matches(context: &str, snapshot: &Snapshot) -> bool {
    match context {
        "all" | "application" => true,
        "component" => type_of(snapshot) == Type::Component,
        "group" => type_of(snapshot) == Type::Group,
        "override" => type_of(snapshot) == Type::Override,
        "push" => is_push(snapshot),
        "pull_request" => !is_push(snapshot),
        _ => context.strip_prefix("component_").is_some_and(|component| {
            label(&snapshot.metadata, keys::COMPONENT) == Some(label_value(component).as_ref())
        }),
    }
}

/// An unclassified Snapshot counts as a push here, although it is never promoted (TR-B51).
fn is_push(snapshot: &Snapshot) -> bool {
    matches!(of_snapshot(snapshot), SnapshotClass::Push | SnapshotClass::Unclassified)
}

#[cfg(test)]
mod tests;
