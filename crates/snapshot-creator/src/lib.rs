//! snapshot-creator turns finished build PipelineRuns into Snapshots.
//!
//! It watches build PipelineRuns (`pipelines.appstudio.openshift.io/type=build`). While a push build runs, it holds it
//! by a finalizer. Once the build has succeeded and Tekton Chains is done with it, the build becomes the candidate of
//! its Component (the global candidate list) unless a newer one is, a Snapshot is created for its Application or for
//! every ComponentGroup that lists the built version, and one patch of the PipelineRun says so and lets it go. A build
//! that cannot get its Snapshot is told why and let go too; most causes may still be removed within 24 hours. Builds of
//! pull requests and merge queues are left alone for now; they are only told when what they belong to does not exist.
//!
//! # Objects and keys
//!
//! | object | read | written |
//! |---|---|---|
//! | build PipelineRun | labels component, `pipelinesascode.tekton.dev/*`; annotations version, context, `chains.tekton.dev/signed`, `test.appstudio.openshift.io/pr-status`, `…/create-groupsnapshot-status`; condition Succeeded, times and results; what is copied to the Snapshot (`integration_core::metadata`); everything in the next column | finalizer `test.appstudio.openshift.io/pipelinerun`; annotations `appstudio.openshift.io/snapshot` (Application model), `…/snapshots`, `test.appstudio.openshift.io/create-snapshot-status`, `…/added-to-global-candidate-list` |
//! | Component | spec.application, spec.source, deletion; annotation and status of the next column | annotation `test.appstudio.openshift.io/lastbuilttime`; status.lastPromotedImage, status.lastBuiltCommit (Application model) |
//! | Application | uid, deletion | – |
//! | ComponentGroup | uid, deletion, spec.components, status.globalCandidateList | the build's own entry of status.globalCandidateList |
//! | Snapshot | label and annotation `appstudio.openshift.io/build-pipelinerun`, annotation `test.appstudio.openshift.io/build-pipelinerun-uid`, owner, creation, keys of `…/result-*` | created |
//! | Event | – | created, about build PipelineRuns: `SnapshotCreated`, `SnapshotCreationFailed`, `GlobalCandidateListSkipped`, `LeftAlone` |
//!
//! # Metrics
//!
//! `integration_svc_snapshot_created_total{model,workflow}`, `integration_svc_snapshot_creation_failed_total{model,reason}`,
//! `integration_svc_gcl_updates_total{model,result}`, `integration_svc_chains_wait_seconds`,
//! `integration_svc_build_finalizer_seconds`, and those every program has (see `integration_runtime::metrics`).
//!
//! # Rooms
//!
//! `controller` watches, `observe` gathers a [`decide::World`] from caches, [`decide`] makes a [`decide::Plan`] of it,
//! `act` carries it out, `reconcile` goes round until the plan is empty, a bounded number of times. `refusal` and
//! `memory` hold what the API server refused until it may be asked again; everything else is read from the objects.

mod act;
mod controller;
pub mod decide;
mod memory;
mod metrics;
mod observe;
mod reconcile;
mod refusal;

use integration_runtime::{Program, Right, SettingsError, Setup};

/// The program.
pub struct SnapshotCreator;

/// This program has no settings of its own.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {}

impl Program for SnapshotCreator {
    const NAME: &'static str = "snapshot-creator";
    const RIGHTS: &'static [Right] = RIGHTS;
    type Settings = Settings;

    fn start(setup: &mut Setup, _settings: Settings) -> Result<(), SettingsError> {
        controller::register(setup)
    }
}

const GROUP: &str = "appstudio.redhat.com";
const WATCH: &[&str] = &["get", "list", "watch"];
const WATCH_PATCH: &[&str] = &["get", "list", "watch", "patch"];

/// What this program uses of its row in HC-20.
const RIGHTS: &[Right] = &[
    Right { group: "tekton.dev", resource: "pipelineruns", verbs: WATCH_PATCH },
    Right { group: GROUP, resource: "snapshots", verbs: &["get", "list", "watch", "create"] },
    Right { group: GROUP, resource: "components", verbs: WATCH_PATCH },
    Right { group: GROUP, resource: "components/status", verbs: &["patch"] },
    Right { group: GROUP, resource: "applications", verbs: WATCH },
    Right { group: GROUP, resource: "applications/finalizers", verbs: &["update"] },
    Right { group: GROUP, resource: "componentgroups", verbs: WATCH },
    Right { group: GROUP, resource: "componentgroups/status", verbs: &["patch"] },
    Right { group: GROUP, resource: "componentgroups/finalizers", verbs: &["update"] },
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
}
