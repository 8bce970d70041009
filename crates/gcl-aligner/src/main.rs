//! The gcl-aligner process.

fn main() -> std::process::ExitCode {
    integration_runtime::run::<gcl_aligner::GclAligner>()
}
