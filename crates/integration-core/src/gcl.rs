//! The global candidate list: the newest promotable image of every member of an owner (SC-B11, D-8).
//!
//! In the ComponentGroup model it is `status.globalCandidateList` of the group, in the Application model it is spread
//! over the Components. The list of a group is atomic and has three writers, so a writer sends it whole: the entries
//! it did not decide about must come back byte for byte. The functions here therefore take the list as JSON, `raw`,
//! from the same object as `group`. A caller that keeps typed objects only may pass [`entries`]: that holds the same
//! values, and the same bytes wherever a program of the service wrote the entry.

mod align;
mod application;
mod overrides;

pub use align::{Aligned, ordered};
pub use application::{ComponentCandidate, application_decide};
pub use overrides::{OverrideDecision, decide_override, override_problems};

use integration_api::ComponentGroup;
use integration_api::formats::rfc3339;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::build::BuildResults;

/// A build as it stands in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GclBuild {
    /// Component.
    pub name: String,
    /// Version of the Component.
    pub version: String,
    /// Git URL.
    pub url: String,
    /// Image by digest.
    pub image: String,
    /// Commit.
    pub commit: String,
    /// Start of the build. Unset counts as older than any start (GA-X9).
    pub start: Option<Timestamp>,
}

impl GclBuild {
    /// What a build delivered. `start` is `status.startTime` of its PipelineRun.
    pub fn new(name: &str, version: &str, results: &BuildResults, start: Option<Timestamp>) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            url: results.url.clone(),
            image: results.image.to_string(),
            commit: results.revision.clone(),
            start,
        }
    }
}

/// What a build means for the list of one ComponentGroup.
#[derive(Clone, Debug, PartialEq)]
pub enum GclDecision {
    /// The group does not list the Component in this version.
    NotMember,
    /// The list holds a newer build.
    Superseded,
    /// The list holds this build.
    Unchanged,
    /// The whole new list.
    Write(Vec<Value>),
}

/// Decides about the entry of a build (SC-B11, GA-21, GA-X6, GA-X9): replaced where the first one of its name and
/// version stands, appended where there is none.
pub fn decide(group: &ComponentGroup, raw: &[Value], build: &GclBuild) -> GclDecision {
    if !is_member(group, &build.name, &build.version) {
        return GclDecision::NotMember;
    }
    let start = build.start.map(whole_seconds);
    let entry = Entry {
        name: &build.name,
        version: &build.version,
        url: &build.url,
        image: &build.image,
        commit: &build.commit,
        time: start,
    };
    let mut existing =
        raw.iter().map(Entry::read).enumerate().filter(|(_, raw)| raw.is_of(&build.name, &build.version));
    // Unset sorts before every time: a timed entry is never replaced by an untimed one.
    if existing.clone().any(|(_, existing)| existing.time > start) {
        return GclDecision::Superseded;
    }
    match existing.next() {
        Some((_, existing)) if existing == entry => GclDecision::Unchanged,
        first => GclDecision::Write(with_entry(raw, first.map(|(index, _)| index), &entry)),
    }
}

/// The list of a typed object as JSON; see the module's documentation.
pub fn entries(group: &ComponentGroup) -> Vec<Value> {
    let list = group.status.iter().flat_map(|status| &status.global_candidate_list);
    list.filter_map(|entry| serde_json::to_value(entry).ok()).collect()
}

/// Whether the group lists the Component in this version; references to nested groups do not count.
pub fn is_member(group: &ComponentGroup, name: &str, version: &str) -> bool {
    group
        .spec
        .components
        .iter()
        .any(|member| !member.is_group() && member.name == name && member.version_name() == version)
}

/// An entry as it is compared: absent and empty strings are alike (API-57), times are instants, junk is no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry<'a> {
    name: &'a str,
    version: &'a str,
    url: &'a str,
    image: &'a str,
    commit: &'a str,
    time: Option<Timestamp>,
}

impl<'a> Entry<'a> {
    fn read(raw: &'a Value) -> Self {
        let text = |key| raw.get(key).and_then(Value::as_str).unwrap_or_default();
        Self {
            name: text("name"),
            version: text("version"),
            url: text("url"),
            image: text("lastPromotedImage"),
            commit: text("lastPromotedCommit"),
            time: text("lastPromotedBuildTime").parse().ok(),
        }
    }

    /// The stored form (GA-8): every string, the time if there is one.
    fn write(&self) -> Value {
        let texts = [
            ("name", self.name),
            ("version", self.version),
            ("url", self.url),
            ("lastPromotedImage", self.image),
            ("lastPromotedCommit", self.commit),
        ];
        let mut entry: Map<_, _> = texts.iter().map(|(key, text)| ((*key).to_owned(), Value::from(*text))).collect();
        if let Some(time) = self.time {
            entry.insert("lastPromotedBuildTime".to_owned(), rfc3339::seconds(time).into());
        }
        Value::Object(entry)
    }

    fn is_of(&self, name: &str, version: &str) -> bool {
        self.name == name && self.version == version
    }
}

/// The list with the entry at its index, or at the end.
fn with_entry(raw: &[Value], index: Option<usize>, entry: &Entry<'_>) -> Vec<Value> {
    let mut list = raw.to_vec();
    match index.and_then(|index| list.get_mut(index)) {
        Some(existing) => *existing = entry.write(),
        None => list.push(entry.write()),
    }
    list
}

/// The list holds seconds (API-58); a finer time would differ from its own entry for ever.
fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

#[cfg(test)]
mod tests;
