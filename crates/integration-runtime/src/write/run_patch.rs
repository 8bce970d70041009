//! Patches of PipelineRuns, which Tekton rewrites all the time (SC-B35, RR-B37).
//!
//! A resourceVersion would mostly conflict there, so a patch tests what it replaces: the uid, and the list of finalizers
//! when that changes. Our own annotation and label keys have one writer and are simply set. What is absent is tested as
//! `null`, which the API server takes for "not there".

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::{Value, json};

use crate::cache::CacheObject;
use crate::{ApiError, Context, ErrorClass, ObjectKey, Store};

/// Changes of one object that travel in one patch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPatch {
    annotations: BTreeMap<String, Option<String>>,
    labels: BTreeMap<String, String>,
    add_finalizers: Vec<String>,
    remove_finalizers: Vec<String>,
    spec_status: Option<String>,
}

/// Outcome of a patch.
#[derive(Clone, Debug)]
pub enum Patched<K> {
    /// It was accepted, or nothing had to change; the object as it is now.
    Written(Arc<K>),
    /// What was tested has changed; this is the newest version. Decide again.
    Conflict(Arc<K>),
    /// The object does not exist any more.
    Gone,
}

impl RunPatch {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an annotation.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: impl Into<String>) -> Self {
        self.annotations.insert(key.to_owned(), Some(value.into()));
        self
    }

    /// Removes an annotation.
    #[must_use]
    pub fn remove_annotation(mut self, key: &str) -> Self {
        self.annotations.insert(key.to_owned(), None);
        self
    }

    /// Sets a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: impl Into<String>) -> Self {
        self.labels.insert(key.to_owned(), value.into());
        self
    }

    /// Adds a finalizer.
    #[must_use]
    pub fn add_finalizer(mut self, name: &str) -> Self {
        self.add_finalizers.push(name.to_owned());
        self
    }

    /// Removes a finalizer.
    #[must_use]
    pub fn remove_finalizer(mut self, name: &str) -> Self {
        self.remove_finalizers.push(name.to_owned());
        self
    }

    /// Sets `spec.status`.
    #[must_use]
    pub fn spec_status(mut self, value: impl Into<String>) -> Self {
        self.spec_status = Some(value.into());
        self
    }

    /// Whether nothing is changed at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The request body for an object, or `None` when the object has all of it already.
    fn body<K: CacheObject>(&self, object: &K) -> Option<Value> {
        let meta = object.meta();
        let empty = BTreeMap::new();
        let has_annotations = meta.annotations.as_ref().unwrap_or(&empty);
        let has_labels = meta.labels.as_ref().unwrap_or(&empty);
        let annotations: BTreeMap<_, _> =
            self.annotations.iter().filter(|(key, value)| has_annotations.get(*key) != value.as_ref()).collect();
        let labels: BTreeMap<_, _> =
            self.labels.iter().filter(|(key, value)| has_labels.get(*key) != Some(*value)).collect();
        let before = meta.finalizers.clone().unwrap_or_default();
        let mut after = before.clone();
        after.retain(|name| !self.remove_finalizers.contains(name));
        for name in &self.add_finalizers {
            if !after.contains(name) {
                after.push(name.clone());
            }
        }
        if annotations.is_empty() && labels.is_empty() && after == before && self.spec_status.is_none() {
            return None;
        }
        let mut operations = vec![json!({"op": "test", "path": "/metadata/uid", "value": meta.uid})];
        if after != before {
            // An absent list is tested as null; `add` also replaces.
            let tested = if before.is_empty() { Value::Null } else { json!(before) };
            operations.push(json!({"op": "test", "path": "/metadata/finalizers", "value": tested}));
            operations.push(if after.is_empty() {
                json!({"op": "remove", "path": "/metadata/finalizers"})
            } else {
                json!({"op": "add", "path": "/metadata/finalizers", "value": after})
            });
        }
        // A cache may keep none of the annotations of an object; only a map that is not there has to be made.
        if meta.annotations.is_none() && annotations.values().any(|value| value.is_some()) {
            operations.extend(new_map("/metadata/annotations"));
        }
        for (key, value) in annotations {
            let path = format!("/metadata/annotations/{}", escape(key));
            operations.push(match value {
                Some(value) => json!({"op": "add", "path": path, "value": value}),
                None => json!({"op": "remove", "path": path}),
            });
        }
        if meta.labels.is_none() && !labels.is_empty() {
            operations.extend(new_map("/metadata/labels"));
        }
        for (key, value) in labels {
            operations.push(json!({"op": "add", "path": format!("/metadata/labels/{}", escape(key)), "value": value}));
        }
        if let Some(status) = &self.spec_status {
            operations.push(json!({"op": "add", "path": "/spec/status", "value": status}));
        }
        Some(Value::Array(operations))
    }
}

/// Makes a map where there is none, unless somebody else made one meanwhile.
fn new_map(path: &str) -> [Value; 2] {
    [json!({"op": "test", "path": path, "value": null}), json!({"op": "add", "path": path, "value": {}})]
}

/// A key as one segment of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

impl Context {
    /// Sends a patch of an object that its own controller writes all the time. Nothing is sent when the object has all
    /// of it already.
    pub async fn patch_json<K: CacheObject>(
        &self,
        store: &Store<K>,
        object: &Arc<K>,
        patch: RunPatch,
    ) -> Result<Patched<K>, ApiError> {
        let key = ObjectKey::of(&**object);
        let Some(body) = patch.body(&**object) else { return Ok(Patched::Written(Arc::clone(object))) };
        let request = Request::new(K::url_path(&(), Some(&key.namespace)));
        let request = json_patch(&request, &key.name, &body);
        let error = match self.send_write::<K, K>("patch", &key, request).await {
            // Its last finalizer went with this patch, so it is gone, although the answer shows it once more.
            Ok(object) if deleted(&object) => {
                store.forget(&key.namespace, &key.name, object.meta().uid.as_deref());
                return Ok(Patched::Written(Arc::new(object)));
            }
            Ok(object) => return Ok(Patched::Written(store.observe(object))),
            Err(error) => error,
        };
        match error.class() {
            ErrorClass::NotFound => {
                store.forget(&key.namespace, &key.name, object.meta().uid.as_deref());
                Ok(Patched::Gone)
            }
            ErrorClass::Conflict | ErrorClass::Invalid => {
                let Some(live) = self.get(store, &key.namespace, &key.name).await? else { return Ok(Patched::Gone) };
                if live.meta().uid != object.meta().uid {
                    return Ok(Patched::Gone);
                }
                // The server answers a failed test like any other invalid request; only the object can tell them apart.
                let tested_changed =
                    live.meta().finalizers != object.meta().finalizers || error.class() == ErrorClass::Conflict;
                if tested_changed || patch.body(&*live) != Some(body) {
                    self.metrics().write_conflict(&K::plural(&()));
                    Ok(Patched::Conflict(live))
                } else {
                    Err(error)
                }
            }
            _ => Err(error),
        }
    }
}

/// Whether nothing keeps a terminating object any more.
fn deleted<K: CacheObject>(object: &K) -> bool {
    let meta = object.meta();
    meta.deletion_timestamp.is_some() && meta.finalizers.as_ref().is_none_or(Vec::is_empty)
}

/// A JSON patch request. kube's own type needs a parsed patch; ours is built from values that are valid by construction.
fn json_patch(
    request: &Request,
    name: &str,
    operations: &Value,
) -> Result<http::Request<Vec<u8>>, kube::core::request::Error> {
    let patch: Patch<&Value> = Patch::Merge(operations);
    let mut request = request.patch(name, &PatchParams::default(), &patch)?;
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json-patch+json"));
    Ok(request)
}

#[cfg(test)]
mod tests {
    use integration_api::PipelineRun;

    use super::*;

    fn run(metadata: &Value) -> PipelineRun {
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    // SC-B35: test on uid and finalizers, plain add for our own keys.
    #[test]
    fn sc_b35_a_patch_tests_the_uid_and_the_finalizers_it_replaces() {
        let object = run(
            &json!({"uid": "u", "resourceVersion": "1", "annotations": {"x": "y"}, "finalizers": ["other", "ours"]}),
        );
        let patch = RunPatch::new().annotation("a/b~c", "1").remove_finalizer("ours");
        assert_eq!(
            patch.body(&object),
            Some(json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "test", "path": "/metadata/finalizers", "value": ["other", "ours"]},
                {"op": "add", "path": "/metadata/finalizers", "value": ["other"]},
                {"op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "1"}
            ]))
        );
    }

    #[test]
    fn sc_b35_what_is_absent_is_tested_to_be_absent() {
        let object = run(&json!({"uid": "u", "resourceVersion": "1", "labels": {"a": "b"}}));
        let patch = RunPatch::new().add_finalizer("ours").label("c", "d").annotation("e", "f");
        assert_eq!(
            patch.body(&object),
            Some(json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "test", "path": "/metadata/finalizers", "value": null},
                {"op": "add", "path": "/metadata/finalizers", "value": ["ours"]},
                {"op": "test", "path": "/metadata/annotations", "value": null},
                {"op": "add", "path": "/metadata/annotations", "value": {}},
                {"op": "add", "path": "/metadata/annotations/e", "value": "f"},
                {"op": "add", "path": "/metadata/labels/c", "value": "d"}
            ]))
        );
    }

    // SC-B35: a cache that keeps only some keys leaves an empty map; the object itself has one.
    #[test]
    fn sc_b35_a_map_of_which_nothing_is_cached_is_there_all_the_same() {
        let object = run(&json!({"uid": "u", "annotations": {}, "labels": {}}));
        let patch = RunPatch::new().annotation("a", "1").label("l", "2");
        assert_eq!(
            patch.body(&object),
            Some(json!([
                {"op": "test", "path": "/metadata/uid", "value": "u"},
                {"op": "add", "path": "/metadata/annotations/a", "value": "1"},
                {"op": "add", "path": "/metadata/labels/l", "value": "2"}
            ]))
        );
    }

    #[test]
    fn sc_b25_what_is_there_already_is_not_sent() {
        let object = run(&json!({"uid": "u", "annotations": {"a": "1"}, "labels": {"l": "1"}, "finalizers": ["f"]}));
        let patch = RunPatch::new()
            .annotation("a", "1")
            .label("l", "1")
            .add_finalizer("f")
            .remove_finalizer("g")
            .remove_annotation("z");
        assert_eq!(patch.body(&object), None);
        assert!(RunPatch::new().is_empty() && !patch.is_empty());
    }

    #[test]
    fn the_last_finalizer_takes_the_list_with_it() {
        let object = run(&json!({"uid": "u", "finalizers": ["ours"]}));
        let Some(operations) = RunPatch::new().remove_finalizer("ours").body(&object) else { panic!("a JSON patch") };
        assert_eq!(operations[2], json!({"op": "remove", "path": "/metadata/finalizers"}));
    }
}
