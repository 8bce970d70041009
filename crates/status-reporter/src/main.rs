//! The status-reporter process.

fn main() -> std::process::ExitCode {
    integration_runtime::run::<status_reporter::StatusReporter>()
}
