//! Short reads of object metadata.

pub use integration_api::meta::*;
use integration_api::{PipelineRun, keys};

/// Whether the build carries our finalizer.
pub fn has_finalizer(build: &PipelineRun) -> bool {
    build.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == keys::PIPELINE_RUN_FINALIZER)
}
