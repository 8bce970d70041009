//! Builds of pull requests and merge queues, up to their Snapshots: what a user sees of them, and that it is the same
//! whatever happens to snapshot-creator in the middle.
//!
//! Most tests share one control plane and one snapshot-creator that works in all its namespaces; each test has a
//! namespace of its own.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, reason = "tests")]

mod builds;
mod claims;
mod crashes;
mod groups;
mod merge_queues;
mod merged;
mod owners;
mod stories;
mod superseded;
mod world;
