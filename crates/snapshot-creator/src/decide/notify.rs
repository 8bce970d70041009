//! Telling a PR group of a new or a failed build (SC-56, SC-59 … SC-62, SC-B17).
//!
//! The texts inform people and wake test-runner; no decision depends on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration_api::formats::{group_snapshot_text, truncate};
use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::owner::{Owner, OwnerKind};
use integration_core::snapshot;
use integration_core::{build, names};
use jiff::{SignedDuration, Timestamp};

use super::entry::{self, Entry, Found};
use super::plan::{Action, Because};
use super::related::{self, Related};
use super::world::World;
use super::{ended, meta};

/// How long after the end of a build its failure is told, and keeps it.
const TOLD_FOR: SignedDuration = SignedDuration::from_mins(10);
/// The same after somebody deleted the build.
const TOLD_AFTER_DELETION: SignedDuration = SignedDuration::from_mins(2);
/// Most bytes of a group's name in a text: every member carries it.
const GROUP_LIMIT: usize = 256;

/// Tells the newest Snapshots and the open builds of the group, once a state.
pub(super) fn decide(world: &World, build: &PipelineRun, now: Timestamp) -> Related {
    let mut related = Related::default();
    let Some(group) = related::pr_group(build) else { return related };
    let Some(news) = news(build, now) else { return related };
    let mark = news.mark(build);
    let others = world.group.builds.iter().map(|other| &**other);
    if meta::annotation(build, keys::GROUP_NOTIFIED) == Some(mark.as_str()) || !build::latest(build, others) {
        return related;
    }
    let Found::Entry(entry) = entry::find(world, build) else { return related };
    if entry.owners.is_empty() {
        return related;
    }
    let text = news.text(build, &group);
    let open = |object: &str, value: Option<&str>| {
        value != Some(text.as_str()) && world.related.told.get(object) != Some(&text)
    };
    for target in snapshots(world, build, &entry, news.cutoff(build)) {
        let (name, text) = (meta::name(&**target).to_owned(), text.clone());
        let object = format!("Snapshot {name}");
        if open(&object, meta::annotation(&**target, keys::CREATE_GROUP_SNAPSHOT_STATUS)) {
            related.write(world, &object, Action::TellSnapshot { snapshot: name, text });
        }
    }
    for target in builds(world, build, &entry, now) {
        let (name, text) = (meta::name(&**target).to_owned(), text.clone());
        let object = format!("PipelineRun {name}");
        if open(&object, meta::annotation(&**target, keys::CREATE_GROUP_SNAPSHOT_STATUS)) {
            related.write(world, &object, Action::TellBuild { build: name, text });
        }
    }
    if related.done() {
        related.marks.push((keys::GROUP_NOTIFIED, mark));
    } else if news == News::Failed {
        let until = deadline(build);
        related.holds = (now < until).then_some(until);
    }
    related.because.push(Because { decision: "notify_group", reason: news.word() });
    related
}

/// Until when the failure of a build keeps it (SC-B14, SC-B17).
pub(super) fn deadline(build: &PipelineRun) -> Timestamp {
    let later = |time: Timestamp, pause| time.saturating_add(pause).unwrap_or(Timestamp::MAX);
    let after_end = later(ended(build), TOLD_FOR);
    match &build.metadata.deletion_timestamp {
        Some(deleted) => after_end.min(later(deleted.0, TOLD_AFTER_DELETION)),
        None => after_end,
    }
}

/// Whether this is still the newest Snapshot of its owner, Component and version in the group.
pub(crate) fn newest<'a>(candidate: &Snapshot, group: impl IntoIterator<Item = &'a Arc<Snapshot>>) -> bool {
    let own = place(candidate);
    let mut rivals = group.into_iter().filter(|other| related::is_member(other) && place(other) == own);
    rivals.all(|other| snapshot::order(other) <= snapshot::order(candidate))
}

/// Owner, Component and version.
fn place(snapshot: &Snapshot) -> (Option<Owner>, Option<&str>, &str) {
    (Owner::of_snapshot(&snapshot.spec), meta::label(snapshot, keys::COMPONENT), snapshot::version(snapshot))
}

/// Whether the group still has to hear of the build as it is; then the group is looked at.
pub(crate) fn open(build: &PipelineRun, now: Timestamp) -> bool {
    news(build, now).is_some_and(|news| meta::annotation(build, keys::GROUP_NOTIFIED) != Some(&*news.mark(build)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    Incoming,
    Failed,
}

/// What there is to tell. Failures of the past are not told when the program takes over.
fn news(build: &PipelineRun, now: Timestamp) -> Option<News> {
    if related::running(build) {
        return Some(News::Incoming);
    }
    let failed = build.finished() && !build.succeeded();
    let fresh = meta::has_finalizer(build) || now.duration_since(ended(build)) < TOLD_FOR;
    (failed && fresh).then_some(News::Failed)
}

impl News {
    fn word(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Failed => "failed",
        }
    }

    /// Value of the annotation `group-notified`.
    fn mark(self, build: &PipelineRun) -> String {
        format!("{}/{}", self.word(), meta::uid(build))
    }

    /// Only Snapshots made before are told: a newer one knows.
    fn cutoff(self, build: &PipelineRun) -> Timestamp {
        match self {
            Self::Incoming => build.creation_time().unwrap_or(Timestamp::UNIX_EPOCH),
            Self::Failed => ended(build),
        }
    }

    fn text(self, build: &PipelineRun, group: &str) -> String {
        let (name, group) = (meta::name(build), truncate(group, GROUP_LIMIT));
        let component = build::component(build).unwrap_or_default();
        match self {
            Self::Incoming => format!(
                "Build PipelineRun {name} of component {component} has started; {} {group}.",
                group_snapshot_text::WAITING
            ),
            Self::Failed => format!(
                "Build PipelineRun {name} of component {component} failed, so it cannot join the group Snapshot of PR \
                 group {group}. Correct its pull request and push to it, or run the build again."
            ),
        }
    }
}

/// The newest Snapshot of each owner, Component and version, if it was made before.
fn snapshots<'a>(
    world: &'a World,
    build: &PipelineRun,
    entry: &Entry<'_>,
    cutoff: Timestamp,
) -> Vec<&'a Arc<Snapshot>> {
    let created = |snapshot: &Snapshot| snapshot.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let mut newest: BTreeMap<_, &Arc<Snapshot>> = BTreeMap::new();
    for candidate in world.group.snapshots.iter().filter(|candidate| related::is_member(candidate)) {
        let found = newest.entry(place(candidate)).or_insert(candidate);
        if snapshot::order(found) < snapshot::order(candidate) {
            *found = candidate;
        }
    }
    let mut told: Vec<_> = newest
        .into_values()
        .filter(|candidate| owned(world, build, entry, candidate))
        .filter(|candidate| created(candidate).is_none_or(|created| created <= cutoff))
        .collect();
    told.sort_by_key(|snapshot| meta::name(&***snapshot));
    told
}

/// Builds of other Components whose outcome is open, or whose Snapshot is still to come.
fn builds<'a>(world: &'a World, build: &PipelineRun, entry: &Entry<'_>, now: Timestamp) -> Vec<&'a Arc<PipelineRun>> {
    let snapshots = || world.group.snapshots.iter().map(|snapshot| &**snapshot);
    let awaited =
        |other: &PipelineRun| other.succeeded() && !build::expired(other, now) && !related::served(other, snapshots());
    world
        .group
        .builds
        .iter()
        .filter(|other| build::component(other).is_some_and(|name| Some(name) != build::component(build)))
        .filter(|other| member_of_owners(world, entry, other))
        .filter(|other| !other.finished() || awaited(other))
        .collect()
}

/// Whether the Snapshot belongs to an owner of the build, and is of a component that this owner lists.
fn owned(world: &World, build: &PipelineRun, entry: &Entry<'_>, candidate: &Snapshot) -> bool {
    let Some(owner) = Owner::of_snapshot(&candidate.spec) else { return false };
    let component = meta::label(candidate, keys::COMPONENT).unwrap_or_default();
    entry.owners.iter().filter(|object| object.owner == owner).any(|object| match object.group {
        Some(group) => group.spec.components.iter().any(|reference| {
            !reference.is_group()
                && names::label_value(&reference.name) == component
                && (snapshot::version(candidate).is_empty() || reference.version_name() == snapshot::version(candidate))
        }),
        None => {
            build::component(build).is_some_and(|name| names::label_value(name) == component)
                || world.siblings.iter().any(|sibling| names::label_value(meta::name(&**sibling)) == component)
        }
    })
}

/// Whether another build can join a group Snapshot of one of the owners.
fn member_of_owners(world: &World, entry: &Entry<'_>, other: &PipelineRun) -> bool {
    let component = build::component(other).unwrap_or_default();
    let version = build::version(other);
    entry.owners.iter().any(|object| match object.group {
        Some(group) => group.spec.components.iter().any(|reference| {
            !reference.is_group() && reference.name == component && reference.version_name() == version
        }),
        None => {
            object.owner.kind == OwnerKind::Application
                && version.is_empty()
                && world.siblings.iter().any(|sibling| meta::name(&**sibling) == component)
        }
    })
}
