//! Building blocks of patches of the build PipelineRun. A value that is already there is never sent.

use integration_api::{PipelineRun, keys};
use integration_core::pr_group;

use super::plan::{Action, BuildPatch, FinalizerChange, Plan};
use super::{meta, related};

/// W0: keeps the build until its Snapshot question is settled (SC-40, SC-41), and names its PR group (SC-58).
pub(super) fn keep(build: &PipelineRun) -> Plan {
    let mut patch = BuildPatch::default();
    if !meta::has_finalizer(build) {
        patch.finalizer = Some(FinalizerChange::Add);
    }
    patch.name_group(build);
    if patch.is_empty() {
        return Plan::nothing("nothing", "running");
    }
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
    /// Names the PR group of a build, unless the build has these values already (SC-57, SC-B27). Values of a build that
    /// is in no group are left as they are: nobody looks at them.
    pub(super) fn name_group(&mut self, build: &PipelineRun) {
        let Some(group) = related::pr_group(build) else { return };
        let hash = pr_group::hash(&group);
        if meta::label(build, keys::PR_GROUP_HASH) != Some(hash.as_str()) {
            self.labels.insert(keys::PR_GROUP_HASH, hash);
        }
        self.annotate(build, keys::PR_GROUP, group);
    }

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
