//! Reading (API-156, API-157, RR-5 … RR-8, TR-37, TR-38).

use super::*;

#[test]
fn api_156_absent_and_empty_are_no_scenarios() {
    assert_eq!(StatusArray::parse(None), Ok(StatusArray::default()));
    assert_eq!(StatusArray::parse(Some("")), Ok(StatusArray::default()));
    assert!(parse("[]").is_empty());
    assert_eq!(written(&StatusArray::default()), "[]");
}

#[rstest]
#[case("null", "null")]
#[case("{}", "an object")]
#[case("3", "a number")]
#[case("true", "a boolean")]
#[case(r#""[]""#, "a string")]
#[case("[", "broken JSON")]
#[case("[] []", "broken JSON")]
#[case(" ", "broken JSON")]
fn api_156_anything_but_an_array_is_an_error_that_names_it(#[case] text: &str, #[case] found: &str) {
    let error = StatusArray::parse(Some(text)).unwrap_err().to_string();
    assert!(error.contains(found), "{error}");
}

#[test]
fn api_157_all_fields_are_read() {
    let array = parse(
        r#" [ {"scenario":"x","status":"TestFail","lastUpdateTime":"2026-11-22T15:07:07.152355088Z","details":"d",
            "startTime":"2026-11-22T17:07:07+02:00","completionTime":"2026-11-22T15:07:08Z","testPipelineRunName":"p",
            "isOptionalScenario":true,"runAfter":["a","b"],"attempt":3} ] "#,
    );
    let mut expected = Entry::new("x", TestStatus::TestFail, "d".to_owned(), at("2026-11-22T15:07:07.152355088Z"));
    expected.start_time = Some(at("2026-11-22T15:07:07Z"));
    expected.completion_time = Some(at("2026-11-22T15:07:08Z"));
    expected.pipeline_run = "p".to_owned();
    expected.optional = true;
    expected.run_after = vec!["a".to_owned(), "b".to_owned()];
    expected.attempt = Some(3);
    assert_eq!(array.entries().collect::<Vec<_>>(), [&expected]);
    assert_eq!(expected.attempt(), 3);
}

#[test]
fn api_157_only_three_keys_are_required() {
    let array = parse(r#"[{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z"}]"#);
    assert_eq!(array.get("x"), Some(&Entry::new("x", TestStatus::Pending, String::new(), at("2024-01-02T03:04:05Z"))));
    assert_eq!(array.get("x").map(Entry::attempt), Some(1), "TR-B50: absent is the first run");
    assert_eq!(array.get("y"), None);
}

// API-B4, RR-6, TR-B19, row 36 of the edge cases: such a member does not spoil the others.
#[rstest]
#[case("null", None, "not a JSON object")]
#[case("7", None, "not a JSON object")]
#[case(r#"{"status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z"}"#, None, "`scenario` is missing")]
#[case(r#"{"scenario":7}"#, None, "`scenario`")]
#[case(r#"{"scenario":"x"}"#, Some("x"), "`status` is missing")]
#[case(r#"{"scenario":"x","status":"Pending"}"#, Some("x"), "`lastUpdateTime` is missing")]
#[case(r#"{"scenario":"x","status":"Unknown","lastUpdateTime":"2024-01-02T03:04:05Z"}"#, Some("x"), "`Unknown`")]
#[case(r#"{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02 03:04:05Z"}"#, Some("x"), "`lastUpdateTime`")]
#[case(
    r#"{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","details":null}"#,
    Some("x"),
    "`details`"
)]
#[case(
    r#"{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","isOptionalScenario":"true"}"#,
    Some("x"),
    "`isOptionalScenario`"
)]
#[case(
    r#"{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","runAfter":["a",1]}"#,
    Some("x"),
    "`runAfter`"
)]
#[case(
    r#"{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","startTime":"now"}"#,
    Some("x"),
    "`startTime`"
)]
#[case(
    r#"{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","attempt":0}"#,
    Some("x"),
    "`attempt`"
)]
#[case(
    r#"{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","attempt":1.5}"#,
    Some("x"),
    "`attempt`"
)]
fn api_b4_a_malformed_member_is_kept_as_it_is(
    #[case] member: &str,
    #[case] scenario: Option<&str>,
    #[case] reason: &str,
) {
    let good = r#"{"scenario":"good","status":"TestPassed","lastUpdateTime":"2024-01-02T03:04:05Z"}"#;
    let text = format!("[{good},{member}]");
    let array = parse(&text);
    assert!(array.get("good").is_some());
    let [opaque] = array.opaque() else { panic!("{:?}", array.opaque()) };
    assert_eq!(opaque.scenario.as_deref(), scenario);
    assert!(opaque.reason.contains(reason), "{}", opaque.reason);
    assert_eq!(array.has_opaque("x"), scenario.is_some());
    assert!(!array.has_opaque("good") && !array.is_empty());
    assert_eq!(written(&array), text);
}

// RR-6, TR-38, row 37 of the edge cases.
#[test]
fn rr_6_of_two_members_for_a_scenario_the_last_wins() {
    let first = r#"{"scenario":"x","status":"TestPassed","lastUpdateTime":"2024-01-02T03:04:05Z"}"#;
    let second = r#"{"scenario":"x","status":"TestFail","lastUpdateTime":"2024-01-02T03:04:05Z"}"#;
    let unknown = r#"{"scenario":"x","status":"New","lastUpdateTime":"2024-01-02T03:04:05Z"}"#;
    let array = parse(&format!("[{first},{second}]"));
    assert_eq!(array.entries().map(|entry| entry.status).collect::<Vec<_>>(), [TestStatus::TestFail]);
    assert_eq!(written(&parse(&format!("[{unknown},{first}]"))), format!("[{first}]"));
    let array = parse(&format!("[{first},{unknown}]"));
    assert!(array.get("x").is_none() && array.has_opaque("x"));
}

// RR-7
#[test]
fn rr_b9_the_order_of_members_does_not_matter() {
    let member =
        |name: &str| format!(r#"{{"scenario":"{name}","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z"}}"#);
    let sorted = format!("[{},{},{},1]", member("a"), r#"{"scenario":"b"}"#, member("c"));
    let array = parse(&format!("[1,{},{},{}]", member("c"), r#"{"scenario":"b"}"#, member("a")));
    assert_eq!(written(&array), sorted);
    assert_eq!(array, parse(&sorted));
    assert_eq!(array.entries().map(|entry| entry.scenario.as_str()).collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn rr_8_escaped_and_plain_characters_are_the_same() {
    let escaped =
        r#"[{"scenario":"x","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","details":"a\u003cb"}]"#;
    let plain = escaped.replace("\\u003c", "<");
    assert_eq!(parse(escaped), parse(&plain));
    let mut array = parse(&plain);
    array.set_pipeline_run("x", "p");
    assert!(written(&array).contains(r"a\u003cb"));
}
