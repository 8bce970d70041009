//! The queue of reports, see [`bench`].

use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_api::keys;
use integration_runtime::{Disposition, Reconciler};
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use serde_json::json;
use tokio::time::sleep;

use crate::decide::meta;
use crate::metrics::Metrics;

mod bench;
mod errors;
mod failures;
mod groups;
mod provider;
mod wakes;
mod whole;
mod withdrawal;

use bench::*;
use provider::Answer;

const FIRST: &str = "Integration Service / a / c1: in_progress";
const SECOND: &str = "Integration Service / b / c1: in_progress";

/// What a build says of which the running state was reported.
const MARKER: &str = "SnapshotCreationFailed";

fn calls<const N: usize>(calls: [&str; N]) -> Vec<String> {
    calls.map(str::to_owned).to_vec()
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

// SC-B14, SC-67, SC-68; 02 E-37
#[tokio::test(start_paused = true)]
async fn sc_b14_a_running_build_is_reported_once_and_marked() {
    let bench = Bench::new(&["b", "a"]);
    bench.build("b1", |_| ());
    bench.work(minutes(30)).await;
    assert_eq!(bench.calls(), [FIRST, SECOND]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
    assert_eq!(bench.desk.keys(), [], "nothing is remembered of what is done");
    let text = prometheus::TextEncoder::new().encode_to_string(&bench.registry.gather()).unwrap();
    let counted = "integration_svc_build_report_total{provider=\"github\",result=\"accepted\",state=\"in_progress\"} 2";
    assert!(text.contains(counted), "{text}");
}

// SC-B14: the marker certifies, so a restart repeats nothing.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_restart_repeats_nothing_that_was_reported() {
    let before = Bench::new(&["a"]);
    before.build("b1", |_| ());
    before.work(minutes(1)).await;
    let after = before.restarted();
    after.work(minutes(1)).await;
    assert_eq!((before.calls().len(), after.calls().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn sc_b14_a_restart_loses_nothing_that_was_not_reported() {
    let before = Bench::new(&["a"]);
    before.answers([Answer::Fails(None)]);
    before.build("b1", |_| ());
    before.look();
    before.pass().await;
    assert_eq!(before.marker(), None);
    let after = before.restarted();
    after.work(minutes(1)).await;
    assert_eq!(after.calls(), [FIRST]);
    assert_eq!(after.marker().as_deref(), Some("SnapshotCreationFailed"));
}

// SC-B14: another replica reports.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_replica_that_does_not_lead_reports_nothing() {
    let bench = Bench::new(&["a"]);
    *bench.leads.lock().unwrap() = false;
    bench.build("b1", |_| ());
    bench.work(minutes(1)).await;
    assert!(bench.calls().is_empty());
    *bench.leads.lock().unwrap() = true;
    bench.work(minutes(1)).await;
    assert_eq!(bench.calls(), [FIRST]);
}

// SC-B14, DESIGN §5: a call that the next leader could meet with is let go of.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_replica_that_stops_leading_lets_go_of_its_call() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Hangs]);
    bench.build("b1", |_| ());
    bench.look();
    let stopping = async {
        sleep(Duration::from_millis(2500)).await;
        *bench.leads.lock().unwrap() = false;
    };
    let (end, ()) = tokio::join!(bench.pass(), stopping);
    assert!(matches!(end, Disposition::RequeueAfter(_)));
    assert_eq!(bench.began.elapsed(), Duration::from_secs(3));
    assert_eq!(*bench.provider.dropped.lock().unwrap(), [FIRST]);
    *bench.leads.lock().unwrap() = true;
    bench.work(minutes(1)).await;
    assert_eq!((bench.calls(), bench.marker().as_deref()), (calls([FIRST, FIRST]), Some(MARKER)));
}

// A test that is added before the marker is there is reported, those before it are not repeated.
#[tokio::test(start_paused = true)]
async fn sc_67_what_is_added_meanwhile_is_reported_too() {
    let bench = Bench::new(&["a"]);
    bench.build("b1", |_| ());
    bench.look();
    bench.pass().await;
    let added = Bench::new(&["b"]).caches.scenarios.get("team", "b").unwrap();
    bench.caches.scenarios.observe((*added).clone());
    bench.work(minutes(1)).await;
    assert_eq!(bench.calls(), [FIRST, SECOND]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}

// SC-B14.5: also where the queue of reports is the first to see it.
#[tokio::test(start_paused = true)]
async fn sc_b14_what_is_added_meanwhile_keeps_the_marker_back() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Accepts, Answer::Fails(None)]);
    bench.build("b1", |_| ());
    bench.look();
    bench.pass().await;
    let added = Bench::new(&["b"]).caches.scenarios.get("team", "b").unwrap();
    bench.caches.scenarios.observe((*added).clone());
    bench.pass().await;
    bench.look();
    assert_eq!((bench.calls(), bench.marker()), (calls([FIRST, SECOND]), None));
    bench.work(minutes(1)).await;
    assert_eq!((bench.calls(), bench.marker().as_deref()), (calls([FIRST, SECOND, SECOND]), Some(MARKER)));
}
