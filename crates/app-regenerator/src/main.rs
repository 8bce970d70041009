//! The app-regenerator process.

fn main() -> std::process::ExitCode {
    integration_runtime::run::<app_regenerator::AppRegenerator>()
}
