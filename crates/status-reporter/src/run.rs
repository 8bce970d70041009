//! Reading the metadata of test PipelineRuns.

use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::names;

/// Name of the Snapshot a test PipelineRun is labelled with. A name that is no valid label value is kept whole in the
/// annotation of the same key (API-B24).
pub fn snapshot_name(run: &PipelineRun) -> Option<String> {
    let label = run.metadata.labels.as_ref()?.get(keys::SNAPSHOT).filter(|value| !value.is_empty())?;
    let whole = run.metadata.annotations.as_ref().and_then(|all| all.get(keys::SNAPSHOT));
    Some(whole.filter(|name| names::label_value(name) == *label).unwrap_or(label).clone())
}

/// Name of the PipelineRun.
pub fn name(run: &PipelineRun) -> &str {
    run.metadata.name.as_deref().unwrap_or_default()
}

/// Whether it holds our finalizer.
pub fn held(run: &PipelineRun) -> bool {
    run.metadata.finalizers.as_ref().is_some_and(|all| all.iter().any(|one| one == keys::PIPELINE_RUN_FINALIZER))
}

/// Whether it may belong to this very Snapshot: no other one controls it.
pub fn belongs_to(run: &PipelineRun, snapshot: &Snapshot) -> bool {
    let owners = run.metadata.owner_references.iter().flatten();
    let mut controllers = owners.filter(|owner| owner.controller == Some(true) && owner.kind == "Snapshot");
    controllers.all(|owner| Some(&owner.uid) == snapshot.metadata.uid.as_ref())
}
