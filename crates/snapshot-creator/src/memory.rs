//! What is remembered from one reconcile to the next: refusals that still hold (SC-B16), and who was told of a build
//! while somebody else could not be (SC-B17). A restart forgets it; that costs one more create for each refused owner, and
//! a few annotations.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use integration_runtime::ObjectKey;
use jiff::Timestamp;

use crate::decide::{Attempt, RefusalClass};

/// The memory of a controller.
#[derive(Default)]
pub(crate) struct Memory {
    refused: Mutex<HashMap<ObjectKey, Refused>>,
    told: Mutex<HashMap<ObjectKey, Told>>,
}

/// By uid of the build, the texts of those who were told, by object.
type Told = (String, BTreeMap<String, String>);

/// Refusals of one build.
struct Refused {
    /// Uid of the build; another build of the name starts afresh (SC-B32).
    uid: String,
    /// By owner name.
    attempts: BTreeMap<String, Attempt>,
}

impl Memory {
    /// What earlier reconciles of this build tried. A refusal whose time has come is left out; how often it was forbidden
    /// in a row is not.
    pub fn recall(&self, key: &ObjectKey, uid: Option<&str>, now: Timestamp) -> BTreeMap<String, Attempt> {
        let mut attempts = match lock(&self.refused).get(key) {
            Some(refused) if Some(refused.uid.as_str()) == uid => refused.attempts.clone(),
            _ => return BTreeMap::new(),
        };
        for attempt in attempts.values_mut() {
            attempt.refusal = attempt.refusal.take().filter(|refusal| refusal.until.is_none_or(|until| until > now));
        }
        attempts
    }

    /// Who was told of this build by earlier reconciles.
    pub fn told(&self, key: &ObjectKey, uid: Option<&str>) -> BTreeMap<String, String> {
        let told = lock(&self.told);
        told.get(key).filter(|(of, _)| Some(of.as_str()) == uid).map(|(_, told)| told.clone()).unwrap_or_default()
    }

    /// Keeps who was told of a build while somebody is left; nothing (`uid` is `None`) when all were told.
    pub fn tell(&self, key: &ObjectKey, uid: Option<String>, texts: BTreeMap<String, String>) {
        let mut told = lock(&self.told);
        match uid {
            Some(uid) if !texts.is_empty() => {
                told.insert(key.clone(), (uid, texts));
            }
            _ => {
                told.remove(key);
            }
        }
    }

    /// Keeps the refusals of a build that may still get its Snapshot; of any other, and of one that is gone (`uid` is
    /// `None`), nothing is kept.
    pub fn remember(&self, key: &ObjectKey, uid: Option<String>, mut attempts: BTreeMap<String, Attempt>) {
        attempts.retain(|_, attempt| {
            attempt.gcl = None;
            attempt.names_taken = 0;
            attempt.refusal.as_ref().is_some_and(|refusal| refusal.class != RefusalClass::Retryable)
        });
        let mut refused = lock(&self.refused);
        match uid {
            Some(uid) if !attempts.is_empty() => {
                refused.insert(key.clone(), Refused { uid, attempts });
            }
            _ => {
                refused.remove(key);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{GclAttempt, Refusal};

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn refused(class: RefusalClass, until: Option<&str>) -> BTreeMap<String, Attempt> {
        let refusal = Refusal { class, text: "x".to_owned(), until: until.map(time), fingerprint: None };
        let attempt = Attempt { gcl: Some(GclAttempt::Written), names_taken: 2, forbidden: 3, refusal: Some(refusal) };
        BTreeMap::from([("app".to_owned(), attempt)])
    }

    const NOON: &str = "2025-01-01T12:00:00Z";
    const ONE: &str = "2025-01-01T13:00:00Z";

    // SC-B16; 02 N-23: a quota is not asked before its time.
    #[test]
    fn sc_b16_a_refusal_holds_until_its_time() {
        let (memory, key) = (Memory::default(), ObjectKey::new("ns", "b1"));
        memory.remember(&key, Some("u".to_owned()), refused(RefusalClass::Quota, Some(ONE)));
        let recalled = memory.recall(&key, Some("u"), time(NOON));
        assert_eq!(recalled["app"].refusal.as_ref().map(|refusal| refusal.class), Some(RefusalClass::Quota));
        assert_eq!((&recalled["app"].gcl, recalled["app"].names_taken), (&None, 0), "these are of one reconcile");
        let later = memory.recall(&key, Some("u"), time(ONE));
        assert_eq!((&later["app"].refusal, later["app"].forbidden), (&None, 3), "tried again, the pause still grows");
    }

    // SC-B32: a build that was made anew under the same name is another build.
    #[test]
    fn sc_b32_a_successor_of_the_name_inherits_no_refusal() {
        let (memory, key) = (Memory::default(), ObjectKey::new("ns", "b1"));
        memory.remember(&key, Some("u".to_owned()), refused(RefusalClass::Invalid, None));
        assert!(memory.recall(&key, Some("v"), time(NOON)).is_empty());
        assert!(!memory.recall(&key, Some("u"), time(NOON)).is_empty());
    }

    // SC-B17: the missing targets are retried, for this build and no other.
    #[test]
    fn sc_b17_who_was_told_is_remembered_while_somebody_is_left() {
        let (memory, key) = (Memory::default(), ObjectKey::new("ns", "b1"));
        let told = BTreeMap::from([("Snapshot s".to_owned(), "x".to_owned())]);
        memory.tell(&key, Some("u".to_owned()), told.clone());
        assert_eq!(memory.told(&key, Some("u")), told);
        assert!(memory.told(&key, Some("v")).is_empty() && memory.told(&key, None).is_empty());
        memory.tell(&key, None, told);
        assert!(lock(&memory.told).is_empty());
    }

    // SC-B36: an error that may pass is nothing to remember; nor is anything of a build that is gone or settled.
    #[test]
    fn sc_b36_memory_does_not_grow_for_ever() {
        let (memory, key) = (Memory::default(), ObjectKey::new("ns", "b1"));
        memory.remember(&key, Some("u".to_owned()), refused(RefusalClass::Retryable, None));
        assert!(lock(&memory.refused).is_empty());
        for end in [(None, refused(RefusalClass::Quota, None)), (Some("u".to_owned()), BTreeMap::new())] {
            memory.remember(&key, Some("u".to_owned()), refused(RefusalClass::Quota, None));
            assert_eq!(lock(&memory.refused).len(), 1);
            memory.remember(&key, end.0, end.1);
            assert!(lock(&memory.refused).is_empty());
        }
    }
}
