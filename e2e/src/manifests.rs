//! The files under `deploy/`, generated from the Rust types: custom resource definitions and, for each program, its
//! ServiceAccount and least rights (HC-20).

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use integration_runtime::{Program, Right};
use serde_json::{Value, json};

use crate::rbac::{NAMESPACE, account_name};

/// First line of every generated file.
const HEADER: &str = "# Generated from the Rust types by `cargo manifests`; do not edit.\n";

/// The folder `deploy/` of this checkout.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Every generated file: path below `deploy/`, and content.
pub fn files() -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for definition in integration_api::crds::owned() {
        let name = definition.spec.names.plural.clone();
        let text =
            serde_yaml_ng::to_string(&definition).with_context(|| format!("writing the definition of {name}"))?;
        files.push((PathBuf::from(format!("crds/{name}.yaml")), format!("{HEADER}{text}")));
    }
    for (program, rights) in programs() {
        let documents: Vec<String> =
            rbac(program, rights).iter().map(serde_yaml_ng::to_string).collect::<Result<_, _>>()?;
        files.push((PathBuf::from(format!("rbac/{program}.yaml")), format!("{HEADER}{}", documents.join("---\n"))));
    }
    Ok(files)
}

/// The programs and what each declares to need.
pub fn programs() -> Vec<(&'static str, &'static [Right])> {
    fn of<P: Program>() -> (&'static str, &'static [Right]) {
        (P::NAME, P::RIGHTS)
    }
    vec![
        of::<snapshot_creator::SnapshotCreator>(),
        of::<test_runner::TestRunner>(),
        of::<result_recorder::ResultRecorder>(),
        of::<status_reporter::StatusReporter>(),
        of::<gcl_aligner::GclAligner>(),
        of::<app_regenerator::AppRegenerator>(),
    ]
}

fn rbac(program: &str, rights: &[Right]) -> Vec<Value> {
    let name = account_name(program);
    let labels = json!({"app.kubernetes.io/name": "integration-service", "app.kubernetes.io/component": program});
    let subjects = json!([{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]);
    let mut rules: Vec<Value> = rights
        .iter()
        .map(|right| json!({"apiGroups": [right.group], "resources": [right.resource], "verbs": right.verbs}))
        .collect();
    // What every program needs: Events for people, and reviews to authenticate who reads the metrics.
    rules.push(json!({"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]}));
    rules.push(json!({"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}));
    rules.push(
        json!({"apiGroups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]}),
    );
    let metadata = |namespaced: bool| {
        let mut metadata = json!({"name": name, "labels": labels});
        if namespaced {
            metadata["namespace"] = json!(NAMESPACE);
        }
        metadata
    };
    let reference = |kind: &str| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name});
    let version = "rbac.authorization.k8s.io/v1";
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(true)}),
        json!({"apiVersion": version, "kind": "ClusterRole", "metadata": metadata(false), "rules": rules}),
        json!({"apiVersion": version, "kind": "ClusterRoleBinding", "metadata": metadata(false),
            "roleRef": reference("ClusterRole"), "subjects": subjects}),
        // Its own Leases, and the Lease of the reference operator, are in its own namespace.
        json!({"apiVersion": version, "kind": "Role", "metadata": metadata(true), "rules": [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "patch"]}]}),
        json!({"apiVersion": version, "kind": "RoleBinding", "metadata": metadata(true),
            "roleRef": reference("Role"), "subjects": subjects}),
    ]
}
