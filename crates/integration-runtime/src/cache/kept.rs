//! Objects at rest.

use std::sync::{Arc, OnceLock};

use lz4_flex::block;

use super::CacheObject;

/// An object as a store keeps it: its JSON text, packed. It takes a tenth of the room of the decoded object with its many
/// small maps and strings. It is decoded when somebody asks for it, which takes microseconds, and most objects of a
/// cluster are never asked for.
pub(super) struct Kept<K> {
    form: Form<K>,
    version: Option<Box<str>>,
    uid: Option<Box<str>>,
}

enum Form<K> {
    /// LZ4 with a [`Pattern`].
    Packed(Box<[u8]>),
    /// What cannot be written as text stays as it is.
    Object(Arc<K>),
}

/// What the objects of a store have in common: the text of the first one. Others of its kind have the same keys and many
/// of the same values, which are not kept again.
#[derive(Default)]
pub(super) struct Pattern(OnceLock<Box<[u8]>>);

impl Pattern {
    /// LZ4 looks back no further than 64 KiB, and longer texts are no pattern.
    const LONGEST: usize = 8 * 1024;

    fn pack(&self, text: &[u8]) -> Box<[u8]> {
        let pattern = self.0.get_or_init(|| text.get(..Self::LONGEST).unwrap_or(text).into());
        block::compress_prepend_size_with_dict(text, pattern).into_boxed_slice()
    }

    fn unpack(&self, packed: &[u8]) -> Result<Vec<u8>, block::DecompressError> {
        block::decompress_size_prepended_with_dict(packed, self.0.get().map_or(&[], |pattern| pattern))
    }
}

impl<K: CacheObject> Kept<K> {
    pub(super) fn new(object: &Arc<K>, pattern: &Pattern) -> Self {
        let form = match serde_json::to_vec(&**object) {
            Ok(text) => Form::Packed(pattern.pack(&text)),
            Err(_) => Form::Object(Arc::clone(object)),
        };
        let meta = object.meta();
        Self { form, version: meta.resource_version.as_deref().map(Box::from), uid: meta.uid.as_deref().map(Box::from) }
    }

    /// The object, kept with that pattern. `None` only if a kind does not read what it wrote itself, which is a defect.
    pub(super) fn get(&self, pattern: &Pattern) -> Option<Arc<K>> {
        let packed = match &self.form {
            Form::Object(object) => return Some(Arc::clone(object)),
            Form::Packed(packed) => packed,
        };
        let text = pattern.unpack(packed).map_err(|error| error.to_string());
        match text.and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string())) {
            Ok(object) => Some(Arc::new(object)),
            Err(error) => {
                tracing::error!(kind = %K::kind(&()), error, "a cached object cannot be read back; this is a defect");
                None
            }
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
        let pattern = Pattern::default();
        let kept = Kept::new(&object, &pattern);
        assert_eq!((kept.version(), kept.uid()), (Some("7"), Some("u")));
        (format!("{object:?}"), format!("{:?}", kept.get(&pattern).unwrap()))
    }

    // The memory budget: what objects of a kind have in common is kept once.
    #[test]
    fn objects_that_resemble_the_first_one_take_little_room() {
        let object = |number: usize| -> Arc<PipelineRun> {
            let labels: serde_json::Map<_, _> = (0..20)
                .map(|label| (format!("pac.test.appstudio.openshift.io/label-{label}"), json!("value")))
                .collect();
            let object = json!({"metadata": {"name": format!("build-{number}"), "uid": format!("uid-{number}"), "labels": labels}});
            Arc::new(serde_json::from_value(object).unwrap())
        };
        let pattern = Pattern::default();
        let sizes = (0..3).map(|number| {
            let (object, kept) = (object(number), Kept::new(&object(number), &pattern));
            assert_eq!(kept.get(&pattern), Some(Arc::clone(&object)));
            let Form::Packed(packed) = kept.form else { panic!("it can be written") };
            (packed.len(), serde_json::to_vec(&*object).unwrap().len())
        });
        for (packed, text) in sizes {
            assert!(packed * 10 < text, "{packed} of {text} bytes");
        }
    }

    // A huge first object is no pattern as a whole; others are longer than the pattern.
    #[test]
    fn objects_of_any_size_are_read_back() {
        let pattern = Pattern::default();
        for size in [100_000, 0, 10, 1_000_000] {
            let object = json!({"metadata": {"name": "n", "annotations": {"a": "ab\u{2028}c".repeat(size / 5)}}});
            let object: Arc<Snapshot> = Arc::new(serde_json::from_value(object).unwrap());
            assert_eq!(Kept::new(&object, &pattern).get(&pattern), Some(object));
        }
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
