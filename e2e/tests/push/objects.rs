//! Reading objects as a user reads them, as plain JSON.

use std::collections::BTreeMap;

use e2e::fixtures;
pub use e2e::objects::*;
use integration_api::keys;
use serde_json::Value;

/// An image a Component was promoted with before the test.
pub fn old_image(component: &str) -> String {
    format!("{}@{}", fixtures::image_repository(component), fixtures::digest(&format!("old-{component}")))
}

/// Selector of the test PipelineRuns of a Snapshot.
pub fn test_runs(snapshot: &str) -> String {
    format!("{}={},{}={snapshot}", keys::PIPELINE_TYPE, keys::PIPELINE_TEST, keys::SNAPSHOT)
}

/// The status entries of a Snapshot, by scenario; none where the annotation is no array.
pub fn entries(snapshot: &Value) -> BTreeMap<String, Value> {
    let array: Vec<Value> = serde_json::from_str(annotation(snapshot, keys::TEST_STATUS)).unwrap_or_default();
    array.into_iter().map(|entry| (text(&entry["scenario"]), entry)).collect()
}

/// Error of a request that the API server refused because of the object's content.
pub fn refused(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<kube::Error>();
    matches!(error, Some(kube::Error::Api(status)) if matches!(status.code, 400 | 422))
}
