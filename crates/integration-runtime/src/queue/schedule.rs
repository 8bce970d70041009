//! Which key runs next. No I/O and no clock of its own.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Disposition, Limits};
use crate::random;
use crate::{ErrorClass, ObjectKey};

/// First delay after a failure; doubles with each further one (SC-B36).
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// Longest delay between two tries.
const LONGEST_BACKOFF: Duration = Duration::from_secs(300);

#[derive(Default)]
struct KeyState {
    running: bool,
    /// Woken while it ran.
    woken: bool,
    /// Since when it waits for a worker.
    queued: Option<Instant>,
    failures: u32,
    /// Not before this time, because it failed shortly before.
    not_before: Option<Instant>,
    timer: Option<Instant>,
}

impl KeyState {
    fn forgettable(&self) -> bool {
        !self.running && self.queued.is_none() && self.timer.is_none() && self.failures == 0
    }
}

/// State of all keys of one queue.
pub(super) struct Schedule {
    limits: Limits,
    keys: HashMap<ObjectKey, KeyState>,
    /// Namespaces with waiting keys, in the order they are served.
    turn: VecDeque<Arc<str>>,
    ready: HashMap<Arc<str>, VecDeque<ObjectKey>>,
    running_in: HashMap<Arc<str>, usize>,
    running: usize,
    timers: BTreeSet<(Instant, ObjectKey)>,
}

impl Schedule {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            keys: HashMap::new(),
            turn: VecDeque::new(),
            ready: HashMap::new(),
            running_in: HashMap::new(),
            running: 0,
            timers: BTreeSet::new(),
        }
    }

    /// A key should be looked at: at once, or, shortly after a failure, when its pause has passed.
    pub(super) fn wake(&mut self, key: ObjectKey, now: Instant) {
        let state = self.keys.entry(key.clone()).or_default();
        if state.running {
            state.woken = true;
            return;
        }
        if state.queued.is_some() {
            return;
        }
        match state.not_before {
            Some(at) if at > now => self.set_timer(key, at),
            _ => self.enqueue(key, now),
        }
    }

    /// The next key to run, and how long it waited. Namespaces take turns; one at its limit is passed over.
    pub(super) fn next(&mut self, now: Instant) -> Option<(ObjectKey, Duration)> {
        self.expire(now);
        if self.running >= self.limits.total {
            return None;
        }
        for _ in 0..self.turn.len() {
            let namespace = self.turn.pop_front()?;
            let busy = self.running_in.get(&namespace).copied().unwrap_or(0);
            if busy >= self.limits.per_namespace {
                self.turn.push_back(namespace);
                continue;
            }
            let Some(waiting) = self.ready.get_mut(&namespace) else { continue };
            let key = waiting.pop_front();
            if waiting.is_empty() {
                self.ready.remove(&namespace);
            } else {
                self.turn.push_back(Arc::clone(&namespace));
            }
            let Some(key) = key else { continue };
            let state = self.keys.entry(key.clone()).or_default();
            let waited = state.queued.take().map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            state.running = true;
            state.woken = false;
            if let Some(at) = state.timer.take() {
                self.timers.remove(&(at, key.clone()));
            }
            *self.running_in.entry(namespace).or_default() += 1;
            self.running += 1;
            return Some((key, waited));
        }
        None
    }

    /// A reconcile ended.
    pub(super) fn ended(&mut self, key: ObjectKey, disposition: &Disposition, now: Instant) {
        self.running = self.running.saturating_sub(1);
        if let Some(busy) = self.running_in.get_mut(&key.namespace) {
            *busy -= 1;
            if *busy == 0 {
                self.running_in.remove(&key.namespace);
            }
        }
        let Some(state) = self.keys.get_mut(&key) else { return };
        state.running = false;
        let woken = std::mem::take(&mut state.woken);
        let next = match disposition {
            Disposition::Backoff(error) | Disposition::BackoffWithin(error, _)
                if error.class() != ErrorClass::NotLeader =>
            {
                state.failures = state.failures.saturating_add(1);
                let mut pause = error.retry_after().unwrap_or_else(|| backoff(state.failures));
                if let Disposition::BackoffWithin(_, due) = disposition {
                    pause = pause.min(*due);
                }
                // An event may shorten the pause, but a failing key is never tried more than once a second.
                state.not_before = Some(now + FIRST_BACKOFF.min(pause));
                Some(now + pause)
            }
            other => {
                state.failures = 0;
                state.not_before = None;
                match other {
                    Disposition::RequeueAfter(delay) => Some(now + *delay),
                    // Leadership may be back before the queue has noticed that it was away.
                    Disposition::Backoff(_) | Disposition::BackoffWithin(..) => Some(now + FIRST_BACKOFF),
                    _ => None,
                }
            }
        };
        if let Some(at) = next {
            self.set_timer(key.clone(), at);
        }
        if woken {
            self.wake(key, now);
        } else if self.keys.get(&key).is_some_and(KeyState::forgettable) {
            self.keys.remove(&key);
        }
    }

    /// When the next delayed key is due.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Keys that wait for a worker.
    pub(super) fn waiting(&self) -> usize {
        self.ready.values().map(VecDeque::len).sum()
    }

    /// Reconciles that run.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    fn expire(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.first().cloned() {
            if at > now {
                return;
            }
            self.timers.pop_first();
            let state = self.keys.entry(key.clone()).or_default();
            state.timer = None;
            if !state.running && state.queued.is_none() {
                self.enqueue(key, now);
            }
        }
    }

    fn enqueue(&mut self, key: ObjectKey, now: Instant) {
        self.keys.entry(key.clone()).or_default().queued = Some(now);
        let waiting = self.ready.entry(Arc::clone(&key.namespace)).or_default();
        if waiting.is_empty() {
            self.turn.push_back(Arc::clone(&key.namespace));
        }
        waiting.push_back(key);
    }

    /// The sooner of an existing and a new timer counts.
    fn set_timer(&mut self, key: ObjectKey, at: Instant) {
        let state = self.keys.entry(key.clone()).or_default();
        if let Some(existing) = state.timer {
            if existing <= at {
                return;
            }
            self.timers.remove(&(existing, key.clone()));
        }
        state.timer = Some(at);
        self.timers.insert((at, key));
    }
}

fn backoff(failures: u32) -> Duration {
    let doubled = FIRST_BACKOFF.saturating_mul(1 << failures.saturating_sub(1).min(16));
    random::around(doubled.min(LONGEST_BACKOFF), 0.2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ApiError;

    fn key(namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(namespace, name)
    }

    fn schedule(total: usize, per_namespace: usize) -> (Schedule, Instant) {
        (Schedule::new(Limits { total, per_namespace }), Instant::now())
    }

    // OP-30
    #[test]
    fn wakes_of_a_waiting_key_are_one_and_a_wake_of_a_running_key_runs_it_again() {
        let (mut s, now) = schedule(4, 4);
        s.wake(key("a", "x"), now);
        s.wake(key("a", "x"), now);
        assert!(s.next(now).is_some());
        assert!(s.next(now).is_none(), "one key never runs twice at once");
        s.wake(key("a", "x"), now);
        assert!(s.next(now).is_none());
        s.ended(key("a", "x"), &Disposition::Done, now);
        assert!(s.next(now).is_some(), "what happened while it ran is not lost");
        s.ended(key("a", "x"), &Disposition::Done, now);
        assert!(s.next(now).is_none());
        assert!(s.keys.is_empty(), "an idle key costs nothing");
    }

    // OP-X2, RR-B17
    #[test]
    fn one_namespace_cannot_take_all_workers() {
        let (mut s, now) = schedule(4, 2);
        for i in 0..10 {
            s.wake(key("noisy", &i.to_string()), now);
        }
        s.wake(key("quiet", "x"), now);
        let started: Vec<_> = std::iter::from_fn(|| s.next(now)).map(|(key, _)| key.namespace.to_string()).collect();
        assert_eq!(started.iter().filter(|ns| *ns == "noisy").count(), 2);
        assert!(started.contains(&"quiet".to_owned()));
        assert_eq!(s.waiting(), 8);
    }

    #[test]
    fn a_requested_delay_is_exact_and_an_event_comes_first() {
        let (mut s, now) = schedule(1, 1);
        s.wake(key("a", "x"), now);
        s.next(now);
        s.ended(key("a", "x"), &Disposition::RequeueAfter(Duration::from_secs(300)), now);
        assert_eq!(s.next_timer(), Some(now + Duration::from_secs(300)));
        assert!(s.next(now + Duration::from_secs(299)).is_none());
        s.wake(key("a", "x"), now + Duration::from_secs(1));
        assert!(s.next(now + Duration::from_secs(1)).is_some());
        s.ended(key("a", "x"), &Disposition::RequeueAfter(Duration::from_secs(299)), now + Duration::from_secs(1));
        assert!(s.next(now + Duration::from_secs(300)).is_some());
    }

    #[test]
    fn failures_back_off_and_events_cannot_make_a_hot_loop() {
        let (mut s, now) = schedule(1, 1);
        let failed = || Disposition::Backoff(ApiError::defect(&key("a", "x")));
        s.wake(key("a", "x"), now);
        s.next(now);
        s.wake(key("a", "x"), now); // our own write woke the key
        s.ended(key("a", "x"), &failed(), now);
        assert!(s.next(now).is_none(), "not at once");
        let later = now + Duration::from_millis(1300);
        assert!(s.next(later).is_some());
        s.ended(key("a", "x"), &failed(), later);
        assert!(
            s.next_timer().is_some_and(|at| at >= later + Duration::from_millis(1600)),
            "the second pause is longer"
        );
    }

    // SC-B6, SC-B14: a failing write of another kind does not make an exact deadline late.
    #[test]
    fn a_failing_key_is_back_when_something_else_is_due() {
        let (mut s, mut now) = schedule(1, 1);
        for due in [3600, 3600, 3600, 3600, 3600, 5] {
            s.wake(key("a", "x"), now);
            assert!(s.next(now).is_some());
            let failed = ApiError::defect(&key("a", "x"));
            s.ended(key("a", "x"), &Disposition::BackoffWithin(failed, Duration::from_secs(due)), now);
            let at = s.next_timer().unwrap();
            assert!(due > 5 || at == now + Duration::from_secs(5), "the pauses have grown beyond five seconds");
            now = at;
        }
    }

    // A renewal that came late: the fence fell and rose while the queue stayed open.
    #[test]
    fn a_key_that_lost_leadership_on_its_way_is_looked_at_again() {
        let (mut s, now) = schedule(1, 1);
        s.wake(key("a", "x"), now);
        s.next(now);
        let lost = ApiError::not_leader("patch", "Snapshot", "a/x".to_owned());
        s.ended(key("a", "x"), &Disposition::Backoff(lost), now);
        assert!(s.next(now).is_none());
        assert!(s.next(now + FIRST_BACKOFF).is_some());
        s.ended(key("a", "x"), &Disposition::Done, now);
        assert!(s.keys.is_empty() && s.timers.is_empty() && s.running_in.is_empty());
    }

    #[test]
    fn keys_whose_time_has_come_run_in_that_order_and_namespaces_take_turns() {
        let (mut s, now) = schedule(10, 10);
        for name in ["1", "2", "3"] {
            s.wake(key("a", name), now);
        }
        s.wake(key("b", "1"), now);
        let order: Vec<_> = std::iter::from_fn(|| s.next(now)).map(|(key, _)| key.to_string()).collect();
        assert_eq!(order, ["a/1", "b/1", "a/2", "a/3"]);
        for (name, seconds) in [("1", 30), ("2", 10), ("3", 20)] {
            s.ended(key("a", name), &Disposition::RequeueAfter(Duration::from_secs(seconds)), now);
        }
        let later = now + Duration::from_secs(60);
        let order: Vec<_> = std::iter::from_fn(|| s.next(later)).map(|(key, _)| key.to_string()).collect();
        assert_eq!(order, ["a/2", "a/3", "a/1"]);
    }

    // OP-X5: what can never succeed is not tried again by itself.
    #[test]
    fn op_x5_a_terminal_outcome_waits_for_a_change() {
        let (mut s, now) = schedule(1, 1);
        s.wake(key("a", "x"), now);
        s.next(now);
        s.ended(key("a", "x"), &Disposition::Terminal("name_exhausted"), now);
        assert_eq!((s.next_timer(), s.keys.len()), (None, 0));
        s.wake(key("a", "x"), now);
        assert!(s.next(now).is_some());
    }

    #[test]
    fn op_33_the_longest_pause_is_five_minutes() {
        for failures in 1..60 {
            assert!(backoff(failures) <= LONGEST_BACKOFF.mul_f64(1.2));
        }
        assert!(backoff(1) >= Duration::from_millis(800));
    }
}
