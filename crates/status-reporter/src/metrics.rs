//! Metrics of this program (SR-14, MX-5, MX-6, RR-B42, RR-B49).

use integration_api::condition::TEST_SUCCEEDED;
use integration_runtime::Context;
use integration_runtime::metrics::LeaderGauge;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::world::Attempt;

/// Seconds; the listed ones, and what real tests need beyond them (MX-X5).
const BUCKETS: [f64; 15] =
    [7.0, 15.0, 30.0, 60.0, 150.0, 300.0, 450.0, 600.0, 750.0, 900.0, 1050.0, 1800.0, 3600.0, 7200.0, 14400.0];

/// Handles of the metrics. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    durations: HistogramVec,
    attempts: IntCounterVec,
    released: IntCounterVec,
}

impl Metrics {
    /// Registers the metrics.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let durations = HistogramOpts::new(
            "integration_svc_snapshot_attempt_duration_seconds",
            "Seconds from the creation of a Snapshot, or from the request to test it again, to its verdict.",
        );
        let attempts = Opts::new("integration_svc_snapshot_attempt_total", "Verdicts on Snapshots.");
        let released = Opts::new("integration_svc_finalizer_released_total", "Finalizers taken off test PipelineRuns.");
        let metrics = Self {
            durations: HistogramVec::new(durations.buckets(BUCKETS.to_vec()), &["type", "reason"])?,
            attempts: IntCounterVec::new(attempts, &["type", "reason"])?,
            released: IntCounterVec::new(released, &["cause"])?,
        };
        registry.register(Box::new(metrics.durations.clone()))?;
        registry.register(Box::new(metrics.attempts.clone()))?;
        registry.register(Box::new(metrics.released.clone()))?;
        Ok(metrics)
    }

    /// Counts a verdict that was accepted by the API server and changed the status.
    pub fn attempt(&self, attempt: Attempt) {
        let labels = [TEST_SUCCEEDED, attempt.reason];
        self.durations.with_label_values(&labels).observe(attempt.seconds);
        self.attempts.with_label_values(&labels).inc();
    }

    /// Counts a finalizer taken off.
    pub fn released(&self, cause: &'static str) {
        self.released.with_label_values(&[cause]).inc();
    }
}

/// How many PipelineRuns are held too long, key by key (RR-B49).
pub fn held(context: &Context) -> prometheus::Result<LeaderGauge> {
    let help = "Finished test PipelineRuns held for more than four hours.";
    context.leader_gauge("integration_svc_finalizers_held_too_long", help)
}

#[cfg(test)]
mod tests {
    use prometheus::Encoder;

    use super::*;

    // SR-14, MX-5, MX-6, MX-7, MX-X5
    #[test]
    fn sr_14_a_verdict_is_counted_and_timed_under_the_names_of_the_reference() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        metrics.attempt(Attempt { reason: "Passed", seconds: 1200.0 });
        let mut text = Vec::new();
        prometheus::TextEncoder::new().encode(&registry.gather(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let labels = r#"reason="Passed",type="AppStudioTestSucceeded""#;
        for line in [
            format!("integration_svc_snapshot_attempt_total{{{labels}}} 1"),
            format!(r#"integration_svc_snapshot_attempt_duration_seconds_bucket{{{labels},le="1050"}} 0"#),
            format!(r#"integration_svc_snapshot_attempt_duration_seconds_bucket{{{labels},le="1800"}} 1"#),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
