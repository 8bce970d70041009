//! One entry for every member, in the order of the spec.

use std::collections::BTreeSet;

use integration_api::ComponentGroup;
use serde_json::Value;

use super::Entry;

/// A list that follows the spec again.
#[derive(Clone, Debug, PartialEq)]
pub struct Aligned {
    /// The whole new list.
    pub entries: Vec<Value>,
    /// Entries that are no longer in it, as they were (GA-X13).
    pub dropped: Vec<Value>,
}

/// The list with one entry for every member in the order of the spec (GA-4, GA-5, GA-X1): existing entries stay as
/// they are, the newest, else the last one among duplicates; new ones hold name and version only; entries of nested groups and of
/// former members go. `None` where nothing has to change (GA-X2, GA-X3).
pub fn ordered(group: &ComponentGroup, raw: &[Value]) -> Option<Aligned> {
    let mut listed = BTreeSet::new();
    let members = group.spec.components.iter().filter(|member| !member.is_group());
    // A member that is listed twice gets one entry: our definition of the list refuses equal keys (GA-X5).
    let members = members.filter(|member| listed.insert((member.name.as_str(), member.version_name())));
    let mut kept = BTreeSet::new();
    let entries: Vec<Value> = members
        .map(|member| {
            let (name, version) = (member.name.as_str(), member.version_name());
            let same = raw.iter().enumerate().filter(|(_, raw)| Entry::read(raw).is_of(name, version));
            match same.max_by_key(|(_, raw)| Entry::read(raw).time) {
                Some((index, existing)) => {
                    kept.insert(index);
                    existing.clone()
                }
                None => Entry { name, version, ..Entry::default() }.write(),
            }
        })
        .collect();
    if entries == raw {
        return None;
    }
    let dropped =
        raw.iter().enumerate().filter(|(index, _)| !kept.contains(index)).map(|(_, raw)| raw.clone()).collect();
    Some(Aligned { entries, dropped })
}
