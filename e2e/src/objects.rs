//! Reading objects as a user reads them, as plain JSON.

use std::collections::{BTreeMap, BTreeSet};

use integration_api::keys;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// `metadata.name`.
pub fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// A label, `""` if it is absent.
pub fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["labels"][key].as_str().unwrap_or_default()
}

/// An annotation, `""` if it is absent.
pub fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["annotations"][key].as_str().unwrap_or_default()
}

/// An annotation that is JSON; null if it is absent.
pub fn json_annotation(object: &Value, key: &str) -> Value {
    match annotation(object, key) {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap(),
    }
}

/// Whether the service holds the PipelineRun by its finalizer.
pub fn held(run: &Value) -> bool {
    let finalizers = run["metadata"]["finalizers"].as_array();
    finalizers.into_iter().flatten().any(|finalizer| finalizer == keys::PIPELINE_RUN_FINALIZER)
}

/// Whether the condition stands so.
pub fn has_condition(object: &Value, type_: &str, status: &str, reason: &str) -> bool {
    condition(object, type_).is_some_and(|found| found["status"] == status && found["reason"] == reason)
}

/// A condition.
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    object["status"]["conditions"].as_array()?.iter().find(|condition| condition["type"] == type_)
}

/// Message of a condition, `""` if it is absent.
pub fn message(object: &Value, type_: &str) -> String {
    condition(object, type_).map(|condition| text(&condition["message"])).unwrap_or_default()
}

/// Image of each component of a Snapshot; `name` in the Application model, `name version` in the other.
pub fn images(snapshot: &Value) -> BTreeMap<String, String> {
    let components = snapshot["spec"]["components"].as_array().unwrap();
    let name = |component: &Value| match component["version"].as_str() {
        None | Some("") => text(&component["name"]),
        Some(version) => format!("{} {version}", text(&component["name"])),
    };
    components.iter().map(|component| (name(component), text(&component["containerImage"]))).collect()
}

/// Images as [`images`] returns them.
pub fn expected_images<const N: usize>(images: [(&str, String); N]) -> BTreeMap<String, String> {
    images.into_iter().map(|(name, image)| (name.to_owned(), image)).collect()
}

/// Names of objects, each once.
pub fn names(objects: &[Value]) -> BTreeSet<String> {
    objects.iter().map(|object| name_of(object).to_owned()).collect()
}

/// A JSON string; `""` for anything else.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The time so many seconds ago, as Kubernetes writes it.
pub fn seconds_ago(seconds: i64) -> String {
    let time = Timestamp::now() - SignedDuration::from_secs(seconds);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
