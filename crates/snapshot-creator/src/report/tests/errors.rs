//! Providers that fail or refuse.

use super::*;

// SC-B14; 02 E-44: nothing but the report waits.
#[tokio::test(start_paused = true)]
async fn sc_b14_what_may_pass_is_tried_again_less_and_less_often() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..9).map(|_| Answer::Fails(None)));
    bench.build("b1", |_| ());
    bench.work(minutes(30)).await;
    // Pauses of 5, 10, 20, 40, 80, 160 and then 300 seconds.
    assert_eq!(bench.times(), [0, 5, 15, 35, 75, 155, 315, 615, 915, 1215]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
    assert_eq!(bench.failure(), None, "nobody has to do anything about it");
}

// SC-B14: a test that always fails keeps none of the others from being reported.
#[tokio::test(start_paused = true)]
async fn sc_b14_each_test_waits_for_itself() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Fails(None), Answer::Fails(None), Answer::Fails(None), Answer::Accepts, Answer::Accepts]);
    bench.build("b1", |_| ());
    bench.work(minutes(2)).await;
    assert_eq!((bench.times(), bench.calls()), (vec![0, 0, 5, 5, 15], calls([FIRST, SECOND, FIRST, SECOND, FIRST])));
    assert_eq!(bench.marker().as_deref(), Some(MARKER));
}

// SC-B14: what was never tried is not behind what is tried again and again.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_test_that_was_never_tried_goes_first() {
    let bench = Bench::new(&["a", "b", "c"]);
    bench.answers([Answer::Fails(None), Answer::Hangs, Answer::Accepts]);
    bench.build("b1", |_| ());
    bench.work(minutes(1)).await;
    let third = "Integration Service / c / c1: in_progress";
    assert_eq!((bench.times(), bench.calls()), (vec![0, 0, 10, 10, 15], calls([FIRST, SECOND, third, FIRST, SECOND])));
}

// SC-B14, GRX-2: whom else that concerns is the provider's business.
#[tokio::test(start_paused = true)]
async fn sc_b14_the_provider_says_when_to_come_back() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Fails(Some(Duration::from_secs(90)))]);
    bench.build("b1", |_| ());
    bench.work(minutes(3)).await;
    assert_eq!((bench.times(), bench.calls()), (vec![0, 0, 90], calls([FIRST, SECOND, FIRST])));
}

// GRX-2: at least a second, at most an hour.
#[tokio::test(start_paused = true)]
async fn sc_b14_the_pause_that_a_provider_asks_for_has_bounds() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Fails(Some(Duration::ZERO)), Answer::Fails(Some(Duration::MAX))]);
    bench.build("b1", |_| ());
    bench.work(minutes(70)).await;
    assert_eq!(bench.times(), [0, 1, 3601]);
}

// SC-B14: a request gets ten seconds.
#[tokio::test(start_paused = true)]
async fn sc_b14_a_provider_that_does_not_answer_is_asked_again() {
    let bench = Bench::new(&["a"]);
    bench.answers([Answer::Hangs]);
    bench.build("b1", |_| ());
    bench.work(minutes(1)).await;
    assert_eq!(bench.times(), [0, 15]);
    assert_eq!(*bench.provider.dropped.lock().unwrap(), [FIRST]);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
}

// SC-B14, SC-B20; 02 E-43
#[tokio::test(start_paused = true)]
async fn sc_b20_what_is_refused_three_times_is_given_up() {
    let bench = Bench::new(&["a"]);
    bench.answers((0..3).map(|_| Answer::Refuses(403)));
    bench.build("b1", |_| ());
    bench.work(minutes(1)).await;
    let told = bench.failure().unwrap();
    let head = "provider github, host api.github.com, class permanent, code 403, time 2025-11-09T13:05:00Z: words";
    assert!(told.starts_with(head), "{told}");
    assert_eq!(bench.marker(), None, "it is tried again");
    bench.work(minutes(59)).await;
    assert_eq!(bench.times(), [0, 15 * 60, 45 * 60]);
    assert_eq!(bench.failure(), Some(told), "told once");
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
    assert_eq!(*bench.events.lock().unwrap(), ["ReportGivenUp"]);
}

// SC-B20: the other tests are reported all the same; the words stay while one is refused.
#[tokio::test(start_paused = true)]
async fn sc_b20_a_success_takes_the_words_back() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Refuses(422)]);
    bench.build("b1", |_| ());
    bench.work(minutes(5)).await;
    assert_eq!(bench.calls(), [FIRST, SECOND]);
    assert!(bench.failure().is_some_and(|told| told.contains("code 422")));
    bench.work(minutes(15)).await;
    assert_eq!(bench.calls(), [FIRST, SECOND, FIRST]);
    assert_eq!(bench.failure(), None);
    assert_eq!(bench.marker().as_deref(), Some("SnapshotCreationFailed"));
    assert!(bench.events.lock().unwrap().is_empty());
}
