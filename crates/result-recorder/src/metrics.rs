//! Metrics of this program (RR-B42, RR-B49).

use integration_runtime::Context;
use integration_runtime::metrics::LeaderGauge;
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

/// Handles of the metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    released: IntCounterVec,
    recorded: IntCounterVec,
    rebuilt: IntCounter,
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
        };
        registry.register(Box::new(metrics.released.clone()))?;
        registry.register(Box::new(metrics.recorded.clone()))?;
        registry.register(Box::new(metrics.rebuilt.clone()))?;
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
}

/// How many PipelineRuns are held too long, key by key (RR-B49).
pub fn held(context: &Context) -> prometheus::Result<LeaderGauge> {
    let help = "Finished test PipelineRuns held for more than four hours.";
    context.leader_gauge("integration_svc_finalizers_held_too_long", help)
}

#[cfg(test)]
mod tests {
    use prometheus::{Encoder, TextEncoder};

    use super::*;

    // RR-B42, D-15
    #[test]
    fn rr_b42_what_was_done_is_counted_without_names_of_objects() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        metrics.released("recorded");
        metrics.recorded("TestPassed");
        metrics.rebuilt();
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for line in [
            r#"integration_svc_finalizer_released_total{cause="recorded"} 1"#,
            r#"integration_svc_test_results_recorded_total{status="TestPassed"} 1"#,
            "integration_svc_test_status_rebuilt_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
