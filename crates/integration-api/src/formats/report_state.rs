//! Annotation `git-reporter-status` on Snapshots: what the git provider was told (API-184, RR-B33, GRX-18).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{JsonObject, ObjectWriter, rfc3339};
use crate::test_status::TestStatus;

/// Largest annotation value, in bytes (GRX-18).
pub const STATE_LIMIT: usize = 64 * 1024;
/// State shown for a scenario whose entry is gone; counts as final.
pub const CANCELED: &str = "Canceled";
/// State of a key that another Snapshot reports; counts as final.
pub const NOT_OWNER: &str = "NotOwner";

/// What was reported, by key. The reference knows only `scenarios` and in it only `lastUpdateTime`; losing the rest
/// costs look-ups, nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportState {
    /// By scenario and destination, see [`key`].
    pub scenarios: BTreeMap<String, Record>,
    /// Comments, by destination Snapshot.
    pub comments: BTreeMap<String, Record>,
    /// Consolidated reports, by destination Snapshot.
    pub consolidated: BTreeMap<String, Record>,
    /// Failed group Snapshots, see [`key`].
    pub group_failure: BTreeMap<String, Record>,
}

/// One thing that was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `lastUpdateTime` of the reported entry, not the time of the report.
    pub last_update_time: Timestamp,
    /// State shown last.
    pub state: Option<String>,
    /// Test PipelineRun it was shown for.
    pub pipeline_run: Option<String>,
    /// What the provider calls it.
    pub id: Option<String>,
    /// Why it could not be reported.
    pub error: Option<String>,
    /// Hash of the comment's body.
    pub hash: Option<String>,
}

/// Key of a scenario and the component Snapshot whose commit or pull request it is reported to. It cannot be split
/// again: both names may contain `-`.
pub fn key(scenario: &str, destination: &str) -> String {
    format!("{scenario}-{destination}")
}

impl ReportState {
    /// Reads the annotation. A member that cannot be read is absent, a broken document empty (RR-B33): the worst
    /// that follows is a repeated report.
    pub fn parse(annotation: Option<&str>) -> Self {
        let Some(object) = annotation.and_then(|text| JsonObject::parse(text).ok()) else {
            return Self::default();
        };
        Self {
            scenarios: records(&object, "scenarios"),
            comments: records(&object, "comments"),
            consolidated: records(&object, "consolidated"),
            group_failure: records(&object, "groupFailure"),
        }
    }

    /// Whether an entry with that `lastUpdateTime` is still to be reported: nothing recorded, or something older, to
    /// the nanosecond (API-184).
    pub fn is_due(&self, scenario: &str, destination: &str, last_update_time: Timestamp) -> bool {
        let recorded = self.scenarios.get(&key(scenario, destination));
        recorded.is_none_or(|record| record.last_update_time < last_update_time)
    }

    /// Takes over what another version of the state knows better: the later `lastUpdateTime`; at equal times the
    /// record with an id; two different ids are none (GRX-18).
    pub fn merge(&mut self, other: Self) {
        merge(&mut self.scenarios, other.scenarios);
        merge(&mut self.comments, other.comments);
        merge(&mut self.consolidated, other.consolidated);
        merge(&mut self.group_failure, other.group_failure);
    }

    /// The annotation value, as far as possible within [`STATE_LIMIT`]: `pipelineRun`, `id` and `state` are left
    /// out, first of final keys, then of all.
    pub fn to_annotation(&self) -> String {
        self.to_annotation_within(STATE_LIMIT)
    }

    /// As [`to_annotation`](Self::to_annotation) with another limit in bytes.
    pub fn to_annotation_within(&self, limit: usize) -> String {
        let mut text = String::new();
        for stage in [Stage::Whole, Stage::FinalBare, Stage::AllBare] {
            text = self.write(stage);
            if text.len() <= limit {
                break;
            }
        }
        text
    }

    fn write(&self, stage: Stage) -> String {
        let mut object = ObjectWriter::new();
        object.raw("scenarios", &write_records(&self.scenarios, stage));
        let further =
            [("comments", &self.comments), ("consolidated", &self.consolidated), ("groupFailure", &self.group_failure)];
        for (name, records) in further {
            if !records.is_empty() {
                object.raw(name, &write_records(records, stage));
            }
        }
        object.finish()
    }
}

impl Record {
    /// A record of nothing but the time, as the reference writes it.
    pub fn new(last_update_time: Timestamp) -> Self {
        Self { last_update_time, state: None, pipeline_run: None, id: None, error: None, hash: None }
    }

    /// Whether the state shown last is final. A record of the reference has no state and counts as not final.
    pub fn is_final(&self) -> bool {
        self.state.as_deref().is_some_and(|state| {
            state == CANCELED || state == NOT_OWNER || TestStatus::from_wire(state).is_some_and(TestStatus::is_final)
        })
    }
}

/// Whose optional fields are left out.
#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Whole,
    FinalBare,
    AllBare,
}

fn records(object: &JsonObject, name: &str) -> BTreeMap<String, Record> {
    let Some(records) = object.lenient::<JsonObject>(name) else {
        return BTreeMap::new();
    };
    records.iter().filter_map(|(key, text)| Some((key.to_owned(), record(text)?))).collect()
}

fn record(text: &str) -> Option<Record> {
    let object = JsonObject::parse(text).ok()?;
    let time: String = object.lenient("lastUpdateTime")?;
    Some(Record {
        last_update_time: rfc3339::parse(&time)?,
        state: object.lenient("state"),
        pipeline_run: object.lenient("pipelineRun"),
        id: object.lenient("id"),
        error: object.lenient("error"),
        hash: object.lenient("hash"),
    })
}

fn write_records(records: &BTreeMap<String, Record>, stage: Stage) -> String {
    let mut object = ObjectWriter::new();
    for (key, record) in records {
        object.raw(key, &write_record(record, stage));
    }
    object.finish()
}

fn write_record(record: &Record, stage: Stage) -> String {
    let bare = stage == Stage::AllBare || (stage == Stage::FinalBare && record.is_final());
    let mut object = ObjectWriter::new();
    object.text("lastUpdateTime", &rfc3339::nanoseconds(record.last_update_time));
    if !bare {
        object.optional_text("state", record.state.as_deref());
        object.optional_text("pipelineRun", record.pipeline_run.as_deref());
    }
    object.optional_text("hash", record.hash.as_deref());
    if !bare {
        object.optional_text("id", record.id.as_deref());
    }
    object.optional_text("error", record.error.as_deref());
    object.finish()
}

fn merge(ours: &mut BTreeMap<String, Record>, theirs: BTreeMap<String, Record>) {
    for (key, their) in theirs {
        match ours.get_mut(&key) {
            None => {
                ours.insert(key, their);
            }
            Some(our) if their.last_update_time > our.last_update_time => *our = their,
            Some(our) if their.last_update_time == our.last_update_time => match (&our.id, &their.id) {
                (None, Some(_)) => *our = their,
                (Some(left), Some(right)) if left != right => our.id = None,
                _ => {}
            },
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        rfc3339::parse(text).unwrap()
    }

    fn record(time: &str, state: Option<&str>, id: Option<&str>) -> Record {
        Record { state: state.map(str::to_owned), id: id.map(str::to_owned), ..Record::new(at(time)) }
    }

    // API-184, row 64 of the edge cases.
    #[test]
    fn api_184_only_what_is_newer_by_a_nanosecond_is_due() {
        let state = ReportState::parse(Some(r#"{"scenarios":{"s-x":{"lastUpdateTime":"2024-01-02T03:04:05.1Z"}}}"#));
        assert!(!state.is_due("s", "x", at("2024-01-02T03:04:05.1Z")));
        assert!(state.is_due("s", "x", at("2024-01-02T03:04:05.100000001Z")));
        assert!(!state.is_due("s", "x", at("2024-01-02T03:04:05Z")));
        assert!(state.is_due("other", "x", at("2020-01-01T00:00:00Z")));
        assert_eq!(key("s", "x"), "s-x");
    }

    // API-B28, RR-B33
    #[rstest]
    #[case(None)]
    #[case(Some(""))]
    #[case(Some("null"))]
    #[case(Some("[]"))]
    #[case(Some(r#"{"scenarios":"#))]
    #[case(Some(r#"{"scenarios":null}"#))]
    #[case(Some(r#"{"scenarios":[1]}"#))]
    #[case(Some(r#"{"scenarios":{"a":null,"b":{},"c":{"lastUpdateTime":null},"d":{"lastUpdateTime":"x"}}}"#))]
    fn rr_b33_what_cannot_be_read_is_absent(#[case] annotation: Option<&str>) {
        assert_eq!(ReportState::parse(annotation), ReportState::default());
    }

    #[test]
    fn rr_b33_a_bad_member_leaves_the_others() {
        let text = r#"{"scenarios":{"bad":null,"good":{"lastUpdateTime":"2024-01-02T05:04:05+02:00","id":7}},"x":1}"#;
        let state = ReportState::parse(Some(text));
        assert_eq!(state.scenarios, BTreeMap::from([("good".to_owned(), Record::new(at("2024-01-02T03:04:05Z")))]));
    }

    #[test]
    fn grx_18_all_parts_are_written_and_read_back() {
        let mut state = ReportState::default();
        assert_eq!(state.to_annotation(), r#"{"scenarios":{}}"#);
        state.scenarios.insert(key("s", "x"), record("2024-01-02T03:04:05Z", Some("TestPassed"), Some("7")));
        state.comments.insert(
            "x".to_owned(),
            Record { hash: Some("ab".to_owned()), ..record("2024-01-02T03:04:05Z", None, None) },
        );
        state.consolidated.insert("x".to_owned(), record("2024-01-02T03:04:05Z", Some("Pending"), None));
        state.group_failure.insert(
            key("s", "x"),
            Record { error: Some("<e>".to_owned()), ..record("2024-01-02T03:04:05Z", None, None) },
        );
        let text = state.to_annotation();
        assert_eq!(
            text,
            concat!(
                r#"{"scenarios":{"s-x":{"lastUpdateTime":"2024-01-02T03:04:05Z","state":"TestPassed","id":"7"}},"#,
                r#""comments":{"x":{"lastUpdateTime":"2024-01-02T03:04:05Z","hash":"ab"}},"#,
                r#""consolidated":{"x":{"lastUpdateTime":"2024-01-02T03:04:05Z","state":"Pending"}},"#,
                r#""groupFailure":{"s-x":{"lastUpdateTime":"2024-01-02T03:04:05Z","error":"\u003ce\u003e"}}}"#
            )
        );
        assert_eq!(ReportState::parse(Some(&text)), state);
    }

    #[test]
    fn grx_18_too_large_a_state_first_loses_what_final_keys_can_do_without() {
        let mut state = ReportState::default();
        state.scenarios.insert("final".to_owned(), record("2024-01-02T03:04:05Z", Some("TestFail"), Some("1")));
        state.scenarios.insert("running".to_owned(), record("2024-01-02T03:04:05Z", Some("InProgress"), Some("2")));
        let whole = state.to_annotation();
        let once = state.to_annotation_within(whole.len() - 1);
        let parsed = ReportState::parse(Some(&once));
        assert_eq!(parsed.scenarios["final"], Record::new(at("2024-01-02T03:04:05Z")));
        assert_eq!(parsed.scenarios["running"], state.scenarios["running"]);
        let twice = ReportState::parse(Some(&state.to_annotation_within(once.len() - 1)));
        assert!(twice.scenarios.values().all(|record| *record == Record::new(at("2024-01-02T03:04:05Z"))));
    }

    #[rstest]
    #[case(Some("TestPassed"), true)]
    #[case(Some("TestWarning"), true)]
    #[case(Some("Canceled"), true)]
    #[case(Some("NotOwner"), true)]
    #[case(Some("InProgress"), false)]
    #[case(Some("something"), false)]
    #[case(None, false)]
    fn grx_18_final_states(#[case] state: Option<&str>, #[case] expected: bool) {
        assert_eq!(record("2024-01-02T03:04:05Z", state, None).is_final(), expected);
    }

    #[rstest]
    #[case(("2024-01-02T03:04:05Z", Some("1")), ("2024-01-02T03:04:06Z", None), ("2024-01-02T03:04:06Z", None))]
    #[case(("2024-01-02T03:04:06Z", Some("1")), ("2024-01-02T03:04:05Z", Some("2")), ("2024-01-02T03:04:06Z", Some("1")))]
    #[case(("2024-01-02T03:04:05Z", None), ("2024-01-02T03:04:05Z", Some("2")), ("2024-01-02T03:04:05Z", Some("2")))]
    #[case(("2024-01-02T03:04:05Z", Some("1")), ("2024-01-02T03:04:05Z", Some("2")), ("2024-01-02T03:04:05Z", None))]
    fn grx_18_merging_takes_the_later_record(
        #[case] ours: (&str, Option<&str>),
        #[case] theirs: (&str, Option<&str>),
        #[case] expected: (&str, Option<&str>),
    ) {
        let state = |(time, id)| {
            let mut state = ReportState::default();
            state.scenarios.insert("k".to_owned(), record(time, None, id));
            state
        };
        let mut merged = state(ours);
        merged.merge(state(theirs));
        assert_eq!(merged, state(expected));
    }
}
