//! Starts snapshot-creator.

use std::process::ExitCode;

use integration_runtime::run;
use snapshot_creator::SnapshotCreator;

fn main() -> ExitCode {
    run::<SnapshotCreator>()
}
