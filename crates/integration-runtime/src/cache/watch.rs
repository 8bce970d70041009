//! The task that feeds a store from the API server.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource};
use tokio::sync::Notify;

use super::{CacheObject, Guarded, Store};
use crate::metrics::Metrics;

/// Objects a list request asks for at once: small pages keep the memory of a start flat.
const PAGE: u32 = 100;
/// A watch that failed for longer than this is reported as unhealthy.
const STUCK: Duration = Duration::from_secs(300);

/// Where the watches of one store stand.
#[derive(Default)]
pub(crate) struct WatchHealth {
    /// Scopes (the cluster, or namespaces) that have not finished their first list.
    unsynced: AtomicUsize,
    started: AtomicBool,
    failing: Mutex<Option<(Instant, String)>>,
}

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
        self.inner.health.unsynced.store(scopes.len(), Ordering::SeqCst);
        self.inner.health.started.store(true, Ordering::SeqCst);
        for scope in scopes {
            let api: Api<Guarded<K>> = match &scope {
                Some(namespace) => Api::namespaced(client.clone(), namespace),
                None => Api::all(client.clone()),
            };
            tokio::spawn(feed(self.clone(), api, scope, metrics.clone(), Arc::clone(synced)));
        }
    }

    fn synced(&self) -> bool {
        self.inner.health.started.load(Ordering::SeqCst) && self.inner.health.unsynced.load(Ordering::SeqCst) == 0
    }

    fn failure(&self) -> Option<String> {
        let failing = self.inner.health.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, error) = failing.as_ref()?;
        (since.elapsed() > STUCK)
            .then(|| format!("the watch on {} fails since {} s: {error}", K::plural(&()), since.elapsed().as_secs()))
    }

    fn size(&self) -> (String, usize) {
        (K::plural(&()).into_owned(), self.len())
    }
}

async fn feed<K>(store: Store<K>, api: Api<Guarded<K>>, scope: Option<String>, metrics: Metrics, synced: Arc<Notify>)
where
    K: CacheObject + Resource<Scope = kube::core::NamespaceResourceScope>,
{
    let mut config = watcher::Config::default().page_size(PAGE);
    if let Some(selector) = &store.inner.watch.labels {
        config = config.labels(selector);
    }
    let kind = K::plural(&()).into_owned();
    let mut list = 0;
    let mut first = true;
    let mut stream = std::pin::pin!(watcher::watcher(api, config).default_backoff());
    while let Some(event) = stream.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                metrics.watch_restarted(&kind);
                let mut failing = store.inner.health.failing.lock().unwrap_or_else(PoisonError::into_inner);
                if failing.is_none() {
                    tracing::warn!(kind, namespace = scope.as_deref().unwrap_or("*"), %error, "watch interrupted, trying again");
                    *failing = Some((Instant::now(), error.to_string()));
                }
                continue;
            }
        };
        *store.inner.health.failing.lock().unwrap_or_else(PoisonError::into_inner) = None;
        match event {
            Event::Init => list = store.list_begins(),
            Event::InitApply(guarded) | Event::Apply(guarded) => take(&store, guarded, &kind, &metrics),
            Event::Delete(guarded) => match guarded.object {
                Ok(object) => store.apply_deleted(&object),
                Err(_) => forget(&store, &guarded.meta().clone()),
            },
            Event::InitDone => {
                store.list_ends(list, scope.as_deref());
                if std::mem::take(&mut first) {
                    store.inner.health.unsynced.fetch_sub(1, Ordering::SeqCst);
                    tracing::debug!(
                        kind,
                        namespace = scope.as_deref().unwrap_or("*"),
                        objects = store.len(),
                        "cache filled"
                    );
                    synced.notify_waiters();
                }
            }
        }
    }
}

fn take<K: CacheObject>(store: &Store<K>, guarded: Guarded<K>, kind: &str, metrics: &Metrics) {
    let meta = guarded.meta().clone();
    match guarded.object {
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
