//! Address of a PipelineRun in the console (RR-58), for annotation `log-url` (D-12).

/// Address when the administrator gave none.
const NOT_AVAILABLE: &str = "https://CONSOLE_URL_NOT_AVAILABLE";

/// Fills in the template: every placeholder is replaced once and literally; other text stays as it is. The task name
/// is not known here and becomes empty.
pub fn url(template: &str, namespace: &str, pipeline_run: &str) -> String {
    if template.is_empty() {
        return NOT_AVAILABLE.to_owned();
    }
    let placeholders = [
        ("{{NAMESPACE}}", namespace),
        ("{{ .Namespace }}", namespace),
        ("{{.Namespace}}", namespace),
        ("{{PIPELINE_RUN_NAME}}", pipeline_run),
        ("{{ .PipelineRunName }}", pipeline_run),
        ("{{.PipelineRunName}}", pipeline_run),
        ("{{TASK_NAME}}", ""),
        ("{{ .TaskName }}", ""),
        ("{{.TaskName}}", ""),
    ];
    let mut url = String::with_capacity(template.len() + namespace.len() + pipeline_run.len());
    let mut rest = template;
    while let Some(character) = rest.chars().next() {
        if let Some((after, value)) =
            placeholders.iter().find_map(|(placeholder, value)| Some((rest.strip_prefix(placeholder)?, value)))
        {
            url.push_str(value);
            rest = after;
        } else {
            url.push(character);
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    // API-261
    #[test]
    fn rr_58_placeholders_are_replaced_once_and_literally() {
        for (template, expected) in [
            ("", "https://CONSOLE_URL_NOT_AVAILABLE"),
            ("https://c/ns/{{NAMESPACE}}/{{PIPELINE_RUN_NAME}}/{{TASK_NAME}}", "https://c/ns/team/run-1/"),
            ("https://c/{{ .Namespace }}/{{.PipelineRunName}}?{{ .TaskName }}", "https://c/team/run-1?"),
            ("https://c/{{  .Namespace }}/ü{{", "https://c/{{  .Namespace }}/ü{{"),
        ] {
            assert_eq!(url(template, "team", "run-1"), expected);
        }
        assert_eq!(url("{{NAMESPACE}}", "{{PIPELINE_RUN_NAME}}", "run"), "{{PIPELINE_RUN_NAME}}", "one pass only");
    }
}
