//! The push budgets of the design (§7), and what the reference operator needed on the same load.

use std::time::Duration;

use crate::load::{Arrivals, Load};
use crate::tenants::Model;

/// Memory of one idle program, MiB.
pub const IDLE_MIB: f64 = 15.0;
/// Memory of all programs together on a cluster full of finished work, MiB.
pub const ALL_MIB: f64 = 120.0;
/// Kubernetes Events a build.
pub const EVENTS: f64 = 5.0;
/// Reads a build, once caches are warm.
pub const READS: f64 = 4.0;

/// Median and 99th percentile that a time must not exceed, as far as there is a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Median.
    pub p50: Option<Duration>,
    /// 99th percentile.
    pub p99: Option<Duration>,
}

/// What a row is held to, and the reference's figures for it.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Signature to Snapshot.
    pub to_snapshot: Times,
    /// End of the last test to verdict.
    pub to_verdict: Times,
    /// End of the last test to Release.
    pub to_release: Times,
    /// Writes a build, Events apart.
    pub mutating: f64,
    /// The reference: signature to Snapshot.
    pub reference_snapshot: &'static str,
    /// The reference: end of the last test to verdict.
    pub reference_verdict: &'static str,
    /// The reference: started twice.
    pub reference_duplicates: &'static str,
    /// The reference: lost.
    pub reference_lost: &'static str,
}

/// The reference's requests a build, in any row.
pub const REFERENCE_REQUESTS: &str = "29.4 requests";
/// The reference's memory under load.
pub const REFERENCE_MEMORY: &str = "99 MB";
/// The reference's memory on a cluster full of finished work.
pub const REFERENCE_PEAK: &str = "697 MB peak";
/// The reference's writes when it starts there.
pub const REFERENCE_START_WRITES: &str = "3 400";
/// The reference's first builds there.
pub const REFERENCE_FIRST_BUILDS: &str = "p90 36 s";

impl Budget {
    /// The budget of a row.
    pub fn of(load: &Load) -> Self {
        let mut budget = Self {
            to_snapshot: Times::default(),
            to_verdict: Times::default(),
            to_release: Times::default(),
            mutating: match load.model {
                Model::Application => 17.0,
                Model::ComponentGroup => 16.0,
            },
            reference_snapshot: "",
            reference_verdict: "",
            reference_duplicates: "",
            reference_lost: "",
        };
        match (load.arrivals, load.test_seconds) {
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
