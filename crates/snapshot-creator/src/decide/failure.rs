//! Outcomes that no retry of this program changes, and the words a user reads about them (SC-B36, API-183).

use integration_api::formats::create_snapshot_status::CreateSnapshotStatus;
use integration_api::formats::truncate;
use serde::Serialize;

/// Longest message, in bytes.
const MESSAGE_LIMIT: usize = 4096;
/// How every failed message begins; another program matches on it (02 §1.5).
const PREFIX: &str = "Failed to create snapshot: ";

/// Reason words of SC-B36 and SC-B16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The build names no Component.
    ComponentLabelMissing,
    /// The Component does not exist.
    ComponentNotFound,
    /// The Application does not exist.
    ApplicationNotFound,
    /// The Application or ComponentGroup is being deleted.
    OwnerTerminating,
    /// No ComponentGroup lists the Component in that version.
    NoComponentGroup,
    /// The build lacks a result.
    MissingResult,
    /// The built image has no valid digest.
    InvalidDigest,
    /// Cycle, depth or missing member of nested ComponentGroups.
    NestedGroup,
    /// Tekton Chains did not sign in time.
    ChainsTimeout,
    /// The API server refuses the Snapshot as invalid.
    Invalid,
    /// Every deterministic name belongs to another object.
    NameExhausted,
    /// A quota is used up.
    Quota,
    /// Rights or an admission policy refuse the Snapshot.
    Forbidden,
}

impl FailureReason {
    /// The word as users and dashboards see it.
    pub fn word(self) -> &'static str {
        match self {
            Self::ComponentLabelMissing => "component_label_missing",
            Self::ComponentNotFound => "component_not_found",
            Self::ApplicationNotFound => "application_not_found",
            Self::OwnerTerminating => "owner_terminating",
            Self::NoComponentGroup => "no_component_group",
            Self::MissingResult => "missing_result",
            Self::InvalidDigest => "invalid_digest",
            Self::NestedGroup => "nested_group",
            Self::ChainsTimeout => "chains_timeout",
            Self::Invalid => "invalid",
            Self::NameExhausted => "name_exhausted",
            Self::Quota => "quota",
            Self::Forbidden => "forbidden",
        }
    }
}

/// Why one owner, or the whole build, gets no Snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason word.
    pub reason: FailureReason,
    /// The object it is about, for example `ComponentGroup team/shop`.
    pub about: String,
    /// Cause and remedy, a sentence.
    pub detail: String,
    /// What happens by itself while the build is open, a sentence; empty where nothing does.
    pub meanwhile: &'static str,
}

/// What happens when the cause of a failure goes away in time (SC-B37).
pub const REVIVES: &str = "The Snapshot is then created, within 24 hours after the end of the build.";
/// What is told instead about a build that is not open any more.
const CLOSED: &str = " This build gets no further Snapshot; build again.";

/// The text for `create-snapshot-status`: first what failed, by reason and object, then the details, then the
/// Snapshots that exist nevertheless. `open` tells whether the missing ones may still be created.
pub fn message(failures: &[Failure], created: &[String], open: bool) -> String {
    let mut sentences: Vec<&str> = Vec::new();
    for failure in failures {
        sentences.push(&failure.detail);
        // Several failures of one kind need that only once.
        if open && !failure.meanwhile.is_empty() && !sentences.contains(&failure.meanwhile) {
            sentences.push(failure.meanwhile);
        }
    }
    let mut text = format!("{}{}", head(failures), sentences.join(" "));
    if !created.is_empty() {
        text.push_str(" Created: ");
        text.push_str(&created.join(", "));
        text.push('.');
    }
    if !open {
        text.push_str(CLOSED);
    }
    truncate(&text, MESSAGE_LIMIT)
}

/// Whether the annotation already tells of the same reasons for the same objects; then it is not rewritten, whatever
/// the details say now (SC-B36).
pub fn already_told(annotation: Option<&str>, failures: &[Failure]) -> bool {
    match annotation.and_then(CreateSnapshotStatus::parse) {
        Some(CreateSnapshotStatus::Failed { message }) => {
            message.starts_with(&truncate(&head(failures), MESSAGE_LIMIT))
        }
        _ => false,
    }
}

fn head(failures: &[Failure]) -> String {
    let reasons: Vec<String> =
        failures.iter().map(|failure| format!("{} ({})", failure.reason.word(), failure.about)).collect();
    format!("{PREFIX}{}: ", reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(detail: &str) -> Failure {
        Failure {
            reason: FailureReason::Quota,
            about: "Application team/shop".to_owned(),
            detail: detail.to_owned(),
            meanwhile: "Tried again.",
        }
    }

    #[test]
    fn sc_b36_a_failure_is_told_once_whatever_the_numbers_in_its_details() {
        let text = message(&[quota("used: 10."), quota("used: 10.")], &[], true);
        assert_eq!(
            text,
            "Failed to create snapshot: quota (Application team/shop), quota (Application team/shop): \
             used: 10. Tried again. used: 10."
        );
        let text = message(&[quota("used: 10.")], &[], true);
        assert_eq!(text, "Failed to create snapshot: quota (Application team/shop): used: 10. Tried again.");
        let annotation = CreateSnapshotStatus::Failed { message: text }.to_annotation();
        assert!(already_told(Some(&annotation), &[quota("used: 11.")]));
        let other = Failure { about: "Application team/store".to_owned(), ..quota("used: 10.") };
        assert!(!already_told(Some(&annotation), &[other]));
        assert!(!already_told(Some("not json"), &[quota("")]));
        assert!(!already_told(None, &[quota("")]));
    }

    #[test]
    fn sc_b3_the_snapshots_that_exist_are_named() {
        assert_eq!(
            message(&[quota("Free some.")], &["a-1".to_owned(), "b-1".to_owned()], false),
            "Failed to create snapshot: quota (Application team/shop): Free some. Created: a-1, b-1. \
             This build gets no further Snapshot; build again."
        );
    }
}
