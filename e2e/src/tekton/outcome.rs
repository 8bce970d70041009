//! How a PipelineRun ends.

use serde_json::{Value, json};

/// How a PipelineRun ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// One task, `SUCCESS`.
    #[default]
    Success,
    /// One task, `FAILURE`.
    Failure,
    /// One task, `WARNING`.
    Warning,
    /// One task, `SKIPPED`.
    Skipped,
    /// One task, `ERROR`.
    Error,
    /// Three tasks: `SUCCESS`, `WARNING`, `FAILURE`.
    Mixed,
    /// Succeeds without any `TEST_OUTPUT`.
    NoResult,
    /// One task whose `TEST_OUTPUT` is no JSON.
    Malformed,
    /// A task failed (reason `Failed`).
    PipelineFailed,
    /// Reason `PipelineRunTimeout`.
    TimedOut,
    /// Cancelled by somebody (reason `Cancelled`).
    Cancelled,
    /// The pipeline cannot be found (reason `CouldntGetPipeline`); no task runs.
    Unresolvable,
    /// Runs until it is cancelled through `spec.status`.
    Hang,
    /// One task for each text, which is its `TEST_OUTPUT`.
    Outputs(Vec<String>),
    /// A build: succeeds with the results its parameters ask for.
    Build,
}

/// A task of a run: its name and, if it has that result, its `TEST_OUTPUT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub name: String,
    pub output: Option<String>,
    pub succeeded: bool,
}

/// The end of a run: status, reason and message of the condition `Succeeded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub status: &'static str,
    pub reason: &'static str,
    pub message: &'static str,
}

impl Outcome {
    /// The tasks that ran.
    pub(super) fn tasks(&self) -> Vec<Task> {
        let task = |name: &str, output: Option<String>| Task { name: name.to_owned(), output, succeeded: true };
        match self {
            Self::Success => vec![task("verify", Some(output("SUCCESS")))],
            Self::Failure => vec![task("verify", Some(output("FAILURE")))],
            Self::Warning => vec![task("verify", Some(output("WARNING")))],
            Self::Skipped => vec![task("verify", Some(output("SKIPPED")))],
            Self::Error => vec![task("verify", Some(output("ERROR")))],
            Self::Mixed => ["SUCCESS", "WARNING", "FAILURE"]
                .into_iter()
                .map(|result| task(&format!("verify-{}", result.to_lowercase()), Some(output(result))))
                .collect(),
            Self::NoResult => vec![task("verify", None)],
            Self::Malformed => vec![task("verify", Some("not json".to_owned()))],
            Self::PipelineFailed | Self::TimedOut | Self::Cancelled => {
                vec![Task { name: "verify".to_owned(), output: None, succeeded: false }]
            }
            Self::Unresolvable | Self::Hang | Self::Build => Vec::new(),
            Self::Outputs(outputs) => outputs
                .iter()
                .enumerate()
                .map(|(index, output)| task(&format!("verify-{index}"), Some(output.clone())))
                .collect(),
        }
    }

    /// Condition at the end.
    pub(super) fn ending(&self) -> Ending {
        let (status, reason, message) = match self {
            Self::PipelineFailed => ("False", "Failed", "Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 0"),
            Self::TimedOut => ("False", "PipelineRunTimeout", "the PipelineRun failed to finish within its timeout"),
            Self::Cancelled | Self::Hang => ("False", "Cancelled", "the PipelineRun was cancelled"),
            Self::Unresolvable => ("False", "CouldntGetPipeline", "Error retrieving pipeline: not found"),
            _ => ("True", "Succeeded", "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 0"),
        };
        Ending { status, reason, message }
    }
}

/// A valid `TEST_OUTPUT` (API-171).
fn output(result: &str) -> String {
    let count = |of: &[&str]| i32::from(of.contains(&result));
    let value: Value = json!({
        "result": result,
        "timestamp": super::now(),
        "note": "played by the end-to-end tests",
        "namespace": "default",
        "successes": count(&["SUCCESS"]),
        "failures": count(&["FAILURE", "ERROR"]),
        "warnings": count(&["WARNING"]),
    });
    value.to_string()
}
