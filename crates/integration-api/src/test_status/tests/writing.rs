//! Writing (RR-5, RR-B10, TR-37, TR-B7).

use super::*;

#[test]
fn rr_5_fields_are_written_in_their_order_and_only_if_set() {
    let mut array = StatusArray::default();
    array.update("s", TestStatus::Pending, "", at("2024-01-02T03:04:05.120Z"));
    assert_eq!(
        written(&array),
        r#"[{"scenario":"s","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05.12Z","details":""}]"#
    );
    array.update("s", TestStatus::InProgress, "d", t(1));
    array.update("s", TestStatus::TestPassed, "d", t(2));
    array.set_pipeline_run("s", "p");
    array.set_optional("s", true);
    array.set_run_after("s", &["a".to_owned(), "b".to_owned()]);
    array.set_attempt("s", 2);
    assert_eq!(
        written(&array),
        concat!(
            r#"[{"scenario":"s","status":"TestPassed","lastUpdateTime":"2024-01-02T03:02:00Z","details":"d","#,
            r#""startTime":"2024-01-02T03:01:00Z","completionTime":"2024-01-02T03:02:00Z","#,
            r#""testPipelineRunName":"p","isOptionalScenario":true,"runAfter":["a","b"],"attempt":2}]"#
        )
    );
}

#[test]
fn rr_5_a_rewritten_entry_keeps_the_offset_of_times_it_had() {
    let mut array = parse(
        r#"[{"scenario":"s","status":"InProgress","lastUpdateTime":"2024-01-02T05:04:05.10+02:00","startTime":"2024-01-02T05:04:05+02:00"}]"#,
    );
    array.set_pipeline_run("s", "p");
    assert!(written(&array).contains(r#""lastUpdateTime":"2024-01-02T05:04:05.10+02:00""#));
    array.update("s", TestStatus::TestPassed, "", t(1));
    let text = written(&array);
    assert!(text.contains(r#""startTime":"2024-01-02T05:04:05+02:00""#), "{text}");
    assert!(text.contains(r#""lastUpdateTime":"2024-01-02T03:01:00Z""#), "{text}");
}

#[test]
fn tr_b7_unknown_keys_survive_a_change_and_other_members_stay_as_they_are() {
    let untouched = r#"{"status":"Pending", "scenario":"a","lastUpdateTime":"2024-01-02T03:04:05.000Z","n":1.50}"#;
    let touched =
        r#"{"new":{"k":[1.0, 2e3]},"scenario":"b","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z"}"#;
    let mut array = parse(&format!("[{touched},{untouched}]"));
    array.set_pipeline_run("b", "p");
    assert_eq!(
        written(&array),
        format!(
            "[{untouched},{}]",
            concat!(
                r#"{"scenario":"b","status":"Pending","lastUpdateTime":"2024-01-02T03:04:05Z","details":"","#,
                r#""testPipelineRunName":"p","new":{"k":[1.0, 2e3]}}"#
            )
        )
    );
}

/// `n` scenarios with this prefix and status, each with details of 1000 bytes.
fn add(array: &mut StatusArray, prefix: &str, status: TestStatus, n: usize) {
    for i in 0..n {
        array.update(&format!("{prefix}{i:03}"), status, &"é".repeat(500), t(1));
    }
}

// API-B18: details at most 1 KiB, cut between characters.
#[test]
fn rr_b10_details_are_cut_to_a_kibibyte() {
    let mut array = StatusArray::default();
    array.update("s", TestStatus::TestFail, &"é".repeat(600), t(1));
    let details = array.get("s").unwrap().details.clone();
    assert!(details.len() <= DETAILS_LIMIT && details.ends_with("é…"), "{details}");
    assert!(!array.update("s", TestStatus::TestFail, &"é".repeat(600), t(2)), "the same text again is no change");
}

#[test]
fn rr_b10_too_large_an_array_shortens_passed_then_final_then_all() {
    let mut array = StatusArray::default();
    add(&mut array, "passed", TestStatus::TestPassed, 60);
    add(&mut array, "failed", TestStatus::TestFail, 60);
    add(&mut array, "waiting", TestStatus::Pending, 60);
    let whole = array.to_annotation_within(WarningWireName::default(), usize::MAX);
    assert!(whole.len() > ARRAY_LIMIT);
    let longest = |text: &str, prefix: &str| {
        let array = parse(text);
        array.entries().filter(|e| e.scenario.starts_with(prefix)).map(|e| e.details.len()).max().unwrap()
    };
    let first = written(&array);
    assert!(first.len() <= ARRAY_LIMIT);
    assert_eq!((longest(&first, "passed"), longest(&first, "failed")), (63, 1000), "é has two bytes");
    let second = array.to_annotation_within(WarningWireName::default(), first.len() - 1);
    assert_eq!((longest(&second, "failed"), longest(&second, "waiting")), (63, 1000));
    let third = array.to_annotation_within(WarningWireName::default(), second.len() - 1);
    assert_eq!(longest(&third, "waiting"), 63);
    let last = array.to_annotation_within(WarningWireName::default(), 1);
    assert_eq!(last, third, "more cannot be saved");
    let mut read = parse(&third);
    assert!(!read.update("failed000", TestStatus::TestFail, &"é".repeat(500), t(2)), "shortened text is the same text");
}
