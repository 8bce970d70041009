//! Timeouts of test PipelineRuns (API-198, TR-B28).

use integration_api::formats::go_duration;
use integration_api::{IntegrationTestScenario, keys};
use jiff::SignedDuration;
use serde_json::{Map, Value};

use crate::meta::annotation;

/// Timeouts as somebody wrote them, in Go's syntax. Empty counts as absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeoutTexts {
    /// Of the whole run.
    pub pipeline: Option<String>,
    /// Of its tasks.
    pub tasks: Option<String>,
    /// Of its finally tasks.
    pub finally: Option<String>,
}

/// `spec.timeouts` of a PipelineRun. Zero means no limit, unset means Tekton's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// Of the whole run.
    pub pipeline: Option<SignedDuration>,
    /// Of its tasks.
    pub tasks: Option<SignedDuration>,
    /// Of its finally tasks.
    pub finally: Option<SignedDuration>,
}

impl Timeouts {
    /// The value of `spec.timeouts`; `{}` where nothing is set (API-113).
    pub fn to_value(&self) -> Value {
        let fields = [("pipeline", self.pipeline), ("tasks", self.tasks), ("finally", self.finally)];
        let set = fields
            .into_iter()
            .filter_map(|(name, timeout)| Some((name.to_owned(), go_duration::format(timeout?).into())));
        Value::Object(set.collect::<Map<_, _>>())
    }
}

/// Timeouts to write, and what could not be honoured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// What is written.
    pub timeouts: Timeouts,
    /// One sentence for each value that was ignored.
    pub ignored: Vec<String>,
}

/// Timeouts of a test PipelineRun (TR-B28). For each field the scenario's annotation, else the resolved document, else
/// the environment, as far as it can be read; an empty annotation unsets the field. The run's limit is then lifted to
/// the sum of the other two where Tekton would refuse it.
pub fn effective(scenario: &IntegrationTestScenario, document: &TimeoutTexts, environment: &TimeoutTexts) -> Effective {
    let mut ignored = Vec::new();
    let mut field = |key: &'static str, variable: &str, document: Option<&String>, environment: Option<&String>| {
        let annotation = annotation(&scenario.metadata, key);
        if annotation == Some("") {
            return None;
        }
        let sources = [
            (format!("annotation {key} of the scenario"), annotation),
            ("spec.timeouts of the resolved PipelineRun".to_owned(), document.map(String::as_str)),
            (format!("environment variable {variable}"), environment.map(String::as_str)),
        ];
        sources.into_iter().find_map(|(source, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            let timeout = go_duration::parse(text).filter(|timeout| !timeout.is_negative());
            if timeout.is_none() {
                ignored.push(format!("{source} is {:?}, which is no duration such as 1h30m", shown(text)));
            }
            timeout
        })
    };
    let texts = (document, environment);
    let mut timeouts = Timeouts {
        pipeline: field(
            keys::PIPELINE_TIMEOUT,
            "PIPELINE_TIMEOUT",
            texts.0.pipeline.as_ref(),
            texts.1.pipeline.as_ref(),
        ),
        tasks: field(keys::TASKS_TIMEOUT, "TASKS_TIMEOUT", texts.0.tasks.as_ref(), texts.1.tasks.as_ref()),
        finally: field(keys::FINALLY_TIMEOUT, "FINALLY_TIMEOUT", texts.0.finally.as_ref(), texts.1.finally.as_ref()),
    };
    fit(&mut timeouts, &mut ignored);
    Effective { timeouts, ignored }
}

/// Makes the three limits agree, as Tekton demands it.
fn fit(timeouts: &mut Timeouts, ignored: &mut Vec<String>) {
    /// Tekton's limit of a run that names none.
    const DEFAULT: SignedDuration = SignedDuration::from_hours(1);
    if timeouts.pipeline == Some(SignedDuration::ZERO) {
        return;
    }
    for (name, timeout) in [("tasks", &mut timeouts.tasks), ("finally", &mut timeouts.finally)] {
        if *timeout == Some(SignedDuration::ZERO) {
            *timeout = None;
            ignored.push(format!("the {name} timeout 0 (no limit) does not fit under the limit of the whole run"));
        }
    }
    let sum = timeouts.tasks.unwrap_or_default().saturating_add(timeouts.finally.unwrap_or_default());
    if sum > timeouts.pipeline.unwrap_or(DEFAULT) {
        timeouts.pipeline = Some(sum);
    }
}

fn shown(text: &str) -> &str {
    text.get(..text.floor_char_boundary(64)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
