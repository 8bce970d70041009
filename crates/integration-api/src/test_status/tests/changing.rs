//! Changing (API-160 … API-163, RR-9 … RR-14, TR-40 … TR-42).

use super::*;

/// When an entry started, completed and was last updated.
type Times = (Option<Timestamp>, Option<Timestamp>, Timestamp);

fn times(array: &StatusArray) -> Times {
    let entry = array.get("s").unwrap();
    (entry.start_time, entry.completion_time, entry.last_update_time)
}

// Rows 38 to 40 of the edge cases.
#[rstest]
#[case(TestStatus::Pending, TestStatus::InProgress, (Some(t(2)), None, t(2)))]
#[case(TestStatus::InProgress, TestStatus::TestPassed, (Some(t(1)), Some(t(2)), t(2)))]
#[case(TestStatus::InProgress, TestStatus::TestFail, (Some(t(1)), Some(t(2)), t(2)))]
#[case(TestStatus::InProgress, TestStatus::TestWarning, (Some(t(1)), Some(t(2)), t(2)))]
#[case(TestStatus::InProgress, TestStatus::TestInvalid, (Some(t(1)), Some(t(2)), t(2)))]
#[case(TestStatus::InProgress, TestStatus::Deleted, (Some(t(1)), Some(t(2)), t(2)))]
#[case(TestStatus::InProgress, TestStatus::DeploymentError, (Some(t(1)), Some(t(2)), t(2)))]
#[case(TestStatus::InProgress, TestStatus::EnvironmentProvisionError, (Some(t(1)), Some(t(2)), t(2)))]
#[case(TestStatus::Pending, TestStatus::TestPassed, (None, Some(t(2)), t(2)))]
#[case(TestStatus::TestPassed, TestStatus::InProgress, (Some(t(2)), None, t(2)))]
#[case(TestStatus::TestPassed, TestStatus::Pending, (None, None, t(2)))]
#[case(TestStatus::InProgress, TestStatus::InProgress, (Some(t(1)), None, t(1)))]
fn api_160_a_change_of_status_sets_the_times(
    #[case] from: TestStatus,
    #[case] to: TestStatus,
    #[case] expected: Times,
) {
    let mut array = entry_in(from);
    assert_eq!(array.update("s", to, "text", t(2)), from != to);
    assert_eq!(times(&array), expected);
    assert_eq!(array.get("s").map(|entry| (entry.status, entry.pipeline_run.as_str())), Some((to, "plr")));
}

#[test]
fn api_160_other_details_change_only_the_update_time() {
    let mut array = entry_in(TestStatus::InProgress);
    assert!(array.update("s", TestStatus::InProgress, "more", t(2)));
    assert_eq!(times(&array), (Some(t(1)), None, t(2)));
    assert_eq!(array.get("s").map(|entry| entry.details.as_str()), Some("more"));
}

// RR-14: an unchanged array needs no write.
#[test]
fn rr_9_nothing_changes_when_status_and_details_are_the_same() {
    let mut array = entry_in(TestStatus::TestFail);
    let before = array.clone();
    assert!(!array.update("s", TestStatus::TestFail, "text", t(2)));
    assert_eq!(array, before);
}

// RR-9, row 38 of the edge cases
#[rstest]
#[case(TestStatus::Pending, (None, None, t(1)))]
#[case(TestStatus::InProgress, (Some(t(1)), None, t(1)))]
#[case(TestStatus::TestPassed, (None, Some(t(1)), t(1)))]
fn api_160_a_missing_entry_is_created(#[case] status: TestStatus, #[case] expected: Times) {
    let mut array = StatusArray::default();
    assert!(array.update("s", status, "", t(1)));
    assert_eq!(times(&array), expected);
}

#[test]
fn api_b4_an_update_replaces_the_unreadable_member_of_its_scenario() {
    let mut array = parse(r#"[{"scenario":"s"},{"scenario":"other"}]"#);
    assert!(array.update("s", TestStatus::TestFail, "", t(1)));
    assert!(!array.has_opaque("s") && array.has_opaque("other") && array.get("s").is_some());
    let mut array = parse(r#"[{"scenario":"s"}]"#);
    array.reset("s", false, 2, t(1));
    assert!(!array.has_opaque("s") && array.get("s").is_some());
}

// RR-10
#[test]
fn api_161_naming_the_pipeline_run_leaves_the_update_time() {
    let mut array = StatusArray::default();
    assert!(!array.set_pipeline_run("s", "p"), "there is no entry");
    array.update("s", TestStatus::Pending, "", t(1));
    assert!(array.set_pipeline_run("s", "p"));
    assert!(!array.set_pipeline_run("s", "p"));
    assert_eq!(times(&array).2, t(1));
    assert_eq!(array.get("s").map(|entry| entry.pipeline_run.as_str()), Some("p"), "API-167: it counts as started");
}

#[test]
fn tr_b52_quiet_details_leave_the_update_time() {
    let mut array = entry_in(TestStatus::Pending);
    assert!(array.set_details_quietly("s", "waits for quota"));
    assert!(!array.set_details_quietly("s", "waits for quota"));
    assert!(!array.set_details_quietly("other", "x"));
    assert_eq!(times(&array).2, t(1));
    assert!(written(&array).contains("waits for quota"));
}

// RR-12, TR-42: the parts of the initialisation that are not row 1 of M1.
#[test]
fn api_163_fields_of_the_scenario_change_only_when_they_differ() {
    let mut array = entry_in(TestStatus::Pending);
    assert!(array.set_optional("s", true) && !array.set_optional("s", true));
    let parents = ["a".to_owned()];
    assert!(array.set_run_after("s", &parents) && !array.set_run_after("s", &parents));
    assert!(array.set_run_after("s", &[]) && !array.set_run_after("s", &[]));
    assert!(array.set_attempt("s", 2) && !array.set_attempt("s", 2));
    assert!(!array.set_optional("other", true));
    assert_eq!(times(&array).2, t(1));
}

// API-162, RR-11, TR-41, row 9 of M1
#[test]
fn tr_41_a_reset_waits_for_the_next_run() {
    let mut array = entry_in(TestStatus::TestFail);
    array.set_run_after("s", &["a".to_owned()]);
    array.reset("s", true, 2, t(5));
    let mut expected = Entry::new("s", TestStatus::Pending, "Pending".to_owned(), t(5));
    expected.optional = true;
    expected.run_after = vec!["a".to_owned()];
    expected.attempt = Some(2);
    assert_eq!(array.get("s"), Some(&expected));
    array.reset("s", true, 3, t(6));
    assert_eq!(times(&array), (None, None, t(6)), "a request is newer than what it overrides");
    array.reset("new", false, 1, t(6));
    assert_eq!(array.get("new").map(|entry| (entry.status, entry.attempt)), Some((TestStatus::Pending, Some(1))));
}

#[test]
fn rr_13_removing_says_whether_there_was_anything() {
    let mut array = parse(r#"[{"scenario":"bad"}]"#);
    array.update("s", TestStatus::Pending, "", t(1));
    assert!(array.remove("s") && !array.remove("s"));
    assert!(array.remove("bad") && !array.remove("bad"));
    assert!(array.is_empty());
}
