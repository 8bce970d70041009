//! The result-recorder process.

fn main() -> std::process::ExitCode {
    integration_runtime::run::<result_recorder::ResultRecorder>()
}
