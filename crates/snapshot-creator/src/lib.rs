//! snapshot-creator turns finished build PipelineRuns into Snapshots.
//!
//! It watches build PipelineRuns (`pipelines.appstudio.openshift.io/type=build`). While a build runs, it holds it by a
//! finalizer. Once the build has succeeded and Tekton Chains is done with it, a push build becomes the candidate of its
//! Component (the global candidate list) unless a newer one is, a Snapshot is created for its Application or for every
//! ComponentGroup that lists the built version, and one patch of the PipelineRun says so and lets it go. A build that
//! cannot get its Snapshot is told why and let go too; most causes may still be removed within 24 hours.
//!
//! A build means something for others, too. One of a pull request names its PR group, tells the group's Snapshots and
//! builds that it has started or failed, and marks the untested Snapshots of older builds of the same pull request
//! Canceled. A push that merged a pull request marks that one's Snapshots merged.
//!
//! While a build of a pull request has no Snapshot, its expected tests are reported to the git provider: as pending, or as
//! canceled once there will be none ([`report`]). No provider is reached yet.
//!
//! # Objects and keys
//!
//! | object | read | written |
//! |---|---|---|
//! | build PipelineRun | labels component, `pipelinesascode.tekton.dev/*`; annotations version, context, `chains.tekton.dev/signed`; condition Succeeded, times and results; what is copied to the Snapshot (`integration_core::metadata`); everything in the next column | finalizer `test.appstudio.openshift.io/pipelinerun`; label `…/pr-group-sha`; annotations `appstudio.openshift.io/snapshot` (Application model), `…/snapshots`, `test.appstudio.openshift.io/pr-group`, `…/create-snapshot-status`, `…/added-to-global-candidate-list`, `…/snapshot-creation-report`, `…/pr-status`, `…/group-notified`, `…/superseded-snapshots`, `…/git-reporting-failure`; of other builds of a PR group, `…/create-groupsnapshot-status` |
//! | Component | spec.application, spec.source, deletion; annotation and status of the next column | annotation `test.appstudio.openshift.io/lastbuilttime`; status.lastPromotedImage, status.lastBuiltCommit (Application model) |
//! | Application | uid, deletion | – |
//! | ComponentGroup | uid, deletion, spec.components, status.globalCandidateList | the build's own entry of status.globalCandidateList |
//! | Snapshot | label and annotation `appstudio.openshift.io/build-pipelinerun`, annotation `test.appstudio.openshift.io/build-pipelinerun-uid`, owner, creation, keys of `…/result-*`; of those of pull requests and PR groups also type, component, `pac.test.appstudio.openshift.io/*`, start time, workflow, version, `…/child-snapshot`, `…/ignore-supersession`, conditions; everything in the next column | created; annotations `…/pr-status`, `…/create-groupsnapshot-status`; condition `AppStudioIntegrationStatus` (`Canceled` only) |
//! | IntegrationTestScenario | owner, contexts, label `test.appstudio.openshift.io/optional`, deletion | – |
//! | Event | – | created, about build PipelineRuns: `SnapshotCreated`, `SnapshotCreationFailed`, `GlobalCandidateListSkipped`, `PipelineRunNotUpdated`, `ReportGivenUp`; about Snapshots: `Superseded` |
//!
//! # Metrics
//!
//! `integration_svc_snapshot_created_total{model,workflow}`, `integration_svc_snapshot_creation_failed_total{model,reason}`,
//! `integration_svc_gcl_updates_total{model,result}`, `integration_svc_chains_wait_seconds`,
//! `integration_svc_build_finalizer_seconds`, `integration_svc_snapshot_attempt_total{type,reason}` and
//! `integration_svc_snapshot_attempt_duration_seconds{type,reason}` (of Snapshots it marks Canceled),
//! `integration_svc_build_report_total{provider,state,result}`, and those every program has (see
//! `integration_runtime::metrics`).
//!
//! # Rooms
//!
//! `controller` watches, `observe` gathers a [`decide::World`] from caches, [`decide`] makes a [`decide::Plan`] of it,
//! `act` carries it out, `reconcile` goes round until the plan is empty, a bounded number of times. `refusal` and
//! `memory` hold what the API server refused until it may be asked again. [`report`] is a second queue and the desk with
//! what is still to be reported. Everything else is read from the objects.

mod act;
mod controller;
pub mod decide;
mod memory;
mod metrics;
mod observe;
mod reconcile;
mod refusal;
pub mod report;

use std::sync::Arc;

use integration_runtime::{ObjectKey, Program, Right, SettingsError, Setup};
use report::NoProvider;

/// Wakes a build in a queue.
type Wake = Arc<dyn Fn(ObjectKey) + Send + Sync>;

/// The program.
pub struct SnapshotCreator;

/// Settings of this program.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// First part of the names of checks and contexts at git providers (API-209).
    #[arg(long, env = "CONSOLE_NAME", default_value = CONSOLE_NAME)]
    pub console_name: String,
}

impl Settings {
    /// An empty name is one that is not set (API-260).
    fn console(&self) -> String {
        if self.console_name.is_empty() { CONSOLE_NAME.to_owned() } else { self.console_name.clone() }
    }
}

const CONSOLE_NAME: &str = "Integration Service";

impl Program for SnapshotCreator {
    const NAME: &'static str = "snapshot-creator";
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const RIGHTS: &'static [Right] = RIGHTS;
    type Settings = Settings;

    fn start(setup: &mut Setup, settings: Settings) -> Result<(), SettingsError> {
        controller::register(setup, NoProvider, settings.console())
    }
}

const GROUP: &str = "appstudio.redhat.com";
const WATCH: &[&str] = &["get", "list", "watch"];
const WATCH_PATCH: &[&str] = &["get", "list", "watch", "patch"];

/// What this program uses of its row in HC-20.
const RIGHTS: &[Right] = &[
    Right { group: "tekton.dev", resource: "pipelineruns", verbs: WATCH_PATCH },
    Right { group: GROUP, resource: "snapshots", verbs: &["get", "list", "watch", "create", "patch"] },
    Right { group: GROUP, resource: "snapshots/status", verbs: &["patch"] },
    Right { group: GROUP, resource: "components", verbs: WATCH_PATCH },
    Right { group: GROUP, resource: "components/status", verbs: &["patch"] },
    Right { group: GROUP, resource: "applications", verbs: WATCH },
    Right { group: GROUP, resource: "applications/finalizers", verbs: &["update"] },
    Right { group: GROUP, resource: "componentgroups", verbs: WATCH },
    Right { group: GROUP, resource: "componentgroups/status", verbs: &["patch"] },
    Right { group: GROUP, resource: "componentgroups/finalizers", verbs: &["update"] },
    Right { group: GROUP, resource: "integrationtestscenarios", verbs: WATCH },
];

#[cfg(test)]
mod tests {
    use super::*;

    // HC-20: nothing beyond this program's row.
    #[test]
    fn hc_20_the_rights_stay_within_the_table() {
        let row: &[(&str, &[&str])] = &[
            ("pipelineruns", WATCH_PATCH),
            ("repositories", WATCH),
            ("snapshots", &["get", "list", "watch", "create", "patch"]),
            ("snapshots/status", &["patch"]),
            ("components", WATCH_PATCH),
            ("components/status", &["patch"]),
            ("applications", WATCH),
            ("applications/finalizers", &["update"]),
            ("componentgroups", WATCH),
            ("componentgroups/status", &["patch"]),
            ("componentgroups/finalizers", &["update"]),
            ("integrationtestscenarios", WATCH),
            ("secrets", &["get"]),
        ];
        for right in SnapshotCreator::RIGHTS {
            let (_, allowed) = row.iter().find(|(resource, _)| *resource == right.resource).unwrap();
            assert!(right.verbs.iter().all(|verb| allowed.contains(verb)), "{}", right.resource);
        }
    }

    // SC-72, API-260
    #[test]
    fn sc_72_an_empty_console_name_is_the_default_one() {
        let console = |name: &str| Settings { console_name: name.to_owned() }.console();
        assert_eq!(console(""), "Integration Service");
        assert_eq!(console("Konflux Staging"), "Konflux Staging");
    }
}
