//! A stand-in for Tekton: starts PipelineRuns and finishes them with the outcome a test asks for. Like Tekton it writes
//! only the status of PipelineRuns and TaskRuns of its own.

mod outcome;
mod play;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use integration_api::keys;
use kube::api::Api;
use kube::core::DynamicObject;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Resource, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub use outcome::Outcome;

use crate::TestSpace;
use crate::space::resource;

/// What happens to a PipelineRun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Play {
    /// How it ends.
    pub outcome: Outcome,
    /// How long it runs.
    pub duration: Duration,
}

/// The stand-in; stops when dropped. Runs it left unfinished are taken up by the next one.
#[derive(Debug)]
pub struct Tekton {
    script: Arc<Script>,
    _watches: JoinSet<()>,
}

/// What to do with which run, shared with the tasks at work.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// By scenario; the first entry is used up while there is another one behind it.
    plays: Mutex<HashMap<String, VecDeque<Play>>>,
    fallback: Mutex<Play>,
    /// How long builds run; `None` = somebody else plays them.
    builds: Mutex<Option<Duration>>,
    finished: AtomicUsize,
}

impl Tekton {
    /// Plays Tekton in the namespace of a test: every test PipelineRun succeeds at once unless told otherwise.
    pub fn start(space: &TestSpace) -> Self {
        Self::start_in(&space.client, std::slice::from_ref(&space.namespace))
    }

    /// Plays Tekton in these namespaces.
    pub fn start_in(client: &Client, namespaces: &[String]) -> Self {
        let script = Arc::new(Script::default());
        let mut watches = JoinSet::new();
        for namespace in namespaces {
            watches.spawn(work(client.clone(), namespace.clone(), Arc::clone(&script)));
        }
        Self { script, _watches: watches }
    }

    /// Test runs of that scenario end so, from now on.
    pub fn play(&self, scenario: &str, outcome: Outcome) {
        let duration = self.script.fallback.lock().unwrap().duration;
        self.play_all(scenario, [Play { outcome, duration }]);
    }

    /// Test runs of that scenario end so one after the other; the last one stays.
    pub fn play_all(&self, scenario: &str, plays: impl IntoIterator<Item = Play>) {
        self.script.plays.lock().unwrap().insert(scenario.to_owned(), plays.into_iter().collect());
    }

    /// Test runs of all other scenarios.
    pub fn play_others(&self, play: Play) {
        *self.script.fallback.lock().unwrap() = play;
    }

    /// Plays builds too: each succeeds after that time with the results its parameters ask for, and is signed. Only for
    /// builds created from now on.
    pub fn play_builds(&self, duration: Duration) {
        *self.script.builds.lock().unwrap() = Some(duration);
    }

    /// How many runs it has finished.
    pub fn finished(&self) -> usize {
        self.script.finished.load(Ordering::Relaxed)
    }
}

impl Script {
    /// What to do with a run, `None` for one that is not ours to play.
    fn of(&self, run: &DynamicObject) -> Option<Play> {
        match run.labels().get(keys::PIPELINE_TYPE)?.as_str() {
            keys::PIPELINE_TEST => {
                let scenario = run.labels().get(keys::SCENARIO).map_or("", String::as_str);
                let mut plays = self.plays.lock().unwrap();
                let of_scenario = plays.get_mut(scenario).filter(|plays| !plays.is_empty());
                Some(match of_scenario {
                    Some(plays) if plays.len() > 1 => plays.pop_front().unwrap(),
                    Some(plays) => plays[0].clone(),
                    None => self.fallback.lock().unwrap().clone(),
                })
            }
            keys::PIPELINE_BUILD => {
                let duration = (*self.builds.lock().unwrap())?;
                Some(Play { outcome: Outcome::Build, duration })
            }
            _ => None,
        }
    }
}

/// Watches one namespace and plays every unfinished run in it.
async fn work(client: Client, namespace: String, script: Arc<Script>) {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &namespace, &resource("PipelineRun"));
    let config = watcher::Config::default().labels(keys::PIPELINE_TYPE);
    let mut events = Box::pin(watcher(api, config).default_backoff());
    let mut tasks = JoinSet::new();
    let mut runs: HashMap<String, (watch::Sender<bool>, AbortHandle)> = HashMap::new();
    while let Some(event) = events.next().await {
        // An error is followed by a new list: the watcher sees to that.
        let (run, deleted) = match event {
            Ok(Event::Apply(run) | Event::InitApply(run)) => (run, false),
            Ok(Event::Delete(run)) => (run, true),
            Ok(Event::Init | Event::InitDone) | Err(_) => continue,
        };
        let uid = run.uid().unwrap_or_default();
        // Tekton does not go on with a run that is being deleted.
        if deleted || run.meta().deletion_timestamp.is_some() || play::finished(&run) {
            if let Some((_, task)) = runs.remove(&uid)
                && !play::finished(&run)
            {
                task.abort();
            }
            continue;
        }
        let wanted = run.data["spec"]["status"].as_str().unwrap_or_default();
        if wanted == "PipelineRunPending" {
            continue;
        }
        let cancel = !wanted.is_empty();
        if let Some((sender, _)) = runs.get(&uid) {
            sender.send_if_modified(|current| !std::mem::replace(current, cancel) && cancel);
            continue;
        }
        let Some(play) = script.of(&run) else { continue };
        let (sender, canceled) = watch::channel(cancel);
        let stage = play::Stage::new(client.clone(), &namespace, run);
        let script = Arc::clone(&script);
        let task = tasks.spawn(async move {
            if stage.play(play, canceled).await {
                script.finished.fetch_add(1, Ordering::Relaxed);
            }
        });
        runs.insert(uid, (sender, task));
        // Ended tasks are dropped here so that the set does not grow for ever.
        while tasks.try_join_next().is_some() {}
    }
}

/// The time as Kubernetes writes it: RFC 3339 in whole seconds.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A `Succeeded` condition of now.
pub fn succeeded(status: &str, reason: &str, message: &str) -> Value {
    json!({"type": "Succeeded", "status": status, "reason": reason, "message": message, "lastTransitionTime": now()})
}
