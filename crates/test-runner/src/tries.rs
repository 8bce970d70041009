//! Creates that failed: their class, and when to try again (TR-B52).
//!
//! The memory is a convenience, not state: a restarted process forgets it and tries at once.

use std::collections::BTreeMap;

use integration_api::formats;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest message kept, in bytes: an API server's answer may hold all that a webhook has to say.
const MESSAGE_LIMIT: usize = 1024;

/// What was to be created.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// The test PipelineRun of this scenario.
    Run(String),
    /// The Release for this ReleasePlan.
    Release(String),
}

/// Class of a failed create (TR-B52).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Refused for good.
    Terminal,
    /// The namespace's quota is used up.
    Quota,
    /// The program lacks a right.
    Forbidden,
    /// The API server, a webhook or the network failed.
    Api,
    /// Every name of the object belongs to something else (TR-B49).
    NameCollision,
}

impl Class {
    /// The word in texts and in metric labels.
    pub fn word(self) -> &'static str {
        match self {
            Class::Terminal => "terminal",
            Class::Quota => "quota",
            Class::Forbidden => "forbidden",
            Class::Api => "api",
            Class::NameCollision => "name-collision",
        }
    }
}

/// The last failure of a create.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Class.
    pub class: Class,
    /// What the API server said.
    pub message: String,
    /// How many tries in a row ended in this class.
    #[serde(default)]
    pub count: u32,
    /// When to try again.
    pub next: Timestamp,
    /// Attempt (runs) or `metadata.resourceVersion` of the plan (Releases) the failure belongs to: another value
    /// means that the cause changed and the failure is forgotten.
    #[serde(default)]
    pub cause: String,
}

/// Failed creates of one Snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tries(BTreeMap<Target, Failure>);

impl<'de> Deserialize<'de> for Tries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Member {
            target: Target,
            #[serde(flatten)]
            failure: Failure,
        }
        let members = Vec::<Member>::deserialize(deserializer)?;
        Ok(Self(members.into_iter().map(|member| (member.target, member.failure)).collect()))
    }
}

impl Tries {
    /// The last failure of this target, if it belongs to the same cause.
    pub fn get(&self, target: &Target, cause: &str) -> Option<&Failure> {
        self.0.get(target).filter(|failure| failure.cause == cause)
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets the targets that `keep` refuses.
    pub fn keep(&mut self, keep: impl Fn(&Target) -> bool) {
        self.0.retain(|target, _| keep(target));
    }

    /// Forgets a target that was created.
    pub fn succeeded(&mut self, target: &Target) {
        self.0.remove(target);
    }

    /// Notes a failure and computes the next try. `asked` is the pause the API server asked for. Of the message 1 KiB
    /// is kept (TR-B40).
    pub fn failed(
        &mut self,
        target: Target,
        cause: &str,
        class: Class,
        message: &str,
        now: Timestamp,
        asked: Option<SignedDuration>,
    ) {
        let count = match self.0.get(&target) {
            Some(before) if before.class == class && before.cause == cause => before.count.saturating_add(1),
            _ => 1,
        };
        let seed = format!("{target:?}/{cause}/{count}/{now}");
        let pause = jitter(pause(class, count), &seed);
        let pause = asked.map_or(pause, |asked| pause.max(asked));
        let next = now.checked_add(pause).unwrap_or(Timestamp::MAX);
        let message = formats::truncate(message, MESSAGE_LIMIT);
        self.0.insert(target, Failure { class, message, count, next, cause: cause.to_owned() });
    }
}

/// Pause after the `count`-th failure in a row, without jitter.
fn pause(class: Class, count: u32) -> SignedDuration {
    let doubled =
        |limit: i64| SignedDuration::from_secs(5_i64.saturating_mul(1 << count.saturating_sub(1).min(20)).min(limit));
    match class {
        Class::Quota => SignedDuration::from_secs(60),
        Class::Forbidden | Class::NameCollision => doubled(600),
        Class::Api | Class::Terminal => doubled(300),
    }
}

/// The pause ± 20 %, drawn from a hash, so that equal failures of many scenarios spread out.
fn jitter(pause: SignedDuration, seed: &str) -> SignedDuration {
    let hash = Sha256::digest(seed.as_bytes());
    let draw = hash.iter().take(2).fold(0_i64, |sum, byte| sum * 256 + i64::from(*byte));
    let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
    SignedDuration::from_millis(millis - millis / 5 + (millis * 2 / 5) * draw / 65_535)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next_pause(class: Class, failures: u32, asked: Option<SignedDuration>) -> f64 {
        let now = Timestamp::UNIX_EPOCH;
        let target = Target::Run("a".into());
        let mut tries = Tries::default();
        for _ in 0..failures {
            tries.failed(target.clone(), "1", class, "no", now, asked);
        }
        tries.get(&target, "1").unwrap().next.duration_since(now).as_secs_f64()
    }

    #[test]
    fn tr_b52_quota_is_tried_every_minute_and_errors_back_off() {
        assert!((48.0..=72.0).contains(&next_pause(Class::Quota, 9, None)));
        assert!((4.0..=6.0).contains(&next_pause(Class::Api, 1, None)));
        assert!((16.0..=24.0).contains(&next_pause(Class::Api, 3, None)));
        assert!((240.0..=360.0).contains(&next_pause(Class::Api, 30, None)));
        assert!((480.0..=720.0).contains(&next_pause(Class::Forbidden, 30, None)));
    }

    #[test]
    fn tr_b52_retry_after_is_honoured() {
        assert!(next_pause(Class::Api, 1, Some(SignedDuration::from_secs(90))) >= 90.0);
    }

    #[test]
    fn a_failure_is_forgotten_when_its_cause_changes_or_the_create_succeeds() {
        let target = Target::Release("rp".into());
        let mut tries = Tries::default();
        tries.failed(target.clone(), "7", Class::Terminal, "no", Timestamp::UNIX_EPOCH, None);
        assert!(tries.get(&target, "7").is_some());
        assert!(tries.get(&target, "8").is_none());
        tries.succeeded(&target);
        assert!(tries.is_empty());
    }

    // TR-B40
    #[test]
    fn what_is_remembered_is_bounded_and_goes_with_its_cause() {
        let (gone, kept) = (Target::Run("gone".into()), Target::Run("kept".into()));
        let mut tries = Tries::default();
        for target in [&gone, &kept] {
            tries.failed(target.clone(), "1", Class::Api, &"ü".repeat(5000), Timestamp::UNIX_EPOCH, None);
        }
        tries.keep(|target| *target == kept);
        assert!(tries.get(&gone, "1").is_none());
        assert!(tries.get(&kept, "1").is_some_and(|failure| failure.message.len() <= 1024));
    }
}
