use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body as AnswerBody;
use http::{Request, Response as HttpResponse};
use kube::client::Body;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tower::{BoxError, service_fn};

use super::*;

struct Fixed {
    healthy: Result<(), String>,
    ready: Result<(), String>,
    notice: Option<String>,
}

impl Health for Fixed {
    fn healthy(&self) -> Result<(), String> {
        self.healthy.clone()
    }
    fn ready(&self) -> Result<(), String> {
        self.ready.clone()
    }
    fn notice(&self) -> Option<String> {
        self.notice.clone()
    }
    fn debug_state(&self) -> Value {
        json!({"caches": 3})
    }
}

fn fine() -> Fixed {
    Fixed { healthy: Ok(()), ready: Ok(()), notice: None }
}

/// Knows the token `good`, and lets its user read.
fn api_server() -> kube::Client {
    let service = service_fn(async |request: Request<Body>| {
        let mut answer: Value = serde_json::from_slice(&request.into_body().collect_bytes().await?)?;
        answer["status"] = match answer["spec"]["token"].as_str() {
            Some("good") => json!({"authenticated": true, "user": {"username": "prometheus"}}),
            Some(_) => json!({"authenticated": false}),
            None => json!({"allowed": true}),
        };
        Ok::<_, BoxError>(HttpResponse::new(AnswerBody::from(answer.to_string())))
    });
    kube::Client::new(service, "ours")
}

async fn bind(args: &AdminArgs, health: Fixed) -> Result<Admin, AdminError> {
    let metrics = Metrics::new("test-runner", "1").unwrap();
    Admin::bind(args, metrics, Arc::new(health), api_server()).await
}

fn plain() -> AdminArgs {
    AdminArgs { admin_addr: "127.0.0.1:0".parse().unwrap(), admin_plain_http: true, admin_cert_dir: None }
}

async fn started(args: &AdminArgs, health: Fixed) -> SocketAddr {
    let admin = bind(args, health).await.unwrap();
    let addr = admin.addr();
    tokio::spawn(admin.serve());
    addr
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, path: &str, headers: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

async fn ask_plain(addr: SocketAddr, path: &str) -> String {
    ask(TcpStream::connect(addr).await.unwrap(), path, "").await
}

#[tokio::test]
async fn plain_http_serves_everything_without_a_login() {
    let addr = started(&plain(), fine()).await;
    let metrics = ask_plain(addr, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200 "), "{metrics}");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("integration_svc_build_info{program=\"test-runner\",version=\"1\"} 1"), "{metrics}");
    assert!(ask_plain(addr, "/healthz").await.ends_with("\r\n\r\nok\n"));
    assert!(ask_plain(addr, "/readyz").await.ends_with("\r\n\r\nok\n"));
    assert!(ask_plain(addr, "/debug/state").await.ends_with("{\"caches\":3}"));
    assert!(ask_plain(addr, "/").await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn op_x3_health_and_readiness_say_what_is_wrong() {
    let ill = Fixed {
        healthy: Err("watch of Snapshot stands still".to_owned()),
        ready: Err("waiting for the first list of Component".to_owned()),
        notice: None,
    };
    let addr = started(&plain(), ill).await;
    let health = ask_plain(addr, "/healthz").await;
    assert!(health.starts_with("HTTP/1.1 503 ") && health.contains("watch of Snapshot stands still"), "{health}");
    let ready = ask_plain(addr, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("first list of Component"), "{ready}");
}

#[tokio::test]
async fn op_x9_a_ready_replica_that_may_not_write_says_so() {
    let addr = started(&plain(), Fixed { notice: Some("nothing is written: …".to_owned()), ..fine() }).await;
    let ready = ask_plain(addr, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200 ") && ready.ends_with("ok\nnothing is written: …\n"), "{ready}");
}

#[tokio::test]
async fn the_state_is_for_this_machine_only() {
    let process = Arc::new(Process {
        metrics: Metrics::new("test-runner", "1").unwrap(),
        health: Arc::new(fine()),
        reviewer: None,
    });
    for (peer, status) in [
        ("127.0.0.1:1", StatusCode::OK),
        ("[::1]:1", StatusCode::OK),
        ("[::ffff:127.0.0.1]:1", StatusCode::OK),
        ("10.0.0.7:1", StatusCode::FORBIDDEN),
    ] {
        let answer = state_page(State(Arc::clone(&process)), ConnectInfo(Peer(peer.parse().unwrap()))).await;
        assert_eq!(answer.status(), status, "{peer}");
    }
}

#[tokio::test]
async fn a_port_taken_is_an_error_that_says_what_to_do() {
    let first = bind(&plain(), fine()).await.unwrap();
    let args = AdminArgs { admin_addr: first.addr(), ..plain() };
    let error = bind(&args, fine()).await.unwrap_err().to_string();
    assert!(error.contains(&first.addr().to_string()) && error.contains("--admin-addr"), "{error}");
}

/// A folder of its own with a fresh certificate for `localhost`; returns the certificate too.
struct CertFolder(PathBuf);

impl CertFolder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("admin-certs-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn renew(&self) -> CertificateDer<'static> {
        let fresh = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(self.0.join("tls.crt"), fresh.cert.pem()).unwrap();
        std::fs::write(self.0.join("tls.key"), fresh.signing_key.serialize_pem()).unwrap();
        fresh.cert.der().clone()
    }

    fn args(&self) -> AdminArgs {
        AdminArgs { admin_plain_http: false, admin_cert_dir: Some(self.0.clone()), ..plain() }
    }
}

impl Drop for CertFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn ask_tls(addr: SocketAddr, trusted: &CertificateDer<'static>, path: &str, headers: &str) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect(addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    Ok(ask(stream, path, headers).await)
}

#[tokio::test]
async fn op_x8_metrics_need_a_login_over_https_and_health_does_not() {
    let folder = CertFolder::new();
    let trusted = folder.renew();
    let addr = started(&folder.args(), fine()).await;
    let none = ask_tls(addr, &trusted, "/metrics", "").await.unwrap();
    assert!(none.starts_with("HTTP/1.1 401 ") && none.contains("www-authenticate: Bearer"), "{none}");
    let wrong = ask_tls(addr, &trusted, "/metrics", "Authorization: Bearer bad\r\n").await.unwrap();
    assert!(wrong.starts_with("HTTP/1.1 401 ") && !wrong.contains("integration_svc_"), "{wrong}");
    let right = ask_tls(addr, &trusted, "/metrics", "Authorization: bearer good\r\n").await.unwrap();
    assert!(right.starts_with("HTTP/1.1 200 ") && right.contains("integration_svc_build_info"), "{right}");
    let health = ask_tls(addr, &trusted, "/healthz", "").await.unwrap();
    assert!(health.ends_with("ok\n"), "{health}");
}

#[tokio::test]
async fn a_client_that_dawdles_with_tls_holds_up_nobody() {
    let folder = CertFolder::new();
    let trusted = folder.renew();
    let addr = started(&folder.args(), fine()).await;
    let _dawdling = TcpStream::connect(addr).await.unwrap();
    assert!(ask_tls(addr, &trusted, "/healthz", "").await.unwrap().ends_with("ok\n"));
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_used_and_a_broken_one_is_not() {
    let folder = CertFolder::new();
    let old = folder.renew();
    let addr = started(&folder.args(), fine()).await;
    std::fs::write(folder.0.join("tls.key"), "half a fi").unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(ask_tls(addr, &old, "/healthz", "").await.is_ok());
    let new = folder.renew();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(ask_tls(addr, &old, "/healthz", "").await.is_err());
    assert!(ask_tls(addr, &new, "/healthz", "").await.is_ok());
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_an_error_that_names_the_file() {
    let folder = CertFolder::new();
    let error = bind(&folder.args(), fine()).await.unwrap_err().to_string();
    assert!(error.contains("tls.crt"), "{error}");
    folder.renew();
    let first = std::fs::read(folder.0.join("tls.crt")).unwrap();
    folder.renew();
    std::fs::write(folder.0.join("tls.crt"), first).unwrap();
    let error = bind(&folder.args(), fine()).await.unwrap_err().to_string();
    assert!(error.contains("tls.key"), "{error}");
}

#[tokio::test]
async fn without_a_folder_there_is_https_all_the_same() {
    let args = AdminArgs { admin_plain_http: false, ..plain() };
    let addr = started(&args, fine()).await;
    let answer = ask_plain(addr, "/healthz").await;
    assert!(!answer.contains("200"), "{answer}");
    let other = CertFolder::new().renew();
    // A certificate is presented, and it is not one that anybody trusts.
    let error = ask_tls(addr, &other, "/healthz", "").await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
}
