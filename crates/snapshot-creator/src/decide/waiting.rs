//! Waiting for Tekton Chains (SC-82, SC-B6).

use integration_api::{PipelineRun, keys};
use jiff::{SignedDuration, Timestamp};

use super::entry::Entry;
use super::failure::{Failure, FailureReason};
use super::plan::{Plan, Wait};
use super::{ended, meta, settle};

/// How long Chains may take, from the end of the build.
const SIGNING: SignedDuration = SignedDuration::from_mins(5);

/// A succeeded build that is not signed: one exact look at the deadline, then a terminal outcome. A signature that
/// comes later makes the build owed again.
pub(super) fn for_signature(build: &PipelineRun, entry: &Entry<'_>, now: Timestamp) -> Plan {
    let deadline = ended(build).saturating_add(SIGNING).unwrap_or(Timestamp::MAX);
    if now < deadline {
        return Plan { wait: Some(Wait::Until(deadline)), ..Plan::nothing("wait", "chains") };
    }
    let failure = Failure {
        reason: FailureReason::ChainsTimeout,
        about: format!("PipelineRun {}/{}", meta::namespace(build), meta::name(build)),
        detail: format!(
            "Tekton Chains did not set annotation {} within 5 minutes after the build ended; check that Chains runs.",
            keys::CHAINS_SIGNED
        ),
        meanwhile: "If the signature comes within 24 hours, the Snapshot is created.",
    };
    let lost = entry.owners.iter().map(|object| object.owner.clone()).collect();
    Plan { lost, ..settle::failed(build, &failure) }
}
