//! What a store holds: objects, indexes, and the deletions it still has to remember.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use kube::Resource;

use super::kept::{Kept, Pattern};
use super::{CacheObject, IndexFn, newer, version};
use crate::ObjectKey;

/// Deletions remembered. A response that is overtaken by more of them than that comes minutes late.
const GRAVES: usize = 1024;

/// Namespace and value to names, in their order. Most values have one.
type Index = HashMap<(Arc<str>, Box<str>), Vec<Arc<str>>>;

pub(super) struct State<K> {
    objects: HashMap<ObjectKey, Entry<K>>,
    pattern: Pattern,
    indexes: Vec<Index>,
    /// Counts the lists begun; an entry older than a finished list of its scope was not in it.
    lists: u64,
    graves: Graves,
}

struct Entry<K> {
    kept: Kept<K>,
    seen: u64,
}

/// What became of a version offered to the store.
pub(super) enum Taken<K> {
    /// It is the newest now; before it there was this one.
    Newest { before: Option<Arc<K>> },
    /// The store knows a newer one, or the same.
    Known(Arc<K>),
    /// The object was deleted after this version.
    Deleted,
}

impl<K: CacheObject> State<K> {
    pub(super) fn new(indexes: usize) -> Self {
        Self {
            objects: HashMap::new(),
            pattern: Pattern::default(),
            indexes: (0..indexes).map(|_| HashMap::new()).collect(),
            lists: 0,
            graves: Graves::default(),
        }
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.objects.get(key)?.kept.get(&self.pattern)
    }

    /// Version and uid of an object, without decoding it.
    pub(super) fn identity(&self, key: &ObjectKey) -> Option<(Option<&str>, Option<&str>)> {
        self.objects.get(key).map(|entry| (entry.kept.version(), entry.kept.uid()))
    }

    pub(super) fn lookup(&self, position: usize, namespace: &str, value: &str) -> Vec<Arc<K>> {
        let namespace: Arc<str> = namespace.into();
        let index = self.indexes.get(position);
        let Some(names) = index.and_then(|map| map.get(&(Arc::clone(&namespace), value.into()))) else {
            return Vec::new();
        };
        let key = |name: &Arc<str>| ObjectKey { namespace: Arc::clone(&namespace), name: Arc::clone(name) };
        names.iter().filter_map(|name| self.get(&key(name))).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.keys()
    }

    pub(super) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Takes in a version, unless a newer one is known or the object was deleted since.
    pub(super) fn take(&mut self, indexes: &[(&'static str, IndexFn<K>)], key: ObjectKey, object: &Arc<K>) -> Taken<K> {
        let seen = self.lists;
        if let Some(entry) = self.objects.get_mut(&key)
            && !newer(object.meta().resource_version.as_deref(), entry.kept.version())
            && let Some(known) = entry.kept.get(&self.pattern)
        {
            entry.seen = seen;
            return Taken::Known(known);
        }
        if self.graves.outlive(&**object) {
            return Taken::Deleted;
        }
        let before = self.remove(indexes, &key);
        for (map, (_, values)) in self.indexes.iter_mut().zip(indexes) {
            for value in values(object) {
                let names = map.entry((Arc::clone(&key.namespace), value.into_boxed_str())).or_default();
                if let Err(place) = names.binary_search(&key.name) {
                    names.reserve_exact(1);
                    names.insert(place, Arc::clone(&key.name));
                }
            }
        }
        self.objects.insert(key, Entry { kept: Kept::new(object, &self.pattern), seen });
        Taken::Newest { before }
    }

    pub(super) fn remove(&mut self, indexes: &[(&'static str, IndexFn<K>)], key: &ObjectKey) -> Option<Arc<K>> {
        let object = self.objects.remove(key)?.kept.get(&self.pattern)?;
        for (map, (_, values)) in self.indexes.iter_mut().zip(indexes) {
            for value in values(&object) {
                let index_key = (Arc::clone(&key.namespace), value.into_boxed_str());
                if let Some(names) = map.get_mut(&index_key) {
                    names.retain(|name| *name != key.name);
                    if names.is_empty() {
                        map.remove(&index_key);
                    }
                }
            }
        }
        Some(object)
    }

    /// Remembers that this object ended with this version: responses to earlier writes may still arrive.
    pub(super) fn bury(&mut self, last: &K) {
        self.graves.bury(last);
    }

    /// A list of a scope begins; returns its number.
    pub(super) fn list_begins(&mut self) -> u64 {
        self.lists += 1;
        self.lists
    }

    /// What a complete list did not contain.
    pub(super) fn not_in_list(&self, list: u64, namespace: Option<&str>) -> Vec<ObjectKey> {
        let inside = |key: &ObjectKey| namespace.is_none_or(|namespace| namespace == &*key.namespace);
        let missing = self.objects.iter().filter(|(key, entry)| entry.seen < list && inside(key));
        missing.map(|(key, _)| key.clone()).collect()
    }
}

/// Last versions of deleted objects, by uid.
#[derive(Default)]
struct Graves {
    versions: HashMap<Box<str>, u64>,
    order: VecDeque<Box<str>>,
}

impl Graves {
    fn bury<K: Resource>(&mut self, last: &K) {
        let (Some(uid), Some(version)) = (last.meta().uid.as_deref(), version(last.meta().resource_version.as_deref()))
        else {
            return;
        };
        let known = self.versions.insert(uid.into(), version);
        if known.is_none() {
            self.order.push_back(uid.into());
        }
        if self.order.len() > GRAVES
            && let Some(oldest) = self.order.pop_front()
        {
            self.versions.remove(&oldest);
        }
    }

    /// Whether the object was deleted with a later version than this one.
    fn outlive<K: Resource>(&self, object: &K) -> bool {
        let buried = object.meta().uid.as_deref().and_then(|uid| self.versions.get(uid));
        buried
            .zip(version(object.meta().resource_version.as_deref()))
            .is_some_and(|(buried, version)| version <= *buried)
    }
}
