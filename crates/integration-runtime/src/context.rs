//! What observe and act work with: the client, the write fence, metrics and the clock.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::Client;

use crate::lease::Leadership;
use crate::metrics::Metrics;

/// Event names remembered; more than any busy minute produces.
const MENTIONS: usize = 8192;

/// Access to the cluster for one program. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    leadership: Leadership,
    metrics: Metrics,
    program: &'static str,
    instance: String,
    started: Timestamp,
    mentions: Mutex<HashSet<String>>,
}

impl Context {
    pub(crate) fn new(
        client: Client,
        leadership: Leadership,
        metrics: Metrics,
        program: &'static str,
        instance: String,
    ) -> Self {
        let started = Timestamp::now();
        Self {
            inner: Arc::new(Inner {
                client,
                leadership,
                metrics,
                program,
                instance,
                started,
                mentions: Mutex::default(),
            }),
        }
    }

    /// The time now. The only clock of a controller; decisions get it as an argument.
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    /// When this process started.
    pub fn started(&self) -> Timestamp {
        self.inner.started
    }

    /// Counts a decision and why it was made, for the metric `decision_total`.
    pub fn decision(&self, decision: &'static str, reason: &'static str) {
        self.inner.metrics.decision(decision, reason);
    }

    /// Where a program registers metrics of its own.
    pub fn registry(&self) -> &prometheus::Registry {
        self.inner.metrics.registry()
    }

    /// The write fence: whether this replica holds its Lease at this moment.
    pub fn may_write(&self) -> bool {
        self.inner.leadership.is_leader()
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn program(&self) -> &'static str {
        self.inner.program
    }

    pub(crate) fn instance(&self) -> &str {
        &self.inner.instance
    }

    /// Whether an Event of that name was not sent yet by this process.
    pub(crate) fn first_mention(&self, name: &str) -> bool {
        let mut mentions = self.inner.mentions.lock().unwrap_or_else(PoisonError::into_inner);
        if mentions.len() >= MENTIONS {
            // Forgetting costs a refused create at most: the name is the same.
            mentions.clear();
        }
        mentions.insert(name.to_owned())
    }

    pub(crate) fn forget_mention(&self, name: &str) {
        self.inner.mentions.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}
