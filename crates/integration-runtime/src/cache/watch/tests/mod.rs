//! A store that is fed by an API server which fails and recovers.

use std::sync::Mutex;

use axum::body::Body as AnswerBody;
use http::{Request, Response, StatusCode};
use integration_api::PipelineRun;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::*;
use crate::Watch;

/// Answers to requests in their order: status and body. The last one stays; a watch after the list never ends.
type Script = Arc<Mutex<Vec<(u16, Value)>>>;

fn refusal(code: u16) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "message": "refused", "reason": "x", "code": code}))
}

fn list(names: &[&str]) -> (u16, Value) {
    let item =
        |name: &&str| json!({"metadata": {"namespace": "ns", "name": name, "uid": name, "resourceVersion": "5"}});
    let items: Vec<_> = names.iter().map(item).collect();
    (200, json!({"kind": "PipelineRunList", "metadata": {"resourceVersion": "7"}, "items": items}))
}

fn scripted(script: &Script) -> Client {
    let answers = Arc::clone(script);
    let service = service_fn(move |request: Request<Body>| {
        let answers = Arc::clone(&answers);
        async move {
            let watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
            let next = {
                let mut answers = answers.lock().unwrap();
                let at_end = watch && answers.len() <= 1;
                if at_end {
                    None
                } else if answers.len() > 1 {
                    Some(answers.remove(0))
                } else {
                    answers.first().cloned()
                }
            };
            let Some((status, body)) = next else { return std::future::pending().await };
            let mut answer = Response::new(AnswerBody::from(body.to_string()));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok::<_, BoxError>(answer)
        }
    });
    Client::new(service, "ns")
}

fn fed(script: &Script) -> (Store<PipelineRun>, Metrics) {
    let store = Store::new(Watch::<PipelineRun>::new());
    let metrics = Metrics::new("test", "0").unwrap();
    store.start(&scripted(script), &[], &metrics, &Arc::new(Notify::new()));
    (store, metrics)
}

/// Lets virtual time pass, in steps in which tasks can do something.
async fn pass(seconds: u64) {
    for _ in 0..seconds * 5 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn interruptions(metrics: &Metrics) -> u64 {
    let text = metrics.encode();
    let line = text.lines().find(|line| line.starts_with("integration_svc_watch_restarts_total{"));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0, |count| count.parse().unwrap())
}

// OP-X3: a right that is missing, or a kind that is not installed, is told by health, and does not keep the server busy.
#[tokio::test(start_paused = true)]
async fn op_x3_a_list_that_is_always_refused_makes_the_program_unhealthy() {
    let script = Script::new(Mutex::new(vec![refusal(403)]));
    let (store, metrics) = fed(&script);
    pass(280).await;
    assert!(!store.synced());
    assert_eq!(store.failure(), None);
    pass(60).await;
    let failure = store.failure().unwrap();
    assert!(failure.starts_with("the watch on pipelineruns fails since 3"), "{failure}");
    let tries = interruptions(&metrics);
    assert!((25..=50).contains(&tries), "{tries} tries in 340 s");
    script.lock().unwrap().clone_from(&vec![list(&["a"])]);
    pass(40).await;
    assert!(store.synced() && store.failure().is_none() && store.len() == 1);
}

// The version to resume from was compacted while the API server was away.
#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_be_resumed_starts_over_with_a_list() {
    let script = Script::new(Mutex::new(vec![list(&["a", "b"]), refusal(500), refusal(410), list(&["b", "c"])]));
    let (store, metrics) = fed(&script);
    pass(10).await;
    let mut names: Vec<_> = store.keys().iter().map(|key| key.name.to_string()).collect();
    names.sort();
    assert_eq!(names, ["b", "c"]);
    assert_eq!((interruptions(&metrics), store.failure()), (2, None));
}

// A defect in one listener must not leave a cache behind that stands still and looks fine.
#[tokio::test(start_paused = true)]
async fn op_x3_a_watch_that_ends_by_a_defect_makes_the_program_unhealthy() {
    let script = Script::new(Mutex::new(vec![list(&["a"])]));
    let answers = Arc::clone(&script);
    let service = service_fn(move |_: Request<Body>| {
        let body = answers.lock().unwrap()[0].1.to_string();
        async move { Ok::<_, BoxError>(Response::new(AnswerBody::from(body))) }
    });
    let store = Store::new(Watch::<PipelineRun>::new().on_change(|_| panic!("a defect in a listener")));
    let metrics = Metrics::new("test", "0").unwrap();
    store.start(&Client::new(service, "ns"), &[], &metrics, &Arc::new(Notify::new()));
    pass(1).await;
    assert_eq!(store.failure().as_deref(), Some("the watch on pipelineruns has ended"));
}

// A fault of end-to-end tests: what others write is seen late, what the program itself wrote at once.
#[cfg(feature = "fault")]
#[tokio::test(start_paused = true)]
async fn stale_changes_come_late_and_never_over_a_newer_version() {
    let run = |name: &str, version: u64| json!({"metadata": {"namespace": "ns", "name": name, "uid": name, "resourceVersion": version.to_string()}});
    let event = |name: &str, version: u64| (200, json!({"type": "MODIFIED", "object": run(name, version)}));
    let script = [list(&["a", "b"]), event("a", 8), event("b", 9), list(&[])];
    let (store, feed, api) = stale_feed(&Script::new(Mutex::new(script.into())));
    tokio::spawn(feed.run(api));
    let version = |name: &str| store.get("ns", name).and_then(|run| run.metadata.resource_version.clone());
    let versions = || (version("a").unwrap_or_default(), version("b").unwrap_or_default());
    let texts = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    pass(1).await;
    assert!(store.synced(), "lists are not late");
    assert_eq!(versions(), texts("5", "5"));
    store.observe(serde_json::from_value(run("b", 10)).unwrap());
    assert_eq!(versions(), texts("5", "10"));
    pass(3).await;
    assert_eq!(versions(), texts("8", "10"));
}

#[cfg(feature = "fault")]
fn stale_feed(script: &Script) -> (Store<PipelineRun>, Feed<PipelineRun>, Api<Guarded<PipelineRun>>) {
    let store = Store::new(Watch::<PipelineRun>::new());
    store.inner.health.start(1);
    let feed = Feed {
        store: store.clone(),
        kind: "pipelineruns".to_owned(),
        number: 0,
        namespace: None,
        metrics: Metrics::new("test", "0").unwrap(),
        synced: Arc::new(Notify::new()),
        stale: Duration::from_secs(2),
    };
    (store, feed, Api::all(scripted(script)))
}
