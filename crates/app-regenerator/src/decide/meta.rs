//! Short reads of object metadata.

use integration_api::{Component, keys};
use kube::Resource;

/// `metadata.name`, empty when unset.
pub fn name<K: Resource>(object: &K) -> &str {
    object.meta().name.as_deref().unwrap_or_default()
}

/// `metadata.namespace`, empty when unset.
pub fn namespace<K: Resource>(object: &K) -> &str {
    object.meta().namespace.as_deref().unwrap_or_default()
}

/// `metadata.uid`, empty when unset.
pub fn uid<K: Resource>(object: &K) -> &str {
    object.meta().uid.as_deref().unwrap_or_default()
}

/// Whether the object is being deleted.
pub fn terminating<K: Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}

/// Whether the Component carries our finalizer (API-F3).
pub fn held(component: &Component) -> bool {
    component.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == keys::COMPONENT_FINALIZER)
}
