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

fn fed(script: &Script) -> (Store<PipelineRun>, Metrics) {
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
    let store = Store::new(Watch::<PipelineRun>::new());
    let metrics = Metrics::new("test", "0").unwrap();
    store.start(&Client::new(service, "ns"), &[], &metrics, &Arc::new(Notify::new()));
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
