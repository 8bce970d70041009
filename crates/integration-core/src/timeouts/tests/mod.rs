use rstest::rstest;
use serde_json::json;

use super::*;
use crate::testing::scenario;

type Texts = [&'static str; 3];

/// Pipeline, tasks, finally; `-` is absent.
fn texts(texts: Texts) -> TimeoutTexts {
    let [pipeline, tasks, finally] = texts.map(|text| (text != "-").then(|| text.to_owned()));
    TimeoutTexts { pipeline, tasks, finally }
}

fn annotated(texts: Texts) -> IntegrationTestScenario {
    let keys = [keys::PIPELINE_TIMEOUT, keys::TASKS_TIMEOUT, keys::FINALLY_TIMEOUT];
    let annotations: serde_json::Map<_, _> = keys
        .into_iter()
        .zip(texts)
        .filter(|(_, text)| *text != "-")
        .map(|(key, text)| (key.to_owned(), text.into()))
        .collect();
    scenario(&[], json!({}), annotations.into())
}

const NONE: Texts = ["-", "-", "-"];

// API-198, TR-123, TR-B28; 01 §9 row 61, 03 §22 rows 63 … 67
#[rstest]
#[case(["1h", "50m", "20m"], NONE, NONE, json!({"pipeline": "1h10m0s", "tasks": "50m0s", "finally": "20m0s"}), 0)]
#[case(NONE, NONE, ["2h", "2h", "2h"], json!({"pipeline": "4h0m0s", "tasks": "2h0m0s", "finally": "2h0m0s"}), 0)]
#[case(["8h", "-", "-"], NONE, ["2h", "2h", "2h"], json!({"pipeline": "8h0m0s", "tasks": "2h0m0s", "finally": "2h0m0s"}), 0)]
#[case(["8h", "8h", "8h"], NONE, NONE, json!({"pipeline": "16h0m0s", "tasks": "8h0m0s", "finally": "8h0m0s"}), 0)]
#[case(["8h", "nonsense", "8h"], NONE, NONE, json!({"pipeline": "8h0m0s", "finally": "8h0m0s"}), 1)]
#[case(NONE, NONE, NONE, json!({}), 0)]
#[case(["x", "y", "z"], NONE, NONE, json!({}), 3)]
// An empty annotation unsets the field, whatever the others say.
#[case(["", "-", "-"], ["3h", "-", "-"], ["2h", "-", "-"], json!({}), 0)]
// The document comes before the environment, and what cannot be read is passed over.
#[case(NONE, ["3h", "-", "-"], ["2h", "-", "-"], json!({"pipeline": "3h0m0s"}), 0)]
#[case(["x", "-", "-"], ["y", "-", "-"], ["2h", "-", "-"], json!({"pipeline": "2h0m0s"}), 2)]
#[case(["-1h", "-", "-"], NONE, ["2h", "-", "-"], json!({"pipeline": "2h0m0s"}), 1)]
#[case(NONE, ["", "-", "-"], ["", "-", "-"], json!({}), 0)]
// No limit stays no limit.
#[case(["0", "2h", "2h"], NONE, NONE, json!({"pipeline": "0s", "tasks": "2h0m0s", "finally": "2h0m0s"}), 0)]
#[case(["0", "0", "2h"], NONE, NONE, json!({"pipeline": "0s", "tasks": "0s", "finally": "2h0m0s"}), 0)]
// … but not under a limited run.
#[case(["2h", "0", "1h"], NONE, NONE, json!({"pipeline": "2h0m0s", "finally": "1h0m0s"}), 1)]
#[case(["-", "-", "0s"], NONE, NONE, json!({}), 1)]
// Tasks and finally alone may exceed the run's limit, or Tekton's default of an hour.
#[case(["1h", "2h", "-"], NONE, NONE, json!({"pipeline": "2h0m0s", "tasks": "2h0m0s"}), 0)]
#[case(["-", "2h", "-"], NONE, NONE, json!({"pipeline": "2h0m0s", "tasks": "2h0m0s"}), 0)]
#[case(["-", "50m", "10m"], NONE, NONE, json!({"tasks": "50m0s", "finally": "10m0s"}), 0)]
#[case(["-", "50m", "11m"], NONE, NONE, json!({"pipeline": "1h1m0s", "tasks": "50m0s", "finally": "11m0s"}), 0)]
fn tr_b28_timeouts(
    #[case] annotations: Texts,
    #[case] document: Texts,
    #[case] environment: Texts,
    #[case] expected: Value,
    #[case] ignored: usize,
) {
    let effective = effective(&annotated(annotations), &texts(document), &texts(environment));
    assert_eq!(effective.timeouts.to_value(), expected);
    assert_eq!(effective.ignored.len(), ignored, "{:?}", effective.ignored);
}

#[test]
fn tr_b28_ignored_values_say_where_they_stand() {
    let effective =
        effective(&annotated(["-", "nonsense", "-"]), &texts(["soon", "-", "-"]), &texts(["-", "-", "later"]));
    let expected = [
        "spec.timeouts of the resolved PipelineRun is \"soon\"",
        "annotation test.appstudio.openshift.io/tasks_timeout of the scenario is \"nonsense\"",
        "environment variable FINALLY_TIMEOUT is \"later\"",
    ];
    assert_eq!(effective.ignored.len(), expected.len());
    for (ignored, expected) in effective.ignored.iter().zip(expected) {
        assert!(ignored.starts_with(expected), "{ignored}");
    }
}

#[test]
fn tr_b28_huge_values_do_not_overflow() {
    let huge = "2562047h";
    let effective = effective(&annotated(["1h", huge, huge]), &texts(NONE), &texts(NONE));
    assert!(effective.timeouts.pipeline > effective.timeouts.tasks);
}
