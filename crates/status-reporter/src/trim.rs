//! What the caches keep of an object (RR-B41).

use std::collections::BTreeMap;

use integration_api::scenario::ResolverRef;
use integration_api::tekton::{PipelineRunSpec, PipelineRunStatus};
use integration_api::{Application, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot, keys};
use kube::core::ObjectMeta;

const SNAPSHOT_LABELS: [&str; 9] = [
    keys::SNAPSHOT_TYPE,
    keys::COMPONENT,
    keys::BUILD_PIPELINE_RUN,
    keys::EVENT_TYPE,
    keys::PULL_REQUEST,
    keys::GIT_PROVIDER,
    keys::RUN,
    keys::VELERO_BACKUP,
    keys::VELERO_RESTORE,
];
const SNAPSHOT_ANNOTATIONS: [&str; 6] = [
    keys::TEST_STATUS,
    keys::CREATE_GROUP_SNAPSHOT_STATUS,
    keys::CHILD_SNAPSHOT,
    keys::GIT_PROVIDER,
    keys::SOURCE_BRANCH,
    keys::INTEGRATION_WORKFLOW,
];

/// Keeps what classifies the Snapshot, its test status and its conditions.
pub fn snapshot(snapshot: &mut Snapshot) {
    keep(&mut snapshot.metadata, &SNAPSHOT_LABELS, &SNAPSHOT_ANNOTATIONS);
}

/// Keeps the metadata that names the Snapshot.
pub fn pipeline_run(run: &mut PipelineRun) {
    keep(&mut run.metadata, &[keys::SNAPSHOT], &[keys::SNAPSHOT]);
    run.spec = PipelineRunSpec::default();
    run.status = PipelineRunStatus::default();
}

/// Keeps to whom and when the scenario applies.
pub fn scenario(scenario: &mut IntegrationTestScenario) {
    keep(&mut scenario.metadata, &[keys::OPTIONAL], &[]);
    scenario.spec.resolver_ref = ResolverRef::default();
    scenario.spec.params = Vec::new();
    scenario.spec.dependents = Vec::new();
    for context in &mut scenario.spec.contexts {
        context.description = None;
    }
    scenario.status = None;
}

/// Keeps that it exists.
pub fn application(application: &mut Application) {
    keep(&mut application.metadata, &[], &[]);
}

/// Keeps the test graph.
pub fn component_group(group: &mut ComponentGroup) {
    keep(&mut group.metadata, &[], &[]);
    group.spec.components = Vec::new();
    group.spec.snapshot_creator = None;
    group.status = None;
}

fn keep(metadata: &mut ObjectMeta, labels: &[&str], annotations: &[&str]) {
    metadata.managed_fields = None;
    retain(&mut metadata.labels, labels);
    retain(&mut metadata.annotations, annotations);
}

fn retain(map: &mut Option<BTreeMap<String, String>>, keys: &[&str]) {
    if let Some(map) = map {
        map.retain(|key, _| keys.contains(&key.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use integration_core::event::of_snapshot;
    use serde_json::json;

    use super::*;

    // RR-B41
    #[test]
    fn rr_b41_trimming_changes_neither_class_nor_verdict_inputs() {
        let mut snapshot: Snapshot = serde_json::from_value(json!({"metadata": {
            "labels": {keys::SNAPSHOT_TYPE: "component", keys::EVENT_TYPE: "pull_request", keys::PULL_REQUEST: "7", keys::SHA: "abc"},
            "annotations": {keys::TEST_STATUS: "[]", keys::GROUP_TEST_INFO: "[]"},
        }}))
        .unwrap();
        let class = of_snapshot(&snapshot);
        super::snapshot(&mut snapshot);
        assert_eq!(of_snapshot(&snapshot), class);
        let metadata = snapshot.metadata;
        assert_eq!(metadata.annotations, Some([(keys::TEST_STATUS.to_owned(), "[]".to_owned())].into()));
        assert!(!metadata.labels.is_some_and(|labels| labels.contains_key(keys::SHA)));
    }
}
