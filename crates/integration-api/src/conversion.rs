//! Conversion of IntegrationTestScenarios between versions (API-35 … API-40), without loss (API-B3).
//!
//! v1beta2 is the hub and the stored version. What an older version cannot express travels in annotation
//! `integration.konflux-ci.dev/conversion-data`: the whole v1beta2 spec, written on the way down when it is needed and
//! merged back on the way up. Both functions are pure; the server around them answers the reviews.

mod stored;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::scenario::{IntegrationTestScenarioSpec as V1beta2, ResolverParam, ResolverRef, v1alpha1, v1beta1};

/// Group of the kind.
const GROUP: &str = "appstudio.redhat.com";
/// The kind.
const KIND: &str = "IntegrationTestScenario";
/// Resolver that v1alpha1 stands for.
const BUNDLES: &str = "bundles";
/// Resource kind of scenarios that name none, and of all written in an old version (API-B3).
const PIPELINE: &str = "pipeline";

/// A version of IntegrationTestScenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Deprecated; the pipeline comes from a bundle.
    V1alpha1,
    /// Deprecated; Applications only.
    V1beta1,
    /// Stored.
    V1beta2,
}

impl Version {
    /// The `apiVersion`.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1alpha1 => "appstudio.redhat.com/v1alpha1",
            Self::V1beta1 => "appstudio.redhat.com/v1beta1",
            Self::V1beta2 => "appstudio.redhat.com/v1beta2",
        }
    }

    /// Reads an `apiVersion`.
    pub fn from_api_version(text: &str) -> Result<Self, ConversionError> {
        [Self::V1alpha1, Self::V1beta1, Self::V1beta2]
            .into_iter()
            .find(|version| version.api_version() == text)
            .ok_or_else(|| ConversionError::UnknownVersion(text.to_owned()))
    }
}

/// Why an object cannot be converted; the whole review fails with it (API-39).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    /// The object is of another kind.
    #[error("kind `{0}` is not converted here, only {KIND}")]
    UnknownKind(String),
    /// A version that is not served.
    #[error("`{0}` is no version of {KIND} in group {GROUP}")]
    UnknownVersion(String),
    /// The object has the desired version already.
    #[error("{KIND} `{name}` has version {version} already")]
    SameVersion {
        /// Namespace and name.
        name: String,
        /// The version.
        version: &'static str,
    },
    /// The object does not fit its version.
    #[error("{KIND} `{name}` cannot be read as {version}: {reason}")]
    Undecodable {
        /// Namespace and name.
        name: String,
        /// The version.
        version: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Converts an object to the desired `apiVersion`; v1alpha1 and v1beta1 meet in v1beta2 (API-39).
pub fn convert(object: &Value, desired_api_version: &str) -> Result<Value, ConversionError> {
    let from = version_of(object)?;
    let to = Version::from_api_version(desired_api_version)?;
    if from == to {
        return Err(ConversionError::SameVersion { name: name_of(object), version: to.api_version() });
    }
    from_v1beta2(&to_v1beta2(object)?, to)
}

/// Converts an object of any version to v1beta2. Status always has an array of conditions then (API-35).
pub fn to_v1beta2(object: &Value) -> Result<Value, ConversionError> {
    let version = version_of(object)?;
    if version == Version::V1beta2 {
        return Ok(object.clone());
    }
    let mut metadata = object.get("metadata").cloned().unwrap_or_default();
    let stored = stored::take(&mut metadata).and_then(|text| stored::read(&text));
    let spec = match version {
        Version::V1alpha1 => {
            let old: v1alpha1::IntegrationTestScenarioSpec = spec_of(object, version)?;
            stored.map_or_else(|| up_v1alpha1(&old), |stored| stored::merge_v1alpha1(stored, &old))
        }
        Version::V1beta1 | Version::V1beta2 => {
            let old: v1beta1::IntegrationTestScenarioSpec = spec_of(object, version)?;
            stored.map_or_else(|| up_v1beta1(&old), |stored| stored::merge_v1beta1(stored, &old))
        }
    };
    let conditions = conditions_of(object, version)?;
    Ok(assemble(Version::V1beta2, metadata, &spec, Some(json!({ "conditions": conditions }))))
}

/// Converts an object of v1beta2 to another version. An old version has a status only if there are conditions, which
/// are copied to every version.
pub fn from_v1beta2(object: &Value, to: Version) -> Result<Value, ConversionError> {
    let spec: V1beta2 = spec_of(object, Version::V1beta2)?;
    let conditions = conditions_of(object, Version::V1beta2)?;
    let status = (!conditions.is_empty()).then(|| json!({ "conditions": conditions }));
    let mut metadata = object.get("metadata").cloned().unwrap_or_default();
    // An annotation that came with v1beta2 is none of ours.
    stored::take(&mut metadata);
    Ok(match to {
        Version::V1beta2 => object.clone(),
        Version::V1beta1 => {
            let old = down_v1beta1(&spec);
            if up_v1beta1(&old) != spec {
                stored::put(&mut metadata, &spec);
            }
            assemble(to, metadata, &old, status)
        }
        Version::V1alpha1 => {
            let old = down_v1alpha1(&spec);
            if up_v1alpha1(&old) != spec {
                stored::put(&mut metadata, &spec);
            }
            assemble(to, metadata, &old, status)
        }
    })
}

/// API-35, with the resource kind of API-B3.
fn up_v1beta1(old: &v1beta1::IntegrationTestScenarioSpec) -> V1beta2 {
    V1beta2 {
        application: owner(&old.application),
        component_group: None,
        resolver_ref: ResolverRef {
            resolver: old.resolver_ref.resolver.clone(),
            params: old.resolver_ref.params.clone(),
            resource_kind: Some(PIPELINE.to_owned()),
        },
        params: old.params.clone(),
        contexts: old.contexts.clone(),
        dependents: Vec::new(),
    }
}

/// API-36.
fn up_v1alpha1(old: &v1alpha1::IntegrationTestScenarioSpec) -> V1beta2 {
    let param = |name: &str, value: &str| ResolverParam { name: name.to_owned(), value: value.to_owned() };
    V1beta2 {
        application: owner(&old.application),
        component_group: None,
        resolver_ref: ResolverRef {
            resolver: BUNDLES.to_owned(),
            params: vec![param("bundle", &old.bundle), param("name", &old.pipeline), param("kind", PIPELINE)],
            resource_kind: Some(PIPELINE.to_owned()),
        },
        params: old.params.clone(),
        contexts: old.contexts.clone(),
        dependents: Vec::new(),
    }
}

/// API-37.
fn down_v1beta1(spec: &V1beta2) -> v1beta1::IntegrationTestScenarioSpec {
    v1beta1::IntegrationTestScenarioSpec {
        application: spec.application.clone().unwrap_or_default(),
        resolver_ref: v1beta1::ResolverRef {
            resolver: spec.resolver_ref.resolver.clone(),
            params: spec.resolver_ref.params.clone(),
        },
        params: spec.params.clone(),
        environment: Some(v1beta1::Environment::default()),
        contexts: spec.contexts.clone(),
    }
}

/// API-38.
fn down_v1alpha1(spec: &V1beta2) -> v1alpha1::IntegrationTestScenarioSpec {
    let param = |name: &str| {
        let bundles = (spec.resolver_ref.resolver == BUNDLES).then_some(&spec.resolver_ref.params);
        let param = bundles.into_iter().flatten().rfind(|param| param.name == name);
        param.map(|param| param.value.clone()).unwrap_or_default()
    };
    v1alpha1::IntegrationTestScenarioSpec {
        application: spec.application.clone().unwrap_or_default(),
        bundle: param("bundle"),
        pipeline: param("name"),
        params: spec.params.clone(),
        environment: Some(v1beta1::Environment::default()),
        contexts: spec.contexts.clone(),
    }
}

/// The name, unless it is the empty text with which old versions express that there is none.
fn owner(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

fn version_of(object: &Value) -> Result<Version, ConversionError> {
    let text = |key| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let version = Version::from_api_version(text("apiVersion"))?;
    if text("kind") != KIND {
        return Err(ConversionError::UnknownKind(text("kind").to_owned()));
    }
    Ok(version)
}

/// Namespace and name, for messages.
fn name_of(object: &Value) -> String {
    let text = |path| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{}", text("/metadata/namespace"), text("/metadata/name"))
}

fn spec_of<T: DeserializeOwned>(object: &Value, version: Version) -> Result<T, ConversionError> {
    let mut spec = object.get("spec").cloned().unwrap_or_default();
    drop_nulls(&mut spec);
    serde_json::from_value(spec).map_err(|error| undecodable(object, version, error.to_string()))
}

fn conditions_of(object: &Value, version: Version) -> Result<Vec<Value>, ConversionError> {
    match object.pointer("/status/conditions") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(conditions)) => Ok(conditions.clone()),
        Some(_) => Err(undecodable(object, version, "`status.conditions` is not an array".to_owned())),
    }
}

fn undecodable(object: &Value, version: Version, reason: String) -> ConversionError {
    ConversionError::Undecodable { name: name_of(object), version: version.api_version(), reason }
}

/// A null is the same as an absent field.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn assemble(version: Version, metadata: Value, spec: &impl Serialize, status: Option<Value>) -> Value {
    let mut object = Map::new();
    object.insert("apiVersion".to_owned(), version.api_version().into());
    object.insert("kind".to_owned(), KIND.into());
    object.insert("metadata".to_owned(), metadata);
    // A spec consists of texts, lists and options, which always are JSON.
    object.insert("spec".to_owned(), serde_json::to_value(spec).unwrap_or_default());
    if let Some(status) = status {
        object.insert("status".to_owned(), status);
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests;
