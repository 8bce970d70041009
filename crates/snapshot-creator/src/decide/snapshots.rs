//! The Snapshot of each owner: is it there, and if not, what stands in the way? (SC-80 … SC-91, SC-B3, SC-B9, SC-B33)

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use integration_api::formats::gcl_marker::GclMarker;
use integration_api::{ComponentGroup, PipelineRun, Snapshot};
use integration_core::assembly::{self, Assembled, AssemblyError, BuiltComponent};
use integration_core::build::{self, BuildError, BuildResults};
use integration_core::names;
use jiff::Timestamp;

use super::content::{self, Known};
use super::entry::{Entry, OwnerObject};
use super::failure::{Failure, FailureReason, REVIVES};
use super::plan::{NewSnapshot, Question};
use super::world::{Attempt, Lookup, Refusal, RefusalClass, World};
use super::{merged, meta};

/// Where the Snapshot of one owner stands.
pub(super) enum State {
    /// It exists, under this name.
    Has(String),
    /// It has to be created.
    Create(Box<NewSnapshot>),
    /// It cannot be made.
    Failed(Failure),
    /// The API server refuses it for now.
    Refused {
        /// Quota, rights, or the end of the namespace.
        class: RefusalClass,
        /// What to tell.
        failure: Failure,
        /// When to try again.
        until: Option<Timestamp>,
    },
    /// An error that may pass.
    Retry,
}

/// Judges every owner. `Err` names facts that are missing for that.
pub(super) fn states(
    world: &World,
    build: &PipelineRun,
    entry: &Entry<'_>,
    source: Result<&BuildResults, &BuildError>,
    marker: Option<&GclMarker>,
) -> Result<Vec<State>, Vec<Question>> {
    let mut states = Vec::with_capacity(entry.owners.len());
    for owner in &entry.owners {
        let state = match existing(world, build, owner) {
            Some(snapshot) => State::Has(meta::name(&*snapshot).to_owned()),
            None => missing(world, build, entry, owner, source, marker)?,
        };
        states.push(state);
    }
    // A cache filled before this replica became responsible may lack what the replica before it, or the reference,
    // created last.
    let creates = states.iter().any(|state| matches!(state, State::Create(_)));
    let before = world.took_over.is_some_and(|since| build::ended(build).is_none_or(|ended| ended < since));
    if creates && before && !world.listed {
        return Err(vec![Question::SnapshotsOfBuild]);
    }
    Ok(states)
}

/// Whether an owner has several Snapshots of this build, as the reference could make them; all but the oldest are
/// ignored (SC-B9).
pub(super) fn duplicates(world: &World, build: &PipelineRun, entry: &Entry<'_>) -> bool {
    let of = |owner: &OwnerObject<'_>| {
        world.snapshots.iter().filter(|snapshot| build::has(snapshot, build, &owner.owner)).count()
    };
    entry.owners.iter().any(|owner| of(owner) > 1)
}

/// The Snapshot of this build and owner; the oldest where the reference made several (SC-B9).
fn existing(world: &World, build: &PipelineRun, owner: &OwnerObject<'_>) -> Option<Arc<Snapshot>> {
    let age = |snapshot: &Arc<Snapshot>| {
        let created = snapshot.metadata.creation_timestamp.as_ref().map(|time| time.0);
        (created, snapshot.metadata.name.clone())
    };
    let matching = world.snapshots.iter().filter(|snapshot| build::has(snapshot, build, &owner.owner));
    matching.min_by_key(|snapshot| age(snapshot)).cloned()
}

fn missing(
    world: &World,
    build: &PipelineRun,
    entry: &Entry<'_>,
    owner: &OwnerObject<'_>,
    source: Result<&BuildResults, &BuildError>,
    marker: Option<&GclMarker>,
) -> Result<State, Vec<Question>> {
    let about = owner.about(meta::namespace(build));
    let failed =
        |reason, detail, meanwhile| Ok(State::Failed(Failure { reason, about: about.clone(), detail, meanwhile }));
    if owner.terminating {
        let detail = format!("{about} is being deleted; if it is still needed, create it anew.");
        return failed(FailureReason::OwnerTerminating, detail, REVIVES);
    }
    let results = match source {
        Ok(results) => results,
        Err(error) => {
            let detail = format!("{error}; correct the build pipeline and build again.");
            return failed(build_reason(error), detail, "");
        }
    };
    let attempt = world.attempts.get(&owner.owner.name).cloned().unwrap_or_default();
    let assembled = match assemble(world, entry, owner, results)? {
        Ok(assembled) => assembled,
        Err(error) => {
            let detail = format!("{error}; {}.", nested_remedy(&error));
            return failed(FailureReason::NestedGroup, detail, REVIVES);
        }
    };
    let known = Known { marker, merged: merged::is_known(world, build) };
    let new = new_snapshot(build, entry, owner, results, assembled, known, &attempt);
    Ok(match attempt.refusal {
        Some(refusal) if refusal.fingerprint.is_none_or(|fingerprint| fingerprint == new.fingerprint) => {
            refused(&refusal, &about)
        }
        _ => State::Create(Box::new(new)),
    })
}

fn new_snapshot(
    build: &PipelineRun,
    entry: &Entry<'_>,
    owner: &OwnerObject<'_>,
    results: &BuildResults,
    assembled: Assembled,
    known: Known<'_>,
    attempt: &Attempt,
) -> NewSnapshot {
    let name = names::component_snapshot(&owner.owner, build::start(build), meta::uid(build), attempt.names_taken);
    // The time of the marker is no difference worth another try.
    let marker = known.marker.map(|marker| GclMarker { last_updated: Timestamp::UNIX_EPOCH, ..marker.clone() });
    let timeless = Known { marker: marker.as_ref(), ..known };
    let mut hasher = DefaultHasher::new();
    content::snapshot(build, entry, owner, &name, results, assembled.clone(), timeless).to_string().hash(&mut hasher);
    let body = content::snapshot(build, entry, owner, &name, results, assembled, known);
    NewSnapshot { owner: owner.owner.clone(), name, body, fingerprint: hasher.finish() }
}

/// The components of the Snapshot. The outer error asks for nested ComponentGroups that the cache does not have.
fn assemble(
    world: &World,
    entry: &Entry<'_>,
    owner: &OwnerObject<'_>,
    results: &BuildResults,
) -> Result<Result<Assembled, AssemblyError>, Vec<Question>> {
    let built = BuiltComponent {
        component: Arc::clone(entry.component),
        version: entry.version.to_owned(),
        results: results.clone(),
    };
    let Some(group) = owner.group else {
        return Ok(assembly::application(&owner.owner.name, &built, &world.siblings));
    };
    let unknown: Vec<Question> = unknown_groups(world, group);
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let nested = |name: &str| world.nested.get(name).and_then(Lookup::found).cloned();
    let components = |name: &str| world.siblings.iter().find(|component| meta::name(&***component) == name).cloned();
    Ok(assembly::component_group(group, &nested, &components, &built))
}

/// Nested ComponentGroups that are reachable from this one and not known to exist or to be gone.
fn unknown_groups(world: &World, group: &Arc<ComponentGroup>) -> Vec<Question> {
    let mut seen = Vec::new();
    let mut unknown = Vec::new();
    let mut next = vec![group];
    while let Some(group) = next.pop() {
        for reference in group.spec.components.iter().filter(|reference| reference.is_group()) {
            if seen.contains(&reference.name.as_str()) {
                continue;
            }
            seen.push(reference.name.as_str());
            match world.nested.get(&reference.name) {
                Some(Lookup::Found(nested)) => next.push(nested),
                Some(Lookup::Gone) => {}
                Some(Lookup::NotCached) | None => unknown.push(Question::ComponentGroup(reference.name.clone())),
            }
        }
    }
    unknown
}

fn nested_remedy(error: &AssemblyError) -> &'static str {
    match error {
        AssemblyError::Cycle { .. } => "take one of these references out",
        AssemblyError::TooDeep { .. } => "nest fewer levels",
        AssemblyError::NestedGroupMissing { .. } => "create it, or take it out of spec.components",
    }
}

fn build_reason(error: &BuildError) -> FailureReason {
    match error {
        BuildError::MissingResult { .. } => FailureReason::MissingResult,
        BuildError::InvalidImage { .. } => FailureReason::InvalidDigest,
    }
}

fn refused(refusal: &Refusal, about: &str) -> State {
    let failure = |reason, remedy: &str, meanwhile| Failure {
        reason,
        about: about.to_owned(),
        detail: format!("The API server refused the Snapshot: {}. {remedy}", refusal.text.trim_end_matches('.')),
        meanwhile,
    };
    match refusal.class {
        RefusalClass::Retryable => State::Retry,
        RefusalClass::Invalid => State::Failed(failure(
            FailureReason::Invalid,
            "Correct the labels, annotations or names it complains about and build again.",
            "",
        )),
        RefusalClass::NamesTaken => State::Failed(Failure {
            reason: FailureReason::NameExhausted,
            about: about.to_owned(),
            detail: format!("Every name that the Snapshot may have belongs to another one; delete {}.", refusal.text),
            meanwhile: "Tried again every hour for 24 hours after the build.",
        }),
        RefusalClass::Quota => State::Refused {
            class: refusal.class,
            failure: failure(
                FailureReason::Quota,
                "Delete Snapshots or raise the quota.",
                "Tried again every hour for 24 hours after the build.",
            ),
            until: refusal.until,
        },
        RefusalClass::Forbidden | RefusalClass::NamespaceTerminating => State::Refused {
            class: refusal.class,
            failure: failure(
                FailureReason::Forbidden,
                "Ask an administrator for the right, or to change the policy.",
                "Tried again for 24 hours after the build.",
            ),
            until: refusal.until,
        },
    }
}
