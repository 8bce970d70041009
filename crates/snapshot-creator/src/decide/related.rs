//! What a build means for other builds and Snapshots: of its pull request, and of its PR group.
//!
//! These writes are independent of the build's own Snapshots (SC-B34). The key of the build that certifies them follows
//! once all of them are done; a failed one is tried again later and holds nothing else up.

use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::event::{self, EventClass, SnapshotClass};
use integration_core::snapshot::{self, Type};
use integration_core::{build, git_url, pr_group};
use jiff::Timestamp;

use super::plan::{Action, Because, BuildPatch, FinalizerChange, Plan, Question, Wait};
use super::world::World;
use super::{merged, meta, notify, supersede};

/// What has to be done to other objects, and what it says on the build when it is done.
#[derive(Default)]
pub(super) struct Related {
    /// Writes of other objects.
    pub actions: Vec<Action>,
    /// Annotations of the build.
    pub marks: Vec<(&'static str, String)>,
    /// Facts that only a live read can give.
    pub ask: Vec<Question>,
    /// When a failed write is tried again.
    pub wait: Option<Wait>,
    /// Why.
    pub because: Vec<Because>,
    /// The build is kept until then, so that its failure can be told.
    pub holds: Option<Timestamp>,
}

impl Related {
    /// Judges all relations of a build.
    pub fn of(world: &World, build: &PipelineRun, now: Timestamp) -> Self {
        let mut all = Self::default();
        for related in
            [merged::decide(world, build, now), supersede::decide(world, build), notify::decide(world, build, now)]
        {
            all.actions.extend(related.actions);
            all.marks.extend(related.marks);
            all.ask.extend(related.ask);
            all.because.extend(related.because);
            all.wait = Wait::both(all.wait, related.wait);
            all.holds = all.holds.max(related.holds);
        }
        all
    }

    /// Adds this to what is done about the Snapshots of the build itself.
    pub fn join(self, mut plan: Plan) -> Plan {
        if !plan.ask.is_empty() {
            return plan;
        }
        // What can be done already waits for no answer: a question may fail.
        if plan.actions.is_empty() && self.actions.is_empty() && !self.ask.is_empty() {
            return Plan::ask(self.ask);
        }
        plan.because.extend(self.because);
        plan.wait = Wait::both(plan.wait, self.wait);
        if !self.actions.is_empty() {
            // Nothing is certified before it is done; what holds and names a running build waits for nothing.
            plan.actions.retain(|action| match action {
                Action::PatchBuild(patch) => patch.finalizer == Some(FinalizerChange::Add) || !patch.labels.is_empty(),
                _ => true,
            });
            plan.actions.extend(self.actions);
            return plan;
        }
        if self.marks.is_empty() {
            return plan;
        }
        if !plan.actions.iter().any(|action| matches!(action, Action::PatchBuild(_))) {
            // Another write of this round is followed by a patch that these keys can travel with.
            if !plan.actions.is_empty() {
                return plan;
            }
            plan.actions.push(Action::PatchBuild(BuildPatch::default()));
        }
        for action in &mut plan.actions {
            if let Action::PatchBuild(patch) = action {
                patch.annotations.extend(self.marks);
                break;
            }
        }
        plan
    }

    /// Adds one write, unless it already failed in this reconcile.
    pub(super) fn write(&mut self, world: &World, target: &str, action: Action) {
        if world.related.failed.contains(target) {
            self.wait = Some(Wait::Backoff);
        } else {
            self.actions.push(action);
        }
    }

    /// Whether nothing is left to be written.
    pub(super) fn done(&self) -> bool {
        self.actions.is_empty() && self.wait.is_none() && self.ask.is_empty()
    }
}

/// Name of the PR group of a build; pushes are in none (SC-55, SC-B27).
pub(crate) fn pr_group(build: &PipelineRun) -> Option<String> {
    if event::of_build(build) == EventClass::Push { None } else { pr_group::name(build) }
}

/// Pull request number of a build, by label; `None` where it is absent or empty (SC-B4).
pub(crate) fn number(build: &PipelineRun) -> Option<&str> {
    meta::label(build, keys::PAC_PULL_REQUEST).filter(|number| !number.is_empty())
}

/// Whether a Snapshot and a build name the same repository; two that name none do (SC-B4, SC-B21, D-27).
pub(super) fn same_repository(snapshot: &Snapshot, build: &PipelineRun) -> bool {
    repository(meta::annotation(snapshot, keys::REPO_URL)) == repository(meta::annotation(build, keys::PAC_REPO_URL))
}

/// Whether two builds name the same repository.
pub(super) fn builds_of_one_repository(one: &PipelineRun, other: &PipelineRun) -> bool {
    repository(meta::annotation(one, keys::PAC_REPO_URL)) == repository(meta::annotation(other, keys::PAC_REPO_URL))
}

fn repository(url: Option<&str>) -> String {
    let url = url.unwrap_or_default();
    git_url::comparison_form(url).unwrap_or_else(|| url.to_owned())
}

/// Whether a Snapshot comes from a pull request or a merge queue.
pub(super) fn not_a_push(snapshot: &Snapshot) -> bool {
    matches!(event::of_snapshot(snapshot), SnapshotClass::PullRequest | SnapshotClass::MergeQueue)
}

/// Whether a Snapshot takes part in a PR group: one that a build of a pull request delivered.
pub(super) fn is_member(candidate: &Snapshot) -> bool {
    snapshot::type_of(candidate) == Type::Component
        && not_a_push(candidate)
        && !snapshot::is_parent(candidate)
        && !meta::terminating(candidate)
}

/// Whether the build is a running one that nobody deletes.
pub(super) fn running(build: &PipelineRun) -> bool {
    !build.finished() && !meta::terminating(build)
}

/// Whether a build has, or had, its Snapshot, as far as these Snapshots tell (SC-B33).
pub(super) fn served<'a>(build: &PipelineRun, snapshots: impl IntoIterator<Item = &'a Snapshot>) -> bool {
    build::settled(build)
        || snapshots.into_iter().any(|snapshot| {
            integration_core::owner::Owner::of_snapshot(&snapshot.spec)
                .is_some_and(|owner| build::has(snapshot, build, &owner))
        })
}
