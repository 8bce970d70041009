//! Condition `Valid`: what in the spec has no effect, or cannot work (API-B21).
//!
//! The admission webhook refuses or warns about most of it; this is what stays visible on the object, also where the
//! webhook was not there. What only other kinds could tell is not looked at: this program reads ComponentGroups (HC-20).

use std::collections::BTreeMap;

use integration_api::formats::truncate;
use integration_api::{ComponentGroup, condition};
use integration_core::graph;
use jiff::Timestamp;

use super::{Because, Plan};

/// Type of the condition.
const VALID: &str = "Valid";
/// Most bytes of a condition's message (API-2).
const MESSAGE_LIMIT: usize = 32_768;
/// Message of a group without findings.
const ALL_WELL: &str = "Members and test graph of the ComponentGroup can be used as they are";

/// Plans the condition, if it is not there as it should be.
pub(super) fn judge(group: &ComponentGroup, now: Timestamp, plan: &mut Plan) {
    let findings = findings(group);
    let (status, reason, message) = if findings.is_empty() {
        (condition::TRUE, "Valid", ALL_WELL.to_owned())
    } else {
        (condition::FALSE, condition::INVALID, truncate(&findings.join("; "), MESSAGE_LIMIT))
    };
    let mut conditions = group.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    if condition::set(&mut conditions, VALID, status, reason, &message, now) {
        let reason = if findings.is_empty() { "valid" } else { "invalid" };
        plan.because.push(Because { decision: "judge", reason });
        plan.conditions = Some(conditions);
    }
}

fn findings(group: &ComponentGroup) -> Vec<String> {
    let mut findings = duplicates(group);
    findings.extend(members(group));
    if let Some(cycle) = graph::cycle(graph::test_edges(&group.spec.test_graph)) {
        findings.push(format!("spec.testGraph: {cycle}, none of these scenarios can start"));
    }
    if group.spec.snapshot_creator.is_some() {
        findings.push("spec.snapshotCreator has no effect, remove it".to_owned());
    }
    findings
}

/// Members that are listed more than once, in the order of the spec.
fn duplicates(group: &ComponentGroup) -> Vec<String> {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    let mut order = Vec::new();
    for member in &group.spec.components {
        let version = if member.is_group() { "" } else { member.version_name() };
        let key = (member.is_group(), member.name.as_str(), version);
        let count = counts.entry(key).or_default();
        *count += 1;
        if *count == 2 {
            order.push(key);
        }
    }
    let told = |key: (bool, &str, &str)| {
        let times = counts.get(&key).copied().unwrap_or_default();
        match key {
            (true, name, _) => format!("spec.components lists ComponentGroup {name} {times} times, one counts"),
            (false, name, version) => {
                format!("spec.components lists {name} (version {version}) {times} times, one counts")
            }
        }
    };
    order.into_iter().map(told).collect()
}

/// Members that break the rules of API-230.
fn members(group: &ComponentGroup) -> impl Iterator<Item = String> {
    let own = group.metadata.name.as_deref().unwrap_or_default();
    group.spec.components.iter().filter_map(move |member| {
        let name = &member.name;
        let versioned = member.component_version.as_ref().is_some_and(|version| {
            let extra = [version.revision.as_deref(), version.context.as_deref()];
            !version.name.is_empty() || extra.into_iter().flatten().any(|text| !text.is_empty())
        });
        match (member.is_group(), versioned) {
            (true, _) if name == own => Some(format!("spec.components: ComponentGroup {name} contains itself")),
            (true, true) => {
                Some(format!("spec.components: ComponentGroup {name} has a componentVersion, which has no effect"))
            }
            (false, false) => {
                Some(format!("spec.components: Component {name} has no componentVersion, so no build belongs to it"))
            }
            _ => None,
        }
    })
}
