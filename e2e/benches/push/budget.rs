//! The budgets of the design (§7), and what the reference operator needed on the same load. Of pull requests there are
//! neither, beside what holds for every load.

use std::time::Duration;

use crate::builds::Kind;
use crate::load::{Arrivals, Load};
use crate::tenants::Model;

/// Memory of one idle program, MiB.
pub const IDLE_MIB: f64 = 15.0;
/// Memory of all programs together on a cluster full of finished work, MiB.
pub const ALL_MIB: f64 = 120.0;

/// Median and 99th percentile that a time must not exceed, as far as there is a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Median.
    pub p50: Option<Duration>,
    /// 99th percentile.
    pub p99: Option<Duration>,
}

/// What a row is held to, and the reference's figures for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    /// Signature to Snapshot.
    pub to_snapshot: Times,
    /// End of the last test to verdict.
    pub to_verdict: Times,
    /// End of the last test to Release.
    pub to_release: Times,
    /// Requests.
    pub requests: Option<Requests>,
    /// The reference: requests a build.
    pub reference_requests: &'static str,
    /// The reference: signature to Snapshot.
    pub reference_snapshot: &'static str,
    /// The reference: end of the last test to verdict.
    pub reference_verdict: &'static str,
    /// The reference: started twice.
    pub reference_duplicates: &'static str,
    /// The reference: lost.
    pub reference_lost: &'static str,
    /// The reference: memory under load.
    pub reference_memory: &'static str,
}

/// Requests a build, at most.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    /// Writes, Kubernetes Events apart.
    pub mutating: f64,
    /// Kubernetes Events.
    pub events: f64,
    /// Reads, once caches are warm.
    pub reads: f64,
}

/// The reference's memory on a cluster full of finished work.
pub const REFERENCE_PEAK: &str = "697 MB peak";
/// The reference's writes when it starts there.
pub const REFERENCE_START_WRITES: &str = "3 400";
/// The reference's first builds there.
pub const REFERENCE_FIRST_BUILDS: &str = "p90 36 s";

impl Budget {
    /// The budget of a row.
    pub fn of(load: &Load) -> Self {
        let Kind::Push { test_seconds } = load.kind else { return Self::default() };
        let mutating = match load.model {
            Model::Application => 17.0,
            Model::ComponentGroup => 16.0,
        };
        let mut budget = Self {
            requests: Some(Requests { mutating, events: 5.0, reads: 4.0 }),
            reference_requests: "29.4 requests",
            reference_memory: "99 MB",
            ..Self::default()
        };
        match (load.arrivals, test_seconds) {
            (Arrivals::PerSecond(3), 5) => {
                budget.to_snapshot = Times::of(25, Some(100));
                budget.to_verdict = Times::of(60, None);
                budget.to_release = Times::of(90, None);
                if load.model == Model::Application {
                    budget.reference_snapshot = "p50 32 ms, p99 218 ms";
                    budget.reference_verdict = "p50 192 ms";
                    budget.reference_duplicates = "15 % started twice";
                }
            }
            (Arrivals::InFlight(_), test_seconds) => {
                budget.to_snapshot = Times::of(400, Some(1500));
                (budget.reference_snapshot, budget.reference_lost) =
                    if test_seconds == 0 { ("p50 7 s", "7 of 200") } else { ("p50 1.4 s, p99 6.3 s", "1 of 200") };
            }
            _ => {}
        }
        budget
    }
}

impl Times {
    fn of(p50: u64, p99: Option<u64>) -> Self {
        Self { p50: Some(Duration::from_millis(p50)), p99: p99.map(Duration::from_millis) }
    }
}
