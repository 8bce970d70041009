//! Metrics of this program (RR-B42, RR-B49).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use integration_runtime::ObjectKey;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Handles of the metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    released: IntCounterVec,
    recorded: IntCounterVec,
    rebuilt: IntCounter,
    held: IntGauge,
    held_by_key: Arc<Mutex<HashMap<ObjectKey, usize>>>,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let released =
            Opts::new("integration_svc_finalizer_released_total", "Finalizers taken off test PipelineRuns, by cause.");
        let recorded =
            Opts::new("integration_svc_test_results_recorded_total", "Test states written to Snapshots, by state.");
        let metrics = Self {
            released: IntCounterVec::new(released, &["cause"])?,
            recorded: IntCounterVec::new(recorded, &["status"])?,
            rebuilt: IntCounter::new(
                "integration_svc_test_status_rebuilt_total",
                "Unreadable status annotations that were rebuilt.",
            )?,
            held: IntGauge::new(
                "integration_svc_finalizers_held_too_long",
                "Finished test PipelineRuns held for more than four hours.",
            )?,
            held_by_key: Arc::default(),
        };
        registry.register(Box::new(metrics.released.clone()))?;
        registry.register(Box::new(metrics.recorded.clone()))?;
        registry.register(Box::new(metrics.rebuilt.clone()))?;
        registry.register(Box::new(metrics.held.clone()))?;
        Ok(metrics)
    }

    /// Counts a finalizer taken off.
    pub fn released(&self, cause: &'static str) {
        self.released.with_label_values(&[cause]).inc();
    }

    /// Counts a state written to a Snapshot.
    pub fn recorded(&self, status: &'static str) {
        self.recorded.with_label_values(&[status]).inc();
    }

    /// Counts a rebuilt annotation.
    pub fn rebuilt(&self) {
        self.rebuilt.inc();
    }

    /// Notes how many PipelineRuns of this key are held too long.
    pub fn held(&self, key: &ObjectKey, count: usize) {
        let mut by_key = self.held_by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if count == 0 {
            by_key.remove(key);
        } else {
            by_key.insert(key.clone(), count);
        }
        self.held.set(i64::try_from(by_key.values().sum::<usize>()).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RR-B49
    #[test]
    fn rr_b49_the_gauge_sums_over_keys_and_forgets_released_ones() {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let (a, b) = (ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b"));
        metrics.held(&a, 2);
        metrics.held(&b, 1);
        metrics.held(&a, 2);
        assert_eq!(metrics.held.get(), 3);
        metrics.held(&a, 0);
        assert_eq!(metrics.held.get(), 1);
    }
}
