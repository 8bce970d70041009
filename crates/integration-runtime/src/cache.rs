//! One watch a kind, kept in memory with named indexes.
//!
//! A store is fed by its watch and by the responses of the program's own writes. The newest version known wins
//! (resource versions of one kind are ordered), so a decision is never made on something older than what the program
//! itself wrote last. An object that does not decode is reported and skipped; it never stops the watch.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ObjectKey;

mod guarded;
mod health;
mod kept;
mod state;
mod watch;

pub(crate) use guarded::Guarded;
use health::WatchHealth;
use state::{State, Taken};
pub(crate) use watch::WatchTask;

/// What a store can hold.
pub trait CacheObject:
    Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static
{
}
impl<K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static>
    CacheObject for K
{
}

/// A change of one object, as a store saw it.
#[derive(Debug)]
pub struct Change<'a, K> {
    /// Version before; `None` when the object is new.
    pub before: Option<&'a Arc<K>>,
    /// Version after; `None` when the object is gone.
    pub after: Option<&'a Arc<K>>,
}

impl<'a, K> Change<'a, K> {
    /// The newest version there is: after, else before.
    pub fn newest(&self) -> Option<&'a Arc<K>> {
        self.after.or(self.before)
    }
}

type Trim<K> = Box<dyn Fn(&mut K) + Send + Sync>;
type IndexFn<K> = Box<dyn Fn(&K) -> Vec<String> + Send + Sync>;
type Listener<K> = Box<dyn Fn(Change<'_, K>) + Send + Sync>;

/// Description of a watch: what is selected, what is kept, how it is indexed and whom a change wakes.
pub struct Watch<K> {
    labels: Option<String>,
    trim: Option<Trim<K>>,
    indexes: Vec<(&'static str, IndexFn<K>)>,
    listeners: Vec<Listener<K>>,
}

impl<K> Default for Watch<K> {
    fn default() -> Self {
        Self { labels: None, trim: None, indexes: Vec::new(), listeners: Vec::new() }
    }
}

impl<K: CacheObject> Watch<K> {
    /// A watch on all objects of the kind.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only objects that this label selector matches; evaluated by the API server.
    #[must_use]
    pub fn labels(mut self, selector: &str) -> Self {
        self.labels = Some(selector.to_owned());
        self
    }

    /// Drops what the program does not need before an object is kept. Managed fields are always dropped.
    #[must_use]
    pub fn trim(mut self, trim: impl Fn(&mut K) + Send + Sync + 'static) -> Self {
        self.trim = Some(Box::new(trim));
        self
    }

    /// An index inside each namespace: the values under which an object is found by [`Store::lookup`].
    #[must_use]
    pub fn index(mut self, name: &'static str, values: impl Fn(&K) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.indexes.push((name, Box::new(values)));
        self
    }

    /// Whether the selector matches: a response may show an object that the watch does not report (any more). Only the
    /// plain form `key=value` is looked at; everything else counts as a match.
    fn selects(&self, object: &K) -> bool {
        let Some((key, value)) = self.labels.as_deref().and_then(|selector| selector.split_once('=')) else {
            return true;
        };
        let plain = !key.ends_with('!') && !value.contains(['=', ',']) && !key.contains([',', ' ']);
        !plain || object.meta().labels.as_ref().and_then(|labels| labels.get(key)).is_some_and(|label| label == value)
    }

    /// Called after each change, also for the objects of the first list. Must not block.
    #[must_use]
    pub fn on_change(mut self, listener: impl Fn(Change<'_, K>) + Send + Sync + 'static) -> Self {
        self.listeners.push(Box::new(listener));
        self
    }
}

/// The newest known objects of one kind.
pub struct Store<K> {
    inner: Arc<Inner<K>>,
}

impl<K> Clone for Store<K> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

struct Inner<K> {
    watch: Watch<K>,
    state: RwLock<State<K>>,
    health: WatchHealth,
}

impl<K: CacheObject> Store<K> {
    /// An empty store. [`crate::Setup::watch`] makes those that fill by themselves; one made here knows only what it is
    /// told.
    pub fn new(watch: Watch<K>) -> Self {
        let state = RwLock::new(State::new(watch.indexes.len()));
        Self { inner: Arc::new(Inner { watch, state, health: WatchHealth::default() }) }
    }

    /// The object of that name, if it is known.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        self.read().get(&ObjectKey::new(namespace, name))
    }

    /// The objects of a namespace that an index lists under a value, sorted by name. An unknown index finds nothing.
    pub fn lookup(&self, index: &'static str, namespace: &str, value: &str) -> Vec<Arc<K>> {
        let Some(position) = self.inner.watch.indexes.iter().position(|(name, _)| *name == index) else {
            tracing::error!(index, kind = %K::kind(&()), "an index that was never declared was asked for");
            return Vec::new();
        };
        self.read().lookup(position, namespace, value)
    }

    /// The keys of all objects known.
    pub fn keys(&self) -> Vec<ObjectKey> {
        self.read().keys().cloned().collect()
    }

    /// How many objects are known.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether no object is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in a response or a live read. It is kept if it is newer than what is known, and if the watch would report
    /// it; returned is the newest version.
    pub fn observe(&self, object: K) -> Arc<K> {
        self.apply(object)
    }

    /// Forgets an object that a live read did not find, unless it was created anew since.
    pub fn forget(&self, namespace: &str, name: &str, uid: Option<&str>) {
        let key = ObjectKey::new(namespace, name);
        let removed = {
            let mut state = self.write();
            match state.identity(&key) {
                Some((_, known)) if uid.is_none() || known == uid => state.remove(&self.inner.watch.indexes, &key),
                _ => None,
            }
        };
        self.tell_removed(removed.as_ref());
    }

    /// An object of the watch or of a response.
    fn apply(&self, mut object: K) -> Arc<K> {
        let selected = self.inner.watch.selects(&object);
        object.meta_mut().managed_fields = None;
        if let Some(trim) = &self.inner.watch.trim {
            trim(&mut object);
        }
        let object = Arc::new(object);
        if !selected {
            self.apply_deleted(&object);
            return object;
        }
        let taken = self.write().take(&self.inner.watch.indexes, ObjectKey::of(&*object), &object);
        match taken {
            Taken::Known(newest) => newest,
            Taken::Deleted => object,
            Taken::Newest { before } => {
                for listener in &self.inner.watch.listeners {
                    listener(Change { before: before.as_ref(), after: Some(&object) });
                }
                object
            }
        }
    }

    /// A deletion the watch reported, or a version that the watch does not select any more.
    fn apply_deleted(&self, object: &K) {
        let key = ObjectKey::of(object);
        let removed = {
            let mut state = self.write();
            state.bury(object);
            match state.identity(&key) {
                // Created anew, or selected again, since; the deletion speaks of an older version.
                Some((version, uid)) if outdated(object, version, uid) => None,
                Some(_) => state.remove(&self.inner.watch.indexes, &key),
                None => None,
            }
        };
        self.tell_removed(removed.as_ref());
    }

    /// A list of the whole scope begins.
    fn list_begins(&self) -> u64 {
        self.write().list_begins()
    }

    /// The list that began as `list` is complete: what it did not contain is gone.
    fn list_ends(&self, list: u64, namespace: Option<&str>) {
        let removed: Vec<Arc<K>> = {
            let mut state = self.write();
            let gone = state.not_in_list(list, namespace);
            gone.iter().filter_map(|key| state.remove(&self.inner.watch.indexes, key)).collect()
        };
        for object in &removed {
            self.tell_removed(Some(object));
        }
    }

    fn tell_removed(&self, removed: Option<&Arc<K>>) {
        if let Some(object) = removed {
            for listener in &self.inner.watch.listeners {
                listener(Change { before: Some(object), after: None });
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State<K>> {
        self.inner.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K>> {
        self.inner.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether `a` is a later version than `b`. Versions that are no numbers cannot be ordered: then the one that came
/// last counts, unless they are equal.
fn newer(a: Option<&str>, b: Option<&str>) -> bool {
    match (version(a), version(b)) {
        (Some(a), Some(b)) => a > b,
        _ => a != b,
    }
}

/// Whether a deletion speaks of a version older than the one known.
fn outdated<K: Resource>(deleted: &K, known: Option<&str>, uid: Option<&str>) -> bool {
    let meta = deleted.meta();
    match (version(meta.resource_version.as_deref()), version(known)) {
        (Some(deleted), Some(known)) => deleted < known,
        _ => meta.uid.as_deref() != uid,
    }
}

/// The version as a number, where it is one.
fn version(resource_version: Option<&str>) -> Option<u64> {
    resource_version?.parse().ok()
}

#[cfg(test)]
mod tests;
