//! Conditions: what is found, and what a change leaves alone.

// A test fails by panicking, in its helpers too.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use integration_api::condition::{self, Condition};
use integration_api::formats::rfc3339;
use jiff::Timestamp;
use rstest::rstest;
use serde_json::json;

fn at(minute: u8) -> Timestamp {
    rfc3339::parse(&format!("2024-01-02T03:{minute:02}:00.5Z")).unwrap()
}

fn one(type_: &str) -> Condition {
    Condition { type_: type_.to_owned(), status: condition::TRUE.to_owned(), ..Condition::default() }
}

// TR-1
#[test]
fn api_3_the_transition_time_moves_with_the_status_only() {
    let mut conditions = Vec::new();
    assert!(condition::set(&mut conditions, "T", "Unknown", "InProgress", "runs", at(1)));
    assert!(!condition::set(&mut conditions, "T", "Unknown", "InProgress", "runs", at(2)));
    assert_eq!(conditions[0].last_transition_time, "2024-01-02T03:01:00Z");
    assert!(condition::set(&mut conditions, "T", "Unknown", "InProgress", "still runs", at(3)));
    assert!(condition::set(&mut conditions, "T", "Unknown", "Other", "still runs", at(3)));
    assert_eq!(conditions[0].last_transition_time, "2024-01-02T03:01:00Z");
    assert_eq!((conditions[0].reason.as_str(), conditions[0].message.as_str()), ("Other", "still runs"));
    assert!(condition::set(&mut conditions, "T", "True", "Finished", "done", at(4)));
    assert_eq!(conditions[0].transition_time(), rfc3339::parse("2024-01-02T03:04:00Z"));
    assert_eq!(conditions.len(), 1);
}

// D-7
#[test]
fn rr_15_other_conditions_stay_byte_for_byte() {
    let others = json!([
        {"type": "A", "status": "True", "reason": "R", "message": "<m>", "lastTransitionTime": "2024-01-02T05:04:05+02:00"},
        {"type": "B", "status": "False", "reason": "R", "message": "", "lastTransitionTime": "2024-01-02T03:04:05Z",
         "observedGeneration": 7},
    ]);
    let mut conditions: Vec<Condition> = serde_json::from_value(others.clone()).unwrap();
    condition::set(&mut conditions, "C", "True", "R", "m", at(1));
    let written = serde_json::to_value(&conditions).unwrap();
    assert_eq!((&written[0], &written[1]), (&others[0], &others[1]));
    assert_eq!(
        written[2],
        json!({"type": "C", "status": "True", "reason": "R", "message": "m", "lastTransitionTime": "2024-01-02T03:01:00Z"})
    );
}

// API-C12, API-C13
#[rstest]
#[case(&["AppStudioTestSucceeded"], "AppStudioTestSucceeded", Some("AppStudioTestSucceeded"))]
#[case(&["HACBSStudioTestSucceeded"], "AppStudioTestSucceeded", Some("HACBSStudioTestSucceeded"))]
#[case(&["HACBSStudioTestSucceeded", "AppStudioTestSucceeded"], "AppStudioTestSucceeded", Some("AppStudioTestSucceeded"))]
#[case(&["HACBSIntegrationStatus"], "AppStudioIntegrationStatus", Some("HACBSIntegrationStatus"))]
#[case(&["HACBSIntegrationStatus"], "AppStudioTestSucceeded", None)]
#[case(&["HACBSStudioTestSucceeded"], "AutoReleased", None)]
#[case(&["AutoReleased"], "AutoReleased", Some("AutoReleased"))]
fn rr_16_a_legacy_condition_counts_where_the_new_one_is_absent(
    #[case] present: &[&str],
    #[case] wanted: &str,
    #[case] found: Option<&str>,
) {
    let conditions: Vec<Condition> = present.iter().map(|type_| one(type_)).collect();
    let result = condition::find_with_legacy(&conditions, wanted);
    assert_eq!(result.map(|condition| condition.type_.as_str()), found);
}

#[test]
fn api_2_a_condition_with_missing_fields_can_be_read() {
    let condition: Condition = serde_json::from_value(json!({"type": "T", "status": "True"})).unwrap();
    assert_eq!((condition, None), (one("T"), one("T").transition_time()));
}
