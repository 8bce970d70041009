//! One entry of the test status array.

use jiff::Timestamp;

use super::TestStatus;
use crate::formats::rfc3339;

/// How one scenario stands (API-157).
#[derive(Clone, Debug)]
pub struct Entry {
    /// Name of the IntegrationTestScenario.
    pub scenario: String,
    /// Where it stands.
    pub status: TestStatus,
    /// Last change of status or details.
    pub last_update_time: Timestamp,
    /// Text for people.
    pub details: String,
    /// When the PipelineRun was started.
    pub start_time: Option<Timestamp>,
    /// When the scenario ended.
    pub completion_time: Option<Timestamp>,
    /// Name of the test PipelineRun (`testPipelineRunName`); non-empty means started (API-167).
    pub pipeline_run: String,
    /// Whether a failure does not count (`isOptionalScenario`).
    pub optional: bool,
    /// Scenarios this one waits for.
    pub run_after: Vec<String>,
    /// Number of the run, if a run request set it (TR-B50).
    pub attempt: Option<u32>,
    /// Keys this version does not know, with their values as JSON text (API-B4).
    pub(super) unknown: Vec<(String, String)>,
    /// Times as they were read, to be written back with their offset (RR-5).
    pub(super) times_read: Vec<String>,
    /// The whole member as it was read, while nothing has changed.
    pub(super) read: Option<String>,
}

impl Entry {
    /// An entry with nothing but the required fields.
    pub(super) fn new(scenario: &str, status: TestStatus, details: String, now: Timestamp) -> Self {
        Self {
            scenario: scenario.to_owned(),
            status,
            last_update_time: now,
            details,
            start_time: None,
            completion_time: None,
            pipeline_run: String::new(),
            optional: false,
            run_after: Vec::new(),
            attempt: None,
            unknown: Vec::new(),
            times_read: Vec::new(),
            read: None,
        }
    }

    /// Number of the run; 1 unless a run request set another one (TR-B50).
    pub fn attempt(&self) -> u32 {
        self.attempt.unwrap_or(1)
    }

    /// Enters a status and sets the times that go with it (API-160).
    pub(super) fn enter(&mut self, status: TestStatus, now: Timestamp) {
        self.status = status;
        self.last_update_time = now;
        match status {
            TestStatus::Pending => {
                self.start_time = None;
                self.completion_time = None;
            }
            TestStatus::InProgress => {
                self.start_time = Some(now);
                self.completion_time = None;
            }
            _ => self.completion_time = Some(now),
        }
    }

    /// Notes that the entry differs from what was read.
    pub(super) fn touch(&mut self) {
        self.read = None;
    }

    /// A time of this entry as text: as it was read, else in UTC.
    pub(super) fn time_text(&self, time: Timestamp) -> String {
        let read = self.times_read.iter().find(|text| rfc3339::parse(text) == Some(time));
        read.cloned().unwrap_or_else(|| rfc3339::nanoseconds(time))
    }
}

/// Entries are equal when they say the same; spaces and key order of the JSON they were read from do not count.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.scenario == other.scenario
            && self.status == other.status
            && self.last_update_time == other.last_update_time
            && self.details == other.details
            && self.start_time == other.start_time
            && self.completion_time == other.completion_time
            && self.pipeline_run == other.pipeline_run
            && self.optional == other.optional
            && self.run_after == other.run_after
            && self.attempt == other.attempt
            && self.unknown == other.unknown
    }
}
