//! Kubernetes Events: at most one an object, reason and text (SC-B30, TR-B43, OP-X10).

use integration_api::formats::truncate;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Resource;
use kube::api::PostParams;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::write::read::TIMEOUT;
use crate::{Context, ObjectKey};

/// Longest note the API server accepts, in bytes.
const NOTE_LIMIT: usize = 1024;

/// Kind of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// Worth knowing.
    Normal,
    /// Somebody should look.
    Warning,
}

impl EventType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl Context {
    /// Records an Event on an object. Its name follows from object, reason and note, so the same Event is stored once,
    /// whoever sends it and how often. A failure is logged and never fails the caller.
    pub async fn event<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        type_: EventType,
        reason: &'static str,
        note: String,
    ) {
        let note = truncate(&note, NOTE_LIMIT);
        let meta = object.meta();
        let uid = meta.uid.clone().unwrap_or_default();
        let name = event_name(meta.name.as_deref().unwrap_or_default(), &uid, reason, &note);
        let key = ObjectKey::of(object);
        if !self.may_write() || !self.first_mention(&name) {
            return;
        }
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: meta.namespace.clone(),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(self.now())),
            action: Some(reason.to_owned()),
            reason: Some(reason.to_owned()),
            note: Some(note.clone()),
            type_: Some(type_.as_str().to_owned()),
            reporting_controller: Some(format!("konflux-ci.dev/{}", self.program())),
            reporting_instance: Some(self.instance().to_owned()),
            regarding: Some(ObjectReference {
                api_version: Some(K::api_version(&()).into_owned()),
                kind: Some(K::kind(&()).into_owned()),
                namespace: meta.namespace.clone(),
                name: meta.name.clone(),
                uid: meta.uid.clone(),
                resource_version: meta.resource_version.clone(),
                ..ObjectReference::default()
            }),
            ..Event::default()
        };
        tracing::info!(kind = %K::kind(&()), %key, type = type_.as_str(), reason, note, "event");
        let api: kube::Api<Event> = kube::Api::namespaced(self.client().clone(), &key.namespace);
        let error = match timeout(TIMEOUT, api.create(&PostParams::default(), &event)).await {
            Ok(Ok(_)) => return,
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the API server did not answer in time".to_owned(),
        };
        self.forget_mention(&name);
        tracing::warn!(kind = %K::kind(&()), %key, reason, error, "the Event could not be recorded");
    }
}

fn event_name(object: &str, uid: &str, reason: &str, note: &str) -> String {
    let hash = Sha256::digest(format!("{uid}\n{reason}\n{note}"));
    let hex = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    // Room for the hash in the 253 characters of a name; object names are ASCII.
    let object: String = object.chars().take(230).collect();
    format!("{object}.{hex:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_event_has_the_same_name_and_another_text_another_one() {
        let a = event_name("run", "u", "SnapshotCreated", "one");
        assert_eq!(a, event_name("run", "u", "SnapshotCreated", "one"));
        assert_ne!(a, event_name("run", "u", "SnapshotCreated", "two"));
        assert_ne!(a, event_name("run", "v", "SnapshotCreated", "one"));
        assert!(event_name(&"x".repeat(300), "u", "r", "n").len() <= 253);
    }
}
