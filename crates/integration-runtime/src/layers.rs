//! Layers around the Kubernetes client: what is sent, in terms of the API rather than of HTTP.

use std::borrow::Cow;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::{Method, Request, Response, Uri};
use tower::{Layer, Service};

use crate::metrics::Metrics;

/// Counts requests in `integration_svc_api_requests_total{verb,kind,code}`.
#[derive(Clone, Debug)]
pub struct MetricsLayer {
    metrics: Metrics,
}

impl MetricsLayer {
    /// Counts into those metrics.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics }
    }
}

impl<S> Layer<S> for MetricsLayer {
    type Service = MetricsService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MetricsService { inner, metrics: self.metrics.clone() }
    }
}

/// The service [`MetricsLayer`] makes.
#[derive(Clone, Debug)]
pub struct MetricsService<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, B, R> Service<Request<B>> for MetricsService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    R: 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = ApiCall::of(request.method(), request.uri());
        let metrics = self.metrics.clone();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            match &answer {
                Ok(response) => metrics.api_request(call.verb, &call.kind, response.status().as_str()),
                Err(_) => metrics.api_request(call.verb, &call.kind, "error"),
            }
            answer
        })
    }
}

/// A request in the words of the Kubernetes API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiCall {
    /// `get`, `list`, `watch`, `create`, `patch`, `update`, `delete`, `deletecollection`, or `other`.
    pub verb: &'static str,
    /// Resource in the plural, with its subresource: `snapshots`, `snapshots/status`; `other` outside resources.
    pub kind: Cow<'static, str>,
}

impl ApiCall {
    /// Reads method, path and query. What is no resource path is `other`, so that labels stay bounded.
    pub fn of(method: &Method, uri: &Uri) -> Self {
        let Some(resource) = ResourcePath::parse(uri.path()) else {
            return Self { verb: verb(method, true, false), kind: Cow::Borrowed("other") };
        };
        let watch =
            uri.query().is_some_and(|query| query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1")));
        let kind = match resource.subresource {
            Some(subresource) => format!("{}/{subresource}", resource.plural),
            None => resource.plural.to_owned(),
        };
        Self { verb: verb(method, resource.named, watch), kind: Cow::Owned(kind) }
    }
}

fn verb(method: &Method, named: bool, watch: bool) -> &'static str {
    match (method.as_str(), named) {
        ("GET", _) if watch => "watch",
        ("GET", true) => "get",
        ("GET", false) => "list",
        ("POST", _) => "create",
        ("PATCH", _) => "patch",
        ("PUT", _) => "update",
        ("DELETE", true) => "delete",
        ("DELETE", false) => "deletecollection",
        _ => "other",
    }
}

struct ResourcePath<'p> {
    plural: &'p str,
    named: bool,
    subresource: Option<&'p str>,
}

impl<'p> ResourcePath<'p> {
    fn parse(path: &'p str) -> Option<Self> {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match parts.next()? {
            "api" => {
                parts.next()?;
            }
            "apis" => {
                parts.next()?;
                parts.next()?;
            }
            _ => return None,
        }
        let rest: Vec<&str> = parts.collect();
        let inside = match rest.as_slice() {
            // The namespace object itself and its own subresources.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => rest.as_slice(),
            ["namespaces", _, inside @ ..] => inside,
            all => all,
        };
        let (plural, named, subresource) = match inside {
            [plural] => (*plural, false, None),
            [plural, _] => (*plural, true, None),
            [plural, _, subresource] => (*plural, true, Some(*subresource)),
            _ => return None,
        };
        let word = |text: &str| text.len() <= 63 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        (word(plural) && subresource.is_none_or(word)).then_some(Self { plural, named, subresource })
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::io;

    use http::StatusCode;
    use rstest::rstest;
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[rstest]
    #[case("GET", "/api/v1/namespaces/team/secrets/token", "get", "secrets")]
    #[case("GET", "/api/v1/namespaces/team/secrets?limit=500", "list", "secrets")]
    #[case("GET", "/apis/tekton.dev/v1/pipelineruns?&limit=500", "list", "pipelineruns")]
    #[case("GET", "/apis/tekton.dev/v1/pipelineruns?labelSelector=a&watch=true", "watch", "pipelineruns")]
    #[case("GET", "/apis/tekton.dev/v1/pipelineruns?labelSelector=watch%3Dtrue", "list", "pipelineruns")]
    #[case("POST", "/apis/tekton.dev/v1/namespaces/team/pipelineruns", "create", "pipelineruns")]
    #[case(
        "PATCH",
        "/apis/appstudio.redhat.com/v1alpha1/namespaces/t/snapshots/s/status?",
        "patch",
        "snapshots/status"
    )]
    #[case("PUT", "/apis/coordination.k8s.io/v1/namespaces/x/leases/test-runner-0", "update", "leases")]
    #[case("DELETE", "/apis/appstudio.redhat.com/v1alpha1/namespaces/t/snapshots/s", "delete", "snapshots")]
    #[case("DELETE", "/apis/appstudio.redhat.com/v1alpha1/namespaces/t/snapshots", "deletecollection", "snapshots")]
    #[case("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "create", "tokenreviews")]
    #[case("GET", "/api/v1/namespaces", "list", "namespaces")]
    #[case("GET", "/api/v1/namespaces/team", "get", "namespaces")]
    #[case("GET", "/api/v1/namespaces/team/status", "get", "namespaces/status")]
    #[case("GET", "/version", "get", "other")]
    #[case("GET", "/apis/tekton.dev", "get", "other")]
    #[case("GET", "/api/v1/namespaces/team/Odd_Kind/x", "get", "other")]
    #[case("OPTIONS", "/api/v1/namespaces/team/secrets", "other", "secrets")]
    fn d_15_a_request_is_named_by_its_resource_never_by_an_object(
        #[case] method: &str,
        #[case] uri: &str,
        #[case] verb: &str,
        #[case] kind: &str,
    ) {
        let call = ApiCall::of(&method.parse().unwrap(), &uri.parse().unwrap());
        assert_eq!((call.verb, call.kind.as_ref()), (verb, kind));
    }

    fn get(uri: &str) -> Request<()> {
        Request::get(uri).body(()).unwrap()
    }

    #[tokio::test]
    async fn answers_and_failures_are_counted_with_their_code() {
        let metrics = Metrics::new("test-runner", "1").unwrap();
        let layer = MetricsLayer::new(metrics.clone());
        let missing = layer.layer(service_fn(async |_: Request<()>| {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::NOT_FOUND;
            Ok::<_, Infallible>(response)
        }));
        let unreachable = layer
            .layer(service_fn(async |_: Request<()>| Err::<Response<()>, _>(io::Error::from(io::ErrorKind::TimedOut))));
        missing.clone().oneshot(get("/api/v1/namespaces/a/secrets/x")).await.unwrap();
        missing.oneshot(get("/api/v1/namespaces/b/secrets/y")).await.unwrap();
        unreachable.oneshot(get("/api/v1/namespaces/b/secrets")).await.unwrap_err();
        let text = metrics.encode();
        for line in [
            "integration_svc_api_requests_total{code=\"404\",kind=\"secrets\",verb=\"get\"} 2",
            "integration_svc_api_requests_total{code=\"error\",kind=\"secrets\",verb=\"list\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
