//! Annotation `create-snapshot-status` on build PipelineRuns (API-183). On Snapshots the same key holds plain text.

use super::{JsonObject, ObjectWriter};

/// How the creation of a Snapshot for a build ended; user interfaces show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreateSnapshotStatus {
    /// The Snapshot exists.
    Success {
        /// Names the annotation that holds the Snapshot's name.
        message: String,
    },
    /// There is no Snapshot.
    Failed {
        /// The reason.
        message: String,
    },
}

impl CreateSnapshotStatus {
    /// Reads the annotation; `None` for plain text and anything else that is no such document.
    pub fn parse(text: &str) -> Option<Self> {
        let object = JsonObject::parse(text).ok()?;
        let message = object.required("message").ok()?;
        match object.required::<String>("status").ok()?.as_str() {
            "success" => Some(Self::Success { message }),
            "failed" => Some(Self::Failed { message }),
            _ => None,
        }
    }

    /// The annotation value.
    pub fn to_annotation(&self) -> String {
        let (message, status) = match self {
            Self::Success { message } => (message, "success"),
            Self::Failed { message } => (message, "failed"),
        };
        let mut object = ObjectWriter::new();
        object.text("message", message);
        object.text("status", status);
        object.finish()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn api_183_message_comes_before_status() {
        let status = CreateSnapshotStatus::Failed { message: "Failed to create snapshot: \"x\" <no image>".to_owned() };
        let text = status.to_annotation();
        assert_eq!(text, r#"{"message":"Failed to create snapshot: \"x\" \u003cno image\u003e","status":"failed"}"#);
        assert_eq!(CreateSnapshotStatus::parse(&text), Some(status));
        let status = CreateSnapshotStatus::Success { message: "done".to_owned() };
        assert_eq!(status.to_annotation(), r#"{"message":"done","status":"success"}"#);
        assert_eq!(CreateSnapshotStatus::parse(&status.to_annotation()), Some(status));
    }

    #[rstest]
    #[case("c1, c2")]
    #[case("")]
    #[case(r#"{"status":"success"}"#)]
    #[case(r#"{"message":"m","status":"done"}"#)]
    #[case(r#"{"message":1,"status":"failed"}"#)]
    fn api_183_plain_text_is_no_status(#[case] text: &str) {
        assert_eq!(CreateSnapshotStatus::parse(text), None);
    }
}
