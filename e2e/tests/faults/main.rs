//! Exactly once, whatever happens: a program may be killed right before or right after any of its writes, lose the answer
//! to any of them, be refused by conflicts, or see late what others do, and what is left in the cluster in the end is the
//! same as without.
//!
//! * [`crash_points`]: the life cycle of one push build, once for every program, write and fault.
//! * [`storm`]: many builds at once, while the programs are killed in turn.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, reason = "tests")]

mod crash_points;
mod life;
mod matrix;
mod storm;

/// The programs a push build passes through.
const PROGRAMS: [&str; 4] = ["snapshot-creator", "test-runner", "result-recorder", "status-reporter"];

/// The tests of this file take the whole machine, and programs without `--namespaces` would work in the namespaces of
/// the other test.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
