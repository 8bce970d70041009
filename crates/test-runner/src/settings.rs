//! Flags of this program; each is an environment variable too, under the reference's name where it has one (TR-153).

use integration_api::formats::go_duration;
use integration_api::test_status::WarningWireName;
use integration_core::timeouts::TimeoutTexts;
use jiff::SignedDuration;

use crate::world::Policy;

/// Flags beside the common ones.
#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    /// Limit of a test PipelineRun whose scenario names none, for example 2h.
    #[arg(long, env = "PIPELINE_TIMEOUT", default_value = "", value_parser = timeout)]
    pub pipeline_timeout: String,
    /// Limit of the tasks of such a run.
    #[arg(long, env = "TASKS_TIMEOUT", default_value = "", value_parser = timeout)]
    pub tasks_timeout: String,
    /// Limit of the finally tasks of such a run.
    #[arg(long, env = "FINALLY_TIMEOUT", default_value = "", value_parser = timeout)]
    pub finally_timeout: String,
    /// Address of a PipelineRun in the console, with {{NAMESPACE}} and {{PIPELINE_RUN_NAME}}.
    #[arg(long, env = "CONSOLE_URL", default_value = "")]
    pub console_url: String,
    /// How a test that passed with warnings is called in the test status: BuildPLRInProgress or TestWarning.
    #[arg(long, env = "WARNING_WIRE_NAME", default_value_t)]
    pub warning_wire_name: WarningWireName,
    /// How long a Snapshot that passed waits for a newer one that is still tested before it is released; 0 = not at all.
    #[arg(long, env = "RELEASE_SUPERSESSION_WAIT", default_value = "1h", value_parser = wait)]
    pub release_supersession_wait: SignedDuration,
}

impl Settings {
    /// What decisions depend on.
    pub fn policy(&self) -> Policy {
        Policy { supersession_wait: self.release_supersession_wait, warning: self.warning_wire_name }
    }

    /// Timeouts for scenarios that name none.
    pub fn timeouts(&self) -> TimeoutTexts {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        TimeoutTexts {
            pipeline: text(&self.pipeline_timeout),
            tasks: text(&self.tasks_timeout),
            finally: text(&self.finally_timeout),
        }
    }
}

/// A duration, or empty for none.
fn timeout(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        wait(text)?;
    }
    Ok(text.to_owned())
}

/// A duration that is not negative.
fn wait(text: &str) -> Result<SignedDuration, String> {
    go_duration::parse(text)
        .filter(|duration| !duration.is_negative())
        .ok_or_else(|| format!("{text:?} is no duration such as 1h30m, 90s or 0"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct CommandLine {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(arguments: &[&str]) -> Result<Settings, String> {
        let line = std::iter::once(&"test-runner").chain(arguments);
        CommandLine::try_parse_from(line).map(|line| line.settings).map_err(|error| error.to_string())
    }

    // API-260
    #[test]
    fn tr_153_defaults() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.policy().supersession_wait, SignedDuration::from_hours(1));
        assert_eq!(settings.policy().warning, WarningWireName::BuildPlrInProgress);
        assert_eq!(settings.timeouts(), TimeoutTexts::default());
    }

    #[test]
    fn tr_153_values_are_read_and_wrong_ones_refused_with_the_reason() {
        let settings =
            parse(&["--pipeline-timeout=2h", "--release-supersession-wait=0", "--warning-wire-name=TestWarning"])
                .unwrap();
        assert_eq!(settings.timeouts().pipeline.as_deref(), Some("2h"));
        assert!(settings.policy().supersession_wait.is_zero());
        for wrong in ["--tasks-timeout=soon", "--release-supersession-wait=-1h", "--warning-wire-name=Warning"] {
            let error = parse(&[wrong]).unwrap_err();
            assert!(error.contains("no duration") || error.contains("use BuildPLRInProgress"), "{error}");
        }
    }
}
