//! Building blocks of patches of the build PipelineRun. A value that is already there is never sent.

use integration_api::PipelineRun;

use super::meta;
use super::plan::{Action, BuildPatch, FinalizerChange, Plan};

/// W0: keeps the build until its Snapshot question is settled (SC-40, SC-41).
pub(super) fn keep(build: &PipelineRun) -> Plan {
    if meta::has_finalizer(build) {
        return Plan::nothing("nothing", "running");
    }
    let patch = BuildPatch { finalizer: Some(FinalizerChange::Add), ..BuildPatch::default() };
    Plan { actions: vec![Action::PatchBuild(patch)], ..Plan::nothing("keep", "running") }
}

/// Takes our finalizer off where there is one, and does nothing else.
pub(super) fn let_go(build: &PipelineRun, reason: &'static str) -> Plan {
    if !meta::has_finalizer(build) {
        return Plan::nothing("nothing", reason);
    }
    let patch = BuildPatch { finalizer: Some(FinalizerChange::Release), ..BuildPatch::default() };
    Plan { actions: vec![Action::PatchBuild(patch)], ..Plan::nothing("release", reason) }
}

impl BuildPatch {
    /// Sets an annotation, unless the build has that value.
    pub(super) fn annotate(&mut self, build: &PipelineRun, key: &'static str, value: String) {
        if meta::annotation(build, key) != Some(value.as_str()) {
            self.annotations.insert(key, value);
        }
    }

    /// Takes our finalizer off, if the build has it.
    pub(super) fn release(&mut self, build: &PipelineRun) {
        if meta::has_finalizer(build) {
            self.finalizer = Some(FinalizerChange::Release);
        }
    }
}
