//! An API server for unit tests of programs: it answers requests in their order with what the test says, and keeps what it
//! was asked. Only ever a dev-dependency.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test says so by panicking"
)]

use std::sync::{Arc, Mutex};

use http::{Request, Response, StatusCode};
use integration_runtime::Context;
use integration_runtime::lease::Leadership;
use integration_runtime::metrics::Metrics;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

/// Status and body; the body gets the request's.
pub type Answer = (u16, Box<dyn FnOnce(&Value) -> Value + Send>);

/// Requests as `VERB path`, with their bodies.
pub type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// A leader's context on such a server. Events are taken in without being asked for.
pub fn context(answers: Vec<Answer>) -> (Context, Requests) {
    let requests = Requests::default();
    let (kept, answers) = (Arc::clone(&requests), Arc::new(Mutex::new(answers)));
    let service = service_fn(move |request: Request<Body>| {
        let (kept, answers) = (Arc::clone(&kept), Arc::clone(&answers));
        async move {
            let (parts, body) = request.into_parts();
            let body: Value = serde_json::from_slice(&body.collect_bytes().await?).unwrap_or_default();
            let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            let line = format!("{} {}{query}", parts.method, parts.uri.path());
            kept.lock().unwrap().push((line.trim_end_matches(['?', '&']).to_owned(), body.clone()));
            let answer = if parts.uri.path().contains("/events.k8s.io/") {
                (201, body)
            } else {
                let mut answers = answers.lock().unwrap();
                assert!(!answers.is_empty(), "a request nobody expected: {line}");
                let (status, answer) = answers.remove(0);
                (status, answer(&body))
            };
            let mut response = Response::new(Body::from(answer.1.to_string().into_bytes()));
            *response.status_mut() = StatusCode::from_u16(answer.0).unwrap();
            Ok::<_, BoxError>(response)
        }
    });
    let metrics = Metrics::new("test", "0").unwrap();
    let context = Context::new(Client::new(service, "ns"), Leadership::always(), metrics, "test", "host_1".to_owned());
    (context, requests)
}

/// This object.
pub fn found(object: &Value) -> Answer {
    let object = object.clone();
    (200, Box::new(move |_| object))
}

/// This object with the members of the request's merge patch.
pub fn merged(object: &Value, version: u64) -> Answer {
    let mut object = object.clone();
    let merge = move |patch: &Value| {
        merge(&mut object, patch);
        object["metadata"]["resourceVersion"] = version.to_string().into();
        object
    };
    (200, Box::new(merge))
}

/// A refusal.
pub fn refused(code: u16, message: &str) -> Answer {
    let status = json!({"kind": "Status", "status": "Failure", "reason": "Refused", "message": message, "code": code});
    (code, Box::new(move |_| status))
}

/// Requests without Events, in their order.
pub fn asked(requests: &Requests) -> Vec<String> {
    let requests = requests.lock().unwrap();
    requests.iter().map(|(line, _)| line.clone()).filter(|line| !line.contains("/events.k8s.io/")).collect()
}

/// Reasons of the Events sent.
pub fn events(requests: &Requests) -> Vec<String> {
    let requests = requests.lock().unwrap();
    let sent = requests.iter().filter(|(line, _)| line.contains("/events.k8s.io/"));
    sent.map(|(_, body)| body["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}
