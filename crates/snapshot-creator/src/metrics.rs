//! Metrics of this program (SC-B30). Labels are bounded; no object names.

use integration_api::condition;
use integration_core::owner::OwnerKind;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::decide::{Count, GclResult};

/// Seconds from completion to the signature of Chains, as seen by this program.
const CHAINS_BUCKETS: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 180.0, 240.0, 300.0];
/// Seconds from completion to the release of the finalizer.
const FINALIZER_BUCKETS: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 3600.0, 86400.0];
/// Seconds from the creation of a Snapshot to its end: those of status-reporter, which counts the other ends (MX-X5).
const ATTEMPT_BUCKETS: &[f64] =
    &[7.0, 15.0, 30.0, 60.0, 150.0, 300.0, 450.0, 600.0, 750.0, 900.0, 1050.0, 1800.0, 3600.0, 7200.0, 14400.0];
/// Values of the labels `type` and `reason` of a Snapshot that was superseded.
const CANCELED: &[&str] = &[condition::INTEGRATION_STATUS, condition::CANCELED];

/// The metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    created: IntCounterVec,
    failed: IntCounterVec,
    gcl: IntCounterVec,
    chains_wait: Histogram,
    finalizer: Histogram,
    attempts: IntCounterVec,
    attempt_seconds: HistogramVec,
    reports: IntCounterVec,
}

/// Values of label `result` of `integration_svc_build_report_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportResult {
    /// The provider took it.
    Accepted,
    /// An error that may pass.
    Error,
    /// Refused; tried again much later.
    Refused,
    /// Refused for the last time.
    GivenUp,
}

impl ReportResult {
    fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
        }
    }
}

impl Metrics {
    /// Registers the metrics.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| -> Result<Histogram, prometheus::Error> {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let seconds = HistogramOpts::new(
            "integration_svc_snapshot_attempt_duration_seconds",
            "Seconds from the creation of a Snapshot to the end of its tests.",
        );
        let attempt_seconds = HistogramVec::new(seconds.buckets(ATTEMPT_BUCKETS.to_vec()), &["type", "reason"])?;
        registry.register(Box::new(attempt_seconds.clone()))?;
        Ok(Self {
            created: counter(
                "integration_svc_snapshot_created_total",
                "Snapshots created for builds.",
                &["model", "workflow"],
            )?,
            failed: counter(
                "integration_svc_snapshot_creation_failed_total",
                "Owners that got no Snapshot of a build, by reason.",
                &["model", "reason"],
            )?,
            gcl: counter(
                "integration_svc_gcl_updates_total",
                "Answers to whether a build is the newest promotable one.",
                &["model", "result"],
            )?,
            chains_wait: histogram(
                "integration_svc_chains_wait_seconds",
                "Time from the end of a build to its signature by Tekton Chains.",
                CHAINS_BUCKETS,
            )?,
            finalizer: histogram(
                "integration_svc_build_finalizer_seconds",
                "Time from the end of a build to the release of our finalizer.",
                FINALIZER_BUCKETS,
            )?,
            attempts: counter(
                "integration_svc_snapshot_attempt_total",
                "Ends of the tests of Snapshots.",
                &["type", "reason"],
            )?,
            attempt_seconds,
            reports: counter(
                "integration_svc_build_report_total",
                "Calls that told git providers about expected tests of builds.",
                &["provider", "state", "result"],
            )?,
        })
    }

    /// A Snapshot was created.
    pub fn created(&self, model: OwnerKind, workflow: &str) {
        self.created.with_label_values(&[model.model(), workflow]).inc();
    }

    /// A candidate was written.
    pub fn promoted(&self, model: OwnerKind) {
        self.gcl.with_label_values(&[model.model(), GclResult::Updated.word()]).inc();
    }

    /// What a patch certified.
    pub fn count(&self, count: Count) {
        match count {
            Count::CreationFailed { model, reason } => {
                self.failed.with_label_values(&[model.model(), reason.word()]).inc();
            }
            Count::Gcl { model, result } => self.gcl.with_label_values(&[model.model(), result.word()]).inc(),
        }
    }

    /// A git provider was told, or asked.
    pub fn reported(&self, provider: &str, state: &str, result: ReportResult) {
        self.reports.with_label_values(&[provider, state, result.word()]).inc();
    }

    /// A build was signed this many seconds after its end.
    pub fn signed_after(&self, seconds: f64) {
        self.chains_wait.observe(seconds);
    }

    /// A Snapshot was superseded this many seconds after its creation.
    pub fn canceled_after(&self, seconds: f64) {
        self.attempts.with_label_values(CANCELED).inc();
        self.attempt_seconds.with_label_values(CANCELED).observe(seconds);
    }

    /// The finalizer of a build was released this many seconds after its end.
    pub fn released_after(&self, seconds: f64) {
        self.finalizer.observe(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::FailureReason;

    // SC-B30, D-15: names, and labels of bounded values.
    #[test]
    fn sc_b30_what_was_done_is_counted_under_the_names_of_the_spec() {
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        metrics.created(OwnerKind::Application, "push");
        metrics.promoted(OwnerKind::ComponentGroup);
        metrics.count(Count::Gcl { model: OwnerKind::Application, result: GclResult::NotMember });
        metrics.count(Count::CreationFailed { model: OwnerKind::ComponentGroup, reason: FailureReason::Quota });
        metrics.signed_after(61.0);
        metrics.released_after(61.0);
        metrics.canceled_after(61.0);
        metrics.reported("github", "in_progress", ReportResult::GivenUp);
        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in [
            "integration_svc_snapshot_created_total{model=\"application\",workflow=\"push\"} 1",
            "integration_svc_gcl_updates_total{model=\"component_group\",result=\"updated\"} 1",
            "integration_svc_gcl_updates_total{model=\"application\",result=\"not_member\"} 1",
            "integration_svc_snapshot_creation_failed_total{model=\"component_group\",reason=\"quota\"} 1",
            "integration_svc_chains_wait_seconds_bucket{le=\"60\"} 0",
            "integration_svc_chains_wait_seconds_bucket{le=\"120\"} 1",
            "integration_svc_build_finalizer_seconds_count 1",
            "integration_svc_build_report_total{provider=\"github\",result=\"given_up\",state=\"in_progress\"} 1",
            "integration_svc_snapshot_attempt_total{reason=\"Canceled\",type=\"AppStudioIntegrationStatus\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }
}
