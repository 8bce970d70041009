//! First sightings.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use integration_api::formats::auto_release_state::AutoReleaseState;
use integration_api::{PipelineRun, Release, Snapshot, condition, keys};
use kube::ResourceExt;

use super::Key;
use crate::builds::{Kind, Signed};

/// Everything seen.
#[derive(Debug)]
pub(super) struct Facts {
    pub kind: Kind,
    pub builds: HashMap<Key, Signed>,
    /// Their PipelineRuns, where these matter.
    pub runs: HashMap<Key, RunFacts>,
    /// Names of their Snapshots.
    pub snapshots_of: HashMap<Key, BTreeSet<String>>,
    pub snapshots: HashMap<Key, SnapshotFacts>,
}

/// What was seen of one build PipelineRun.
#[derive(Debug, Default)]
pub(super) struct RunFacts {
    /// Its PR group was named on it.
    pub grouped: Option<Instant>,
    /// It is signed, and nothing holds it any more.
    pub let_go: bool,
}

/// What was seen of one Snapshot.
#[derive(Debug, Default)]
pub(super) struct SnapshotFacts {
    pub seen: Option<Instant>,
    pub verdict: Option<Instant>,
    /// Its release waited for a newer Snapshot.
    pub waited: bool,
    /// A newer Snapshot was released instead.
    pub superseded: bool,
    /// Ends of test PipelineRuns, by scenario and name.
    pub tests: BTreeMap<String, BTreeMap<String, Option<Instant>>>,
    /// Releases, by plan and name.
    pub releases: BTreeMap<String, BTreeMap<String, Instant>>,
}

/// Begin of the message of a Snapshot that was not released because a newer one was (API-C9).
const SUPERSEDED: &str = "Released in newer Snapshot";

impl Facts {
    pub fn new(kind: Kind) -> Self {
        let (builds, runs) = (HashMap::new(), HashMap::new());
        Self { kind, builds, runs, snapshots_of: HashMap::new(), snapshots: HashMap::new() }
    }

    pub fn build_run(&mut self, run: &PipelineRun, at: Instant) {
        let facts = self.runs.entry((run.namespace().unwrap_or_default(), run.name_any())).or_default();
        if run.annotations().contains_key(keys::PR_GROUP) {
            facts.grouped.get_or_insert(at);
        }
        let held = run.finalizers().iter().any(|finalizer| finalizer == keys::PIPELINE_RUN_FINALIZER);
        facts.let_go = run.annotations().contains_key(keys::CHAINS_SIGNED) && !held;
    }

    pub fn snapshot(&mut self, snapshot: &Snapshot, at: Instant) {
        let namespace = snapshot.namespace().unwrap_or_default();
        if let Some(build) = snapshot.labels().get(keys::BUILD_PIPELINE_RUN) {
            self.snapshots_of.entry((namespace.clone(), build.clone())).or_default().insert(snapshot.name_any());
        }
        let facts = self.snapshots.entry((namespace, snapshot.name_any())).or_default();
        facts.seen.get_or_insert(at);
        let conditions = &snapshot.status.conditions;
        if condition::find(conditions, condition::TEST_SUCCEEDED)
            .is_some_and(|condition| condition.status != condition::UNKNOWN)
        {
            facts.verdict.get_or_insert(at);
        }
        facts.superseded |= condition::find(conditions, condition::AUTO_RELEASED)
            .is_some_and(|condition| condition.message.starts_with(SUPERSEDED));
        facts.waited |=
            AutoReleaseState::parse(snapshot.annotations().get(keys::AUTO_RELEASE_STATE).map(String::as_str))
                .waiting_for
                .is_some();
    }

    pub fn test_run(&mut self, run: &PipelineRun, at: Instant) {
        let Some(owner) = run.owner_references().iter().find(|owner| owner.kind == "Snapshot") else { return };
        let facts = self.snapshots.entry((run.namespace().unwrap_or_default(), owner.name.clone())).or_default();
        let scenario = run.labels().get(keys::SCENARIO).cloned().unwrap_or_default();
        let end = facts.tests.entry(scenario).or_default().entry(run.name_any()).or_default();
        if run.finished() {
            end.get_or_insert(at);
        }
    }

    pub fn release(&mut self, release: &Release, at: Instant) {
        let key = (release.namespace().unwrap_or_default(), release.spec.snapshot.clone());
        let of_plan =
            self.snapshots.entry(key).or_default().releases.entry(release.spec.release_plan.clone()).or_default();
        of_plan.entry(release.name_any()).or_insert(at);
    }

    /// Whether that build has nothing more to wait for: a push is released, or superseded by a newer one; that of a
    /// pull request has its Snapshot and is let go.
    pub fn done(&self, build: &Key) -> bool {
        let done = match self.kind {
            Kind::Push { .. } => self.of_build(build).all(SnapshotFacts::done),
            Kind::PullRequest { .. } => self.runs.get(build).is_some_and(|run| run.let_go),
        };
        done && self.of_build(build).next().is_some()
    }

    pub fn all_done(&self) -> bool {
        self.builds.keys().all(|build| self.done(build))
    }

    /// The Snapshots of a build.
    pub fn of_build<'a>(&'a self, build: &'a Key) -> impl Iterator<Item = &'a SnapshotFacts> {
        let names = self.snapshots_of.get(build).into_iter().flatten();
        names.filter_map(|name| self.snapshots.get(&(build.0.clone(), name.clone())))
    }
}

impl SnapshotFacts {
    pub fn done(&self) -> bool {
        self.verdict.is_some() && (self.superseded || !self.releases.is_empty())
    }

    /// When the last of its tests ended.
    pub fn tests_ended(&self) -> Option<Instant> {
        self.tests.values().flat_map(BTreeMap::values).copied().max().flatten()
    }

    /// When it was first released.
    pub fn released(&self) -> Option<Instant> {
        self.releases.values().flat_map(BTreeMap::values).copied().min()
    }
}
