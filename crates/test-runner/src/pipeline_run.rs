//! The test PipelineRun of a scenario (TR-108 … TR-125) for scenarios that refer to a Pipeline.
//!
//! Only push Snapshots are tested by this version, so git resolvers are never rewritten here (TR-109).

use std::collections::BTreeMap;

use integration_api::scenario::PipelineParameter;
use integration_api::{IntegrationTestScenario, PipelineRun, Snapshot, keys};
use integration_core::owner::Owner;
use integration_core::{metadata, names};
use serde_json::{Value, json};

use crate::console;
use crate::decide::scenarios::run_attempt;

/// Everything a test PipelineRun is made of.
pub struct Blueprint<'a> {
    /// The scenario.
    pub scenario: &'a IntegrationTestScenario,
    /// The Snapshot to test.
    pub snapshot: &'a Snapshot,
    /// The owner of both.
    pub owner: &'a Owner,
    /// Number of the run, on re-runs (TR-B50).
    pub attempt: Option<u32>,
    /// Value of parameter SNAPSHOT (TR-114).
    pub snapshot_param: &'a str,
    /// `spec.timeouts` (TR-123).
    pub timeouts: Value,
    /// Template of the console address (D-12).
    pub console_url: &'a str,
}

impl Blueprint<'_> {
    /// Name of the PipelineRun, `k` as in TR-B49.
    pub fn name(&self, k: u8) -> String {
        let scenario = name(self.scenario.metadata.name.as_deref());
        names::test_pipeline_run(
            scenario,
            name(self.snapshot.metadata.uid.as_deref()),
            scenario,
            self.attempt.unwrap_or(1),
            k,
        )
    }

    /// The object to create under that name.
    pub fn body(&self, name: &str) -> Value {
        let (labels, annotations) = self.labels_and_annotations(name);
        let resolver = &self.scenario.spec.resolver_ref;
        let resolver_params: Vec<_> =
            resolver.params.iter().map(|param| json!({ "name": param.name, "value": param.value })).collect();
        json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "metadata": {
                "name": name,
                "namespace": self.snapshot.metadata.namespace,
                "labels": labels,
                "annotations": annotations,
                "finalizers": [keys::PIPELINE_RUN_FINALIZER],
                "ownerReferences": [{
                    "apiVersion": "appstudio.redhat.com/v1alpha1",
                    "kind": "Snapshot",
                    "name": self.snapshot.metadata.name,
                    "uid": self.snapshot.metadata.uid,
                    "controller": true,
                    "blockOwnerDeletion": true,
                }],
            },
            "spec": {
                "pipelineRef": { "resolver": resolver.resolver, "params": resolver_params },
                "params": params(self.snapshot_param, &self.scenario.spec.params),
                "taskRunTemplate": { "serviceAccountName": keys::RUNNER_SERVICE_ACCOUNT },
                "timeouts": self.timeouts,
            },
        })
    }

    /// Whether a PipelineRun that has the name already is the one that was to be created (TR-B49).
    pub fn same_cause(&self, existing: &PipelineRun) -> bool {
        let label =
            |key: &str| existing.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
        label(keys::SNAPSHOT) == Some(&*names::label_value(name(self.snapshot.metadata.name.as_deref())))
            && label(keys::SCENARIO) == Some(&*names::label_value(name(self.scenario.metadata.name.as_deref())))
            && controlled_by(existing, self.snapshot)
            && run_attempt(existing) == self.attempt.unwrap_or(1)
    }

    /// TR-115 … TR-119, later ones win; then what only this program writes.
    fn labels_and_annotations(&self, run: &str) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
        let mut labels = BTreeMap::new();
        let mut annotations = BTreeMap::new();
        let mut put = |key: &str, value: &str| {
            let short = names::label_value(value);
            if short != value {
                annotations.insert(key.to_owned(), value.to_owned());
            }
            labels.insert(key.to_owned(), short.into_owned());
        };
        let meta = &self.snapshot.metadata;
        put(keys::SNAPSHOT, name(meta.name.as_deref()));
        put(keys::SCENARIO, name(self.scenario.metadata.name.as_deref()));
        put(self.owner.label_key(), &self.owner.name);
        if let Some(component) = meta.labels.as_ref().and_then(|labels| labels.get(keys::COMPONENT)) {
            labels.insert(keys::COMPONENT.to_owned(), component.clone());
        }
        let own = (labels, annotations);

        let copied = metadata::test_run_from_snapshot(self.snapshot);
        let (mut labels, mut annotations) = (copied.labels, copied.annotations);
        annotations.extend(metadata::test_run_from_scenario(self.scenario));
        labels.extend(own.0);
        annotations.extend(own.1);
        labels.insert(keys::PIPELINE_TYPE.to_owned(), keys::PIPELINE_TEST.to_owned());
        // Only the scenario says whether it is optional; a label of the Snapshot does not.
        labels.remove(keys::OPTIONAL);
        if let Some(optional) = self.scenario.metadata.labels.as_ref().and_then(|labels| labels.get(keys::OPTIONAL)) {
            labels.insert(keys::OPTIONAL.to_owned(), optional.clone());
        }
        annotations
            .insert(keys::LOG_URL.to_owned(), console::url(self.console_url, name(meta.namespace.as_deref()), run));
        // A scenario must not speak about the run either (M1 rows 12 and 13).
        annotations.remove(keys::CANCELLED);
        annotations.remove(keys::ATTEMPT);
        if let Some(attempt) = self.attempt {
            annotations.insert(keys::ATTEMPT.to_owned(), attempt.to_string());
        }
        (labels, annotations)
    }
}

/// Whether the controller of the PipelineRun is this Snapshot.
pub fn controlled_by(run: &PipelineRun, snapshot: &Snapshot) -> bool {
    let references = run.metadata.owner_references.iter().flatten();
    references
        .filter(|reference| reference.controller == Some(true))
        .any(|reference| Some(&reference.uid) == snapshot.metadata.uid.as_ref())
}

/// Parameters by name: SNAPSHOT, then those of the scenario; a later one replaces an earlier one in its place, SNAPSHOT
/// is always ours (TR-B31).
fn params(snapshot: &str, of_scenario: &[PipelineParameter]) -> Vec<Value> {
    let mut params: Vec<(&str, Value)> = vec![(keys::SNAPSHOT_PARAM, snapshot.into())];
    for param in of_scenario.iter().filter(|param| param.name != keys::SNAPSHOT_PARAM) {
        match params.iter_mut().find(|(name, _)| *name == param.name) {
            Some((_, value)) => *value = param_value(param),
            None => params.push((&param.name, param_value(param))),
        }
    }
    params.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// `value`, else `values`, else the empty text (API-197).
fn param_value(param: &PipelineParameter) -> Value {
    match param.value.as_deref() {
        Some(value) if !value.is_empty() => value.into(),
        _ if !param.values.is_empty() => param.values.clone().into(),
        _ => "".into(),
    }
}

fn name(name: Option<&str>) -> &str {
    name.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        serde_json::from_value(json!({
            "metadata": {
                "name": "snap", "namespace": "team", "uid": "snapshot-uid",
                "labels": {
                    "appstudio.openshift.io/component": "c1", "test.appstudio.openshift.io/type": "component",
                    "test.appstudio.openshift.io/run": "all", "pac.test.appstudio.openshift.io/event-type": "push",
                    "release.appstudio.openshift.io/auto-release": "true",
                },
                "annotations": {
                    "test.appstudio.openshift.io/status": "[]", "pac.test.appstudio.openshift.io/sha": "abc",
                    "custom.appstudio.openshift.io/x": "from snapshot", "tekton.dev/pipelinerunSpanContext": "{\"traceparent\":\"00\"}",
                },
            },
            "spec": { "application": "app" },
        }))
        .unwrap()
    }

    fn scenario(extra: &Value) -> IntegrationTestScenario {
        let mut scenario = json!({
            "apiVersion": "appstudio.redhat.com/v1beta2", "kind": "IntegrationTestScenario",
            "metadata": { "name": "e2e", "namespace": "team", "labels": { "test.appstudio.openshift.io/optional": "true" },
                "annotations": { "custom.appstudio.openshift.io/x": "from scenario", "kubectl.kubernetes.io/last": "no" } },
            "spec": { "application": "app", "resolverRef": { "resolver": "git", "params": [
                { "name": "url", "value": "https://h/o/r" }, { "name": "revision", "value": "main" } ] } },
        });
        for (key, value) in extra.as_object().unwrap() {
            scenario["spec"][key] = value.clone();
        }
        serde_json::from_value(scenario).unwrap()
    }

    fn body_of(scenario: &IntegrationTestScenario, attempt: Option<u32>) -> Value {
        body_from(scenario, &snapshot(), attempt)
    }

    fn body_from(scenario: &IntegrationTestScenario, snapshot: &Snapshot, attempt: Option<u32>) -> Value {
        let owner = Owner::application("app");
        let blueprint = Blueprint {
            scenario,
            snapshot,
            owner: &owner,
            attempt,
            snapshot_param: "{}",
            timeouts: json!({ "pipeline": "1h" }),
            console_url: "https://c/{{NAMESPACE}}/{{PIPELINE_RUN_NAME}}",
        };
        let body = blueprint.body(&blueprint.name(0));
        let made: PipelineRun = serde_json::from_value(body.clone()).unwrap();
        assert!(blueprint.same_cause(&made), "TR-B49: what we make is ours");
        body
    }

    // API-110, API-200, API-201
    #[test]
    fn tr_111_a_pipeline_scenario_becomes_a_resolver_reference() {
        let body = body_of(&scenario(&json!({})), None);
        let params = json!([{ "name": "url", "value": "https://h/o/r" }, { "name": "revision", "value": "main" }]);
        assert_eq!(body["spec"]["pipelineRef"], json!({ "resolver": "git", "params": params }));
        // TR-120, TR-123
        assert_eq!(body["spec"]["taskRunTemplate"]["serviceAccountName"], "konflux-integration-runner");
        assert_eq!(body["spec"]["timeouts"], json!({ "pipeline": "1h" }));
        // TR-122, TR-125, API-123
        assert_eq!(body["metadata"]["finalizers"], json!(["test.appstudio.openshift.io/pipelinerun"]));
        assert_eq!(
            body["metadata"]["ownerReferences"],
            json!([{ "apiVersion": "appstudio.redhat.com/v1alpha1", "kind": "Snapshot", "name": "snap", "uid": "snapshot-uid",
                "controller": true, "blockOwnerDeletion": true }])
        );
    }

    #[test]
    fn tr_116_labels_and_annotations_follow_the_snapshot_and_the_scenario() {
        let body = body_of(&scenario(&json!({})), None);
        // TR-108: later sources win. TR-115, TR-117, TR-119, API-199, TR-B48
        assert_eq!(
            body["metadata"]["labels"],
            json!({
                "appstudio.openshift.io/application": "app",
                "appstudio.openshift.io/component": "c1",
                "appstudio.openshift.io/snapshot": "snap",
                "pac.test.appstudio.openshift.io/event-type": "push",
                "pipelines.appstudio.openshift.io/type": "test",
                "test.appstudio.openshift.io/optional": "true",
                "test.appstudio.openshift.io/scenario": "e2e",
                "test.appstudio.openshift.io/type": "component",
            }),
            "TR-B30: no run label"
        );
        let annotations = &body["metadata"]["annotations"];
        assert_eq!(annotations["custom.appstudio.openshift.io/x"], "from scenario", "TR-118");
        assert_eq!(annotations["pac.test.appstudio.openshift.io/sha"], "abc");
        assert_eq!(annotations["tekton.dev/pipelinerunSpanContext"], "{\"traceparent\":\"00\"}", "TR-149");
        assert_eq!(annotations.get("test.appstudio.openshift.io/status"), None, "TR-B30");
        assert_eq!(annotations.get("kubectl.kubernetes.io/last"), None);
        // D-12, TR-B9
        let url = format!("https://c/team/{}", body["metadata"]["name"].as_str().unwrap());
        assert_eq!(annotations["pac.test.appstudio.openshift.io/log-url"], url.as_str());
    }

    // API-B24, API-103; 03 §22.1 row 35: the reference is refused for a Snapshot with a long name.
    #[test]
    fn api_b24_a_long_snapshot_name_is_shortened_in_the_label_and_kept_in_the_annotation() {
        let long = "s".repeat(64);
        let mut snapshot = snapshot();
        snapshot.metadata.name = Some(long.clone());
        let body = body_from(&scenario(&json!({})), &snapshot, None);
        let label = body["metadata"]["labels"]["appstudio.openshift.io/snapshot"].as_str().unwrap();
        assert!(label.len() <= 63);
        assert_eq!(label, names::label_value(&long));
        assert_eq!(body["metadata"]["annotations"]["appstudio.openshift.io/snapshot"], long.as_str());
    }

    // TR-117, D-12, TR-B50
    #[test]
    fn tr_117_neither_snapshot_nor_scenario_speaks_for_the_run() {
        let mut snapshot = snapshot();
        let theirs = [
            ("pac.test.appstudio.openshift.io/cancelled", "true"),
            ("pac.test.appstudio.openshift.io/log-url", "https://evil"),
            ("integration.konflux-ci.dev/attempt", "7"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        snapshot.metadata.annotations.get_or_insert_default().extend(theirs.clone());
        let labels = snapshot.metadata.labels.get_or_insert_default();
        labels.insert(keys::OPTIONAL.to_owned(), "true".to_owned());
        labels.insert(keys::SCENARIO.to_owned(), "other".to_owned());
        let mut scenario = scenario(&json!({}));
        scenario.metadata.labels = None;
        scenario.metadata.annotations.get_or_insert_default().extend(theirs);
        let body = body_from(&scenario, &snapshot, None);
        let annotations = body["metadata"]["annotations"].as_object().unwrap();
        assert_eq!(annotations.get("pac.test.appstudio.openshift.io/cancelled"), None, "its result would be hidden");
        assert_eq!(annotations.get("integration.konflux-ci.dev/attempt"), None);
        assert!(
            annotations["pac.test.appstudio.openshift.io/log-url"].as_str().unwrap().starts_with("https://c/team/")
        );
        assert_eq!(
            body["metadata"]["labels"].get("test.appstudio.openshift.io/optional"),
            None,
            "TR-11: it is required"
        );
        assert_eq!(body["metadata"]["labels"]["test.appstudio.openshift.io/scenario"], "e2e");
    }

    #[test]
    fn tr_b50_only_a_rerun_carries_its_attempt() {
        let scenario = scenario(&json!({}));
        let (first, third) = (body_of(&scenario, None), body_of(&scenario, Some(3)));
        assert_eq!(first["metadata"]["annotations"].get("integration.konflux-ci.dev/attempt"), None);
        assert_eq!(third["metadata"]["annotations"]["integration.konflux-ci.dev/attempt"], "3");
        assert_ne!(first["metadata"]["name"], third["metadata"]["name"], "TR-B49");
    }

    // API-111
    #[test]
    fn tr_b31_parameters_are_a_map_in_order() {
        let scenario = scenario(&json!({ "params": [
            { "name": "a", "value": "1" }, { "name": "list", "values": ["x", "y"] }, { "name": "none" },
            { "name": "SNAPSHOT", "value": "mine" }, { "name": "a", "value": "2" },
        ] }));
        // API-197
        assert_eq!(
            body_of(&scenario, None)["spec"]["params"],
            json!([
                { "name": "SNAPSHOT", "value": "{}" }, { "name": "a", "value": "2" },
                { "name": "list", "value": ["x", "y"] }, { "name": "none", "value": "" },
            ])
        );
    }

    #[test]
    fn tr_b49_a_pipeline_run_of_another_cause_is_not_adopted() {
        let scenario = scenario(&json!({}));
        let made: PipelineRun = serde_json::from_value(body_of(&scenario, None)).unwrap();
        let other = Snapshot {
            metadata: kube::core::ObjectMeta { uid: Some("re-created".into()), ..snapshot().metadata },
            ..snapshot()
        };
        assert!(controlled_by(&made, &snapshot()));
        assert!(!controlled_by(&made, &other));
    }
}
