//! A namespace for one test, with the few calls a test needs. Objects are plain JSON, as a user would write them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::objects::text;
use crate::{ControlPlane, wait};

/// A namespace of its own on a control plane.
#[derive(Clone)]
pub struct TestSpace {
    /// The control plane.
    pub control_plane: Arc<ControlPlane>,
    /// Client with all rights.
    pub client: Client,
    /// Name of the namespace.
    pub namespace: String,
}

impl TestSpace {
    /// A new namespace `<name>-<number>` on the shared control plane.
    pub async fn new(name: &str) -> Result<Self> {
        Self::on(ControlPlane::shared().await?, name).await
    }

    /// A new namespace `<name>-<number>` on that control plane.
    pub async fn on(control_plane: Arc<ControlPlane>, name: &str) -> Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let namespace = format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let client = control_plane.client().await?;
        let body: Namespace = serde_json::from_value(json!({"metadata": {"name": namespace}}))?;
        Api::<Namespace>::all(client.clone())
            .create(&PostParams::default(), &body)
            .await
            .with_context(|| format!("creating namespace {namespace}"))?;
        Ok(Self { control_plane, client, namespace })
    }

    /// The objects of that kind in this namespace; kinds as in [`resource`].
    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, &resource(kind))
    }

    /// Creates an object and, as status is a subresource, writes its `status` too when it has one.
    pub async fn create(&self, object: Value) -> Result<Value> {
        let kind = object["kind"].as_str().context("an object without kind")?.to_owned();
        let status = object.get("status").cloned();
        let body: DynamicObject = serde_json::from_value(object)?;
        let created = self
            .api(&kind)
            .create(&PostParams::default(), &body)
            .await
            .with_context(|| format!("creating {kind} {}/{}", self.namespace, body.name_any()))?;
        match status {
            Some(status) => self.patch_status(&kind, &created.name_any(), status).await,
            None => Ok(serde_json::to_value(created)?),
        }
    }

    /// The object, or `None` when it does not exist.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Option<Value>> {
        let found = self.api(kind).get_opt(name).await.with_context(|| self.context("reading", kind, name))?;
        Ok(found.map(serde_json::to_value).transpose()?)
    }

    /// The objects matching the label selector (`""` = all), sorted by name.
    pub async fn list(&self, kind: &str, labels: &str) -> Result<Vec<Value>> {
        let params = ListParams::default().labels(labels);
        let list = self.api(kind).list(&params).await.with_context(|| self.context("listing", kind, labels))?;
        list.items.into_iter().map(|item| Ok(serde_json::to_value(item)?)).collect()
    }

    /// JSON merge patch of metadata and spec.
    pub async fn patch(&self, kind: &str, name: &str, patch: Value) -> Result<Value> {
        let patched = self.api(kind).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        Ok(serde_json::to_value(patched.with_context(|| self.context("patching", kind, name))?)?)
    }

    /// JSON merge patch of the status; `status` is the content of that key.
    pub async fn patch_status(&self, kind: &str, name: &str, status: Value) -> Result<Value> {
        let patch = Patch::Merge(json!({ "status": status }));
        let patched = self.api(kind).patch_status(name, &PatchParams::default(), &patch).await;
        Ok(serde_json::to_value(patched.with_context(|| self.context("patching the status of", kind, name))?)?)
    }

    /// Deletes an object; one that has finalizers stays until they are gone.
    pub async fn delete(&self, kind: &str, name: &str) -> Result<()> {
        self.api(kind)
            .delete(name, &DeleteParams::default())
            .await
            .with_context(|| self.context("deleting", kind, name))?;
        Ok(())
    }

    /// Looks every 50 ms, up to 30 s, until `look` finds something; else an error that shows what is in the namespace.
    pub async fn wait_for<T, F>(&self, what: &str, look: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Option<T>>,
    {
        self.wait_within(what, Duration::from_secs(30), look).await
    }

    /// As [`TestSpace::wait_for`] with another limit.
    pub async fn wait_within<T, F>(&self, what: &str, timeout: Duration, look: impl FnMut() -> F) -> Result<T>
    where
        F: Future<Output = Option<T>>,
    {
        match wait::wait_for(what, timeout, look).await {
            Ok(found) => Ok(found),
            Err(error) => bail!("{error:#}\n{}", self.dump().await),
        }
    }

    /// Waits until the object exists and `check` accepts it.
    pub async fn wait_object(&self, kind: &str, name: &str, check: impl Fn(&Value) -> bool) -> Result<Value> {
        let what = format!("{kind} {name} in the wanted state");
        self.wait_for(&what, || async { self.get(kind, name).await.ok()?.filter(|object| check(object)) }).await
    }

    /// Waits until the object does not exist.
    pub async fn wait_gone(&self, kind: &str, name: &str) -> Result<()> {
        let what = format!("{kind} {name} to be gone");
        self.wait_for(&what, || async { self.get(kind, name).await.ok()?.is_none().then_some(()) }).await
    }

    /// Waits until exactly `count` objects match the selector and `check` accepts each.
    pub async fn wait_count(
        &self,
        kind: &str,
        labels: &str,
        count: usize,
        check: impl Fn(&Value) -> bool,
    ) -> Result<Vec<Value>> {
        let what = format!("{count} {kind} ({labels}) in the wanted state");
        self.wait_for(&what, || async {
            self.list(kind, labels).await.ok().filter(|found| found.len() == count && found.iter().all(&check))
        })
        .await
    }

    /// Reasons and texts of the Events about an object of that name.
    pub async fn events(&self, object: &str) -> Result<Vec<(String, String)>> {
        let events = self.list("Event", "").await?;
        let about = events.iter().filter(|event| event["involvedObject"]["name"] == object);
        Ok(about.map(|event| (text(&event["reason"]), text(&event["message"]))).collect())
    }

    /// Waits for an Event about an object with that reason; returns its text.
    pub async fn event(&self, object: &str, reason: &str) -> Result<String> {
        self.wait_for(&format!("Event {reason} on {object}"), || async {
            let events = self.events(object).await.ok()?;
            events.into_iter().find_map(|(found, note)| (found == reason).then_some(note))
        })
        .await
    }

    /// What is in the namespace and in the programs' logs, for failure texts.
    pub async fn dump(&self) -> String {
        wait::dump(self).await
    }

    fn context(&self, verb: &str, kind: &str, name: &str) -> String {
        format!("{verb} {kind} {}/{name}", self.namespace)
    }
}

/// How a kind is addressed. Panics for a kind no test needs.
pub fn resource(kind: &str) -> ApiResource {
    let (group, version, plural) = match kind {
        "Application" => ("appstudio.redhat.com", "v1alpha1", "applications"),
        "Component" => ("appstudio.redhat.com", "v1alpha1", "components"),
        "Snapshot" => ("appstudio.redhat.com", "v1alpha1", "snapshots"),
        "Release" => ("appstudio.redhat.com", "v1alpha1", "releases"),
        "ReleasePlan" => ("appstudio.redhat.com", "v1alpha1", "releaseplans"),
        "IntegrationTestScenario" => ("appstudio.redhat.com", "v1beta2", "integrationtestscenarios"),
        "ComponentGroup" => ("appstudio.redhat.com", "v1beta2", "componentgroups"),
        "NudgeConfig" => ("appstudio.redhat.com", "v1beta2", "nudgeconfigs"),
        "PipelineRun" => ("tekton.dev", "v1", "pipelineruns"),
        "TaskRun" => ("tekton.dev", "v1", "taskruns"),
        "ResolutionRequest" => ("resolution.tekton.dev", "v1beta1", "resolutionrequests"),
        "Repository" => ("pipelinesascode.tekton.dev", "v1alpha1", "repositories"),
        "Lease" => ("coordination.k8s.io", "v1", "leases"),
        "Event" => ("", "v1", "events"),
        "Secret" => ("", "v1", "secrets"),
        "ConfigMap" => ("", "v1", "configmaps"),
        "ServiceAccount" => ("", "v1", "serviceaccounts"),
        "Role" => ("rbac.authorization.k8s.io", "v1", "roles"),
        "RoleBinding" => ("rbac.authorization.k8s.io", "v1", "rolebindings"),
        "ResourceQuota" => ("", "v1", "resourcequotas"),
        other => panic!("kind {other} is not in the table of e2e::space::resource"),
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}
