//! Faults on purpose, for end-to-end tests: kills the process, delays, fails or drops the n-th write, or lets caches lag.
//!
//! A *write* is a POST, PATCH, PUT or DELETE, except on leases, tokenreviews and subjectaccessreviews, which a program
//! sends by the clock. Writes are numbered from 1 over the life of the process.
//!
//! | variable | effect |
//! |---|---|
//! | `FAULT_KILL_BEFORE=n` | the process aborts right before write n is sent |
//! | `FAULT_KILL_AFTER=n` | … right after write n was answered |
//! | `FAULT_FAIL=n:code` | write n is answered with that HTTP status and not sent |
//! | `FAULT_DROP_RESPONSE=n` | write n is sent, and its caller sees a broken connection |
//! | `FAULT_CONFLICT_ONCE=1` | the first PATCH or POST of every path, POSTs of Events excepted, is answered 409 and not sent |
//! | `FAULT_DELAY_MS=n` | every write waits so long before it is sent |
//! | `FAULT_STALE_MS=n` | every change a watch reports reaches the caches so long after it came; lists, and the responses of own writes, at once |
//! | `FAULT_LOG=file` | a line `k METHOD path` is appended for every write, before anything else happens to it |
//!
//! The retries of the Kubernetes client happen below this layer: a caller sees what is injected here.

use std::collections::HashSet;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::future::poll_fn;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use thiserror::Error;
use tower::{BoxError, Layer, Service};

use crate::layers::ApiCall;

mod late;

pub(crate) use late::late;

#[cfg(not(debug_assertions))]
compile_error!("feature `fault` lets the environment kill the process; it never goes into a release build");

/// Resources whose writes are neither counted nor touched.
const BY_THE_CLOCK: [&str; 3] = ["leases", "tokenreviews", "subjectaccessreviews"];

/// What to do to which write; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Abort right before this write is sent.
    pub kill_before: Option<u64>,
    /// Abort right after this write was answered.
    pub kill_after: Option<u64>,
    /// Answer this write with this status instead of sending it.
    pub fail: Option<(u64, StatusCode)>,
    /// Send this write and lose its answer.
    pub drop_response: Option<u64>,
    /// Answer the first PATCH or POST of every path with 409 instead of sending it. An Event that exists already is
    /// never sent again, so Events are left out.
    pub conflict_once: bool,
    /// Wait so long before every write.
    pub delay: Option<Duration>,
    /// Let what watches report reach the caches so much later.
    pub stale: Option<Duration>,
    /// Append a line for every write to this file.
    pub log: Option<PathBuf>,
}

/// A variable that cannot be used.
#[derive(Debug, Error)]
#[error("{variable}={value}: {reason}")]
pub struct FaultError {
    variable: &'static str,
    value: String,
    reason: String,
}

impl Faults {
    /// What the environment asks for.
    pub fn from_env() -> Result<Self, FaultError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the `FAULT_…` variables through `variable`.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, FaultError> {
        let read = |name| variable(name).map(|value| Value { variable: name, value });
        Ok(Self {
            kill_before: read("FAULT_KILL_BEFORE").map(Value::number).transpose()?,
            kill_after: read("FAULT_KILL_AFTER").map(Value::number).transpose()?,
            fail: read("FAULT_FAIL").map(Value::number_and_status).transpose()?,
            drop_response: read("FAULT_DROP_RESPONSE").map(Value::number).transpose()?,
            conflict_once: read("FAULT_CONFLICT_ONCE").map(Value::switch).transpose()?.unwrap_or(false),
            delay: read("FAULT_DELAY_MS").map(Value::number).transpose()?.map(Duration::from_millis),
            stale: read("FAULT_STALE_MS").map(Value::number).transpose()?.map(Duration::from_millis),
            log: variable("FAULT_LOG").map(PathBuf::from),
        })
    }
}

struct Value {
    variable: &'static str,
    value: String,
}

impl Value {
    fn number(self) -> Result<u64, FaultError> {
        match self.value.parse() {
            Ok(n) if n > 0 => Ok(n),
            _ => self.refused("a whole number from 1"),
        }
    }

    fn number_and_status(self) -> Result<(u64, StatusCode), FaultError> {
        let parts = self.value.split_once(':').and_then(|(n, code)| Some((n.parse().ok()?, code.parse().ok()?)));
        match parts {
            Some((n, status)) if n > 0 => Ok((n, status)),
            _ => self.refused("the number of a write and an HTTP status, as in 3:500"),
        }
    }

    fn switch(self) -> Result<bool, FaultError> {
        match self.value.as_str() {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => self.refused("1 or 0"),
        }
    }

    fn refused<T>(self, wanted: &str) -> Result<T, FaultError> {
        Err(FaultError { variable: self.variable, value: self.value, reason: format!("{wanted} is wanted") })
    }
}

/// Puts [`Faults`] between a client and its service. All services of one layer count together.
#[derive(Clone)]
pub struct FaultLayer {
    shared: Arc<Shared>,
}

impl FaultLayer {
    /// The faults the environment asks for.
    ///
    /// Fails on a value that means nothing, and where the log cannot be opened.
    pub fn from_env() -> Result<Self, FaultError> {
        let faults = Faults::from_env()?;
        let log = faults.log.clone();
        Self::new(faults).map_err(|error| FaultError {
            variable: "FAULT_LOG",
            value: log.unwrap_or_default().display().to_string(),
            reason: error.to_string(),
        })
    }

    /// Those faults. Fails where the log cannot be opened.
    pub fn new(faults: Faults) -> io::Result<Self> {
        let open = |path| OpenOptions::new().create(true).append(true).open(path);
        let log = faults.log.as_ref().map(open).transpose()?;
        Ok(Self { shared: Arc::new(Shared { faults, state: Mutex::new(State { log, ..State::default() }) }) })
    }
}

impl fmt::Debug for FaultLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FaultLayer").field(&self.shared.faults).finish()
    }
}

impl<S> Layer<S> for FaultLayer {
    type Service = FaultService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        FaultService { inner: Arc::new(tokio::sync::Mutex::new(inner)), shared: Arc::clone(&self.shared) }
    }
}

/// The service [`FaultLayer`] makes.
pub struct FaultService<S> {
    // The client's service cannot be copied, and a delayed request calls it later.
    inner: Arc<tokio::sync::Mutex<S>>,
    shared: Arc<Shared>,
}

impl<S, B, R> Service<Request<B>> for FaultService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        let plan = self.shared.plan(request.method(), request.uri());
        Box::pin(async move {
            if let Some(delay) = plan.delay {
                tokio::time::sleep(delay).await;
            }
            if plan.kill_before {
                std::process::abort();
            }
            if let Some(status) = plan.answer {
                return Ok(refusal(status, request.method()));
            }
            let sent = {
                let mut inner = inner.lock().await;
                poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Into::into)?;
                inner.call(request)
            };
            let answer = sent.await;
            if plan.kill_after {
                std::process::abort();
            }
            if plan.drop_response {
                return Err(
                    io::Error::new(io::ErrorKind::ConnectionReset, "response dropped by FAULT_DROP_RESPONSE").into()
                );
            }
            answer.map(|response| response.map(Body::new)).map_err(Into::into)
        })
    }
}

#[derive(Default)]
struct State {
    writes: u64,
    refused_once: HashSet<String>,
    log: Option<File>,
}

struct Shared {
    faults: Faults,
    state: Mutex<State>,
}

/// What happens to one request.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    delay: Option<Duration>,
    kill_before: bool,
    answer: Option<StatusCode>,
    kill_after: bool,
    drop_response: bool,
}

impl Shared {
    fn plan(&self, method: &Method, uri: &http::Uri) -> Plan {
        let kind = ApiCall::of(method, uri).kind;
        let write = matches!(*method, Method::POST | Method::PATCH | Method::PUT | Method::DELETE);
        if !write || BY_THE_CLOCK.contains(&kind.as_ref()) {
            return Plan::default();
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.writes += 1;
        let k = state.writes;
        if let Some(log) = &mut state.log
            && let Err(error) = log.write_all(format!("{k} {method} {}\n", uri.path()).as_bytes())
        {
            tracing::error!(%error, "FAULT_LOG cannot be written");
        }
        let faults = &self.faults;
        let meets_another = *method == Method::PATCH || *method == Method::POST && kind != "events";
        let conflict = faults.conflict_once && meets_another && state.refused_once.insert(uri.path().to_owned());
        let failure = faults.fail.filter(|(n, _)| *n == k).map(|(_, status)| status);
        Plan {
            delay: faults.delay,
            kill_before: faults.kill_before == Some(k),
            answer: failure.or(conflict.then_some(StatusCode::CONFLICT)),
            kill_after: faults.kill_after == Some(k),
            drop_response: faults.drop_response == Some(k),
        }
    }
}

/// An answer as the API server words it.
fn refusal(status: StatusCode, method: &Method) -> Response<Body> {
    let reason = match status.as_u16() {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 if method == Method::POST => "AlreadyExists",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    };
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "refused by fault injection", "reason": reason, "code": status.as_u16(),
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests;
