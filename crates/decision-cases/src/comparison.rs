//! How a plan is compared with the expected one.

use serde::Serialize;
use serde_json::Value;

/// How a plan differs from the expected one, and then the plan; nothing if it does not.
///
/// The whole plan is compared, with two conveniences: a text that begins with `~` only has to be contained, and inside
/// a key `body` (an object to be created) keys that the case does not name are not compared. `null` means absent.
pub fn compare(expected: &Value, plan: &impl Serialize) -> Vec<String> {
    let plan = serde_json::to_value(plan).unwrap();
    let mut differences = Vec::new();
    differ(expected, &plan, "plan", true, &mut differences);
    if !differences.is_empty() {
        differences.push(format!("--- actual plan\n{}", serde_yaml_ng::to_string(&plan).unwrap()));
    }
    differences
}

/// How a value differs from what a case says about it; keys that the case does not name are not compared.
pub fn compare_given(what: &str, expected: &Value, actual: &impl Serialize) -> Vec<String> {
    let mut differences = Vec::new();
    differ(expected, &serde_json::to_value(actual).unwrap(), what, false, &mut differences);
    differences
}

fn differ(expected: &Value, actual: &Value, path: &str, whole: bool, differences: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, expected) in expected {
                let actual = actual.get(key).unwrap_or(&Value::Null);
                differ(expected, actual, &format!("{path}.{key}"), whole && key != "body", differences);
            }
            if whole {
                let unexpected = actual.keys().filter(|key| !expected.contains_key(*key));
                differences.extend(unexpected.map(|key| format!("{path}.{key} is not expected")));
            }
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                differ(expected, actual, &format!("{path}[{index}]"), whole, differences);
            }
        }
        (Value::String(expected), Value::String(actual)) if expected.starts_with('~') => {
            let part = expected.strip_prefix('~').unwrap_or_default();
            if !actual.contains(part) {
                differences.push(format!("{path} does not contain {part:?}"));
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => differences.push(format!("{path}: expected {expected}, got {actual}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first(expected: &Value, plan: &Value) -> Option<String> {
        compare(expected, plan).into_iter().next()
    }

    #[test]
    fn the_whole_plan_is_compared() {
        assert_eq!(first(&json!({"a": [1]}), &json!({"a": [1]})), None);
        assert_eq!(first(&json!({"a": 1}), &json!({"a": 2})).unwrap(), "plan.a: expected 1, got 2");
        assert_eq!(first(&json!({"a": 1}), &json!({"a": 1, "b": 2})).unwrap(), "plan.b is not expected");
        assert_eq!(first(&json!({"a": [1]}), &json!({"a": [1, 2]})).unwrap(), "plan.a: expected [1], got [1,2]");
        assert_eq!(first(&json!({"a": 1}), &json!({})).unwrap(), "plan.a: expected 1, got null");
    }

    #[test]
    fn a_part_of_a_text_is_enough_after_a_tilde() {
        assert_eq!(first(&json!("~b"), &json!("abc")), None);
        assert_eq!(first(&json!(["~d"]), &json!(["abc"])).unwrap(), "plan[0] does not contain \"d\"");
    }

    #[test]
    fn of_a_body_only_what_is_named_is_compared() {
        assert_eq!(first(&json!({"body": {"a": 1, "c": null}}), &json!({"body": {"a": 1, "b": 2}})), None);
        let differences = first(&json!({"body": {"b": null}}), &json!({"body": {"b": 2}}));
        assert_eq!(differences.unwrap(), "plan.body.b: expected null, got 2");
        assert_eq!(compare_given("it", &json!({"a": 1}), &json!({"a": 1, "b": 2})), Vec::<String>::new());
    }
}
