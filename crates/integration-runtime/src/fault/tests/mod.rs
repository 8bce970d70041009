use std::sync::atomic::{AtomicU64, Ordering};

use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::client::{Body as RequestBody, ClientBuilder};
use rstest::rstest;
use serde_json::json;
use tower::service_fn;

use super::*;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event};

/// A client whose server answers every request with a ConfigMap and counts what reaches it.
fn client(layer: &FaultLayer) -> (kube::Client, Arc<AtomicU64>) {
    let reached = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&reached);
    let server = service_fn(move |_: Request<RequestBody>| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, BoxError>(Response::new(Body::from(r#"{"metadata":{"name":"x"}}"#))) }
    });
    (ClientBuilder::new(server, "team").with_layer(layer).build(), reached)
}

fn layer(variables: &[(&str, &str)]) -> FaultLayer {
    let faults = Faults::read(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()));
    FaultLayer::new(faults.unwrap()).unwrap()
}

async fn patch(client: &kube::Client, name: &str) -> Result<ConfigMap, kube::Error> {
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    api.patch(name, &PatchParams::default(), &Patch::Merge(json!({"data": {"a": "b"}}))).await
}

fn code(answer: Result<ConfigMap, kube::Error>) -> u16 {
    match answer {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_nth_write_fails_and_is_not_sent() {
    let (client, reached) = client(&layer(&[("FAULT_FAIL", "2:500")]));
    assert_eq!(code(patch(&client, "a").await), 200);
    assert_eq!(code(patch(&client, "a").await), 500);
    assert_eq!(code(patch(&client, "a").await), 200);
    assert_eq!(reached.load(Ordering::Relaxed), 2);
}

// What a program creates may be there already, made by another replica; an Event that is there is never sent again.
#[rstest]
#[case::patch(&[
    ("PATCH", "/api/v1/namespaces/team/configmaps/a", "Conflict"),
    ("PATCH", "/api/v1/namespaces/team/configmaps/b", "Conflict"),
    ("PATCH", "/api/v1/namespaces/team/configmaps/a/status", "Conflict"),
    ("PATCH", "/api/v1/namespaces/team/configmaps/a", "sent"),
    ("PATCH", "/api/v1/namespaces/team/configmaps/b", "sent"),
])]
#[case::post(&[
    ("POST", "/api/v1/namespaces/team/configmaps", "AlreadyExists"),
    ("POST", "/api/v1/namespaces/else/configmaps", "AlreadyExists"),
    ("POST", "/api/v1/namespaces/team/configmaps", "sent"),
    ("POST", "/api/v1/namespaces/else/configmaps", "sent"),
])]
#[case::post_of_events(&[
    ("POST", "/api/v1/namespaces/team/events", "sent"),
    ("POST", "/apis/events.k8s.io/v1/namespaces/team/events", "sent"),
    ("PATCH", "/api/v1/namespaces/team/events/a", "Conflict"),
    ("PATCH", "/api/v1/namespaces/team/events/a", "sent"),
])]
#[case::others(&[
    ("GET", "/api/v1/namespaces/team/configmaps/a", "sent"),
    ("PUT", "/api/v1/namespaces/team/configmaps/a", "sent"),
    ("DELETE", "/api/v1/namespaces/team/configmaps/a", "sent"),
    ("POST", "/apis/coordination.k8s.io/v1/namespaces/team/leases", "sent"),
    ("PATCH", "/api/v1/namespaces/team/configmaps/a", "Conflict"),
])]
#[tokio::test]
async fn the_first_patch_and_the_first_post_of_every_path_conflict_events_excepted(
    #[case] requests: &[(&str, &str, &str)],
) {
    let (client, reached) = client(&layer(&[("FAULT_CONFLICT_ONCE", "1")]));
    let mut answers = Vec::new();
    for (method, path, _) in requests {
        let request = Request::builder().method(*method).uri(*path).body(Vec::new()).unwrap();
        let answer = match client.request::<serde_json::Value>(request).await {
            Ok(_) => "sent".to_owned(),
            Err(kube::Error::Api(status)) if status.code == 409 => status.reason.clone(),
            Err(error) => panic!("{method} {path}: {error}"),
        };
        answers.push(answer);
    }
    assert_eq!(answers, requests.iter().map(|(_, _, answer)| *answer).collect::<Vec<_>>());
    let sent = answers.iter().filter(|answer| *answer == "sent").count();
    assert_eq!(reached.load(Ordering::Relaxed), sent as u64);
}

#[tokio::test]
async fn a_dropped_response_was_sent() {
    let (client, reached) = client(&layer(&[("FAULT_DROP_RESPONSE", "1")]));
    let error = patch(&client, "a").await.unwrap_err();
    assert!(!matches!(error, kube::Error::Api(_)), "{error}");
    assert_eq!(reached.load(Ordering::Relaxed), 1);
    assert_eq!(code(patch(&client, "a").await), 200);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_delayed_and_a_read_is_not() {
    let (client, _) = client(&layer(&[("FAULT_DELAY_MS", "700")]));
    let start = tokio::time::Instant::now();
    let api: Api<ConfigMap> = Api::default_namespaced(client.clone());
    api.get("a").await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    patch(&client, "a").await.unwrap();
    assert_eq!(start.elapsed().as_millis() / 100, 7);
}

#[tokio::test]
async fn reads_and_writes_by_the_clock_are_not_counted_and_events_are() {
    let log = std::env::temp_dir().join(format!("fault-log-{}", std::process::id()));
    let (client, reached) = client(&layer(&[("FAULT_LOG", &log.display().to_string())]));
    let leases: Api<Lease> = Api::default_namespaced(client.clone());
    leases.create(&PostParams::default(), &Lease::default()).await.unwrap();
    Api::<ConfigMap>::default_namespaced(client.clone()).get("a").await.unwrap();
    let events: Api<Event> = Api::default_namespaced(client.clone());
    events.create(&PostParams::default(), &Event::default()).await.unwrap();
    patch(&client, "a").await.unwrap();
    Api::<ConfigMap>::default_namespaced(client.clone()).delete("a", &DeleteParams::default()).await.unwrap();
    let lines = std::fs::read_to_string(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    assert_eq!(
        lines,
        "1 POST /api/v1/namespaces/team/events\n\
         2 PATCH /api/v1/namespaces/team/configmaps/a\n\
         3 DELETE /api/v1/namespaces/team/configmaps/a\n"
    );
    assert_eq!(reached.load(Ordering::Relaxed), 5);
}

#[test]
fn the_process_is_killed_at_the_write_asked_for_and_at_no_other() {
    let layer = layer(&[("FAULT_KILL_BEFORE", "2"), ("FAULT_KILL_AFTER", "3")]);
    let uri = "/api/v1/namespaces/team/configmaps/a".parse().unwrap();
    let plans: Vec<_> = (0..4).map(|_| layer.shared.plan(&Method::PATCH, &uri)).collect();
    assert_eq!(plans.iter().map(|p| p.kill_before).collect::<Vec<_>>(), [false, true, false, false]);
    assert_eq!(plans.iter().map(|p| p.kill_after).collect::<Vec<_>>(), [false, false, true, false]);
}

#[rstest]
#[case("FAULT_KILL_BEFORE", "0", "a whole number from 1 is wanted")]
#[case("FAULT_KILL_AFTER", "soon", "a whole number from 1 is wanted")]
#[case("FAULT_STALE_MS", "2s", "a whole number from 1 is wanted")]
#[case("FAULT_FAIL", "3", "as in 3:500")]
#[case("FAULT_FAIL", "3:9999", "as in 3:500")]
#[case("FAULT_CONFLICT_ONCE", "yes", "1 or 0 is wanted")]
fn a_value_that_means_nothing_is_refused(#[case] variable: &str, #[case] value: &str, #[case] reason: &str) {
    let error = Faults::read(|name| (name == variable).then(|| value.to_owned())).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{variable}={value}: ")) && error.contains(reason), "{error}");
}
