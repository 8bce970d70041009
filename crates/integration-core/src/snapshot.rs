//! What a Snapshot is and where it stands (API-142, TR-2 … TR-9), read from metadata and conditions alone.

use integration_api::condition::{self, Condition};
use integration_api::formats::go_bool;
use integration_api::{Snapshot, keys};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::meta::{annotation, label};

/// Type of a Snapshot (TR-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Made for one build.
    Component,
    /// Made for the builds of one PR group.
    Group,
    /// Made by a person to replace candidates.
    Override,
    /// Anything else: made by hand, for a parent ComponentGroup, or after a Component was deleted.
    Other,
}

/// Type of a Snapshot: its label, byte for byte (TR-2).
pub fn type_of(snapshot: &Snapshot) -> Type {
    match label(&snapshot.metadata, keys::SNAPSHOT_TYPE) {
        Some(keys::TYPE_COMPONENT) => Type::Component,
        Some(keys::TYPE_GROUP) => Type::Group,
        Some(keys::TYPE_OVERRIDE) => Type::Override,
        _ => Type::Other,
    }
}

/// Whether the required tests ended, passed or failed (TR-5).
pub fn tests_finished(snapshot: &Snapshot) -> bool {
    tests_condition(snapshot).is_some_and(|condition| condition.status != condition::UNKNOWN)
}

/// Whether the required tests passed (TR-6, TR-7).
pub fn passed(snapshot: &Snapshot) -> bool {
    tests_condition(snapshot).is_some_and(|condition| condition.status == condition::TRUE)
}

/// Whether a required test failed (API-142).
pub fn failed(snapshot: &Snapshot) -> bool {
    tests_condition(snapshot).is_some_and(|condition| condition.status == condition::FALSE)
}

/// Whether the Snapshot is marked invalid (TR-7).
pub fn invalid(snapshot: &Snapshot) -> bool {
    integration_is(snapshot, condition::FALSE, condition::INVALID)
}

/// Whether nothing says invalid, whatever the condition's status; the release gate (TR-8).
pub fn valid(snapshot: &Snapshot) -> bool {
    integration_condition(snapshot).is_none_or(|condition| condition.reason != condition::INVALID)
}

/// Whether testing is not under way: it has not begun or has ended (TR-9).
pub fn not_started(snapshot: &Snapshot) -> bool {
    integration_condition(snapshot).is_none_or(|condition| condition.reason != condition::IN_PROGRESS)
}

/// Whether the Snapshot was canceled because a newer one replaced it (TR-7).
pub fn canceled(snapshot: &Snapshot) -> bool {
    integration_is(snapshot, condition::TRUE, condition::CANCELED)
}

/// Whether integration testing ended: finished or canceled (API-142).
pub fn integration_finished(snapshot: &Snapshot) -> bool {
    canceled(snapshot) || integration_is(snapshot, condition::TRUE, condition::FINISHED)
}

/// Whether automatic releases are settled (TR-7).
pub fn auto_released(snapshot: &Snapshot) -> bool {
    condition::find(&snapshot.status.conditions, condition::AUTO_RELEASED)
        .is_some_and(|condition| condition.status == condition::TRUE)
}

/// The condition `AppStudioIntegrationStatus`, else its legacy form.
pub fn integration_condition(snapshot: &Snapshot) -> Option<&Condition> {
    condition::find_with_legacy(&snapshot.status.conditions, condition::INTEGRATION_STATUS)
}

/// The condition `AppStudioTestSucceeded`, else its legacy form.
pub fn tests_condition(snapshot: &Snapshot) -> Option<&Condition> {
    condition::find_with_legacy(&snapshot.status.conditions, condition::TEST_SUCCEEDED)
}

/// Whether a backup tool wrote or restored the object; such Snapshots are left alone (TR-24, API-L26).
pub fn restored(meta: &ObjectMeta) -> bool {
    label(meta, keys::VELERO_BACKUP).is_some() || label(meta, keys::VELERO_RESTORE).is_some()
}

/// Start of the build behind the Snapshot, else the Snapshot's creation (TR-B45). An object without either is older
/// than every other.
pub fn start_time(snapshot: &Snapshot) -> Timestamp {
    build_start(snapshot).or_else(|| creation(&snapshot.metadata)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Start of the build behind the Snapshot, where it is recorded and readable.
pub fn build_start(snapshot: &Snapshot) -> Option<Timestamp> {
    annotation(&snapshot.metadata, keys::BUILD_START_TIME).and_then(parse_unix_time)
}

/// Unix time in milliseconds; up to 10 000 000 000 it is in seconds, as older objects have it (API-B27, TR-B45).
pub fn parse_unix_time(text: &str) -> Option<Timestamp> {
    const LARGEST_SECONDS: i64 = 10_000_000_000;
    let number: i64 = text.parse().ok()?;
    if number <= LARGEST_SECONDS {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

/// Version of the built component, `""` where none is recorded (D-4).
pub fn version(snapshot: &Snapshot) -> &str {
    annotation(&snapshot.metadata, keys::VERSION).unwrap_or_default()
}

/// Whether a person asked never to supersede this Snapshot (TR-15).
pub fn ignore_supersession(snapshot: &Snapshot) -> bool {
    annotation(&snapshot.metadata, keys::IGNORE_SUPERSESSION).is_some_and(go_bool)
}

/// Whether the Snapshot was made for the parent of the ComponentGroup whose Snapshot it names (API-A28).
pub fn is_parent(snapshot: &Snapshot) -> bool {
    annotation(&snapshot.metadata, keys::CHILD_SNAPSHOT).is_some()
}

/// Place of a Snapshot among its siblings: larger is newer. A total order (03 M2).
pub fn order(snapshot: &Snapshot) -> impl Ord + use<'_> {
    let members = annotation(&snapshot.metadata, keys::GROUP_MEMBERS).map_or(0, |members| members.split(',').count());
    (start_time(snapshot), creation(&snapshot.metadata), members, snapshot.metadata.name.as_deref())
}

fn creation(meta: &ObjectMeta) -> Option<Timestamp> {
    meta.creation_timestamp.as_ref().map(|time| time.0)
}

fn integration_is(snapshot: &Snapshot, status: &str, reason: &str) -> bool {
    integration_condition(snapshot).is_some_and(|condition| condition.status == status && condition.reason == reason)
}

#[cfg(test)]
mod tests;
