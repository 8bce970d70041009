//! The Snapshot as it is created (SC-104 … SC-108, SC-B23, SC-B24, SC-B38).

use std::collections::{BTreeMap, BTreeSet};

use integration_api::formats::gcl_marker::GclMarker;
use integration_api::formats::truncate;
use integration_api::snapshot::SnapshotSpec;
use integration_api::{PipelineRun, keys};
use integration_core::assembly::{self, Assembled};
use integration_core::build::{self, BuildResults};
use integration_core::event::{self, EventClass};
use integration_core::owner::OwnerKind;
use integration_core::{metadata, names, pr_group};
use kube::core::ObjectMeta;
use serde_json::{Map, Value, json};

use super::entry::{Entry, OwnerObject};
use super::{ended, merged, meta, related};

/// Most bytes of all annotations together, keys and values (API-B18). The API server's own limit is 256 KiB.
const ANNOTATIONS_LIMIT: usize = 250 * 1024;
/// Most bytes of the list of components that were left out.
const LEFT_OUT_LIMIT: usize = 16 * 1024;
/// Most bytes of the copied state of the group Snapshot (SC-B23).
const GROUP_STATUS_LIMIT: usize = 1024;

/// What is known about a build beside its own words.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// Whether it is in the global candidate list, once that was answered.
    pub marker: Option<&'a GclMarker>,
    /// Whether its pull request was merged.
    pub merged: bool,
}

/// The whole object.
pub(super) fn snapshot(
    build: &PipelineRun,
    entry: &Entry<'_>,
    owner: &OwnerObject<'_>,
    name: &str,
    results: &BuildResults,
    assembled: Assembled,
    known: Known<'_>,
) -> Value {
    let copied = metadata::snapshot_from_build(build);
    let (mut labels, mut annotations) = (copied.labels, copied.annotations);

    let mut name_label = |key: &str, value: &str| {
        let short = names::label_value(value);
        if short != value {
            annotations.insert(key.to_owned(), value.to_owned());
        }
        labels.insert(key.to_owned(), short.into_owned());
    };
    name_label(keys::COMPONENT, meta::name(&**entry.component));
    name_label(owner.owner.label_key(), &owner.owner.name);
    name_label(keys::BUILD_PIPELINE_RUN, meta::name(build));
    labels.insert(keys::SNAPSHOT_TYPE.to_owned(), keys::TYPE_COMPONENT.to_owned());
    labels.insert(keys::BUILD_FINISH_TIME.to_owned(), ended(build).as_second().to_string());

    let mut annotate = |key: &str, value: &str| {
        if !value.is_empty() {
            annotations.insert(key.to_owned(), value.to_owned());
        }
    };
    annotate(keys::BUILD_PIPELINE_RUN_UID, meta::uid(build));
    annotate(keys::BUILD_START_TIME, &build::start(build).as_millisecond().to_string());
    annotate(keys::INTEGRATION_WORKFLOW, event::of_build(build).workflow());
    annotate(keys::VERSION, entry.version);
    annotate(keys::CONTEXT, meta::annotation(build, keys::CONTEXT).unwrap_or_default());
    let left_out = assembly::left_out_text(&assembled.left_out, owner.owner.kind).unwrap_or_default();
    annotate(keys::CREATE_SNAPSHOT_STATUS, &truncate(&left_out, LEFT_OUT_LIMIT));
    let group_status = meta::annotation(build, keys::CREATE_GROUP_SNAPSHOT_STATUS).unwrap_or_default();
    annotate(keys::CREATE_GROUP_SNAPSHOT_STATUS, &truncate(group_status, GROUP_STATUS_LIMIT));
    if let Some(marker) = known.marker {
        annotate(keys::ADDED_TO_GCL, &marker.to_annotation());
    }
    if known.merged {
        annotate(keys::PR_STATUS, merged::MERGED);
    }
    if let Some(group) = related::pr_group(build) {
        annotate(keys::PR_GROUP, &group);
        labels.insert(keys::PR_GROUP_HASH.to_owned(), pr_group::hash(&group));
    }
    if event::of_build(build) == EventClass::MergeQueue {
        let meta = ObjectMeta {
            labels: Some(labels.clone()),
            annotations: Some(annotations.clone()),
            ..ObjectMeta::default()
        };
        if let Some(number) = event::pull_request_number(&meta) {
            // A branch may hold what no label can.
            labels.insert(keys::PULL_REQUEST.to_owned(), names::label_value(number).into_owned());
            annotations.insert(keys::PULL_REQUEST.to_owned(), number.to_owned());
        }
    }
    annotations.insert(keys::SOURCE_REPO_URL.to_owned(), results.url.clone());
    shorten(&mut annotations);

    let owner_fields = owner.owner.snapshot_owner();
    let spec = SnapshotSpec {
        application: owner_fields.application,
        component_group: owner_fields.component_group,
        components: assembled.components,
        artifacts: Map::new(),
        ..SnapshotSpec::default()
    };
    let kind = OwnerKind::Application.api_version();
    json!({
        "apiVersion": kind,
        "kind": "Snapshot",
        "metadata": {
            "name": name,
            "namespace": meta::namespace(build),
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [owner.owner.reference(owner.uid)],
        },
        "spec": spec,
    })
}

/// Results of the build that a Snapshot with these annotations does not carry, by name (SC-B23).
pub(crate) fn left_out_results(build: &PipelineRun, carries: impl Fn(&str) -> bool) -> BTreeSet<&str> {
    let results = build.status.results.iter().filter(|result| !result.value.is_empty());
    let left_out = results.filter(|result| !metadata::result_key(&result.name).is_some_and(|key| carries(&key)));
    left_out.map(|result| result.name.as_str()).collect()
}

/// Drops the longest build results until all annotations fit.
fn shorten(annotations: &mut BTreeMap<String, String>) {
    let size = |annotations: &BTreeMap<String, String>| -> usize {
        annotations.iter().map(|(key, value)| key.len() + value.len()).sum()
    };
    while size(annotations) > ANNOTATIONS_LIMIT {
        let longest = annotations
            .iter()
            .filter(|(key, _)| key.starts_with(keys::RESULT_PREFIX))
            .max_by_key(|(_, value)| value.len())
            .map(|(key, _)| key.clone());
        match longest {
            Some(key) => annotations.remove(&key),
            // Nothing of ours is left to cut; the API server decides.
            None => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_b18_the_longest_results_give_way_when_annotations_grow_too_large() {
        let mut annotations = BTreeMap::from([
            ("custom.appstudio.openshift.io/a".to_owned(), "x".repeat(200 * 1024)),
            (format!("{}big", keys::RESULT_PREFIX), "x".repeat(60 * 1024)),
            (format!("{}small", keys::RESULT_PREFIX), "x".repeat(1024)),
        ]);
        shorten(&mut annotations);
        assert_eq!(annotations.len(), 2);
        assert!(annotations.contains_key(&format!("{}small", keys::RESULT_PREFIX)));
    }
}
