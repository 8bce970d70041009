//! Task results `TEST_OUTPUT` and `HACBS_TEST_OUTPUT` (API-170 … API-175, RR-45).

use std::sync::LazyLock;

use regex::Regex;

use super::JsonObject;

/// Name of the result.
pub const TEST_OUTPUT: &str = "TEST_OUTPUT";
/// Its old name.
pub const HACBS_TEST_OUTPUT: &str = "HACBS_TEST_OUTPUT";

/// What a test says about itself; counters do not matter (RR-48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TestResult {
    /// `SUCCESS`.
    Success,
    /// `SKIPPED`.
    Skipped,
    /// `WARNING`.
    Warning,
    /// `FAILURE`.
    Failure,
    /// `ERROR`.
    Error,
}

impl TestResult {
    /// Reads the name on the wire, in capitals.
    pub fn from_wire(name: &str) -> Option<Self> {
        Some(match name {
            "SUCCESS" => Self::Success,
            "SKIPPED" => Self::Skipped,
            "WARNING" => Self::Warning,
            "FAILURE" => Self::Failure,
            "ERROR" => Self::Error,
            _ => return None,
        })
    }

    /// The name on the wire.
    pub fn wire(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Skipped => "SKIPPED",
            Self::Warning => "WARNING",
            Self::Failure => "FAILURE",
            Self::Error => "ERROR",
        }
    }
}

/// A valid test output (API-171).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestOutput {
    /// Outcome.
    pub result: TestResult,
    /// Ten digits of Unix seconds, or an ISO 8601 time, as it was read.
    pub timestamp: String,
    /// Number of successes.
    pub successes: u64,
    /// Number of failures.
    pub failures: u64,
    /// Number of warnings.
    pub warnings: u64,
    /// Rego namespace; `""` when absent.
    pub namespace: String,
    /// Text for people; `""` when absent.
    pub note: String,
}

/// The result of this name is a test output (API-170).
pub fn is_result_name(name: &str) -> bool {
    name == TEST_OUTPUT || name == HACBS_TEST_OUTPUT
}

/// Reads the value of the result. The error is a reason for people that names the key; the caller adds which task
/// and which result it was (RR-46).
pub fn parse(text: &str) -> Result<TestOutput, String> {
    let object = JsonObject::parse(text)?;
    let result: String = object.required("result")?;
    let result = TestResult::from_wire(&result)
        .ok_or_else(|| format!("`result` is `{result}`, not SUCCESS, FAILURE, WARNING, SKIPPED or ERROR"))?;
    let timestamp: String = object.required("timestamp")?;
    if !TIMESTAMP.as_ref().is_some_and(|pattern| pattern.is_match(&timestamp)) {
        return Err(format!("`timestamp` is `{timestamp}`, neither ten digits nor an ISO 8601 time"));
    }
    Ok(TestOutput {
        result,
        timestamp,
        successes: count(&object, "successes")?,
        failures: count(&object, "failures")?,
        warnings: count(&object, "warnings")?,
        namespace: object.optional("namespace")?.unwrap_or_default(),
        note: object.optional("note")?.unwrap_or_default(),
    })
}

/// A counter: a plain integer literal of at most 63 bit, not negative.
fn count(object: &JsonObject, key: &str) -> Result<u64, String> {
    let refused = || format!("`{key}` is not a whole number of 0 or more");
    let count: serde_json::Value = object.required(key)?;
    let count: i64 = serde_json::from_value(count).map_err(|_| refused())?;
    u64::try_from(count).map_err(|_| refused())
}

/// `None` only if the pattern did not compile, which the tests exclude; then every output is invalid.
static TIMESTAMP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(?:[0-9]{10}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)$",
    )
    .ok()
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// A valid output with one key replaced by other JSON text.
    fn with(key: &str, value: &str) -> String {
        let mut members = vec![
            ("result", r#""SUCCESS""#),
            ("timestamp", r#""1660659296""#),
            ("successes", "3"),
            ("failures", "0"),
            ("warnings", "0"),
        ];
        members.retain(|(name, _)| *name != key);
        let mut text: Vec<String> = members.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
        if !value.is_empty() {
            text.push(format!(r#""{key}":{value}"#));
        }
        format!("{{{}}}", text.join(","))
    }

    #[test]
    fn api_171_a_valid_output_is_read() {
        let text = r#"
            {"result":"WARNING","timestamp":"2023-10-07T10:00:00.5+02:00","successes":1,"failures":2,"warnings":3,
             "namespace":"ns","note":"n","more":{"deep":[null]}}
        "#;
        assert_eq!(
            parse(text),
            Ok(TestOutput {
                result: TestResult::Warning,
                timestamp: "2023-10-07T10:00:00.5+02:00".to_owned(),
                successes: 1,
                failures: 2,
                warnings: 3,
                namespace: "ns".to_owned(),
                note: "n".to_owned(),
            })
        );
    }

    #[test]
    fn api_175_missing_texts_are_empty() {
        let output = parse(&with("x", "")).unwrap();
        assert_eq!((output.namespace.as_str(), output.note.as_str()), ("", ""));
    }

    // RR-45: keys, types and literals; rows 41 to 44 of the edge cases.
    #[rstest]
    #[case("timestamp", r#""2023-10-07T10:00:00""#)]
    #[case("timestamp", r#""2023-10-07T10:00:00Z""#)]
    #[case("timestamp", r#""2023-10-07T10:00:00.123456789012-05:30""#)]
    #[case("timestamp", r#""9999-99-99T99:99:99""#)]
    #[case("successes", "9223372036854775807")]
    #[case("successes", "0")]
    #[case("note", r#""""#)]
    #[case("result", r#""SKIPPED""#)]
    #[case("result", r#""ERROR""#)]
    #[case("result", r#""FAILURE""#)]
    fn rr_45_valid_values(#[case] key: &str, #[case] value: &str) {
        assert!(parse(&with(key, value)).is_ok());
    }

    #[rstest]
    #[case("timestamp", "1660659296")]
    #[case("timestamp", r#""1660659296\n""#)]
    #[case("timestamp", r#""166065929""#)]
    #[case("timestamp", r#""16606592960""#)]
    #[case("timestamp", r#""2023-10-07T10:00:00z""#)]
    #[case("timestamp", r#""2023-10-07 10:00:00""#)]
    #[case("timestamp", r#""2023-10-07T10:00:00.Z""#)]
    #[case("timestamp", r#""١٦٦٠٦٥٩٢٩٦""#)]
    #[case("timestamp", "")]
    #[case("successes", "1.0")]
    #[case("successes", r#""1""#)]
    #[case("successes", "-1")]
    #[case("successes", "1e2")]
    #[case("failures", "9223372036854775808")]
    #[case("failures", "null")]
    #[case("warnings", "")]
    #[case("warnings", "true")]
    #[case("result", r#""success""#)]
    #[case("result", r#""PASSED""#)]
    #[case("result", "null")]
    #[case("result", "")]
    #[case("namespace", "null")]
    #[case("note", "1")]
    fn rr_46_the_reason_names_the_key(#[case] key: &str, #[case] value: &str) {
        let reason = parse(&with(key, value)).unwrap_err();
        assert!(reason.contains(&format!("`{key}`")), "{reason}");
    }

    // API-170, API-172, API-173, RR-44: an array result has the value "".
    #[rstest]
    #[case("")]
    #[case(" ")]
    #[case("null")]
    #[case("[]")]
    #[case(r#""SUCCESS""#)]
    #[case("{}")]
    #[case("{")]
    fn api_172_anything_but_one_object_is_invalid(#[case] text: &str) {
        assert!(parse(text).is_err());
    }

    #[test]
    fn api_172_nothing_but_white_space_may_follow() {
        let valid = with("x", "");
        assert!(parse(&format!("\n\t {valid} \r\n")).is_ok());
        assert!(parse(&format!("{valid},")).is_err());
        assert!(parse(&format!("{valid}{valid}")).is_err());
        assert!(parse(&format!("{valid}\u{a0}")).is_err());
    }

    #[test]
    fn api_172_keys_are_case_sensitive() {
        let text = with("result", "").replace('{', r#"{"Result":"SUCCESS","#);
        assert!(parse(&text).unwrap_err().contains("`result` is missing"));
    }

    #[test]
    fn api_172_of_a_repeated_key_the_last_value_counts() {
        let text = with("result", r#""FAILURE","result":"SUCCESS""#);
        assert_eq!(parse(&text).map(|output| output.result), Ok(TestResult::Success));
    }

    #[test]
    fn rr_48_counters_do_not_change_the_result() {
        assert_eq!(parse(&with("failures", "7")).map(|output| output.result), Ok(TestResult::Success));
    }

    #[test]
    fn api_171_results_have_one_name_each() {
        let all =
            [TestResult::Success, TestResult::Skipped, TestResult::Warning, TestResult::Failure, TestResult::Error];
        for result in all {
            assert_eq!(TestResult::from_wire(result.wire()), Some(result));
        }
        assert_eq!(TestResult::from_wire("Success"), None);
    }

    #[test]
    fn rr_42_both_result_names_are_known() {
        assert!(is_result_name("TEST_OUTPUT") && is_result_name("HACBS_TEST_OUTPUT"));
        assert!(!is_result_name("test_output"));
    }

    proptest! {
        #[test]
        fn rr_45_no_text_panics(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn rr_45_no_value_panics(key in "result|timestamp|successes|note", value in r#"[-0-9eE.\[\]{}":,a-z\\]{0,20}"#) {
            let _ = parse(&with(&key, &value));
        }
    }
}
