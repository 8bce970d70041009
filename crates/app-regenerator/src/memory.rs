//! What the API server refused, between the reconciles of an Application (AR-X4).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use integration_runtime::{ApiError, ErrorClass, ObjectKey};
use jiff::Timestamp;

use crate::decide::{Never, Tries};

/// Tries by Application. Lost with the process: a successor begins to count anew.
#[derive(Default)]
pub(crate) struct Memory {
    tries: Mutex<HashMap<ObjectKey, Tries>>,
}

impl Memory {
    /// What became of earlier tries.
    pub fn recall(&self, key: &ObjectKey) -> Tries {
        self.lock().get(key).cloned().unwrap_or_default()
    }

    /// Nothing is owed any more.
    pub fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    /// A create failed for the deleted Components with these uids.
    pub fn failed(&self, key: &ObjectKey, set: &[String], error: &ApiError, now: Timestamp) {
        self.note(key, set, |tries| {
            tries.since.get_or_insert(now);
            error.cause().clone_into(&mut tries.words);
            match error.class() {
                ErrorClass::Invalid | ErrorClass::TooLarge => tries.never = Some(Never::Invalid),
                // A create in a namespace that is gone answers 404.
                ErrorClass::NamespaceTerminating | ErrorClass::NotFound => {
                    tries.never = Some(Never::NamespaceTerminating);
                }
                ErrorClass::Quota | ErrorClass::Forbidden | ErrorClass::Denied => tries.refused += 1,
                ErrorClass::Conflict | ErrorClass::Retryable { .. } | ErrorClass::NotLeader => {}
            }
        });
    }

    /// A name belongs to something else.
    pub fn name_taken(&self, key: &ObjectKey, set: &[String]) {
        self.note(key, set, |tries| tries.names_taken = tries.names_taken.saturating_add(1));
    }

    fn note(&self, key: &ObjectKey, set: &[String], change: impl FnOnce(&mut Tries)) {
        let mut all = self.lock();
        let tries = all.entry(key.clone()).or_default();
        if tries.set != set {
            *tries = Tries { set: set.to_vec(), ..Tries::default() };
        }
        change(tries);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Tries>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AR-X4: tries count for one set of deleted Components, and are forgotten with it.
    #[test]
    fn ar_x4_tries_belong_to_a_set_of_components() {
        let (memory, key) = (Memory::default(), ObjectKey::new("ns", "app"));
        let [one, two] = ["u1", "u2"].map(|uid| vec![uid.to_owned()]);
        memory.name_taken(&key, &one);
        memory.name_taken(&key, &one);
        assert_eq!(memory.recall(&key).names_taken, 2);
        memory.name_taken(&key, &two);
        assert_eq!((memory.recall(&key).names_taken, memory.recall(&key).set), (1, two));
        memory.forget(&key);
        assert_eq!(memory.recall(&key), Tries::default());
    }
}
