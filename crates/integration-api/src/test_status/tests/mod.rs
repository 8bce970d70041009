//! What programs see of the test status array.

mod changing;
mod reading;
mod writing;

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::formats::rfc3339;

const ALL: [TestStatus; 9] = [
    TestStatus::Pending,
    TestStatus::InProgress,
    TestStatus::Deleted,
    TestStatus::EnvironmentProvisionError,
    TestStatus::DeploymentError,
    TestStatus::TestFail,
    TestStatus::TestPassed,
    TestStatus::TestInvalid,
    TestStatus::TestWarning,
];

fn at(text: &str) -> Timestamp {
    rfc3339::parse(text).unwrap()
}

fn t(minute: u8) -> Timestamp {
    at(&format!("2024-01-02T03:{minute:02}:00Z"))
}

fn parse(text: &str) -> StatusArray {
    StatusArray::parse(Some(text)).unwrap()
}

fn written(array: &StatusArray) -> String {
    array.to_annotation(WarningWireName::default())
}

/// One entry of scenario `s` in this status since minute 1, started then and named.
fn entry_in(status: TestStatus) -> StatusArray {
    let mut array = StatusArray::default();
    array.update("s", TestStatus::InProgress, "text", t(1));
    array.set_pipeline_run("s", "plr");
    array.update("s", status, "text", t(1));
    array
}

#[test]
fn rr_b1_every_status_is_read_back_under_both_warning_names() {
    for status in ALL {
        for warning in [WarningWireName::BuildPlrInProgress, WarningWireName::TestWarning] {
            assert_eq!(TestStatus::from_wire(status.wire(warning)), Some(status));
        }
    }
}

// RR-2: final; RR-3: passed; RR-4, TR-39: the shifted name.
#[test]
fn api_158_names_and_meaning() {
    let table: Vec<(&str, bool, bool)> =
        ALL.iter().map(|s| (s.wire(WarningWireName::default()), s.is_final(), s.is_passed())).collect();
    assert_eq!(
        table,
        [
            ("Pending", false, false),
            ("InProgress", false, false),
            ("Deleted", true, false),
            ("EnvironmentProvisionError", true, false),
            ("DeploymentError", true, false),
            ("TestFail", true, false),
            ("TestPassed", true, true),
            ("TestInvalid", true, false),
            ("BuildPLRInProgress", true, true),
        ]
    );
}

// API-158, RR-1: states of a build never enter the array.
#[rstest]
#[case("SnapshotCreationFailed")]
#[case("BuildPLRFailed")]
#[case("GroupSnapshotCreationFailed")]
#[case("roupSnapshotCreationFailed")]
#[case("IntegrationTestStatus(13)")]
#[case("testpassed")]
#[case("")]
fn rr_1_other_names_are_no_test_status(#[case] name: &str) {
    assert_eq!(TestStatus::from_wire(name), None);
}

#[test]
fn d_1_the_setting_accepts_its_two_values_only() {
    assert_eq!("BuildPLRInProgress".parse(), Ok(WarningWireName::BuildPlrInProgress));
    assert_eq!("TestWarning".parse(), Ok(WarningWireName::TestWarning));
    assert_eq!(WarningWireName::default().to_string(), "BuildPLRInProgress");
    let error = "Warning".parse::<WarningWireName>().unwrap_err().to_string();
    assert!(error.contains("`Warning`") && error.contains("BuildPLRInProgress"), "{error}");
}

// Rows 34 and 35 of the edge cases, TR-B19.
#[rstest]
#[case("BuildPLRInProgress")]
#[case("TestWarning")]
fn api_159_both_names_are_a_warning(#[case] name: &str) {
    let text = format!(
        r#"[{{"scenario":"x","status":"{name}","lastUpdateTime":"2024-01-02T03:04:05Z","completionTime":"2024-01-02T03:04:05Z"}}]"#
    );
    let array = parse(&text);
    let entry = array.get("x").unwrap();
    assert_eq!(entry.status, TestStatus::TestWarning);
    assert!(entry.status.is_final() && entry.status.is_passed());
    assert_eq!(written(&array), text, "nobody changed it");
}

#[test]
fn api_159_a_warning_is_written_under_the_configured_name() {
    let array = entry_in(TestStatus::TestWarning);
    assert!(array.to_annotation(WarningWireName::BuildPlrInProgress).contains(r#""status":"BuildPLRInProgress""#));
    assert!(array.to_annotation(WarningWireName::TestWarning).contains(r#""status":"TestWarning""#));
}

/// JSON text of a member: a good one, or one of several kinds of bad ones, with unknown keys and odd spaces.
fn any_member() -> impl Strategy<Value = String> {
    let name = "[a-e]";
    let status = prop::sample::select(vec!["Pending", "TestPassed", "BuildPLRInProgress", "TestWarning", "Future"]);
    let extra =
        prop::sample::select(vec!["", r#","x":1.0"#, r#", "y" : {"z":[ ]}"#, r#","details":null"#, r#","attempt":2"#]);
    (name, status, extra).prop_map(|(name, status, extra)| {
        format!(r#"{{"scenario":"{name}", "status":"{status}","lastUpdateTime":"2024-01-02T03:04:05Z"{extra}}}"#)
    })
}

proptest! {
    #[test]
    fn tr_b7_untouched_members_keep_their_bytes(members in prop::collection::vec(any_member(), 0..8)) {
        let mut array = parse(&format!("[{}]", members.join(",")));
        array.update("zz", TestStatus::TestFail, "details", t(1));
        let text = written(&array);
        for (index, member) in members.iter().enumerate() {
            let scenario = &member[..15];
            if !members[index + 1..].iter().any(|later| later.starts_with(scenario)) {
                prop_assert!(text.contains(member.as_str()), "{member} in {text}");
            }
        }
        prop_assert_eq!(parse(&text), array, "what is written is read back");
    }

    #[test]
    fn api_b4_no_annotation_panics(text in r#"[\[\]{}":,a-z0-9\\ .-]{0,60}"#) {
        if let Ok(array) = StatusArray::parse(Some(&text)) {
            prop_assert!(StatusArray::parse(Some(&written(&array))).is_ok());
        }
    }
}
