//! Annotation `added-to-global-candidate-list`: whether the candidate image was updated (API-182).

use jiff::Timestamp;

use super::{JsonObject, ObjectWriter, rfc3339};

/// Reason of a marker that says yes.
pub const SUCCESS: &str = "Success";

/// The marker. The update is done exactly when one can be read and its `result` is true; everything else means it
/// is still to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GclMarker {
    /// Whether the candidate was updated.
    pub result: bool,
    /// [`SUCCESS`], or what went wrong with which component.
    pub reason: String,
    /// When; the Unix epoch where it cannot be read.
    pub last_updated: Timestamp,
}

impl GclMarker {
    /// Reads the annotation. `None` when it is absent, empty or broken.
    pub fn parse(annotation: Option<&str>) -> Option<Self> {
        let object = JsonObject::parse(annotation?).ok()?;
        let time: Option<String> = object.optional("lastupdatedtime").ok()?;
        Some(Self {
            result: object.optional("result").ok()?.unwrap_or_default(),
            reason: object.optional("reason").ok()?.unwrap_or_default(),
            last_updated: time.and_then(|text| rfc3339::parse(&text)).unwrap_or_default(),
        })
    }

    /// The annotation value; the time is in UTC and whole seconds.
    pub fn to_annotation(&self) -> String {
        let mut object = ObjectWriter::new();
        object.raw("result", if self.result { "true" } else { "false" });
        object.text("reason", &self.reason);
        object.text("lastupdatedtime", &rfc3339::seconds(self.last_updated));
        object.finish()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn api_182_the_marker_is_written_in_utc_seconds_and_read_back() {
        let marker = GclMarker {
            result: true,
            reason: SUCCESS.to_owned(),
            last_updated: rfc3339::parse("2024-01-02T05:04:05+02:00").unwrap(),
        };
        let text = marker.to_annotation();
        assert_eq!(text, r#"{"result":true,"reason":"Success","lastupdatedtime":"2024-01-02T03:04:05Z"}"#);
        assert_eq!(GclMarker::parse(Some(&text)), Some(marker));
    }

    // API-182, row 63 of the edge cases.
    #[rstest]
    #[case(None, None)]
    #[case(Some(""), None)]
    #[case(Some(r#"{"result":true"#), None)]
    #[case(Some("null"), None)]
    #[case(Some("[]"), None)]
    #[case(Some(r#"{"result":"true"}"#), None)]
    #[case(Some(r#"{"reason":"x"}"#), Some(false))]
    #[case(Some(r#"{"result":false,"reason":"no image"}"#), Some(false))]
    #[case(Some(r#"{"result":true,"lastupdatedtime":"2024-01-02T05:04:05+02:00"}"#), Some(true))]
    #[case(Some(r#"{"result":true,"lastupdatedtime":"yesterday","more":1}"#), Some(true))]
    fn api_182_only_a_readable_true_means_added(#[case] annotation: Option<&str>, #[case] expected: Option<bool>) {
        assert_eq!(GclMarker::parse(annotation).map(|marker| marker.result), expected);
    }
}
