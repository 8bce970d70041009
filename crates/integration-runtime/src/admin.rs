//! The admin server: `/metrics`, `/healthz`, `/readyz`, and `/debug/state` for this machine only (OP-X3, OP-X8).
//!
//! HTTPS by default, with the certificate of `--admin-cert-dir` or a self-signed one. `/metrics` is served to whoever the
//! Kubernetes API server authenticates (TokenReview) and allows `get` on the path `/metrics` (SubjectAccessReview);
//! health needs no login. `--admin-plain-http` leaves out both.

mod auth;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::IncomingStream;
use thiserror::Error;
use tokio::net::TcpListener;

use crate::args::AdminArgs;
use crate::metrics::Metrics;
use auth::{Reviewer, Verdict};
use tls::TlsListener;

/// What the admin server tells about a process.
pub trait Health: Send + Sync + 'static {
    /// Whether every watch and queue makes progress; else what does not. A pod that says no is restarted.
    fn healthy(&self) -> Result<(), String>;
    /// Whether this replica could do its work now; else what it waits for.
    fn ready(&self) -> Result<(), String>;
    /// Something to know although the replica is ready, such as why it does not write (OP-X9).
    fn notice(&self) -> Option<String> {
        None
    }
    /// State for people who look for a defect; no secrets.
    fn debug_state(&self) -> serde_json::Value;
}

/// Why the admin server could not start.
#[derive(Debug, Error)]
pub enum AdminError {
    /// Another process listens there.
    #[error(
        "cannot listen on {addr}: the port is taken; stop the program that has it, or choose another address with --admin-addr (ADMIN_ADDR); port 0 takes any free one"
    )]
    PortTaken {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address cannot be used.
    #[error("cannot listen on {addr}: {source}; choose another address with --admin-addr (ADMIN_ADDR)")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("certificate {}: {reason}", path.display())]
    Certificate {
        /// The file that is wrong.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up at all.
    #[error("TLS: {0}")]
    Tls(String),
}

/// An admin server that listens already.
#[derive(Debug)]
pub struct Admin {
    addr: SocketAddr,
    listener: Listener,
    pages: Router,
}

#[derive(Debug)]
enum Listener {
    Plain(TcpListener),
    Tls(TlsListener),
}

impl Admin {
    /// Listens, and loads or makes the certificate. The client is asked who may read `/metrics`.
    pub async fn bind(
        args: &AdminArgs,
        metrics: Metrics,
        health: Arc<dyn Health>,
        client: kube::Client,
    ) -> Result<Self, AdminError> {
        let addr = args.admin_addr;
        let tcp = TcpListener::bind(addr).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => AdminError::PortTaken { addr },
            _ => AdminError::Listen { addr, source },
        })?;
        let addr = tcp.local_addr().map_err(|source| AdminError::Listen { addr, source })?;
        let (listener, reviewer) = if args.admin_plain_http {
            (Listener::Plain(tcp), None)
        } else {
            let listener = TlsListener::start(tcp, addr, args.admin_cert_dir.as_deref())?;
            (Listener::Tls(listener), Some(Reviewer::new(client)))
        };
        tracing::info!(%addr, tls = !args.admin_plain_http, "admin server listens");
        let pages = pages(Arc::new(Process { metrics, health, reviewer }));
        Ok(Self { addr, listener, pages })
    }

    /// The address it listens on, with the real port.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers until dropped.
    pub async fn serve(self) {
        let pages = self.pages.into_make_service_with_connect_info::<Peer>();
        let end = match self.listener {
            Listener::Plain(listener) => axum::serve(listener, pages).await,
            Listener::Tls(listener) => axum::serve(listener, pages).await,
        };
        if let Err(error) = end {
            tracing::error!(%error, "the admin server ended");
        }
    }
}

/// Address of who asks.
#[derive(Clone, Copy, Debug)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

struct Process {
    metrics: Metrics,
    health: Arc<dyn Health>,
    /// `None` = everybody may read the metrics.
    reviewer: Option<Reviewer>,
}

fn pages(process: Arc<Process>) -> Router {
    Router::new()
        .route("/metrics", get(metrics_page))
        .route("/healthz", get(health_page))
        .route("/readyz", get(ready_page))
        .route("/debug/state", get(state_page))
        .with_state(process)
}

async fn metrics_page(State(process): State<Arc<Process>>, headers: HeaderMap) -> Response {
    if let Some(reviewer) = &process.reviewer
        && let Err(refusal) = admit(reviewer, &headers).await
    {
        return refusal;
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], process.metrics.encode()).into_response()
}

/// 401 without a valid token, 403 without the right, 503 while nobody can tell.
async fn admit(reviewer: &Reviewer, headers: &HeaderMap) -> Result<(), Response> {
    let login =
        |text: &'static str| (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], text).into_response();
    let Some(token) = bearer(headers) else {
        return Err(login("send a bearer token of a user who may get the path /metrics\n"));
    };
    match reviewer.review(token).await {
        Ok(Verdict::Allowed) => Ok(()),
        Ok(Verdict::Unknown) => Err(login("the token is not valid\n")),
        Ok(Verdict::Denied { user }) => {
            Err((StatusCode::FORBIDDEN, format!("{user} may not get the path /metrics\n")).into_response())
        }
        Err(error) => {
            tracing::warn!(%error, "cannot check who reads the metrics");
            Err((StatusCode::SERVICE_UNAVAILABLE, "the API server cannot be asked who you are\n").into_response())
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

async fn health_page(State(process): State<Arc<Process>>) -> Response {
    answer(process.health.healthy(), None)
}

async fn ready_page(State(process): State<Arc<Process>>) -> Response {
    answer(process.health.ready(), process.health.notice())
}

fn answer(state: Result<(), String>, notice: Option<String>) -> Response {
    match (state, notice) {
        (Ok(()), None) => "ok\n".into_response(),
        (Ok(()), Some(notice)) => format!("ok\n{notice}\n").into_response(),
        (Err(reason), _) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

async fn state_page(State(process): State<Arc<Process>>, ConnectInfo(Peer(peer)): ConnectInfo<Peer>) -> Response {
    if !peer.ip().to_canonical().is_loopback() {
        return (StatusCode::FORBIDDEN, "only for this machine: use kubectl exec or port-forward\n").into_response();
    }
    ([(header::CONTENT_TYPE, "application/json")], process.health.debug_state().to_string()).into_response()
}

#[cfg(test)]
mod tests;
