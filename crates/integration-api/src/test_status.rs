//! The test status array in annotation `test.appstudio.openshift.io/status` of a Snapshot: which scenario stands
//! where (API-156 … API-163, RR-1 … RR-14).
//!
//! Three programs write it and the reference may run beside them, so an array is read tolerantly and what nobody
//! changed is written back as it was read (API-B4, TR-B7):
//!
//! ```
//! use integration_api::test_status::{StatusArray, TestStatus, WarningWireName};
//!
//! let mut array = StatusArray::parse(Some(
//!     r#"[{"scenario":"e2e","status":"InProgress","lastUpdateTime":"2024-01-02T03:04:05Z"}]"#,
//! ))?;
//! let now = "2024-01-02T04:00:00Z".parse()?;
//! assert!(array.update("e2e", TestStatus::TestWarning, "2 warnings", now));
//! assert!(array.get("e2e").is_some_and(|entry| entry.status.is_passed()));
//! assert!(array.to_annotation(WarningWireName::default()).contains("BuildPLRInProgress"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod read;
mod status;
mod write;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::formats::truncate;

pub use entry::Entry;
pub use read::{NotAnArray, OpaqueMember};
pub use status::{TestStatus, UnknownWarningWireName, WarningWireName};
pub use write::{ARRAY_LIMIT, DETAILS_LIMIT, SHORTENED_DETAILS_LIMIT};

/// Details of an entry that was reset for another run (API-162).
const PENDING_DETAILS: &str = "Pending";

/// The array: at most one entry a scenario, sorted by scenario (RR-B9), and the members that could not be read.
///
/// The methods that change it say whether they did; write it only if one of them did (RR-14), because the text of
/// an unchanged array may still differ in the order of its members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatusArray {
    entries: BTreeMap<String, Entry>,
    opaque: Vec<OpaqueMember>,
}

impl StatusArray {
    /// Reads the annotation. Absent or `""` is the empty array (API-156). A member that is malformed or has an
    /// unknown status is kept as it is and found by [`opaque`](Self::opaque) (API-B4). Of several members for one
    /// scenario the last wins. Fails only when the value is no JSON array.
    pub fn parse(annotation: Option<&str>) -> Result<Self, NotAnArray> {
        read::array(annotation)
    }

    /// The entry of a scenario.
    pub fn get(&self, scenario: &str) -> Option<&Entry> {
        self.entries.get(scenario)
    }

    /// All readable entries, sorted by scenario.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Whether there is neither an entry nor an unreadable member.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.opaque.is_empty()
    }

    /// The members that could not be read, sorted by scenario, those that name none last. They count as not final (TR-B19).
    pub fn opaque(&self) -> &[OpaqueMember] {
        &self.opaque
    }

    /// Whether the member of this scenario is there but could not be read.
    pub fn has_opaque(&self, scenario: &str) -> bool {
        self.opaque.iter().any(|member| member.names(scenario))
    }

    /// Sets status and details of a scenario (API-160). Creates a missing entry; an unreadable member of the
    /// scenario is replaced by it. Details are cut to [`DETAILS_LIMIT`]. Returns whether anything changed.
    pub fn update(&mut self, scenario: &str, status: TestStatus, details: &str, now: Timestamp) -> bool {
        let details = truncate(details, DETAILS_LIMIT);
        if !self.entries.contains_key(scenario) {
            let mut entry = Entry::new(scenario, status, details, now);
            entry.enter(status, now);
            self.insert(entry);
            return true;
        }
        self.change(scenario, |entry| {
            let new_status = entry.status != status;
            let new_details = !write::same_details(&entry.details, &details);
            if new_status {
                entry.enter(status, now);
            }
            if new_details {
                entry.details = details;
                entry.last_update_time = now;
            }
            new_status || new_details
        })
    }

    /// Names the test PipelineRun of a scenario (API-161). Returns whether anything changed; without an entry
    /// nothing does.
    pub fn set_pipeline_run(&mut self, scenario: &str, name: &str) -> bool {
        self.change(scenario, |entry| replace(&mut entry.pipeline_run, name.to_owned()))
    }

    /// Sets the details without touching `lastUpdateTime`, so that the change is neither reported nor taken for
    /// progress (TR-B52). Returns whether anything changed.
    pub fn set_details_quietly(&mut self, scenario: &str, details: &str) -> bool {
        let details = truncate(details, DETAILS_LIMIT);
        self.change(scenario, |entry| {
            !write::same_details(&entry.details, &details) && replace(&mut entry.details, details)
        })
    }

    /// Sets whether the scenario's failure does not count. Returns whether anything changed.
    pub fn set_optional(&mut self, scenario: &str, optional: bool) -> bool {
        self.change(scenario, |entry| replace(&mut entry.optional, optional))
    }

    /// Sets the scenarios this one waits for. Returns whether anything changed.
    pub fn set_run_after(&mut self, scenario: &str, parents: &[String]) -> bool {
        self.change(scenario, |entry| replace(&mut entry.run_after, parents.to_vec()))
    }

    /// Sets the number of the run (TR-B50). Returns whether anything changed.
    pub fn set_attempt(&mut self, scenario: &str, attempt: u32) -> bool {
        self.change(scenario, |entry| replace(&mut entry.attempt, Some(attempt.max(1))))
    }

    /// Makes the scenario wait for run number `attempt` (API-162 and row 9 of state machine M1): Pending, without
    /// PipelineRun and times, `lastUpdateTime` = `now` even if it was Pending before. `runAfter` is kept. A missing
    /// entry is created; an unreadable member of the scenario is replaced.
    pub fn reset(&mut self, scenario: &str, optional: bool, attempt: u32, now: Timestamp) {
        let details = PENDING_DETAILS.to_owned();
        let previous = self.entries.remove(scenario);
        let mut entry = previous.unwrap_or_else(|| Entry::new(scenario, TestStatus::Pending, String::new(), now));
        entry.enter(TestStatus::Pending, now);
        entry.details = details;
        entry.pipeline_run.clear();
        entry.optional = optional;
        entry.attempt = Some(attempt.max(1));
        entry.touch();
        self.insert(entry);
    }

    /// Removes the entry or the unreadable member of a scenario (RR-13). Returns whether there was one.
    pub fn remove(&mut self, scenario: &str) -> bool {
        let unreadable = self.opaque.len();
        self.opaque.retain(|member| !member.names(scenario));
        self.entries.remove(scenario).is_some() || self.opaque.len() < unreadable
    }

    /// The annotation value: sorted by scenario, members nobody changed as they were read, at most [`ARRAY_LIMIT`]
    /// bytes as far as shorter details achieve that (RR-B10).
    pub fn to_annotation(&self, warning: WarningWireName) -> String {
        self.to_annotation_within(warning, ARRAY_LIMIT)
    }

    /// As [`to_annotation`](Self::to_annotation) with another limit in bytes, for an object whose other annotations
    /// leave less room (API-B18) or that the API server refused as too large (RR-B10).
    pub fn to_annotation_within(&self, warning: WarningWireName, limit: usize) -> String {
        write::array(&self.entries, &self.opaque, warning, limit)
    }

    /// Lets the closure change an entry; what it changed is no longer written as it was read.
    fn change(&mut self, scenario: &str, change: impl FnOnce(&mut Entry) -> bool) -> bool {
        let Some(entry) = self.entries.get_mut(scenario) else {
            return false;
        };
        let changed = change(entry);
        if changed {
            entry.touch();
        }
        changed
    }

    /// Puts an entry in the place of whatever the array has for its scenario.
    fn insert(&mut self, entry: Entry) {
        self.opaque.retain(|member| !member.names(&entry.scenario));
        self.entries.insert(entry.scenario.clone(), entry);
    }

    /// Keeps an unreadable member in the place of whatever the array has for its scenario.
    fn insert_opaque(&mut self, member: OpaqueMember) {
        if let Some(scenario) = &member.scenario {
            self.opaque.retain(|other| !other.names(scenario));
            self.entries.remove(scenario);
        }
        self.opaque.push(member);
        // Sorted like the entries, so that two arrays that differ in order only are equal.
        self.opaque.sort_by(|left, right| left.sort_key().cmp(&right.sort_key()));
    }
}

/// Assigns the value and says whether it was another one before.
fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let changed = *place != value;
    *place = value;
    changed
}

#[cfg(test)]
mod tests;
