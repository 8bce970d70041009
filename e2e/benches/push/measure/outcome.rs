//! From first sightings to figures.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::facts::{Facts, RunFacts, SnapshotFacts};
use crate::builds::{Kind, Signed};

/// What became of the builds of one row.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Signature to Snapshot.
    pub to_snapshot: Latencies,
    /// Creation of the build to its PR group.
    pub to_group: Latencies,
    /// End of the last test to verdict.
    pub to_verdict: Latencies,
    /// End of the last test to Release, where it did not wait for a newer Snapshot.
    pub to_release: Latencies,
    /// How late the bench itself was woken.
    pub bench_delay: Latencies,
    /// More than one of the same.
    pub duplicates: Duplicates,
    /// Never seen.
    pub lost: Lost,
    /// Snapshots whose release waited for a newer one.
    pub waited: usize,
    /// Snapshots that were not released because a newer one was.
    pub superseded: usize,
}

/// Surplus objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct Duplicates {
    /// PipelineRuns of one Snapshot and scenario.
    pub runs: usize,
    /// Releases of one Snapshot and plan.
    pub releases: usize,
    /// Snapshots of one build.
    pub snapshots: usize,
}

/// Builds that lack something at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lost {
    /// No Snapshot.
    pub snapshots: usize,
    /// A Snapshot without verdict.
    pub verdicts: usize,
    /// A verdict without Release, and not superseded.
    pub releases: usize,
    /// Of a pull request, and its PR group was never named.
    pub groups: usize,
    /// Of a pull request, and still held.
    pub held: usize,
}

impl Duplicates {
    /// All of them.
    pub fn sum(self) -> usize {
        self.runs + self.releases + self.snapshots
    }
}

impl Lost {
    /// All of them.
    pub fn sum(self) -> usize {
        self.snapshots + self.verdicts + self.releases + self.groups + self.held
    }
}

impl Outcome {
    pub(super) fn of(facts: &Facts, bench_delay: Latencies) -> Self {
        let mut outcome = Self { bench_delay, ..Self::default() };
        for (build, signed) in &facts.builds {
            let snapshots: Vec<&SnapshotFacts> = facts.of_build(build).collect();
            match snapshots.iter().filter_map(|snapshot| snapshot.seen).min() {
                Some(seen) => outcome.to_snapshot.add(signed.at, seen),
                None => outcome.lost.snapshots += 1,
            }
            outcome.duplicates.snapshots += snapshots.len().saturating_sub(1);
            match facts.kind {
                Kind::Push { .. } => {
                    for snapshot in snapshots {
                        outcome.count(snapshot);
                    }
                }
                Kind::PullRequest { .. } => outcome.count_run(signed, facts.runs.get(build)),
            }
        }
        let Self { to_snapshot, to_group, to_verdict, to_release, .. } = &mut outcome;
        for latencies in [to_snapshot, to_group, to_verdict, to_release] {
            latencies.0.sort_unstable();
        }
        outcome
    }

    fn count_run(&mut self, signed: &Signed, run: Option<&RunFacts>) {
        match run.and_then(|run| run.grouped) {
            Some(grouped) => self.to_group.add(signed.created, grouped),
            None => self.lost.groups += 1,
        }
        self.lost.held += usize::from(!run.is_some_and(|run| run.let_go));
    }

    fn count(&mut self, snapshot: &SnapshotFacts) {
        self.duplicates.runs += surplus(&snapshot.tests);
        self.duplicates.releases += surplus(&snapshot.releases);
        self.waited += usize::from(snapshot.waited);
        self.superseded += usize::from(snapshot.superseded);
        let ended = snapshot.tests_ended();
        match (ended, snapshot.verdict) {
            (Some(ended), Some(verdict)) => self.to_verdict.add(ended, verdict),
            _ => self.lost.verdicts += 1,
        }
        match (ended, snapshot.released()) {
            (Some(ended), Some(released)) if !snapshot.waited => self.to_release.add(ended, released),
            (_, Some(_)) => {}
            (_, None) => self.lost.releases += usize::from(!snapshot.superseded),
        }
    }
}

/// How many more than one there are of each.
fn surplus<T>(groups: &BTreeMap<String, BTreeMap<String, T>>) -> usize {
    groups.values().map(|group| group.len().saturating_sub(1)).sum()
}

/// Durations in ascending order.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    /// Sorts them.
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// The nearest-rank percentile, 1 to 100; `None` when nothing was measured.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    /// Two watches may show an effect before its cause: that is no time at all.
    fn add(&mut self, from: Instant, to: Instant) {
        self.0.push(to.saturating_duration_since(from));
    }
}
