//! The control plane the end-to-end tests run on, and our definitions in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod definitions;
mod harness;
mod programs;
