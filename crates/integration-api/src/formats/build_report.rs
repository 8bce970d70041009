//! Annotation `snapshot-creation-report` on build PipelineRuns: what was last reported about a build that has no
//! Snapshot yet (API-187, D-2, SC-B1).

/// What was reported. These states never enter the test status array, whose strings look alike (API-B4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuildReport {
    /// The build runs.
    InProgress,
    /// The build succeeded, its Snapshot could not be created.
    CreationFailed,
    /// The build failed.
    BuildFailed,
    /// The Snapshot exists: nothing more is reported early.
    SnapshotCreated,
}

/// Written by the reference for a running build; the intended name of a failed creation.
const SNAPSHOT_CREATION_FAILED: &str = "SnapshotCreationFailed";
/// Written by the reference for a failed creation; the intended name of a failed build.
const BUILD_FAILED: &str = "BuildPLRFailed";
/// Written by the reference for a failed build.
const GROUP_SNAPSHOT_CREATION_FAILED: &str = "GroupSnapshotCreationFailed";
/// The intended name of a running build.
const BUILD_IN_PROGRESS: &str = "BuildPLRInProgress";
/// The same in every release.
const SNAPSHOT_CREATED: &str = "SnapshotCreated";

impl BuildReport {
    /// The string the reference writes today: its name table is off by one.
    pub fn wire(self) -> &'static str {
        match self {
            Self::InProgress => SNAPSHOT_CREATION_FAILED,
            Self::CreationFailed => BUILD_FAILED,
            Self::BuildFailed => GROUP_SNAPSHOT_CREATION_FAILED,
            Self::SnapshotCreated => SNAPSHOT_CREATED,
        }
    }
}

/// What the annotation says was reported, `None` for nothing. Shifted and intended names overlap; the state of the
/// PipelineRun tells them apart.
pub fn reported(annotation: Option<&str>, finished: bool, succeeded: bool) -> Option<BuildReport> {
    match (annotation?, finished, succeeded) {
        (SNAPSHOT_CREATED, ..) => Some(BuildReport::SnapshotCreated),
        (SNAPSHOT_CREATION_FAILED | BUILD_IN_PROGRESS, false, _) => Some(BuildReport::InProgress),
        (GROUP_SNAPSHOT_CREATION_FAILED | BUILD_FAILED, true, false) => Some(BuildReport::BuildFailed),
        (BUILD_FAILED, true, true) => Some(BuildReport::CreationFailed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // D-2, SC-B1
    #[rstest]
    #[case(BuildReport::InProgress, "SnapshotCreationFailed", false, false)]
    #[case(BuildReport::CreationFailed, "BuildPLRFailed", true, true)]
    #[case(BuildReport::BuildFailed, "GroupSnapshotCreationFailed", true, false)]
    #[case(BuildReport::SnapshotCreated, "SnapshotCreated", true, true)]
    fn api_187_what_is_written_is_read_back(
        #[case] report: BuildReport,
        #[case] wire: &str,
        #[case] finished: bool,
        #[case] succeeded: bool,
    ) {
        assert_eq!(report.wire(), wire);
        assert_eq!(reported(Some(wire), finished, succeeded), Some(report));
    }

    // Rows 68 and 69 of the edge cases.
    #[rstest]
    #[case(None, false, false, None)]
    #[case(Some(""), false, false, None)]
    #[case(Some("BuildPLRInProgress"), false, false, Some(BuildReport::InProgress))]
    #[case(Some("SnapshotCreationFailed"), true, true, None)]
    #[case(Some("SnapshotCreationFailed"), true, false, None)]
    #[case(Some("BuildPLRInProgress"), true, true, None)]
    #[case(Some("BuildPLRFailed"), true, false, Some(BuildReport::BuildFailed))]
    #[case(Some("BuildPLRFailed"), false, false, None)]
    #[case(Some("GroupSnapshotCreationFailed"), true, true, None)]
    #[case(Some("SnapshotCreated"), false, false, Some(BuildReport::SnapshotCreated))]
    #[case(Some("IntegrationTestStatus(13)"), true, false, None)]
    fn sc_b1_the_state_of_the_build_tells_old_names_apart(
        #[case] annotation: Option<&str>,
        #[case] finished: bool,
        #[case] succeeded: bool,
        #[case] expected: Option<BuildReport>,
    ) {
        assert_eq!(reported(annotation, finished, succeeded), expected);
    }
}
