//! Whole reconciles of the queue of builds, against an API server that answers what a test says.

use std::sync::OnceLock;

use super::*;
use crate::act::Act;
use crate::reconcile::Controller;
use scripted_api::{Answer as Api, asked, context, found};

const RUN: &str = "/apis/tekton.dev/v1/namespaces/team/pipelineruns/b1";
const SNAPSHOTS: &str = "/apis/appstudio.redhat.com/v1alpha1/namespaces/team/snapshots";

fn controller(bench: &Bench, answers: Vec<Api>) -> (Controller, scripted_api::Requests) {
    let (context, requests) = context(answers);
    let act = Act { context, caches: bench.caches.clone(), metrics: Metrics::register(&Registry::new()).unwrap() };
    (Controller::new(act, bench.desk.clone(), Arc::new(OnceLock::new())), requests)
}

// SC-B14, SC-B34: reports cost the build one patch, and it waits for none.
#[tokio::test(start_paused = true)]
async fn sc_b14_the_marker_is_one_patch_of_the_build() {
    let bench = Bench::new(&["a"]);
    let build = bench.build("b1", |_| ());
    let mut marked = serde_json::to_value(&*build).unwrap();
    marked["metadata"]["annotations"][keys::SNAPSHOT_CREATION_REPORT] = "SnapshotCreationFailed".into();
    marked["metadata"]["resourceVersion"] = "99".into();
    let (controller, requests) = controller(&bench, vec![found(&marked)]);
    assert!(bench.builds.is_woken() && !bench.reports.is_woken());
    assert!(matches!(controller.reconcile(key()).await, Disposition::Done));
    assert_eq!((asked(&requests), bench.desk.keys()), (vec![], vec![key()]));
    assert!(bench.reports.is_woken());
    bench.pass().await;
    assert!(matches!(controller.reconcile(key()).await, Disposition::Done));
    assert_eq!(asked(&requests), [format!("PATCH {RUN}")]);
    let marker = format!("/metadata/annotations/{}", keys::SNAPSHOT_CREATION_REPORT.replace('/', "~1"));
    let patch = requests.lock().unwrap()[0].1.clone();
    assert_eq!(patch[1], json!({"op": "add", "path": marker, "value": "SnapshotCreationFailed"}));
    assert_eq!((bench.calls(), bench.desk.keys()), (vec![FIRST.to_owned()], vec![]));
}

// SC-B14, GRX-24: when the Snapshot is created nothing is on its way to the provider any more.
#[tokio::test(start_paused = true)]
async fn sc_b14_reports_are_withdrawn_before_the_snapshot_is_created() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Fails(None)]);
    bench.build("b1", |_| ());
    bench.look();
    bench.pass().await;
    assert_eq!(bench.desk.keys(), [key()]);
    let digest = format!("sha256:{}", "a".repeat(64));
    let build = bench.build("b1", |run| {
        let long_ago = Timestamp::now() - SignedDuration::from_secs(1);
        ended(run, true, long_ago);
        run["metadata"]["annotations"][keys::CHAINS_SIGNED] = "true".into();
        run["status"]["results"] = json!([
            {"name": "IMAGE_URL", "value": "quay.io/team/c1"}, {"name": "IMAGE_DIGEST", "value": digest},
            {"name": "CHAINS-GIT_URL", "value": "https://github.com/team/c1"}, {"name": "CHAINS-GIT_COMMIT", "value": "abc1"},
        ]);
    });
    let desk = bench.desk.clone();
    let on_the_desk = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&on_the_desk);
    let create: Api = (
        201,
        Box::new(move |snapshot| {
            *seen.lock().unwrap() = Some(desk.keys());
            let mut snapshot = snapshot.clone();
            snapshot["metadata"]["resourceVersion"] = "50".into();
            snapshot
        }),
    );
    let mut settled = serde_json::to_value(&*build).unwrap();
    settled["metadata"]["annotations"][keys::SNAPSHOTS] = "s".into();
    settled["metadata"]["finalizers"] = json!([]);
    settled["metadata"]["resourceVersion"] = "99".into();
    let listed: Api = (200, Box::new(|_| json!({"items": []})));
    let (controller, requests) = controller(&bench, vec![listed, create, found(&settled)]);
    controller.reconcile(key()).await;
    let asked = asked(&requests);
    assert_eq!(asked[1..], [format!("POST {SNAPSHOTS}"), format!("PATCH {RUN}")], "{asked:?}");
    assert_eq!(*on_the_desk.lock().unwrap(), Some(vec![]));
}

// SC-B14: what a build that is gone wanted is let go of.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_build_that_is_gone_takes_its_report_along() {
    let bench = Bench::new(&["a"]);
    bench.build("b1", |_| ());
    bench.look();
    bench.caches.builds.forget("team", "b1", None);
    let (controller, requests) = controller(&bench, vec![]);
    controller.reconcile(key()).await;
    assert_eq!((asked(&requests), bench.desk.keys()), (vec![], vec![]));
}
