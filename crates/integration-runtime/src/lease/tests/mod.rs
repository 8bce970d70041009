//! Several processes and one API server that holds Leases, refuses, hangs and loses answers on request.

use std::collections::BTreeMap;

use axum::body::Body as AnswerBody;
use http::{Method, Request, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, service_fn};

use super::*;

const LEGACY_PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/theirs/leases/03c7e15b.redhat.com";
const OUR_PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/ours/leases/test-runner-0";

#[derive(Clone, Copy, PartialEq)]
enum Network {
    Works,
    Broken,
    Hangs,
}

struct Server {
    leases: BTreeMap<String, Value>,
    revision: u64,
    network: Network,
    legacy_forbidden: bool,
    writes: Vec<String>,
}

type Cluster = Arc<Mutex<Server>>;

fn cluster() -> Cluster {
    Arc::new(Mutex::new(Server {
        leases: BTreeMap::new(),
        revision: 0,
        network: Network::Works,
        legacy_forbidden: false,
        writes: Vec::new(),
    }))
}

fn client(cluster: &Cluster) -> Client {
    let cluster = Arc::clone(cluster);
    let service = service_fn(move |request: Request<Body>| {
        let cluster = Arc::clone(&cluster);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect_bytes().await?;
            let network = cluster.lock().unwrap().network;
            match network {
                Network::Works => {}
                Network::Broken => return Err(BoxError::from("no route to host")),
                Network::Hangs => std::future::pending().await,
            }
            let (status, answer) = cluster.lock().unwrap().answer(&head.method, head.uri.path(), &body);
            let mut response = Response::new(AnswerBody::from(answer.to_string()));
            *response.status_mut() = status;
            Ok(response)
        }
    });
    Client::new(service, "ours")
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
        if path == LEGACY_PATH && self.legacy_forbidden {
            return refusal(StatusCode::FORBIDDEN, "leases is forbidden");
        }
        let lease: Value = serde_json::from_slice(body).unwrap_or_default();
        let path = match *method {
            Method::POST => format!("{path}/{}", lease["metadata"]["name"].as_str().unwrap()),
            _ => path.to_owned(),
        };
        let known = self.leases.get(&path).cloned();
        match (method.as_str(), known) {
            ("GET", Some(lease)) => (StatusCode::OK, lease),
            ("GET" | "PUT", None) => refusal(StatusCode::NOT_FOUND, "not found"),
            ("POST", None) => (StatusCode::CREATED, self.store(path, lease)),
            ("PUT", Some(known)) if known["metadata"]["resourceVersion"] == lease["metadata"]["resourceVersion"] => {
                (StatusCode::OK, self.store(path, lease))
            }
            _ => refusal(StatusCode::CONFLICT, "changed meanwhile"),
        }
    }

    fn store(&mut self, path: String, mut lease: Value) -> Value {
        self.revision += 1;
        lease["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        self.writes.push(path.clone());
        self.leases.insert(path, lease.clone());
        lease
    }
}

fn refusal(status: StatusCode, message: &str) -> (StatusCode, Value) {
    let reason = match status {
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::FORBIDDEN => "Forbidden",
        _ => "Conflict",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": status.as_u16(),
    });
    (status, body)
}

fn start(cluster: &Cluster, identity: &str, metrics: &Metrics) -> Leases {
    let settings = LeaseSettings {
        program: "test-runner",
        namespace: "ours".to_owned(),
        duration: Duration::from_secs(15),
        slots: 1,
        legacy_namespace: Some("theirs".to_owned()),
        identity: identity.to_owned(),
    };
    Leases::start(&client(cluster), settings, metrics)
}

fn metrics() -> Metrics {
    Metrics::new("test-runner", "1").unwrap()
}

fn holder(cluster: &Cluster) -> Value {
    cluster.lock().unwrap().leases[OUR_PATH]["spec"]["holderIdentity"].clone()
}

async fn until(leases: &Leases, leading: bool) {
    let mut changed = leases.leadership().changed();
    tokio::time::timeout(Duration::from_mins(2), changed.wait_for(|now| *now == leading)).await.unwrap().unwrap();
}

/// Lets virtual time pass.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn legacy(cluster: &Cluster, renewed_ago: i64) {
    let renewed = Timestamp::now() - SignedDuration::from_secs(renewed_ago);
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": LEGACY_LEASE, "namespace": "theirs"},
        "spec": {"holderIdentity": "manager_1", "leaseDurationSeconds": 30, "renewTime": format!("{renewed:.6}")},
    });
    cluster.lock().unwrap().leases.insert(LEGACY_PATH.to_owned(), lease);
}

#[tokio::test(start_paused = true)]
async fn hc_24_one_of_two_replicas_leads_and_keeps_leading() {
    let cluster = cluster();
    let first = start(&cluster, "first", &metrics());
    until(&first, true).await;
    let second = start(&cluster, "second", &metrics());
    for _ in 0..60 {
        pass(1).await;
        assert!(first.leadership().is_leader() && !second.leadership().is_leader());
    }
    assert_eq!(holder(&cluster), "first");
    assert!(first.leadership().owns("any-namespace") && !second.leadership().owns("any-namespace"));
}

#[tokio::test(start_paused = true)]
async fn op_x4_a_lease_given_back_is_taken_without_waiting_for_it_to_expire() {
    let cluster = cluster();
    let first = start(&cluster, "first", &metrics());
    until(&first, true).await;
    let second = start(&cluster, "second", &metrics());
    pass(1).await;
    let leadership = first.leadership();
    let before = Instant::now();
    first.give_back().await;
    assert!(!leadership.is_leader());
    assert_eq!(holder(&cluster), Value::Null);
    until(&second, true).await;
    assert!(before.elapsed() < Duration::from_secs(5), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_silent_replica_is_replaced_after_its_lease_and_never_overlaps() {
    let cluster = cluster();
    let first = start(&cluster, "first", &metrics());
    until(&first, true).await;
    let second = start(&cluster, "second", &metrics());
    pass(1).await;
    let leadership = first.leadership();
    let before = Instant::now();
    drop(first);
    let mut fell = None;
    while !second.leadership().is_leader() {
        pass(1).await;
        fell = fell.or_else(|| (!leadership.is_leader()).then(|| before.elapsed()));
    }
    assert!(!leadership.is_leader());
    assert!(fell.unwrap() <= Duration::from_secs(10), "{fell:?}");
    assert!(before.elapsed() <= Duration::from_secs(20), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn writing_stops_at_two_thirds_when_the_api_is_away_and_starts_again_when_it_is_back() {
    for outage in [Network::Broken, Network::Hangs] {
        let cluster = cluster();
        let replica = start(&cluster, "first", &metrics());
        until(&replica, true).await;
        cluster.lock().unwrap().network = outage;
        let before = Instant::now();
        until(&replica, false).await;
        let elapsed = before.elapsed();
        assert!(elapsed >= Duration::from_secs(5) && elapsed <= Duration::from_secs(10), "{elapsed:?}");
        pass(300).await;
        assert!(!replica.leadership().is_leader());
        assert!(replica.leadership().withheld().unwrap().contains("unknown"));
        cluster.lock().unwrap().network = Network::Works;
        until(&replica, true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_by_somebody_else_is_not_written_over() {
    let cluster = cluster();
    let replica = start(&cluster, "first", &metrics());
    until(&replica, true).await;
    {
        let mut server = cluster.lock().unwrap();
        let mut lease = server.leases[OUR_PATH].clone();
        lease["spec"]["holderIdentity"] = json!("other");
        server.store(OUR_PATH.to_owned(), lease);
    }
    until(&replica, false).await;
    assert_eq!(holder(&cluster), "other");
    // The other one never renews, so it is replaced.
    until(&replica, true).await;
    assert_eq!(cluster.lock().unwrap().leases[OUR_PATH]["spec"]["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn op_x9_nothing_is_written_while_the_reference_operator_runs() {
    let cluster = cluster();
    legacy(&cluster, 5);
    let metrics = metrics();
    let replica = start(&cluster, "first", &metrics);
    // The wall clock stands still here, so the Lease stays fresh.
    pass(60).await;
    assert!(!replica.leadership().is_leader());
    assert!(cluster.lock().unwrap().writes.is_empty());
    let text = replica.leadership().withheld().unwrap();
    assert!(text.contains("theirs/03c7e15b.redhat.com is held by manager_1"), "{text}");
    assert!(metrics.encode().contains("integration_svc_writes_withheld{reason=\"legacy_lease_fresh\"} 1"));

    legacy(&cluster, 3600);
    // It was renewed before our eyes just now, whatever its time says.
    pass(20).await;
    assert!(!replica.leadership().is_leader());
    until(&replica, true).await;
    assert_eq!(replica.leadership().withheld(), None);
    assert!(metrics.encode().contains("integration_svc_writes_withheld{reason=\"legacy_lease_fresh\"} 0"));
}

#[tokio::test(start_paused = true)]
async fn api_b38_a_leader_stops_within_ten_seconds_once_the_reference_operator_starts() {
    let cluster = cluster();
    let replica = start(&cluster, "first", &metrics());
    until(&replica, true).await;
    legacy(&cluster, 0);
    let before = Instant::now();
    until(&replica, false).await;
    assert!(before.elapsed() <= Duration::from_secs(10));
    let writes = cluster.lock().unwrap().writes.len();
    pass(60).await;
    assert_eq!(cluster.lock().unwrap().writes.len(), writes);
}

#[tokio::test(start_paused = true)]
async fn d_10_a_lease_that_may_not_be_read_withholds_and_ignoring_it_overrides() {
    let cluster = cluster();
    cluster.lock().unwrap().legacy_forbidden = true;
    let metrics = metrics();
    let replica = start(&cluster, "first", &metrics);
    pass(30).await;
    assert!(!replica.leadership().is_leader());
    let text = replica.leadership().withheld().unwrap();
    assert!(text.contains("grant get") && text.contains("--ignore-legacy-lease"), "{text}");
    assert!(metrics.encode().contains("integration_svc_writes_withheld{reason=\"legacy_lease_unreadable\"} 1"));
    drop(replica);

    let settings = LeaseSettings {
        program: "test-runner",
        namespace: "ours".to_owned(),
        duration: Duration::from_secs(15),
        slots: 1,
        legacy_namespace: None,
        identity: "second".to_owned(),
    };
    let replica = Leases::start(&client(&cluster), settings, &metrics);
    until(&replica, true).await;
    assert!(metrics.encode().contains("integration_svc_leader{slot=\"0\"} 1"));
}

#[tokio::test]
async fn a_program_without_leases_can_ask_once() {
    let cluster = cluster();
    assert_eq!(look_at_legacy_lease(&client(&cluster), "theirs").await.unwrap(), LegacyLease::Absent);
    legacy(&cluster, 5);
    let fresh = LegacyLease::Fresh { holder: "manager_1".to_owned() };
    assert_eq!(look_at_legacy_lease(&client(&cluster), "theirs").await.unwrap(), fresh);
    cluster.lock().unwrap().legacy_forbidden = true;
    assert_eq!(look_at_legacy_lease(&client(&cluster), "theirs").await.unwrap(), LegacyLease::Forbidden);
}

#[test]
fn two_starts_never_share_an_identity() {
    assert_ne!(identity(), identity());
    assert!(identity().contains('_'));
}
