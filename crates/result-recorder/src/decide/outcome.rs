//! From a PipelineRun to the state of its test (RR-32 … RR-39, RR-B5, RR-B8).

use std::collections::BTreeMap;

use integration_api::tekton::ChildReference;
use integration_api::test_status::TestStatus;
use integration_api::{PipelineRun, TaskRun};
use jiff::{SignedDuration, Timestamp};

use super::test_output;
use crate::run;
use crate::world::{Need, World};

/// How long referenced TaskRuns may be missing after the PipelineRun ended (RR-B5).
const MISSING: SignedDuration = SignedDuration::from_secs(60);

/// What a PipelineRun that is over says about its test.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// This state, with a text for people.
    Known(TestStatus, String),
    /// Not known yet; look again in that time.
    Wait(SignedDuration),
    /// Its TaskRuns have to be read first.
    Need(Need),
}

/// The outcome of a PipelineRun that [is over](run::over).
pub fn of(world: &World, run: &PipelineRun, now: Timestamp) -> Outcome {
    let name = run::name(run);
    if !run.finished() {
        return Outcome::Known(TestStatus::Deleted, format!("Test PipelineRun {name} was deleted while it ran"));
    }
    if !run.succeeded() {
        return Outcome::Known(TestStatus::TestFail, failure(run));
    }
    let children: Vec<_> = run.status.child_references.iter().filter(|child| is_task_run(child)).collect();
    if children.is_empty() {
        return Outcome::Known(TestStatus::TestPassed, "Passed".to_owned());
    }
    match world.task_runs.get(name) {
        None => Outcome::Need(Need::TaskRuns(name.to_owned())),
        Some(task_runs) => from_task_runs(run, &children, task_runs, now),
    }
}

/// Children of other kinds publish no results (RR-B5). Where the kind is left out, it is taken for a TaskRun: a result
/// must not be overlooked.
pub fn is_task_run(child: &ChildReference) -> bool {
    child.kind == "TaskRun" || child.kind.is_empty()
}

/// Why the PipelineRun failed, in Tekton's words (RR-B8).
fn failure(run: &PipelineRun) -> String {
    let (reason, message) =
        run.succeeded_condition().map_or(("", ""), |condition| (&condition.reason, &condition.message));
    match (reason.is_empty(), message.is_empty()) {
        (true, true) => "Failed".to_owned(),
        (false, true) => format!("Failed: {reason}"),
        (true, false) => format!("Failed: {message}"),
        (false, false) => format!("Failed: {reason}: {message}"),
    }
}

fn from_task_runs(run: &PipelineRun, children: &[&ChildReference], listed: &[TaskRun], now: Timestamp) -> Outcome {
    let mut own = BTreeMap::new();
    for task_run in listed.iter().filter(|task_run| is_controlled_by(task_run, run)) {
        own.insert(task_run.metadata.name.as_deref().unwrap_or_default(), task_run);
    }
    let missing: Vec<_> =
        children.iter().map(|child| child.name.as_str()).filter(|name| !own.contains_key(name)).collect();
    if !missing.is_empty() {
        if let Some(wait) = wait_for_missing(now.duration_since(run::end(run).unwrap_or(now))) {
            return Outcome::Wait(wait);
        }
        let (name, found, all) = (run::name(run), children.len() - missing.len(), children.len());
        let missing = missing.join(", ");
        let details = format!(
            "Test PipelineRun {name} succeeded, but only {found} of its {all} TaskRuns exist; missing: {missing}"
        );
        return Outcome::Known(TestStatus::TestInvalid, details);
    }
    let task_runs =
        children.iter().filter_map(|child| Some((child.pipeline_task_name.as_str(), *own.get(child.name.as_str())?)));
    let (status, details) = test_output::aggregate(task_runs);
    Outcome::Known(status, details)
}

fn is_controlled_by(task_run: &TaskRun, run: &PipelineRun) -> bool {
    let Some(uid) = &run.metadata.uid else { return false };
    let owners = task_run.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.controller == Some(true) && owner.uid == *uid)
}

/// Looks 2, 4, 8, 16 and 30 s after each other, the last one 60 s after the end (RR-B5).
fn wait_for_missing(since_end: SignedDuration) -> Option<SignedDuration> {
    let since_end = since_end.max(SignedDuration::ZERO);
    let looks = [2, 6, 14, 30].map(SignedDuration::from_secs);
    let next = looks.into_iter().chain([MISSING]).find(|look| *look > since_end)?;
    Some(next - since_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RR-B5
    #[test]
    fn rr_b5_looks_for_missing_task_runs_ever_more_rarely_and_gives_up() {
        let mut at = SignedDuration::ZERO;
        let mut waits = Vec::new();
        while let Some(wait) = wait_for_missing(at) {
            waits.push(wait.as_secs());
            at += wait;
        }
        assert_eq!((waits, at), (vec![2, 4, 8, 16, 30], MISSING));
    }
}
