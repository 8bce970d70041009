//! Override Snapshots: candidates set by a person (TR-B15, GA-X11, GA-X12, D-26).

use std::collections::BTreeSet;

use integration_api::snapshot::SnapshotComponent;
use integration_api::{ComponentGroup, Snapshot, keys};
use jiff::Timestamp;
use serde_json::Value;

use super::{Entry, is_member, whole_seconds, with_entry};
use crate::image::ImageReference;
use crate::meta::{annotation, label};

/// Everything that forbids to promote an override Snapshot; empty means valid (TR-B15, API-B1). `member` tells whether
/// the owner has the component: for a ComponentGroup in its version, for an Application as one of its Components.
pub fn override_problems(
    snapshot: &Snapshot,
    components: &[SnapshotComponent],
    member: &dyn Fn(&SnapshotComponent) -> bool,
) -> Vec<String> {
    let mut problems = Vec::new();
    let meta = &snapshot.metadata;
    if label(meta, keys::BUILD_PIPELINE_RUN).is_some() || annotation(meta, keys::BUILD_PIPELINE_RUN_UID).is_some() {
        problems.push("the Snapshot was made by a build, and builds are not promoted as overrides".to_owned());
    }
    let mut seen = BTreeSet::new();
    for component in components {
        let name = display_name(component);
        if !seen.insert((&component.name, &component.version)) {
            problems.push(format!("{name} is listed more than once"));
            continue;
        }
        if !member(component) {
            problems.push(format!("{name} does not belong to the owner of the Snapshot"));
        }
        if let Err(error) = ImageReference::parse(&component.container_image) {
            problems.push(format!("{name}: {error}"));
        }
        if !component.source.git.as_ref().is_some_and(|git| !git.url.is_empty() && !git.revision.is_empty()) {
            problems.push(format!("{name} has no git URL and revision"));
        }
    }
    problems
}

/// What an override means for the list of a ComponentGroup.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OverrideDecision {
    /// The whole new list, if it changes.
    pub entries: Option<Vec<Value>>,
    /// Components whose entry is of a newer build, which wins (D-26).
    pub newer: Vec<String>,
    /// Components the group does not list.
    pub not_members: Vec<String>,
}

/// Replaces or adds the entries of a valid override. `created` is the Snapshot's creation and becomes the time of the
/// entries, so a build that began before it cannot undo it; repeating it changes nothing.
pub fn decide_override(
    group: &ComponentGroup,
    raw: &[Value],
    components: &[SnapshotComponent],
    created: Timestamp,
) -> OverrideDecision {
    let created = Some(whole_seconds(created));
    let mut decision = OverrideDecision::default();
    let mut list = raw.to_vec();
    for component in components {
        let (name, version) = (component.name.as_str(), component.version.as_str());
        if !is_member(group, name, version) {
            decision.not_members.push(display_name(component));
            continue;
        }
        let index = list.iter().position(|raw| Entry::read(raw).is_of(name, version));
        let existing = index.and_then(|index| list.get(index)).map(Entry::read);
        if existing.is_some_and(|existing| existing.time > created) {
            decision.newer.push(display_name(component));
            continue;
        }
        let (url, commit) = component.source.git.as_ref().map_or(("", ""), |git| (&git.url, &git.revision));
        let entry = Entry { name, version, url, image: &component.container_image, commit, time: created };
        if existing != Some(entry) {
            list = with_entry(&list, index, &entry);
        }
    }
    decision.entries = (list != raw).then_some(list);
    decision
}

/// `name`, or `name (version v)` (API-59).
fn display_name(component: &SnapshotComponent) -> String {
    if component.version.is_empty() {
        component.name.clone()
    } else {
        format!("{} (version {})", component.name, component.version)
    }
}
