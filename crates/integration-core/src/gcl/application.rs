//! The candidate of a Component in the Application model.

use integration_api::{Component, keys};
use jiff::Timestamp;

use crate::image::ImageReference;
use crate::meta::annotation;

/// What a build means for the candidate of its Component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComponentCandidate {
    /// A newer build is the candidate.
    Superseded,
    /// This build is the candidate.
    Done,
    /// To be written, the annotation first: it is the token that keeps builds in order. The status is sent with the
    /// resourceVersion that the annotation's patch returned.
    Write {
        /// Annotation `lastbuilttime`, Unix seconds of the start.
        annotation: bool,
        /// `status.lastPromotedImage` and, unless empty, `status.lastBuiltCommit`.
        status: bool,
    },
}

/// Decides on the newest Component known (SC-B11, SC-77). `start` is the start of the build, else its creation; for an
/// override Snapshot its creation (GA-X12).
pub fn application_decide(
    component: &Component,
    image: &ImageReference,
    commit: &str,
    start: Timestamp,
) -> ComponentCandidate {
    let last: Option<i64> = annotation(&component.metadata, keys::LAST_BUILT_TIME).and_then(|time| time.parse().ok());
    let start = start.as_second();
    if last.is_some_and(|last| last > start) {
        return ComponentCandidate::Superseded;
    }
    let status = &component.status;
    let same_commit = commit.is_empty() || status.last_built_commit == commit;
    let write_annotation = last != Some(start);
    let write_status = !same_commit || status.last_promoted_image != image.to_string();
    if write_annotation || write_status {
        ComponentCandidate::Write { annotation: write_annotation, status: write_status }
    } else {
        ComponentCandidate::Done
    }
}
