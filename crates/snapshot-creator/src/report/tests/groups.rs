//! Group Snapshots that are expected or not.

use super::*;

const REQUEST: &str = "https://github.com/team/c2#7";
const GROUP: &str = "Integration Service / g / pr group: in_progress";

/// A cluster with a test of components and one of groups, and a Snapshot of c2 for another pull request of the group.
fn bench() -> Bench {
    let bench = Bench::new(&["a"]);
    let mut test = serde_json::to_value(&*bench.caches.scenarios.get("team", "a").unwrap()).unwrap();
    test["metadata"]["name"] = "g".into();
    test["spec"]["contexts"] = json!([{"name": "group"}]);
    bench.caches.scenarios.observe(serde_json::from_value(test).unwrap());
    let snapshot = json!({
        "metadata": {
            "name": "c2-s", "namespace": "team", "resourceVersion": "1",
            "labels": {
                keys::SNAPSHOT_TYPE: keys::TYPE_COMPONENT, keys::COMPONENT: "c2", keys::PULL_REQUEST: "7",
                keys::PR_GROUP_HASH: integration_core::pr_group::hash("feature"),
            },
            "annotations": {
                keys::INTEGRATION_WORKFLOW: keys::WORKFLOW_PULL_REQUEST, keys::GIT_PROVIDER: "github",
                keys::REPO_URL: "https://github.com/team/c2",
            },
        },
        "spec": {"application": "shop"},
    });
    bench.caches.snapshots.observe(serde_json::from_value(snapshot).unwrap());
    bench.build("b1", |_| ());
    bench
}

// SC-B19, SC-74
#[tokio::test(start_paused = true)]
async fn sc_b19_an_open_pull_request_makes_a_group() {
    let bench = bench();
    bench.answers([Answer::Accepts, Answer::Open(true)]);
    bench.work(minutes(1)).await;
    assert_eq!(bench.calls(), [FIRST, REQUEST, GROUP]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}

// SC-B19; 02 E-46
#[tokio::test(start_paused = true)]
async fn sc_b19_a_closed_pull_request_makes_none() {
    let bench = bench();
    bench.answers([Answer::Accepts, Answer::Open(false)]);
    bench.work(minutes(1)).await;
    assert_eq!(bench.calls(), [FIRST, REQUEST]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}

// SC-B19: while the answer is not known nothing is said, and nothing is marked.
#[tokio::test(start_paused = true)]
async fn sc_b19_a_look_up_that_fails_is_tried_again() {
    let bench = bench();
    bench.answers([Answer::Accepts, Answer::Fails(None), Answer::Fails(None)]);
    bench.look();
    bench.pass().await;
    bench.look();
    assert_eq!((bench.calls(), bench.marker()), (vec![FIRST.to_owned(), REQUEST.to_owned()], None));
    bench.work(minutes(1)).await;
    assert_eq!(bench.calls()[2..], [REQUEST, REQUEST, GROUP]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}

// SC-B19: it counts as not expected in the end.
#[tokio::test(start_paused = true)]
async fn sc_b19_a_look_up_that_is_given_up_leaves_the_group_out() {
    let bench = bench();
    bench.answers([Answer::Accepts, Answer::Refuses(403), Answer::Refuses(403), Answer::Refuses(403)]);
    bench.work(minutes(50)).await;
    assert_eq!(bench.calls(), [FIRST, REQUEST, REQUEST, REQUEST]);
    assert_eq!(bench.times(), [0, 0, 15 * 60, 45 * 60]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}

// SC-B19: the answer is good for a minute, and for every build of the namespace.
#[tokio::test(start_paused = true)]
async fn sc_b19_the_state_of_a_pull_request_is_remembered_for_a_minute() {
    let bench = bench();
    bench.answers([Answer::Accepts, Answer::Open(true), Answer::Fails(Some(Duration::from_secs(59)))]);
    bench.work(Duration::from_secs(60)).await;
    assert_eq!(bench.calls(), [FIRST, REQUEST, GROUP, GROUP]);

    let bench = self::bench();
    bench.answers([
        Answer::Accepts,
        Answer::Open(true),
        Answer::Fails(Some(Duration::from_secs(61))),
        Answer::Open(false),
    ]);
    bench.work(minutes(2)).await;
    assert_eq!(bench.calls(), [FIRST, REQUEST, GROUP, REQUEST], "it was closed meanwhile");
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}
