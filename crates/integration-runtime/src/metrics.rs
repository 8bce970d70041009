//! Metrics every program has (MX-X4, MX-X6, OP-X9), prefix `integration_svc_`.
//!
//! | series | labels | counts |
//! |---|---|---|
//! | `integration_svc_reconcile_total` | `queue`, `outcome` | reconciles by how they ended |
//! | `integration_svc_reconcile_seconds` | `queue` | how long one took |
//! | `integration_svc_queue_depth` | `queue` | keys waiting now |
//! | `integration_svc_queue_seconds` | `queue` | how long a key waited after it was due |
//! | `integration_svc_api_requests_total` | `verb`, `kind`, `code` | requests to the Kubernetes API |
//! | `integration_svc_watch_restarts_total` | `kind` | watches that were interrupted |
//! | `integration_svc_write_conflicts_total` | `kind` | writes refused because the object had changed |
//! | `integration_svc_decision_total` | `decision`, `reason` | what was decided, and why |
//! | `integration_svc_malformed_objects_total` | `kind` | objects that could not be read and were skipped |
//! | `integration_svc_leader` | `slot` | 1 while this replica may write for the slot |
//! | `integration_svc_writes_withheld` | `reason` | 1 while the reference operator keeps this program from writing |
//! | `integration_svc_build_info` | `program`, `version` | always 1 |
//! | `process_*` | | of this process: resident and virtual memory, CPU seconds, open files, threads, start (Linux only) |
//!
//! Label values are bounded: names of queues, kinds, decisions and reasons, never of objects or tenants (D-15).
//! A series appears with its first event (MX-X4): no program shows a constant 0 for what it cannot do.

mod leader_gauge;

use std::time::Duration;

pub use leader_gauge::LeaderGauge;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

/// Prefix of every name here (D-15).
const PREFIX: &str = "integration_svc_";

/// Seconds, for work inside the process: from cache-only decisions to a call that ran into its timeout.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// The metrics of one process. Cheap to copy; all copies count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    reconcile_total: IntCounterVec,
    reconcile_seconds: HistogramVec,
    queue_depth: IntGaugeVec,
    queue_seconds: HistogramVec,
    api_requests_total: IntCounterVec,
    watch_restarts_total: IntCounterVec,
    write_conflicts_total: IntCounterVec,
    decision_total: IntCounterVec,
    malformed_objects_total: IntCounterVec,
    leader: IntGaugeVec,
    writes_withheld: IntGaugeVec,
}

impl Metrics {
    /// The whole set in a registry of its own, `integration_svc_build_info` included.
    ///
    /// Fails only if a name were used twice.
    pub fn new(program: &str, version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let build_info =
            gauge(&registry, "build_info", "Program and version of this process", &["program", "version"])?;
        build_info.with_label_values(&[program, version]).set(1);
        Ok(Self {
            reconcile_total: counter(
                &registry,
                "reconcile_total",
                "Reconciles by how they ended",
                &["queue", "outcome"],
            )?,
            reconcile_seconds: histogram(&registry, "reconcile_seconds", "Time a reconcile took", &["queue"])?,
            queue_depth: gauge(&registry, "queue_depth", "Keys waiting for a reconcile", &["queue"])?,
            queue_seconds: histogram(&registry, "queue_seconds", "Time a key waited after it was due", &["queue"])?,
            api_requests_total: counter(
                &registry,
                "api_requests_total",
                "Requests sent to the Kubernetes API",
                &["verb", "kind", "code"],
            )?,
            watch_restarts_total: counter(
                &registry,
                "watch_restarts_total",
                "Watches that were interrupted and had to be resumed or started over",
                &["kind"],
            )?,
            write_conflicts_total: counter(
                &registry,
                "write_conflicts_total",
                "Writes refused because somebody else changed the object first",
                &["kind"],
            )?,
            decision_total: counter(
                &registry,
                "decision_total",
                "Things done or deliberately not done, and why",
                &["decision", "reason"],
            )?,
            malformed_objects_total: counter(
                &registry,
                "malformed_objects_total",
                "Objects that could not be read and were skipped",
                &["kind"],
            )?,
            leader: gauge(&registry, "leader", "1 while this replica may write for the slot", &["slot"])?,
            writes_withheld: gauge(
                &registry,
                "writes_withheld",
                "1 while the Lease of the reference operator keeps this program from writing",
                &["reason"],
            )?,
            registry,
        })
    }

    /// The registry, for a program's own metrics.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// One reconcile of that queue ended that way (`done`, `requeue_after`, `backoff`, `terminal`, …) after that time.
    pub fn reconciled(&self, queue: &'static str, outcome: &'static str, took: Duration) {
        self.reconcile_total.with_label_values(&[queue, outcome]).inc();
        self.reconcile_seconds.with_label_values(&[queue]).observe(took.as_secs_f64());
    }

    /// So many keys of that queue wait now.
    pub fn queue_depth(&self, queue: &'static str, keys: usize) {
        self.queue_depth.with_label_values(&[queue]).set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// A key of that queue waited so long after it was due.
    pub fn queue_waited(&self, queue: &'static str, waited: Duration) {
        self.queue_seconds.with_label_values(&[queue]).observe(waited.as_secs_f64());
    }

    /// One request was answered; `kind` is the resource in the plural, with its subresource, `code` the HTTP status or
    /// `error` where no answer came.
    pub fn api_request(&self, verb: &'static str, kind: &str, code: &str) {
        self.api_requests_total.with_label_values(&[verb, kind, code]).inc();
    }

    /// A watch of that kind was interrupted.
    pub fn watch_restarted(&self, kind: &str) {
        self.watch_restarts_total.with_label_values(&[kind]).inc();
    }

    /// A write to an object of that kind was refused because the object had changed.
    pub fn write_conflict(&self, kind: &str) {
        self.write_conflicts_total.with_label_values(&[kind]).inc();
    }

    /// Something was done, or deliberately not done.
    pub fn decision(&self, decision: &'static str, reason: &'static str) {
        self.decision_total.with_label_values(&[decision, reason]).inc();
    }

    /// An object of that kind could not be read and was skipped.
    pub fn malformed_object(&self, kind: &str) {
        self.malformed_objects_total.with_label_values(&[kind]).inc();
    }

    /// Whether this replica may write for that slot now.
    pub fn leader(&self, slot: usize, leading: bool) {
        self.leader.with_label_values(&[slot.to_string()]).set(i64::from(leading));
    }

    /// Whether that reason keeps the program from writing now (OP-X9).
    pub fn withheld(&self, reason: &'static str, withheld: bool) {
        self.writes_withheld.with_label_values(&[reason]).set(i64::from(withheld));
    }

    /// Everything in the registry as Prometheus text (MX-1).
    pub fn encode(&self) -> String {
        let mut text = String::new();
        if let Err(error) = TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be written as text; what came before is served");
        }
        text
    }
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    let vec = IntCounterVec::new(Opts::new(format!("{PREFIX}{name}"), help), labels)?;
    registry.register(Box::new(vec.clone()))?;
    Ok(vec)
}

fn gauge(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, prometheus::Error> {
    let vec = IntGaugeVec::new(Opts::new(format!("{PREFIX}{name}"), help), labels)?;
    registry.register(Box::new(vec.clone()))?;
    Ok(vec)
}

fn histogram(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, prometheus::Error> {
    let vec = HistogramVec::new(HistogramOpts::new(format!("{PREFIX}{name}"), help).buckets(SECONDS.to_vec()), labels)?;
    registry.register(Box::new(vec.clone()))?;
    Ok(vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    // MX-11: no series before the first event.
    #[test]
    fn mx_x4_only_build_info_is_there_before_the_first_event() {
        let text = Metrics::new("test-runner", "1.2.3").unwrap().encode();
        let ours: Vec<_> = text.lines().filter(|line| !line.contains("process_")).collect();
        assert_eq!(
            ours.join("\n") + "\n",
            "# HELP integration_svc_build_info Program and version of this process\n\
             # TYPE integration_svc_build_info gauge\n\
             integration_svc_build_info{program=\"test-runner\",version=\"1.2.3\"} 1\n"
        );
    }

    // MX-13, MX-X7: memory and CPU of the process under the names every exporter has; nothing of a Go runtime.
    #[cfg(target_os = "linux")]
    #[test]
    fn mx_13_the_process_shows_its_memory_and_cpu() {
        let text = Metrics::new("test-runner", "1").unwrap().encode();
        for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"] {
            assert!(text.lines().any(|line| line.starts_with(&format!("{name} "))), "{name} is missing in\n{text}");
        }
        let resident = text.lines().find_map(|line| line.strip_prefix("process_resident_memory_bytes ")).unwrap();
        assert!(resident.parse::<f64>().unwrap() > 100_000.0, "{resident}");
        assert!(!text.contains("go_") && !text.contains("controller_runtime_") && !text.contains("workqueue_"));
    }

    // MX-X6, D-15
    #[test]
    fn mx_1_every_event_shows_in_the_text() {
        let metrics = Metrics::new("test-runner", "1").unwrap();
        metrics.reconciled("tests", "done", Duration::from_millis(20));
        metrics.queue_depth("tests", 7);
        metrics.queue_waited("tests", Duration::from_millis(3));
        metrics.api_request("patch", "snapshots/status", "200");
        metrics.watch_restarted("Snapshot");
        metrics.write_conflict("Snapshot");
        metrics.decision("left_alone", "pull_request");
        metrics.clone().decision("left_alone", "pull_request");
        metrics.malformed_object("Component");
        metrics.leader(0, true);
        metrics.withheld("legacy_lease_fresh", false);
        let text = metrics.encode();
        for line in [
            "integration_svc_reconcile_total{outcome=\"done\",queue=\"tests\"} 1",
            "integration_svc_reconcile_seconds_bucket{queue=\"tests\",le=\"0.025\"} 1",
            "integration_svc_reconcile_seconds_bucket{queue=\"tests\",le=\"0.01\"} 0",
            "integration_svc_queue_depth{queue=\"tests\"} 7",
            "integration_svc_queue_seconds_count{queue=\"tests\"} 1",
            "integration_svc_api_requests_total{code=\"200\",kind=\"snapshots/status\",verb=\"patch\"} 1",
            "integration_svc_watch_restarts_total{kind=\"Snapshot\"} 1",
            "integration_svc_write_conflicts_total{kind=\"Snapshot\"} 1",
            "integration_svc_decision_total{decision=\"left_alone\",reason=\"pull_request\"} 2",
            "integration_svc_malformed_objects_total{kind=\"Component\"} 1",
            "integration_svc_leader{slot=\"0\"} 1",
            "integration_svc_writes_withheld{reason=\"legacy_lease_fresh\"} 0",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn a_programs_own_metric_is_served_too_and_a_name_taken_is_an_error() {
        let metrics = Metrics::new("test-runner", "1").unwrap();
        counter(metrics.registry(), "own_total", "own", &["a"]).unwrap().with_label_values(&["b"]).inc();
        assert!(metrics.encode().contains("integration_svc_own_total{a=\"b\"} 1"));
        assert!(counter(metrics.registry(), "own_total", "own", &["a"]).is_err());
    }
}
