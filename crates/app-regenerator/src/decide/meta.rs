//! Short reads of object metadata.

pub use integration_api::meta::*;
use integration_api::{Component, keys};

/// Whether the Component carries our finalizer (API-F3).
pub fn held(component: &Component) -> bool {
    component.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == keys::COMPONENT_FINALIZER)
}
