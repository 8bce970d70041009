//! status-reporter: judges a Snapshot once all its required tests ended, and releases the test PipelineRuns whose
//! results are reported.
//!
//! Two queues over the same caches, both keyed by Snapshot, so that neither's failure or pause touches the other
//! (RR-B52): `verdict` sets the conditions as soon as the last required result is there, `report` takes the finalizer
//! off. Reports to git providers are not made yet: a Snapshot with a provider is left alone, visibly, and its
//! PipelineRuns keep their finalizer.
//!
//! | object | reads | writes |
//! |---|---|---|
//! | Snapshot | annotations `status`, `create-groupsnapshot-status`, `child-snapshot`, `source-branch`, `integration-workflow`; labels `type`, `component`, `event-type`, `pull-request`, `run`, velero; label or annotation `git-provider`; conditions | conditions `AppStudioIntegrationStatus`, `AppStudioTestSucceeded`; label `test.appstudio.openshift.io/run` (safety net) |
//! | IntegrationTestScenario | owner, contexts, label `optional` | – |
//! | Application, ComponentGroup | existence; test graph | – |
//! | test PipelineRun | metadata | finalizer `test.appstudio.openshift.io/pipelinerun` (removal) |
//!
//! The rooms: [`world`] holds what decisions are made from and what they say, [`decide`] makes them, `observe` gets the
//! facts, `act` carries plans out, `controller` wires watches and queues.
//!
//! Metrics of its own: `integration_svc_snapshot_attempt_duration_seconds{type,reason}` and
//! `integration_svc_snapshot_attempt_total{type,reason}` (MX-5, MX-6), `integration_svc_finalizer_released_total{cause}`,
//! `integration_svc_finalizers_held_too_long`.

mod act;
mod controller;
pub mod decide;
mod metrics;
mod observe;
mod run;
mod trim;
pub mod world;

pub use controller::{Settings, StatusReporter};
