//! Short reads of object metadata.

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

/// A label; `Some("")` for a present, empty one.
pub fn label<'a, K: Resource>(object: &'a K, key: &str) -> Option<&'a str> {
    object.meta().labels.as_ref()?.get(key).map(String::as_str)
}

/// An annotation; `Some("")` for a present, empty one.
pub fn annotation<'a, K: Resource>(object: &'a K, key: &str) -> Option<&'a str> {
    object.meta().annotations.as_ref()?.get(key).map(String::as_str)
}

/// Whether the object is being deleted.
pub fn terminating<K: Resource>(object: &K) -> bool {
    object.meta().deletion_timestamp.is_some()
}
