//! Lists of Components: the global candidate list of a ComponentGroup (gcl-aligner), and what is left of an Application
//! whose Components are deleted (app-regenerator).

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, reason = "tests")]

mod crashes;
mod deletions;
mod duplicates;
mod lists;
mod refusals;
mod settled;
mod world;
mod writers;
