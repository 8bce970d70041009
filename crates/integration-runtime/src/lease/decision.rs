//! What to do about a Lease, decided from what was seen of it.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use tokio::time::Instant;

/// The longest duration of another holder that is waited out; as long as the command line allows.
const LONGEST: Duration = Duration::from_mins(10);

/// What a Lease looked like, and since when it looks like that to this process.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) lease: Lease,
    since: Instant,
}

impl Observed {
    /// The Lease as it was read or written at `now`. It counts as unchanged since it was first seen with this holder and
    /// this renewal.
    pub(super) fn new(lease: Lease, before: Option<&Self>, now: Instant) -> Self {
        let since = match before {
            Some(before) if renewal(&before.lease) == renewal(&lease) => before.since,
            _ => now,
        };
        Self { lease, since }
    }

    /// Who holds it; `None` = free.
    pub(super) fn holder(&self) -> Option<&str> {
        holder(&self.lease)
    }
}

/// The next step of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// There is no Lease: create it.
    Create,
    /// It is free, or its holder is gone: take it.
    Take,
    /// It is ours: renew it.
    Renew,
    /// Somebody else holds it: look again after that time at the latest.
    Wait(Duration),
}

/// Decides about a Lease (`None` = there is none) for candidate `me`; `duration` is ours.
pub(super) fn next(me: &str, observed: Option<&Observed>, duration: Duration, now: Instant) -> Step {
    let Some(observed) = observed else { return Step::Create };
    match observed.holder() {
        None => Step::Take,
        Some(holder) if holder == me => Step::Renew,
        Some(_) => {
            let gone = observed.since + holders_duration(&observed.lease).unwrap_or(duration).min(LONGEST);
            if now >= gone { Step::Take } else { Step::Wait(gone - now) }
        }
    }
}

fn renewal(lease: &Lease) -> (Option<&str>, Option<&MicroTime>) {
    (holder(lease), lease.spec.as_ref().and_then(|spec| spec.renew_time.as_ref()))
}

fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).filter(|holder| !holder.is_empty())
}

fn holders_duration(lease: &Lease) -> Option<Duration> {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds)?;
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::coordination::v1::LeaseSpec;

    use super::*;

    const OURS: Duration = Duration::from_secs(15);

    fn lease(holder: Option<&str>, renewed: i64, duration: Option<i32>) -> Lease {
        Lease {
            spec: Some(LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                lease_duration_seconds: duration,
                renew_time: Some(MicroTime(jiff::Timestamp::from_second(renewed).unwrap())),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        }
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn hc_24_a_missing_lease_is_created_and_a_free_one_taken() {
        let now = Instant::now();
        assert_eq!(next("me", None, OURS, now), Step::Create);
        for free in [None, Some("")] {
            let observed = Observed::new(lease(free, 0, Some(15)), None, now);
            assert_eq!(next("me", Some(&observed), OURS, now), Step::Take);
        }
        let empty = Observed::new(Lease::default(), None, now);
        assert_eq!(next("me", Some(&empty), OURS, now), Step::Take);
    }

    #[test]
    fn our_own_lease_is_renewed() {
        let now = Instant::now();
        let observed = Observed::new(lease(Some("me"), 0, Some(15)), None, now);
        assert_eq!(next("me", Some(&observed), OURS, now), Step::Renew);
    }

    #[test]
    fn another_holder_is_gone_once_we_saw_no_renewal_for_its_whole_duration() {
        let start = Instant::now();
        // The renewal is decades ago by the wall clock: that says nothing.
        let seen = Observed::new(lease(Some("other"), 0, Some(30)), None, start);
        assert_eq!(next("me", Some(&seen), OURS, start), Step::Wait(Duration::from_secs(30)));
        let again = Observed::new(lease(Some("other"), 0, Some(30)), Some(&seen), after(start, 29));
        assert_eq!(next("me", Some(&again), OURS, after(start, 29)), Step::Wait(Duration::from_secs(1)));
        assert_eq!(next("me", Some(&again), OURS, after(start, 30)), Step::Take);
    }

    #[test]
    fn a_renewal_or_a_new_holder_starts_the_wait_again() {
        let start = Instant::now();
        let seen = Observed::new(lease(Some("other"), 0, Some(15)), None, start);
        let now = after(start, 14);
        for changed in [lease(Some("other"), 1, Some(15)), lease(Some("third"), 0, Some(15))] {
            let observed = Observed::new(changed, Some(&seen), now);
            assert_eq!(next("me", Some(&observed), OURS, now), Step::Wait(OURS));
        }
    }

    #[test]
    fn a_duration_that_makes_no_sense_does_not_keep_a_lease_for_ever() {
        let now = Instant::now();
        for (seconds, wait) in [(None, OURS), (Some(0), OURS), (Some(-5), OURS), (Some(i32::MAX), LONGEST)] {
            let observed = Observed::new(lease(Some("other"), 0, seconds), None, now);
            assert_eq!(next("me", Some(&observed), OURS, now), Step::Wait(wait));
        }
    }
}
