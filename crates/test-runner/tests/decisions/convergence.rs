//! What follows from a plan: every case is carried out against objects in memory until nothing is left to do, once
//! undisturbed and once for every point at which the process may be killed (N-51).

use std::collections::BTreeMap;
use std::sync::Arc;

use integration_api::condition::Condition;
use integration_api::{PipelineRun, Release};
use jiff::Timestamp;
use serde_json::{Value, json};
use test_runner::decide;
use test_runner::plan::{Create, Plan, status_patch};
use test_runner::tries::Tries;
use test_runner::world::{Answer, Facts, Question, World};

use crate::worlds::{Case, cases};

/// More rounds than any work takes.
const ROUNDS: usize = 8;

/// The objects, as the API server has them, and how often they were written.
struct Cluster {
    world: World,
    /// What a live read finds; what is not there does not exist.
    live: Facts,
    now: Timestamp,
    writes: usize,
    /// The process is killed instead of writing once more than this.
    killed_after: usize,
}

/// The process was killed.
struct Killed;

impl Cluster {
    fn new(case: &Case, killed_after: usize) -> Self {
        Self { world: case.world.clone(), live: case.world.facts.clone(), now: case.now, writes: 0, killed_after }
    }

    /// Works until nothing is left to do. Panics when that does not come.
    fn settle(&mut self, file: &str) -> Result<(), Killed> {
        for _ in 0..ROUNDS {
            let plan = decide(&self.world, self.now);
            if plan.ask.is_empty() && !writes(&plan) {
                return Ok(());
            }
            self.carry_out(&plan)?;
        }
        panic!("{file}: after {ROUNDS} rounds there is still work: {:?}", decide(&self.world, self.now));
    }

    /// One round, in the order of TR-B53.
    fn carry_out(&mut self, plan: &Plan) -> Result<(), Killed> {
        for question in &plan.ask {
            let answer = self.answer(question);
            self.world.facts.note(question.clone(), answer);
        }
        for create in &plan.create {
            self.write()?;
            self.create(create);
        }
        for name in &plan.automate {
            self.write()?;
            let of_name = |release: &&mut Arc<Release>| release.metadata.name.as_ref() == Some(name);
            Arc::make_mut(self.world.releases.iter_mut().find(of_name).unwrap()).status.automated = true;
        }
        if !plan.ask.is_empty() || !plan.create.is_empty() || !plan.automate.is_empty() {
            return Ok(());
        }
        if let Some(patch) = plan.metadata.patch() {
            self.write()?;
            self.patch_metadata(&patch["metadata"]);
        }
        // The second patch is decided anew on what the first one left.
        let plan = decide(&self.world, self.now);
        let snapshot = Arc::make_mut(&mut self.world.snapshot);
        if let Some(patch) = status_patch(&snapshot.status.conditions, &plan.conditions, self.now) {
            self.writes += 1;
            if self.writes > self.killed_after {
                return Err(Killed);
            }
            snapshot.status.conditions = serde_json::from_value(patch["status"]["conditions"].clone()).unwrap();
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Killed> {
        self.writes += 1;
        if self.writes > self.killed_after { Err(Killed) } else { Ok(()) }
    }

    fn answer(&self, question: &Question) -> Answer {
        match question {
            Question::Owner => Answer::Exists(self.live.owner.unwrap_or(self.world.owner.is_some())),
            Question::Run(name) => Answer::Exists(self.live.runs.get(name).copied().unwrap_or(false)),
            Question::Release(name) => Answer::Exists(self.live.releases.get(name).copied().unwrap_or(false)),
            Question::Scenarios => Answer::Listed,
            Question::Version(name) => Answer::Version(self.live.versions.get(name).cloned().flatten()),
        }
    }

    fn create(&mut self, create: &Create) {
        let name = format!("created-{}", self.writes);
        match create {
            Create::Run { scenario, attempt } => {
                let mut run = json!({ "metadata": { "name": name, "labels": {
                    "appstudio.openshift.io/snapshot": "snap", "test.appstudio.openshift.io/scenario": scenario } } });
                if let Some(attempt) = attempt {
                    run["metadata"]["annotations"] =
                        json!({ "integration.konflux-ci.dev/attempt": attempt.to_string() });
                }
                self.world.runs.push(Arc::new(serde_json::from_value::<PipelineRun>(run).unwrap()));
            }
            Create::Release { plan } => {
                let release = json!({
                    "metadata": { "name": name, "creationTimestamp": self.now,
                        "labels": { "release.appstudio.openshift.io/automated": "true" } },
                    "spec": { "snapshot": "snap", "releasePlan": plan },
                });
                self.world.releases.push(Arc::new(serde_json::from_value::<Release>(release).unwrap()));
            }
        }
    }

    fn patch_metadata(&mut self, patch: &Value) {
        let snapshot = Arc::make_mut(&mut self.world.snapshot);
        if let Some(references) = patch.get("ownerReferences") {
            snapshot.metadata.owner_references = serde_json::from_value(references.clone()).unwrap();
        }
        let annotations = snapshot.metadata.annotations.get_or_insert_default();
        for (key, value) in patch.get("annotations").and_then(Value::as_object).into_iter().flatten() {
            match value.as_str() {
                Some(value) => annotations.insert(key.clone(), value.to_owned()),
                None => annotations.remove(key),
            };
        }
    }

    /// A new process: what was only remembered is gone.
    fn restart(&mut self) {
        self.killed_after = usize::MAX;
        self.world.facts = Facts::default();
        self.world.tries = Tries::default();
    }

    /// What a user sees in the end.
    fn outcome(&self) -> Value {
        let snapshot = &self.world.snapshot;
        let conditions: BTreeMap<&str, &Condition> =
            snapshot.status.conditions.iter().map(|condition| (condition.type_.as_str(), condition)).collect();
        let mut annotations = snapshot.metadata.annotations.clone().unwrap_or_default();
        // Names of created objects come from the number of the write here.
        if let Some(status) = annotations.get_mut("test.appstudio.openshift.io/status") {
            *status = status.split("created-").map(|part| part.trim_start_matches(char::is_numeric)).collect();
        }
        json!({ "annotations": annotations, "conditions": conditions, "owners": snapshot.metadata.owner_references,
            "runs": self.runs(), "releases": self.releases() })
    }

    /// Scenario and attempt of all test PipelineRuns.
    fn runs(&self) -> Vec<(String, String)> {
        let text = |map: &Option<BTreeMap<String, String>>, key: &str| {
            map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default()
        };
        let key = |run: &Arc<PipelineRun>| {
            let metadata = &run.metadata;
            let scenario = text(&metadata.labels, "test.appstudio.openshift.io/scenario");
            (scenario, text(&metadata.annotations, "integration.konflux-ci.dev/attempt"))
        };
        let mut runs: Vec<_> = self.world.runs.iter().map(key).collect();
        runs.sort();
        runs
    }

    /// ReleasePlan and mark of all Releases.
    fn releases(&self) -> Vec<(String, bool)> {
        let mut releases: Vec<_> = (self.world.releases.iter())
            .map(|release| (release.spec.release_plan.clone(), release.status.automated))
            .collect();
        releases.sort();
        releases
    }
}

fn writes(plan: &Plan) -> bool {
    !plan.create.is_empty() || !plan.automate.is_empty() || !plan.metadata.is_empty() || !plan.conditions.is_empty()
}

// TR-B1, TR-B34: no write of ours is the trigger of the next one for ever.
#[test]
fn tr_b1_work_comes_to_an_end() {
    for case in cases() {
        let mut cluster = Cluster::new(&case, usize::MAX);
        assert!(cluster.settle(&case.file).is_ok());
    }
}

// TR-35: the verdict of a Snapshot without tests is followed by its Release, without another event.
#[test]
fn tr_35_what_passed_without_tests_is_released() {
    let file = "tr-35-what-passed-without-tests-is-released-next.yaml";
    let case = cases().into_iter().find(|case| case.file == file).unwrap();
    let mut cluster = Cluster::new(&case, usize::MAX);
    assert!(cluster.settle(file).is_ok());
    assert_eq!(cluster.releases(), [("rp1".to_owned(), true)]);
    let outcome = cluster.outcome();
    assert_eq!(outcome["conditions"]["AppStudioTestSucceeded"]["reason"], "Passed");
    // TR-72
    assert_eq!(outcome["conditions"]["AutoReleased"]["status"], "True");
    // Passed, Release, automated, AutoReleased.
    assert_eq!(cluster.writes, 4);
}

// TR-157: one PipelineRun a scenario and attempt, one Release a plan, whatever was there before.
#[test]
fn tr_157_nothing_is_created_twice() {
    for case in cases().iter().filter(|case| case.world.tries.is_empty()) {
        let mut cluster = Cluster::new(case, usize::MAX);
        let (runs, releases) = (cluster.runs(), cluster.releases());
        assert!(cluster.settle(&case.file).is_ok());
        let new_runs: Vec<_> = cluster.runs().into_iter().filter(|run| !runs.contains(run)).collect();
        let new_releases: Vec<_> = cluster
            .releases()
            .into_iter()
            .filter(|(plan, _)| !releases.iter().any(|(known, _)| known == plan))
            .collect();
        for window in new_runs.windows(2) {
            assert_ne!(window[0], window[1], "{}", case.file);
        }
        for window in new_releases.windows(2) {
            assert_ne!(window[0].0, window[1].0, "{}", case.file);
        }
    }
}

// TR-B35, N-52: where the work is done, a new process writes nothing.
#[test]
fn tr_b35_a_restart_on_finished_work_writes_nothing() {
    for case in cases().iter().filter(|case| case.world.tries.is_empty()) {
        let mut cluster = Cluster::new(case, usize::MAX);
        assert!(cluster.settle(&case.file).is_ok());
        let (done, before) = (cluster.writes, cluster.outcome());
        cluster.restart();
        assert!(cluster.settle(&case.file).is_ok());
        assert_eq!(cluster.writes, done, "{}: the new process wrote", case.file);
        assert_eq!(cluster.outcome(), before, "{}", case.file);
    }
}

// N-51, TR-B9, TR-B10: killed between any two writes, the end is the same and nothing is there twice.
#[test]
fn tr_b9_a_kill_between_any_two_writes_changes_nothing_in_the_end() {
    let mut kills = 0;
    for case in cases().iter().filter(|case| case.world.tries.is_empty()) {
        let mut undisturbed = Cluster::new(case, usize::MAX);
        assert!(undisturbed.settle(&case.file).is_ok());
        for killed_after in 0..undisturbed.writes {
            let mut cluster = Cluster::new(case, killed_after);
            assert!(cluster.settle(&case.file).is_err(), "{}: it writes at most that often", case.file);
            cluster.restart();
            assert!(cluster.settle(&case.file).is_ok());
            assert_eq!(cluster.outcome(), undisturbed.outcome(), "{} killed after {killed_after} writes", case.file);
            kills += 1;
        }
    }
    assert!(kills > 100, "only {kills} points were tried");
}
