//! Starts the integration tests of Snapshots and releases the ones that passed.

use std::process::ExitCode;

use test_runner::TestRunner;

fn main() -> ExitCode {
    integration_runtime::run::<TestRunner>()
}
