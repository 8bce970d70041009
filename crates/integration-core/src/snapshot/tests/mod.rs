use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::testing::{snapshot, time};

fn with_conditions(conditions: &[(&str, &str, &str)]) -> Snapshot {
    let conditions: Vec<_> = conditions
        .iter()
        .map(|(type_, status, reason)| json!({"type": type_, "status": status, "reason": reason}))
        .collect();
    snapshot(json!({}), json!({}), conditions.into())
}

// TR-2
#[rstest]
#[case(Some("component"), Type::Component)]
#[case(Some("group"), Type::Group)]
#[case(Some("override"), Type::Override)]
#[case(Some("Override"), Type::Other)]
#[case(Some(""), Type::Other)]
#[case(None, Type::Other)]
fn tr_2_type(#[case] label: Option<&str>, #[case] expected: Type) {
    let labels = label.map_or(json!({}), |label| json!({keys::SNAPSHOT_TYPE: label}));
    assert_eq!(type_of(&snapshot(labels, json!({}), json!([]))), expected);
}

// TR-5, TR-6, TR-7, API-142, SC-98
#[rstest]
#[case(&[], (false, false, false))]
#[case(&[("AppStudioTestSucceeded", "Unknown", "InProgress")], (false, false, false))]
#[case(&[("AppStudioTestSucceeded", "True", "Passed")], (true, true, false))]
#[case(&[("AppStudioTestSucceeded", "True", "Anything")], (true, true, false))]
#[case(&[("AppStudioTestSucceeded", "False", "Failed")], (true, false, true))]
// API-C12, TR-B47: the legacy type counts only where the new one is absent.
#[case(&[("HACBSStudioTestSucceeded", "True", "Passed")], (true, true, false))]
#[case(&[("HACBSStudioTestSucceeded", "True", "Passed"), ("AppStudioTestSucceeded", "Unknown", "InProgress")], (false, false, false))]
fn tr_5_test_outcome(#[case] conditions: &[(&str, &str, &str)], #[case] expected: (bool, bool, bool)) {
    let snapshot = with_conditions(conditions);
    assert_eq!((tests_finished(&snapshot), passed(&snapshot), failed(&snapshot)), expected);
}

/// invalid, valid, not started, canceled, integration finished.
type Standing = (bool, bool, bool, bool, bool);

// TR-7, TR-8, TR-9, API-142
#[rstest]
#[case(&[], (false, true, true, false, false))]
#[case(&[("AppStudioIntegrationStatus", "Unknown", "InProgress")], (false, true, false, false, false))]
#[case(&[("AppStudioIntegrationStatus", "True", "Finished")], (false, true, true, false, true))]
#[case(&[("AppStudioIntegrationStatus", "True", "Canceled")], (false, true, true, true, true))]
#[case(&[("AppStudioIntegrationStatus", "False", "Invalid")], (true, false, true, false, false))]
#[case(&[("AppStudioIntegrationStatus", "Unknown", "Invalid")], (false, false, true, false, false))]
#[case(&[("AppStudioIntegrationStatus", "False", "ErrorOccured")], (false, true, true, false, false))]
#[case(&[("AppStudioIntegrationStatus", "False", "Canceled")], (false, true, true, false, false))]
#[case(&[("HACBSIntegrationStatus", "True", "Canceled")], (false, true, true, true, true))]
#[case(&[("HACBSIntegrationStatus", "False", "Invalid"), ("AppStudioIntegrationStatus", "True", "Finished")], (false, true, true, false, true))]
fn tr_7_integration_status(#[case] conditions: &[(&str, &str, &str)], #[case] expected: Standing) {
    let snapshot = with_conditions(conditions);
    let standing = (
        invalid(&snapshot),
        valid(&snapshot),
        not_started(&snapshot),
        canceled(&snapshot),
        integration_finished(&snapshot),
    );
    assert_eq!(standing, expected);
}

#[rstest]
#[case("True", true)]
#[case("False", false)]
fn tr_7_auto_released(#[case] status: &str, #[case] expected: bool) {
    assert_eq!(auto_released(&with_conditions(&[("AutoReleased", status, "AutoReleased")])), expected);
    assert!(!auto_released(&with_conditions(&[])));
}

// TR-24, API-L26
#[rstest]
#[case(json!({"velero.io/backup-name": "x"}), true)]
#[case(json!({"velero.io/restore-name": ""}), true)]
#[case(json!({"velero.io/other": "x"}), false)]
fn tr_24_restored_from_a_backup(#[case] labels: Value, #[case] expected: bool) {
    assert_eq!(restored(&snapshot(labels, json!({}), json!([])).metadata), expected);
    assert!(!restored(&ObjectMeta::default()));
}

// TR-B45, API-B27; 03 §22 row 82
#[rstest]
#[case(Some("1703120400000"), "2023-12-21T01:00:00Z")]
#[case(Some("1703120400"), "2023-12-21T01:00:00Z")]
#[case(Some("1703120400123"), "2023-12-21T01:00:00.123Z")]
#[case(Some("10000000000"), "2286-11-20T17:46:40Z")]
#[case(Some("10000000001"), "1970-04-26T17:46:40.001Z")]
#[case(Some("0"), "1970-01-01T00:00:00Z")]
#[case(Some("soon"), "2025-01-01T00:00:00Z")]
#[case(Some(""), "2025-01-01T00:00:00Z")]
#[case(Some("9223372036854775807"), "2025-01-01T00:00:00Z")]
#[case(Some("-9223372036854775808"), "2025-01-01T00:00:00Z")]
#[case(None, "2025-01-01T00:00:00Z")]
fn tr_b45_start_time(#[case] annotation: Option<&str>, #[case] expected: &str) {
    let annotations = annotation.map_or(json!({}), |start| json!({keys::BUILD_START_TIME: start}));
    let mut snapshot = snapshot(json!({}), annotations, json!([]));
    snapshot.metadata.creation_timestamp = Some(time("2025-01-01T00:00:00Z").into());
    assert_eq!(start_time(&snapshot), time(expected));
}

#[test]
fn tr_b45_without_any_time_a_snapshot_is_the_oldest() {
    assert_eq!(start_time(&Snapshot::default()), Timestamp::UNIX_EPOCH);
    assert_eq!(build_start(&Snapshot::default()), None);
}

// TR-15, API-A17
#[rstest]
#[case("true", true)]
#[case("1", true)]
#[case("T", true)]
#[case("false", false)]
#[case("yes", false)]
fn tr_15_ignore_supersession(#[case] value: &str, #[case] expected: bool) {
    let snapshot = snapshot(json!({}), json!({keys::IGNORE_SUPERSESSION: value}), json!([]));
    assert_eq!(ignore_supersession(&snapshot), expected);
    assert!(!ignore_supersession(&Snapshot::default()));
}

// D-4
#[test]
fn d_4_version_of_the_built_component() {
    assert_eq!(version(&snapshot(json!({}), json!({keys::VERSION: "v1"}), json!([]))), "v1");
    assert_eq!(version(&Snapshot::default()), "");
}

// API-A28
#[test]
fn api_a28_a_parent_names_its_child() {
    assert!(is_parent(&snapshot(json!({}), json!({keys::CHILD_SNAPSHOT: "s"}), json!([]))));
    assert!(!is_parent(&Snapshot::default()));
}

// 03 M2: start time, creation, number of members, name.
#[test]
fn m2_order_is_total_and_normalises_units() {
    let sibling = |name: &str, start: &str, created: &str, members: &str| {
        let mut snapshot =
            snapshot(json!({}), json!({keys::BUILD_START_TIME: start, keys::GROUP_MEMBERS: members}), json!([]));
        snapshot.metadata.name = Some(name.to_owned());
        snapshot.metadata.creation_timestamp = Some(time(created).into());
        snapshot
    };
    let oldest_first = [
        sibling("z", "1703120399999", "2025-01-02T00:00:00Z", "a,b,c"),
        sibling("y", "1703120400", "2025-01-01T00:00:00Z", "a,b,c"),
        sibling("x", "1703120400000", "2025-01-02T00:00:00Z", "a,b"),
        sibling("a", "1703120400000", "2025-01-02T00:00:00Z", "a,b,c"),
        sibling("b", "1703120400", "2025-01-02T00:00:00Z", "a,b,c"),
    ];
    assert!(oldest_first.is_sorted_by(|one, other| order(one) < order(other)));
}
