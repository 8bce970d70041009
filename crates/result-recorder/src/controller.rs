//! What is watched, and which change wakes which key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use integration_api::test_status::{UnknownWarningWireName, WarningWireName};
use integration_api::{PipelineRun, Snapshot, keys};
use integration_runtime::{
    ApiError, Change, Disposition, EventType, ObjectKey, Program, Queue, Reconciler, Right, SettingsError, Setup,
    Store, Watch,
};

use crate::act::{Actor, Events};
use crate::console::ConsoleUrl;
use crate::decide::{decide, stray};
use crate::metrics::{self, Metrics};
use crate::observe::{BY_SNAPSHOT, Observer};
use crate::world::{Plan, Rules, World};
use crate::{run, trim};
/// Steps of one reconcile: facts, record, facts for the release, patches, and as many again after conflicts.
const STEPS: usize = 12;
/// Pause after that many.
const PAUSE: Duration = Duration::from_secs(1);

/// The program.
#[derive(Debug)]
pub struct ResultRecorder;

/// Settings from the command line and the environment.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Web page of a PipelineRun, with placeholders {{NAMESPACE}} and {{PIPELINE_RUN_NAME}}
    #[arg(long, env, default_value = "", hide_default_value = true)]
    console_url: String,
    /// Name under which a test that passed with warnings is stored: BuildPLRInProgress or TestWarning
    #[arg(long, env, default_value = "", hide_default_value = true, value_parser = warning_wire_name)]
    warning_wire_name: WarningWireName,
}

/// Empty means the default, as for every setting of the reference.
fn warning_wire_name(text: &str) -> Result<WarningWireName, UnknownWarningWireName> {
    if text.is_empty() { Ok(WarningWireName::default()) } else { text.parse() }
}

impl Program for ResultRecorder {
    const NAME: &'static str = "result-recorder";
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    // HC-20
    const RIGHTS: &'static [Right] = &[
        Right { group: "tekton.dev", resource: "pipelineruns", verbs: &["get", "list", "watch", "patch"] },
        Right { group: "tekton.dev", resource: "taskruns", verbs: &["list"] },
        Right { group: "appstudio.redhat.com", resource: "snapshots", verbs: &["get", "list", "watch", "patch"] },
    ];
    type Settings = Settings;

    fn start(setup: &mut Setup, settings: Settings) -> Result<(), SettingsError> {
        let context = setup.context();
        let metrics = Metrics::new(context.registry()).map_err(|error| SettingsError(error.to_string()))?;
        let held_too_long = metrics::held(&context).map_err(|error| SettingsError(error.to_string()))?;
        let rules =
            Arc::new(Rules { console: ConsoleUrl::new(&settings.console_url), warning: settings.warning_wire_name });
        let results = setup.queue("results");
        let strays = setup.queue("strays");
        let runs = setup.watch(watch_runs(results.clone(), strays.clone()));
        let snapshots = setup.watch(watch_snapshots(results.clone()));
        let observer = Observer { context: context.clone(), runs: runs.clone(), snapshots: snapshots.clone(), rules };
        let actor = Actor { context, runs: runs.clone(), snapshots, metrics, held_too_long };
        let recorder = Recorder { observer: observer.clone(), actor: actor.clone() };
        setup.serve(&results, recorder, keys_of(runs.clone(), |run| run::place(run).map(|place| place.snapshot)));
        let unplaced = keys_of(runs, |run| run::place(run).is_none().then(|| run::name(run).to_owned()));
        setup.serve(&strays, Strays { observer, actor }, unplaced);
        Ok(())
    }
}

fn watch_runs(results: Queue, strays: Queue) -> Watch<PipelineRun> {
    Watch::new()
        .labels(&tests_only())
        .trim(trim::pipeline_run)
        .index(BY_SNAPSHOT, |run| run::place(run).map(|place| place.snapshot).into_iter().collect())
        .on_change(move |change: Change<'_, PipelineRun>| {
            for run in [change.before, change.after].into_iter().flatten() {
                let key = ObjectKey::of(&**run);
                match run::place(run) {
                    Some(place) => results.wake(ObjectKey::new(&key.namespace, &place.snapshot)),
                    None => strays.wake(key),
                }
            }
        })
}

/// Selects test PipelineRuns.
fn tests_only() -> String {
    format!("{}={}", keys::PIPELINE_TYPE, keys::PIPELINE_TEST)
}

fn watch_snapshots(results: Queue) -> Watch<Snapshot> {
    Watch::new().trim(trim::snapshot).on_change(move |change: Change<'_, Snapshot>| {
        let same = |a: &Snapshot, b: &Snapshot| a.status == b.status && same_metadata(a, b);
        if let (Some(before), Some(after)) = (change.before, change.after)
            && same(before, after)
        {
            return;
        }
        if let Some(snapshot) = change.newest() {
            results.wake(ObjectKey::of(&**snapshot));
        }
    })
}

fn same_metadata(a: &Snapshot, b: &Snapshot) -> bool {
    let (a, b) = (&a.metadata, &b.metadata);
    a.uid == b.uid
        && a.labels == b.labels
        && a.annotations == b.annotations
        && a.deletion_timestamp == b.deletion_timestamp
}

/// The distinct keys of a queue, taken from the PipelineRuns known.
fn keys_of(
    runs: Store<PipelineRun>,
    name: fn(&PipelineRun) -> Option<String>,
) -> impl Fn() -> Vec<ObjectKey> + Send + Sync + 'static {
    move || {
        let known = runs.keys();
        let all = known
            .iter()
            .filter_map(|key| Some(ObjectKey::new(&key.namespace, &name(&*runs.get(&key.namespace, &key.name)?)?)));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// Works on Snapshots.
struct Recorder {
    observer: Observer,
    actor: Actor,
}

impl Reconciler for Recorder {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        let mut pass = Pass {
            observer: &self.observer,
            actor: &self.actor,
            key: &key,
            world: self.observer.snapshot(&key),
            events: Vec::new(),
            failure: None,
        };
        let look_again = pass.run().await;
        let Pass { world, events, failure, .. } = pass;
        self.actor.events(&world, events).await;
        disposition(look_again, failure)
    }
}

/// One reconcile of a Snapshot.
struct Pass<'a> {
    observer: &'a Observer,
    actor: &'a Actor,
    key: &'a ObjectKey,
    world: World,
    events: Events,
    failure: Option<ApiError>,
}

impl Pass<'_> {
    /// Decides and acts, step by step, until nothing is left to do. Returns when to look again.
    async fn run(&mut self) -> Option<Duration> {
        for _ in 0..STEPS {
            let now = self.observer.context.now();
            let plan = decide(&self.world, now);
            if !plan.needs.is_empty() {
                self.fetch(&plan).await;
            } else if plan.record.is_some() {
                if let Err(error) = self.actor.record(&mut self.world, now, &mut self.events).await {
                    self.failure = Some(error);
                    return None;
                }
            } else if self.patch(&plan).await {
                self.finish(plan.events.clone(), &plan);
                return plan.look_again_ms.map(Duration::from_millis);
            }
        }
        Some(PAUSE)
    }

    async fn fetch(&mut self, plan: &Plan) {
        for need in &plan.needs {
            if let Err(error) = self.observer.fetch(self.key, need, &mut self.world).await {
                self.world.failed.insert(need.clone());
                self.failure.get_or_insert(error);
            }
        }
    }

    /// Patches every PipelineRun that needs it; one error does not stop the others (RR-B37). Returns whether nothing has
    /// to be decided again.
    async fn patch(&mut self, plan: &Plan) -> bool {
        let mut settled = true;
        for patch in &plan.runs {
            let Some(run) = self.world.runs.iter_mut().find(|run| run::name(run) == patch.run) else { continue };
            match self.actor.patch_run(run, patch).await {
                Ok(None) => {}
                Ok(Some(newest)) => {
                    *run = newest;
                    settled = false;
                }
                Err(error) => drop(self.failure.get_or_insert(error)),
            }
        }
        if !settled {
            // Those that were patched come out of the cache as they are now.
            self.world.runs = self.observer.snapshot(self.key).runs;
        }
        settled
    }

    fn finish(&mut self, events: Vec<crate::world::Notice>, plan: &Plan) {
        for reason in &plan.reasons {
            self.observer.context.decision(reason.decision, reason.reason);
        }
        self.actor.held_too_long.set(self.key, plan.overdue);
        self.events.extend(events.into_iter().map(|event| (EventType::Warning, event)));
    }
}

/// Works on PipelineRuns without a usable label (RR-B11).
struct Strays {
    observer: Observer,
    actor: Actor,
}

impl Reconciler for Strays {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        let world = self.observer.stray(&key);
        let plan = stray::decide(&world);
        for reason in &plan.reasons {
            self.observer.context.decision(reason.decision, reason.reason);
        }
        let mut disposition = Disposition::Done;
        for (run, patch) in world.runs.iter().zip(&plan.runs) {
            disposition = match self.actor.patch_run(run, patch).await {
                Ok(None) => Disposition::Done,
                Ok(Some(_)) => Disposition::RequeueAfter(PAUSE),
                Err(error) => Disposition::Backoff(error),
            };
        }
        let events = plan.events.into_iter().map(|event| (EventType::Warning, event)).collect();
        self.actor.events(&world, events).await;
        disposition
    }
}

fn disposition(look_again: Option<Duration>, failure: Option<ApiError>) -> Disposition {
    match (failure, look_again) {
        (Some(error), _) => Disposition::Backoff(error),
        (None, Some(wait)) => Disposition::RequeueAfter(wait),
        (None, None) => Disposition::Done,
    }
}

#[cfg(test)]
mod tests;
