//! Reading test PipelineRuns: labels, attempt, owner, finalizer.

use integration_api::{PipelineRun, keys};
use integration_core::names;
use jiff::Timestamp;

/// Where a PipelineRun belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Snapshot.
    pub snapshot: String,
    /// Scenario.
    pub scenario: String,
}

/// Snapshot and scenario of a test PipelineRun; `None` when a label is missing or empty (RR-B11).
pub fn place(run: &PipelineRun) -> Option<Place> {
    Some(Place { snapshot: full_name(run, keys::SNAPSHOT)?, scenario: full_name(run, keys::SCENARIO)? })
}

/// A name kept in a label. One that is no valid label value is kept whole in the annotation of the same key (API-B24).
fn full_name(run: &PipelineRun, key: &str) -> Option<String> {
    let label = run.metadata.labels.as_ref()?.get(key).filter(|value| !value.is_empty())?;
    let whole = annotation(run, key).filter(|name| names::label_value(name) == *label);
    Some(whole.map_or_else(|| label.clone(), str::to_owned))
}

/// Name of the PipelineRun.
pub fn name(run: &PipelineRun) -> &str {
    run.metadata.name.as_deref().unwrap_or_default()
}

/// An annotation.
pub fn annotation<'a>(run: &'a PipelineRun, key: &str) -> Option<&'a str> {
    run.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// The attempt it is a run of; absent or unreadable = 1 (RR-B3).
pub fn attempt(run: &PipelineRun) -> u32 {
    annotation(run, keys::ATTEMPT).and_then(|text| text.parse().ok()).filter(|attempt| *attempt >= 1).unwrap_or(1)
}

/// Whether it was cancelled because its Snapshot was superseded (RR-B3).
pub fn cancelled(run: &PipelineRun) -> bool {
    annotation(run, keys::CANCELLED) == Some("true")
}

/// Whether it holds our finalizer.
pub fn held(run: &PipelineRun) -> bool {
    run.metadata.finalizers.as_ref().is_some_and(|all| all.iter().any(|one| one == keys::PIPELINE_RUN_FINALIZER))
}

/// Whether somebody deleted it.
pub fn deleting(run: &PipelineRun) -> bool {
    run.metadata.deletion_timestamp.is_some()
}

/// Whether it has an outcome: it ended, or was deleted while it ran.
pub fn over(run: &PipelineRun) -> bool {
    run.finished() || deleting(run)
}

/// Whether it holds our finalizer although it is over: somebody has to release it (04 §9).
pub fn awaits_release(run: &PipelineRun) -> bool {
    held(run) && over(run)
}

/// When it ended; `None` while it runs.
pub fn end(run: &PipelineRun) -> Option<Timestamp> {
    if !run.finished() {
        return None;
    }
    let transition = || run.succeeded_condition().and_then(integration_api::Condition::transition_time);
    run.completion_time().or_else(transition).or_else(|| run.creation_time())
}

/// Uid of the Snapshot that controls it, if a Snapshot does.
pub fn owner_uid(run: &PipelineRun) -> Option<&str> {
    let owners = run.metadata.owner_references.as_ref()?;
    let owner = owners.iter().find(|owner| owner.controller == Some(true) && owner.kind == "Snapshot")?;
    Some(&owner.uid)
}
