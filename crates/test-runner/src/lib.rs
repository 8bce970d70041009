//! test-runner: starts the integration tests of Snapshots and releases the ones that passed.
//!
//! It watches Snapshots and does what follows from one existing: owner reference, test PipelineRuns, the verdict where
//! nothing has to be tested, Releases. It does not evaluate PipelineRuns (result-recorder), does not report and does not
//! set the verdict after tests ran (status-reporter), and does not create Snapshots of components (snapshot-creator).
//!
//! This version handles component Snapshots of pushes, and manual ones that count as pushes, of Applications and
//! ComponentGroups. Pull request, merge queue, group, override and parent Snapshots, run requests, dependent scenarios
//! of a test graph and scenarios of kind `pipelinerun` are left alone, visibly: metric
//! `integration_svc_decision_total{decision="left_alone"}`, a log line, and an Event on objects younger than 10 minutes.
//!
//! # What it reads and writes
//!
//! | object | read | written |
//! |---|---|---|
//! | Snapshot | labels, annotations, owner, conditions; the images live, once for all PipelineRuns of a reconcile, and where a ComponentGroup's Snapshot does not say its version | owner reference; annotations `…/status` (entries of state machine M1), `…/status-corrupt`, `integration.konflux-ci.dev/auto-release-state`; conditions `AppStudioIntegrationStatus` (InProgress, Invalid), `AppStudioTestSucceeded` (only Passed without required scenarios), `AutoReleased` |
//! | PipelineRun, label `pipelines.appstudio.openshift.io/type=test` | existence, scenario, attempt | created, with finalizer `test.appstudio.openshift.io/pipelinerun` and annotation `…/log-url` |
//! | Release | plan, `status.automated`, condition `Released` | created; `status.automated` |
//! | IntegrationTestScenario | all | – |
//! | ReleasePlan | owner, label and annotation `release.appstudio.openshift.io/auto-release` | – |
//! | Application, ComponentGroup | existence, uid, test graph | – |
//! | Event | – | on Snapshots, and on the scenario or ReleasePlan at fault; never on the plain path (D-32) |
//!
//! # Metrics
//!
//! `integration_svc_response_seconds`, `…_snapshot_created_to_pipelinerun_started_seconds`,
//! `…_integration_pipelinerun_total`, `…_snapshot_attempt_duration_seconds{type,reason}`,
//! `…_snapshot_attempt_total{type,reason}`, `…_release_latency_seconds`, `…_dropped_observations_total`,
//! `…_test_create_retries_total{class}`, `…_release_decision_total{decision}`, `…_vanished_plr_total`, and the common
//! ones of the runtime.
//!
//! # How a reconcile goes
//!
//! [`observe`] gathers a [`world::World`] from caches; [`decide()`] turns it into a [`plan::Plan`], purely; [`act`]
//! carries the plan out. Questions and creates come first, and the decision is made again with their outcome: a created
//! PipelineRun is then simply one that exists. Last come one metadata and one status patch of the Snapshot, each a
//! compare-and-swap that decides anew on the newest version.

pub mod act;
mod console;
mod controller;
pub mod decide;
mod metrics;
pub mod observe;
pub mod pipeline_run;
pub mod plan;
mod release;
mod settings;
pub mod tries;
pub mod world;

use integration_runtime::{Program, Right, SettingsError, Setup};

pub use decide::decide;
pub use settings::Settings;

/// The program.
pub struct TestRunner;

impl Program for TestRunner {
    const NAME: &'static str = "test-runner";
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    /// The row of HC-20, as far as this version uses it.
    const RIGHTS: &'static [Right] = &[
        right("tekton.dev", "pipelineruns", &["get", "list", "watch", "create"]),
        right("appstudio.redhat.com", "snapshots", &["get", "list", "watch", "patch"]),
        right("appstudio.redhat.com", "snapshots/status", &["patch"]),
        right("appstudio.redhat.com", "snapshots/finalizers", &["update"]),
        right("appstudio.redhat.com", "applications", &["get", "list", "watch"]),
        right("appstudio.redhat.com", "applications/finalizers", &["update"]),
        right("appstudio.redhat.com", "componentgroups", &["get", "list", "watch"]),
        right("appstudio.redhat.com", "componentgroups/finalizers", &["update"]),
        right("appstudio.redhat.com", "integrationtestscenarios", &["get", "list", "watch"]),
        right("appstudio.redhat.com", "releaseplans", &["get", "list", "watch"]),
        right("appstudio.redhat.com", "releases", &["get", "list", "watch", "create"]),
        right("appstudio.redhat.com", "releases/status", &["patch"]),
    ];
    type Settings = Settings;

    fn start(setup: &mut Setup, settings: Settings) -> Result<(), SettingsError> {
        controller::start(setup, settings)
    }
}

const fn right(group: &'static str, resource: &'static str, verbs: &'static [&'static str]) -> Right {
    Right { group, resource, verbs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hc_20_no_right_beyond_the_table() {
        let rights = TestRunner::RIGHTS;
        let verbs = |resource: &str| rights.iter().find(|right| right.resource == resource).map(|right| right.verbs);
        assert!(
            rights.iter().all(|right| !right.verbs.contains(&"delete") && !right.verbs.contains(&"deletecollection")),
            "HC-22, TR-136: nothing is ever deleted"
        );
        assert!(
            rights
                .iter()
                .filter(|right| !right.resource.ends_with("/finalizers"))
                .all(|right| !right.verbs.contains(&"update")),
            "HC-22"
        );
        assert_eq!(verbs("secrets"), None, "TR-B46");
        assert_eq!(verbs("releases"), Some(["get", "list", "watch", "create"].as_slice()));
        assert_eq!(verbs("snapshots/status"), Some(["patch"].as_slice()));
    }
}
