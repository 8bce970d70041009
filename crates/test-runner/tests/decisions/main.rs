//! Decisions as data: one file a case in `tests/cases`, `world` in, `plan` out.
//!
//! A plan must be equal to the expected one, with three reliefs: texts may be left out, a text ending in `…` is a
//! beginning, and `reasons` are compared only when they are given.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod convergence;
mod worlds;

use std::collections::BTreeMap;

use serde_json::Value;

use worlds::{Case, cases, files};

/// Keys of a plan that may be left out where they stand beside others.
const TEXTS: [&str; 7] = ["message", "note", "details", "lastUpdateTime", "startTime", "completionTime", "about"];

#[test]
fn every_case_is_decided_as_written() {
    let cases = cases();
    let number = cases.len();
    let failures: BTreeMap<String, String> =
        cases.iter().filter_map(|case| Some((case.file.clone(), check(case).err()?))).collect();
    let report: Vec<_> = failures.iter().map(|(name, failure)| format!("\n--- {name}\n{failure}\n")).collect();
    assert!(failures.is_empty(), "{} of {number} cases failed:{}", failures.len(), report.concat());
}

#[test]
fn every_case_is_named_after_its_rule() {
    files().assert_names(&["tr", "n", "m1", "m2", "m4", "d", "api"]);
}

fn check(case: &Case) -> Result<(), String> {
    let plan = test_runner::decide(&case.world, case.now);
    let actual = view(serde_json::to_value(&plan).unwrap());
    if plan != test_runner::decide(&case.world, case.now) {
        return Err("the same world gives another plan".to_owned());
    }
    let mut expected = case.plan.as_object().cloned().unwrap_or_default();
    if let (None, Some(reasons)) = (expected.get("reasons"), actual.get("reasons")) {
        expected.insert("reasons".to_owned(), reasons.clone());
    }
    let empty = expected.keys().all(|key| key == "reasons" || key == "lookAgain");
    let same = matches(&Value::Object(expected), &actual, "plan");
    let agreed = same.and_then(|()| {
        if plan.is_empty() == empty { Ok(()) } else { Err("is_empty() does not agree with what is written".to_owned()) }
    });
    agreed.map_err(|failure| format!("{failure}\ndecided:\n{}", serde_yaml_ng::to_string(&actual).unwrap()))
}

/// Annotation values that are JSON are shown as data.
fn view(mut plan: Value) -> Value {
    if let Some(annotations) = plan.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        for value in annotations.values_mut() {
            if let Some(data) = value.as_str().and_then(|text| serde_json::from_str(text).ok()) {
                *value = data;
            }
        }
    }
    plan
}

fn matches(expected: &Value, actual: &Value, path: &str) -> Result<(), String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, value) in expected {
                let found = actual.get(key).ok_or_else(|| format!("{path}.{key} is missing"))?;
                matches(value, found, &format!("{path}.{key}"))?;
            }
            let surplus = actual.keys().find(|key| !expected.contains_key(*key) && !TEXTS.contains(&key.as_str()));
            surplus.map_or(Ok(()), |key| Err(format!("{path}.{key} is not expected")))
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => expected
            .iter()
            .zip(actual)
            .enumerate()
            .try_for_each(|(index, (expected, actual))| matches(expected, actual, &format!("{path}[{index}]"))),
        (Value::String(expected), Value::String(actual))
            if expected.strip_suffix('…').is_some_and(|begin| actual.starts_with(begin)) =>
        {
            Ok(())
        }
        _ if expected == actual => Ok(()),
        _ => Err(format!("{path}: expected {expected}, decided {actual}")),
    }
}
