//! A push build, from the image to the Release: what a user sees of it.
//!
//! Most tests share one control plane and one set of programs that work in all its namespaces; each test has a
//! namespace of its own. Tests that start and stop programs are in `restarts`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, reason = "tests")]

mod broken_builds;
mod budgets;
mod deletions;
mod extremes;
mod left_alone;
mod malformed;
mod models;
mod objects;
mod ordering;
mod releases;
mod restarts;
mod results;
mod scenarios;
mod world;
