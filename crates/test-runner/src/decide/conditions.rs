//! Which transitions of the Snapshot's conditions are allowed (TR-B8).

use integration_api::condition::{
    self, AUTO_RELEASED, Condition, ERROR_OCCURED, IN_PROGRESS, INTEGRATION_STATUS, INVALID, TEST_SUCCEEDED,
};

use crate::plan::{ConditionChange, Plan};

/// Drops planned conditions that may not follow the current ones. A transition that is no longer allowed after a
/// re-read is dropped, not retried.
pub(super) fn keep_allowed(current: &[Condition], plan: &mut Plan) {
    plan.conditions.retain(|change| allowed(current, change));
}

/// Whether the integration status may become this reason by this program, without a run request.
pub(super) fn may_become(current: Option<&Condition>, reason: &str) -> bool {
    let from = current.map(|condition| condition.reason.as_str());
    match reason {
        IN_PROGRESS => matches!(from, None | Some(ERROR_OCCURED | INVALID)),
        INVALID => matches!(from, None | Some(IN_PROGRESS | ERROR_OCCURED)),
        _ => false,
    }
}

fn allowed(current: &[Condition], change: &ConditionChange) -> bool {
    let before = condition::find_with_legacy(current, change.type_);
    match (change.type_, &change.to) {
        (INTEGRATION_STATUS, Some(to)) => may_become(before, to.reason),
        (INTEGRATION_STATUS, None) => before.is_some_and(|condition| condition.reason == INVALID),
        (TEST_SUCCEEDED, Some(to)) => {
            to.status == condition::TRUE && before.is_none_or(|condition| condition.status == condition::UNKNOWN)
        }
        (AUTO_RELEASED, Some(_)) => before.is_none_or(|condition| condition.status != condition::TRUE),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use integration_api::condition::{CANCELED, FINISHED};

    use super::*;
    use crate::plan::ConditionState;

    fn condition(type_: &str, status: &str, reason: &str) -> Condition {
        Condition { type_: type_.into(), status: status.into(), reason: reason.into(), ..Condition::default() }
    }

    fn to(type_: &'static str, status: &'static str, reason: &'static str) -> ConditionChange {
        ConditionChange { type_, to: Some(ConditionState { status, reason, message: String::new() }) }
    }

    #[test]
    fn tr_b8_integration_status() {
        let in_progress = to(INTEGRATION_STATUS, "Unknown", IN_PROGRESS);
        let invalid = to(INTEGRATION_STATUS, "False", INVALID);
        for (before, progress, mark) in [
            (IN_PROGRESS, false, true),
            (ERROR_OCCURED, true, true),
            (CANCELED, false, false),
            (FINISHED, false, false),
            (INVALID, true, false),
        ] {
            let current = [condition(INTEGRATION_STATUS, "True", before)];
            assert_eq!(allowed(&current, &in_progress), progress, "{before} to InProgress");
            assert_eq!(allowed(&current, &invalid), mark, "{before} to Invalid");
        }
        assert!(allowed(&[], &in_progress) && allowed(&[], &invalid));
    }

    #[test]
    fn tr_b8_only_invalid_is_removed() {
        let removed = ConditionChange { type_: INTEGRATION_STATUS, to: None };
        assert!(allowed(&[condition(INTEGRATION_STATUS, "False", INVALID)], &removed));
        assert!(!allowed(&[condition(INTEGRATION_STATUS, "True", FINISHED)], &removed));
    }

    // TR-B16, TR-B18
    #[test]
    fn tr_b8_nobody_writes_an_error_mark_or_cancels() {
        for reason in [ERROR_OCCURED, CANCELED, FINISHED] {
            assert!(!allowed(&[], &to(INTEGRATION_STATUS, "False", reason)), "{reason}");
            assert!(!allowed(
                &[condition(INTEGRATION_STATUS, "Unknown", IN_PROGRESS)],
                &to(INTEGRATION_STATUS, "True", reason)
            ));
        }
        assert!(!allowed(&[], &to("ParentSnapshotsCreated", "True", "SnapshotCreated")), "not in this version");
    }

    #[test]
    fn tr_b8_verdicts_of_others_and_releases_stay() {
        let passed = to(TEST_SUCCEEDED, "True", "Passed");
        assert!(allowed(&[condition(TEST_SUCCEEDED, "Unknown", IN_PROGRESS)], &passed));
        assert!(!allowed(&[condition(TEST_SUCCEEDED, "False", "Failed")], &passed));
        let released = to(AUTO_RELEASED, "True", "AutoReleased");
        assert!(!allowed(&[condition(AUTO_RELEASED, "True", "AutoReleased")], &released));
    }
}
