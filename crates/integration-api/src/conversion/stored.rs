//! The v1beta2 spec that travels with an object of an old version (API-B3).

use serde_json::{Map, Value};

use super::{BUNDLES, V1beta2, down_v1alpha1, down_v1beta1, up_v1alpha1};
use crate::keys::CONVERSION_DATA;
use crate::scenario::{ResolverParam, v1alpha1, v1beta1};

/// Larger data are not ours: no object can have more annotations.
const LIMIT: usize = 256 * 1024;

/// Removes the annotation and returns its value.
pub(super) fn take(metadata: &mut Value) -> Option<String> {
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let data = annotations.shift_remove(CONVERSION_DATA)?;
    if annotations.is_empty() {
        metadata.as_object_mut()?.shift_remove("annotations");
    }
    data.as_str().map(str::to_owned)
}

/// Adds the annotation.
pub(super) fn put(metadata: &mut Value, spec: &V1beta2) {
    let Ok(data) = serde_json::to_string(spec) else { return };
    let mut object = into_object(metadata.take());
    let annotations = object.entry("annotations").or_insert(Value::Null);
    let mut entries = into_object(annotations.take());
    entries.insert(CONVERSION_DATA.to_owned(), Value::String(data));
    *annotations = Value::Object(entries);
    *metadata = Value::Object(object);
}

/// The members of an object; anything else has none.
fn into_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Reads the annotation. Users can write it too: what is too large or no spec is ignored.
pub(super) fn read(data: &str) -> Option<V1beta2> {
    if data.len() > LIMIT {
        return None;
    }
    // Absent data would read as an empty spec.
    let value: Value = serde_json::from_str(data).ok()?;
    if !value.is_object() {
        return None;
    }
    serde_json::from_value(value).ok()
}

/// The stored spec with everything that was changed in the v1beta1 object.
pub(super) fn merge_v1beta1(stored: V1beta2, old: &v1beta1::IntegrationTestScenarioSpec) -> V1beta2 {
    let before = down_v1beta1(&stored);
    let mut spec = stored;
    merge_owner(&mut spec, &before.application, &old.application);
    if old.resolver_ref.resolver != before.resolver_ref.resolver {
        spec.resolver_ref.resolver.clone_from(&old.resolver_ref.resolver);
    }
    if old.resolver_ref.params != before.resolver_ref.params {
        spec.resolver_ref.params.clone_from(&old.resolver_ref.params);
    }
    spec.params.clone_from(&old.params);
    spec.contexts.clone_from(&old.contexts);
    spec
}

/// The stored spec with everything that was changed in the v1alpha1 object.
pub(super) fn merge_v1alpha1(stored: V1beta2, old: &v1alpha1::IntegrationTestScenarioSpec) -> V1beta2 {
    let before = down_v1alpha1(&stored);
    let mut spec = stored;
    merge_owner(&mut spec, &before.application, &old.application);
    if (&old.bundle, &old.pipeline) != (&before.bundle, &before.pipeline) {
        if spec.resolver_ref.resolver == BUNDLES {
            set_param(&mut spec.resolver_ref.params, "bundle", &before.bundle, &old.bundle);
            set_param(&mut spec.resolver_ref.params, "name", &before.pipeline, &old.pipeline);
        } else {
            spec.resolver_ref = up_v1alpha1(old).resolver_ref;
        }
    }
    spec.params.clone_from(&old.params);
    spec.contexts.clone_from(&old.contexts);
    spec
}

/// Takes over a changed Application. An old version has no other owner, so naming one replaces the ComponentGroup.
fn merge_owner(spec: &mut V1beta2, before: &str, now: &str) {
    if now == before {
        return;
    }
    spec.application = super::owner(now);
    if spec.application.is_some() {
        spec.component_group = None;
    }
}

/// Takes over a changed value into the parameter that counts, the last one of that name.
fn set_param(params: &mut Vec<ResolverParam>, name: &str, before: &str, now: &str) {
    if now == before {
        return;
    }
    match params.iter_mut().rfind(|param| param.name == name) {
        Some(param) => now.clone_into(&mut param.value),
        None => params.push(ResolverParam { name: name.to_owned(), value: now.to_owned() }),
    }
}
