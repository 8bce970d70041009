//! result-recorder: writes the outcome of test PipelineRuns into the status annotation of their Snapshot and releases
//! the PipelineRuns that nobody else has to look at any more.
//!
//! The key of its queue is the **Snapshot**: all its test PipelineRuns are looked at together and recorded in one
//! compare-and-swap patch (RR-B50). PipelineRuns without a usable label have a queue of their own.
//!
//! | object | reads | writes |
//! |---|---|---|
//! | Snapshot | annotations `status`, `child-snapshot`; labels `type`, velero; conditions; `deletionTimestamp` | annotations `test.appstudio.openshift.io/status`, `…/status-corrupt` |
//! | test PipelineRun | labels `snapshot`, `scenario`, `optional`; annotations `attempt`, `cancelled`, `log-url`; owner, finalizers, status | annotation `pac.test.appstudio.openshift.io/log-url` (repair), finalizer `test.appstudio.openshift.io/pipelinerun` (removal) |
//! | TaskRun | results; one live list for each PipelineRun that succeeded | – |
//!
//! The rooms: [`world`] holds what a decision is made from and what it says, [`decide`] makes it, `observe` gets the
//! facts, `act` carries the plan out, `controller` wires watches and queues.
//!
//! Metrics of its own: `integration_svc_finalizer_released_total{cause}`, `integration_svc_finalizers_held_too_long`,
//! `integration_svc_test_status_rebuilt_total`, `integration_svc_test_results_recorded_total{status}`.
//!
//! Settings: `CONSOLE_URL` (RR-58) and `WARNING_WIRE_NAME` (D-1).

mod act;
pub mod console;
mod controller;
pub mod decide;
mod metrics;
mod observe;
mod run;
mod trim;
pub mod world;

pub use controller::{ResultRecorder, Settings};
