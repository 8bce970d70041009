//! Names of the objects the service creates: pure functions of their cause (API-270, SC-B9, TR-B49).
//!
//! The last cause, `k`, is 0; k + 1 is tried while the name belongs to something else, up to [`LAST_K`].

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::Offset;
use sha2::{Digest as _, Sha256};

use crate::owner::Owner;

/// The last `k` that is tried; after it the names are used up (`name_exhausted`).
pub const LAST_K: u8 = 4;

/// Longest name that is also a label value and a DNS label.
const LONGEST: usize = 63;

/// Name of a component Snapshot (SC-B9). `start` is the start of the build, else its creation, never now.
pub fn component_snapshot(owner: &Owner, start: Timestamp, build_uid: &str, k: u8) -> String {
    let kind = owner.kind.to_string();
    let suffix = hash(5, &["snapshot", &kind, &owner.name, build_uid, &k.to_string()]);
    snapshot(&owner.name, start, &suffix)
}

/// Name of a group Snapshot. `newest_start` is the newest start of its members; the order of the uids does not matter.
pub fn group_snapshot(owner: &str, owner_uid: &str, newest_start: Timestamp, member_uids: &[&str], k: u8) -> String {
    let suffix = hash(5, &with_set(&["grp", owner_uid], member_uids, &k.to_string()));
    snapshot(owner, newest_start, &suffix)
}

/// Name of the Snapshot of a ComponentGroup that contains the child's one. `child_start` is the child's start time.
pub fn parent_snapshot(parent: &str, parent_uid: &str, child_start: Timestamp, child_uid: &str, k: u8) -> String {
    let suffix = hash(5, &["par", child_uid, parent_uid, &k.to_string()]);
    snapshot(parent, child_start, &suffix)
}

/// Name of the Snapshot made after Components were deleted (AR-X1). `newest_deletion` is the newest deletion time of
/// the set; the order of the uids does not matter.
pub fn regenerated_snapshot(
    application: &str,
    application_uid: &str,
    newest_deletion: Timestamp,
    component_uids: &[&str],
    k: u8,
) -> String {
    let suffix = hash(5, &with_set(&["del", application_uid], component_uids, &k.to_string()));
    snapshot(application, newest_deletion, &suffix)
}

/// Name of a test PipelineRun. `prefix` is the scenario's name, or what a resolved document calls itself.
pub fn test_pipeline_run(prefix: &str, snapshot_uid: &str, scenario: &str, attempt: u32, k: u8) -> String {
    let suffix = hash(8, &["plr", snapshot_uid, scenario, &attempt.to_string(), &k.to_string()]);
    join(&subdomain(prefix, 54), &suffix)
}

/// Name of a ResolutionRequest; `try_number` counts the tries of one attempt from 0.
pub fn resolution_request(snapshot_uid: &str, scenario: &str, attempt: u32, try_number: u32) -> String {
    let suffix = hash(8, &["rr", snapshot_uid, scenario, &attempt.to_string(), &try_number.to_string()]);
    join(&subdomain(scenario, 54), &suffix)
}

/// Name of a Release. The first seven bytes of the commit are shown where it is known.
pub fn release(snapshot: &str, sha: Option<&str>, snapshot_uid: &str, plan: &str, k: u8) -> String {
    let prefix = match sha.filter(|sha| !sha.is_empty()) {
        Some(sha) => Cow::Owned(format!("{snapshot}-{}", first_bytes(sha, 7))),
        None => Cow::Borrowed(snapshot),
    };
    let suffix = hash(5, &["rel", snapshot_uid, plan, &k.to_string()]);
    join(&subdomain(&prefix, 57), &suffix)
}

/// What the names of nudge objects end with (API-213).
pub fn nudge_suffix(build_uid: &str) -> String {
    let mut text = hex(build_uid);
    text.truncate(12);
    text
}

/// A name as label value, for writing, selecting and comparing alike (API-B24): the name itself where it is a valid
/// label value, else its beginning and a hash.
pub fn label_value(name: &str) -> Cow<'_, str> {
    if is_label_value(name) {
        return Cow::Borrowed(name);
    }
    let beginning: String = first_bytes(name, 54)
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.') { char } else { '-' })
        .collect();
    let mut digest = hex(name);
    digest.truncate(8);
    Cow::Owned(join(beginning.trim_start_matches(['-', '_', '.']), &digest))
}

/// Whether the text may stand as a label value.
fn is_label_value(text: &str) -> bool {
    let inner = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    let outer = |char: char| char.is_ascii_alphanumeric();
    text.is_empty()
        || text.len() <= LONGEST && text.chars().all(inner) && text.starts_with(outer) && text.ends_with(outer)
}

/// `<prefix>-YYYYMMDD-HHMMSS-mmm-<suffix>` in UTC, at most 63 characters.
fn snapshot(prefix: &str, time: Timestamp, suffix: &str) -> String {
    let cut = cut(&dns_label(prefix), 37);
    join(&join(&cut, &date(time)), suffix)
}

/// Joins with `-`; an empty prefix leaves no dash behind.
fn join(prefix: &str, rest: &str) -> String {
    if prefix.is_empty() { rest.to_owned() } else { format!("{prefix}-{rest}") }
}

/// The time as it stands in Snapshot names, in UTC.
fn date(time: Timestamp) -> String {
    let time = Offset::UTC.to_datetime(time);
    format!(
        "{:04}{:02}{:02}-{:02}{:02}{:02}-{:03}",
        // No name has room for a minus.
        time.year().max(0),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.millisecond()
    )
}

/// Characters that a DNS label does not allow become `-`; a `.` would make a Snapshot unreleasable (API-100).
fn dns_label(text: &str) -> String {
    let allowed = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let label: String = text.chars().map(|char| if allowed(char) { char } else { '-' }).collect();
    label.trim_start_matches('-').to_owned()
}

/// The text itself where it is a valid prefix of an object name after cutting, else a DNS label.
fn subdomain(text: &str, limit: usize) -> String {
    let label = |label: &str| {
        let allowed = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
        label.chars().all(|char| allowed(char) || char == '-') && label.starts_with(allowed) && label.ends_with(allowed)
    };
    let whole = cut(text, limit);
    if whole.split('.').all(label) { whole } else { cut(&dns_label(text), limit) }
}

/// The first `limit` bytes without trailing `-`, `_` and `.`.
fn cut(text: &str, limit: usize) -> String {
    first_bytes(text, limit).trim_end_matches(['-', '_', '.']).to_owned()
}

/// The first `limit` bytes, less where they would end inside a character.
fn first_bytes(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

fn with_set<'a>(first: &[&'a str], set: &[&'a str], last: &'a str) -> Vec<&'a str> {
    let mut set = set.to_vec();
    set.sort_unstable();
    [first, &set, &[last]].concat()
}

/// The first `length` characters of the lower-case unpadded base32 of SHA-256 over the causes, one a line.
fn hash(length: usize, causes: &[&str]) -> String {
    const ALPHABET: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
        'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
    ];
    let digest = Sha256::digest(causes.join("\n"));
    // The first eight bytes hold twelve characters, more than any name takes.
    let bits = digest.iter().take(8).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    (1..=length).filter_map(|index| ALPHABET.get(usize::try_from(bits >> (64 - 5 * index) & 31).ok()?)).collect()
}

/// SHA-256 of the text in lower-case hexadecimal.
pub(crate) fn hex(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
