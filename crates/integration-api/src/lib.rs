//! The wire contract of the integration service: everything that other programs, other versions of the
//! operator or users can observe on Kubernetes objects.
//!
//! * [`keys`]: labels, annotations and finalizers.
//! * [`condition`]: conditions of Snapshots.
//! * [`scenario`], [`component_group`], [`nudge_config`]: the kinds we own.
//! * [`snapshot`], [`application`], [`component`], [`release`], [`tekton`], [`pac`]: the parts we touch of kinds
//!   that others own. Unknown fields are dropped on read and never written: writes are patches that name only the
//!   keys they touch (API-75).
//! * [`crds`], [`conversion`]: definitions of the kinds and conversion between versions of IntegrationTestScenario.
//! * [`test_status`], [`formats`]: JSON documents inside annotations and results.
//!
//! This crate does no I/O, reads no clock and draws no random numbers.

mod absent;
pub mod application;
pub mod component;
pub mod component_group;
pub mod condition;
pub mod conversion;
pub mod crds;
mod foreign;
pub mod formats;
pub mod keys;
pub mod meta;
pub mod nudge_config;
pub mod pac;
pub mod release;
pub mod scenario;
pub mod snapshot;
pub mod tekton;
pub mod test_status;

pub use application::Application;
pub use component::Component;
pub use component_group::ComponentGroup;
pub use condition::Condition;
pub use foreign::ForeignKind;
pub use nudge_config::NudgeConfig;
pub use pac::Repository;
pub use release::{Release, ReleasePlan};
pub use scenario::IntegrationTestScenario;
pub use snapshot::Snapshot;
pub use tekton::{PipelineRun, TaskRun};
