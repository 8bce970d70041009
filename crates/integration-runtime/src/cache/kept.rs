//! Objects at rest.

use std::sync::Arc;

use super::CacheObject;

/// An object as a store keeps it: its JSON text, which takes a third of the room of the decoded object with its many
/// small maps and strings. It is decoded when somebody asks for it, which takes microseconds, and most objects of a
/// cluster are never asked for.
pub(super) struct Kept<K> {
    form: Form<K>,
    version: Option<Box<str>>,
    uid: Option<Box<str>>,
}

enum Form<K> {
    Text(Box<[u8]>),
    /// What cannot be written as text stays as it is.
    Object(Arc<K>),
}

impl<K: CacheObject> Kept<K> {
    pub(super) fn new(object: &Arc<K>) -> Self {
        let form = match serde_json::to_vec(&**object) {
            Ok(text) => Form::Text(text.into_boxed_slice()),
            Err(_) => Form::Object(Arc::clone(object)),
        };
        let meta = object.meta();
        Self { form, version: meta.resource_version.as_deref().map(Box::from), uid: meta.uid.as_deref().map(Box::from) }
    }

    /// The object. `None` only if a kind does not read what it wrote itself, which is a defect.
    pub(super) fn get(&self) -> Option<Arc<K>> {
        match &self.form {
            Form::Object(object) => Some(Arc::clone(object)),
            Form::Text(text) => match serde_json::from_slice(text) {
                Ok(object) => Some(Arc::new(object)),
                Err(error) => {
                    tracing::error!(kind = %K::kind(&()), %error, "a cached object cannot be read back; this is a defect");
                    None
                }
            },
        }
    }

    /// `metadata.resourceVersion`.
    pub(super) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// `metadata.uid`.
    pub(super) fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use integration_api::{Application, Component, ComponentGroup, IntegrationTestScenario, PipelineRun, Release};
    use integration_api::{ReleasePlan, Repository, Snapshot};
    use serde_json::{Value, json};

    use super::*;

    /// Decodes an object, keeps it and reads it back.
    fn kept<K: CacheObject>(object: Value) -> (String, String) {
        let object: Arc<K> = Arc::new(serde_json::from_value(object).unwrap());
        let kept = Kept::new(&object);
        assert_eq!((kept.version(), kept.uid()), (Some("7"), Some("u")));
        (format!("{object:?}"), format!("{:?}", kept.get().unwrap()))
    }

    #[test]
    fn every_kind_reads_back_what_was_kept() {
        let with = |rest: Value| {
            let mut object = json!({"metadata": {"name": "n", "namespace": "ns", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2025-01-01T00:00:00Z", "labels": {"a": "b"}, "finalizers": ["f"],
                "deletionTimestamp": "2025-01-01T00:00:01Z"}});
            object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            object
        };
        let condition = json!({"type": "Succeeded", "status": "True", "reason": "r", "message": "<&>", "lastTransitionTime": "2025-01-01T00:00:00Z"});
        let pairs = [
            kept::<Application>(with(json!({}))),
            kept::<Component>(with(
                json!({"spec": {"application": "a", "source": {"git": {"url": "u"}, "versions": [{"name": "v", "revision": "r", "build-pipeline": {"x": [1]}}]}}, "status": {"lastPromotedImage": "i"}}),
            )),
            kept::<ComponentGroup>(with(
                json!({"spec": {"components": [{"name": "c", "componentVersion": {"name": "v", "version": "r"}}, {"name": "g", "kind": "ComponentGroup"}], "testGraph": {"b": [{"name": "a", "failFast": true}]}},
                "status": {"globalCandidateList": [{"name": "c", "version": "v", "lastPromotedBuildTime": "2025-01-01T00:00:00Z"}]}}),
            )),
            kept::<IntegrationTestScenario>(with(
                json!({"spec": {"application": "a", "resolverRef": {"resolver": "git", "params": []}, "params": [{"name": "p", "values": ["1"]}]}}),
            )),
            kept::<PipelineRun>(with(
                json!({"spec": {"status": "Cancelled"}, "status": {"conditions": [condition], "startTime": "2025-01-01T00:00:00Z",
                "results": [{"name": "r", "value": ["array"]}, {"name": "s", "value": "v"}], "childReferences": [{"name": "t", "kind": "TaskRun", "pipelineTaskName": "p"}]}}),
            )),
            kept::<Release>(with(
                json!({"spec": {"snapshot": "s", "releasePlan": "p"}, "status": {"automated": true, "conditions": [condition]}}),
            )),
            kept::<ReleasePlan>(with(json!({"spec": {"application": "a"}}))),
            kept::<Repository>(with(
                json!({"spec": {"url": "u", "git_provider": {"secret": {"name": "n", "key": "k"}}}}),
            )),
            kept::<Snapshot>(with(json!({"spec": {"application": "a"}, "status": {"conditions": [condition]}}))),
            // What is absent stays absent.
            kept::<Snapshot>(json!({"metadata": {"uid": "u", "resourceVersion": "7"}})),
            kept::<ComponentGroup>(json!({"metadata": {"uid": "u", "resourceVersion": "7"}})),
        ];
        for (before, after) in pairs {
            assert_eq!(before, after);
        }
    }
}
