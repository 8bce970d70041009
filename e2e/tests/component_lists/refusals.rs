//! app-regenerator where the API server refuses the Snapshot (AR-X4), and where others write the same Component (AR-X2).

use anyhow::Result;
use e2e::TestSpace;
use e2e::programs::Options;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::json;

use crate::world::{
    REGENERATOR, WAIT, World, contents, events, finalizers, held_application, is_held, regenerated, wait_snapshots,
    with_finalizers,
};

// AR-X4: a used-up quota holds no Component; an Event on the Application says what is missing.
#[tokio::test]
async fn ar_x4_a_used_up_quota_is_told_and_holds_no_component() -> Result<()> {
    let world = regenerated("quota", WAIT).await?;
    let resource = "count/snapshots.appstudio.redhat.com";
    // Nobody counts in a control plane without controllers, so the count is written by hand.
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "tight"},
        "spec": {"hard": {resource: "0"}},
        "status": {"hard": {resource: "0"}, "used": {resource: "0"}},
    });
    world.create(quota).await?;
    held_application(&world, &["a", "b"]).await?;
    let begin = world.mark().await?;
    world.delete("Component", "a").await?;
    world.wait_gone("Component", "a").await?;
    let told = events(&world, "app").await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "SnapshotNotCreated");
    for part in ["deletion of a", "three times", "exceeded quota"] {
        assert!(told[0].1.contains(part), "{told:?}");
    }
    let creates = world
        .requests_since(begin)
        .await?
        .filter(|request| request.resource == "snapshots" && request.verb == "create");
    assert_eq!(creates.count(), 3, "{}", creates.table());
    Ok(())
}

// AR-X4: an answer that says "never" is believed at once.
#[tokio::test]
async fn ar_x4_an_invalid_snapshot_is_given_up_at_once() -> Result<()> {
    let space = TestSpace::new("invalid-snapshot").await?;
    // Two finalizers are the first two writes, the Snapshot is the third.
    let options = Options::for_space(&space).arg(WAIT).env("FAULT_FAIL", "3:422");
    let world = World::start(space, REGENERATOR, options).await?;
    held_application(&world, &["a", "b"]).await?;
    world.delete("Component", "a").await?;
    world.wait_gone("Component", "a").await?;
    assert!(world.list("Snapshot", "").await?.is_empty());
    let told = events(&world, "app").await?;
    assert!(told.len() == 1 && told[0].0 == "SnapshotNotCreated" && told[0].1.contains("does not accept"), "{told:?}");
    Ok(())
}

// AR-X2, AR-12: finalizers that others add and remove all the time survive, and ours comes and goes.
#[tokio::test]
async fn ar_x2_finalizers_of_others_survive() -> Result<()> {
    let space = TestSpace::new("finalizers").await?;
    // Each first patch of a Component meets a conflict.
    let options = Options::for_space(&space).arg(WAIT).env("FAULT_CONFLICT_ONCE", "1").env("FAULT_DELAY_MS", "100");
    let world = World::start(space, REGENERATOR, options).await?;
    world.create(e2e::fixtures::application("app")).await?;
    let mut component = e2e::fixtures::component("a", "app");
    component["metadata"]["finalizers"] = json!(["build.example.com/one"]);
    world.create(component).await?;
    world.patch("Component", "a", with_finalizers(&["build.example.com/one", "build.example.com/two"])).await?;
    let held = world.wait_object("Component", "a", is_held).await?;
    assert_eq!(finalizers(&held)[..2], ["build.example.com/one", "build.example.com/two"]);
    world.delete("Component", "a").await?;
    let left = world.wait_object("Component", "a", |component| !is_held(component)).await?;
    assert_eq!(finalizers(&left), ["build.example.com/one", "build.example.com/two"]);
    assert!(contents(&left).is_empty() && world.list("Snapshot", "").await?.is_empty(), "nothing remains");
    world.patch("Component", "a", json!({"metadata": {"finalizers": null}})).await?;
    world.wait_gone("Component", "a").await
}

// AR-5, AR-12: a Component that nobody may change holds up no other, and makes no second Snapshot.
#[tokio::test]
async fn ar_12_a_component_that_cannot_be_let_go_holds_up_no_other() -> Result<()> {
    let world = regenerated("locked", WAIT).await?;
    held_application(&world, &["a", "b", "c"]).await?;
    let denied = |name: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}},
                    "resourceRules": [{"apiGroups": ["appstudio.redhat.com"], "apiVersions": ["*"],
                        "operations": ["UPDATE"], "resources": ["components"]}],
                },
                "validations": [{"expression": "object.metadata.name != 'a' || !has(oldObject.metadata.deletionTimestamp)"}],
            },
        })
    };
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(world.client.clone());
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(world.client.clone());
    let name = "nobody-changes-a";
    policies.create(&PostParams::default(), &serde_json::from_value(denied(name))?).await?;
    let binding = json!({"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}});
    bindings.create(&PostParams::default(), &serde_json::from_value(binding)?).await?;

    world.delete("Component", "a").await?;
    let label = json!({"metadata": {"labels": {"changed": "yes"}}});
    let refused = || async { world.patch("Component", "a", label.clone()).await.is_err().then_some(()) };
    world.wait_for("the policy to be enforced", refused).await?;
    world.delete("Component", "b").await?;
    wait_snapshots(&world, 1).await?;
    world.wait_gone("Component", "b").await?;
    assert!(is_held(&world.get("Component", "a").await?.unwrap()));

    bindings.delete(name, &DeleteParams::default()).await?;
    policies.delete(name, &DeleteParams::default()).await?;
    world.wait_gone("Component", "a").await?;
    assert_eq!(world.list("Snapshot", "").await?.len(), 1);
    Ok(())
}
