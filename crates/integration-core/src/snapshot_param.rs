//! The parameter SNAPSHOT of test PipelineRuns (API-196, TR-114, TR-B32).

use integration_api::snapshot::SnapshotSpec;

/// The Snapshot's spec as compact JSON: known fields in a fixed order, unknown ones behind them. Tests read it.
///
/// `<`, `>`, `&` and the two Unicode line separators are escaped as Go does it, so that a value is the same whoever
/// wrote it; nobody may rely on the bytes (TR-B33).
pub fn snapshot_param(spec: &SnapshotSpec) -> String {
    // Serialisation of strings, lists and string-keyed maps into memory does not fail.
    let json = serde_json::to_string(spec).unwrap_or_default();
    // Outside of strings JSON has none of these characters.
    [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")]
        .into_iter()
        .fold(json, |json, (char, escaped)| if json.contains(char) { json.replace(char, escaped) } else { json })
}

#[cfg(test)]
mod tests {
    use integration_api::component::{ComponentSource, GitSource, SourceVersion};
    use integration_api::snapshot::SnapshotComponent;
    use serde_json::{Value, json};

    use super::*;

    fn component(name: &str, image: &str) -> SnapshotComponent {
        SnapshotComponent { name: name.to_owned(), container_image: image.to_owned(), ..SnapshotComponent::default() }
    }

    // API-196
    #[test]
    fn api_196_the_smallest_value() {
        let spec = SnapshotSpec {
            application: "app".to_owned(),
            components: vec![component("c", "i")],
            ..SnapshotSpec::default()
        };
        assert_eq!(
            snapshot_param(&spec),
            r#"{"application":"app","components":[{"name":"c","containerImage":"i","source":{}}],"artifacts":{}}"#,
        );
    }

    // API-196, TR-114; 01 §9 row 75
    #[test]
    fn api_196_keys_have_a_fixed_order() {
        let mut built = component("c1", "q.io/o/i@sha256:1");
        "main".clone_into(&mut built.version);
        built.source = ComponentSource {
            git: Some(GitSource {
                url: "https://h/o/r".to_owned(),
                revision: "abc".to_owned(),
                context: "sub".to_owned(),
                devfile_url: "d".to_owned(),
                dockerfile_url: "f".to_owned(),
            }),
            url: "https://h/o/r".to_owned(),
            dockerfile_uri: "Dockerfile".to_owned(),
            versions: vec![SourceVersion {
                build_pipeline: Some(json!({"p": 1})),
                context: "x".to_owned(),
                dockerfile_uri: "D".to_owned(),
                name: "v".to_owned(),
                revision: "r".to_owned(),
                skip_builds: Some(true),
            }],
        };
        let spec = SnapshotSpec {
            component_group: "group".to_owned(),
            display_name: "n".to_owned(),
            display_description: "d".to_owned(),
            components: vec![built],
            ..SnapshotSpec::default()
        };
        assert_eq!(
            snapshot_param(&spec),
            concat!(
                r#"{"componentGroup":"group","displayName":"n","displayDescription":"d","components":[{"name":"c1","#,
                r#""version":"main","containerImage":"q.io/o/i@sha256:1","source":{"git":{"url":"https://h/o/r","#,
                r#""revision":"abc","context":"sub","devfileUrl":"d","dockerfileUrl":"f"},"url":"https://h/o/r","#,
                r#""dockerfileUri":"Dockerfile","versions":[{"build-pipeline":{"p":1},"context":"x","#,
                r#""dockerfileUri":"D","name":"v","revision":"r","skip-builds":true}]}}],"artifacts":{}}"#,
            )
        );
    }

    // API-196, TR-B33
    #[test]
    fn tr_b33_html_characters_are_escaped_and_read_back_equal() {
        let spec = SnapshotSpec { display_name: "a<b>&c\u{2028}\"".to_owned(), ..SnapshotSpec::default() };
        let text = snapshot_param(&spec);
        assert_eq!(text, r#"{"displayName":"a\u003cb\u003e\u0026c\u2028\"","artifacts":{}}"#);
        assert_eq!(serde_json::from_str::<SnapshotSpec>(&text).unwrap(), spec);
    }

    // TR-B32
    #[test]
    fn tr_b32_unknown_fields_follow_the_known_ones() {
        let stored = json!({
            "future": 1,
            "application": "app",
            "artifacts": {"unstableFields": {"b": 1, "a": 2}},
            "components": [{"sbom": {"z": 1}, "name": "c", "containerImage": "i"}],
        });
        let spec: SnapshotSpec = serde_json::from_value(stored.clone()).unwrap();
        let text = snapshot_param(&spec);
        assert_eq!(
            text,
            concat!(
                r#"{"application":"app","components":[{"name":"c","containerImage":"i","source":{},"sbom":{"z":1}}],"#,
                r#""artifacts":{"unstableFields":{"b":1,"a":2}},"future":1}"#,
            )
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap().get("future"), stored.get("future"));
    }
}
