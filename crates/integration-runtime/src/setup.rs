//! What a program registers before it starts: watches and queues.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kube::Resource;
use tokio::sync::watch;

use crate::cache::{CacheObject, WatchTask};
use crate::queue::{Heartbeat, Inbox, Limits};
use crate::{Context, ObjectKey, Queue, Reconciler, Store, Watch, queue};

type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;
type Serve = Box<dyn FnOnce(watch::Receiver<bool>, watch::Receiver<bool>) -> Serving + Send>;

/// Collects watches and queues of a program. Nothing runs before [`crate::Program::start`] has returned.
pub struct Setup {
    context: Context,
    metrics: crate::metrics::Metrics,
    limits: Limits,
    pub(crate) watches: Vec<Arc<dyn WatchTask>>,
    inboxes: Vec<(&'static str, Inbox)>,
    pub(crate) queues: Vec<Serve>,
    pub(crate) heartbeats: Vec<Heartbeat>,
}

impl Setup {
    pub(crate) fn new(context: Context, metrics: crate::metrics::Metrics, concurrency: usize) -> Self {
        Self {
            context,
            metrics,
            limits: Limits::new(concurrency),
            watches: Vec::new(),
            inboxes: Vec::new(),
            queues: Vec::new(),
            heartbeats: Vec::new(),
        }
    }

    /// Access to the cluster, for observe and act.
    pub fn context(&self) -> Context {
        self.context.clone()
    }

    /// A new queue. Its name is a label of the metrics.
    pub fn queue(&mut self, name: &'static str) -> Queue {
        let (queue, inbox) = Queue::new(name);
        self.inboxes.push((name, inbox));
        queue
    }

    /// Registers a watch; the store fills once the program runs.
    pub fn watch<K>(&mut self, watch: Watch<K>) -> Store<K>
    where
        K: CacheObject + Resource<Scope = kube::core::NamespaceResourceScope>,
    {
        let store = Store::new(watch);
        self.watches.push(Arc::new(store.clone()));
        store
    }

    /// Registers who works on a queue. `keys` names every key there is: they are looked at when this replica starts to
    /// lead, and about every ten minutes.
    pub fn serve<R: Reconciler>(
        &mut self,
        queue: &Queue,
        reconciler: R,
        keys: impl Fn() -> Vec<ObjectKey> + Send + Sync + 'static,
    ) {
        let Some(position) = self.inboxes.iter().position(|(name, _)| *name == queue.name()) else {
            tracing::error!(queue = queue.name(), "a queue was served twice");
            return;
        };
        let (_, inbox) = self.inboxes.swap_remove(position);
        let heartbeat = Heartbeat::new(queue.name());
        self.heartbeats.push(heartbeat.clone());
        let (queue, metrics, limits) = (queue.clone(), self.metrics.clone(), self.limits);
        let work = queue::Work { queue, inbox, reconciler, keys, limits, metrics, heartbeat };
        self.queues.push(Box::new(move |open, stop| Box::pin(queue::serve(work, open, stop))));
    }
}
