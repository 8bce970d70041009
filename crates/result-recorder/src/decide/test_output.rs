//! The TEST_OUTPUT results of a PipelineRun's TaskRuns, put together (RR-41 … RR-48, RR-B6, RR-B7).

use std::collections::BTreeSet;

use integration_api::TaskRun;
use integration_api::formats::test_output::{self, TestResult};
use integration_api::test_status::TestStatus;

/// Names under which a task publishes its result (RR-42).
const NAMES: [&str; 2] = ["TEST_OUTPUT", "HACBS_TEST_OUTPUT"];

/// Outcome and details of a PipelineRun that succeeded, from its TaskRuns and the task each one ran.
///
/// Every result counts, also of matrix tasks; the worst wins: invalid, then FAILURE and ERROR, then WARNING.
/// Counters inside a result do not matter (RR-48).
pub fn aggregate<'a>(task_runs: impl Iterator<Item = (&'a str, &'a TaskRun)>) -> (TestStatus, String) {
    let mut invalid = BTreeSet::new();
    let mut failed = BTreeSet::new();
    let mut warned = BTreeSet::new();
    for (task, task_run) in task_runs {
        let results = task_run.status.results.iter().filter(|result| NAMES.contains(&result.name.as_str()));
        for result in results {
            match test_output::parse(&result.value).map(|output| output.result) {
                Ok(TestResult::Success | TestResult::Skipped) => {}
                Ok(TestResult::Warning) => drop(warned.insert(task)),
                Ok(TestResult::Failure) => drop(failed.insert((task, "FAILURE"))),
                Ok(TestResult::Error) => drop(failed.insert((task, "ERROR"))),
                Err(reason) => drop(invalid.insert((task, result.name.as_str(), reason))),
            }
        }
    }
    if !invalid.is_empty() {
        let texts =
            invalid.iter().map(|(task, name, reason)| format!("Invalid result: task {task}, result {name}: {reason}"));
        return (TestStatus::TestFail, texts.collect::<Vec<_>>().join("; "));
    }
    if !failed.is_empty() {
        let texts = failed.iter().map(|(task, result)| format!("task {task} reported {result}"));
        return (TestStatus::TestFail, format!("Failed: {}", texts.collect::<Vec<_>>().join(", ")));
    }
    if !warned.is_empty() {
        let tasks = warned.into_iter().collect::<Vec<_>>().join(", ");
        return (TestStatus::TestWarning, format!("Passed with warnings from task {tasks}"));
    }
    (TestStatus::TestPassed, "Passed".to_owned())
}

#[cfg(test)]
mod tests {
    use integration_api::tekton::{RunResult, TaskRunStatus};
    use rstest::rstest;

    use super::*;

    fn output(result: &str) -> String {
        format!(
            r#"{{"result":"{result}","timestamp":"2024-05-22T06:42:21+00:00","successes":10,"failures":3,"warnings":0}}"#
        )
    }

    fn task_run(results: &[(&str, &str)]) -> TaskRun {
        let results =
            results.iter().map(|(name, value)| RunResult { name: (*name).to_owned(), value: (*value).to_owned() });
        TaskRun {
            status: TaskRunStatus { results: results.collect(), ..TaskRunStatus::default() },
            ..TaskRun::default()
        }
    }

    /// One result a task, tasks named `t0`, `t1`, ….
    fn outcome(results: &[&str]) -> (TestStatus, String) {
        let runs: Vec<_> = results.iter().map(|result| task_run(&[("TEST_OUTPUT", &output(result))])).collect();
        let names: Vec<_> = (0..runs.len()).map(|number| format!("t{number}")).collect();
        aggregate(names.iter().map(String::as_str).zip(&runs))
    }

    // RR-37, RR-48
    #[rstest]
    #[case(&["SUCCESS", "SKIPPED"], TestStatus::TestPassed)]
    #[case(&["SUCCESS", "WARNING"], TestStatus::TestWarning)]
    #[case(&["WARNING", "FAILURE"], TestStatus::TestFail)]
    #[case(&["ERROR"], TestStatus::TestFail)]
    #[case(&[], TestStatus::TestPassed)]
    fn rr_37_the_worst_result_decides(#[case] results: &[&str], #[case] expected: TestStatus) {
        assert_eq!(outcome(results).0, expected);
    }

    // RR-38
    #[test]
    fn rr_38_a_task_run_without_results_counts_as_passed() {
        let run = task_run(&[("IMAGE_URL", "quay.io/a/b")]);
        assert_eq!(aggregate([("t", &run)].into_iter()), (TestStatus::TestPassed, "Passed".to_owned()));
    }

    // RR-B6
    #[test]
    fn rr_b6_no_run_of_a_matrix_task_hides_another() {
        let runs = [task_run(&[("TEST_OUTPUT", &output("FAILURE"))]), task_run(&[("TEST_OUTPUT", &output("SUCCESS"))])];
        let (status, details) = aggregate(runs.iter().map(|run| ("matrix", run)));
        assert_eq!((status, details.as_str()), (TestStatus::TestFail, "Failed: task matrix reported FAILURE"));
    }

    // RR-B7, RR-42
    #[test]
    fn rr_b7_both_result_names_of_a_task_run_count() {
        let run = task_run(&[("TEST_OUTPUT", &output("SUCCESS")), ("HACBS_TEST_OUTPUT", &output("FAILURE"))]);
        assert_eq!(aggregate([("t", &run)].into_iter()).0, TestStatus::TestFail);
    }

    // RR-44, RR-46, RR-47, RR-B9
    #[test]
    fn rr_46_invalid_results_are_named_in_a_fixed_order() {
        let runs = [task_run(&[("TEST_OUTPUT", "")]), task_run(&[("HACBS_TEST_OUTPUT", "invalid json")])];
        let forwards = aggregate([("b", &runs[0]), ("a", &runs[1])].into_iter());
        let backwards = aggregate([("a", &runs[1]), ("b", &runs[0])].into_iter());
        assert_eq!(forwards, backwards);
        let (status, details) = forwards;
        assert_eq!(status, TestStatus::TestFail);
        let parts: Vec<_> = details.split("; ").collect();
        assert_eq!(parts.len(), 2, "{details}");
        assert!(parts[0].starts_with("Invalid result: task a, result HACBS_TEST_OUTPUT: "), "{details}");
        assert!(parts[1].starts_with("Invalid result: task b, result TEST_OUTPUT: "), "{details}");
    }
}
