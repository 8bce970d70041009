//! Rights of the programs, as `deploy/rbac` declares them, and a kubeconfig for each with a real ServiceAccount token.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::ControlPlane;

/// Namespace of the ServiceAccounts of our programs.
pub const NAMESPACE: &str = "integration-service";

/// What was installed.
#[derive(Debug)]
pub struct Rbac {
    documents: Vec<Value>,
}

/// Name of a program's ServiceAccount, ClusterRole and bindings (HC-20).
pub fn account_name(program: &str) -> String {
    format!("integration-{program}")
}

/// User name of a program in the API server's eyes.
pub fn user_name(program: &str) -> String {
    format!("system:serviceaccount:{NAMESPACE}:{}", account_name(program))
}

impl Rbac {
    /// Installs every document of `deploy/rbac/*.yaml` by server-side apply.
    pub async fn install(plane: &ControlPlane) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/rbac");
        let documents = read(&folder).with_context(|| format!("reading the rights in {}", folder.display()))?;
        let client = plane.client().await?;
        let namespace: Namespace =
            serde_json::from_value(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}))?;
        Api::<Namespace>::all(client.clone()).patch(NAMESPACE, &params(), &Patch::Apply(&namespace)).await?;
        for document in &documents {
            apply(&client, document, NAMESPACE).await?;
        }
        Ok(Self { documents })
    }

    /// Writes a kubeconfig file with a token of the program's ServiceAccount; an error if `deploy/rbac` has none.
    pub async fn kubeconfig(&self, plane: &ControlPlane, program: &str, file: &str) -> Result<PathBuf> {
        let account = account_name(program);
        if !self.documents.iter().any(|document| is(document, "ServiceAccount", &account)) {
            bail!("deploy/rbac has no ServiceAccount {account}");
        }
        kubeconfig(plane, NAMESPACE, &account, file).await
    }

    /// Grants in `namespace` what the program may do in its own: the Leases of a test live beside its objects.
    pub async fn grant_own_namespace(&self, plane: &ControlPlane, program: &str, namespace: &str) -> Result<()> {
        let account = account_name(program);
        let client = plane.client().await?;
        for binding in self.documents.iter().filter(|document| document["kind"] == "RoleBinding") {
            let subjects = binding["subjects"].as_array().cloned().unwrap_or_default();
            if !subjects.iter().any(|subject| subject["name"] == account) {
                continue;
            }
            let role = binding["roleRef"]["name"].as_str().unwrap_or_default();
            for document in self.documents.iter().filter(|document| is(document, "Role", role)).chain([binding]) {
                let mut document = document.clone();
                document["metadata"]["namespace"] = json!(namespace);
                for subject in document.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
                    subject["namespace"] = json!(NAMESPACE);
                }
                apply(&client, &document, namespace).await?;
            }
        }
        Ok(())
    }
}

/// Writes the kubeconfig file `<file>.kubeconfig` with a token of that ServiceAccount, valid for a day.
pub async fn kubeconfig(plane: &ControlPlane, namespace: &str, account: &str, file: &str) -> Result<PathBuf> {
    let accounts: Api<ServiceAccount> = Api::namespaced(plane.client().await?, namespace);
    let request = TokenRequest {
        spec: Some(TokenRequestSpec { expiration_seconds: Some(24 * 3600), ..TokenRequestSpec::default() }),
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(account, &PostParams::default(), &request)
        .await
        .with_context(|| format!("asking for a token of ServiceAccount {namespace}/{account}"))?;
    let token = answer.status.and_then(|status| status.token).context("a token request without token")?;
    plane.write_kubeconfig(file, &format!("{{token: '{token}'}}"))
}

fn read(folder: &Path) -> Result<Vec<Value>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    let mut documents = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        for document in serde_yaml_ng::Deserializer::from_str(&text) {
            let value = Value::deserialize(document).with_context(|| format!("parsing {}", file.display()))?;
            // A list groups documents in one file; an empty document is a trailing separator.
            match value["items"].as_array() {
                Some(items) => documents.extend(items.iter().cloned()),
                None if value.is_null() => {}
                None => documents.push(value),
            }
        }
    }
    Ok(documents)
}

async fn apply(client: &Client, document: &Value, namespace: &str) -> Result<()> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (version, kind, name) =
        (text(&document["apiVersion"]), text(&document["kind"]), text(&document["metadata"]["name"]));
    let (group, version) = version.rsplit_once('/').unwrap_or(("", &version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let api: Api<DynamicObject> = match kind.as_str() {
        "ClusterRole" | "ClusterRoleBinding" | "Namespace" => Api::all_with(client.clone(), &resource),
        _ => {
            let namespace = document["metadata"]["namespace"].as_str().unwrap_or(namespace);
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
    };
    api.patch(&name, &params(), &Patch::Apply(document))
        .await
        .with_context(|| format!("installing {kind} {name}"))
        .map(drop)
}

fn is(document: &Value, kind: &str, name: &str) -> bool {
    document["kind"] == kind && document["metadata"]["name"] == name
}

fn params() -> PatchParams {
    PatchParams::apply("e2e").force()
}
