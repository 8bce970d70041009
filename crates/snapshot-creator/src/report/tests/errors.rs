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

// SC-B14: only errors in a row make the pause longer.
#[tokio::test(start_paused = true)]
async fn sc_b14_after_a_success_pauses_begin_anew() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Fails(None), Answer::Fails(None), Answer::Accepts, Answer::Fails(None)]);
    bench.build("b1", |_| ());
    bench.work(minutes(2)).await;
    assert_eq!(bench.times(), [0, 5, 15, 15, 20]);
}

// SC-B14: after an error the other tests wait too: they have the same provider.
#[tokio::test(start_paused = true)]
async fn sc_b14_the_provider_says_when_to_come_back() {
    let bench = Bench::new(&["a", "b"]);
    bench.answers([Answer::Fails(Some(Duration::from_secs(90)))]);
    bench.build("b1", |_| ());
    bench.work(minutes(3)).await;
    assert_eq!((bench.times(), bench.calls()), (vec![0, 90, 90], vec![FIRST.into(), FIRST.into(), SECOND.into()]));
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
