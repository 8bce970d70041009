//! Waiting for something to become visible, and a readable picture of a namespace when it does not.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::{TestSpace, process};

/// Looks every 50 ms until `look` finds something. There is no way to succeed by time alone.
pub async fn wait_for<T, F>(what: &str, timeout: Duration, mut look: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(found) = look().await {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("waited {timeout:?} for {what}");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The kinds that the service works with.
pub(crate) const KINDS: [&str; 9] = [
    "Application",
    "ComponentGroup",
    "Component",
    "IntegrationTestScenario",
    "ReleasePlan",
    "PipelineRun",
    "TaskRun",
    "Snapshot",
    "Release",
];

/// The objects of the namespace with conditions, annotations and labels, its Events, the end of the programs' logs.
pub async fn dump(space: &TestSpace) -> String {
    let mut text = format!("---- namespace {} ----\n", space.namespace);
    for kind in KINDS.into_iter().chain(["Lease"]) {
        match space.list(kind, "").await {
            Ok(objects) => objects.iter().for_each(|object| describe(&mut text, kind, object)),
            Err(error) => {
                let _ = writeln!(text, "{kind}: {error:#}");
            }
        }
    }
    for event in space.list("Event", "").await.unwrap_or_default() {
        let _ = writeln!(
            text,
            "Event {} {} on {} {}: {}",
            string(&event["type"]),
            string(&event["reason"]),
            string(&event["involvedObject"]["kind"]),
            string(&event["involvedObject"]["name"]),
            string(&event["message"]),
        );
    }
    let logs = space.control_plane.program_logs.lock().unwrap().clone();
    for (namespaces, log) in logs {
        if namespaces.is_empty() || namespaces.contains(&space.namespace) {
            let _ = writeln!(text, "---- end of {} ----\n{}", log.display(), process::tail(&log, 40));
        }
    }
    text
}

fn describe(text: &mut String, kind: &str, object: &Value) {
    let metadata = &object["metadata"];
    let _ = write!(text, "{kind} {}", string(&metadata["name"]));
    if !metadata["deletionTimestamp"].is_null() {
        text.push_str(" (being deleted)");
    }
    if !metadata["finalizers"].is_null() {
        let _ = write!(text, " finalizers {}", metadata["finalizers"]);
    }
    text.push('\n');
    for part in ["labels", "annotations"] {
        for (key, value) in metadata[part].as_object().into_iter().flatten() {
            let _ = writeln!(text, "    {key}: {}", cut(&string(value)));
        }
    }
    for condition in object["status"]["conditions"].as_array().into_iter().flatten() {
        let _ = writeln!(
            text,
            "    condition {}={} {}: {}",
            string(&condition["type"]),
            string(&condition["status"]),
            string(&condition["reason"]),
            cut(&string(&condition["message"]))
        );
    }
    for key in ["globalCandidateList", "lastPromotedImage", "lastBuiltCommit", "automated", "parentSnapshots"] {
        if let Some(value) = object["status"].get(key) {
            let _ = writeln!(text, "    status.{key}: {}", cut(&value.to_string()));
        }
    }
    if kind == "Release" || kind == "Lease" {
        let _ = writeln!(text, "    spec: {}", cut(&object["spec"].to_string()));
    }
}

/// A JSON string without quotes, other values as JSON, nothing for null.
fn string(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn cut(text: &str) -> String {
    const LIMIT: usize = 600;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn a_wait_ends_with_what_was_found() {
        let looks = Cell::new(0);
        let found = wait_for("the third look", Duration::from_secs(10), || async {
            looks.set(looks.get() + 1);
            (looks.get() == 3).then_some(looks.get())
        })
        .await;
        assert_eq!(found.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_wait_in_vain_is_an_error_that_names_the_wish() {
        let error = wait_for("snow", Duration::ZERO, || async { None::<()> }).await.unwrap_err();
        assert!(error.to_string().contains("snow"), "{error}");
    }
}
