//! End-to-end harness: a real `etcd` and `kube-apiserver` with RBAC on, the programs as processes under their own
//! ServiceAccounts, and stand-ins for what is not ours.
//!
//! A test reads like this:
//!
//! ```no_run
//! # use e2e::{ControlPlane, Program, TestSpace, fixtures::{self, Build}, programs, tekton::{Outcome, Tekton}};
//! # async fn test() -> anyhow::Result<()> {
//! let space = TestSpace::new("one-push").await?;
//! let tekton = Tekton::start(&space);
//! let runner = Program::start(&space.control_plane, "test-runner", programs::Options::for_space(&space)).await?;
//! tekton.play("unit", Outcome::Failure);
//! space.create(fixtures::application("app")).await?;
//! Build::push("frontend").application("app").complete(&space).await?;
//! let snapshot = space.wait_for("the Snapshot", || async { space.list("Snapshot", "").await.ok()?.pop() }).await?;
//! # Ok(()) }
//! ```
//!
//! * [`control_plane`], [`assets`], [`pki`], [`process`]: the control plane. One a test process, shared by its tests;
//!   everything ends and the temporary folder goes when the test process ends, however it ends.
//! * [`crds`], [`rbac`]: what is installed in it; [`manifests`]: the files under `deploy/` it comes from.
//! * [`space`], [`wait`]: a namespace of its own for each test, and waiting for what a user would see in it.
//! * [`world`]: the same with one program at work, and whether it is well.
//! * [`objects`]: reading what is in it.
//! * [`programs`]: our programs as child processes.
//! * [`tekton`], [`fixtures`]: the world around them.
//! * [`faults`]: programs that are killed, refused or see late what others do, and what is there in the end.
//! * [`audit`]: how many requests each program made.
//!
//! Environment: `KUBEBUILDER_ASSETS` (folder with `etcd` and `kube-apiserver`), `E2E_CRDS` (folder of definitions to
//! install instead of our own), `E2E_KEEP=1` (keep the temporary folder with all logs).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "this crate is a test harness: a broken expectation should end the test"
)]

pub mod assets;
pub mod audit;
pub mod control_plane;
pub mod crds;
pub mod faults;
pub mod fixtures;
mod hash;
pub mod manifests;
pub mod objects;
pub mod pki;
pub mod process;
pub mod programs;
pub mod rbac;
pub mod space;
pub mod tekton;
pub mod wait;
pub mod world;

pub use control_plane::ControlPlane;
pub use programs::Program;
pub use space::TestSpace;
pub use world::World;
