//! What is watched, and which change wakes which key.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::time::Duration;

use integration_api::{Application, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot, keys};
use integration_core::owner::Owner;
use integration_core::snapshot as snapshots;
use integration_runtime::{
    ApiError, Change, Disposition, ObjectKey, Program, Queue, Reconciler, Right, SettingsError, Setup, Store, Watch,
};

use crate::act::Actor;
use crate::decide::{report, verdict};
use crate::metrics::{self, Metrics};
use crate::observe::{BY_OWNER, BY_SNAPSHOT, Observer};
use crate::world::{Decision, VerdictPlan};
use crate::{run, trim};

/// Pause after a PipelineRun that was changed by others each time we tried.
const PAUSE: Duration = Duration::from_secs(2);

/// The program.
#[derive(Debug)]
pub struct StatusReporter;

/// No settings of its own yet.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {}

impl Program for StatusReporter {
    const NAME: &'static str = "status-reporter";
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    // HC-20
    const RIGHTS: &'static [Right] = &[
        Right { group: "tekton.dev", resource: "pipelineruns", verbs: &["get", "list", "watch", "patch"] },
        Right { group: "tekton.dev", resource: "taskruns", verbs: &["list"] },
        Right { group: "pipelinesascode.tekton.dev", resource: "repositories", verbs: &["get", "list", "watch"] },
        Right { group: "appstudio.redhat.com", resource: "snapshots", verbs: &["get", "list", "watch", "patch"] },
        Right { group: "appstudio.redhat.com", resource: "snapshots/status", verbs: &["patch"] },
        Right { group: "appstudio.redhat.com", resource: "components", verbs: &["get", "list", "watch"] },
        Right { group: "appstudio.redhat.com", resource: "applications", verbs: &["get", "list", "watch"] },
        Right { group: "appstudio.redhat.com", resource: "componentgroups", verbs: &["get", "list", "watch"] },
        Right { group: "appstudio.redhat.com", resource: "integrationtestscenarios", verbs: &["get", "list", "watch"] },
        Right { group: "", resource: "secrets", verbs: &["get"] },
    ];
    type Settings = Settings;

    fn start(setup: &mut Setup, _: Settings) -> Result<(), SettingsError> {
        let context = setup.context();
        let metrics = Metrics::new(context.registry()).map_err(|error| SettingsError(error.to_string()))?;
        let held_too_long = metrics::held(&context).map_err(|error| SettingsError(error.to_string()))?;
        let verdicts = setup.queue("verdict");
        let reports = setup.queue("report");
        let snapshots = setup.watch(watch_snapshots(verdicts.clone(), reports.clone()));
        let runs = setup.watch(watch_runs(reports.clone()));
        let unfinished = Unfinished { snapshots: snapshots.clone(), verdicts: verdicts.clone() };
        let scenarios = setup.watch(watch_scenarios(unfinished.clone()));
        let groups = unfinished.clone();
        let groups = Watch::<ComponentGroup>::new().trim(trim::component_group).on_change(move |change| {
            owner_changed(&groups, &change, Owner::component_group);
        });
        let groups = setup.watch(groups);
        let applications = Watch::<Application>::new().trim(trim::application).on_change(move |change| {
            owner_changed(&unfinished, &change, Owner::application);
        });
        let applications = setup.watch(applications);

        let observer = Observer {
            context: context.clone(),
            snapshots: snapshots.clone(),
            scenarios,
            runs: runs.clone(),
            applications,
            groups,
        };
        let actor = Actor { context, snapshots: snapshots.clone(), runs: runs.clone(), metrics, held_too_long };
        let judge = Judge { observer: observer.clone(), actor: actor.clone() };
        setup.serve(&verdicts, judge, move || snapshots.keys());
        setup.serve(&reports, Releaser { observer, actor }, move || held(&runs));
        Ok(())
    }
}

/// Selects test PipelineRuns.
fn tests_only() -> String {
    format!("{}={}", keys::PIPELINE_TYPE, keys::PIPELINE_TEST)
}

fn watch_snapshots(verdicts: Queue, reports: Queue) -> Watch<Snapshot> {
    let owner = |snapshot: &Snapshot| Owner::of_snapshot(&snapshot.spec).map(|owner| owner.to_string());
    Watch::new().trim(trim::snapshot).index(BY_OWNER, move |snapshot| owner(snapshot).into_iter().collect()).on_change(
        move |change: Change<'_, Snapshot>| {
            let Some(after) = change.after else { return };
            let same = |before: &Snapshot| {
                let (before, after) = (&before.metadata, &after.metadata);
                before.labels == after.labels
                    && before.annotations == after.annotations
                    && before.deletion_timestamp == after.deletion_timestamp
            };
            let key = ObjectKey::of(&**after);
            if !change.before.is_some_and(|before| same(before)) {
                reports.wake(key.clone());
            } else if change.before.is_some_and(|before| before.status == after.status) {
                return;
            }
            verdicts.wake(key);
        },
    )
}

fn watch_runs(reports: Queue) -> Watch<PipelineRun> {
    Watch::new()
        .labels(&tests_only())
        .trim(trim::pipeline_run)
        .index(BY_SNAPSHOT, |run| run::snapshot_name(run).into_iter().collect())
        .on_change(move |change: Change<'_, PipelineRun>| {
            // Tekton changes a PipelineRun all the time; only a finalizer that is new to us, or gone, matters.
            let held_before = change.before.is_some_and(|run| run::held(run));
            let held_after = change.after.is_some_and(|run| run::held(run));
            if held_before != held_after
                && let Some(run) = change.newest()
                && let Some(snapshot) = run::snapshot_name(run)
            {
                reports.wake(ObjectKey::new(&ObjectKey::of(&**run).namespace, &snapshot));
            }
        })
}

fn watch_scenarios(unfinished: Unfinished) -> Watch<IntegrationTestScenario> {
    let owner = |scenario: &IntegrationTestScenario| Owner::of_scenario(scenario).map(|owner| owner.to_string());
    Watch::new().trim(trim::scenario).index(BY_OWNER, move |scenario| owner(scenario).into_iter().collect()).on_change(
        move |change: Change<'_, IntegrationTestScenario>| {
            let owners: BTreeSet<_> = [change.before, change.after]
                .into_iter()
                .flatten()
                .filter_map(|scenario| Some((ObjectKey::of(&**scenario).namespace, Owner::of_scenario(scenario)?)))
                .collect();
            for (namespace, owner) in owners {
                unfinished.wake(&namespace, &owner);
            }
        },
    )
}

/// Wakes the Snapshots whose verdict may depend on a changed owner or scenario.
#[derive(Clone)]
struct Unfinished {
    snapshots: Store<Snapshot>,
    verdicts: Queue,
}

impl Unfinished {
    fn wake(&self, namespace: &str, owner: &Owner) {
        for snapshot in self.snapshots.lookup(BY_OWNER, namespace, &owner.to_string()) {
            if !snapshots::tests_finished(&snapshot) {
                self.verdicts.wake(ObjectKey::of(&*snapshot));
            }
        }
    }
}

/// An owner that appears ends the wait for it (RR-B36); other changes of it matter to no verdict.
fn owner_changed<K: kube::Resource<DynamicType = ()>>(
    unfinished: &Unfinished,
    change: &Change<'_, K>,
    owner: fn(String) -> Owner,
) {
    if let (None, Some(after)) = (change.before, change.after) {
        let key = ObjectKey::of(&**after);
        unfinished.wake(&key.namespace, &owner(key.name.to_string()));
    }
}

/// The Snapshots of PipelineRuns that hold the finalizer.
fn held(runs: &Store<PipelineRun>) -> Vec<ObjectKey> {
    let known = runs.keys();
    let snapshot = |key: &ObjectKey| {
        let run = runs.get(&key.namespace, &key.name).filter(|run| run::held(run))?;
        Some(ObjectKey::new(&key.namespace, &run::snapshot_name(&run)?))
    };
    known.iter().filter_map(snapshot).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Works on verdicts.
struct Judge {
    observer: Observer,
    actor: Actor,
}

impl Reconciler for Judge {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        match self.judge(&key).await {
            Ok(plan) => plan
                .look_again_ms
                .map_or(Disposition::Done, |wait| Disposition::RequeueAfter(Duration::from_millis(wait))),
            Err(error) => Disposition::Backoff(error),
        }
    }
}

impl Judge {
    async fn judge(&self, key: &ObjectKey) -> Result<VerdictPlan, ApiError> {
        let Some(mut world) = self.observer.verdict(key) else { return Ok(VerdictPlan::default()) };
        let now = self.observer.context.now();
        let mut plan = verdict::decide(&world, now);
        if plan.need_owner {
            self.observer.fetch_owner(key, &mut world).await?;
            plan = verdict::decide(&world, now);
        }
        if plan.verdict.is_some() {
            plan = self.actor.verdict(&world, now).await?.unwrap_or_default();
        } else if plan.run_label.is_some() {
            self.actor.request_run(&world, now).await?;
        }
        tell(&self.observer, key, plan.decision);
        self.actor.events(&world.snapshot, &[], std::mem::take(&mut plan.events)).await;
        Ok(plan)
    }
}

/// Works on finalizers.
struct Releaser {
    observer: Observer,
    actor: Actor,
}

impl Reconciler for Releaser {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        let Some(world) = self.observer.report(&key) else {
            self.actor.held_too_long.set(&key, 0);
            return Disposition::Done;
        };
        let plan = report::decide(&world, self.observer.context.now());
        let mut disposition = Disposition::Done;
        for run in world.runs.iter().filter(|run| plan.release.iter().any(|name| name == run::name(run))) {
            // One error neither stops nor repeats the others (RR-B37).
            disposition = disposition.and(match self.actor.release(run).await {
                Ok(true) => Disposition::Done,
                Ok(false) => Disposition::RequeueAfter(PAUSE),
                Err(error) => Disposition::Backoff(error),
            });
        }
        self.actor.held_too_long.set(&key, plan.overdue.len());
        tell(&self.observer, &key, plan.decision);
        self.actor.events(&world.snapshot, &world.runs, plan.events).await;
        disposition
    }
}

/// Metric and log of a decision; what needs nothing is not worth a word.
fn tell(observer: &Observer, key: &impl Display, decided: Decision) {
    let Decision { decision, reason } = decided;
    if matches!(decision, "" | "settled" | "waiting") || reason == "no_status" {
        return;
    }
    observer.context.decision(decision, reason);
    tracing::debug!(snapshot = %key, decision, reason, "decided");
}

#[cfg(test)]
mod tests;
