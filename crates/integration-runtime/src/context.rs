//! What observe and act work with: the client, the write fence, metrics and the clock.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use kube::Client;

use crate::lease::Leadership;
use crate::metrics::{LeaderGauge, Metrics};

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
    mentions: Mutex<Mentions>,
}

/// Hashes of the names of Events sent: names are long, and there are thousands.
#[derive(Default)]
struct Mentions {
    names: HashSet<u64>,
    hasher: RandomState,
}

impl Context {
    /// Access through that client, under that fence. Programs get theirs from [`crate::Setup`]; this is for what runs
    /// without [`crate::run`], such as tests. `instance` names the process in Events, in at most 128 characters.
    pub fn new(
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

    /// Registers a gauge that adds up numbers of keys, under its full name; 0 while this replica does not lead.
    pub fn leader_gauge(&self, name: &str, help: &str) -> Result<LeaderGauge, prometheus::Error> {
        LeaderGauge::new(self.registry(), self.inner.leadership.clone(), name, help)
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
        if mentions.names.len() >= MENTIONS {
            // Forgetting costs a refused create at most: the name is the same.
            mentions.names.clear();
        }
        let hash = mentions.hasher.hash_one(name);
        mentions.names.insert(hash)
    }

    pub(crate) fn forget_mention(&self, name: &str) {
        let mut mentions = self.inner.mentions.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = mentions.hasher.hash_one(name);
        mentions.names.remove(&hash);
    }
}
