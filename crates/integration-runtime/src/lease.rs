//! Who may write: Leases of our own (HC-24) and the Lease of the reference operator (D-10, API-B38, OP-X9).
//!
//! Work is cut into slots; each slot is a `coordination.k8s.io` Lease `<program>-<slot>`, and whoever holds it works on
//! the namespaces whose hash falls into the slot. One slot is plain leader election.
//!
//! Two replicas never write for one slot at a time: a Lease is taken only when it is free, or when *this* process has
//! seen it unchanged for its whole duration; it is renewed at a third of the duration; and the holder stops writing at
//! two thirds after the last renewal it knows of. All of this is measured with the monotonic clock, so a wrong wall clock
//! on any node does not matter. Every write of a Lease names the resourceVersion it replaces.
//!
//! Nothing at all is written, our own Leases included, before the Lease of the reference operator was read, while it is
//! fresh, and while it cannot be read.

mod decision;
mod election;
mod legacy;
mod slots;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::args::LeaseArgs;
use crate::metrics::Metrics;

pub use legacy::{LEGACY_LEASE, LegacyLease, look as look_at_legacy_lease};

/// A fence that never falls.
const FOREVER: u64 = u64::MAX;

/// What the Leases of one process are called and where they are.
#[derive(Clone, Debug)]
pub struct LeaseSettings {
    /// Name of the program, first part of the Leases' names.
    pub program: &'static str,
    /// Namespace of the Leases.
    pub namespace: String,
    /// How long a Lease outlives its last renewal.
    pub duration: Duration,
    /// How many Leases the work is cut into; at least one.
    pub slots: usize,
    /// Namespace of the reference operator's Lease; `None` = it is ignored.
    pub legacy_namespace: Option<String>,
    /// Name of this process, different for every start.
    pub identity: String,
}

impl LeaseSettings {
    /// One slot, as the command line says, with a new identity.
    pub fn new(program: &'static str, args: &LeaseArgs) -> Self {
        Self {
            program,
            namespace: args.namespace(),
            duration: args.lease_duration,
            slots: 1,
            legacy_namespace: (!args.ignore_legacy_lease).then(|| args.legacy_namespace()),
            identity: identity(),
        }
    }
}

/// The Leases this process competes for. Dropping it stops renewing them; [`Leases::give_back`] also frees them.
#[must_use = "Leases are kept only as long as this value"]
#[derive(Debug)]
pub struct Leases {
    leadership: Leadership,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Leases {
    /// Starts competing. Never fails: what goes wrong with the API is logged once and tried again.
    pub fn start(client: &Client, settings: LeaseSettings, metrics: &Metrics) -> Self {
        let settings = LeaseSettings { slots: settings.slots.max(1), ..settings };
        let shared = Arc::new(Shared::new(settings.slots));
        let (stop, _) = watch::channel(false);
        let mut tasks = JoinSet::new();
        if let Some(namespace) = settings.legacy_namespace.clone() {
            tasks.spawn(legacy::guard(
                client.clone(),
                namespace,
                Arc::clone(&shared),
                metrics.clone(),
                stop.subscribe(),
            ));
        } else {
            tracing::warn!("the Lease of the reference operator is ignored; both must not run at the same time");
            shared.legacy_clear_until(FOREVER);
        }
        tracing::info!(identity = %settings.identity, namespace = %settings.namespace, "competing for Leases");
        for slot in 0..settings.slots {
            let candidate = election::Candidate::new(client, &settings, slot, Arc::clone(&shared));
            tasks.spawn(candidate.run(stop.subscribe()));
        }
        tasks.spawn(announce(Arc::clone(&shared), metrics.clone(), stop.subscribe()));
        Self { leadership: Leadership { shared }, stop, tasks }
    }

    /// The write fence of this process.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Stops writing at once and frees the Leases held, so that the next replica need not wait (OP-X4).
    ///
    /// Call it after the last reconcile has ended. Takes at most one lease duration, on an API server that hangs.
    pub async fn give_back(mut self) {
        self.leadership.shared.closed.store(true, Ordering::Release);
        self.stop.send_replace(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The write fence: whether this process may write now. Cheap to copy.
#[derive(Clone)]
pub struct Leadership {
    shared: Arc<Shared>,
}

impl Leadership {
    /// May always write: for programs without Leases, and tests.
    pub fn always() -> Self {
        let shared = Shared::new(1);
        shared.legacy_clear_until(FOREVER);
        shared.hold(0, FOREVER);
        shared.changed.send_replace(true);
        Self { shared: Arc::new(shared) }
    }

    /// May never write.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self { shared: Arc::new(Shared::new(1)) }
    }

    /// Whether this process may write for any slot at this very moment. Ask right before every write.
    pub fn is_leader(&self) -> bool {
        let now = self.shared.now();
        (0..self.shared.slots.len()).any(|slot| self.shared.leads(slot, now))
    }

    /// Whether this process may write to objects of that namespace at this very moment.
    pub fn owns(&self, namespace: &str) -> bool {
        self.shared.leads(slots::slot_of(namespace, self.shared.slots.len()), self.shared.now())
    }

    /// Follows [`Self::is_leader`]; with several slots also reports when their set changes.
    pub fn changed(&self) -> watch::Receiver<bool> {
        self.shared.changed.subscribe()
    }

    /// Why nothing is written although this replica would be ready to: a sentence for the readiness text.
    pub fn withheld(&self) -> Option<String> {
        if self.shared.legacy_clear(self.shared.now()) {
            return None;
        }
        let text = self.shared.withheld.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(text.unwrap_or_else(|| "the Lease of the reference operator was not read yet".to_owned()))
    }
}

impl fmt::Debug for Leadership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leadership").field("is_leader", &self.is_leader()).finish_non_exhaustive()
    }
}

/// What the tasks of [`Leases`] tell [`Leadership`]. Times are nanoseconds after `epoch`; 0 = never.
#[derive(Debug)]
struct Shared {
    epoch: Instant,
    slots: Vec<AtomicU64>,
    legacy_clear_until: AtomicU64,
    legacy_clear: watch::Sender<bool>,
    withheld: Mutex<Option<String>>,
    changed: watch::Sender<bool>,
    updated: Notify,
    /// This process is going down: no write any more, whatever a renewal on its way brings.
    closed: AtomicBool,
}

impl Shared {
    fn new(slots: usize) -> Self {
        Self {
            epoch: Instant::now(),
            slots: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            legacy_clear_until: AtomicU64::new(0),
            legacy_clear: watch::Sender::new(false),
            withheld: Mutex::new(None),
            changed: watch::Sender::new(false),
            updated: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    fn at(&self, time: Instant) -> u64 {
        // 584 years of nanoseconds fit.
        u64::try_from(time.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(FOREVER - 1)
    }

    fn leads(&self, slot: usize, now: u64) -> bool {
        let held_until = self.slots.get(slot).map_or(0, |until| until.load(Ordering::Acquire));
        now < held_until && self.legacy_clear(now) && !self.closed.load(Ordering::Acquire)
    }

    fn legacy_clear(&self, now: u64) -> bool {
        now < self.legacy_clear_until.load(Ordering::Acquire)
    }

    fn hold(&self, slot: usize, until: u64) {
        if let Some(held_until) = self.slots.get(slot) {
            held_until.store(until, Ordering::Release);
        }
        self.updated.notify_one();
    }

    fn legacy_clear_until(&self, until: u64) {
        self.legacy_clear_until.store(until, Ordering::Release);
        let clear = until > self.now();
        self.legacy_clear.send_if_modified(|known| std::mem::replace(known, clear) != clear);
        self.updated.notify_one();
    }

    /// The next moment at which a fence falls by itself.
    fn next_fall(&self, now: u64) -> Option<Instant> {
        let fences = self.slots.iter().chain(std::iter::once(&self.legacy_clear_until));
        let next = fences
            .map(|until| until.load(Ordering::Acquire))
            .filter(|until| *until > now && *until != FOREVER)
            .min()?;
        Some(self.epoch + Duration::from_nanos(next))
    }
}

/// Says what changes: to [`Leadership::changed`], in the log and in the metric.
async fn announce(shared: Arc<Shared>, metrics: Metrics, mut stop: watch::Receiver<bool>) {
    let mut known: Vec<Option<bool>> = vec![None; shared.slots.len()];
    loop {
        let now = shared.now();
        let leading: Vec<Option<bool>> = (0..known.len()).map(|slot| Some(shared.leads(slot, now))).collect();
        for (slot, (before, after)) in known.iter().zip(&leading).enumerate() {
            match (before, after) {
                (Some(false) | None, Some(true)) => tracing::info!(slot, "leading: this replica writes"),
                (Some(true), Some(false)) => {
                    tracing::warn!(slot, "not leading any more: this replica does not write");
                }
                _ => {}
            }
            metrics.leader(slot, *after == Some(true));
        }
        if known != leading {
            known = leading;
            shared.changed.send_replace(known.contains(&Some(true)));
        }
        let fall = shared.next_fall(now);
        tokio::select! {
            () = shared.updated.notified() => {}
            () = async { tokio::time::sleep_until(fall.unwrap_or_else(Instant::now)).await }, if fall.is_some() => {}
            _ = stop.wait_for(|stop| *stop) => {
                for slot in 0..known.len() {
                    shared.hold(slot, 0);
                    metrics.leader(slot, false);
                }
                tracing::info!("stopped: this replica does not write any more");
                shared.changed.send_replace(false);
                return;
            }
        }
    }
}

/// `<host>_<random>`: readable in the Lease, and new for every start (OP-6).
fn identity() -> String {
    let host = std::env::var("HOSTNAME")
        .ok()
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown-host".to_owned());
    // Seeded by the operating system; the process id sets apart what a cloned machine would share.
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{host}_{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests;
