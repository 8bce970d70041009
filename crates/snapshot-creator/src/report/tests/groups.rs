//! Group Snapshots that are expected or not.

use super::*;

const REQUEST: &str = "https://github.com/team/c2#7";
const GROUP: &str = "Integration Service / g / pr group: in_progress";

/// A cluster with a test of components and one of groups, and a Snapshot of c2 for another pull request of the group.
fn bench() -> Bench {
    let bench = alone();
    another_request(&bench);
    bench
}

/// The same without that Snapshot.
fn alone() -> Bench {
    let bench = Bench::new(&["a"]);
    let mut test = serde_json::to_value(&*bench.caches.scenarios.get("team", "a").unwrap()).unwrap();
    test["metadata"]["name"] = "g".into();
    test["spec"]["contexts"] = json!([{"name": "group"}]);
    bench.caches.scenarios.observe(serde_json::from_value(test).unwrap());
    bench.build("b1", |_| ());
    bench
}

fn another_request(bench: &Bench) {
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
}

// SC-B19, SC-74
#[tokio::test(start_paused = true)]
async fn sc_b19_an_open_pull_request_makes_a_group() {
    let bench = bench();
    bench.answers([Answer::Accepts, Answer::Open(true)]);
    bench.work(minutes(1)).await;
    assert_eq!(bench.calls(), [FIRST, REQUEST, GROUP]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
    let text = prometheus::TextEncoder::new().encode_to_string(&bench.registry.gather()).unwrap();
    let counted = "integration_svc_build_report_total{provider=\"github\",result=\"accepted\",state=\"in_progress\"} 2";
    assert!(text.contains(counted), "a question is no report: {text}");
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

// SC-B14.5, SC-B19: what fails at another host parks nothing else, and the other way round.
#[tokio::test(start_paused = true)]
async fn sc_b19_a_report_and_a_look_up_do_not_wait_for_each_other() {
    let bench = bench();
    bench.answers([Answer::Fails(None), Answer::Open(true), Answer::Accepts]);
    bench.work(minutes(1)).await;
    assert_eq!((bench.times(), bench.calls()), (vec![0, 0, 0, 5], calls([FIRST, REQUEST, GROUP, FIRST])));
}

// SC-B19, SC-B20: it is looked up again before the report is repeated, and not at every change of the build.
#[tokio::test(start_paused = true)]
async fn sc_b19_a_refused_report_is_not_looked_up_again_before_its_time() {
    let bench = bench();
    bench.answers([Answer::Accepts, Answer::Open(true), Answer::Refuses(422), Answer::Open(true)]);
    for _ in 0..14 {
        bench.build("b1", |_| ());
        bench.work(minutes(1)).await;
        assert!(bench.failure().is_some_and(|told| told.contains("13:05:00Z")));
    }
    assert_eq!(bench.calls(), [FIRST, REQUEST, GROUP]);
    bench.work(minutes(2)).await;
    assert_eq!(bench.calls()[3..], [REQUEST, GROUP]);
    assert_eq!((bench.failure(), bench.marker().as_deref()), (None, Some(MARKER)));
}

// SC-B19: an answer that was given is not asked for again when it is forgotten while something else is outstanding.
#[tokio::test(start_paused = true)]
async fn sc_b19_a_closed_pull_request_is_looked_up_once() {
    let bench = bench();
    bench.answers([Answer::Refuses(422), Answer::Open(false)]);
    for _ in 0..14 {
        bench.build("b1", |_| ());
        bench.work(minutes(1)).await;
    }
    assert_eq!(bench.calls(), [FIRST, REQUEST]);
    bench.work(minutes(2)).await;
    assert_eq!((bench.calls(), bench.marker().as_deref()), (calls([FIRST, REQUEST, FIRST]), Some(MARKER)));
}

// SC-B14.5, SC-B19: a question that was never asked is outstanding.
#[tokio::test(start_paused = true)]
async fn sc_b19_a_pull_request_that_joins_the_group_keeps_the_marker_back() {
    let bench = alone();
    bench.look();
    bench.pass().await;
    another_request(&bench);
    bench.look();
    assert_eq!((bench.calls(), bench.marker()), (calls([FIRST]), None));
    bench.answers([Answer::Open(true)]);
    bench.work(minutes(1)).await;
    assert_eq!((bench.calls(), bench.marker().as_deref()), (calls([FIRST, REQUEST, GROUP]), Some(MARKER)));
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
