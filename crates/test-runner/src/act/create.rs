//! Creating exactly once, by name (TR-B49), with the error classes of TR-B52.

use integration_api::snapshot::SnapshotSpec;
use integration_api::{IntegrationTestScenario, Snapshot, keys};
use integration_core::names::LAST_K;
use integration_core::owner::Owner;
use integration_core::snapshot_param::snapshot_param;
use integration_core::timeouts;
use integration_runtime::{ApiError, Created, Disposition, ErrorClass, ObjectKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::report::{audit_added, owner};
use super::{Progress, Runner, Stop};
use crate::decide::releases;
use crate::pipeline_run::Blueprint;
use crate::plan::{Create, Notice};
use crate::release;
use crate::tries::{Class, Target};
use crate::world::World;

/// A SNAPSHOT parameter above this many bytes is warned about (TR-B32).
const LARGE_PARAM: usize = 100 * 1024;

/// Why an object was not created.
enum Failure {
    Api(ApiError),
    /// All names belong to something else.
    NameCollision,
    /// The Snapshot is gone or was replaced.
    SnapshotGone,
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl Runner {
    /// One create. A failure is remembered with its class and the time of the next try; only what makes all further
    /// work pointless stops the reconcile.
    pub(super) async fn create(
        &self,
        world: &World,
        create: &Create,
        now: Timestamp,
        progress: &mut Progress,
    ) -> Result<(), Stop> {
        let (target, cause, result) = match create {
            Create::Run { scenario, attempt } => {
                let result = self.create_run(world, scenario, *attempt, now, progress).await;
                (Target::Run(scenario.clone()), attempt.unwrap_or(1).to_string(), result)
            }
            Create::Release { plan } => {
                let object = world.plans.iter().find(|object| object.metadata.name.as_ref() == Some(plan));
                let cause = object.and_then(|object| object.metadata.resource_version.clone()).unwrap_or_default();
                (Target::Release(plan.clone()), cause, self.create_release(world, plan).await)
            }
        };
        let (class, message, asked) = match result {
            Ok(()) => {
                progress.tries.succeeded(&target);
                return Ok(());
            }
            Err(Failure::SnapshotGone) => return Err(Stop(Disposition::Done)),
            Err(Failure::NameCollision) => {
                (Class::NameCollision, "all its names belong to other objects".to_owned(), None)
            }
            Err(Failure::Api(error)) => match class_of(&error) {
                Some(class) => (
                    class,
                    error.cause().to_owned(),
                    error.retry_after().and_then(|pause| SignedDuration::try_from(pause).ok()),
                ),
                None if error.class() == ErrorClass::NotLeader => return Err(Stop(Disposition::Backoff(error))),
                None => {
                    tracing::warn!(snapshot = %ObjectKey::of(&*world.snapshot), ?target, %error, "nothing can be created here");
                    return Err(Stop(Disposition::Done));
                }
            },
        };
        if class != Class::Terminal && matches!(target, Target::Run(_)) {
            self.metrics.retry(class);
        }
        let (application, component_group) = owner(&world.snapshot);
        tracing::warn!(
            snapshot = %ObjectKey::of(&*world.snapshot), application, componentGroup = component_group, ?target,
            class = class.word(), cause = message, "an object could not be created"
        );
        progress.tries.failed(target, &cause, class, &message, now, asked);
        Ok(())
    }

    async fn create_run(
        &self,
        world: &World,
        name: &str,
        attempt: Option<u32>,
        now: Timestamp,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let snapshot = &*world.snapshot;
        let scenario = world.scenarios.iter().find(|scenario| scenario.metadata.name.as_deref() == Some(name));
        let (Some(scenario), Some(owner)) = (scenario, Owner::of_snapshot(&snapshot.spec)) else { return Ok(()) };
        let param = if wants_name(scenario) {
            snapshot.metadata.name.clone().unwrap_or_default()
        } else {
            self.snapshot_param(snapshot, progress).await?
        };
        let effective = timeouts::effective(scenario, &timeouts::TimeoutTexts::default(), &self.settings.timeouts());
        let blueprint = Blueprint {
            scenario,
            snapshot,
            owner: &owner,
            attempt,
            snapshot_param: &param,
            timeouts: effective.timeouts.to_value(),
            console_url: &self.settings.console_url,
        };
        for k in 0..=LAST_K {
            match self.context.create_once(&self.stores.runs, &blueprint.body(&blueprint.name(k))).await? {
                Created::New(run) => {
                    self.metrics.run_created(snapshot, attempt.is_none(), now);
                    audit_added(snapshot, &*run, name);
                    progress.note(&warnings(name, &effective.ignored, param.len()));
                    return Ok(());
                }
                Created::Exists(run) if blueprint.same_cause(&run) => return Ok(()),
                Created::Exists(_) => {}
            }
        }
        Err(Failure::NameCollision)
    }

    async fn create_release(&self, world: &World, plan: &str) -> Result<(), Failure> {
        let snapshot = &*world.snapshot;
        for k in 0..=LAST_K {
            let body = release::body(snapshot, plan, &releases::release_name(snapshot, plan, k));
            match self.context.create_once(&self.stores.releases, &body).await? {
                Created::New(release) => {
                    audit_added(snapshot, &*release, plan);
                    return Ok(());
                }
                Created::Exists(release) if release::same_cause(&release, snapshot, plan) => return Ok(()),
                Created::Exists(_) => {}
            }
        }
        Err(Failure::NameCollision)
    }

    /// Value of parameter SNAPSHOT. The cache holds no images, so the Snapshot is read once a reconcile that needs it.
    async fn snapshot_param(&self, snapshot: &Snapshot, progress: &mut Progress) -> Result<String, Failure> {
        if progress.live.is_none() {
            let key = ObjectKey::of(snapshot);
            let live = self.context.get_raw::<Snapshot>(&key.namespace, &key.name).await?;
            let same = |live: &Value| {
                live.pointer("/metadata/uid").and_then(Value::as_str) == snapshot.metadata.uid.as_deref()
            };
            progress.live = Some(live.filter(same).ok_or(Failure::SnapshotGone)?);
        }
        let spec = progress.live.as_ref().and_then(|live| live.get("spec")).cloned().unwrap_or_default();
        // The API server checked the types; whatever does not fit is passed on as it is.
        Ok(serde_json::from_value::<SnapshotSpec>(spec.clone())
            .map_or_else(|_| spec.to_string(), |spec| snapshot_param(&spec)))
    }
}

/// What the author of a scenario should know although its PipelineRun was created (TR-B28, TR-B32).
fn warnings(scenario: &str, ignored_timeouts: &[String], param_size: usize) -> Vec<Notice> {
    let warn = |reason, note| Notice { warning: true, reason, note, about: Some(Target::Run(scenario.to_owned())) };
    let timeouts = ignored_timeouts.iter().map(|text| warn("TimeoutIgnored", format!("scenario {scenario}: {text}")));
    let param = (param_size > LARGE_PARAM).then(|| {
        let note = format!(
            "parameter SNAPSHOT of scenario {scenario} has {param_size} bytes; annotate the scenario with {}=true and read the Snapshot by its name",
            keys::SNAPSHOT_PARAM_AS_NAME
        );
        warn("SnapshotParamLarge", note)
    });
    timeouts.chain(param).collect()
}

/// Whether the scenario wants the name of the Snapshot as parameter SNAPSHOT (TR-114, API-A19).
fn wants_name(scenario: &IntegrationTestScenario) -> bool {
    scenario
        .metadata
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(keys::SNAPSHOT_PARAM_AS_NAME))
        .is_some_and(|value| value == "true")
}

/// Class of a failed create (TR-B52); `None` where trying again is pointless.
fn class_of(error: &ApiError) -> Option<Class> {
    match error.class() {
        ErrorClass::Invalid | ErrorClass::Denied | ErrorClass::TooLarge => Some(Class::Terminal),
        ErrorClass::Quota => Some(Class::Quota),
        ErrorClass::Forbidden => Some(Class::Forbidden),
        ErrorClass::Conflict | ErrorClass::Retryable { .. } => Some(Class::Api),
        ErrorClass::NotFound | ErrorClass::NamespaceTerminating | ErrorClass::NotLeader => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // TR-B32, TR-B43
    #[test]
    fn tr_b28_ignored_timeouts_and_large_parameters_are_told() {
        assert_eq!(warnings("a", &[], LARGE_PARAM), []);
        let told = warnings("a", &["environment variable TASKS_TIMEOUT is \"x\"".to_owned()], LARGE_PARAM + 1);
        let reasons: Vec<_> = told.iter().map(|notice| notice.reason).collect();
        assert_eq!(reasons, ["TimeoutIgnored", "SnapshotParamLarge"]);
        assert!(told.iter().all(|notice| notice.about == Some(Target::Run("a".into()))));
        assert!(told[1].note.contains("test.appstudio.openshift.io/snapshot-param-as-name=true"));
    }

    // TR-114, API-A19; 03 §22.1 row 72
    #[test]
    fn tr_114_only_true_asks_for_the_name() {
        let scenario = |value: &str| -> IntegrationTestScenario {
            let annotations = json!({ "test.appstudio.openshift.io/snapshot-param-as-name": value });
            serde_json::from_value(json!({
                "apiVersion": "appstudio.redhat.com/v1beta2", "kind": "IntegrationTestScenario",
                "metadata": { "name": "a", "annotations": annotations },
                "spec": { "resolverRef": { "resolver": "git", "params": [] } },
            }))
            .unwrap()
        };
        assert!(wants_name(&scenario("true")));
        assert!(!wants_name(&scenario("True")));
        assert!(!wants_name(&scenario("")));
    }
}
