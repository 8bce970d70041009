//! Who may read the metrics: asks the API server, and remembers the answer for a moment.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// How long an answer counts.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How long a question may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Answers remembered at once.
const ANSWERS: usize = 512;
/// Questions at once: whoever sends made-up tokens must not keep the API server busy.
const QUESTIONS: usize = 8;

/// The hash of a token. Tokens themselves are neither kept nor logged.
type TokenHash = [u8; 32];

/// What the API server says about a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// May read.
    Allowed,
    /// Nobody's token.
    Unknown,
    /// Somebody's token, who may not read.
    Denied {
        /// Name of the user.
        user: String,
    },
}

/// Asks with TokenReview and SubjectAccessReview (OP-X8).
pub(super) struct Reviewer {
    client: Client,
    answers: Mutex<HashMap<TokenHash, (Instant, Verdict)>>,
    questions: Semaphore,
}

impl Reviewer {
    pub(super) fn new(client: Client) -> Self {
        Self { client, answers: Mutex::default(), questions: Semaphore::new(QUESTIONS) }
    }

    /// Whether that token may read `/metrics`. Fails where the API server gives no answer; failures are not remembered.
    pub(super) async fn review(&self, token: &str) -> Result<Verdict, String> {
        let hash: TokenHash = Sha256::digest(token.as_bytes()).into();
        if let Some(verdict) = self.remembered(&hash) {
            return Ok(verdict);
        }
        let asked = Instant::now();
        let verdict = timeout(TIMEOUT, async {
            let _turn = self.questions.acquire().await.map_err(|error| error.to_string())?;
            self.ask(token).await.map_err(|error| error.to_string())
        })
        .await
        .map_err(|_| "the API server did not answer in time".to_owned())??;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, (since, _)| since.elapsed() < REMEMBERED);
        if answers.len() < ANSWERS {
            answers.insert(hash, (asked, verdict.clone()));
        }
        Ok(verdict)
    }

    fn remembered(&self, hash: &TokenHash) -> Option<Verdict> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(hash).filter(|(since, _)| since.elapsed() < REMEMBERED).map(|(_, verdict)| verdict.clone())
    }

    async fn ask(&self, token: &str) -> kube::Result<Verdict> {
        let params = PostParams::default();
        let question = TokenReview {
            spec: TokenReviewSpec { token: token.to_owned(), audiences: None },
            ..TokenReview::default()
        };
        let review = Api::<TokenReview>::all(self.client.clone()).create(&params, &question).await?;
        let user = review.status.filter(|status| status.authenticated == Some(true)).and_then(|status| status.user);
        let Some(UserInfo { username: Some(user), uid, groups, extra }) = user else { return Ok(Verdict::Unknown) };
        let question = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(user.clone()),
                uid,
                groups,
                extra,
                non_resource_attributes: Some(NonResourceAttributes {
                    path: Some("/metrics".to_owned()),
                    verb: Some("get".to_owned()),
                }),
                resource_attributes: None,
            },
            ..SubjectAccessReview::default()
        };
        let review = Api::<SubjectAccessReview>::all(self.client.clone()).create(&params, &question).await?;
        let allowed = review.status.is_some_and(|status| status.allowed && status.denied != Some(true));
        Ok(if allowed { Verdict::Allowed } else { Verdict::Denied { user } })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::body::Body as AnswerBody;
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use tower::{BoxError, service_fn};

    use super::*;

    type Questions = Arc<Mutex<Vec<Value>>>;

    /// An API server that knows the tokens `good` (prometheus) and `weak` (guest), and lets only prometheus read.
    fn reviewer() -> (Reviewer, Questions) {
        let questions = Questions::default();
        let asked = Arc::clone(&questions);
        let service = service_fn(move |request: Request<Body>| {
            let asked = Arc::clone(&asked);
            async move {
                let question: Value = serde_json::from_slice(&request.into_body().collect_bytes().await?)?;
                let status = match (question["spec"]["token"].as_str(), question["spec"]["user"].as_str()) {
                    (Some("good"), _) => {
                        json!({"authenticated": true, "user": {"username": "prometheus", "uid": "7", "groups": ["g"], "extra": {"k": ["v"]}}})
                    }
                    (Some("weak"), _) => json!({"authenticated": true, "user": {"username": "guest"}}),
                    (Some("broken"), _) => return Err(BoxError::from("no route to host")),
                    (Some(_), _) => json!({"error": "who is that?"}),
                    (None, user) => json!({"allowed": user == Some("prometheus")}),
                };
                asked.lock().unwrap().push(question.clone());
                let mut answer = question;
                answer["status"] = status;
                Ok::<_, BoxError>(Response::new(AnswerBody::from(answer.to_string())))
            }
        });
        (Reviewer::new(Client::new(service, "ours")), questions)
    }

    // OP-10
    #[tokio::test]
    async fn op_x8_the_api_server_decides_with_everything_it_knows_about_the_user() {
        let (reviewer, questions) = reviewer();
        assert_eq!(reviewer.review("good").await, Ok(Verdict::Allowed));
        assert_eq!(
            questions.lock().unwrap()[1]["spec"],
            json!({
                "user": "prometheus", "uid": "7", "groups": ["g"], "extra": {"k": ["v"]},
                "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
            })
        );
        assert_eq!(reviewer.review("weak").await, Ok(Verdict::Denied { user: "guest".to_owned() }));
        assert_eq!(reviewer.review("made-up").await, Ok(Verdict::Unknown));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_for_ten_seconds_and_a_failure_not_at_all() {
        let (reviewer, questions) = reviewer();
        for _ in 0..3 {
            reviewer.review("good").await.unwrap();
            reviewer.review("made-up").await.unwrap();
        }
        assert_eq!(questions.lock().unwrap().len(), 3);
        tokio::time::advance(REMEMBERED).await;
        reviewer.review("good").await.unwrap();
        assert_eq!(questions.lock().unwrap().len(), 5);
        let error = reviewer.review("broken").await.unwrap_err();
        assert!(!error.contains("broken"), "{error}");
        assert_eq!(reviewer.answers.lock().unwrap().len(), 1);
    }
}
