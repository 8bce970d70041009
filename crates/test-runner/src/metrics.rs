//! Metrics of this program (TR-142 … TR-147, TR-B42, MX-2 … MX-8). Names and labels are a contract.

use integration_api::condition::{self, INTEGRATION_STATUS, TEST_SUCCEEDED};
use integration_api::{Snapshot, keys};
use jiff::{SignedDuration, Timestamp};
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

use crate::tries::Class;

/// Seconds, the reference's buckets and four more (MX-X5).
const SHORT: &[f64] = &[
    0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 10.0, 15.0, 30.0, 60.0, 120.0, 240.0, 300.0, 450.0, 600.0, 750.0, 900.0,
    1050.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0,
];
/// Seconds, the reference's buckets and four more (MX-X5).
const LONG: &[f64] =
    &[7.0, 15.0, 30.0, 60.0, 150.0, 300.0, 450.0, 600.0, 750.0, 900.0, 1050.0, 1800.0, 3600.0, 7200.0, 14400.0];
/// Longer observations are mistakes of somebody's clock (MX-X2).
const PLAUSIBLE: SignedDuration = SignedDuration::from_hours(24);

/// The metrics, registered once a process.
#[derive(Clone)]
pub struct Metrics {
    response: Histogram,
    created_to_started: Histogram,
    runs: IntCounter,
    attempt_duration: HistogramVec,
    attempts: IntCounterVec,
    release_latency: Histogram,
    dropped: IntCounter,
    retries: IntCounterVec,
    release_decisions: IntCounterVec,
    vanished: IntCounter,
}

impl Metrics {
    /// Creates and registers all metrics. Fails only when one of the names is taken.
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let histogram = |name: &str, help: &str| -> Result<Histogram, prometheus::Error> {
            let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(SHORT.to_vec()))?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let counter = |name: &str, help: &str| -> Result<IntCounter, prometheus::Error> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec, prometheus::Error> {
            let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counters.clone()))?;
            Ok(counters)
        };
        let attempt_duration = HistogramVec::new(
            HistogramOpts::new(
                "integration_svc_snapshot_attempt_duration_seconds",
                "From the creation of a Snapshot to its verdict",
            )
            .buckets(LONG.to_vec()),
            &["type", "reason"],
        )?;
        registry.register(Box::new(attempt_duration.clone()))?;
        Ok(Self {
            response: histogram(
                "integration_svc_response_seconds",
                "From the end of a build to the start of its tests",
            )?,
            created_to_started: histogram(
                "integration_svc_snapshot_created_to_pipelinerun_started_seconds",
                "From the creation of a Snapshot to the creation of a test PipelineRun",
            )?,
            runs: counter("integration_svc_integration_pipelinerun_total", "Test PipelineRuns created")?,
            attempt_duration,
            attempts: counters("integration_svc_snapshot_attempt_total", "Snapshots by verdict", &["type", "reason"])?,
            release_latency: histogram(
                "integration_svc_release_latency_seconds",
                "From the verdict of a Snapshot to its Releases",
            )?,
            dropped: counter(
                "integration_svc_dropped_observations_total",
                "Times that were not observed because they are not positive or above 24 h",
            )?,
            retries: counters(
                "integration_svc_test_create_retries_total",
                "Failed creates of test PipelineRuns that are tried again",
                &["class"],
            )?,
            release_decisions: counters(
                "integration_svc_release_decision_total",
                "Decisions about ReleasePlans",
                &["decision"],
            )?,
            vanished: counter(
                "integration_svc_vanished_plr_total",
                "Test PipelineRuns that vanished before their result was recorded",
            )?,
        })
    }

    /// A test PipelineRun was created (TR-143, TR-144).
    pub fn run_created(&self, snapshot: &Snapshot, first: bool, now: Timestamp) {
        self.runs.inc();
        if let Some(created) = created(snapshot).filter(|_| first) {
            self.observe(&self.created_to_started, created, now);
        }
    }

    /// A create failed and is tried again.
    pub fn retry(&self, class: Class) {
        self.retries.with_label_values(&[class.word()]).inc();
    }

    /// The first test of a Snapshot started, and its condition says so (TR-142).
    pub fn started(&self, snapshot: &Snapshot, now: Timestamp) {
        let Some(label) = snapshot.metadata.labels.as_ref().and_then(|labels| labels.get(keys::BUILD_FINISH_TIME))
        else {
            return;
        };
        match label.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()) {
            Some(finished) => self.observe(&self.response, finished, now),
            None => self.dropped.inc(),
        }
    }

    /// The Snapshot passed because no required scenario applies (TR-146).
    pub fn passed(&self, snapshot: &Snapshot, now: Timestamp) {
        let labels = [TEST_SUCCEEDED, condition::PASSED];
        self.attempts.with_label_values(&labels).inc();
        if let Some(created) = created(snapshot) {
            self.observe(&self.attempt_duration.with_label_values(&labels), created, now);
        }
    }

    /// The Snapshot was marked invalid (TR-147, after the write).
    pub fn invalid(&self) {
        self.attempts.with_label_values(&[INTEGRATION_STATUS, condition::INVALID]).inc();
    }

    /// Releases were made (TR-145, once a Snapshot).
    pub fn released(&self, verdict: Timestamp, now: Timestamp) {
        self.observe(&self.release_latency, verdict, now);
    }

    /// What became of one ReleasePlan.
    pub fn release_decision(&self, decision: &str) {
        self.release_decisions.with_label_values(&[decision]).inc();
    }

    /// A test PipelineRun vanished (TR-B55).
    pub fn vanished(&self) {
        self.vanished.inc();
    }

    fn observe(&self, histogram: &Histogram, from: Timestamp, to: Timestamp) {
        let duration = to.duration_since(from);
        if !duration.is_positive() || duration > PLAUSIBLE {
            self.dropped.inc();
        } else {
            histogram.observe(duration.as_secs_f64());
        }
    }
}

fn created(snapshot: &Snapshot) -> Option<Timestamp> {
    snapshot.metadata.creation_timestamp.as_ref().map(|time| time.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshot(finish_time: &str) -> Snapshot {
        serde_json::from_value(json!({ "metadata": {
            "name": "s", "creationTimestamp": "2026-11-25T10:00:00Z",
            "labels": { "test.appstudio.openshift.io/pipelinerunfinishtime": finish_time },
        } }))
        .unwrap()
    }

    #[test]
    fn mx_x2_only_plausible_times_are_observed() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        let now: Timestamp = "2026-11-25T10:00:09Z".parse().unwrap();
        let finished = now.as_second() - 12;
        metrics.started(&snapshot(&finished.to_string()), now);
        metrics.started(&snapshot("soon"), now);
        metrics.started(&snapshot("0"), now);
        // MX-2, TR-142
        assert_eq!(metrics.response.get_sample_count(), 1);
        assert!((metrics.response.get_sample_sum() - 12.0).abs() < 1e-6);
        assert_eq!(metrics.dropped.get(), 2);
    }

    #[test]
    fn tr_143_reruns_count_as_runs_but_not_as_first_starts() {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let now: Timestamp = "2026-11-25T10:00:09Z".parse().unwrap();
        metrics.run_created(&snapshot("1"), true, now);
        metrics.run_created(&snapshot("1"), false, now);
        // MX-3, MX-4, TR-144
        assert_eq!(metrics.created_to_started.get_sample_count(), 1);
        assert!((metrics.created_to_started.get_sample_sum() - 9.0).abs() < 1e-6);
        assert_eq!(metrics.runs.get(), 2);
    }

    // TR-145, TR-B42, MX-X3
    #[test]
    fn mx_8_the_latency_of_a_release_runs_from_the_verdict() {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let verdict: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
        metrics.released(verdict, verdict + SignedDuration::from_secs(2));
        metrics.released(verdict, verdict + SignedDuration::from_hours(25));
        assert_eq!(metrics.release_latency.get_sample_count(), 1);
        assert!((metrics.release_latency.get_sample_sum() - 2.0).abs() < 1e-6);
        assert_eq!(metrics.dropped.get(), 1);
    }

    // API-262, MX-X4
    #[test]
    fn mx_11_series_with_labels_appear_with_their_first_value() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        let names = || registry.gather().iter().map(|family| family.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            names(),
            [
                "integration_svc_dropped_observations_total",
                "integration_svc_integration_pipelinerun_total",
                "integration_svc_release_latency_seconds",
                "integration_svc_response_seconds",
                "integration_svc_snapshot_created_to_pipelinerun_started_seconds",
                "integration_svc_vanished_plr_total",
            ]
        );
        metrics.retry(Class::Quota);
        metrics.release_decision("created");
        assert!(names().contains(&"integration_svc_test_create_retries_total".to_owned()));
        assert!(names().contains(&"integration_svc_release_decision_total".to_owned()));
    }

    #[test]
    fn tr_146_verdicts_are_counted_by_type_and_reason() {
        let registry = Registry::new();
        let metrics = Metrics::new(&registry).unwrap();
        metrics.passed(&snapshot("1"), "2026-11-25T10:00:09Z".parse().unwrap());
        // TR-147, MX-5, MX-6, MX-7
        metrics.invalid();
        assert_eq!(metrics.attempts.with_label_values(&["AppStudioTestSucceeded", "Passed"]).get(), 1);
        assert_eq!(metrics.attempts.with_label_values(&["AppStudioIntegrationStatus", "Invalid"]).get(), 1);
        assert_eq!(
            metrics.attempt_duration.with_label_values(&["AppStudioTestSucceeded", "Passed"]).get_sample_count(),
            1
        );
        // MX-X5
        let last =
            registry.gather().into_iter().find(|family| family.name() == "integration_svc_response_seconds").unwrap();
        let longest = last.get_metric()[0].get_histogram().get_bucket().last().unwrap().upper_bound();
        assert!((longest - 14400.0).abs() < 1e-6);
    }
}
