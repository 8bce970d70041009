//! What the caches keep of an object (RR-B41): a cluster holds thousands of Snapshots and PipelineRuns.

use std::collections::BTreeMap;

use integration_api::condition::SUCCEEDED;
use integration_api::{PipelineRun, Snapshot, keys};
use kube::core::ObjectMeta;

use crate::decide::is_task_run;

/// Stands for the annotations a cached Snapshot does not keep; its value is their size in bytes. No annotation of an
/// object can have this name.
const LEFT_OUT: &str = "(bytes left out)";

const RUN_LABELS: [&str; 3] = [keys::SNAPSHOT, keys::SCENARIO, keys::OPTIONAL];
const RUN_ANNOTATIONS: [&str; 5] = [keys::ATTEMPT, keys::CANCELLED, keys::LOG_URL, keys::SNAPSHOT, keys::SCENARIO];
const SNAPSHOT_LABELS: [&str; 3] = [keys::SNAPSHOT_TYPE, keys::VELERO_BACKUP, keys::VELERO_RESTORE];
const SNAPSHOT_ANNOTATIONS: [&str; 2] = [keys::TEST_STATUS, keys::CHILD_SNAPSHOT];

/// Keeps labels, attempt, marks, outcome and TaskRun children.
pub fn pipeline_run(run: &mut PipelineRun) {
    keep(&mut run.metadata.labels, &RUN_LABELS);
    keep(&mut run.metadata.annotations, &RUN_ANNOTATIONS);
    run.metadata.managed_fields = None;
    run.status.results = Vec::new();
    run.status.conditions.retain(|condition| condition.type_ == SUCCEEDED);
    run.status.conditions.shrink_to_fit();
    run.status.child_references.retain(is_task_run);
    run.status.child_references.shrink_to_fit();
}

/// Keeps the type, the test status and the size of the other annotations.
pub fn snapshot(snapshot: &mut Snapshot) {
    let left_out = other_annotation_bytes(&snapshot.metadata);
    keep(&mut snapshot.metadata.labels, &SNAPSHOT_LABELS);
    keep(&mut snapshot.metadata.annotations, &SNAPSHOT_ANNOTATIONS);
    snapshot.metadata.managed_fields = None;
    let kept: usize =
        snapshot.metadata.annotations.iter().flatten().filter(|(key, _)| *key != keys::TEST_STATUS).map(size).sum();
    let annotations = snapshot.metadata.annotations.get_or_insert_default();
    annotations.insert(LEFT_OUT.to_owned(), left_out.saturating_sub(kept).to_string());
}

/// Bytes of all annotations but the test status, also of a Snapshot out of the cache (API-B18).
pub fn other_annotation_bytes(metadata: &ObjectMeta) -> usize {
    let others = metadata.annotations.iter().flatten().filter(|(key, _)| *key != keys::TEST_STATUS);
    others.map(|(key, value)| if key == LEFT_OUT { value.parse().unwrap_or(0) } else { size((key, value)) }).sum()
}

fn size((key, value): (&String, &String)) -> usize {
    key.len() + value.len()
}

fn keep(map: &mut Option<BTreeMap<String, String>>, keys: &[&str]) {
    if let Some(map) = map {
        map.retain(|key, _| keys.contains(&key.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use integration_api::tekton::ChildReference;

    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    // API-B18
    #[test]
    fn api_b18_the_size_of_left_out_annotations_is_remembered() {
        let mut whole = Snapshot::default();
        let annotations = [(keys::TEST_STATUS, "[]"), (keys::CHILD_SNAPSHOT, "child"), ("note", "0123456789")];
        whole.metadata.annotations = Some(map(&annotations));
        let size = keys::CHILD_SNAPSHOT.len() + "child".len() + "note".len() + 10;
        assert_eq!(other_annotation_bytes(&whole.metadata), size);
        for _ in 0..2 {
            snapshot(&mut whole);
            assert_eq!(other_annotation_bytes(&whole.metadata), size);
        }
        let kept: Vec<_> = whole.metadata.annotations.iter().flatten().map(|(key, _)| key.as_str()).collect();
        assert_eq!(kept, [LEFT_OUT, keys::CHILD_SNAPSHOT, keys::TEST_STATUS]);
    }

    // RR-B41, RR-B5
    #[test]
    fn rr_b41_a_cached_pipeline_run_keeps_what_decisions_need() {
        let mut run = PipelineRun::default();
        run.metadata.labels = Some(map(&[(keys::SCENARIO, "s"), (keys::PIPELINE_TYPE, "test")]));
        run.metadata.annotations = Some(map(&[(keys::LOG_URL, "u"), (keys::SHA, "abc")]));
        for kind in ["TaskRun", "CustomRun", "PipelineRun"] {
            run.status.child_references.push(ChildReference { kind: kind.to_owned(), ..ChildReference::default() });
        }
        pipeline_run(&mut run);
        assert_eq!(run.metadata.labels, Some(map(&[(keys::SCENARIO, "s")])));
        assert_eq!(run.metadata.annotations, Some(map(&[(keys::LOG_URL, "u")])));
        assert_eq!(run.status.child_references.len(), 1);
    }
}
