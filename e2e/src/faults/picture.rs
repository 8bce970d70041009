//! What is in a namespace, without what differs from run to run: times, uids, versions and names that follow from them.
//! Events and Leases are not in the picture.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::Result;
use integration_api::keys;
use serde_json::{Map, Value};

use crate::TestSpace;

/// Every value in a namespace by its path, for example
/// `Snapshot <snapshot 1>/metadata/labels/appstudio.openshift.io/component`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    values: BTreeMap<String, String>,
    /// Uid and version of every object: equal only if nothing was written in between.
    pub versions: BTreeMap<String, String>,
}

impl Picture {
    /// Of that namespace now.
    pub async fn take(space: &TestSpace) -> Result<Self> {
        let mut objects = Vec::new();
        for kind in crate::wait::KINDS {
            objects.extend(space.list(kind, "").await?.into_iter().map(|object| (kind, object)));
        }
        let names = Names::of(&objects, &space.namespace);
        let mut picture = Self::default();
        for (kind, object) in objects {
            let name = text(&object["metadata"]["name"]).to_owned();
            let version = format!("{} {}", object["metadata"]["uid"], object["metadata"]["resourceVersion"]);
            picture.versions.insert(format!("{kind} {name}"), version);
            let path = format!("{kind} {}", names.replace(&name));
            picture.add(path, names.normalised(without_bookkeeping(object)));
        }
        Ok(picture)
    }

    /// The same without the values of that key.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        let end = format!("/{key}");
        self.values.retain(|path, _| !path.ends_with(&end));
        self
    }

    /// One line for each value that is not the same; empty if both are equal except for times and names.
    pub fn difference(&self, got: &Self) -> String {
        let mut text = String::new();
        for (path, wanted) in &self.values {
            match got.values.get(path) {
                Some(value) if value == wanted => {}
                Some(value) => drop(writeln!(text, "  {path}\n    wanted {wanted}\n    got    {value}")),
                None => drop(writeln!(text, "  {path} is missing, wanted {wanted}")),
            }
        }
        for (path, value) in got.values.iter().filter(|(path, _)| !self.values.contains_key(*path)) {
            let _ = writeln!(text, "  {path} should not be there: {value}");
        }
        text
    }

    fn add(&mut self, path: String, value: Value) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                map.into_iter().for_each(|(key, value)| self.add(format!("{path}/{key}"), value));
            }
            Value::Array(list) if !list.is_empty() => {
                list.into_iter().enumerate().for_each(|(index, value)| self.add(format!("{path}/{index}"), value));
            }
            value => drop(self.values.insert(path, value.to_string())),
        }
    }
}

/// Generated names and uids, and what stands for them, longest first.
struct Names(Vec<(String, String)>);

impl Names {
    fn of(objects: &[(&str, Value)], namespace: &str) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut names = vec![(namespace.to_owned(), "<namespace>".to_owned())];
        for (kind, object) in objects {
            let metadata = &object["metadata"];
            let name = text(&metadata["name"]).to_owned();
            // A name that is a function of something random stands for its role; a second object of a role shows.
            let role = match *kind {
                "Snapshot" => match metadata["labels"][keys::BUILD_PIPELINE_RUN].as_str() {
                    Some(build) => Some(format!("snapshot of {build}")),
                    None => Some("snapshot".to_owned()),
                },
                "Release" => Some(format!("release {}", text(&object["spec"]["releasePlan"]))),
                "PipelineRun" if metadata["labels"][keys::PIPELINE_TYPE] == keys::PIPELINE_TEST => {
                    Some(format!("test {}", text(&metadata["labels"][keys::SCENARIO])))
                }
                _ => None,
            };
            let known = match role {
                Some(role) => {
                    let count = counts.entry(role.clone()).or_default();
                    *count += 1;
                    let alias = format!("<{role} {count}>");
                    names.push((name, alias.clone()));
                    alias
                }
                None => name,
            };
            names.push((text(&metadata["uid"]).to_owned(), format!("<uid of {kind} {known}>")));
        }
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        Self(names)
    }

    fn replace(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, alias)| text.replace(name, alias))
    }

    fn normalised(&self, value: Value) -> Value {
        match value {
            Value::Object(map) => map.into_iter().map(|(key, value)| (key, self.normalised(value))).collect(),
            Value::Array(list) => {
                let list: Vec<Value> = list.into_iter().map(|value| self.normalised(value)).collect();
                by_type(&list).unwrap_or(Value::Array(list))
            }
            Value::String(text) => self.normalised_text(&text),
            other => other,
        }
    }

    fn normalised_text(&self, text: &str) -> Value {
        // Annotations that are JSON are compared part by part.
        if text.starts_with(['{', '['])
            && let Ok(mut value) = serde_json::from_str(text)
        {
            without_start(&mut value);
            return self.normalised(value);
        }
        if text.parse::<jiff::Timestamp>().is_ok() {
            return "<time>".into();
        }
        // Unix time in seconds or milliseconds.
        if matches!(text.len(), 10 | 13) && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return "<time>".into();
        }
        self.replace(text).into()
    }
}

fn without_bookkeeping(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for key in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace", "name"] {
            metadata.remove(key);
        }
    }
    object
}

/// A result has the time its test was first noted as running, if anybody noted that before it had ended (API-160).
fn without_start(annotation: &mut Value) {
    for entry in annotation.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if entry.contains_key("scenario") {
            entry.remove("startTime");
        }
    }
}

/// A list of conditions as a map: their order says nothing.
fn by_type(list: &[Value]) -> Option<Value> {
    let mut map = Map::new();
    for entry in list {
        entry.get("status")?;
        let type_ = entry.get("type")?.as_str()?;
        if map.insert(type_.to_owned(), entry.clone()).is_some() {
            return None;
        }
    }
    (!map.is_empty()).then_some(Value::Object(map))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picture(values: &[(&str, &str)]) -> Picture {
        let values = values.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        Picture { values, versions: BTreeMap::new() }
    }

    #[test]
    fn names_that_follow_from_uids_are_replaced_and_a_second_object_shows() {
        let objects = [
            ("Snapshot", json!({"metadata": {"name": "shop-1-abc", "uid": "u1"}})),
            (
                "Release",
                json!({"metadata": {"name": "shop-1-abc-x", "uid": "u2"},
                "spec": {"releasePlan": "prod", "snapshot": "shop-1-abc"}}),
            ),
            (
                "Release",
                json!({"metadata": {"name": "shop-1-abc-y", "uid": "u3"},
                "spec": {"releasePlan": "prod", "snapshot": "shop-1-abc"}}),
            ),
        ];
        let names = Names::of(&objects, "faults-7");
        assert_eq!(names.replace("shop-1-abc-x of shop-1-abc"), "<release prod 1> of <snapshot 1>");
        assert_eq!(names.replace("shop-1-abc-y in faults-7"), "<release prod 2> in <namespace>");
    }

    #[test]
    fn times_are_equal_but_a_missing_one_is_not() {
        let names = Names(Vec::new());
        let normalised = |time: &str| names.normalised(json!({"a": format!("[{{\"time\":\"{time}\"}}]")}));
        assert_eq!(normalised("2026-01-01T00:00:00Z"), normalised("2026-01-01T00:00:00.5Z"));
        assert_ne!(normalised("2026-01-01T00:00:00Z"), normalised(""));
        let result = json!([{"scenario": "unit", "startTime": "2026-01-01T00:00:00Z"}]).to_string();
        assert_eq!(names.normalised(json!(result)), json!([{"scenario": "unit"}]));
        assert_eq!(names.normalised(json!("1795613766")), names.normalised(json!("1795613766000")));
    }

    #[test]
    fn a_difference_names_what_is_missing_wrong_and_too_much() {
        let text = picture(&[("a", "1"), ("b", "2")]).difference(&picture(&[("b", "3"), ("c", "4")]));
        assert_eq!(text, "  a is missing, wanted 1\n  b\n    wanted 2\n    got    3\n  c should not be there: 4\n");
        assert_eq!(picture(&[("a", "1")]).difference(&picture(&[("a", "1")])), "");
    }
}
