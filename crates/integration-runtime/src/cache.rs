//! One watch a kind, kept in memory with named indexes.
//!
//! A store is fed by its watch and by the responses of the program's own writes. The newest version known wins
//! (resource versions of one kind are ordered), so a decision is never made on something older than what the program
//! itself wrote last. An object that does not decode is reported and skipped; it never stops the watch.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use kube::Resource;
use serde::de::DeserializeOwned;

use crate::ObjectKey;

mod guarded;
mod watch;

pub(crate) use guarded::Guarded;
pub(crate) use watch::{WatchHealth, WatchTask};

/// What a store can hold.
pub trait CacheObject:
    Resource<DynamicType = ()> + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static
{
}
impl<K: Resource<DynamicType = ()> + DeserializeOwned + Clone + fmt::Debug + Send + Sync + 'static> CacheObject for K {}

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

/// Namespace and value to names.
type Index = HashMap<(Arc<str>, Box<str>), BTreeSet<Arc<str>>>;

struct State<K> {
    objects: HashMap<ObjectKey, Entry<K>>,
    indexes: Vec<Index>,
    /// Counts the lists begun; an entry older than a finished list of its scope was not in it.
    lists: u64,
}

struct Entry<K> {
    object: Arc<K>,
    seen: u64,
}

impl<K: CacheObject> Store<K> {
    pub(crate) fn new(watch: Watch<K>) -> Self {
        let indexes = watch.indexes.iter().map(|_| HashMap::new()).collect();
        let state = RwLock::new(State { objects: HashMap::new(), indexes, lists: 0 });
        Self { inner: Arc::new(Inner { watch, state, health: WatchHealth::default() }) }
    }

    /// The object of that name, if it is known.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<K>> {
        let state = self.inner.state.read().unwrap_or_else(PoisonError::into_inner);
        state.objects.get(&ObjectKey::new(namespace, name)).map(|entry| Arc::clone(&entry.object))
    }

    /// The objects of a namespace that an index lists under a value, sorted by name. An unknown index finds nothing.
    pub fn lookup(&self, index: &'static str, namespace: &str, value: &str) -> Vec<Arc<K>> {
        let Some(position) = self.inner.watch.indexes.iter().position(|(name, _)| *name == index) else {
            tracing::error!(index, kind = %K::kind(&()), "an index that was never declared was asked for");
            return Vec::new();
        };
        let state = self.inner.state.read().unwrap_or_else(PoisonError::into_inner);
        let namespace: Arc<str> = namespace.into();
        let Some(names) = state.indexes.get(position).and_then(|map| map.get(&(Arc::clone(&namespace), value.into())))
        else {
            return Vec::new();
        };
        names
            .iter()
            .filter_map(|name| {
                let key = ObjectKey { namespace: Arc::clone(&namespace), name: Arc::clone(name) };
                state.objects.get(&key).map(|entry| Arc::clone(&entry.object))
            })
            .collect()
    }

    /// The keys of all objects known.
    pub fn keys(&self) -> Vec<ObjectKey> {
        let state = self.inner.state.read().unwrap_or_else(PoisonError::into_inner);
        state.objects.keys().cloned().collect()
    }

    /// How many objects are known.
    pub fn len(&self) -> usize {
        self.inner.state.read().unwrap_or_else(PoisonError::into_inner).objects.len()
    }

    /// Whether no object is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in a response or a live read. It is kept if it is newer than what is known; returned is the newest.
    pub fn observe(&self, object: K) -> Arc<K> {
        self.apply(object)
    }

    /// Forgets an object that a live read did not find, unless it was created anew since.
    pub fn forget(&self, namespace: &str, name: &str, uid: Option<&str>) {
        let key = ObjectKey::new(namespace, name);
        let removed = {
            let mut state = self.inner.state.write().unwrap_or_else(PoisonError::into_inner);
            match state.objects.get(&key) {
                Some(entry) if uid.is_none() || entry.object.meta().uid.as_deref() == uid => {
                    self.remove(&mut state, &key)
                }
                _ => None,
            }
        };
        self.tell_removed(removed.as_ref());
    }

    /// An object of the watch or of a response.
    fn apply(&self, mut object: K) -> Arc<K> {
        object.meta_mut().managed_fields = None;
        if let Some(trim) = &self.inner.watch.trim {
            trim(&mut object);
        }
        let key = ObjectKey::of(&object);
        let object = Arc::new(object);
        let before = {
            let mut state = self.inner.state.write().unwrap_or_else(PoisonError::into_inner);
            let seen = state.lists;
            if let Some(entry) = state.objects.get_mut(&key)
                && !newer(&*object, &*entry.object)
            {
                entry.seen = seen;
                return Arc::clone(&entry.object);
            }
            let before = self.remove(&mut state, &key);
            for (position, (_, values)) in self.inner.watch.indexes.iter().enumerate() {
                for value in values(&object) {
                    if let Some(map) = state.indexes.get_mut(position) {
                        let names = map.entry((Arc::clone(&key.namespace), value.into_boxed_str())).or_default();
                        names.insert(Arc::clone(&key.name));
                    }
                }
            }
            state.objects.insert(key, Entry { object: Arc::clone(&object), seen });
            before
        };
        for listener in &self.inner.watch.listeners {
            listener(Change { before: before.as_ref(), after: Some(&object) });
        }
        object
    }

    /// A deletion the watch reported.
    fn apply_deleted(&self, object: &K) {
        let key = ObjectKey::of(object);
        let removed = {
            let mut state = self.inner.state.write().unwrap_or_else(PoisonError::into_inner);
            match state.objects.get(&key) {
                // A newer object of the same name was created since; the deletion speaks of the old one.
                Some(entry) if entry.object.meta().uid != object.meta().uid && newer(&*entry.object, object) => None,
                Some(_) => self.remove(&mut state, &key),
                None => None,
            }
        };
        self.tell_removed(removed.as_ref());
    }

    /// A list of the whole scope begins.
    fn list_begins(&self) -> u64 {
        let mut state = self.inner.state.write().unwrap_or_else(PoisonError::into_inner);
        state.lists += 1;
        state.lists
    }

    /// The list that began as `list` is complete: what it did not contain is gone.
    fn list_ends(&self, list: u64, namespace: Option<&str>) {
        let removed: Vec<Arc<K>> = {
            let mut state = self.inner.state.write().unwrap_or_else(PoisonError::into_inner);
            let gone: Vec<ObjectKey> = state
                .objects
                .iter()
                .filter(|(key, entry)| entry.seen < list && namespace.is_none_or(|ns| ns == &*key.namespace))
                .map(|(key, _)| key.clone())
                .collect();
            gone.iter().filter_map(|key| self.remove(&mut state, key)).collect()
        };
        for object in &removed {
            self.tell_removed(Some(object));
        }
    }

    fn remove(&self, state: &mut State<K>, key: &ObjectKey) -> Option<Arc<K>> {
        let entry = state.objects.remove(key)?;
        for (position, (_, values)) in self.inner.watch.indexes.iter().enumerate() {
            let Some(map) = state.indexes.get_mut(position) else { continue };
            for value in values(&entry.object) {
                let index_key = (Arc::clone(&key.namespace), value.into_boxed_str());
                if let Some(names) = map.get_mut(&index_key) {
                    names.remove(&key.name);
                    if names.is_empty() {
                        map.remove(&index_key);
                    }
                }
            }
        }
        Some(entry.object)
    }

    fn tell_removed(&self, removed: Option<&Arc<K>>) {
        if let Some(object) = removed {
            for listener in &self.inner.watch.listeners {
                listener(Change { before: Some(object), after: None });
            }
        }
    }
}

/// Whether `a` is a later version than `b`. Versions that are no numbers cannot be ordered: then the one that came
/// last counts, unless they are equal.
fn newer<K: Resource>(a: &K, b: &K) -> bool {
    let (a, b) = (a.meta().resource_version.as_deref(), b.meta().resource_version.as_deref());
    match (a.and_then(|v| v.parse::<u64>().ok()), b.and_then(|v| v.parse::<u64>().ok())) {
        (Some(a), Some(b)) => a > b,
        _ => a != b,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use integration_api::PipelineRun;
    use serde_json::json;

    use super::*;

    fn run(name: &str, version: u64, group: &str) -> PipelineRun {
        serde_json::from_value(json!({"metadata": {"namespace": "ns", "name": name, "uid": name,
            "resourceVersion": version.to_string(), "labels": {"group": group}, "managedFields": [{"manager": "x"}]}}))
        .unwrap()
    }

    fn store() -> (Store<PipelineRun>, Arc<Mutex<Vec<String>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let watch = Watch::<PipelineRun>::new()
            .index("group", |run| {
                run.metadata.labels.as_ref().and_then(|l| l.get("group").cloned()).into_iter().collect()
            })
            .on_change(move |change| {
                let version = |run: Option<&Arc<PipelineRun>>| {
                    run.map_or("-".to_owned(), |run| run.metadata.resource_version.clone().unwrap_or_default())
                };
                log.lock().unwrap().push(format!("{}>{}", version(change.before), version(change.after)));
            });
        (Store::new(watch), seen)
    }

    #[test]
    fn the_newest_version_wins_whatever_the_order_of_arrival() {
        let (store, seen) = store();
        store.observe(run("a", 5, "g1"));
        store.apply(run("a", 4, "g0")); // the watch catches up with our own write
        store.apply(run("a", 5, "g1"));
        assert_eq!(store.get("ns", "a").unwrap().metadata.resource_version.as_deref(), Some("5"));
        assert!(store.lookup("group", "ns", "g0").is_empty());
        assert_eq!(store.lookup("group", "ns", "g1").len(), 1);
        assert_eq!(*seen.lock().unwrap(), ["->5"]);
        assert!(store.get("ns", "a").unwrap().metadata.managed_fields.is_none());
    }

    #[test]
    fn indexes_follow_changes_and_deletions() {
        let (store, seen) = store();
        store.apply(run("b", 1, "g1"));
        store.apply(run("a", 2, "g1"));
        let names: Vec<_> =
            store.lookup("group", "ns", "g1").iter().map(|r| r.metadata.name.clone().unwrap()).collect();
        assert_eq!(names, ["a", "b"]);
        store.apply(run("a", 3, "g2"));
        store.apply_deleted(&run("b", 4, "g1"));
        assert!(store.lookup("group", "ns", "g1").is_empty());
        assert_eq!(store.lookup("group", "ns", "g2").len(), 1);
        assert_eq!(seen.lock().unwrap().last().map(String::as_str), Some("1>-"));
    }

    #[test]
    fn a_finished_list_removes_what_it_did_not_contain_but_not_what_was_written_meanwhile() {
        let (store, _) = store();
        store.apply(run("old", 1, "g"));
        store.apply(run("kept", 2, "g"));
        let list = store.list_begins();
        store.apply(run("kept", 2, "g"));
        store.observe(run("ours", 9, "g"));
        store.list_ends(list, None);
        assert!(store.get("ns", "old").is_none());
        assert!(store.get("ns", "kept").is_some());
        assert!(store.get("ns", "ours").is_some());
    }

    #[test]
    fn a_late_deletion_does_not_remove_the_successor_of_the_same_name() {
        let (store, _) = store();
        let mut successor = run("a", 9, "g");
        successor.metadata.uid = Some("second".to_owned());
        store.observe(successor);
        store.apply_deleted(&run("a", 5, "g"));
        assert!(store.get("ns", "a").is_some());
        store.forget("ns", "a", Some("first"));
        assert!(store.get("ns", "a").is_some());
        store.forget("ns", "a", Some("second"));
        assert!(store.get("ns", "a").is_none());
    }
}
