//! Carries out a plan, action by action, through the runtime's safe writes.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration_api::{Component, ComponentGroup, PipelineRun, keys};
use integration_core::gcl::{self, ComponentCandidate, GclDecision};
use integration_core::owner::OwnerKind;
use integration_core::{build, event, names};
use integration_runtime::{ApiError, Context, Created, ErrorClass, EventType, Part, Patched, RunPatch, Update};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::decide::{
    Action, Attempt, BuildPatch, Candidate, FinalizerChange, GclAttempt, NewSnapshot, Notice, Refusal, RefusalClass,
    Tried, World, content, meta,
};
use crate::metrics::Metrics;
use crate::observe::Caches;
use crate::refusal::{later, refused};

mod related;

/// Rounds of the two writes of a Component, each deciding anew.
const TRIES: u32 = 6;

/// What actions work with.
#[derive(Clone)]
pub(crate) struct Act {
    /// The cluster.
    pub context: Context,
    /// Responses go here.
    pub caches: Caches,
    /// Metrics.
    pub metrics: Metrics,
}

/// What the actions of one reconcile learnt.
#[derive(Default)]
pub(crate) struct Outcomes {
    /// By owner name.
    pub attempts: BTreeMap<String, Attempt>,
    /// Other builds and Snapshots.
    pub related: Tried,
    /// The last error that may pass.
    pub error: Option<ApiError>,
    /// Whether the wait for the signature of the build was counted.
    waited_for_chains: bool,
}

impl Outcomes {
    fn attempt(&mut self, owner: &str) -> &mut Attempt {
        self.attempts.entry(owner.to_owned()).or_default()
    }
}

impl Act {
    /// Carries out one action. What may pass goes into the outcomes, so that other actions still run; an error ends the
    /// reconcile.
    pub async fn perform(&self, world: &World, action: Action, outcomes: &mut Outcomes) -> Result<(), ApiError> {
        let Some(build) = &world.build else { return Ok(()) };
        match action {
            Action::PatchBuild(patch) => self.patch(build, patch).await,
            Action::PromoteComponent(candidate) => {
                let Some(component) = world.component.found() else { return Ok(()) };
                let owner = component.spec.application.clone();
                let mut result = self.promote_component(Arc::clone(component), &candidate).await;
                if answer_lost(&result) {
                    result = self.promote_component(Arc::clone(component), &candidate).await;
                }
                promoted(result, outcomes, &owner)
            }
            Action::PromoteInGroup { group: name, candidate } => {
                let Some(group) = world.groups.iter().find(|group| meta::name(&***group) == name) else {
                    return Ok(());
                };
                let mut result = self.promote_in_group(Arc::clone(group), &candidate).await;
                if answer_lost(&result) {
                    result = self.promote_in_group(Arc::clone(group), &candidate).await;
                }
                promoted(result, outcomes, &name)
            }
            Action::CreateSnapshot(snapshot) => self.create(build, snapshot, outcomes).await,
            Action::MarkMerged(_)
            | Action::TellSnapshot { .. }
            | Action::TellBuild { .. }
            | Action::Supersede { .. } => self.relate(world, action, outcomes).await,
        }
    }

    /// Sends an Event about a build.
    pub async fn notify(&self, build: &PipelineRun, notice: Notice) {
        let kind = if notice.warning { EventType::Warning } else { EventType::Normal };
        self.context.event(build, kind, notice.reason, notice.note).await;
    }

    /// One patch of the build; Events and counters only once it was accepted (SC-B34 W4).
    async fn patch(&self, build: &Arc<PipelineRun>, patch: BuildPatch) -> Result<(), ApiError> {
        let mut request = RunPatch::new();
        for (key, value) in &patch.labels {
            request = request.label(key, value.clone());
        }
        for (key, value) in &patch.annotations {
            request = request.annotation(key, value.clone());
        }
        for key in &patch.removed {
            request = request.remove_annotation(key);
        }
        request = match patch.finalizer {
            Some(FinalizerChange::Add) => request.add_finalizer(keys::PIPELINE_RUN_FINALIZER),
            Some(FinalizerChange::Release) => request.remove_finalizer(keys::PIPELINE_RUN_FINALIZER),
            None => request,
        };
        let answer = match self.context.patch_json(&self.caches.builds, build, request).await {
            // What cannot be written must not keep a build from being deleted.
            Err(error) if refused_for_good(&error) && releases_with_words(&patch) => {
                return self.release_in_silence(build, error).await;
            }
            answer => answer?,
        };
        match answer {
            Patched::Written(_) => {
                audit("UPDATE", "PipelineRun", &**build, patch.finalizer.map(finalizer_word));
                if patch.finalizer == Some(FinalizerChange::Release)
                    && let Some(completed) = build.completion_time()
                {
                    self.metrics.released_after(seconds(self.context.now().duration_since(completed)));
                }
                for count in patch.counts {
                    self.metrics.count(count);
                }
                for notice in patch.events {
                    self.notify(build, notice).await;
                }
            }
            // The newest version is in the cache; the next round decides on it.
            Patched::Conflict(_) | Patched::Gone => {}
        }
        Ok(())
    }

    /// Lets a build go whose annotations the API server refuses. The reconcile ends with that refusal.
    async fn release_in_silence(&self, build: &Arc<PipelineRun>, refusal: ApiError) -> Result<(), ApiError> {
        let request = RunPatch::new().remove_finalizer(keys::PIPELINE_RUN_FINALIZER);
        self.context.patch_json(&self.caches.builds, build, request).await?;
        audit("UPDATE", "PipelineRun", &**build, Some(finalizer_word(FinalizerChange::Release)));
        let note = format!(
            "What became of this build cannot be written on it: {}. Shorten its annotations; its Snapshots carry label {}.",
            refusal.cause().trim_end_matches('.'),
            keys::BUILD_PIPELINE_RUN
        );
        self.notify(build, Notice { warning: true, reason: "PipelineRunNotUpdated", note }).await;
        Err(refusal)
    }

    /// SC-B11, Application model: first the annotation that orders builds, then the status, each on the newest version
    /// and each decided anew, so that a build that lost the first write never does the second.
    async fn promote_component(
        &self,
        component: Arc<Component>,
        candidate: &Candidate,
    ) -> Result<Option<GclAttempt>, ApiError> {
        let start = candidate.start.unwrap_or(Timestamp::UNIX_EPOCH);
        let decide =
            |component: &Component| gcl::application_decide(component, &candidate.image, &candidate.commit, start);
        let mut newest = component;
        let mut wrote = false;
        for _ in 0..TRIES {
            let part = match decide(&newest) {
                ComponentCandidate::Superseded => return Ok(None),
                ComponentCandidate::Done => {
                    if wrote {
                        self.metrics.promoted(OwnerKind::Application);
                        audit("UPDATE", "Component", &*newest, None);
                    }
                    return Ok(wrote.then_some(GclAttempt::Written));
                }
                ComponentCandidate::Write { annotation: true, .. } => Part::Metadata,
                ComponentCandidate::Write { annotation: false, .. } => Part::Status,
            };
            let change = |component: &Component| match (decide(component), part) {
                (ComponentCandidate::Write { annotation: true, .. }, Part::Metadata) => {
                    Some(json!({"metadata": {"annotations": {keys::LAST_BUILT_TIME: start.as_second().to_string()}}}))
                }
                (ComponentCandidate::Write { annotation: false, .. }, Part::Status) => {
                    Some(candidate_status(candidate))
                }
                _ => None,
            };
            match self.context.update(&self.caches.components, newest, part, change).await? {
                Update::Written(component) => {
                    wrote = true;
                    newest = component;
                }
                Update::Unchanged(component) => newest = component,
                Update::Gone => return Ok(Some(GclAttempt::Gone)),
            }
        }
        Ok(Some(GclAttempt::Retryable("other builds of the Component keep changing it".to_owned())))
    }

    /// SC-B11, ComponentGroup model: the build's own entry, everything else as it was.
    async fn promote_in_group(
        &self,
        group: Arc<ComponentGroup>,
        candidate: &Candidate,
    ) -> Result<Option<GclAttempt>, ApiError> {
        let entry = candidate.for_group();
        let change = |group: &ComponentGroup| match gcl::decide(group, &gcl::entries(group), &entry) {
            GclDecision::Write(list) => Some(json!({"status": {"globalCandidateList": list}})),
            GclDecision::NotMember | GclDecision::Superseded | GclDecision::Unchanged => None,
        };
        Ok(match self.context.update(&self.caches.groups, group, Part::Status, change).await? {
            Update::Written(group) => {
                self.metrics.promoted(OwnerKind::ComponentGroup);
                audit("UPDATE", "ComponentGroup", &*group, None);
                Some(GclAttempt::Written)
            }
            // A group that is gone is no owner any more; the next round does not see it.
            Update::Unchanged(_) | Update::Gone => None,
        })
    }

    /// Time from the end of the build to its signature, once a build. Not counted where something else came between: a
    /// failure that was told before, or an end that this process did not see.
    fn count_chains_wait(&self, build: &PipelineRun, outcomes: &mut Outcomes, now: Timestamp) {
        let prompt = meta::annotation(build, keys::CREATE_SNAPSHOT_STATUS).is_none();
        let seen = build.completion_time().filter(|completed| *completed >= self.context.started());
        if let (false, true, Some(completed)) = (outcomes.waited_for_chains, prompt, seen) {
            outcomes.waited_for_chains = true;
            self.metrics.signed_after(seconds(now.duration_since(completed)));
        }
    }

    /// W2: one create under a deterministic name (SC-B9).
    async fn create(
        &self,
        build: &PipelineRun,
        snapshot: NewSnapshot,
        outcomes: &mut Outcomes,
    ) -> Result<(), ApiError> {
        let owner = snapshot.owner.name.as_str();
        let now = self.context.now();
        match self.context.create_once(&self.caches.snapshots, &snapshot.body).await {
            Ok(Created::New(created)) => {
                self.metrics.created(snapshot.owner.kind, event::of_build(build).workflow());
                self.count_chains_wait(build, outcomes, now);
                audit("ADD", "Snapshot", &*created, Some(meta::name(build)));
                let left_out = content::left_out_results(build, |key| meta::annotation(&*created, key).is_some());
                if !left_out.is_empty() {
                    tracing::info!(namespace = meta::namespace(build), build = meta::name(build), snapshot = %snapshot.name, results = ?left_out, "results that make no annotation are left out of the Snapshot");
                }
                // What became of the candidate is still to be told.
                let gcl = outcomes.attempts.remove(owner).and_then(|attempt| attempt.gcl);
                outcomes.attempt(owner).gcl = gcl;
                Ok(())
            }
            Ok(Created::Exists(existing)) if build::has(&existing, build, &snapshot.owner) => {
                tracing::info!(namespace = meta::namespace(build), build = meta::name(build), snapshot = %snapshot.name, "Snapshot exists already");
                Ok(())
            }
            Ok(Created::Exists(_)) => {
                let attempt = outcomes.attempt(owner);
                attempt.names_taken += 1;
                if attempt.names_taken > names::LAST_K {
                    attempt.names_taken = 0;
                    attempt.refusal = Some(Refusal {
                        class: RefusalClass::NamesTaken,
                        text: format!("Snapshot {}", snapshot.name),
                        until: Some(later(now, SignedDuration::from_hours(1))),
                        fingerprint: None,
                    });
                }
                Ok(())
            }
            Err(error) if error.class() == ErrorClass::NotLeader => Err(error),
            Err(error) => {
                let attempt = outcomes.attempt(owner);
                refused(build, error.class(), error.cause(), snapshot.fingerprint, attempt, now);
                tracing::warn!(namespace = meta::namespace(build), build = meta::name(build), %error, "Snapshot not created");
                outcomes.error = Some(error);
                Ok(())
            }
        }
    }
}

/// Whether the same request can never succeed.
pub(crate) fn refused_for_good(error: &ApiError) -> bool {
    matches!(error.class(), ErrorClass::Invalid | ErrorClass::TooLarge)
}

fn releases_with_words(patch: &BuildPatch) -> bool {
    patch.finalizer == Some(FinalizerChange::Release) && !(patch.annotations.is_empty() && patch.labels.is_empty())
}

/// The write may have been accepted all the same. Asked once more at once, the answer is there in time for the marker
/// on the Snapshot, which does not wait for it (SC-B34).
fn answer_lost(result: &Result<Option<GclAttempt>, ApiError>) -> bool {
    matches!(result, Err(error) if error.class() == ErrorClass::Retryable { after: None })
}

fn promoted(
    result: Result<Option<GclAttempt>, ApiError>,
    outcomes: &mut Outcomes,
    owner: &str,
) -> Result<(), ApiError> {
    let attempt = match result {
        Ok(attempt) => attempt,
        Err(error) if error.class() == ErrorClass::NotLeader => return Err(error),
        Err(error) => {
            tracing::warn!(owner, %error, "global candidate list not written");
            let attempt = GclAttempt::Retryable(error.cause().to_owned());
            outcomes.error = Some(error);
            Some(attempt)
        }
    };
    outcomes.attempt(owner).gcl = attempt;
    Ok(())
}

fn candidate_status(candidate: &Candidate) -> Value {
    let mut status = json!({"lastPromotedImage": candidate.image.to_string()});
    if let (false, Some(status)) = (candidate.commit.is_empty(), status.as_object_mut()) {
        status.insert("lastBuiltCommit".to_owned(), candidate.commit.clone().into());
    }
    json!({ "status": status })
}

fn finalizer_word(change: FinalizerChange) -> &'static str {
    match change {
        FinalizerChange::Add => "finalizer added",
        FinalizerChange::Release => "finalizer removed",
    }
}

/// The audit line of a change that was made (02 §8.4).
pub(crate) fn audit<K: kube::Resource<DynamicType = ()>>(
    action: &'static str,
    kind: &'static str,
    object: &K,
    detail: Option<&str>,
) {
    tracing::info!(
        audit = "true",
        action,
        namespace = meta::namespace(object),
        name = meta::name(object),
        controllerKind = kind,
        detail,
        "object changed"
    );
}

fn seconds(duration: SignedDuration) -> f64 {
    duration.as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SC-78: an empty commit does not erase the one that is there.
    #[test]
    fn sc_78_image_and_commit_are_written() {
        let image = integration_core::image::ImageReference::from_results(
            "quay.io/o/i:tag",
            &format!("sha256:{}", "a".repeat(64)),
        )
        .unwrap();
        let mut candidate = Candidate {
            component: "c1".to_owned(),
            version: String::new(),
            image: image.clone(),
            url: "https://h/r".to_owned(),
            commit: "abc".to_owned(),
            start: None,
        };
        let written = json!({"status": {"lastPromotedImage": image.to_string(), "lastBuiltCommit": "abc"}});
        assert_eq!(candidate_status(&candidate), written);
        candidate.commit.clear();
        assert_eq!(candidate_status(&candidate), json!({"status": {"lastPromotedImage": image.to_string()}}));
    }
}
