//! Prints what happens in the namespace, as it happens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use e2e::TestSpace;
use e2e::objects::condition;
use futures::StreamExt;
use integration_api::keys;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::Value;
use tokio::task::JoinSet;

/// Tells the story; stops when dropped.
pub struct Narrator {
    told: Arc<Told>,
    watches: JoinSet<()>,
}

struct Told {
    began: Instant,
    /// What was last said of an object, so that nothing is said twice.
    lines: Mutex<HashMap<String, String>>,
}

impl Narrator {
    /// Watches the namespace from now on.
    pub fn start(space: &TestSpace) -> Self {
        let told = Arc::new(Told { began: Instant::now(), lines: Mutex::default() });
        let mut watches = JoinSet::new();
        for kind in ["PipelineRun", "Snapshot", "Release", "Component"] {
            let (api, told) = (space.api(kind), Arc::clone(&told));
            watches.spawn(async move {
                let mut objects =
                    std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff().applied_objects());
                while let Some(object) = objects.next().await {
                    if let Ok(object) = object.map(|object| serde_json::to_value(object).unwrap_or_default()) {
                        for (topic, line) in describe(kind, &object) {
                            told.say(&format!("{kind}/{}/{topic}", object["metadata"]["name"]), &line);
                        }
                    }
                }
            });
        }
        Self { told, watches }
    }

    /// A headline.
    pub fn scene(&self, title: &str) {
        println!("── {title}");
        self.told.lines.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, line| !line.is_empty());
    }

    /// Stops watching.
    pub async fn finish(mut self) {
        self.watches.shutdown().await;
        println!();
    }
}

impl Told {
    fn say(&self, about: &str, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.get(about).is_some_and(|last| last == line) {
            return;
        }
        lines.insert(about.to_owned(), line.to_owned());
        println!("{:>7.2} s  {line}", self.began.elapsed().as_secs_f64());
    }
}

/// What an object says at the moment: topic and line.
fn describe(kind: &str, object: &Value) -> Vec<(&'static str, String)> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let label = |key: &str| object["metadata"]["labels"][key].as_str().unwrap_or_default();
    let annotation = |key: &str| object["metadata"]["annotations"][key].as_str().unwrap_or_default();
    match kind {
        "PipelineRun" => {
            let what = if label(keys::PIPELINE_TYPE) == keys::PIPELINE_TEST {
                format!("test     {} ({name})", label(keys::SCENARIO))
            } else {
                format!("build    {name}")
            };
            let ended = condition(object, "Succeeded").filter(|condition| condition["status"] != "Unknown");
            let state = match ended {
                Some(condition) => condition["reason"].as_str().unwrap_or("ended").to_owned(),
                None if object["status"]["startTime"].is_string() => "running".to_owned(),
                None => "created".to_owned(),
            };
            let mut lines = vec![("state", format!("{what}: {state}"))];
            if label(keys::PIPELINE_TYPE) == keys::PIPELINE_BUILD && !annotation(keys::PR_GROUP).is_empty() {
                lines.push(("group", format!("group    {name} is in PR group {}", annotation(keys::PR_GROUP))));
            }
            lines
        }
        "Snapshot" => {
            let images = object["spec"]["components"].as_array().map_or(0, Vec::len);
            let cause = match annotation(keys::DELETED_COMPONENTS) {
                "" => label(keys::BUILD_PIPELINE_RUN),
                _ => "what the deletion left",
            };
            let left_out = annotation(keys::CREATE_SNAPSHOT_STATUS);
            let mut lines = vec![(
                "created",
                format!(
                    "snapshot {name}: {images} image(s) from {cause}{}",
                    if left_out.is_empty() { String::new() } else { format!("; left out: {left_out}") }
                ),
            )];
            if let Some(verdict) = condition(object, "AppStudioTestSucceeded") {
                lines.push((
                    "verdict",
                    format!(
                        "verdict  {name}: {} ({})",
                        verdict["reason"].as_str().unwrap_or_default(),
                        verdict["message"].as_str().unwrap_or_default()
                    ),
                ));
            }
            let canceled =
                condition(object, "AppStudioIntegrationStatus").filter(|found| found["reason"] == "Canceled");
            if let Some(canceled) = canceled {
                let why = canceled["message"].as_str().unwrap_or_default();
                lines.push(("canceled", format!("canceled {name}: {why}")));
            }
            if annotation(keys::PR_STATUS) == "merged" {
                lines.push(("merged", format!("merged   {name}: its pull request was merged")));
            }
            lines
        }
        "Component" if !object["metadata"]["deletionTimestamp"].is_null() => {
            vec![("deleted", format!("deleted  component {name}, kept until its Snapshot is there"))]
        }
        "Component" => Vec::new(),
        _ => vec![(
            "created",
            format!(
                "release  {name}: {} with {}",
                object["spec"]["snapshot"].as_str().unwrap_or_default(),
                object["spec"]["releasePlan"].as_str().unwrap_or_default()
            ),
        )],
    }
}
