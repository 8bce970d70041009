//! Deleted Components of an Application that stays (AR-8 … AR-12, AR-X1, AR-X4, AR-X6, AR-X11).

use std::collections::BTreeSet;
use std::sync::Arc;

use integration_api::{Application, Component};
use integration_core::names::LAST_K;
use jiff::{SignedDuration, Timestamp};

use super::content::{self, Remaining};
use super::{Never, Notice, Plan, Question, Tries, World, meta};

/// Deletions that follow each other without end do not hold the first Component for longer.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
/// Refusals after which a Snapshot is given up (AR-X4).
const REFUSALS: u32 = 3;
/// How long failures of any other kind are retried.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Plans the Snapshot that is owed, or lets the deleted Components go.
pub(super) fn decide(world: &World, application: &Application, now: Timestamp, plan: &mut Plan) {
    // Without our finalizer a Component is none of our business (AR-X11).
    let owed: Vec<&Arc<Component>> =
        world.components.iter().filter(|component| meta::terminating(&***component) && meta::held(component)).collect();
    let Some(due) = due(&owed, world.wait) else { return };
    if now < due {
        plan.look_again = Some(due);
        plan.because("wait", "further_deletions");
        return;
    }
    // A Snapshot for an Application that is gone, or a second one, could not be taken back (AR-X1, AR-X5).
    if !world.application_read {
        plan.ask.push(Question::Application);
    }
    let Some(snapshots) = &world.snapshots else {
        plan.ask.push(Question::Snapshots);
        return;
    };
    if !plan.ask.is_empty() {
        return;
    }

    let mut fresh = Vec::new();
    let mut served = Vec::new();
    let mut by = BTreeSet::new();
    for component in owed {
        match snapshots.iter().find(|snapshot| content::made_for(snapshot).any(|uid| uid == meta::uid(&**component))) {
            Some(snapshot) => {
                by.insert(meta::name(&**snapshot));
                served.push(component);
            }
            None => fresh.push(component),
        }
    }
    let told = by.into_iter().map(|name| Notice {
        warning: false,
        reason: "SnapshotCreated",
        note: format!("Snapshot {name} holds the Components that remain after a deletion"),
    });
    plan.events.extend(told);
    plan.release(served.into_iter(), "snapshot_exists");
    if !fresh.is_empty() {
        create(world, application, &fresh, now, plan);
    }
}

/// When no further deletion is waited for: a while after the newest one.
fn due(owed: &[&Arc<Component>], wait: SignedDuration) -> Option<Timestamp> {
    let times = || owed.iter().filter_map(|component| content::deleted_at(component));
    let after = |time: Timestamp, wait| time.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let longest = after(times().min()?, LONGEST_WAIT.max(wait));
    Some(after(times().max()?, wait).min(longest))
}

fn create(world: &World, application: &Application, deleted: &[&Arc<Component>], now: Timestamp, plan: &mut Plan) {
    let uids = content::uids(deleted);
    let tries = if world.tries.set == uids { world.tries.clone() } else { Tries::default() };
    let give_up = |plan: &mut Plan, reason, why: Option<String>| {
        plan.events.extend(why.map(|why| {
            let names: Vec<_> = deleted.iter().map(|component| meta::name(&***component)).collect();
            let note = format!("No Snapshot after the deletion of {}: {why}", names.join(", "));
            Notice { warning: true, reason: "SnapshotNotCreated", note }
        }));
        plan.release(deleted.iter().copied(), reason);
    };
    if let Some((reason, why)) = given_up(&tries, now) {
        return give_up(plan, reason, why);
    }
    match content::remaining(world) {
        // AR-11
        Remaining::Nothing => give_up(plan, "nothing_remains", None),
        Remaining::Unusable(left_out) => {
            give_up(plan, "nothing_usable", Some(format!("no other Component can be in it ({left_out})")));
        }
        Remaining::Components(remaining) => {
            plan.because("create", "owed");
            plan.create = Some(content::snapshot(world, application, deleted, *remaining, tries.names_taken));
        }
    }
}

/// Why no Snapshot is tried any more, as a word and for people, if it is so.
fn given_up(tries: &Tries, now: Timestamp) -> Option<(&'static str, Option<String>)> {
    let told = |what: &str| Some(format!("{what}: {}", tries.words));
    match tries.never {
        Some(Never::Invalid) => return Some(("invalid", told("the API server does not accept it"))),
        // Events cannot be created there either.
        Some(Never::NamespaceTerminating) => return Some(("namespace_terminating", None)),
        None => {}
    }
    if tries.names_taken > LAST_K {
        return Some(("name_exhausted", Some("all its names belong to other Snapshots".to_owned())));
    }
    if tries.refused >= REFUSALS {
        return Some(("refused", told("the API server refused it three times")));
    }
    let expired = |since: Timestamp| now.duration_since(since) >= PATIENCE;
    tries.since.is_some_and(expired).then(|| ("out_of_patience", told("it could not be created within an hour")))
}
