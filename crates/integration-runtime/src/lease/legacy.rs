//! The Lease of the reference operator: while it is fresh, nobody else may act (D-10, API-B38, OP-X9).

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Shared;
use crate::metrics::Metrics;

/// Name of the reference operator's Lease (OP-6).
pub const LEGACY_LEASE: &str = "03c7e15b.redhat.com";

/// How often it is read; twice as often as the rule asks, so that one failed read does not stop the program.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long an answer counts, from when it was asked for.
const VALID: Duration = Duration::from_secs(10);
/// How long after a failed read the next one starts.
const RETRY: Duration = Duration::from_secs(1);
/// How long one read may take.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Where the Lease does not say its duration: the longest the reference is deployed with.
const DEFAULT_SECONDS: i32 = 30;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegacyLease {
    /// No such Lease, or nobody renews it: the reference does not run, or runs without leader election.
    Absent,
    /// The reference runs.
    Fresh {
        /// Who holds the Lease.
        holder: String,
    },
    /// It may not be read, so nobody knows.
    Forbidden,
}

/// Reads the Lease once. A program without leader election asks this before it starts.
///
/// Fails where the API server gives no answer to the question.
pub async fn look(client: &Client, namespace: &str) -> kube::Result<LegacyLease> {
    Ok(match read(client, namespace).await? {
        Answer::Found(lease) => judge(Some(&lease), Timestamp::now()),
        Answer::Missing => LegacyLease::Absent,
        Answer::Forbidden => LegacyLease::Forbidden,
    })
}

/// Keeps [`Shared::legacy_clear_until`] up to date until `stop`.
pub(super) async fn guard(
    client: Client,
    namespace: String,
    shared: Arc<Shared>,
    metrics: Metrics,
    mut stop: watch::Receiver<bool>,
) {
    let mut renewals = Renewals::default();
    let mut verdict = Verdict { namespace, shared, metrics, said: None };
    loop {
        let asked = Instant::now();
        let answer = timeout(TIMEOUT, read(&client, &verdict.namespace)).await;
        let pause = if matches!(answer, Ok(Ok(_))) { INTERVAL } else { RETRY };
        match answer {
            Ok(Ok(Answer::Missing)) => {
                renewals.seen(None, asked);
                verdict.clear(asked + VALID);
            }
            Ok(Ok(Answer::Found(lease))) => {
                let alive = renewals.seen(Some(&lease), asked);
                match judge(Some(&lease), Timestamp::now()) {
                    LegacyLease::Absent if alive => verdict.running("a holder whose clock is behind ours"),
                    LegacyLease::Fresh { holder } => verdict.running(&holder),
                    _ => verdict.clear(asked + VALID),
                }
            }
            Ok(Ok(Answer::Forbidden)) => verdict.unknown("the API server forbids to read it; grant get on this Lease"),
            Ok(Err(error)) => verdict.unread(&error.to_string()),
            Err(_) => verdict.unread("the API server did not answer in time"),
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

enum Answer {
    Found(Box<Lease>),
    Missing,
    Forbidden,
}

async fn read(client: &Client, namespace: &str) -> kube::Result<Answer> {
    match Api::<Lease>::namespaced(client.clone(), namespace).get_opt(LEGACY_LEASE).await {
        Ok(Some(lease)) => Ok(Answer::Found(Box::new(lease))),
        Ok(None) => Ok(Answer::Missing),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(Answer::Forbidden),
        Err(error) => Err(error),
    }
}

fn judge(lease: Option<&Lease>, now: Timestamp) -> LegacyLease {
    let Some(spec) = lease.and_then(|lease| lease.spec.as_ref()) else { return LegacyLease::Absent };
    let Some(MicroTime(renewed)) = spec.renew_time else { return LegacyLease::Absent };
    let duration = SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or(DEFAULT_SECONDS).into());
    if now.duration_since(renewed) >= duration {
        return LegacyLease::Absent;
    }
    LegacyLease::Fresh { holder: spec.holder_identity.clone().unwrap_or_default() }
}

/// Notices renewals by themselves: a holder whose clock is behind renews a Lease that always looks old.
#[derive(Default)]
struct Renewals {
    looked: bool,
    last: Option<MicroTime>,
    alive_until: Option<Instant>,
}

impl Renewals {
    /// Whether the Lease was renewed before our eyes less than its duration ago.
    fn seen(&mut self, lease: Option<&Lease>, now: Instant) -> bool {
        let spec = lease.and_then(|lease| lease.spec.as_ref());
        let renewed = spec.and_then(|spec| spec.renew_time.clone());
        let changed = self.looked && renewed.is_some() && renewed != self.last;
        self.looked = true;
        self.last = renewed;
        if changed {
            let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(DEFAULT_SECONDS);
            self.alive_until = Some(now + Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
        }
        self.alive_until.is_some_and(|until| now < until)
    }
}

/// Tells everybody who has to know, once per change.
struct Verdict {
    namespace: String,
    shared: Arc<Shared>,
    metrics: Metrics,
    /// Label and text of what keeps us from writing.
    said: Option<(&'static str, String)>,
}

impl Verdict {
    fn clear(&mut self, until: Instant) {
        if let Some((label, _)) = self.said.take() {
            self.metrics.withheld(label, false);
            tracing::info!(lease = LEGACY_LEASE, namespace = %self.namespace, "the reference operator does not run: writing may start");
        }
        *self.shared.withheld.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.shared.legacy_clear_until(self.shared.at(until));
    }

    fn running(&mut self, holder: &str) {
        let text = format!(
            "nothing is written: the reference operator runs, its Lease {}/{LEGACY_LEASE} is held by {holder}; stop it, or ignore it with --ignore-legacy-lease",
            self.namespace
        );
        self.withhold("legacy_lease_fresh", text);
    }

    fn unknown(&mut self, why: &str) {
        let text = format!(
            "nothing is written: whether the reference operator runs is unknown, its Lease {}/{LEGACY_LEASE} cannot be read: {why}; or ignore it with --ignore-legacy-lease",
            self.namespace
        );
        self.withhold("legacy_lease_unreadable", text);
    }

    /// The last answer counts as long as it is valid.
    fn unread(&mut self, why: &str) {
        if !self.shared.legacy_clear(self.shared.now()) {
            self.unknown(why);
        }
    }

    fn withhold(&mut self, label: &'static str, text: String) {
        self.shared.legacy_clear_until(0);
        let news = self.said.as_ref().is_none_or(|(known, said)| *known != label || *said != text);
        if !news {
            return;
        }
        if let Some((before, _)) = self.said.take()
            && before != label
        {
            self.metrics.withheld(before, false);
        }
        self.metrics.withheld(label, true);
        tracing::warn!("{text}");
        *self.shared.withheld.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.clone());
        self.said = Some((label, text));
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use rstest::rstest;

    use super::*;

    fn lease(renewed: Option<i64>, duration: Option<i32>) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some("manager_1".to_owned()),
                lease_duration_seconds: duration,
                renew_time: renewed.map(|second| MicroTime(Timestamp::from_second(second).unwrap())),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        }
    }

    #[rstest]
    #[case(Some(1000), Some(15), 1010, true)]
    #[case(Some(1000), Some(15), 1014, true)]
    #[case(Some(1000), Some(15), 1015, false)]
    #[case(Some(1000), None, 1029, true)]
    #[case(Some(1000), None, 1030, false)]
    #[case(Some(2000), Some(15), 1000, true)]
    #[case(None, Some(15), 1000, false)]
    fn api_b38_the_lease_is_fresh_until_its_renewal_plus_its_duration(
        #[case] renewed: Option<i64>,
        #[case] duration: Option<i32>,
        #[case] now: i64,
        #[case] fresh: bool,
    ) {
        let found = judge(Some(&lease(renewed, duration)), Timestamp::from_second(now).unwrap());
        let expected = if fresh { LegacyLease::Fresh { holder: "manager_1".to_owned() } } else { LegacyLease::Absent };
        assert_eq!(found, expected);
    }

    #[test]
    fn no_lease_and_an_empty_one_are_absent() {
        assert_eq!(judge(None, Timestamp::UNIX_EPOCH), LegacyLease::Absent);
        assert_eq!(judge(Some(&Lease::default()), Timestamp::UNIX_EPOCH), LegacyLease::Absent);
    }

    #[test]
    fn a_renewal_seen_counts_even_when_its_time_is_long_past() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut renewals = Renewals::default();
        assert!(!renewals.seen(Some(&lease(Some(100), Some(15))), start));
        assert!(!renewals.seen(Some(&lease(Some(100), Some(15))), after(5)));
        assert!(renewals.seen(Some(&lease(Some(110), Some(15))), after(10)));
        assert!(renewals.seen(Some(&lease(Some(110), Some(15))), after(24)));
        assert!(!renewals.seen(Some(&lease(Some(110), Some(15))), after(25)));
        assert!(!renewals.seen(None, after(30)));
    }
}
