//! Stand-ins for Snapshots that do not exist: what a report reads of a Snapshot (SC-70, SC-71).

use std::collections::BTreeMap;

use integration_api::{PipelineRun, Snapshot, keys};
use integration_core::event::{self, EventClass};
use integration_core::owner::Owner;
use integration_core::{build, metadata, names, pr_group};
use kube::core::ObjectMeta;

use super::super::{meta, related};

/// The component Snapshot of the build. What the operator owns is set, never copied (SC-B23); results are left out.
pub(super) fn component(build: &PipelineRun, owner: &Owner) -> Snapshot {
    let copied = metadata::snapshot_from_build(build);
    let (mut labels, mut annotations) = (copied.labels, copied.annotations);
    annotations.retain(|key, _| !key.starts_with(keys::RESULT_PREFIX));
    labels.insert(keys::SNAPSHOT_TYPE.to_owned(), keys::TYPE_COMPONENT.to_owned());
    name_label(&mut labels, &mut annotations, keys::COMPONENT, build::component(build).unwrap_or_default());
    let mut annotate = |key: &str, value: &str| {
        if !value.is_empty() {
            annotations.insert(key.to_owned(), value.to_owned());
        }
    };
    annotate(keys::INTEGRATION_WORKFLOW, event::of_build(build).workflow());
    annotate(keys::VERSION, build::version(build));
    annotate(keys::CONTEXT, meta::annotation(build, keys::CONTEXT).unwrap_or_default());
    if let Some(group) = related::pr_group(build) {
        annotate(keys::PR_GROUP, &group);
        labels.insert(keys::PR_GROUP_HASH.to_owned(), pr_group::hash(&group));
    }
    snapshot("tempComponentSnapshot", build, owner, labels, annotations)
}

/// The group Snapshot that the build would be part of: keys of Pipelines as Code and of the build service only.
pub(super) fn group(build: &PipelineRun, owner: &Owner) -> Snapshot {
    let copied = metadata::snapshot_from_build(build);
    let (mut labels, mut annotations) = (copied.labels, copied.annotations);
    for map in [&mut labels, &mut annotations] {
        map.retain(|key, _| key.starts_with(keys::PAC_COPIED_PREFIX) || key.starts_with(keys::BUILD_PREFIX));
    }
    labels.insert(keys::SNAPSHOT_TYPE.to_owned(), keys::TYPE_GROUP.to_owned());
    snapshot("tempGroupSnapshot", build, owner, labels, annotations)
}

fn snapshot(
    name: &str,
    build: &PipelineRun,
    owner: &Owner,
    mut labels: BTreeMap<String, String>,
    mut annotations: BTreeMap<String, String>,
) -> Snapshot {
    name_label(&mut labels, &mut annotations, owner.label_key(), &owner.name);
    let mut metadata = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(meta::namespace(build).to_owned()),
        labels: Some(labels),
        annotations: Some(annotations),
        ..ObjectMeta::default()
    };
    if event::of_build(build) == EventClass::MergeQueue
        && let Some(number) = event::pull_request_number(&metadata).map(str::to_owned)
    {
        for map in [&mut metadata.labels, &mut metadata.annotations].into_iter().flatten() {
            map.insert(keys::PULL_REQUEST.to_owned(), number.clone());
        }
    }
    Snapshot { metadata, spec: owner.snapshot_owner(), ..Snapshot::default() }
}

/// A name as label; whole in the annotation of that key where it is no label value (API-B24).
fn name_label(
    labels: &mut BTreeMap<String, String>,
    annotations: &mut BTreeMap<String, String>,
    key: &str,
    name: &str,
) {
    let short = names::label_value(name);
    if short != name {
        annotations.insert(key.to_owned(), name.to_owned());
    }
    labels.insert(key.to_owned(), short.into_owned());
}
