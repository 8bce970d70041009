//! Work queues: one reconcile a key at a time, bounded per program and per namespace, with exact delays.
//!
//! kube's own `Controller` has no fairness between namespaces, no delay per key that grows with its failures, and no
//! way to hold all work back while another replica leads; otherwise this queue behaves like it. A wake-up says only
//! "look at this key": wake-ups of a key that waits are one, and a wake-up of a running key runs it once more.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::random;
use crate::{ApiError, ErrorClass, ObjectKey};

mod schedule;

use schedule::Schedule;

/// How often every key is looked at again without an event, ± 20 % (RR-B49, GA-X2).
const LOOK_AGAIN: Duration = Duration::from_secs(600);
/// The loop looks around at least this often.
const BEAT: Duration = Duration::from_secs(20);
/// A loop that was silent for longer is stuck.
const STUCK: Duration = Duration::from_secs(120);
/// How long running reconciles may take to end when the process stops (OP-X4).
const DRAIN: Duration = Duration::from_secs(20);

/// What a reconcile ends with.
#[derive(Debug)]
pub enum Disposition {
    /// Nothing more to do until something changes.
    Done,
    /// Look again after exactly this time, or earlier if something changes.
    RequeueAfter(Duration),
    /// Try again later; the delay grows with each failure in a row.
    Backoff(ApiError),
    /// As [`Disposition::Backoff`], but after at most that time, because something else is due then.
    BackoffWithin(ApiError, Duration),
    /// Given up, with one word why. Looked at again only if something changes.
    Terminal(&'static str),
}

impl Disposition {
    /// What both need: an error before a delay, which it does not make later, and a delay before done.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Backoff(error), Self::RequeueAfter(due)) | (Self::RequeueAfter(due), Self::Backoff(error)) => {
                Self::BackoffWithin(error, due)
            }
            (Self::BackoffWithin(error, due), other) | (other, Self::BackoffWithin(error, due)) => match other {
                Self::RequeueAfter(sooner) | Self::BackoffWithin(_, sooner) => {
                    Self::BackoffWithin(error, due.min(sooner))
                }
                _ => Self::BackoffWithin(error, due),
            },
            (Self::Backoff(error), _) | (_, Self::Backoff(error)) => Self::Backoff(error),
            (Self::RequeueAfter(a), Self::RequeueAfter(b)) => Self::RequeueAfter(a.min(b)),
            (Self::RequeueAfter(a), _) | (_, Self::RequeueAfter(a)) => Self::RequeueAfter(a),
            (Self::Terminal(reason), _) | (_, Self::Terminal(reason)) => Self::Terminal(reason),
            (Self::Done, Self::Done) => Self::Done,
        }
    }

    fn outcome(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RequeueAfter(_) => "requeue_after",
            Self::Backoff(error) | Self::BackoffWithin(error, _) if error.class() == ErrorClass::NotLeader => {
                "not_leader"
            }
            Self::Backoff(_) | Self::BackoffWithin(..) => "error",
            Self::Terminal(_) => "terminal",
        }
    }
}

/// Brings the objects behind one key into the state they should have.
pub trait Reconciler: Send + Sync + 'static {
    /// Looks at the key and does what is missing. Must be safe to repeat at any time.
    fn reconcile(&self, key: ObjectKey) -> impl Future<Output = Disposition> + Send;
}

/// Handle of a queue; waking a key never blocks.
#[derive(Clone)]
pub struct Queue {
    name: &'static str,
    wakes: mpsc::UnboundedSender<Message>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("name", &self.name).finish_non_exhaustive()
    }
}

enum Message {
    Wake(ObjectKey),
    Ended(ObjectKey, Disposition, Duration),
}

/// The receiving end of a queue.
pub(crate) struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
}

impl Queue {
    pub(crate) fn new(name: &'static str) -> (Self, Inbox) {
        let (wakes, messages) = mpsc::unbounded_channel();
        (Self { name, wakes }, Inbox { messages })
    }

    /// Says that a key should be looked at.
    pub fn wake(&self, key: ObjectKey) {
        // The receiver is gone only while the process stops.
        let _ = self.wakes.send(Message::Wake(key));
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// Bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Reconciles at once.
    pub(crate) total: usize,
    /// Reconciles at once in one namespace.
    pub(crate) per_namespace: usize,
}

impl Limits {
    /// Half of the workers at most serve one namespace, so that another one never waits for all of them.
    pub(crate) fn new(total: usize) -> Self {
        Self { total, per_namespace: total.div_ceil(2) }
    }
}

/// Sign of life of a queue's loop.
#[derive(Clone, Debug)]
pub(crate) struct Heartbeat {
    queue: &'static str,
    last: Arc<Mutex<Instant>>,
}

impl Heartbeat {
    pub(crate) fn new(queue: &'static str) -> Self {
        Self { queue, last: Arc::new(Mutex::new(Instant::now())) }
    }

    fn beat(&self, now: Instant) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Why the queue counts as stuck.
    pub(crate) fn failure(&self) -> Option<String> {
        let silent = self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        (silent > STUCK).then(|| format!("queue {} made no progress for {} s", self.queue, silent.as_secs()))
    }
}

/// A queue with all it needs to run.
pub(crate) struct Work<R, F> {
    pub(crate) queue: Queue,
    pub(crate) inbox: Inbox,
    pub(crate) reconciler: R,
    pub(crate) keys: F,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) heartbeat: Heartbeat,
}

/// Runs a queue until `stop` is set, then lets running reconciles end; those that do not are ended. Work starts while
/// `open` is true; each time it opens, every key that `keys` names is looked at. Wake-ups before that are not kept: a
/// replica that waits for weeks must not collect the names of all objects that came and went.
pub(crate) async fn serve<R: Reconciler, F: Fn() -> Vec<ObjectKey> + Send>(
    work: Work<R, F>,
    mut open: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let Work { queue, inbox, reconciler, keys, limits, metrics, heartbeat } = work;
    let reconciler = Arc::new(reconciler);
    let mut messages = inbox.messages;
    let mut tasks = JoinSet::new();
    let mut schedule = Schedule::new(limits);
    let mut is_open = false;
    let mut look_again = Instant::now() + random::around(LOOK_AGAIN, 0.2);
    loop {
        if *stop.borrow() {
            break;
        }
        heartbeat.beat(Instant::now());
        let now_open = *open.borrow_and_update();
        if now_open && !is_open {
            let now = Instant::now();
            for key in keys() {
                schedule.wake(key, now);
            }
        }
        is_open = now_open;
        if is_open {
            while let Some((key, waited)) = schedule.next(Instant::now()) {
                metrics.queue_waited(queue.name, waited);
                tasks.spawn(reconcile(queue.clone(), Arc::clone(&reconciler), key));
            }
        }
        while tasks.try_join_next().is_some() {}
        metrics.queue_depth(queue.name, schedule.waiting());
        // While closed nothing starts, so a timer that has run out must not spin the loop.
        let timer = if is_open { schedule.next_timer().unwrap_or(look_again).min(look_again) } else { look_again };
        let timer = timer.min(Instant::now() + BEAT);
        tokio::select! {
            message = messages.recv() => {
                let now = Instant::now();
                let mut message = message;
                // Take in all that is there before choosing what to start: one decision a batch of events.
                while let Some(next) = message {
                    if is_open || !matches!(next, Message::Wake(_)) {
                        take(&mut schedule, next, &queue, &metrics, now);
                    }
                    message = messages.try_recv().ok();
                }
            }
            () = tokio::time::sleep_until(timer) => {
                let now = Instant::now();
                if now >= look_again {
                    look_again = now + random::around(LOOK_AGAIN, 0.2);
                    if is_open {
                        for key in keys() {
                            schedule.wake(key, now);
                        }
                    }
                }
            }
            changed = open.changed() => if changed.is_err() { break },
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    let deadline = Instant::now() + DRAIN;
    while schedule.running() > 0 {
        match tokio::time::timeout_at(deadline, messages.recv()).await {
            Ok(Some(message)) => take(&mut schedule, message, &queue, &metrics, Instant::now()),
            Ok(None) => break,
            Err(_) => {
                let running = schedule.running();
                tracing::warn!(queue = queue.name, running, "reconciles did not end in time, stopping anyway");
                break;
            }
        }
    }
    // Whoever leads next must not meet a write of ours.
    tasks.shutdown().await;
}

fn take(schedule: &mut Schedule, message: Message, queue: &Queue, metrics: &Metrics, now: Instant) {
    match message {
        Message::Wake(key) => schedule.wake(key, now),
        Message::Ended(key, disposition, took) => {
            metrics.reconciled(queue.name, disposition.outcome(), took);
            report(queue, &key, &disposition);
            schedule.ended(key, &disposition, now);
        }
    }
}

fn report(queue: &Queue, key: &ObjectKey, disposition: &Disposition) {
    match disposition {
        Disposition::Backoff(error) | Disposition::BackoffWithin(error, _)
            if error.class() == ErrorClass::NotLeader =>
        {
            tracing::debug!(queue = queue.name, %key, "stopped: another replica leads now");
        }
        Disposition::Backoff(error) | Disposition::BackoffWithin(error, _) => {
            tracing::warn!(queue = queue.name, %key, %error, "reconcile failed, will be tried again");
        }
        Disposition::Terminal(reason) => {
            tracing::info!(queue = queue.name, %key, reason, "given up until something changes");
        }
        Disposition::RequeueAfter(delay) => {
            tracing::debug!(queue = queue.name, %key, ?delay, "will be looked at again");
        }
        Disposition::Done => {}
    }
}

async fn reconcile<R: Reconciler>(queue: Queue, reconciler: Arc<R>, key: ObjectKey) {
    let began = Instant::now();
    // A defect in one reconcile must not take the queue with it (OP-32).
    let result = AssertUnwindSafe(reconciler.reconcile(key.clone())).catch_unwind().await;
    let disposition = result.unwrap_or_else(|_| {
        tracing::error!(queue = queue.name, %key, "reconcile panicked; this is a defect, please report it with this log");
        Disposition::Backoff(ApiError::defect(&key))
    });
    let _ = queue.wakes.send(Message::Ended(key, disposition, began.elapsed()));
}

#[cfg(test)]
mod tests;
