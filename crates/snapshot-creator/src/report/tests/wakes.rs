//! From queue to queue: each one looks only when the other one, a watch or its own clock tells it to.

use super::*;

// SC-B14, SC-B37
#[tokio::test(start_paused = true)]
async fn sc_b14_the_queues_wake_each_other() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Accepts, Answer::Fails(None), Answer::Accepts]);
    assert!(!bench.builds.is_woken() && !bench.reports.is_woken());
    bench.build("b1", |_| ());
    assert!(bench.builds.is_woken() && !bench.reports.is_woken(), "by the watch");
    bench.look();
    assert!(!bench.builds.is_woken() && bench.reports.is_woken(), "by what is wanted");
    bench.pass().await;
    assert!(bench.builds.is_woken(), "by the first success, which may take a refusal of the past back");
    bench.look();
    sleep(Duration::from_secs(5)).await;
    assert!(!bench.builds.is_woken() && !bench.reports.is_woken());
    bench.pass().await;
    assert!(bench.builds.is_woken(), "by the end");
    bench.look();
    assert_eq!((bench.calls(), bench.marker().as_deref()), (calls([FIRST, SECOND, SECOND]), Some(MARKER)));
}

// SC-B14, SC-B20: nothing else happens until the refused call is repeated.
#[tokio::test(start_paused = true)]
async fn sc_b20_a_refusal_wakes_the_build() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Refuses(403)]);
    bench.build("b1", |_| ());
    bench.work(Duration::from_secs(1)).await;
    assert!(bench.failure().is_some_and(|told| told.contains("code 403")));
}

// SC-B14.6: what is not wanted any more keeps no build.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_failure_that_is_not_wanted_any_more_wakes_the_build() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..9).map(|_| Answer::Fails(None)));
    bench.build("b1", |run| ended(run, false, now(bench.began)));
    bench.work(Duration::from_secs(20)).await;
    assert!(bench.held());
    bench.build("b2", |run| run["metadata"]["creationTimestamp"] = "2025-11-09T13:04:30Z".into());
    bench.work(minutes(1)).await;
    assert!(!bench.held());
    assert_eq!((bench.marker(), bench.desk.keys()), (None, vec![]));
}

// SC-65, SC-B18: the watch tells the running builds of a group of each other.
#[tokio::test(start_paused = true)]
async fn sc_65_a_newer_build_wakes_the_older_one() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..9).map(|_| Answer::Fails(None)));
    bench.build("b1", |_| ());
    bench.work(Duration::from_secs(20)).await;
    bench.build("b2", |run| run["metadata"]["creationTimestamp"] = "2025-11-09T13:04:30Z".into());
    assert!(bench.builds.is_woken());
    bench.look();
    assert_eq!(bench.desk.keys(), []);
}
