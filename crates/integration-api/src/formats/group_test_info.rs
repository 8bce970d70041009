//! Annotation `group-test-info` on group Snapshots: what was put together (API-180, API-181).

use super::{JsonObject, ObjectWriter};

/// One component Snapshot in a group Snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMember {
    /// Namespace of the Snapshots.
    pub namespace: String,
    /// Component.
    pub component: String,
    /// Name of its build PipelineRun.
    pub build_pipeline_run: String,
    /// Name of its component Snapshot.
    pub snapshot: String,
    /// Repository of the pull request.
    pub repo_url: String,
    /// Number of the pull request.
    pub pull_request_number: String,
    /// Version of the Component; `""` in the Application model.
    pub version: String,
}

/// The annotation is no list of group members; the text says what is wrong, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the group test info cannot be read: {0}")]
pub struct InvalidGroupTestInfo(String);

/// Reads the annotation. Keys that are not listed are ignored.
pub fn parse(text: &str) -> Result<Vec<GroupMember>, InvalidGroupTestInfo> {
    let members: Vec<JsonObject> =
        serde_json::from_str(text).map_err(|error| InvalidGroupTestInfo(format!("no array of objects ({error})")))?;
    members.iter().map(member).collect::<Result<_, _>>().map_err(InvalidGroupTestInfo)
}

/// The annotation value.
pub fn to_annotation(members: &[GroupMember]) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|member| {
            let mut object = ObjectWriter::new();
            object.text("namespace", &member.namespace);
            object.text("component", &member.component);
            object.text("buildPipelineRun", &member.build_pipeline_run);
            object.text("snapshot", &member.snapshot);
            object.text("repoUrl", &member.repo_url);
            object.text("pullRequestNumber", &member.pull_request_number);
            object.text("version", &member.version);
            object.finish()
        })
        .collect();
    format!("[{}]", members.join(","))
}

fn member(object: &JsonObject) -> Result<GroupMember, String> {
    Ok(GroupMember {
        namespace: object.required("namespace")?,
        component: object.required("component")?,
        build_pipeline_run: object.required("buildPipelineRun")?,
        snapshot: object.required("snapshot")?,
        repo_url: object.optional("repoUrl")?.unwrap_or_default(),
        pull_request_number: object.optional("pullRequestNumber")?.unwrap_or_default(),
        version: object.optional("version")?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn api_180_all_keys_are_written_in_their_order() {
        let members = [GroupMember {
            namespace: "ns".to_owned(),
            component: "c".to_owned(),
            build_pipeline_run: "b".to_owned(),
            snapshot: "s".to_owned(),
            repo_url: "https://g/x?a&b".to_owned(),
            pull_request_number: "7".to_owned(),
            version: String::new(),
        }];
        let text = to_annotation(&members);
        assert_eq!(
            text,
            concat!(
                r#"[{"namespace":"ns","component":"c","buildPipelineRun":"b","snapshot":"s","#,
                r#""repoUrl":"https://g/x?a\u0026b","pullRequestNumber":"7","version":""}]"#
            )
        );
        assert_eq!(parse(&text).unwrap(), members);
        assert_eq!(to_annotation(&[]), "[]");
    }

    #[test]
    fn api_181_only_four_keys_are_required_and_others_are_ignored() {
        let members = parse(r#" [{"namespace":"n","component":"c","buildPipelineRun":"b","snapshot":"s","x":1}] "#);
        let member = &members.unwrap()[0];
        assert_eq!((member.component.as_str(), member.repo_url.as_str()), ("c", ""));
    }

    #[rstest]
    #[case("", "no array")]
    #[case("null", "no array")]
    #[case("{}", "no array")]
    #[case("[1]", "no array")]
    #[case(r#"[{"namespace":"n","component":"c","buildPipelineRun":"b"}]"#, "`snapshot` is missing")]
    #[case(r#"[{"namespace":"n","component":"c","buildPipelineRun":"b","snapshot":"s","version":null}]"#, "`version`")]
    #[case(r#"[{"namespace":1,"component":"c","buildPipelineRun":"b","snapshot":"s"}]"#, "`namespace`")]
    fn api_181_a_violation_is_an_error_that_names_it(#[case] text: &str, #[case] expected: &str) {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
