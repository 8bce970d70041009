//! Which PipelineRun may write the entry of its scenario (RR-B3, RR-B4, M1 rows 6, 12, 13).

use integration_api::PipelineRun;
use integration_api::test_status::{Entry, StatusArray, TestStatus};
use jiff::{SignedDuration, Timestamp};

use crate::run;
use crate::world::{Need, ReleaseCause, WINDOW, World};

/// What an entry makes of a PipelineRun of its scenario.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Its outcome belongs into the entry.
    Accepted,
    /// Its outcome is in the entry and stays there (RR-B4).
    Frozen,
    /// The same, but the entry lost the number of the attempt (M1 row 13).
    FrozenWithoutAttempt,
    /// Its outcome does not count; nobody but us releases it (H2).
    Dropped(ReleaseCause, &'static str),
    /// The array has something unreadable for this scenario, which is kept (RR-B1).
    Unreadable,
    /// Another PipelineRun has to be looked at first.
    Need(Need),
}

/// First match decides.
pub fn claim(world: &World, array: &StatusArray, scenario: &str, pipeline_run: &PipelineRun, now: Timestamp) -> Claim {
    if run::cancelled(pipeline_run) {
        return Claim::Dropped(ReleaseCause::Cancelled, "cancelled");
    }
    let Some(entry) = array.get(scenario) else {
        if array.has_opaque(scenario) {
            return Claim::Unreadable;
        }
        if ended_before_window(pipeline_run, now) {
            return Claim::Dropped(ReleaseCause::History, "history");
        }
        return Claim::Accepted;
    };
    let (attempt, recorded) = (run::attempt(pipeline_run), entry.attempt());
    let named = entry.pipeline_run == run::name(pipeline_run);
    if attempt < recorded {
        return Claim::Dropped(ReleaseCause::Superseded, "older_attempt");
    }
    let fixed = entry.status.is_final();
    if attempt > recorded {
        return if named && fixed { Claim::FrozenWithoutAttempt } else { Claim::Accepted };
    }
    match (named, fixed) {
        (true, true) => Claim::Frozen,
        (true, false) => Claim::Accepted,
        // A final entry without a run was never one of ours to fill; only a newer attempt replaces it (M1).
        (false, true) if entry.pipeline_run.is_empty() => Claim::Dropped(ReleaseCause::Superseded, "final_without_run"),
        (false, _) if entry.pipeline_run.is_empty() => Claim::Accepted,
        (false, _) => against_other(world, entry, pipeline_run),
    }
}

/// Two PipelineRuns of the same attempt, made by the reference: the later one counts.
fn against_other(world: &World, entry: &Entry, pipeline_run: &PipelineRun) -> Claim {
    let created = pipeline_run.creation_time().unwrap_or(Timestamp::MIN);
    let here = world.runs.iter().find(|other| run::name(other) == entry.pipeline_run);
    let other = match here {
        Some(other) => Some(other.creation_time().unwrap_or(Timestamp::MIN)),
        None => match world.other_runs.get(&entry.pipeline_run) {
            Some(creation) => *creation,
            None => return Claim::Need(Need::Run(entry.pipeline_run.clone())),
        },
    };
    let rival = other.unwrap_or_else(|| whole_second(entry.start_time.unwrap_or(entry.last_update_time)));
    if created > rival { Claim::Accepted } else { Claim::Dropped(ReleaseCause::Superseded, "older_run") }
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Whether it ended longer ago than anybody waits for its result.
pub fn ended_before_window(pipeline_run: &PipelineRun, now: Timestamp) -> bool {
    run::end(pipeline_run).is_some_and(|end| now.duration_since(end) > WINDOW)
}

/// What a running PipelineRun makes of the entry that accepts it: when InProgress is due as a repair (RR-B51).
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// Nothing to write, for this reason.
    Nothing(&'static str),
    /// Due in that time.
    Wait(SignedDuration),
    /// Due now.
    Due,
}

/// The runner of tests writes InProgress itself, within moments of the creation; only where that did not happen it is
/// written here.
pub fn start(entry: Option<&Entry>, pipeline_run: &PipelineRun, now: Timestamp) -> Start {
    const GRACE: SignedDuration = SignedDuration::from_secs(5);
    if pipeline_run.start_time().is_none() {
        return Start::Nothing("not_started");
    }
    if let Some(entry) = entry {
        let named = entry.pipeline_run == run::name(pipeline_run);
        let newer = run::attempt(pipeline_run) > entry.attempt();
        if entry.status == TestStatus::InProgress && named && !newer {
            return Start::Nothing("in_progress");
        }
        if entry.status.is_final() && !newer {
            return Start::Nothing("final");
        }
    }
    let age = now.duration_since(pipeline_run.creation_time().unwrap_or(now));
    if age >= GRACE { Start::Due } else { Start::Wait(GRACE - age) }
}
