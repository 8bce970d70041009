//! What reports expect of a git provider.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use integration_api::Snapshot;
use thiserror::Error;

use crate::decide::{ExpectedTest, Provider, PullRequestRef, ReportState, Target, Wish};

/// Tells git providers about expected tests.
///
/// Calls are repeated: the same report twice must look like once (GRX-29). A call is dropped when its report is not
/// wanted any more, or this replica stops leading; that closes its connection. Credentials and the parking of hosts are
/// this side's business (GRX-2): a call to a parked one is answered at once, with the time that is left, because others
/// wait behind it. So is how many calls a host gets at once: builds know nothing of each other.
pub trait Reporter: Send + Sync + 'static {
    /// Whether it can report to that provider.
    fn reaches(&self, provider: Provider) -> bool;

    /// Reports one test.
    fn report(&self, report: &Report) -> impl Future<Output = Result<(), ReportError>> + Send;

    /// Whether a pull request is open. One that is gone is closed, if its repository answers (GRX-21, D-23).
    fn pull_request_open(
        &self,
        pull_request: &PullRequestRef,
    ) -> impl Future<Output = Result<bool, ReportError>> + Send;
}

/// One expected test, as it is told to a provider (SC-72).
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// To whom.
    pub provider: Provider,
    /// What happened to the build.
    pub state: ReportState,
    /// Name of the check or context, `<console> / <scenario> / <subject>` (API-209).
    pub name: String,
    /// Id of the check run of GitHub, `<scenario>-<subject>`.
    pub external_id: String,
    /// The scenario.
    pub scenario: String,
    /// Whether its failure does not count.
    pub optional: bool,
    /// Component name, `pr group`, or `pr group <ComponentGroup>`.
    pub subject: String,
    /// Details: what happened, and what to do.
    pub text: String,
    /// Stands in for the Snapshot that does not exist; names commit, repository and pull request.
    pub snapshot: Arc<Snapshot>,
}

impl Report {
    /// The report about one test of a target.
    pub(crate) fn of(console: &str, wish: &Wish, target: &Target, test: &ExpectedTest) -> Self {
        Self {
            provider: wish.provider,
            state: wish.state,
            name: check_name(console, &test.name, &target.subject),
            external_id: external_id(&test.name, &target.subject),
            scenario: test.name.clone(),
            optional: test.optional,
            subject: target.subject.clone(),
            text: wish.text.clone(),
            snapshot: Arc::clone(&target.snapshot),
        }
    }
}

/// Name of a check or context (API-209, SC-72).
pub(crate) fn check_name(console: &str, scenario: &str, subject: &str) -> String {
    format!("{console} / {scenario} / {subject}")
}

/// External id of a GitHub check run (SC-72).
pub(crate) fn external_id(scenario: &str, subject: &str) -> String {
    format!("{scenario}-{subject}")
}

/// Why a provider did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{host} answered {code}: {text}")]
pub struct ReportError {
    /// Whether it makes sense to ask again.
    pub class: ReportErrorClass,
    /// HTTP status; 0 where there was no answer.
    pub code: u16,
    /// Host of the provider.
    pub host: String,
    /// The provider's words.
    pub text: String,
}

/// Classes of errors (GRX-2, GRX-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportErrorClass {
    /// May pass by itself.
    Recoverable {
        /// Not asked again before, where the provider said so.
        after: Option<Duration>,
    },
    /// Somebody has to change something.
    Permanent,
}

/// Reaches nobody.
pub struct NoProvider;

impl Reporter for NoProvider {
    fn reaches(&self, _: Provider) -> bool {
        false
    }

    async fn report(&self, _: &Report) -> Result<(), ReportError> {
        Err(Self::error())
    }

    async fn pull_request_open(&self, _: &PullRequestRef) -> Result<bool, ReportError> {
        Err(Self::error())
    }
}

impl NoProvider {
    fn error() -> ReportError {
        let text = "no git provider is configured".to_owned();
        ReportError { class: ReportErrorClass::Permanent, code: 0, host: String::new(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // SC-72, API-209; 02 E-37, 04 row 81
    #[test]
    fn sc_72_names_of_checks() {
        assert_eq!(check_name("Konflux Staging", "scenario1", "c1"), "Konflux Staging / scenario1 / c1");
        assert_eq!(
            check_name("Integration Service", "its", "pr group beta"),
            "Integration Service / its / pr group beta"
        );
        assert_eq!(external_id("its", "c1"), "its-c1");
        assert_eq!(external_id("its", "pr group"), "its-pr group");
    }

    #[test]
    fn sc_b14_no_provider_is_reached_where_there_is_none() {
        assert!(!Provider::ALL.into_iter().any(|provider| NoProvider.reaches(provider)));
    }
}
