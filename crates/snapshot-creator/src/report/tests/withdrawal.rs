//! Reports that are not wanted any more.

use super::*;

/// Begins the first report, which the provider does not answer.
async fn in_flight(bench: &Bench) -> tokio::task::JoinHandle<Disposition> {
    bench.answers([Answer::Hangs]);
    bench.build("b1", |_| ());
    bench.look();
    let queue = Arc::clone(&bench.queue);
    let pass = tokio::spawn(async move { queue.reconcile(key()).await });
    while bench.calls().is_empty() {
        tokio::task::yield_now().await;
    }
    pass
}

// SC-B14: the connection is closed at once, and nothing more is sent.
#[tokio::test(start_paused = true)]
async fn sc_b14_the_end_of_the_build_stops_a_call_in_flight() {
    let bench = Bench::new(&["a", "b"]);
    let pass = in_flight(&bench).await;
    bench.build("b1", |run| {
        ended(run, true, now(bench.began));
        run["metadata"]["annotations"][keys::CHAINS_SIGNED] = "true".into();
        run["metadata"]["annotations"][keys::SNAPSHOTS] = "s".into();
    });
    bench.look();
    assert!(matches!(pass.await.unwrap(), Disposition::Done));
    assert_eq!(bench.began.elapsed(), Duration::ZERO, "nobody waited");
    assert_eq!(bench.calls(), [FIRST]);
    assert_eq!(*bench.provider.dropped.lock().unwrap(), [FIRST]);
}

// SC-B14: a failure takes the place of what runs.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_failure_replaces_what_runs() {
    let bench = Bench::new(&["a"]);
    let pass = in_flight(&bench).await;
    bench.build("b1", |run| ended(run, false, now(bench.began)));
    bench.look();
    pass.await.unwrap();
    bench.work(minutes(1)).await;
    assert_eq!(bench.calls(), [FIRST, "Integration Service / a / c1: build_failed"]);
    assert_eq!(*bench.provider.dropped.lock().unwrap(), [FIRST]);
    assert_eq!(bench.marker().as_deref(), Some("GroupSnapshotCreationFailed"));
}

// SC-B14
#[tokio::test(start_paused = true)]
async fn sc_b14_a_running_build_that_is_gone_is_not_reported() {
    let bench = Bench::new(&["a", "b"]);
    let pass = in_flight(&bench).await;
    bench.caches.builds.forget("team", "b1", None);
    bench.look();
    assert!(matches!(pass.await.unwrap(), Disposition::Done));
    assert_eq!(bench.calls(), [FIRST]);
    assert_eq!(bench.desk.keys(), []);
}

// SC-B32: a build that was made anew under the name reports for itself.
#[tokio::test(start_paused = true)]
async fn sc_b32_a_successor_of_the_name_reports_for_itself() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Fails(None)]);
    bench.build("b1", |_| ());
    bench.look();
    bench.pass().await;
    bench.build("b1", |run| run["metadata"]["uid"] = "another".into());
    bench.work(minutes(1)).await;
    assert_eq!(bench.times(), [0, 0], "it does not wait for what its predecessor met with");
    assert_eq!(bench.desk.keys(), []);
}

// SC-B14; 02 N-19
#[tokio::test(start_paused = true)]
async fn sc_b14_a_report_that_was_not_sent_is_dropped_with_the_snapshot() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..6).map(|_| Answer::Fails(None)));
    let build = bench.build("b1", |_| ());
    bench.work(minutes(4)).await;
    let before = bench.calls().len();
    // Before the queue of builds has looked again.
    snapshot(&bench.caches, &build, "abc1");
    sleep(minutes(10)).await;
    assert!(matches!(bench.pass().await, Disposition::Done));
    bench.work(minutes(10)).await;
    assert_eq!(bench.calls().len(), before);
    assert_eq!(bench.desk.keys(), []);
}

// SC-B14, SC-155: looked at before each call.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_snapshot_of_the_same_commit_ends_the_series() {
    let bench = Bench::new(&["a", "b"]);
    bench.build("b1", |_| ());
    let other = bench.build("b0", |run| run["metadata"]["creationTimestamp"] = "2025-11-09T13:03:00Z".into());
    bench.answers([Answer::Accepts, Answer::Fails(None)]);
    bench.look();
    bench.pass().await;
    assert_eq!(bench.calls(), [FIRST, SECOND]);
    snapshot(&bench.caches, &other, "abc1");
    bench.work(minutes(10)).await;
    assert_eq!(bench.calls(), [FIRST, SECOND]);
    assert_eq!(bench.marker(), None, "its tests say more than a marker");
}

// SC-65, SC-B18: looked at before each call.
#[tokio::test(start_paused = true)]
async fn sc_65_a_newer_build_ends_the_series() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Accepts, Answer::Fails(None)]);
    bench.build("b1", |_| ());
    bench.look();
    bench.pass().await;
    bench.build("b2", |run| run["metadata"]["creationTimestamp"] = "2025-11-09T13:04:30Z".into());
    sleep(minutes(1)).await;
    assert!(matches!(bench.pass().await, Disposition::Done));
    assert_eq!(bench.calls(), [FIRST, SECOND]);
}

// SC-B14: a test that is deleted meanwhile is not reported, and holds up no marker.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_test_that_is_deleted_is_not_reported() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Accepts, Answer::Fails(None)]);
    bench.build("b1", |_| ());
    bench.look();
    bench.pass().await;
    bench.caches.scenarios.forget("team", "b", None);
    bench.work(minutes(10)).await;
    assert_eq!(bench.calls(), [FIRST, SECOND]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}
