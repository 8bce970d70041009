//! One PipelineRun from start to end.

use std::time::Duration;

use integration_api::keys;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::outcome::Task;
use super::{Outcome, Play, now, succeeded};
use crate::hash::sha256;
use crate::space::resource;

/// Pause before a write is tried again, for example while the API server restarts.
const RETRY: Duration = Duration::from_millis(100);

/// Whether the run has ended.
pub(super) fn finished(run: &DynamicObject) -> bool {
    let conditions = run.data["status"]["conditions"].as_array();
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Succeeded" && condition["status"] != "Unknown")
}

/// A run and the means to write it.
pub(super) struct Stage {
    runs: Api<DynamicObject>,
    tasks: Api<DynamicObject>,
    run: DynamicObject,
}

/// The run was deleted, or replaced by another one of that name.
struct Gone;

impl Stage {
    pub(super) fn new(client: Client, namespace: &str, run: DynamicObject) -> Self {
        Self {
            runs: Api::namespaced_with(client.clone(), namespace, &resource("PipelineRun")),
            tasks: Api::namespaced_with(client, namespace, &resource("TaskRun")),
            run,
        }
    }

    /// Plays the run to its end; false if it was deleted meanwhile.
    pub(super) async fn play(&self, play: Play, mut canceled: watch::Receiver<bool>) -> bool {
        self.act(play, &mut canceled).await.is_ok()
    }

    async fn act(&self, play: Play, canceled: &mut watch::Receiver<bool>) -> Result<(), Gone> {
        let Play { mut outcome, duration } = play;
        let start = self.run.data["status"]["startTime"].as_str().map_or_else(now, str::to_owned);
        if outcome != Outcome::Unresolvable {
            let message = "Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 1, Skipped: 0";
            self.write(json!({"startTime": start, "conditions": [succeeded("Unknown", "Running", message)]})).await?;
        }
        let hang = outcome == Outcome::Hang;
        let end = async {
            if hang {
                std::future::pending::<()>().await;
            } else if !duration.is_zero() {
                tokio::time::sleep(duration).await;
            }
        };
        // A request to cancel counts even when the run would be over at once.
        tokio::select! {
            biased;
            Ok(_) = canceled.wait_for(|canceled| *canceled) => outcome = Outcome::Cancelled,
            () = end => {}
        }

        let mut children = Vec::new();
        for task in outcome.tasks() {
            children.push(self.create_task_run(&task, &start).await?);
        }
        let ending = outcome.ending();
        let mut status = json!({
            "startTime": start,
            "completionTime": now(),
            "conditions": [succeeded(ending.status, ending.reason, ending.message)],
            "childReferences": children,
        });
        if outcome == Outcome::Build {
            status["results"] = self.build_results();
        }
        self.write(status).await?;
        if outcome == Outcome::Build {
            self.sign().await?;
        }
        Ok(())
    }

    /// Writes the status of the run, until the API server takes it.
    async fn write(&self, status: Value) -> Result<(), Gone> {
        let patch = Patch::Merge(json!({"metadata": {"uid": self.run.uid()}, "status": status}));
        let (name, params) = (self.run.name_any(), PatchParams::default());
        retried(|| self.runs.patch_status(&name, &params, &patch)).await
    }

    async fn sign(&self) -> Result<(), Gone> {
        let metadata = json!({"uid": self.run.uid(), "annotations": {(keys::CHAINS_SIGNED): "true"}});
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        let (name, params) = (self.run.name_any(), PatchParams::default());
        retried(|| self.runs.patch(&name, &params, &patch)).await
    }

    /// Creates the finished TaskRun of a task; returns the run's reference to it.
    async fn create_task_run(&self, task: &Task, start: &str) -> Result<Value, Gone> {
        let run = self.run.name_any();
        let name = child_name(&run, &task.name);
        let mut labels = json!(self.run.labels());
        labels[keys::TEKTON_PIPELINE_RUN] = json!(run);
        labels["tekton.dev/pipelineTask"] = json!(task.name);
        labels["tekton.dev/memberOf"] = json!("tasks");
        let body: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "TaskRun",
            "metadata": {
                "name": name,
                "labels": labels,
                "ownerReferences": [{
                    "apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "name": run, "uid": self.run.uid(),
                    "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": {"taskRef": {"kind": "Task", "name": task.name}, "serviceAccountName": "default"},
        }))
        .expect("a TaskRun");
        retried(|| async {
            match self.tasks.create(&PostParams::default(), &body).await {
                // A stand-in before us got this far.
                Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(body.clone()),
                other => other,
            }
        })
        .await?;
        let (status, reason) = if task.succeeded { ("True", "Succeeded") } else { ("False", "Failed") };
        let results: Vec<Value> = task
            .output
            .iter()
            .map(|output| json!({"name": "TEST_OUTPUT", "type": "string", "value": output}))
            .collect();
        let patch = Patch::Merge(json!({"status": {
            "podName": format!("{name}-pod"),
            "startTime": start,
            "completionTime": now(),
            "conditions": [succeeded(status, reason, "All Steps have completed executing")],
            "results": results,
        }}));
        let params = PatchParams::default();
        retried(|| self.tasks.patch_status(&name, &params, &patch)).await?;
        Ok(json!({"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "name": name, "pipelineTaskName": task.name}))
    }

    /// Results of a build from its parameters, as the build pipelines do it.
    fn build_results(&self) -> Value {
        let param = |name: &str| {
            let params = self.run.data["spec"]["params"].as_array();
            let found = params.into_iter().flatten().find(|param| param["name"] == name);
            found.and_then(|param| param["value"].as_str()).unwrap_or_default().to_owned()
        };
        let image = param("output-image");
        json!([
            {"name": keys::RESULT_IMAGE_URL, "value": image},
            {"name": keys::RESULT_IMAGE_DIGEST, "value": crate::fixtures::digest(&self.run.name_any())},
            {"name": keys::RESULT_GIT_URL, "value": param("git-url")},
            {"name": keys::RESULT_GIT_COMMIT, "value": param("revision")},
        ])
    }
}

/// Tries until the API server takes it or says that the object is gone. A request it refuses is a mistake in the test.
async fn retried<T, F>(attempt: impl Fn() -> F) -> Result<(), Gone>
where
    F: Future<Output = kube::Result<T>>,
{
    loop {
        match attempt().await {
            Ok(_) => return Ok(()),
            // 403: the namespace is being deleted.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => return Err(Gone),
            // Another object has the name now.
            Err(kube::Error::Api(status)) if status.code == 409 && status.message.contains("UID") => return Err(Gone),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => {
                panic!("the stand-in Tekton wrote something invalid: {status}")
            }
            Err(_) => tokio::time::sleep(RETRY).await,
        }
    }
}

/// `<run>-<task>`, shortened as Tekton does when it is longer than a label value may be.
fn child_name(run: &str, task: &str) -> String {
    let name = format!("{run}-{task}");
    if name.len() <= 63 {
        return name;
    }
    format!("{}{}", &name[..31], &sha256(&name)[..32])
}
