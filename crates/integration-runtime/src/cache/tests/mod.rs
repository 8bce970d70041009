//! What a store knows after changes arrive in any order.

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
        .index("group", |run| run.metadata.labels.as_ref().and_then(|l| l.get("group").cloned()).into_iter().collect())
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
    // OP-X1
    assert!(store.get("ns", "a").unwrap().metadata.managed_fields.is_none());
}

// OP-X11
#[test]
fn indexes_follow_changes_and_deletions() {
    let (store, seen) = store();
    store.apply(run("b", 1, "g1"));
    store.apply(run("a", 2, "g1"));
    let names: Vec<_> = store.lookup("group", "ns", "g1").iter().map(|r| r.metadata.name.clone().unwrap()).collect();
    assert_eq!(names, ["a", "b"]);
    store.apply(run("a", 3, "g2"));
    store.apply_deleted(&run("b", 4, "g1"));
    assert!(store.lookup("group", "ns", "g1").is_empty());
    assert_eq!(store.lookup("group", "ns", "g2").len(), 1);
    assert_eq!(seen.lock().unwrap().last().map(String::as_str), Some("1>-"));
}

#[test]
fn a_list_of_one_namespace_says_nothing_about_another() {
    let (store, _) = store();
    let mut elsewhere = run("a", 1, "g");
    elsewhere.metadata.namespace = Some("other".to_owned());
    store.apply(elsewhere);
    store.apply(run("a", 2, "g"));
    let list = store.list_begins();
    store.list_ends(list, Some("ns"));
    assert_eq!(store.keys(), [ObjectKey::new("other", "a")]);
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

// DESIGN §4: the answer to our own last write may come after the news that the object is gone.
#[test]
fn a_response_that_arrives_after_the_deletion_does_not_bring_the_object_back() {
    let (store, seen) = store();
    store.apply(run("a", 4, "g"));
    store.apply_deleted(&run("a", 7, "g"));
    let answer = store.observe(run("a", 6, "g"));
    assert_eq!(answer.metadata.resource_version.as_deref(), Some("6"), "the caller gets what it wrote");
    assert!(store.get("ns", "a").is_none() && store.lookup("group", "ns", "g").is_empty());
    assert_eq!(*seen.lock().unwrap(), ["->4", "4>-"]);
    // The object was only out of the selection for a while.
    store.apply(run("a", 9, "g"));
    assert!(store.get("ns", "a").is_some());
    // A late deletion speaks of an older version.
    store.apply_deleted(&run("a", 7, "g"));
    assert!(store.get("ns", "a").is_some());
}

#[test]
fn only_so_many_deletions_are_remembered() {
    let (store, _) = store();
    for number in 0..3000_u64 {
        store.apply_deleted(&run(&number.to_string(), 10, "g"));
    }
    store.observe(run("2999", 9, "g"));
    store.observe(run("0", 9, "g"));
    assert_eq!(store.keys(), [ObjectKey::new("ns", "0")]);
}

// The watch reports neither what it does not select nor how that ends, so it would stay for ever.
#[test]
fn a_response_outside_the_selection_is_not_kept() {
    let store = Store::new(Watch::<PipelineRun>::new().labels("group=g").trim(|run| run.metadata.labels = None));
    store.observe(run("other", 3, "h"));
    assert!(store.is_empty());
    store.observe(run("a", 4, "g"));
    assert_eq!(store.len(), 1);
    store.observe(run("a", 3, "h"));
    assert_eq!(store.len(), 1, "an older version says nothing about now");
    store.observe(run("a", 5, "h"));
    assert!(store.is_empty(), "the label was taken off");
    for selector in ["group in (g)", "group=g,x=y", "!group", "group!=h", "group==g"] {
        let store = Store::new(Watch::<PipelineRun>::new().labels(selector));
        store.observe(run("a", 1, "other"));
        assert_eq!(store.len(), 1, "{selector} is left to the server");
    }
}
