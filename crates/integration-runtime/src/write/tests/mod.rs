//! Reads and writes against an API server that answers what a test tells it to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body as AnswerBody;
use http::{Request, Response, StatusCode};
use integration_api::{PipelineRun, Snapshot};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::*;
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::{Context, ErrorClass, Store, Watch};

/// What the server does with one request.
enum Answer {
    Status(u16, Value),
    /// Something happens first, for example what another watch reports meanwhile.
    After(Box<dyn FnOnce() + Send>, u16, Value),
    Hangs,
}

#[derive(Default)]
struct Server {
    answers: Vec<Answer>,
    requests: Vec<(String, Value)>,
}

type Shared = Arc<Mutex<Server>>;

fn context_with(leadership: Leadership, answers: Vec<Answer>) -> (Context, Shared) {
    let server = Shared::new(Mutex::new(Server { answers, requests: Vec::new() }));
    let shared = Arc::clone(&server);
    let service = service_fn(move |request: Request<Body>| {
        let shared = Arc::clone(&shared);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let body = serde_json::from_slice(&body).unwrap_or_default();
            let answer = {
                let mut server = shared.lock().unwrap();
                server.requests.push((format!("{} {}", parts.method, parts.uri.path()), body));
                assert!(!server.answers.is_empty(), "a request nobody expected: {:?}", server.requests.last());
                server.answers.remove(0)
            };
            let (status, body) = match answer {
                Answer::Hangs => return std::future::pending().await,
                Answer::Status(status, body) => (status, body),
                Answer::After(event, status, body) => {
                    event();
                    (status, body)
                }
            };
            let mut response = Response::new(AnswerBody::from(body.to_string()));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok::<_, BoxError>(response)
        }
    });
    let metrics = Metrics::new("test", "0").unwrap();
    (Context::new(Client::new(service, "ns"), leadership, metrics, "test-runner", "host_1".to_owned()), server)
}

fn context(answers: Vec<Answer>) -> (Context, Shared) {
    context_with(Leadership::always(), answers)
}

fn paths(server: &Shared) -> Vec<String> {
    server.lock().unwrap().requests.iter().map(|(path, _)| path.clone()).collect()
}

fn refusal(code: u16, message: &str) -> Answer {
    Answer::Status(
        code,
        json!({"kind": "Status", "status": "Failure", "reason": "x", "message": message, "code": code}),
    )
}

fn ok(object: &Value) -> Answer {
    Answer::Status(200, object.clone())
}

fn object(version: u64, annotations: &Value) -> Value {
    json!({"metadata": {"namespace": "ns", "name": "o", "uid": "u", "resourceVersion": version.to_string(),
        "annotations": annotations}})
}

fn read<K: serde::de::DeserializeOwned>(value: &Value) -> Arc<K> {
    Arc::new(serde_json::from_value(value.clone()).unwrap())
}

fn snapshots() -> Store<Snapshot> {
    Store::new(Watch::new())
}

fn annotate(newest: &Snapshot) -> Option<Value> {
    let annotations = newest.metadata.annotations.clone().unwrap_or_default();
    let count: u64 = annotations.get("count").map_or(0, |count| count.parse().unwrap());
    (count < 9).then(|| json!({"metadata": {"annotations": {"count": (count + 1).to_string()}}}))
}

// D-7, TR-B7: computed on the newest version known, sent with it, and decided anew after a conflict.
#[tokio::test(start_paused = true)]
async fn tr_b7_an_update_that_conflicts_is_computed_again_on_a_live_read() {
    let (context, server) = context(vec![
        refusal(409, "the object has been modified"),
        ok(&object(8, &json!({"count": "5"}))),
        ok(&object(9, &json!({"count": "6"}))),
    ]);
    let store = snapshots();
    store.observe(Snapshot::clone(&read(&object(7, &json!({"count": "3"})))));
    let update = context.update(&store, read(&object(6, &json!({}))), Part::Metadata, annotate).await.unwrap();
    assert!(matches!(&update, Update::Written(written) if written.metadata.resource_version.as_deref() == Some("9")));
    let sent: Vec<_> = server.lock().unwrap().requests.iter().map(|(_, body)| body["metadata"].clone()).collect();
    assert_eq!(sent[0], json!({"annotations": {"count": "4"}, "uid": "u", "resourceVersion": "7"}));
    assert_eq!(sent[2], json!({"annotations": {"count": "6"}, "uid": "u", "resourceVersion": "8"}));
    let known = store.get("ns", "o").unwrap();
    assert_eq!(known.metadata.resource_version.as_deref(), Some("9"), "the next decision sees our own write");
}

// TR-B34: a change that somebody else made meanwhile is not made again.
#[tokio::test(start_paused = true)]
async fn tr_b34_nothing_is_sent_when_there_is_nothing_to_change_any_more() {
    let (context, server) = context(vec![refusal(409, "modified"), ok(&object(8, &json!({"count": "9"})))]);
    let start = read(&object(7, &json!({})));
    let update = context.update(&snapshots(), start, Part::Metadata, annotate).await.unwrap();
    assert!(matches!(update, Update::Unchanged(_)));
    let path = "/apis/appstudio.redhat.com/v1alpha1/namespaces/ns/snapshots/o";
    assert_eq!(paths(&server), [format!("PATCH {path}"), format!("GET {path}")]);
}

#[tokio::test(start_paused = true)]
async fn an_update_of_an_object_that_is_gone_or_replaced_changes_nothing() {
    let other = json!({"metadata": {"namespace": "ns", "name": "o", "uid": "other", "resourceVersion": "8"}});
    for answers in [vec![refusal(404, "not found")], vec![refusal(409, "uid"), ok(&other)]] {
        let (context, _) = context(answers);
        let start = read(&object(7, &json!({})));
        let update = context.update(&snapshots(), start, Part::Status, annotate).await.unwrap();
        assert!(matches!(update, Update::Gone));
    }
}

// TR-B7: no worker is held for ever by an object that everybody writes.
#[tokio::test(start_paused = true)]
async fn tr_b7_after_ten_conflicts_in_a_row_the_key_is_put_back() {
    let answers = (0..10).flat_map(|n| [refusal(409, "modified"), ok(&object(10 + n, &json!({})))]).collect();
    let (context, server) = context(answers);
    let began = tokio::time::Instant::now();
    let error = context.update(&snapshots(), read(&object(1, &json!({}))), Part::Metadata, annotate).await.unwrap_err();
    let after = error.retry_after().unwrap();
    assert!((Duration::from_secs(1)..=Duration::from_secs(5)).contains(&after), "{after:?}");
    assert_eq!(paths(&server).len(), 20);
    assert!(began.elapsed() <= Duration::from_secs(4), "a pause is at most half a second");
}

// SC-B35, 02 N-27: the server says 422 for a failed test and for an object that is not valid.
#[tokio::test(start_paused = true)]
async fn sc_b35_a_failed_test_is_a_conflict_and_an_invalid_object_is_not() {
    let run = |version: u64, finalizers: &[&str]| {
        json!({"metadata": {"namespace": "ns", "name": "o", "uid": "u", "resourceVersion": version.to_string(),
            "finalizers": finalizers}})
    };
    let failed_test = || refusal(422, "the server rejected our request due to an error in our request");
    let patch = || RunPatch::new().remove_finalizer("ours");
    let before: Arc<PipelineRun> = read(&run(1, &["ours", "chains"]));
    let store = || Store::new(Watch::<PipelineRun>::new());

    let (changed, _) = context(vec![failed_test(), ok(&run(2, &["ours"]))]);
    let patched = changed.patch_json(&store(), &before, patch()).await.unwrap();
    assert!(matches!(patched, Patched::Conflict(newest) if newest.metadata.resource_version.as_deref() == Some("2")));

    let (invalid, _) = context(vec![failed_test(), ok(&run(2, &["ours", "chains"]))]);
    let error = invalid.patch_json(&store(), &before, patch()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Invalid);

    let (gone, _) = context(vec![failed_test(), refusal(404, "not found")]);
    assert!(matches!(gone.patch_json(&store(), &before, patch()).await.unwrap(), Patched::Gone));

    // RR-B37: nothing to remove = nothing sent.
    let (released, server) = context(vec![]);
    let object: Arc<PipelineRun> = read(&run(3, &["chains"]));
    assert!(matches!(released.patch_json(&store(), &object, patch()).await.unwrap(), Patched::Written(_)));
    assert!(paths(&server).is_empty());
}

// HC-24: whoever lost the Lease in the middle of a reconcile writes nothing any more, whatever the reconcile was about.
#[tokio::test(start_paused = true)]
async fn hc_24_without_the_lease_no_write_of_any_kind_is_sent() {
    let (context, server) = context_with(Leadership::never(), vec![]);
    let (store, start) = (snapshots(), read::<Snapshot>(&object(1, &json!({}))));
    let body = json!({"metadata": {"namespace": "ns", "name": "new"}});
    let created = context.create_once(&store, &body).await.unwrap_err();
    let updated = context.update(&store, Arc::clone(&start), Part::Metadata, annotate).await.unwrap_err();
    let patch = RunPatch::new().annotation("a", "b");
    let patched = context.patch_json(&store, &start, patch).await.unwrap_err();
    for error in [created, updated, patched] {
        assert_eq!(error.class(), ErrorClass::NotLeader, "{error}");
    }
    context.event(&*start, EventType::Normal, "Tested", "a text".to_owned()).await;
    assert!(paths(&server).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_brings_the_object_that_has_it() {
    let (context, _) = context(vec![refusal(409, "already exists"), ok(&object(5, &json!({"by": "others"})))]);
    let body = json!({"metadata": {"namespace": "ns", "name": "o"}});
    let created = context.create_once(&snapshots(), &body).await.unwrap();
    assert!(matches!(&created, Created::Exists(_)));
    assert_eq!(created.object().metadata.annotations.as_ref().unwrap()["by"], "others");
}

// TR-B55, OP-X12: a 404 is an answer, not an error. It forgets what was known when the question was asked,
// not what was created since.
#[tokio::test(start_paused = true)]
async fn tr_b55_a_late_404_does_not_hide_a_new_object_of_the_same_name() {
    let store = snapshots();
    store.observe(Snapshot::clone(&read(&object(1, &json!({})))));
    let watched = store.clone();
    let successor = json!({"metadata": {"namespace": "ns", "name": "o", "uid": "second", "resourceVersion": "9"}});
    let reported = move || drop(watched.observe(Snapshot::clone(&read(&successor))));
    let not_found =
        json!({"kind": "Status", "status": "Failure", "message": "gone", "reason": "NotFound", "code": 404});
    let (context, _) = context(vec![Answer::After(Box::new(reported), 404, not_found), refusal(404, "gone")]);
    assert!(context.get(&store, "ns", "o").await.unwrap().is_none());
    assert!(store.get("ns", "o").is_some());
    assert!(context.get(&store, "ns", "o").await.unwrap().is_none());
    assert!(store.get("ns", "o").is_none(), "now it is known to be gone");
}

// OP-X2: no call holds a worker for ever.
#[tokio::test(start_paused = true)]
async fn op_x2_a_server_that_does_not_answer_is_given_up_on_after_half_a_minute() {
    let (context, _) = context(vec![Answer::Hangs, Answer::Hangs]);
    let began = tokio::time::Instant::now();
    let error = context.get(&snapshots(), "ns", "o").await.unwrap_err();
    assert_eq!((error.class(), began.elapsed().as_secs()), (ErrorClass::Retryable { after: None }, 30));
    let start = read::<Snapshot>(&object(1, &json!({})));
    context.event(&*start, EventType::Warning, "Tested", "a text".to_owned()).await;
    assert_eq!(began.elapsed().as_secs(), 60);
}

// SC-B30, TR-B43, OP-X10: an Event once, and again only where it could not be stored.
#[tokio::test(start_paused = true)]
async fn tr_b43_the_same_event_is_sent_once_and_a_failure_does_not_count() {
    let event = || json!({"metadata": {"name": "e"}, "eventTime": null});
    let (context, server) = context(vec![refusal(500, "etcd"), Answer::Status(201, event()), refusal(409, "exists")]);
    let snapshot = read::<Snapshot>(&object(1, &json!({})));
    for note in ["one", "one", "one", "two", "two"] {
        context.event(&*snapshot, EventType::Warning, "Tested", note.to_owned()).await;
    }
    let requests = server.lock().unwrap().requests.clone();
    let notes: Vec<_> = requests.iter().map(|(_, body)| body["note"].as_str().unwrap()).collect();
    assert_eq!(notes, ["one", "one", "two"]);
    assert_eq!(requests[0].0, "POST /apis/events.k8s.io/v1/namespaces/ns/events");
    assert_eq!(requests[0].1["metadata"]["name"], requests[1].1["metadata"]["name"]);
    assert_eq!(requests[0].1["regarding"]["uid"], "u");
    assert_eq!(requests[0].1["reportingController"], "konflux-ci.dev/test-runner");
}

#[tokio::test(start_paused = true)]
async fn a_list_is_read_page_by_page_without_its_malformed_objects() {
    let page = |names: &[&str], token: &str| {
        let item = |name: &&str| match *name {
            "bad" => json!({"metadata": {"name": "bad"}, "spec": {"status": 7}}),
            name => json!({"metadata": {"name": name}}),
        };
        let items: Vec<_> = names.iter().map(item).collect();
        Answer::Status(200, json!({"metadata": {"continue": token}, "items": items}))
    };
    let (context, server) = context(vec![page(&["a", "bad"], "next"), page(&["b"], "")]);
    let runs: Vec<PipelineRun> = context.list("ns", "x=y").await.unwrap();
    let names: Vec<_> = runs.iter().map(|run| run.metadata.name.as_deref().unwrap()).collect();
    assert_eq!((names, paths(&server).len()), (vec!["a", "b"], 2));
}
