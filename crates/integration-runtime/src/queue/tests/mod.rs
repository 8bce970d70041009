//! Starting, waiting, stopping and panics of a queue.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::*;

/// Counts reconciles; each one ends when the test permits it.
struct Counting {
    started: Arc<AtomicUsize>,
    may_end: Arc<Semaphore>,
}

impl Reconciler for Counting {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        self.started.fetch_add(1, Ordering::SeqCst);
        assert_ne!(&*key.name, "defect", "a defect in one reconcile");
        self.may_end.acquire().await.unwrap().forget();
        Disposition::Done
    }
}

struct Running {
    queue: Queue,
    started: Arc<AtomicUsize>,
    may_end: Arc<Semaphore>,
    open: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    serving: tokio::task::JoinHandle<()>,
}

fn run(keys: &'static [&'static str]) -> Running {
    let (queue, inbox) = Queue::new("test");
    let (started, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (open, opened) = watch::channel(false);
    let (stop, stopped) = watch::channel(false);
    let work = Work {
        queue: queue.clone(),
        inbox,
        reconciler: Counting { started: Arc::clone(&started), may_end: Arc::clone(&may_end) },
        keys: || keys.iter().map(|name| ObjectKey::new("ns", name)).collect(),
        limits: Limits::new(4),
        metrics: Metrics::new("test", "0").unwrap(),
        heartbeat: Heartbeat::new("test"),
    };
    let serving = tokio::spawn(serve(work, opened, stopped));
    Running { queue, started, may_end, open, stop, serving }
}

async fn until(started: &AtomicUsize, number: usize) {
    while started.load(Ordering::SeqCst) < number {
        tokio::time::advance(Duration::from_millis(10)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_before_this_replica_leads_and_then_every_key_is_looked_at() {
    let running = run(&["a", "b"]);
    // An object that came and went while another replica led.
    running.queue.wake(ObjectKey::new("ns", "gone"));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(running.started.load(Ordering::SeqCst), 0);
    running.may_end.add_permits(10);
    running.open.send_replace(true);
    until(&running.started, 2).await;
    running.queue.wake(ObjectKey::new("ns", "c"));
    until(&running.started, 3).await;
    running.stop.send_replace(true);
    running.serving.await.unwrap();
    assert_eq!(running.started.load(Ordering::SeqCst), 3);
}

// RR-B49, GA-X2: every key is looked at about every ten minutes, without any event.
#[tokio::test(start_paused = true)]
async fn rr_b49_every_key_is_looked_at_about_every_ten_minutes() {
    let running = run(&["a"]);
    running.may_end.add_permits(10);
    running.open.send_replace(true);
    until(&running.started, 1).await;
    let began = Instant::now();
    until(&running.started, 2).await;
    let waited = began.elapsed().as_secs();
    assert!((479..=721).contains(&waited), "{waited} s");
    running.stop.send_replace(true);
    running.serving.await.unwrap();
}

// OP-X4: a reconcile that hangs is ended before the Lease is given back, so that it writes nothing afterwards.
#[tokio::test(start_paused = true)]
async fn op_x4_a_reconcile_that_does_not_end_in_time_is_ended() {
    let running = run(&[]);
    running.open.send_replace(true);
    running.queue.wake(ObjectKey::new("ns", "hangs"));
    until(&running.started, 1).await;
    let began = Instant::now();
    running.stop.send_replace(true);
    running.serving.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), DRAIN.as_secs());
    assert_eq!(Arc::strong_count(&running.may_end), 1, "the reconcile and its reconciler are gone");
}

// OP-X4: running reconciles may end, no new ones start.
#[tokio::test(start_paused = true)]
async fn op_x4_a_stopping_queue_lets_running_reconciles_end() {
    let running = run(&[]);
    running.open.send_replace(true);
    running.queue.wake(ObjectKey::new("ns", "a"));
    until(&running.started, 1).await;
    running.stop.send_replace(true);
    running.queue.wake(ObjectKey::new("ns", "b"));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!running.serving.is_finished(), "it waits for the reconcile that runs");
    running.may_end.add_permits(1);
    running.serving.await.unwrap();
    assert_eq!(running.started.load(Ordering::SeqCst), 1);
}

// OP-32: a panic ends one reconcile; the key is tried again, others go on.
#[tokio::test(start_paused = true)]
async fn op_32_a_panic_does_not_stop_the_queue() {
    let running = run(&[]);
    running.may_end.add_permits(10);
    running.open.send_replace(true);
    running.queue.wake(ObjectKey::new("ns", "defect"));
    until(&running.started, 2).await;
    running.queue.wake(ObjectKey::new("ns", "fine"));
    until(&running.started, 3).await;
    running.stop.send_replace(true);
    running.serving.await.unwrap();
}

// OP-X6, OP-35: what two parts of a reconcile ask for is combined without losing the sooner wish.
#[test]
fn op_x6_of_two_dispositions_the_one_that_acts_first_counts() {
    let after = |seconds| Disposition::RequeueAfter(Duration::from_secs(seconds));
    let error = || Disposition::Backoff(ApiError::defect(&ObjectKey::new("ns", "a")));
    assert!(matches!(after(5).and(after(3)), Disposition::RequeueAfter(wait) if wait == Duration::from_secs(3)));
    assert!(matches!(Disposition::Done.and(after(3)), Disposition::RequeueAfter(_)));
    assert!(matches!(after(3).and(Disposition::Terminal("x")), Disposition::RequeueAfter(_)));
    let within = |end: Disposition, seconds| matches!(end, Disposition::BackoffWithin(_, due) if due == Duration::from_secs(seconds));
    assert!(within(after(3).and(error()), 3) && within(error().and(after(3)), 3));
    assert!(within(after(3).and(error()).and(after(2)), 2) && within(after(2).and(after(3).and(error())), 2));
    assert!(within(Disposition::Done.and(after(3).and(error())), 3));
    assert!(matches!(error().and(Disposition::Done), Disposition::Backoff(_)));
    assert!(matches!(Disposition::Done.and(Disposition::Terminal("x")), Disposition::Terminal("x")));
    assert!(matches!(Disposition::Done.and(Disposition::Done), Disposition::Done));
}
