//! Writing the test status array (RR-5, RR-8, RR-B9, RR-B10).

use std::collections::BTreeMap;

use super::{Entry, OpaqueMember, WarningWireName};
use crate::formats::{ObjectWriter, json_string, truncate};

/// Largest details of an entry, in bytes (TR-B40).
pub const DETAILS_LIMIT: usize = 1024;
/// Details are shortened to this many bytes when the array is too large (RR-B10).
pub const SHORTENED_DETAILS_LIMIT: usize = 64;
/// Largest array, in bytes (RR-B10).
pub const ARRAY_LIMIT: usize = 160 * 1024;

/// The array as text: the first stage of shortening that fits the limit, else the last stage.
pub(super) fn array(
    entries: &BTreeMap<String, Entry>,
    opaque: &[OpaqueMember],
    warning: WarningWireName,
    limit: usize,
) -> String {
    let mut text = String::new();
    for stage in [Stage::Whole, Stage::PassedShort, Stage::FinalShort, Stage::AllShort] {
        text = array_in_stage(entries, opaque, warning, stage);
        if text.len() <= limit {
            break;
        }
    }
    text
}

/// Whether the stored details are these details, perhaps shortened to fit an array that was too large. Taking them
/// for different would have the same text written and shortened again for ever.
pub(super) fn same_details(stored: &str, details: &str) -> bool {
    stored == details || stored == truncate(details, SHORTENED_DETAILS_LIMIT)
}

/// Whose details are shortened.
#[derive(Clone, Copy)]
enum Stage {
    Whole,
    PassedShort,
    FinalShort,
    AllShort,
}

impl Stage {
    /// Most bytes of the details of this entry.
    fn details_limit(self, entry: &Entry) -> usize {
        let short = match self {
            Self::Whole => false,
            Self::PassedShort => entry.status.is_passed(),
            Self::FinalShort => entry.status.is_final(),
            Self::AllShort => true,
        };
        if short { SHORTENED_DETAILS_LIMIT } else { DETAILS_LIMIT }
    }
}

fn array_in_stage(
    entries: &BTreeMap<String, Entry>,
    opaque: &[OpaqueMember],
    warning: WarningWireName,
    stage: Stage,
) -> String {
    let mut members: Vec<(Option<&str>, String)> = Vec::with_capacity(entries.len() + opaque.len());
    members.extend(entries.values().map(|entry| (Some(entry.scenario.as_str()), member(entry, warning, stage))));
    members.extend(opaque.iter().map(|member| (member.scenario.as_deref(), member.read.clone())));
    // Members without a scenario come last.
    members.sort_by(|(left, _), (right, _)| (left.is_none(), left).cmp(&(right.is_none(), right)));
    let members: Vec<String> = members.into_iter().map(|(_, text)| text).collect();
    format!("[{}]", members.join(","))
}

/// One member: as it was read if nothing changed and its details are short enough.
fn member(entry: &Entry, warning: WarningWireName, stage: Stage) -> String {
    let limit = stage.details_limit(entry);
    if let Some(read) = &entry.read
        && (limit == DETAILS_LIMIT || entry.details.len() <= limit)
    {
        return read.clone();
    }
    let mut object = ObjectWriter::new();
    object.text("scenario", &entry.scenario);
    object.text("status", entry.status.wire(warning));
    object.text("lastUpdateTime", &entry.time_text(entry.last_update_time));
    object.text("details", &truncate(&entry.details, limit));
    if let Some(time) = entry.start_time {
        object.text("startTime", &entry.time_text(time));
    }
    if let Some(time) = entry.completion_time {
        object.text("completionTime", &entry.time_text(time));
    }
    if !entry.pipeline_run.is_empty() {
        object.text("testPipelineRunName", &entry.pipeline_run);
    }
    if entry.optional {
        object.raw("isOptionalScenario", "true");
    }
    if !entry.run_after.is_empty() {
        let parents: Vec<String> = entry.run_after.iter().map(|parent| json_string(parent)).collect();
        object.raw("runAfter", &format!("[{}]", parents.join(",")));
    }
    for (key, value) in &entry.unknown {
        object.raw(key, value);
    }
    if let Some(attempt) = entry.attempt {
        object.raw("attempt", &attempt.to_string());
    }
    object.finish()
}
