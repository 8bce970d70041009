//! What a refused create means for the next try (SC-B16, SC-B36).

use std::hash::{DefaultHasher, Hash, Hasher};

use integration_api::PipelineRun;
use integration_api::formats::truncate;
use integration_runtime::ErrorClass;
use jiff::{SignedDuration, Timestamp};

use crate::decide::{Attempt, Refusal, RefusalClass, meta};

/// Most bytes of the API server's words that are remembered and told.
const WORDS_LIMIT: usize = 2048;

/// Remembers why a create failed, in the words of the API server, and when it may be tried again. `fingerprint` is that
/// of the refused Snapshot.
pub(crate) fn refused(
    build: &PipelineRun,
    error: ErrorClass,
    text: &str,
    fingerprint: u64,
    attempt: &mut Attempt,
    now: Timestamp,
) {
    let (class, pause) = match error {
        ErrorClass::Quota => (RefusalClass::Quota, Some(spread(build, SignedDuration::from_hours(1)))),
        ErrorClass::Forbidden | ErrorClass::Denied => {
            let pause =
                SignedDuration::from_secs(1_i64 << attempt.forbidden.min(10)).min(SignedDuration::from_mins(10));
            attempt.forbidden = attempt.forbidden.saturating_add(1);
            (RefusalClass::Forbidden, Some(pause))
        }
        // A create in a namespace that is gone answers 404.
        ErrorClass::NamespaceTerminating | ErrorClass::NotFound => {
            (RefusalClass::NamespaceTerminating, Some(SignedDuration::from_mins(10)))
        }
        ErrorClass::Invalid | ErrorClass::TooLarge => (RefusalClass::Invalid, None),
        ErrorClass::Conflict | ErrorClass::Retryable { .. } | ErrorClass::NotLeader => (RefusalClass::Retryable, None),
    };
    attempt.refusal = Some(Refusal {
        class,
        text: truncate(text, WORDS_LIMIT),
        until: pause.map(|pause| later(now, pause)),
        fingerprint: (class == RefusalClass::Invalid).then_some(fingerprint),
    });
}

/// The pause ± 10 %, different for each build and the same for each look at one.
fn spread(build: &PipelineRun, pause: SignedDuration) -> SignedDuration {
    let mut hasher = DefaultHasher::new();
    meta::uid(build).hash(&mut hasher);
    let per_mille = i64::try_from(hasher.finish() % 201).unwrap_or_default() + 900;
    SignedDuration::from_millis(pause.as_secs().saturating_mul(per_mille))
}

/// The time after a pause.
pub(crate) fn later(now: Timestamp, pause: SignedDuration) -> Timestamp {
    now.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "2025-01-01T12:00:00Z";

    fn refuse(attempt: &mut Attempt, class: ErrorClass) -> Refusal {
        let mut build = PipelineRun::default();
        build.metadata.uid = Some("u".to_owned());
        refused(&build, class, "words of the server", 7, attempt, NOON.parse().unwrap());
        attempt.refusal.clone().unwrap()
    }

    fn pause(refusal: &Refusal) -> Option<SignedDuration> {
        refusal.until.map(|until| until.duration_since(NOON.parse().unwrap()))
    }

    // SC-B16, SC-B36; 02 E-69, N-22
    #[test]
    fn sc_b16_each_answer_of_a_create_has_its_class() {
        use ErrorClass as E;
        for (answer, class) in [
            (E::Quota, RefusalClass::Quota),
            (E::Forbidden, RefusalClass::Forbidden),
            (E::Denied, RefusalClass::Forbidden),
            (E::NamespaceTerminating, RefusalClass::NamespaceTerminating),
            (E::NotFound, RefusalClass::NamespaceTerminating),
            (E::Invalid, RefusalClass::Invalid),
            (E::TooLarge, RefusalClass::Invalid),
            (E::Conflict, RefusalClass::Retryable),
            (E::Retryable { after: None }, RefusalClass::Retryable),
        ] {
            let refusal = refuse(&mut Attempt::default(), answer);
            assert_eq!((refusal.class, refusal.text.as_str()), (class, "words of the server"), "{answer:?}");
            // Only what a change of the content may cure is bound to the content.
            assert_eq!(refusal.fingerprint, (class == RefusalClass::Invalid).then_some(7), "{answer:?}");
            let waits = !matches!(class, RefusalClass::Invalid | RefusalClass::Retryable);
            assert_eq!(refusal.until.is_some(), waits, "{answer:?}");
        }
    }

    // SC-B16: the pause after a 403 grows to ten minutes and no further.
    #[test]
    fn sc_b16_a_forbidden_create_is_tried_less_and_less_often() {
        let mut attempt = Attempt::default();
        let pauses: Vec<_> = (0..12).map(|_| pause(&refuse(&mut attempt, ErrorClass::Forbidden)).unwrap()).collect();
        let expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600].map(SignedDuration::from_secs);
        assert_eq!(pauses, expected);
    }

    #[test]
    fn sc_b16_a_quota_is_asked_again_after_54_to_66_minutes() {
        for uid in ["a", "b", "c", "0f8fad5b-d9cb-469f-a165-70867728950e"] {
            let mut build = PipelineRun::default();
            build.metadata.uid = Some(uid.to_owned());
            let pause = spread(&build, SignedDuration::from_hours(1));
            assert!((SignedDuration::from_mins(54)..=SignedDuration::from_mins(66)).contains(&pause), "{pause}");
            assert_eq!(pause, spread(&build, SignedDuration::from_hours(1)));
        }
    }
}
