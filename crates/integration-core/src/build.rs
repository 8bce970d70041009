//! Builds: what a build PipelineRun still is owed, and what it delivered (SC-B33, SC-100 … SC-103, SC-B18).

use std::cmp::Ordering;

use integration_api::formats::create_snapshot_status::CreateSnapshotStatus;
use integration_api::formats::gcl_marker::GclMarker;
use integration_api::{PipelineRun, Snapshot, keys};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::event::{self, EventClass};
use crate::image::{ImageError, ImageReference};
use crate::meta::{annotation, label, non_empty_annotation};
use crate::names::label_value;
use crate::owner::Owner;

/// How long a build with a failed Snapshot may still get one (SC-B33).
pub const EXPIRY: SignedDuration = SignedDuration::from_hours(24);

/// Whether this Snapshot is the one of this build for this owner (SC-B33, D-3). Deletion and type do not matter;
/// where the Snapshot does not name the build's uid, it must not be older than the build (SC-B32).
pub fn has(snapshot: &Snapshot, build: &PipelineRun, owner: &Owner) -> bool {
    let meta = &snapshot.metadata;
    let same_name = build
        .metadata
        .name
        .as_deref()
        .is_some_and(|name| label(meta, keys::BUILD_PIPELINE_RUN) == Some(label_value(name).as_ref()));
    let same_build = || match annotation(meta, keys::BUILD_PIPELINE_RUN_UID) {
        Some(uid) => build.metadata.uid.as_deref() == Some(uid),
        None => meta
            .creation_timestamp
            .as_ref()
            .is_some_and(|created| build.creation_time().is_none_or(|build| created.0 >= build)),
    };
    same_name && Owner::of_snapshot(&snapshot.spec).as_ref() == Some(owner) && same_build()
}

/// Whether the Snapshot question was answered for good: nothing is created for this build again (SC-B33).
pub fn settled(build: &PipelineRun) -> bool {
    [keys::SNAPSHOTS, keys::SNAPSHOT].iter().any(|key| non_empty_annotation(&build.metadata, key).is_some())
}

/// Whether Tekton Chains is done with the build, whatever it found (SC-8).
pub fn signed(build: &PipelineRun) -> bool {
    annotation(&build.metadata, keys::CHAINS_SIGNED).is_some()
}

/// Whether a build whose Snapshot failed is too old to try again (SC-B33).
pub fn expired(build: &PipelineRun, now: Timestamp) -> bool {
    let failed = annotation(&build.metadata, keys::CREATE_SNAPSHOT_STATUS)
        .and_then(CreateSnapshotStatus::parse)
        .is_some_and(|status| matches!(status, CreateSnapshotStatus::Failed { .. }));
    let held = build.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == keys::PIPELINE_RUN_FINALIZER);
    failed && !held && ended(build).is_some_and(|ended| now.duration_since(ended) > EXPIRY)
}

/// Whether the build is owed a Snapshot of every owner (SC-B33).
pub fn owed(build: &PipelineRun, now: Timestamp) -> bool {
    build.succeeded() && signed(build) && !settled(build) && !expired(build, now)
}

/// Whether the build may still have to be written to the global candidate list (SC-B33).
pub fn candidate_open(build: &PipelineRun, now: Timestamp) -> bool {
    let added = GclMarker::parse(annotation(&build.metadata, keys::ADDED_TO_GCL)).is_some_and(|marker| marker.result);
    event::of_build(build) == EventClass::Push && owed(build, now) && !added
}

/// When the build started, else when it was created; never now (D-6). A build without either is older than every
/// other.
pub fn start(build: &PipelineRun) -> Timestamp {
    build.start_time().or_else(|| build.creation_time()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// When the build completed, else when it was created: where waiting times begin (SC-82, SC-B33).
pub fn ended(build: &PipelineRun) -> Option<Timestamp> {
    build.completion_time().or_else(|| build.creation_time())
}

/// The built component, if the build names one.
pub fn component(build: &PipelineRun) -> Option<&str> {
    label(&build.metadata, keys::COMPONENT)
}

/// The built version, `""` if the build names none. A version means the ComponentGroup model (SC-24).
pub fn version(build: &PipelineRun) -> &str {
    annotation(&build.metadata, keys::VERSION).unwrap_or_default()
}

/// Order of builds of one component: the greater one is newer (SC-B18). Start times decide among builds created in
/// the same second, if both have one.
pub fn order(one: &PipelineRun, other: &PipelineRun) -> Ordering {
    let started = || match (one.start_time(), other.start_time()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => Ordering::Equal,
    };
    one.creation_time()
        .cmp(&other.creation_time())
        .then_with(started)
        .then_with(|| one.metadata.uid.cmp(&other.metadata.uid))
}

/// Whether no other build of the same component and version is newer (SC-B18). A build without component label is
/// nobody's rival.
pub fn latest<'a>(build: &PipelineRun, others: impl IntoIterator<Item = &'a PipelineRun>) -> bool {
    let Some(component) = self::component(build) else { return true };
    others
        .into_iter()
        .filter(|other| self::component(other) == Some(component) && version(other) == version(build))
        .all(|other| order(other, build) != Ordering::Greater)
}

/// What a build delivered, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildResults {
    /// The image, by digest.
    pub image: ImageReference,
    /// Git URL of the source; may be empty (E-59).
    pub url: String,
    /// Commit the image was built from; may be empty.
    pub revision: String,
    /// Context directory, `""` if the build names none.
    pub context: String,
}

/// Why a build delivered nothing that can be tested.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BuildError {
    /// Results are absent.
    #[error("build PipelineRun {build} has no result {}", results.join(", "))]
    MissingResult {
        /// Name of the build.
        build: String,
        /// Names of the absent results.
        results: Vec<&'static str>,
    },
    /// The image is no reference by digest.
    #[error("build PipelineRun {build} delivered no valid image in its results IMAGE_URL and IMAGE_DIGEST: {error}")]
    InvalidImage {
        /// Name of the build.
        build: String,
        /// What is wrong with it.
        error: ImageError,
    },
}

impl BuildError {
    /// The outcome's word in metrics and Events (SC-B36).
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MissingResult { .. } => "missing_result",
            Self::InvalidImage { .. } => "invalid_digest",
        }
    }
}

/// Image and source of a build (SC-100, SC-101, SC-B12, SC-B13). A present but empty git result is accepted.
pub fn source(build: &PipelineRun) -> Result<BuildResults, BuildError> {
    const NAMES: [&str; 4] =
        [keys::RESULT_IMAGE_URL, keys::RESULT_IMAGE_DIGEST, keys::RESULT_GIT_URL, keys::RESULT_GIT_COMMIT];
    let name = || build.metadata.name.clone().unwrap_or_default();
    let [Some(image_url), Some(digest), Some(url), Some(revision)] = NAMES.map(|name| build.result(name)) else {
        let results = NAMES.into_iter().filter(|name| build.result(name).is_none()).collect();
        return Err(BuildError::MissingResult { build: name(), results });
    };
    let image = ImageReference::from_results(image_url, digest)
        .map_err(|error| BuildError::InvalidImage { build: name(), error })?;
    let trimmed = |text: &str| text.trim_matches(|char: char| char.is_ascii_whitespace()).to_owned();
    let context = annotation(&build.metadata, keys::CONTEXT).unwrap_or_default().to_owned();
    Ok(BuildResults { image, url: trimmed(url), revision: trimmed(revision), context })
}

#[cfg(test)]
mod tests;
