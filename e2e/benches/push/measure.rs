//! What a user sees, timed where it arrives: watches on Snapshots, and on test PipelineRuns and Releases of pushes or
//! build PipelineRuns of pull requests.

mod facts;
mod outcome;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use integration_api::keys;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

use facts::Facts;

use crate::builds::{Kind, Signed};

pub use outcome::{Latencies, Outcome};

/// Namespace and name.
pub type Key = (String, String);

/// Watches from its start on; stops when dropped.
pub struct Recorder {
    facts: Arc<Mutex<Facts>>,
    changed: watch::Sender<()>,
    watches: JoinSet<Result<()>>,
    delays: Arc<Mutex<Vec<Duration>>>,
}

impl Recorder {
    /// Starts watching. Objects that exist already are not listed: a cluster may be full of them.
    pub async fn start(client: &Client, kind: Kind) -> Result<Self> {
        let facts = Arc::new(Mutex::new(Facts::new(kind)));
        let (changed, _) = watch::channel(());
        let mut recorder = Self { facts, changed, watches: JoinSet::new(), delays: Arc::default() };
        recorder.watch(client, "", Facts::snapshot).await?;
        let runs = |kind| format!("{}={kind}", keys::PIPELINE_TYPE);
        match kind {
            Kind::Push { .. } => {
                recorder.watch(client, &runs(keys::PIPELINE_TEST), Facts::test_run).await?;
                recorder.watch(client, "", Facts::release).await?;
            }
            Kind::PullRequest { .. } => {
                recorder.watch(client, &runs(keys::PIPELINE_BUILD), Facts::build_run).await?;
            }
        }
        recorder.watches.spawn(measure_delays(Arc::clone(&recorder.delays)));
        Ok(recorder)
    }

    /// That build was signed.
    pub fn signed(&self, signed: &Signed) {
        self.facts.lock().unwrap().builds.insert(signed.build.clone(), signed.clone());
    }

    /// Waits until that build is done, see [`Facts::done`]; false if it took too long.
    pub async fn wait_done(&self, build: &Key, timeout: Duration) -> bool {
        let mut changes = self.changed.subscribe();
        let done = async {
            while !self.facts.lock().unwrap().done(build) {
                if changes.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(timeout, done).await.unwrap_or(false)
    }

    /// Waits until every signed build is done, or nothing new was seen for `patience`; an error if a watch broke.
    pub async fn wait_all_done(&mut self, patience: Duration) -> Result<()> {
        let mut changes = self.changed.subscribe();
        while !self.facts.lock().unwrap().all_done() {
            tokio::select! {
                changed = tokio::time::timeout(patience, changes.changed()) => if changed.is_err() { break },
                Some(ended) = self.watches.join_next() => ended??,
            }
        }
        Ok(())
    }

    /// What was seen so far of the builds that were signed.
    pub fn outcome(&self) -> Outcome {
        let delays = Latencies::of(self.delays.lock().unwrap().clone());
        Outcome::of(&self.facts.lock().unwrap(), delays)
    }

    async fn watch<K>(&mut self, client: &Client, labels: &str, record: fn(&mut Facts, &K, Instant)) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned
            + Send
            + 'static,
    {
        let api: Api<K> = Api::all(client.clone());
        let list = api.list(&ListParams::default().labels(labels).limit(1)).await?;
        let mut version = list.metadata.resource_version.context("a list without resource version")?;
        let (facts, changed, labels) = (Arc::clone(&self.facts), self.changed.clone(), labels.to_owned());
        self.watches.spawn(async move {
            loop {
                let params = WatchParams::default().labels(&labels);
                let mut events = Box::pin(api.watch(&params, &version).await?);
                while let Some(event) = events.next().await {
                    let arrived = Instant::now();
                    match event? {
                        WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                            version = object.resource_version().unwrap_or(version);
                            record(&mut facts.lock().unwrap(), &object, arrived);
                            changed.send_replace(());
                        }
                        WatchEvent::Deleted(object) => version = object.resource_version().unwrap_or(version),
                        WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                        WatchEvent::Error(status) => bail!("a watch of the bench ended: {status}"),
                    }
                }
            }
        });
        Ok(())
    }
}

/// How late this process is itself: its own wake-ups, on the same cores as all the rest.
async fn measure_delays(delays: Arc<Mutex<Vec<Duration>>>) -> Result<()> {
    const PAUSE: Duration = Duration::from_millis(50);
    loop {
        let due = Instant::now() + PAUSE;
        tokio::time::sleep_until(due.into()).await;
        delays.lock().unwrap().push(due.elapsed());
    }
}
