//! Custom resource definitions: our own and permissive ones for the kinds of others, or the field's from the folder
//! that `E2E_CRDS` names.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt};

/// The folder with definitions to install instead of our own, if the environment names one.
pub fn foreign_folder() -> Option<PathBuf> {
    std::env::var_os("E2E_CRDS").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The definitions a control plane gets.
pub fn definitions() -> Result<Vec<CustomResourceDefinition>> {
    match foreign_folder() {
        Some(folder) => in_folder(&folder),
        None => Ok(own()),
    }
}

/// Installs the definitions and returns once each is established and served.
pub async fn install(client: &Client) -> Result<()> {
    let definitions = definitions()?;
    futures::future::try_join_all(definitions.into_iter().map(|definition| install_one(client, definition))).await?;
    Ok(())
}

async fn install_one(client: &Client, mut definition: CustomResourceDefinition) -> Result<()> {
    let name = definition.name_any();
    // No webhook runs here; objects are written in the stored version.
    definition.spec.conversion = None;
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let created = api
        .create(&PostParams::default(), &definition)
        .await
        .with_context(|| format!("installing the definition {name}"))?;

    let version = created.spec.versions.iter().find(|version| version.storage).context("no stored version")?;
    let kind = GroupVersionKind::gvk(&created.spec.group, &version.name, &created.spec.names.kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, &created.spec.names.plural);
    let objects: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let newest = api.get(&name).await?;
        let conditions = newest.status.as_ref().and_then(|status| status.conditions.clone()).unwrap_or_default();
        if let Some(refused) = conditions.iter().find(|condition| {
            (condition.type_ == "NonStructuralSchema" && condition.status == "True")
                || (condition.type_ == "NamesAccepted" && condition.status == "False")
        }) {
            bail!("the definition {name} is refused: {}", refused.message.as_deref().unwrap_or_default());
        }
        let established =
            conditions.iter().any(|condition| condition.type_ == "Established" && condition.status == "True");
        // An established kind is served a moment later.
        if established && objects.list(&ListParams::default().limit(1)).await.is_ok() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the definition {name} is not established after 30 s: {conditions:?}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn in_folder(folder: &Path) -> Result<Vec<CustomResourceDefinition>> {
    let mut files = Vec::new();
    for folder in [folder.to_owned(), folder.join("reference")] {
        if folder.is_dir() {
            for entry in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
                files.push(entry?.path());
            }
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    if files.is_empty() {
        bail!("E2E_CRDS={} holds no .yaml file", folder.display());
    }
    files.iter().map(|file| parse(file).with_context(|| format!("reading {}", file.display()))).collect()
}

fn parse(file: &Path) -> Result<CustomResourceDefinition> {
    Ok(serde_yaml_ng::from_str(&std::fs::read_to_string(file)?)?)
}

fn own() -> Vec<CustomResourceDefinition> {
    integration_api::crds::owned().into_iter().chain(integration_api::crds::foreign()).collect()
}
