//! Annotation `auto-release-state` on Snapshots: why the automatic release has not happened yet (TR-B50).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{JsonObject, ObjectWriter, rfc3339};

/// What the release waits for and what failed so far. All of it may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoReleaseState {
    /// What it waits for.
    pub waiting_for: Option<String>,
    /// How long it waits at most.
    pub until: Option<Timestamp>,
    /// ReleasePlan to its error.
    pub errors: BTreeMap<String, String>,
}

impl AutoReleaseState {
    /// Reads the annotation. What is absent or cannot be read counts as not there: the state is written anew.
    pub fn parse(annotation: Option<&str>) -> Self {
        let Some(object) = annotation.and_then(|text| JsonObject::parse(text).ok()) else {
            return Self::default();
        };
        Self {
            waiting_for: object.lenient("waitingFor"),
            until: object.lenient::<String>("until").and_then(|text| rfc3339::parse(&text)),
            errors: object.lenient("errors").unwrap_or_default(),
        }
    }

    /// The annotation value; `{}` when there is nothing to say.
    pub fn to_annotation(&self) -> String {
        let mut object = ObjectWriter::new();
        object.optional_text("waitingFor", self.waiting_for.as_deref());
        object.optional_text("until", self.until.map(rfc3339::seconds).as_deref());
        if !self.errors.is_empty() {
            let mut errors = ObjectWriter::new();
            for (plan, error) in &self.errors {
                errors.text(plan, error);
            }
            object.raw("errors", &errors.finish());
        }
        object.finish()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn tr_b50_the_state_is_read_back() {
        let state = AutoReleaseState {
            waiting_for: Some("build-b of component c".to_owned()),
            until: rfc3339::parse("2024-01-02T03:04:05Z"),
            errors: BTreeMap::from([("plan".to_owned(), "no such key: x".to_owned())]),
        };
        let text = state.to_annotation();
        assert_eq!(
            text,
            concat!(
                r#"{"waitingFor":"build-b of component c","until":"2024-01-02T03:04:05Z","#,
                r#""errors":{"plan":"no such key: x"}}"#
            )
        );
        assert_eq!(AutoReleaseState::parse(Some(&text)), state);
        assert_eq!(AutoReleaseState::default().to_annotation(), "{}");
    }

    #[rstest]
    #[case(None)]
    #[case(Some(""))]
    #[case(Some("null"))]
    #[case(Some(r#"{"waitingFor":null,"until":"soon","errors":[]}"#))]
    fn tr_b50_what_cannot_be_read_is_absent(#[case] annotation: Option<&str>) {
        assert_eq!(AutoReleaseState::parse(annotation), AutoReleaseState::default());
    }
}
