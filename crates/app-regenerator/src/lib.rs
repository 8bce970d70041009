//! app-regenerator makes one Snapshot of the Components that remain when others of their Application are deleted.
//!
//! Every Component of an Application that exists carries a finalizer. Once Components are deleted, this program waits
//! until no further one was deleted for a while (30 s, at most 5 min), creates one Snapshot of those that stay, and lets
//! the deleted ones go. Nothing is made for an Application that is gone or being deleted, nor when nothing remains. A
//! Snapshot that the API server refuses is given up, visibly, so that no Component is held for ever. The ComponentGroup
//! model has no part in this.
//!
//! The finalizer is the sign that work is owed (AR-X11); the annotation `deleted-components` of a Snapshot is the sign
//! that it is done (AR-X1).
//!
//! # Objects and keys
//!
//! | object | read | written |
//! |---|---|---|
//! | Component | uid, deletion, finalizers, spec.application, spec.source, status.lastPromotedImage, status.lastBuiltCommit | finalizer `test.appstudio.openshift.io/component` |
//! | Application | uid, deletion | – |
//! | Snapshot | annotation `integration.konflux-ci.dev/deleted-components`, owner; listed when a Snapshot is owed | created, with label `release.appstudio.openshift.io/auto-release: "false"`, annotations `integration.konflux-ci.dev/deleted-components` and `test.appstudio.openshift.io/create-snapshot-status` |
//! | Event | – | created, about Applications: `SnapshotCreated`, `SnapshotNotCreated` |
//!
//! It has no metrics beside those of every program (see `integration_runtime::metrics`): `decision_total` counts what
//! was done and why.
//!
//! # Rooms
//!
//! `controller` watches, `observe` gathers a [`decide::World`] around one Application, [`decide`] makes a
//! [`decide::Plan`] of it, `act` carries it out, `reconcile` goes round until the plan is empty. `memory` holds what
//! the API server refused.

mod act;
mod controller;
pub mod decide;
mod memory;
mod observe;
mod reconcile;
mod settings;

pub use controller::AppRegenerator;
pub use settings::Settings;
