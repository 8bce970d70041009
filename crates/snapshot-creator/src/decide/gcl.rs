//! The global candidate list: is this build the newest promotable one of its Component? (SC-76 … SC-79, SC-B11,
//! SC-B12, GA-20 … GA-26)

use integration_api::PipelineRun;
use integration_api::formats::gcl_marker::{GclMarker, SUCCESS};
use integration_api::formats::truncate;
use integration_api::keys;
use integration_core::build::{self, BuildError, BuildResults};
use integration_core::gcl::{self, ComponentCandidate, GclBuild, GclDecision};
use integration_core::owner::OwnerKind;
use jiff::Timestamp;

use super::entry::{Entry, OwnerObject};
use super::plan::{Action, Candidate, GclResult, Plan};
use super::world::{GclAttempt, World};
use super::{ended, meta};

/// Most bytes of a marker's reason: it names every owner, and stands on the build and on each of its Snapshots.
const REASON_LIMIT: usize = 2048;

/// The state of the question, for all owners.
pub(super) enum Gcl {
    /// Only builds of pushes are candidates.
    NotAsked,
    /// An earlier reconcile answered yes; nothing is asked or written again.
    Closed(GclMarker),
    /// Judged now.
    Open(Vec<Answer>),
}

/// The state of the question for one owner.
pub(super) enum Answer {
    /// It has to be written.
    Promote(Action),
    /// Writing failed; it may work later.
    Retry,
    /// The list holds this build.
    In(GclResult),
    /// The list does not hold this build, and that is final for this state of the world.
    Out(GclResult, String),
}

impl Gcl {
    /// Whether the question still has to be answered, this being its marker.
    pub(super) fn unanswered(&self, marker: Option<&GclMarker>) -> bool {
        matches!(self, Self::Open(_)) && marker.is_none()
    }
}

/// Judges every owner on the newest known objects.
pub(super) fn answers(
    world: &World,
    build: &PipelineRun,
    entry: &Entry<'_>,
    source: Result<&BuildResults, &BuildError>,
    now: Timestamp,
) -> Gcl {
    if let Some(marker) = GclMarker::parse(meta::annotation(build, keys::ADDED_TO_GCL)).filter(|marker| marker.result) {
        return Gcl::Closed(marker);
    }
    if entry.owners.is_empty() {
        let reason = format!(
            "No ComponentGroup lists version {} of component {}.",
            entry.version,
            meta::name(&**entry.component)
        );
        return Gcl::Open(vec![Answer::Out(GclResult::NotMember, reason)]);
    }
    let results = match source {
        Ok(results) => results,
        Err(error) => return Gcl::Open(vec![Answer::Out(GclResult::Invalid, error.to_string())]),
    };
    Gcl::Open(entry.owners.iter().map(|owner| answer(world, build, entry, owner, results, now)).collect())
}

/// The writes to be tried before any Snapshot is created; `None` when there are none left.
pub(super) fn promotions(gcl: &Gcl) -> Option<Plan> {
    let Gcl::Open(answers) = gcl else { return None };
    let actions: Vec<Action> = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Promote(action) => Some(action.clone()),
            Answer::Retry | Answer::In(_) | Answer::Out(..) => None,
        })
        .collect();
    (!actions.is_empty()).then(|| Plan { actions, ..Plan::nothing("promote", "newest_build") })
}

/// The marker that answers the question for the whole build; `None` while it is open (SC-B11).
pub(super) fn marker(build: &PipelineRun, gcl: &Gcl, now: Timestamp) -> Option<GclMarker> {
    let answers = match gcl {
        Gcl::NotAsked => return None,
        Gcl::Closed(marker) => return Some(marker.clone()),
        Gcl::Open(answers) => answers,
    };
    if answers.iter().any(|answer| matches!(answer, Answer::Promote(_) | Answer::Retry)) {
        return None;
    }
    if answers.iter().any(|answer| matches!(answer, Answer::In(_))) {
        return Some(GclMarker { result: true, reason: SUCCESS.to_owned(), last_updated: now });
    }
    let mut reasons: Vec<&str> = answers
        .iter()
        .filter_map(|answer| match answer {
            Answer::Out(_, reason) => Some(reason.as_str()),
            Answer::Promote(_) | Answer::Retry | Answer::In(_) => None,
        })
        .collect();
    reasons.dedup();
    let reason = truncate(&reasons.join(" "), REASON_LIMIT);
    let marker = GclMarker { result: false, reason, last_updated: now };
    // A new wording or time is no reason to write.
    match GclMarker::parse(meta::annotation(build, keys::ADDED_TO_GCL)) {
        Some(written) => Some(written),
        None => Some(marker),
    }
}

fn answer(
    world: &World,
    build: &PipelineRun,
    entry: &Entry<'_>,
    owner: &OwnerObject<'_>,
    results: &BuildResults,
    now: Timestamp,
) -> Answer {
    let about = owner.about(meta::namespace(build));
    if owner.terminating {
        return Answer::Out(GclResult::NotMember, format!("{about} is being deleted."));
    }
    let component = meta::name(&**entry.component);
    let attempt = world.attempts.get(&owner.owner.name).and_then(|attempt| attempt.gcl.as_ref());
    let promote = match owner.group {
        None => application(build, entry, results, &about),
        Some(group) => member(build, entry, group, results, &about),
    };
    match (promote, attempt) {
        (Answer::In(_), Some(GclAttempt::Written)) => Answer::In(GclResult::Updated),
        // Written once and replaced since; the last writer wins, and a reconcile does not quarrel.
        (Answer::Promote(_), Some(GclAttempt::Written)) => Answer::Out(
            GclResult::Superseded,
            format!("Another writer replaced the candidate of component {component} in {about}."),
        ),
        (Answer::Promote(_), Some(GclAttempt::Gone)) => {
            Answer::Out(GclResult::NotMember, format!("Component {component} was deleted."))
        }
        (Answer::Promote(_), Some(GclAttempt::Retryable(error)))
            if now.duration_since(ended(build)) > build::EXPIRY =>
        {
            Answer::Out(
                GclResult::Error,
                format!("The candidate of {about} could not be written for 24 hours: {error}."),
            )
        }
        (Answer::Promote(_), Some(GclAttempt::Retryable(_))) => Answer::Retry,
        (answer, _) => answer,
    }
}

/// Application model: the candidate is kept on the Component itself.
fn application(build: &PipelineRun, entry: &Entry<'_>, results: &BuildResults, about: &str) -> Answer {
    let start = build::start(build);
    let candidate = candidate(entry, results, Some(start));
    match gcl::application_decide(entry.component, &candidate.image, &candidate.commit, start) {
        ComponentCandidate::Done => Answer::In(GclResult::Unchanged),
        ComponentCandidate::Superseded => superseded(entry, about),
        ComponentCandidate::Write { .. } => Answer::Promote(Action::PromoteComponent(candidate)),
    }
}

/// ComponentGroup model: the candidate is an entry of the group's list.
fn member(
    build: &PipelineRun,
    entry: &Entry<'_>,
    group: &integration_api::ComponentGroup,
    results: &BuildResults,
    about: &str,
) -> Answer {
    let candidate = candidate(entry, results, build.start_time());
    match gcl::decide(group, &gcl::entries(group), &candidate.for_group()) {
        GclDecision::Unchanged => Answer::In(GclResult::Unchanged),
        GclDecision::Superseded => superseded(entry, about),
        GclDecision::NotMember => Answer::Out(
            GclResult::NotMember,
            format!("{about} does not list version {} of component {}.", entry.version, candidate.component),
        ),
        GclDecision::Write(_) => {
            Answer::Promote(Action::PromoteInGroup { group: meta::name(group).to_owned(), candidate })
        }
    }
}

fn superseded(entry: &Entry<'_>, about: &str) -> Answer {
    let what = match entry.model {
        OwnerKind::Application => format!("component {}", meta::name(&**entry.component)),
        OwnerKind::ComponentGroup => {
            format!("version {} of component {}", entry.version, meta::name(&**entry.component))
        }
    };
    Answer::Out(GclResult::Superseded, format!("A newer build is the candidate of {what} in {about}."))
}

fn candidate(entry: &Entry<'_>, results: &BuildResults, start: Option<Timestamp>) -> Candidate {
    Candidate {
        component: meta::name(&**entry.component).to_owned(),
        version: entry.version.to_owned(),
        image: results.image.clone(),
        url: results.url.clone(),
        commit: results.revision.clone(),
        start,
    }
}

impl Candidate {
    /// The candidate as the list of a ComponentGroup takes it.
    pub(crate) fn for_group(&self) -> GclBuild {
        GclBuild {
            name: self.component.clone(),
            version: self.version.clone(),
            url: self.url.clone(),
            image: self.image.to_string(),
            commit: self.commit.clone(),
            start: self.start,
        }
    }
}
