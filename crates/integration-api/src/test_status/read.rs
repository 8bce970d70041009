//! Reading the test status array (RR-6, API-B4, TR-B19).

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{Entry, StatusArray, TestStatus};
use crate::formats::{JsonObject, rfc3339};

/// The annotation is no JSON array, so nothing can be said about any scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the test status is {0} where a JSON array is expected")]
pub struct NotAnArray(String);

/// A member that could not be read. It is written back as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct OpaqueMember {
    /// Scenario it names, if it names one.
    pub scenario: Option<String>,
    /// What is wrong with it, for people.
    pub reason: String,
    /// The member as it was read.
    pub(super) read: String,
}

impl OpaqueMember {
    /// Whether this is the member of that scenario.
    pub(super) fn names(&self, scenario: &str) -> bool {
        self.scenario.as_deref() == Some(scenario)
    }

    /// Place among the unreadable members: by scenario, those without one last.
    pub(super) fn sort_key(&self) -> (bool, Option<&str>, &str) {
        (self.scenario.is_none(), self.scenario.as_deref(), &self.read)
    }
}

/// Reads the annotation.
pub(super) fn array(annotation: Option<&str>) -> Result<StatusArray, NotAnArray> {
    let mut array = StatusArray::default();
    let text = annotation.unwrap_or_default();
    if text.is_empty() {
        return Ok(array);
    }
    let members: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| NotAnArray(found(text, &error)))?;
    for member in members {
        let read = member.get();
        match JsonObject::parse(read).and_then(|object| entry(&object)) {
            Ok(mut entry) => {
                entry.read = Some(read.to_owned());
                array.insert(entry);
            }
            Err(reason) => {
                let scenario = JsonObject::parse(read).and_then(|object| object.required("scenario")).ok();
                array.insert_opaque(OpaqueMember { scenario, reason, read: read.to_owned() });
            }
        }
    }
    Ok(array)
}

/// What a text is that is no array.
fn found(text: &str, error: &serde_json::Error) -> String {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Null) => "null".to_owned(),
        Ok(serde_json::Value::Bool(_)) => "a boolean".to_owned(),
        Ok(serde_json::Value::Number(_)) => "a number".to_owned(),
        Ok(serde_json::Value::String(_)) => "a string".to_owned(),
        Ok(serde_json::Value::Object(_)) => "an object".to_owned(),
        Ok(serde_json::Value::Array(_)) | Err(_) => format!("broken JSON ({error})"),
    }
}

/// Reads one member; the error says what is wrong with it.
fn entry(object: &JsonObject) -> Result<Entry, String> {
    let scenario: String = object.required("scenario")?;
    let name: String = object.required("status")?;
    let status = TestStatus::from_wire(&name).ok_or_else(|| format!("status `{name}` is not known"))?;
    let updated: String = object.required("lastUpdateTime")?;
    let started: Option<String> = object.optional("startTime")?;
    let completed: Option<String> = object.optional("completionTime")?;
    let last_update_time = time("lastUpdateTime", &updated)?;
    let start_time = started.as_deref().map(|text| time("startTime", text)).transpose()?;
    let completion_time = completed.as_deref().map(|text| time("completionTime", text)).transpose()?;
    let attempt = object.optional::<u32>("attempt")?;
    if attempt == Some(0) {
        return Err("`attempt` is 0, the first run is 1".to_owned());
    }
    Ok(Entry {
        scenario,
        status,
        last_update_time,
        details: object.optional("details")?.unwrap_or_default(),
        start_time,
        completion_time,
        pipeline_run: object.optional("testPipelineRunName")?.unwrap_or_default(),
        optional: object.optional("isOptionalScenario")?.unwrap_or_default(),
        run_after: object.optional("runAfter")?.unwrap_or_default(),
        attempt,
        unknown: unknown(object),
        times_read: [Some(updated), started, completed].into_iter().flatten().collect(),
        read: None,
    })
}

/// Reads a time; the error names the key.
fn time(key: &str, text: &str) -> Result<Timestamp, String> {
    rfc3339::parse(text).ok_or_else(|| format!("`{key}` is `{text}`, not an RFC 3339 time"))
}

/// Keys this version does not know, with their values.
fn unknown(object: &JsonObject) -> Vec<(String, String)> {
    let unknown = object.iter().filter(|(key, _)| !KNOWN.contains(key));
    unknown.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Keys this version knows.
const KNOWN: [&str; 10] = [
    "scenario",
    "status",
    "lastUpdateTime",
    "details",
    "startTime",
    "completionTime",
    "testPipelineRunName",
    "isOptionalScenario",
    "runAfter",
    "attempt",
];
