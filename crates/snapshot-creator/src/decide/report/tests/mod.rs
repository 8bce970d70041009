//! The two queues agree on what is wanted: a wish that one of them leaves and the other one drops would be left and dropped
//! without end.

use decision_cases::{Cases, merge_patch};
use integration_api::keys;
use serde_json::{Value, json};

use super::*;
use crate::decide::decide;

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    base: String,
    now: Option<Timestamp>,
    #[serde(default)]
    world: Value,
}

#[derive(Deserialize)]
struct Base {
    now: Timestamp,
    world: Value,
}

/// Changes of a build, each of which is tried alone and with each other one.
fn changes() -> Vec<Value> {
    let failed =
        r#"{"message":"Failed to create snapshot: quota (Application team/application-sample): x","status":"failed"}"#;
    let ended = |succeeded: &str| json!({"status": {"completionTime": "2025-11-09T13:09:05Z", "conditions": [{"type": "Succeeded", "status": succeeded}]}});
    let annotation = |key: &str, value: Option<&str>| json!({"metadata": {"annotations": {key: value}}});
    vec![
        json!({}),
        json!({"metadata": {"deletionTimestamp": "2025-11-09T13:10:00Z"}}),
        json!({"metadata": {"finalizers": null}}),
        ended("Unknown"),
        ended("True"),
        ended("False"),
        annotation(keys::CHAINS_SIGNED, Some("true")),
        annotation(keys::SNAPSHOTS, Some("s1")),
        annotation(keys::CREATE_SNAPSHOT_STATUS, Some(failed)),
        annotation(keys::SNAPSHOT_CREATION_REPORT, Some("SnapshotCreated")),
        annotation(keys::SNAPSHOT_CREATION_REPORT, Some("BuildPLRFailed")),
        annotation(keys::SNAPSHOT_CREATION_REPORT, None),
    ]
}

// SC-B14, GRX-24: looked at before each call, from the same objects.
#[test]
fn sc_b14_what_a_build_wants_is_what_the_queue_of_reports_finds() {
    let cases = Cases::of(env!("CARGO_MANIFEST_DIR"), 100);
    let mut wanted = 0;
    for (file, case) in cases.read::<Case>() {
        let Base { now, mut world } = cases.base(&case.base);
        merge_patch(&mut world, &case.world);
        if world["build"].is_null() || world["reports"]["reaches"].is_null() {
            continue;
        }
        let now = case.now.unwrap_or(now);
        for (first, second) in
            changes().iter().flat_map(|one| changes().into_iter().map(move |other| (one.clone(), other)))
        {
            let mut world = world.clone();
            merge_patch(&mut world["build"], &first);
            merge_patch(&mut world["build"], &second);
            let world: World = serde_json::from_value(world).unwrap();
            let Some(wish) = decide(&world, now).report else { continue };
            let build = world.build.as_deref().unwrap();
            assert_eq!(renew(&world, build, &wish, now).as_ref(), Some(&wish), "{file}: {first} {second}");
            wanted += 1;
        }
    }
    assert!(wanted > 1000, "only {wanted} wishes");
}
