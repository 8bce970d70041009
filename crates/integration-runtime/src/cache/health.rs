//! Where the watches of one store stand.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A watch that failed for longer than this is reported as unhealthy.
const STUCK: Duration = Duration::from_secs(300);
/// A watch without an error for that long works again: nothing else tells, where nothing changes. Longer than the
/// longest pause between two tries and the time-outs of a try.
const QUIET: Duration = Duration::from_secs(120);

/// State of the watches of one store, one for each scope (the cluster, or a namespace).
#[derive(Default)]
pub(crate) struct WatchHealth {
    scopes: Mutex<Vec<Scope>>,
}

#[derive(Default)]
struct Scope {
    synced: bool,
    ended: bool,
    failing: Option<Failing>,
}

struct Failing {
    since: Instant,
    last: Instant,
    error: String,
}

impl WatchHealth {
    /// So many watches start now.
    pub(crate) fn start(&self, scopes: usize) {
        *self.lock() = (0..scopes).map(|_| Scope::default()).collect();
    }

    /// Whether every scope finished its first list.
    pub(crate) fn synced(&self) -> bool {
        let scopes = self.lock();
        !scopes.is_empty() && scopes.iter().all(|scope| scope.synced)
    }

    /// A list is complete. Returns whether it was the first one of the scope.
    pub(crate) fn listed(&self, scope: usize) -> bool {
        self.lock().get_mut(scope).is_some_and(|scope| !std::mem::replace(&mut scope.synced, true))
    }

    /// An error. Returns whether the watch worked before.
    pub(crate) fn failed(&self, scope: usize, error: String, now: Instant) -> bool {
        let mut scopes = self.lock();
        let Some(scope) = scopes.get_mut(scope) else { return false };
        if let Some(failing) = scope.failing.as_mut().filter(|failing| now.duration_since(failing.last) < QUIET) {
            (failing.last, failing.error) = (now, error);
            return false;
        }
        scope.failing = Some(Failing { since: now, last: now, error });
        true
    }

    /// Something arrived. Returns whether the watch failed before.
    pub(crate) fn works(&self, scope: usize) -> bool {
        self.lock().get_mut(scope).is_some_and(|scope| scope.failing.take().is_some())
    }

    /// The watch ended, which only a defect can bring about.
    pub(crate) fn ended(&self, scope: usize) {
        if let Some(scope) = self.lock().get_mut(scope) {
            scope.ended = true;
        }
    }

    /// Why a watch makes no progress.
    pub(crate) fn failure(&self, now: Instant) -> Option<String> {
        self.lock().iter().find_map(|scope| {
            if scope.ended {
                return Some("has ended".to_owned());
            }
            let failing = scope.failing.as_ref()?;
            let failed_for = now.duration_since(failing.since);
            (failed_for > STUCK && now.duration_since(failing.last) < QUIET)
                .then(|| format!("fails since {} s: {}", failed_for.as_secs(), failing.error))
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Scope>> {
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(scopes: usize) -> (WatchHealth, Instant) {
        let health = WatchHealth::default();
        health.start(scopes);
        (health, Instant::now())
    }

    /// Errors every half minute, from the first second on.
    fn fail(health: &WatchHealth, scope: usize, start: Instant, seconds: u64) {
        for second in (0..=seconds).step_by(30) {
            health.failed(scope, "refused".to_owned(), start + Duration::from_secs(second));
        }
    }

    // OP-X3
    #[test]
    fn op_x3_a_watch_that_keeps_failing_is_unhealthy_after_five_minutes() {
        let (health, start) = health(1);
        fail(&health, 0, start, 300);
        assert_eq!(health.failure(start + Duration::from_secs(300)), None);
        let text = health.failure(start + Duration::from_secs(301)).unwrap();
        assert_eq!(text, "fails since 301 s: refused");
        assert!(health.works(0));
        assert_eq!(health.failure(start + Duration::from_secs(301)), None);
    }

    // OP-X3: the API server restarted, the watch resumed, and nobody changes an object of this kind for hours.
    #[test]
    fn op_x3_a_quiet_watch_that_failed_once_is_healthy() {
        let (health, start) = health(1);
        assert!(health.failed(0, "reset".to_owned(), start));
        assert_eq!(health.failure(start + Duration::from_secs(3600)), None);
        assert!(health.failed(0, "reset".to_owned(), start + Duration::from_secs(3600)), "a new failure is news");
        assert_eq!(health.failure(start + Duration::from_secs(3601)), None, "it does not count from the first one");
    }

    // OP-X3: with --namespaces there is one watch a namespace; the others do not speak for a failing one.
    #[test]
    fn op_x3_a_working_namespace_does_not_hide_a_failing_one() {
        let (health, start) = health(2);
        assert!(health.listed(1) && !health.synced());
        fail(&health, 0, start, 330);
        health.works(1);
        assert!(health.failure(start + Duration::from_secs(331)).is_some());
        assert!(health.listed(0) && !health.listed(0) && health.synced());
    }

    #[test]
    fn op_x3_a_watch_that_ended_is_unhealthy_at_once() {
        let (health, start) = health(1);
        health.ended(0);
        assert_eq!(health.failure(start).as_deref(), Some("has ended"));
    }
}
