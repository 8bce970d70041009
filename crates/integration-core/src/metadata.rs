//! Which labels and annotations travel from one object to the next (01 §3.0, D-28).

use std::collections::BTreeMap;

use integration_api::tekton::RunResult;
use integration_api::{IntegrationTestScenario, PipelineRun, Snapshot, keys};

use crate::meta::{non_empty_annotation, pairs};

/// A key that this operator writes and that is therefore never copied from a build (SC-B23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnedKey {
    /// As label.
    Label(&'static str),
    /// As annotation.
    Annotation(&'static str),
    /// As annotation, every key that begins so.
    AnnotationPrefix(&'static str),
}

/// The only deny list (D-28): a build's metadata comes from its definition, for a pull request from its branch, and
/// must not speak for the operator (API-B1). Everything else under the copied prefixes travels.
pub const OPERATOR_OWNED: &[OwnedKey] = &[
    OwnedKey::Label(keys::SNAPSHOT_TYPE),
    OwnedKey::Label(keys::RUN),
    OwnedKey::Label(keys::SCENARIO),
    OwnedKey::Label(keys::OPTIONAL),
    OwnedKey::Label(keys::BUILD_FINISH_TIME),
    OwnedKey::Label(keys::PR_GROUP_HASH),
    OwnedKey::Annotation(keys::TEST_STATUS),
    OwnedKey::Annotation(keys::STATUS_CORRUPT),
    OwnedKey::Annotation(keys::GIT_REPORTER_STATUS),
    OwnedKey::Annotation(keys::GIT_REPORTING_FAILURE),
    OwnedKey::Annotation(keys::PR_LAST_UPDATE),
    OwnedKey::Annotation(keys::CREATE_SNAPSHOT_STATUS),
    OwnedKey::Annotation(keys::SNAPSHOT_CREATION_REPORT),
    OwnedKey::Annotation(keys::CREATE_GROUP_SNAPSHOT_STATUS),
    OwnedKey::Annotation(keys::GROUP_TEST_INFO),
    OwnedKey::Annotation(keys::GROUP_NOTIFIED),
    OwnedKey::Annotation(keys::CHILD_SNAPSHOT),
    OwnedKey::Annotation(keys::PR_GROUP),
    OwnedKey::Annotation(keys::SOURCE_REPO_URL),
    OwnedKey::Annotation(keys::BUILD_START_TIME),
    OwnedKey::Annotation(keys::LAST_BUILT_TIME),
    OwnedKey::Annotation(keys::ADDED_TO_GCL),
    OwnedKey::Annotation(keys::INTEGRATION_WORKFLOW),
    OwnedKey::Annotation(keys::PR_STATUS),
    OwnedKey::Annotation(keys::COMPONENT_NUDGE_PROCESSED),
    OwnedKey::Annotation(keys::BUILD_PIPELINE_RUN_UID),
    OwnedKey::Annotation(keys::SUPERSEDED_SNAPSHOTS),
    OwnedKey::Annotation(keys::VERSION),
    OwnedKey::Annotation(keys::CONTEXT),
    OwnedKey::AnnotationPrefix(keys::RESULT_PREFIX),
];

/// Whether this label is never copied from a build.
pub fn is_operator_owned_label(key: &str) -> bool {
    OPERATOR_OWNED.iter().any(|owned| matches!(owned, OwnedKey::Label(label) if *label == key))
}

/// Whether this annotation is never copied from a build.
pub fn is_operator_owned_annotation(key: &str) -> bool {
    OPERATOR_OWNED.iter().any(|owned| match owned {
        OwnedKey::Label(_) => false,
        OwnedKey::Annotation(annotation) => *annotation == key,
        OwnedKey::AnnotationPrefix(prefix) => key.starts_with(prefix),
    })
}

/// What an object gets from another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Results of the build that make no valid annotation or do not fit, by name.
    pub skipped_results: Vec<String>,
}

/// What a component Snapshot gets from its build (SC-104, SC-105, SC-B23): keys of Pipelines as Code under the
/// service's prefix, build, test, custom and release keys without [`OPERATOR_OWNED`], the span context and the results.
/// Keys that the operator sets by value are the caller's.
pub fn snapshot_from_build(build: &PipelineRun) -> Copied {
    let labels = copy_build_keys(build.metadata.labels.as_ref(), is_operator_owned_label);
    let mut annotations = copy_build_keys(build.metadata.annotations.as_ref(), is_operator_owned_annotation);
    copy_span_context(non_empty_annotation(&build.metadata, keys::SPAN_CONTEXT), &mut annotations);
    let skipped_results = add_results(build, &mut annotations);
    Copied { labels, annotations, skipped_results }
}

/// What a test PipelineRun gets from its Snapshot (TR-116, TR-B30): Pipelines as Code, build, test and custom keys
/// without the service's bookkeeping, and the span context.
///
/// Two annotations speak about one PipelineRun and never travel to another: `cancelled`, which would keep the result
/// from being recorded (M1 row 12), and `log-url`, which only the operator writes (D-12).
pub fn test_run_from_snapshot(snapshot: &Snapshot) -> Copied {
    const PREFIXES: [&str; 4] = [keys::PAC_COPIED_PREFIX, keys::BUILD_PREFIX, keys::TEST_PREFIX, keys::CUSTOM_PREFIX];
    const LEFT_OUT: [&str; 12] = [
        keys::TEST_STATUS,
        keys::STATUS_CORRUPT,
        keys::GIT_REPORTER_STATUS,
        keys::GIT_REPORTING_FAILURE,
        keys::CREATE_GROUP_SNAPSHOT_STATUS,
        keys::CREATE_SNAPSHOT_STATUS,
        keys::SNAPSHOT_CREATION_REPORT,
        keys::ADDED_TO_GCL,
        keys::COMPONENT_NUDGE_PROCESSED,
        keys::PR_LAST_UPDATE,
        keys::CANCELLED,
        keys::LOG_URL,
    ];
    let copy = |map, left_out: &[&str]| {
        pairs(map)
            .filter(|(key, _)| PREFIXES.iter().any(|prefix| key.starts_with(prefix)) && !left_out.contains(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    let labels = copy(snapshot.metadata.labels.as_ref(), &[keys::RUN]);
    let mut annotations = copy(snapshot.metadata.annotations.as_ref(), &LEFT_OUT);
    copy_span_context(non_empty_annotation(&snapshot.metadata, keys::SPAN_CONTEXT), &mut annotations);
    Copied { labels, annotations, skipped_results: Vec::new() }
}

/// Annotations a test PipelineRun gets from its scenario, over those of the Snapshot (TR-118): every key that contains
/// `appstudio.openshift.io/` anywhere.
pub fn test_run_from_scenario(scenario: &IntegrationTestScenario) -> BTreeMap<String, String> {
    pairs(scenario.metadata.annotations.as_ref())
        .filter(|(key, _)| key.contains("appstudio.openshift.io/"))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Whether a parent Snapshot gets this label of its child (TR-B4).
pub fn label_travels_to_parent(key: &str) -> bool {
    matches!(key, keys::SNAPSHOT_TYPE | keys::COMPONENT | keys::PR_GROUP_HASH | keys::AUTO_RELEASE)
        || key.starts_with(keys::PAC_COPIED_PREFIX)
}

/// Whether a parent Snapshot gets this annotation of its child (TR-B4).
pub fn annotation_travels_to_parent(key: &str) -> bool {
    const KEYS: [&str; 7] = [
        keys::INTEGRATION_WORKFLOW,
        keys::PR_GROUP,
        keys::BUILD_START_TIME,
        keys::VERSION,
        keys::IGNORE_SUPERSESSION,
        keys::GROUP_TEST_INFO,
        keys::SPAN_CONTEXT,
    ];
    const PREFIXES: [&str; 4] = [keys::PAC_COPIED_PREFIX, keys::BUILD_PREFIX, keys::CUSTOM_PREFIX, keys::RESULT_PREFIX];
    KEYS.contains(&key) || PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn copy_build_keys(map: Option<&BTreeMap<String, String>>, owned: fn(&str) -> bool) -> BTreeMap<String, String> {
    const PREFIXES: [&str; 4] = [keys::BUILD_PREFIX, keys::TEST_PREFIX, keys::CUSTOM_PREFIX, keys::RELEASE_PREFIX];
    pairs(map)
        .filter_map(|(key, value)| {
            let copied = match key.strip_prefix(keys::PAC_PREFIX) {
                Some(rest) => format!("{}{rest}", keys::PAC_COPIED_PREFIX),
                None if PREFIXES.iter().any(|prefix| key.starts_with(prefix)) && !owned(key) => key.to_owned(),
                None => return None,
            };
            Some((copied, value.to_owned()))
        })
        .collect()
}

fn copy_span_context(context: Option<&str>, annotations: &mut BTreeMap<String, String>) {
    if let Some(context) = context {
        annotations.insert(keys::SPAN_CONTEXT.to_owned(), context.to_owned());
    }
}

/// Adds the results of the build and returns the names of those that cannot be added (SC-B23, D-21, API-B18).
fn add_results(build: &PipelineRun, annotations: &mut BTreeMap<String, String>) -> Vec<String> {
    const LONGEST_VALUE: usize = 8 << 10;
    const LONGEST_VALUES: usize = 32 << 10;
    const LONGEST_ANNOTATIONS: usize = 250 << 10;
    let copied: usize = annotations.iter().map(|(key, value)| key.len() + value.len()).sum();
    let (mut values, mut keys) = (0, 0);
    let mut skipped = Vec::new();
    for RunResult { name, value } in build.status.results.iter().filter(|result| !result.value.is_empty()) {
        let fits = |key: &String| {
            value.len() <= LONGEST_VALUE
                && values + value.len() <= LONGEST_VALUES
                && copied + keys + key.len() + values + value.len() <= LONGEST_ANNOTATIONS
        };
        match result_key(name).filter(fits) {
            Some(key) => {
                keys += key.len();
                values += value.len();
                annotations.insert(key, value.clone());
            }
            None => skipped.push(name.clone()),
        }
    }
    skipped
}

/// Key of the annotation that holds a result (API-218), if it is a valid one.
pub fn result_key(name: &str) -> Option<String> {
    const LONGEST_KEY: usize = 63;
    let key = format!("{}{}", keys::RESULT_PREFIX, name.to_lowercase().replace('_', "-"));
    let part = key.rsplit_once('/').filter(|(prefix, _)| *prefix == keys::TEST_PREFIX)?.1;
    let valid = part.len() <= LONGEST_KEY
        && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && part.ends_with(|char: char| char.is_ascii_alphanumeric());
    valid.then_some(key)
}

#[cfg(test)]
mod tests;
