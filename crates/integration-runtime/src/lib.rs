//! The process around a controller: command line, telemetry, admin server, leases, caches, queues and safe writes.
//!
//! A program implements [`Program`]: its name, its rights, its settings, and a `start` that registers watches
//! ([`Watch`], [`Store`]) and queues ([`Queue`], [`Reconciler`]). [`run`] does the rest:
//!
//! * one label-selected watch a kind feeds a [`Store`] with named indexes; a change wakes keys of a [`Queue`];
//! * a queue reconciles one key at a time, bounded per program and per namespace, with exact delays and per-key backoff;
//! * all writes go through [`Context`]: create once by name, compare-and-swap updates, JSON patches that test what they
//!   replace. Every response goes into the store at once, so no decision is made on something older than the
//!   program's own last write;
//! * nothing is written unless this replica holds its Lease and the reference operator's Lease is not fresh.
//!
//! Metrics (prefix `integration_svc_`) are listed in [`metrics`].

pub mod admin;
pub mod args;
pub mod cache;
mod context;
#[cfg(feature = "fault")]
pub mod fault;
mod key;
pub mod layers;
pub mod lease;
pub mod metrics;
mod program;
pub mod queue;
mod random;
mod setup;
pub mod telemetry;
pub mod write;

pub use cache::{Change, Store, Watch};
pub use context::Context;
pub use key::ObjectKey;
pub use program::{Program, Right, SettingsError, run};
pub use queue::{Disposition, Queue, Reconciler};
pub use setup::Setup;
pub use write::{ApiError, Created, ErrorClass, EventType, Part, Patched, RunPatch, Update};
