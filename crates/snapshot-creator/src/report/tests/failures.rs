//! Failed builds, which are kept until it is told.

use super::*;

const FAILED: &str = "Integration Service / a / c1: build_failed";

fn failing(bench: &Bench) {
    bench.build("b1", |run| ended(run, false, now(bench.began)));
}

// SC-B14, SC-B34: marker and release travel together, after the report.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_failed_build_is_kept_until_it_is_reported() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..3).map(|_| Answer::Fails(None)));
    failing(&bench);
    bench.look();
    bench.pass().await;
    bench.look();
    assert!(bench.held());
    bench.work(minutes(1)).await;
    assert_eq!(bench.times(), [0, 5, 15, 35]);
    assert_eq!((bench.marker().as_deref(), bench.held()), (Some("GroupSnapshotCreationFailed"), false));
    assert_eq!(bench.desk.keys(), []);
}

// SC-B14: and no longer than ten minutes.
#[tokio::test(start_paused = true)]
async fn sc_b14_the_finalizer_waits_ten_minutes_and_the_report_an_hour() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..100).map(|_| Answer::Fails(None)));
    failing(&bench);
    bench.work(minutes(9)).await;
    assert!(bench.held());
    bench.work(minutes(2)).await;
    assert!(!bench.held());
    bench.provider.answers.lock().unwrap().clear();
    bench.work(minutes(10)).await;
    assert_eq!(bench.marker().as_deref(), Some("GroupSnapshotCreationFailed"), "a late report is certified too");
}

// SC-B14; 02 N-20
#[tokio::test(start_paused = true)]
async fn sc_b14_a_deleted_build_goes_after_two_minutes_and_its_report_follows() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..100).map(|_| Answer::Fails(None)));
    failing(&bench);
    bench.work(minutes(1)).await;
    bench.build("b1", |run| run["metadata"]["deletionTimestamp"] = now(bench.began).to_string().into());
    bench.work(Duration::from_secs(119)).await;
    assert!(bench.held());
    bench.work(Duration::from_secs(31)).await;
    assert!(!bench.held());
    bench.caches.builds.forget("team", "b1", None);
    bench.look();
    bench.work(minutes(20)).await;
    bench.provider.answers.lock().unwrap().clear();
    bench.provider.calls.lock().unwrap().clear();
    bench.work(minutes(10)).await;
    assert_eq!(bench.calls(), [FAILED]);
    assert_eq!(bench.desk.keys(), []);
}

// SC-B14: after an hour it is old news, whether the build is still there or not.
#[tokio::test(start_paused = true)]
async fn sc_b14_after_an_hour_a_failure_is_not_reported() {
    for gone in [false, true] {
        let bench = Bench::new(&["a"]);
        bench.answers((0..100).map(|_| Answer::Fails(None)));
        failing(&bench);
        bench.work(minutes(20)).await;
        if gone {
            bench.caches.builds.forget("team", "b1", None);
        }
        bench.work(minutes(41)).await;
        assert_eq!(bench.desk.keys(), []);
        bench.provider.answers.lock().unwrap().clear();
        bench.provider.calls.lock().unwrap().clear();
        bench.work(minutes(60)).await;
        assert_eq!((bench.calls(), bench.marker()), (vec![], None));
    }
}

// SC-B14: judged from the object.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_restart_reports_failures_of_the_last_hour_only() {
    for (minutes_ago, calls) in [(59, vec![FAILED.to_owned()]), (60, vec![])] {
        let bench = Bench::new(&["a"]);
        bench.build("b1", |run| ended(run, false, now(bench.began) - SignedDuration::from_mins(minutes_ago)));
        bench.work(minutes(5)).await;
        assert_eq!((bench.calls(), bench.held()), (calls, false), "{minutes_ago}");
    }
}

// SC-B14, SC-B36: a build that cannot get its Snapshot.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_snapshot_that_cannot_be_made_is_reported() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Fails(None)]);
    bench.build("b1", |run| {
        ended(run, true, now(bench.began));
        run["metadata"]["annotations"][keys::CHAINS_SIGNED] = "true".into();
    });
    bench.look();
    let status = |bench: &Bench| {
        let build = bench.caches.builds.get("team", "b1").unwrap();
        meta::annotation(&*build, keys::CREATE_SNAPSHOT_STATUS).map(str::to_owned)
    };
    assert!(status(&bench).is_some_and(|status| status.contains("missing_result")), "told at once");
    assert!(bench.held());
    bench.work(minutes(1)).await;
    let call = "Integration Service / a / c1: creation_failed";
    assert_eq!(bench.calls(), [call, call]);
    assert_eq!((bench.marker().as_deref(), bench.held()), (Some("BuildPLRFailed"), false));
    assert_eq!(*bench.events.lock().unwrap(), ["SnapshotCreationFailed"]);
}

// SC-65, SC-B3: a settled build whose failure was not told has its rivals, too.
#[tokio::test(start_paused = true)]
async fn sc_65_a_settled_build_that_was_replaced_is_not_reported() {
    for (newer, calls) in [(false, 1), (true, 0)] {
        let bench = Bench::new(&["a"]);
        bench.build("b1", |run| {
            ended(run, true, now(bench.began));
            run["metadata"]["annotations"][keys::SNAPSHOTS] = "s".into();
            run["metadata"]["annotations"][keys::CREATE_SNAPSHOT_STATUS] =
                r#"{"message":"Failed to create snapshot: quota (Application team/shop): x","status":"failed"}"#.into();
        });
        if newer {
            bench.build("b2", |run| run["metadata"]["creationTimestamp"] = "2025-11-09T13:04:30Z".into());
        }
        bench.work(minutes(1)).await;
        assert_eq!((bench.calls().len(), bench.held()), (calls, false));
    }
}
