//! The console URL of a test PipelineRun (RR-58).

/// Pattern used where none is configured.
const NOT_AVAILABLE: &str = "https://CONSOLE_URL_NOT_AVAILABLE";

/// Every spelling of a placeholder, with what it stands for.
const PLACEHOLDERS: [(&str, Placeholder); 9] = [
    ("{{NAMESPACE}}", Placeholder::Namespace),
    ("{{ .Namespace }}", Placeholder::Namespace),
    ("{{.Namespace}}", Placeholder::Namespace),
    ("{{PIPELINE_RUN_NAME}}", Placeholder::PipelineRun),
    ("{{ .PipelineRunName }}", Placeholder::PipelineRun),
    ("{{.PipelineRunName}}", Placeholder::PipelineRun),
    ("{{TASK_NAME}}", Placeholder::Task),
    ("{{ .TaskName }}", Placeholder::Task),
    ("{{.TaskName}}", Placeholder::Task),
];

#[derive(Clone, Copy)]
enum Placeholder {
    Namespace,
    PipelineRun,
    Task,
}

/// Pattern of the web page of a PipelineRun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleUrl(String);

impl ConsoleUrl {
    /// Takes the value of `CONSOLE_URL`; empty means not configured.
    pub fn new(pattern: &str) -> Self {
        Self(if pattern.is_empty() { NOT_AVAILABLE } else { pattern }.to_owned())
    }

    /// The page of this PipelineRun. One pass of literal substitution: what was put in is not looked at again, other
    /// spellings stay as they are (RR-58).
    pub fn of(&self, namespace: &str, pipeline_run: &str) -> String {
        let mut rest = self.0.as_str();
        let mut url = String::with_capacity(rest.len() + namespace.len() + pipeline_run.len());
        while let Some(at) = rest.find("{{") {
            let (before, tail) = rest.split_at(at);
            url.push_str(before);
            let placeholder = PLACEHOLDERS.iter().find_map(|(text, what)| Some((tail.strip_prefix(text)?, what)));
            let Some((after, what)) = placeholder else {
                url.push('{');
                rest = tail.strip_prefix('{').unwrap_or_default();
                continue;
            };
            url.push_str(match what {
                Placeholder::Namespace => namespace,
                Placeholder::PipelineRun => pipeline_run,
                Placeholder::Task => "",
            });
            rest = after;
        }
        url.push_str(rest);
        url
    }
}

impl Default for ConsoleUrl {
    fn default() -> Self {
        Self::new("")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // RR-58
    #[rstest]
    #[case("", "https://CONSOLE_URL_NOT_AVAILABLE")]
    #[case("https://e/ns/{{NAMESPACE}}/plr/{{PIPELINE_RUN_NAME}}", "https://e/ns/default/plr/p")]
    #[case(
        "https://e/{{ .Namespace }}/{{.Namespace}}/{{ .PipelineRunName }}/{{.PipelineRunName}}",
        "https://e/default/default/p/p"
    )]
    #[case("https://e/{{TASK_NAME}}{{ .TaskName }}{{.TaskName}}x", "https://e/x")]
    #[case("https://e/{{  .Namespace}}/{{{NAMESPACE}}}/{{", "https://e/{{  .Namespace}}/{default}/{{")]
    fn rr_58_placeholders_are_replaced_literally(#[case] pattern: &str, #[case] expected: &str) {
        assert_eq!(ConsoleUrl::new(pattern).of("default", "p"), expected);
    }

    // RR-58
    #[test]
    fn rr_58_replaced_text_is_not_looked_at_again() {
        assert_eq!(ConsoleUrl::new("{{NAMESPACE}}").of("{{PIPELINE_RUN_NAME}}", "p"), "{{PIPELINE_RUN_NAME}}");
    }
}
