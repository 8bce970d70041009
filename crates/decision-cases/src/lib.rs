//! Decisions as data, for the tests of the programs: every YAML file in `tests/cases` of a crate is a world and the
//! plan it must lead to. Only ever a dev-dependency.
//!
//! A file is named `<rule-id>-<slug>.yaml`. Its head comment names the further rules it shows, and the rows of the
//! specs' tables (`E-…`, `N-…`). Its key `says`, where it has one, is what the case shows, and is told when it fails.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "a test says so by panicking"
)]

mod comparison;

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use comparison::{compare, compare_given};

/// The case files of a crate.
pub struct Cases {
    tests: PathBuf,
    files: Vec<PathBuf>,
}

impl Cases {
    /// Those of the crate in that folder (`env!("CARGO_MANIFEST_DIR")`), by name. Panics if there are fewer than
    /// `at_least`: a test must not succeed for want of cases.
    pub fn of(package: &str, at_least: usize) -> Self {
        let tests = Path::new(package).join("tests");
        let folder = fs::read_dir(tests.join("cases")).unwrap();
        let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= at_least, "only {} cases are there", files.len());
        Self { tests, files }
    }

    /// All cases, with the names of their files. Panics at one that is none.
    pub fn read<T: DeserializeOwned>(&self) -> Vec<(String, T)> {
        self.files.iter().map(|file| (name(file), Case::read(file).content)).collect()
    }

    /// Panics with all that `check` finds wrong, file by file. A panic in it counts for the case it was in.
    pub fn check<T: DeserializeOwned>(&self, check: impl Fn(&T) -> Vec<String>) {
        let failures: Vec<String> = self.files.iter().filter_map(|file| failure(file, &check)).collect();
        assert!(
            failures.is_empty(),
            "{} of {} cases fail\n\n{}",
            failures.len(),
            self.files.len(),
            failures.join("\n")
        );
    }

    /// Panics unless all files are named `<rule-id>-<slug>.yaml`, after rules of these areas (`sc` for SC-88, SC-B9).
    pub fn assert_names(&self, areas: &[&str]) {
        let wrong: Vec<String> =
            self.files.iter().map(|file| name(file)).filter(|name| !is_named(name, areas)).collect();
        assert!(wrong.is_empty(), "name them <rule-id>-<slug>.yaml, with a rule of {areas:?}: {wrong:?}");
    }

    /// A world of `tests/bases` that several cases start from.
    pub fn base<T: DeserializeOwned>(&self, base: &str) -> T {
        Case::read(&self.tests.join("bases").join(format!("{base}.yaml"))).content
    }
}

/// One file.
struct Case<T> {
    says: Option<String>,
    content: T,
}

impl<T: DeserializeOwned> Case<T> {
    fn read(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut content: Value =
            serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let says = content.as_object_mut().and_then(|content| content.shift_remove("says"));
        let says = says.map(|says| says.as_str().map_or_else(|| says.to_string(), ToOwned::to_owned));
        let content = serde_json::from_value(content).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { says, content }
    }
}

/// What is wrong with a case, for people.
fn failure<T: DeserializeOwned>(file: &Path, check: impl Fn(&T) -> Vec<String>) -> Option<String> {
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let case = Case::read(file);
        (case.says, check(&case.content))
    }));
    let (says, findings) = checked.unwrap_or_else(|panic| (None, vec![words(&*panic)]));
    let says = says.map(|says| format!(" ({says})")).unwrap_or_default();
    (!findings.is_empty()).then(|| format!("{}{says}:\n  {}", name(file), findings.join("\n  ")))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_owned()
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Rule ids are `<area>-<number>`, with a letter before the number for rules beyond the reference; a state machine
/// (`m1`) is an area whose rows need not be named.
fn is_named(file: &str, areas: &[&str]) -> bool {
    let mut parts = file.strip_suffix(".yaml").unwrap_or_default().split('-');
    let area = parts.next().unwrap_or_default();
    let machine = area.ends_with(|last: char| last.is_ascii_digit());
    let mut rest = parts.peekable();
    let numbered = rest.next_if(|rule| {
        let digits = rule.trim_start_matches(['b', 'e', 'n', 'x']);
        rule.len() - digits.len() <= 1 && digits.parse::<u32>().is_ok()
    });
    areas.contains(&area) && (machine || numbered.is_some()) && rest.peek().is_some_and(|slug| !slug.is_empty())
}

/// JSON merge patch (RFC 7386): `null` removes. A patch that is `null` as a whole changes nothing.
pub fn merge_patch(target: &mut Value, patch: &Value) {
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
            target.shift_remove(key);
        } else {
            merge_patch(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_begin_with_a_rule() {
        let good = ["sc-88-a.yaml", "sc-b9-a-b.yaml", "m1-3-a.yaml", "m1-an-entry.yaml"];
        let bad = ["sc-88.yaml", "sc-b.yaml", "sc-a-b.yaml", "sc-bb9-a.yaml", "tr-1-a.yaml", "m1.yaml", "sc-88-a.yml"];
        assert!(good.iter().all(|name| is_named(name, &["sc", "m1"])));
        assert!(!bad.iter().any(|name| is_named(name, &["sc", "m1"])));
    }

    #[test]
    fn null_removes() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge_patch(&mut target, &json!({"a": {"b": null}, "d": [2], "e": {"f": null}}));
        assert_eq!(target, json!({"a": {"c": 2}, "d": [2], "e": {}}));
    }

    #[test]
    fn a_failure_names_file_and_case() {
        let folder = std::env::temp_dir().join(format!("decision-cases-{}", std::process::id()));
        fs::create_dir_all(folder.join("tests/cases")).unwrap();
        fs::write(folder.join("tests/cases/sc-1-a.yaml"), "says: it is one\nplan: 1\n").unwrap();
        let cases = Cases::of(&folder.to_string_lossy(), 1);
        let all: Vec<(String, Value)> = cases.read();
        let check = |wanted: u64| {
            let check = |case: &Value| if case["plan"] == wanted { vec![] } else { vec!["it is not".to_owned()] };
            catch_unwind(AssertUnwindSafe(|| cases.check(check))).map_err(|panic| words(&*panic))
        };
        let (right, wrong) = (check(1), check(2));
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(all, [("sc-1-a.yaml".to_owned(), json!({"plan": 1}))]);
        assert_eq!(right, Ok(()));
        assert!(wrong.unwrap_err().contains("1 of 1 cases fail\n\nsc-1-a.yaml (it is one):\n  it is not"));
    }
}
