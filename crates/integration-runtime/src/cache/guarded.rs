//! Decoding that one malformed object cannot stop.

use std::borrow::Cow;

use kube::Resource;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::CacheObject;

/// An object of a list or a watch: decoded, or its metadata and why it could not be decoded.
#[derive(Clone, Debug)]
pub(crate) struct Guarded<K> {
    pub(crate) object: Result<K, String>,
    /// Version, and where the object cannot be decoded also its identity.
    pub(crate) meta: ObjectMeta,
}

/// Enough of any object to know which one it is.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
}

impl<'de, K: CacheObject> Deserialize<'de> for Guarded<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        struct Probe {
            #[serde(default)]
            metadata: Identity,
        }
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let object = serde_json::from_str::<K>(raw.get()).map_err(|error| error.to_string());
        let probe: Probe = match &object {
            // The watch needs the version to resume; identity of a good object is taken from the object itself.
            Ok(object) => Probe {
                metadata: Identity { resource_version: object.meta().resource_version.clone(), ..Identity::default() },
            },
            Err(_) => serde_json::from_str(raw.get()).unwrap_or_default(),
        };
        let Identity { namespace, name, uid, resource_version } = probe.metadata;
        Ok(Self { object, meta: ObjectMeta { namespace, name, uid, resource_version, ..ObjectMeta::default() } })
    }
}

impl<K: CacheObject> Resource for Guarded<K> {
    type DynamicType = ();
    type Scope = K::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        K::kind(&())
    }
    fn group((): &()) -> Cow<'_, str> {
        K::group(&())
    }
    fn version((): &()) -> Cow<'_, str> {
        K::version(&())
    }
    fn plural((): &()) -> Cow<'_, str> {
        K::plural(&())
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

#[cfg(test)]
mod tests {
    use integration_api::PipelineRun;
    use kube::core::{ObjectList, WatchEvent};

    use super::*;

    #[test]
    fn one_malformed_object_does_not_spoil_the_list() {
        let list: ObjectList<Guarded<PipelineRun>> = serde_json::from_str(
            r#"{"apiVersion":"tekton.dev/v1","kind":"PipelineRunList","metadata":{"resourceVersion":"7"},"items":[
            {"metadata":{"name":"bad","namespace":"ns","resourceVersion":"5","labels":{"a":1}},"status":{"startTime":"yesterday"}},
            {"metadata":{"name":"good","namespace":"ns","resourceVersion":"6"}}]}"#,
        )
        .unwrap();
        let error = list.items[0].object.as_ref().unwrap_err();
        assert!(error.contains("invalid type"), "{error}");
        assert_eq!(list.items[0].meta().name.as_deref(), Some("bad"));
        assert_eq!(list.items[1].object.as_ref().unwrap().metadata.name.as_deref(), Some("good"));
        assert_eq!(list.items[1].meta().resource_version.as_deref(), Some("6"));
    }

    #[test]
    fn one_malformed_object_does_not_stop_the_watch() {
        let event: WatchEvent<Guarded<PipelineRun>> = serde_json::from_str(
            r#"{"type":"MODIFIED","object":{"metadata":{"name":"bad","resourceVersion":"8"},"spec":{"status":7}}}"#,
        )
        .unwrap();
        let WatchEvent::Modified(guarded) = event else { panic!("not a modification") };
        assert!(guarded.object.is_err());
        assert_eq!(guarded.meta().resource_version.as_deref(), Some("8"));
    }
}
