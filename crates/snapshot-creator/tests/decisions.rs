//! Decisions as data: every file of `tests/cases` is a world and the plan it must lead to.
//!
//! ```yaml
//! says: what the case shows
//! base: application        # file of tests/bases the world starts from
//! now: 2025-11-09T13:10:05Z # optional, else the base's
//! world: {}                # JSON merge patch over the base: `null` removes
//! plan: {}                 # the whole plan
//! ```
//!
//! The plan is compared structurally and completely, with two conveniences: inside `body` (a Snapshot) keys that the
//! case does not name are not compared, and a `null` there means "absent"; a text that begins with `~` only has to be
//! contained.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use snapshot_creator::decide::{World, decide};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    says: String,
    base: String,
    now: Option<Timestamp>,
    #[serde(default)]
    world: Value,
    plan: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    now: Timestamp,
    world: Value,
}

#[test]
fn every_world_leads_to_its_plan() {
    let mut problems = Vec::new();
    let files = files("cases");
    assert!(files.len() > 40, "the cases are missing");
    for file in files {
        let case: Case = read(&file);
        let base: Base = read(&folder("bases").join(format!("{}.yaml", case.base)));
        let now = case.now.unwrap_or(base.now);
        let mut world = base.world;
        merge(&mut world, &case.world);
        let world: World = serde_json::from_value(world).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let plan = serde_json::to_value(decide(&world, now)).unwrap();
        let mut differences = Vec::new();
        compare(&case.plan, &plan, "plan", true, &mut differences);
        if !differences.is_empty() {
            let plan = serde_yaml_ng::to_string(&plan).unwrap();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            problems.push(format!("{name} ({}):\n  {}\n--- actual plan\n{plan}", case.says, differences.join("\n  ")));
        }
    }
    assert!(problems.is_empty(), "{} cases fail\n\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn every_case_is_named_after_its_rule() {
    for file in files("cases") {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut parts = name.split('-');
        let (area, rule) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let known = ["sc", "ga", "d"].contains(&area);
        let numbered = rule.trim_start_matches(['b', 'e', 'n', 'x']).parse::<u32>().is_ok();
        assert!(known && numbered && parts.next().is_some(), "{name}: name it <rule-id>-<slug>.yaml");
    }
}

fn compare(expected: &Value, actual: &Value, path: &str, exact: bool, differences: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (key, expected) in expected {
                let actual = actual.get(key).unwrap_or(&Value::Null);
                compare(expected, actual, &format!("{path}.{key}"), exact && key != "body", differences);
            }
            if exact {
                let unexpected = actual.keys().filter(|key| !expected.contains_key(*key));
                differences.extend(unexpected.map(|key| format!("{path}.{key} is not expected")));
            }
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                compare(expected, actual, &format!("{path}[{index}]"), exact, differences);
            }
        }
        (Value::String(expected), Value::String(actual)) if expected.starts_with('~') => {
            if !actual.contains(&expected[1..]) {
                differences.push(format!("{path} does not contain {:?}", &expected[1..]));
            }
        }
        (expected, actual) if expected == actual => {}
        (expected, actual) => differences.push(format!("{path}: expected {expected}, got {actual}")),
    }
}

/// JSON merge patch (RFC 7386).
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        if !patch.is_null() {
            target.clone_from(patch);
        }
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> T {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}
