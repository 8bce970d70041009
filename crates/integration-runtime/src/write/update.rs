//! Compare-and-swap updates (D-7).

use std::sync::Arc;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use kube::core::Request;
use serde_json::{Map, Value};

use crate::cache::CacheObject;
use crate::{ApiError, Context, ErrorClass, ObjectKey, Store, random};

/// Tries in a row before the key is put back.
const TRIES: u32 = 10;

/// Which part of an object a patch changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Metadata and spec.
    Metadata,
    /// The status subresource.
    Status,
}

/// Outcome of an update.
#[derive(Clone, Debug)]
pub enum Update<K> {
    /// The change was accepted; the object as it is now.
    Written(Arc<K>),
    /// On the newest version there is nothing to change.
    Unchanged(Arc<K>),
    /// The object does not exist any more.
    Gone,
}

impl<K> Update<K> {
    /// The object as it is now, unless it is gone.
    pub fn object(&self) -> Option<&Arc<K>> {
        match self {
            Self::Written(object) | Self::Unchanged(object) => Some(object),
            Self::Gone => None,
        }
    }
}

impl Context {
    /// Changes an object that others write too. `change` computes a JSON merge patch on the newest version known, or
    /// `None` when there is nothing to change; it is sent with uid and resourceVersion. When the object changed
    /// meanwhile, it is read from the API server and `change` decides anew, up to ten times.
    pub async fn update<K: CacheObject>(
        &self,
        store: &Store<K>,
        start: Arc<K>,
        part: Part,
        mut change: impl FnMut(&K) -> Option<Value>,
    ) -> Result<Update<K>, ApiError> {
        let key = ObjectKey::of(&*start);
        let uid = start.meta().uid.clone();
        let mut newest =
            store.get(&key.namespace, &key.name).filter(|cached| cached.meta().uid == uid).unwrap_or(start);
        let operation = if part == Part::Status { "patch the status of" } else { "patch" };
        for attempt in 0..TRIES {
            let Some(patch) = change(&newest) else { return Ok(Update::Unchanged(newest)) };
            let body = with_preconditions(patch, &*newest);
            let request = Request::new(K::url_path(&(), Some(&key.namespace)));
            let params = PatchParams::default();
            let request = match part {
                Part::Metadata => request.patch(&key.name, &params, &Patch::Merge(&body)),
                Part::Status => request.patch_subresource("status", &key.name, &params, &Patch::Merge(&body)),
            };
            match self.send_write::<K, K>(operation, &key, request).await {
                Ok(object) => return Ok(Update::Written(store.observe(object))),
                Err(error) if error.class() == ErrorClass::NotFound => {
                    store.forget(&key.namespace, &key.name, uid.as_deref());
                    return Ok(Update::Gone);
                }
                Err(error) if error.class() == ErrorClass::Conflict => {
                    self.metrics().write_conflict(&K::plural(&()));
                    if attempt > 1 {
                        tokio::time::sleep(random::between(Duration::from_millis(20), Duration::from_millis(500)))
                            .await;
                    }
                    match self.get(store, &key.namespace, &key.name).await? {
                        Some(live) if live.meta().uid == uid => newest = live,
                        // Deleted, or replaced by another object of the same name.
                        _ => return Ok(Update::Gone),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(ApiError::conflict(operation, &K::kind(&()), key.to_string()))
    }
}

/// The patch with uid and resourceVersion of the version it was computed on.
fn with_preconditions<K: CacheObject>(patch: Value, on: &K) -> Value {
    let mut body = match patch {
        Value::Object(body) => body,
        _ => Map::new(),
    };
    let metadata = body.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(metadata) = metadata {
        let meta = on.meta();
        metadata.insert("uid".to_owned(), meta.uid.clone().into());
        metadata.insert("resourceVersion".to_owned(), meta.resource_version.clone().into());
    }
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use integration_api::Snapshot;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_patch_carries_the_version_it_was_computed_on() {
        let snapshot: Snapshot =
            serde_json::from_value(json!({"metadata": {"name": "s", "uid": "u", "resourceVersion": "7"}})).unwrap();
        let body = with_preconditions(json!({"metadata": {"annotations": {"a": "b"}}}), &snapshot);
        assert_eq!(body, json!({"metadata": {"annotations": {"a": "b"}, "uid": "u", "resourceVersion": "7"}}));
        let body = with_preconditions(json!({"status": {"conditions": []}}), &snapshot);
        assert_eq!(body, json!({"status": {"conditions": []}, "metadata": {"uid": "u", "resourceVersion": "7"}}));
    }
}
