//! The status of a scenario and its names on the wire.

use std::fmt;
use std::str::FromStr;

/// Name under which the reference stores a passed-with-warnings result: its name table is off by one (RR-4).
const SHIFTED_WARNING: &str = "BuildPLRInProgress";
/// The intended name of that result.
const PLAIN_WARNING: &str = "TestWarning";

/// Where a scenario stands (API-158, RR-1). The early-report states of a build are no test status: see
/// [`BuildReport`](crate::formats::build_report::BuildReport).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TestStatus {
    /// Waits for its PipelineRun.
    Pending,
    /// Its PipelineRun runs.
    InProgress,
    /// Its PipelineRun was deleted before it ended.
    Deleted,
    /// Deprecated; old data only.
    EnvironmentProvisionError,
    /// Deprecated; old data only.
    DeploymentError,
    /// Failed.
    TestFail,
    /// Passed.
    TestPassed,
    /// Could not be run or evaluated.
    TestInvalid,
    /// Passed with warnings.
    TestWarning,
}

impl TestStatus {
    /// Reads the name on the wire; both names of the warning are known (D-1). `None` for every other text.
    pub fn from_wire(name: &str) -> Option<Self> {
        Some(match name {
            "Pending" => Self::Pending,
            "InProgress" => Self::InProgress,
            "Deleted" => Self::Deleted,
            "EnvironmentProvisionError" => Self::EnvironmentProvisionError,
            "DeploymentError" => Self::DeploymentError,
            "TestFail" => Self::TestFail,
            "TestPassed" => Self::TestPassed,
            "TestInvalid" => Self::TestInvalid,
            SHIFTED_WARNING | PLAIN_WARNING => Self::TestWarning,
            _ => return None,
        })
    }

    /// The name on the wire.
    pub fn wire(self, warning: WarningWireName) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Deleted => "Deleted",
            Self::EnvironmentProvisionError => "EnvironmentProvisionError",
            Self::DeploymentError => "DeploymentError",
            Self::TestFail => "TestFail",
            Self::TestPassed => "TestPassed",
            Self::TestInvalid => "TestInvalid",
            Self::TestWarning => warning.as_str(),
        }
    }

    /// Whether the scenario has ended (RR-2).
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }

    /// Whether it ended well (RR-3).
    pub fn is_passed(self) -> bool {
        matches!(self, Self::TestPassed | Self::TestWarning)
    }
}

/// Name under which a passed-with-warnings result is written: setting `WARNING_WIRE_NAME` (D-1, API-159).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WarningWireName {
    /// `BuildPLRInProgress`: what the reference writes and the only name it can read.
    #[default]
    BuildPlrInProgress,
    /// `TestWarning`: for clusters where nothing of the reference is left.
    TestWarning,
}

impl WarningWireName {
    fn as_str(self) -> &'static str {
        match self {
            Self::BuildPlrInProgress => SHIFTED_WARNING,
            Self::TestWarning => PLAIN_WARNING,
        }
    }
}

impl fmt::Display for WarningWireName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for WarningWireName {
    type Err = UnknownWarningWireName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            SHIFTED_WARNING => Ok(Self::BuildPlrInProgress),
            PLAIN_WARNING => Ok(Self::TestWarning),
            _ => Err(UnknownWarningWireName(text.to_owned())),
        }
    }
}

/// The setting `WARNING_WIRE_NAME` has a value that is none of its two.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name for tests that passed with warnings: use {SHIFTED_WARNING} or {PLAIN_WARNING}")]
pub struct UnknownWarningWireName(String);
