//! A git provider that does what a test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::super::{Report, ReportError, ReportErrorClass, Reporter};
use crate::decide::{Provider, PullRequestRef};

/// What the provider does with one call.
pub(super) enum Answer {
    Accepts,
    Refuses(u16),
    Fails(Option<Duration>),
    Open(bool),
    /// Never answers.
    Hangs,
}

/// Accepts what it has no other answer for.
#[derive(Clone, Default)]
pub(super) struct Scripted {
    pub(super) answers: Arc<Mutex<VecDeque<Answer>>>,
    /// Calls as they begin, with the seconds since the test began.
    pub(super) calls: Arc<Mutex<Vec<(u64, String)>>>,
    /// Calls that were let go of before they were answered.
    pub(super) dropped: Arc<Mutex<Vec<String>>>,
}

/// Notes a call that does not come to an end.
pub(super) struct InFlight<'a>(&'a Scripted, Option<String>);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dropped.lock().unwrap().extend(self.1.take());
    }
}

impl Scripted {
    async fn call(&self, began: Instant, what: String) -> Result<bool, ReportError> {
        self.calls.lock().unwrap().push((began.elapsed().as_secs(), what.clone()));
        let mut flight = InFlight(self, Some(what));
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Accepts);
        let error = |class, code| ReportError {
            class,
            code,
            host: "api.github.com".to_owned(),
            text: "words of the provider".to_owned(),
        };
        let result = match answer {
            Answer::Accepts => Ok(true),
            Answer::Open(open) => Ok(open),
            Answer::Refuses(code) => Err(error(ReportErrorClass::Permanent, code)),
            Answer::Fails(after) => Err(error(ReportErrorClass::Recoverable { after }, 502)),
            Answer::Hangs => std::future::pending().await,
        };
        flight.1 = None;
        result
    }
}

/// The provider, and when the test began.
pub(super) struct Provided(pub(super) Scripted, pub(super) Instant);

impl Reporter for Provided {
    fn reaches(&self, provider: Provider) -> bool {
        provider == Provider::Github
    }

    async fn report(&self, report: &Report) -> Result<(), ReportError> {
        self.0.call(self.1, format!("{}: {}", report.name, report.state.word())).await.map(|_| ())
    }

    async fn pull_request_open(&self, pull_request: &PullRequestRef) -> Result<bool, ReportError> {
        self.0.call(self.1, pull_request.name()).await
    }
}
