//! Annotation `create-groupsnapshot-status`: text for people in which other programs look for these phrases
//! (API-188, API-155, TR-43).

/// A build of the PR group still runs; the collector keeps such a Snapshot for a day.
pub const STILL_RUNNING: &str = "is still running, won't create group snapshot";
/// A newer build of the PR group came in, so the group was not decided for this one.
pub const WAITING: &str = "waiting for it to create a new group Snapshot for PR group";
/// The group Snapshot was refused; to be reported to the git provider.
pub const FAILED: &str = "Failed to create group snapshot for pr group";
/// The whole value once that failure was reported.
pub const FAILURE_REPORTED: &str = "group snapshot creation failure is reported to git provider";

/// Whether the PR group was decided for this Snapshot: the annotation is there and does not say that a newer build
/// is waited for (API-155).
pub fn processed(annotation: Option<&str>) -> bool {
    annotation.is_some_and(|text| !text.contains(WAITING))
}

/// Whether a failed creation is still to be reported.
pub fn failure_to_report(annotation: Option<&str>) -> bool {
    annotation.is_some_and(|text| text.contains(FAILED))
}

/// Whether the group waits for a build that runs.
pub fn still_running(annotation: Option<&str>) -> bool {
    annotation.is_some_and(|text| text.contains(STILL_RUNNING))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // API-155, TR-43
    #[rstest]
    #[case(None, false, false, false)]
    #[case(Some(""), true, false, false)]
    #[case(Some("b1 of group g is still running, won't create group snapshot"), true, false, true)]
    #[case(Some("b2 came, waiting for it to create a new group Snapshot for PR group g"), false, false, false)]
    #[case(Some("Failed to create group snapshot for pr group g: quota"), true, true, false)]
    #[case(Some("group snapshot creation failure is reported to git provider"), true, false, false)]
    #[case(Some("failed to create group snapshot for pr group g"), true, false, false)]
    fn api_188_the_phrases_are_found_exactly(
        #[case] annotation: Option<&str>,
        #[case] is_processed: bool,
        #[case] is_failure: bool,
        #[case] is_running: bool,
    ) {
        let found = (processed(annotation), failure_to_report(annotation), still_running(annotation));
        assert_eq!(found, (is_processed, is_failure, is_running));
    }
}
