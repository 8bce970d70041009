//! The task that feeds a store from the API server.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{CacheObject, Guarded, Store};
use crate::metrics::Metrics;
use crate::random;

/// Objects a list request asks for at once: small pages keep the memory of a start flat.
const PAGE: u32 = 40;
/// Pause after the first error; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(800);
/// Longest pause. Short, because the Lease is back as soon as the API server is: until the watch is, decisions are made on
/// old versions, which is safe, but slow.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A store to be fed, without its type.
pub(crate) trait WatchTask: Send + Sync {
    /// Starts one watch a namespace, or one on the cluster where no namespace is named.
    fn start(&self, client: &Client, namespaces: &[String], metrics: &Metrics, synced: &Arc<Notify>);
    /// Whether the first list of every scope is complete.
    fn synced(&self) -> bool;
    /// Why the watch makes no progress.
    fn failure(&self) -> Option<String>;
    /// Kind and number of objects.
    fn size(&self) -> (String, usize);
}

impl<K: CacheObject> WatchTask for Store<K>
where
    K: Resource<Scope = kube::core::NamespaceResourceScope>,
{
    fn start(&self, client: &Client, namespaces: &[String], metrics: &Metrics, synced: &Arc<Notify>) {
        let scopes: Vec<Option<String>> =
            if namespaces.is_empty() { vec![None] } else { namespaces.iter().cloned().map(Some).collect() };
        self.inner.health.start(scopes.len());
        for (number, namespace) in scopes.into_iter().enumerate() {
            let api: Api<Guarded<K>> = match &namespace {
                Some(namespace) => Api::namespaced(client.clone(), namespace),
                None => Api::all(client.clone()),
            };
            let feed = Feed {
                store: self.clone(),
                kind: K::plural(&()).into_owned(),
                number,
                namespace,
                metrics: metrics.clone(),
                synced: Arc::clone(synced),
                // A value that means nothing was refused when the client was made.
                #[cfg(feature = "fault")]
                stale: crate::fault::Faults::from_env().ok().and_then(|faults| faults.stale).unwrap_or_default(),
            };
            let store = self.clone();
            let task = tokio::spawn(feed.run(api));
            tokio::spawn(async move {
                // It never ends, unless a listener, a trim or an index has a defect: then the cache stands still.
                let ended = task.await;
                tracing::error!(kind = %K::plural(&()), ?ended, "a watch ended; this is a defect, please report it with this log");
                store.inner.health.ended(number);
            });
        }
    }

    fn synced(&self) -> bool {
        self.inner.health.synced()
    }

    fn failure(&self) -> Option<String> {
        let failure = self.inner.health.failure(Instant::now())?;
        Some(format!("the watch on {} {failure}", K::plural(&())))
    }

    fn size(&self) -> (String, usize) {
        (K::plural(&()).into_owned(), self.len())
    }
}

/// One watch.
struct Feed<K> {
    store: Store<K>,
    kind: String,
    /// Place of its scope in the health of the store.
    number: usize,
    namespace: Option<String>,
    metrics: Metrics,
    synced: Arc<Notify>,
    /// How much later than it came a change is taken in.
    #[cfg(feature = "fault")]
    stale: Duration,
}

impl<K: CacheObject + Resource<Scope = kube::core::NamespaceResourceScope>> Feed<K> {
    async fn run(self, api: Api<Guarded<K>>) {
        let mut config = watcher::Config::default().page_size(PAGE);
        if let Some(selector) = &self.store.inner.watch.labels {
            config = config.labels(selector);
        }
        let mut list = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let stream = watcher::watcher(api.clone(), config.clone());
            #[cfg(feature = "fault")]
            let stream = crate::fault::late(stream, self.stale);
            let mut stream = std::pin::pin!(stream);
            while let Some(event) = stream.next().await {
                match event {
                    // Says only that a list is asked for, perhaps in vain.
                    Ok(Event::Init) => list = self.store.list_begins(),
                    Ok(event) => {
                        pause = FIRST_PAUSE;
                        if self.store.inner.health.works(self.number) {
                            tracing::info!(kind = self.kind, namespace = self.scope(), "watch works again");
                        }
                        self.take_in(event, list);
                    }
                    Err(error) => {
                        if self.failed(&error) {
                            pause = FIRST_PAUSE;
                        }
                        tokio::time::sleep(random::around(pause, 0.2)).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        if must_list(&error) {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Returns whether the watch worked before.
    fn failed(&self, error: &watcher::Error) -> bool {
        self.metrics.watch_restarted(&self.kind);
        let news = self.store.inner.health.failed(self.number, error.to_string(), Instant::now());
        if news {
            tracing::warn!(kind = self.kind, namespace = self.scope(), %error, "watch interrupted, trying again");
        }
        news
    }

    fn take_in(&self, event: Event<Guarded<K>>, list: u64) {
        match event {
            Event::Init => {}
            Event::InitApply(guarded) | Event::Apply(guarded) => take(&self.store, guarded, &self.kind, &self.metrics),
            Event::Delete(guarded) => match guarded.object {
                Ok(object) => self.store.apply_deleted(&object),
                Err(_) => forget(&self.store, &guarded.meta),
            },
            Event::InitDone => {
                self.store.list_ends(list, self.namespace.as_deref());
                if self.store.inner.health.listed(self.number) {
                    let objects = self.store.len();
                    tracing::debug!(kind = self.kind, namespace = self.scope(), objects, "cache filled");
                    self.synced.notify_waiters();
                }
            }
        }
    }

    fn scope(&self) -> &str {
        self.namespace.as_deref().unwrap_or("*")
    }
}

/// The version to resume from is gone, and the server says so before the watch begins: only a list helps. (Said during
/// the watch, the watcher knows by itself.)
fn must_list(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

fn take<K: CacheObject>(store: &Store<K>, guarded: Guarded<K>, kind: &str, metrics: &Metrics) {
    let Guarded { object, meta } = guarded;
    match object {
        Ok(object) => {
            store.apply(object);
        }
        Err(error) => {
            metrics.malformed_object(kind);
            tracing::warn!(
                kind,
                namespace = meta.namespace.as_deref().unwrap_or_default(),
                name = meta.name.as_deref().unwrap_or_default(),
                %error,
                "object skipped: a field does not have the type its definition gives it; correct the object"
            );
            forget(store, &meta);
        }
    }
}

fn forget<K: CacheObject>(store: &Store<K>, meta: &kube::core::ObjectMeta) {
    store.forget(
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
        meta.uid.as_deref(),
    );
}

#[cfg(test)]
mod tests;
