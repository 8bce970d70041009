//! The last patch of a build: what became of it, and the release of our finalizer (SC-84, SC-88, SC-B3, SC-B16,
//! SC-B34 W3, SC-B36).

use std::collections::BTreeSet;
use std::sync::Arc;

use integration_api::formats::build_report::BuildReport;
use integration_api::formats::create_snapshot_status::CreateSnapshotStatus;
use integration_api::formats::gcl_marker::GclMarker;
use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::owner::{Owner, OwnerKind};
use integration_core::{build, metadata};
use jiff::{SignedDuration, Timestamp};

use super::entry::{self, Entry};
use super::failure::{self, Failure, FailureReason, REVIVES};
use super::gcl::{Answer, Gcl};
use super::plan::{Action, BuildPatch, Count, GclResult, Notice, Plan, Wait};
use super::snapshots::{self, State};
use super::world::{RefusalClass, World};
use super::{content, ended, meta, patch, related};

/// Most versions that a message lists.
const LISTED: usize = 10;
/// How long a build that may not get its Snapshot keeps our finalizer (SC-B16).
const FORBIDDEN_HOLDS: SignedDuration = SignedDuration::from_hours(1);

/// Creates what is missing; once every owner is served or lost and the candidate question is answered, certifies it.
pub(super) fn decide(
    world: &World,
    build: &PipelineRun,
    entry: &Entry<'_>,
    states: &[State],
    gcl: &Gcl,
    marker: Option<&GclMarker>,
    now: Timestamp,
) -> Plan {
    let creates: Vec<Action> = states
        .iter()
        .filter_map(|owner| match owner {
            State::Create(snapshot) => Some(Action::CreateSnapshot((**snapshot).clone())),
            _ => None,
        })
        .collect();
    if !creates.is_empty() {
        return Plan { actions: creates, ..Plan::nothing("create", "owed") };
    }
    if states.iter().any(|owner| matches!(owner, State::Retry)) {
        return Plan { wait: Some(Wait::Backoff), ..Plan::nothing("retry", "snapshot") };
    }
    let created: Vec<String> = states
        .iter()
        .filter_map(|owner| match owner {
            State::Has(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    // A build that is older than that gets no other try (SC-B33).
    let last_try = ended(build).saturating_add(build::EXPIRY).unwrap_or(Timestamp::MAX);
    let refusal = refusal(states, !created.is_empty(), last_try);
    if let Some((RefusalClass::NamespaceTerminating, until)) = refusal {
        return Plan { wait: until.map(Wait::Until), ..patch::let_go(build, "namespace_terminating") };
    }
    let failures = failures(world, build, entry, states);
    let open = refusal.is_some() || created.is_empty() && now <= last_try;
    let snapshots = &world.snapshots;
    let outcome = Outcome { build, snapshots, model: entry.model, failures, created, open, gcl, marker };
    let lost = lost(entry, states, refusal.is_some());
    let mut plan = match refusal {
        Some((class, until)) => outcome.refused(class, until, now),
        None if gcl.unanswered(marker) => {
            return Plan { wait: Some(Wait::Backoff), ..Plan::nothing("retry", "gcl") };
        }
        None => outcome.settled(),
    };
    plan.lost = lost;
    if snapshots::duplicates(world, build, entry) { plan.with("ignore", "duplicate_snapshots") } else { plan }
}

/// An outcome that concerns the build as a whole, before any owner is known.
pub(super) fn failed(build: &PipelineRun, failure: &Failure) -> Plan {
    let reason = failure.reason.word();
    let gcl = Gcl::NotAsked;
    let outcome = Outcome {
        build,
        snapshots: &[],
        model: entry::model(build),
        failures: vec![failure.clone()],
        created: Vec::new(),
        open: true,
        gcl: &gcl,
        marker: None,
    };
    let mut patch = BuildPatch::default();
    outcome.tell_failure(&mut patch);
    patch.release(build);
    plan(patch, "fail", reason)
}

struct Outcome<'a> {
    build: &'a PipelineRun,
    /// Snapshots whose label names the build.
    snapshots: &'a [Arc<Snapshot>],
    model: OwnerKind,
    failures: Vec<Failure>,
    created: Vec<String>,
    /// Whether the missing Snapshots may still be created.
    open: bool,
    gcl: &'a Gcl,
    marker: Option<&'a GclMarker>,
}

impl Outcome<'_> {
    /// Every owner is served or lost: the one patch that certifies it.
    fn settled(self) -> Plan {
        let mut patch = BuildPatch::default();
        patch.name_group(self.build);
        let reason = self.failures.first().map(|failure| failure.reason.word());
        if let Some(first) = self.created.first() {
            if self.model == OwnerKind::Application {
                patch.annotate(self.build, keys::SNAPSHOT, first.clone());
            }
            patch.annotate(self.build, keys::SNAPSHOTS, self.created.join(","));
            if related::pr_group(self.build).is_some() {
                let report = BuildReport::SnapshotCreated.wire().to_owned();
                patch.annotate(self.build, keys::SNAPSHOT_CREATION_REPORT, report);
            }
            patch.events.push(self.created_notice());
        }
        if self.failures.is_empty() {
            self.tell_success(&mut patch);
        } else {
            self.tell_failure(&mut patch);
        }
        self.mark(&mut patch);
        patch.release(self.build);
        plan(patch, if reason.is_some() { "fail" } else { "settle" }, reason.unwrap_or("snapshot_created"))
    }

    /// Refused for now: told once, tried again later.
    fn refused(self, class: RefusalClass, until: Option<Timestamp>, now: Timestamp) -> Plan {
        let mut patch = BuildPatch::default();
        patch.name_group(self.build);
        self.tell_failure(&mut patch);
        self.mark(&mut patch);
        let reason = if class == RefusalClass::Quota { "quota" } else { "forbidden" };
        // The candidate question holds the build longer, but keeps nothing from being told (SC-B11).
        if self.gcl.unanswered(self.marker) {
            return Plan { wait: Some(Wait::Backoff), ..plan(patch, "fail", reason) };
        }
        let holds = ended(self.build).saturating_add(FORBIDDEN_HOLDS).unwrap_or(Timestamp::MAX);
        let release = class == RefusalClass::Quota || now >= holds;
        if release {
            patch.release(self.build);
        }
        let held = !release && meta::has_finalizer(self.build);
        let until = match until {
            Some(until) if held => Some(until.min(holds)),
            until => until,
        };
        Plan { wait: Some(until.map_or(Wait::Backoff, Wait::Until)), ..plan(patch, "fail", reason) }
    }

    fn created_notice(&self) -> Notice {
        let plural = if self.created.len() == 1 { "" } else { "s" };
        let mut note = format!("Created Snapshot{plural} {}.", self.created.join(", "));
        let created = |name: &str| self.created.iter().any(|created| created == name);
        let snapshots = self.snapshots.iter().filter(|snapshot| created(meta::name(&***snapshot)));
        // One that was adopted may carry what ours do not.
        let carried: BTreeSet<&String> =
            snapshots.flat_map(|snapshot| snapshot.metadata.annotations.iter().flatten().map(|(key, _)| key)).collect();
        // A Snapshot that carries results carries all that had room; of another one only this much is known.
        let left_out: Vec<String> = if carried.iter().any(|key| key.starts_with(keys::RESULT_PREFIX)) {
            let carries = |key: &str| carried.iter().any(|carried| *carried == key);
            content::left_out_results(self.build, carries).into_iter().map(str::to_owned).collect()
        } else {
            metadata::snapshot_from_build(self.build).skipped_results
        };
        if !left_out.is_empty() {
            note.push_str(" Results left out because their name is malformed or there is no room for their value: ");
            note.push_str(&left_out.join(", "));
            note.push('.');
        }
        Notice { warning: false, reason: "SnapshotCreated", note }
    }

    /// A build that is being deleted has no reader for its success (SC-91).
    fn tell_success(&self, patch: &mut BuildPatch) {
        if meta::terminating(self.build) {
            return;
        }
        let key = match self.model {
            OwnerKind::Application => keys::SNAPSHOT,
            OwnerKind::ComponentGroup => keys::SNAPSHOTS,
        };
        let message = format!("Snapshot creation succeeded: {} (annotation {key}).", self.created.join(", "));
        let status = CreateSnapshotStatus::Success { message };
        patch.annotate(self.build, keys::CREATE_SNAPSHOT_STATUS, status.to_annotation());
    }

    /// Status, Event and counter, unless the same reasons were told before.
    fn tell_failure(&self, patch: &mut BuildPatch) {
        let told = meta::annotation(self.build, keys::CREATE_SNAPSHOT_STATUS);
        if failure::already_told(told, &self.failures) {
            return;
        }
        let message = failure::message(&self.failures, &self.created, self.open);
        patch.events.push(Notice { warning: true, reason: "SnapshotCreationFailed", note: message.clone() });
        let status = CreateSnapshotStatus::Failed { message };
        patch.annotate(self.build, keys::CREATE_SNAPSHOT_STATUS, status.to_annotation());
        let model = self.model;
        patch
            .counts
            .extend(self.failures.iter().map(|failure| Count::CreationFailed { model, reason: failure.reason }));
    }

    /// The marker of the candidate question, when its answer is new (SC-B11).
    fn mark(&self, patch: &mut BuildPatch) {
        let Some(marker) = self.marker else { return };
        let written = GclMarker::parse(meta::annotation(self.build, keys::ADDED_TO_GCL));
        if written.is_some_and(|written| written.result == marker.result) {
            return;
        }
        patch.annotate(self.build, keys::ADDED_TO_GCL, marker.to_annotation());
        let Gcl::Open(answers) = self.gcl else { return };
        let model = self.model;
        let mut superseded = true;
        for answer in answers {
            let result = match answer {
                // Counted when it was written.
                Answer::In(GclResult::Updated) | Answer::Promote(_) | Answer::Retry => continue,
                Answer::In(result) => *result,
                Answer::Out(result, _) => {
                    superseded &= *result == GclResult::Superseded;
                    *result
                }
            };
            patch.counts.push(Count::Gcl { model, result });
        }
        if !marker.result && !superseded {
            let note = format!("The global candidate list keeps its image: {}", marker.reason);
            patch.events.push(Notice { warning: true, reason: "GlobalCandidateListSkipped", note });
        }
    }
}

/// The refusal that keeps the build open, and the first time to try again. A refusal is final where the next try would
/// come after the last one, so that the Snapshots of other owners are certified before the build expires; a quota also
/// where another owner got its Snapshot (SC-B3).
fn refusal(states: &[State], created: bool, last_try: Timestamp) -> Option<(RefusalClass, Option<Timestamp>)> {
    let mut found: Option<(RefusalClass, Option<Timestamp>)> = None;
    for owner in states {
        let State::Refused { class, until, .. } = owner else { continue };
        let late = until.is_some_and(|until| until > last_try);
        let last = match class {
            RefusalClass::Quota => created || late,
            RefusalClass::NamespaceTerminating => false,
            _ => late,
        };
        if last {
            continue;
        }
        found = Some(match found {
            None => (*class, *until),
            Some((before, at)) => (graver(before, *class), at.into_iter().chain(*until).min()),
        });
    }
    found
}

fn graver(a: RefusalClass, b: RefusalClass) -> RefusalClass {
    let rank = |class| match class {
        RefusalClass::NamespaceTerminating => 0,
        RefusalClass::Forbidden => 1,
        _ => 2,
    };
    if rank(b) < rank(a) { b } else { a }
}

/// Owners that have no Snapshot, and for now no prospect of one: after a final failure, and while a quota is used up. A
/// right may be given sooner.
fn lost(entry: &Entry<'_>, states: &[State], open: bool) -> Vec<Owner> {
    let is_lost = |state: &State| match state {
        State::Failed(_) => true,
        State::Refused { class, .. } => !open || *class == RefusalClass::Quota,
        State::Has(_) | State::Create(_) | State::Retry => false,
    };
    let lost = entry.owners.iter().zip(states).filter(|(_, state)| is_lost(state));
    lost.map(|(object, _)| object.owner.clone()).collect()
}

fn failures(world: &World, build: &PipelineRun, entry: &Entry<'_>, states: &[State]) -> Vec<Failure> {
    if entry.owners.is_empty() {
        return vec![no_group(world, build, entry)];
    }
    states
        .iter()
        .filter_map(|owner| match owner {
            State::Failed(failure) | State::Refused { failure, .. } => Some(failure.clone()),
            State::Has(_) | State::Create(_) | State::Retry => None,
        })
        .collect()
}

/// The version is in no ComponentGroup (SC-B7).
fn no_group(world: &World, build: &PipelineRun, entry: &Entry<'_>) -> Failure {
    let component = meta::name(&**entry.component);
    let shown: Vec<&str> = world.listed_versions.iter().take(LISTED).map(String::as_str).collect();
    let listed = match world.listed_versions.len() - shown.len() {
        _ if shown.is_empty() => "none of its versions".to_owned(),
        0 => format!("only {}", shown.join(", ")),
        more => format!("only {} and {more} more", shown.join(", ")),
    };
    Failure {
        reason: FailureReason::NoComponentGroup,
        about: format!("Component {}/{component}", meta::namespace(build)),
        detail: format!(
            "No ComponentGroup of the namespace lists version {} of component {component} ({listed}); add it to one.",
            entry.version
        ),
        meanwhile: REVIVES,
    }
}

/// A plan of one patch, if there is anything to send.
fn plan(patch: BuildPatch, decision: &'static str, reason: &'static str) -> Plan {
    let actions = if patch.is_empty() { Vec::new() } else { vec![Action::PatchBuild(patch)] };
    let decision = if actions.is_empty() { "nothing" } else { decision };
    Plan { actions, ..Plan::nothing(decision, reason) }
}
