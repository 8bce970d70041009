//! Decisions as data: every file of `tests/cases` is an Application with its Components and the plan it must lead to.
//!
//! Times are times of day on 2025-05-01; `now` is 10:00:00 unless the case says otherwise. `app` has uid `app-uid`; the
//! uid of Component `a` is `a-uid`. A Component has a git URL, revision `main`, a promoted image, a built commit and the
//! finalizer, unless the case says otherwise.
//!
//! How plans are compared: [`decision_cases::compare`].
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test says so by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;

use app_regenerator::decide::{Fact, Never, Tries, World, decide, is_orphan};
use decision_cases::{Cases, compare};
use integration_api::{Component, keys};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default = "ten")]
    now: String,
    /// `not_cached`, `gone`, `terminating`, or `read` = confirmed by a live read; absent = in the cache only.
    #[serde(default)]
    application: String,
    #[serde(default = "app")]
    name: String,
    components: BTreeMap<String, ComponentCase>,
    /// Snapshots by name, and the uids in their annotation; absent = not listed.
    snapshots: Option<BTreeMap<String, String>>,
    #[serde(default)]
    tries: TriesCase,
    plan: Value,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ComponentCase {
    /// When it was deleted.
    deleted: Option<String>,
    held: bool,
    finalizers: Vec<String>,
    image: String,
    commit: String,
    revision: String,
    url: String,
    source: Value,
}

impl Default for ComponentCase {
    fn default() -> Self {
        Self {
            deleted: None,
            held: true,
            finalizers: Vec::new(),
            image: "default".to_owned(),
            commit: "c0ffee".to_owned(),
            revision: "main".to_owned(),
            url: "https://git/org".to_owned(),
            source: json!({}),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct TriesCase {
    set: Vec<String>,
    refused: u32,
    never: String,
    names_taken: u8,
    since: Option<String>,
    words: String,
}

fn ten() -> String {
    "10:00:00".to_owned()
}

fn app() -> String {
    "app".to_owned()
}

fn at(text: &str) -> String {
    format!("2025-05-01T{text}Z")
}

fn time(text: &str) -> Timestamp {
    at(text).parse().unwrap()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn component(name: &str, application: &str, case: &ComponentCase) -> Component {
    let mut finalizers = case.finalizers.clone();
    if case.held {
        finalizers.push(keys::COMPONENT_FINALIZER.to_owned());
    }
    let image = match case.image.as_str() {
        "default" => format!("quay.io/org/{name}@sha256:{}", "a".repeat(64)),
        image => image.to_owned(),
    };
    let mut source = case.source.clone();
    if !case.url.is_empty() {
        source["git"]["url"] = json!(format!("{}/{name}", case.url));
        source["git"]["revision"] = json!(case.revision);
    }
    read(json!({
        "metadata": {"name": name, "namespace": "ns", "uid": format!("{name}-uid"), "finalizers": finalizers,
            "deletionTimestamp": case.deleted.as_deref().map(at)},
        "spec": {"application": application, "source": source},
        "status": {"lastPromotedImage": image, "lastBuiltCommit": case.commit},
    }))
}

fn world(case: &Case) -> World {
    let deleted = (case.application == "terminating").then(|| at("09:59:00"));
    let found =
        json!({"metadata": {"name": case.name, "namespace": "ns", "uid": "app-uid", "deletionTimestamp": deleted}});
    let application = match case.application.as_str() {
        "not_cached" => Fact::NotCached,
        "gone" => Fact::Gone,
        "" | "read" | "terminating" => Fact::Found(Arc::new(read(found))),
        other => panic!("{other} is no fact about an Application"),
    };
    let snapshot = |(name, uids): (&String, &String)| {
        let annotations = json!({keys::DELETED_COMPONENTS: uids});
        Arc::new(read(json!({"metadata": {"name": name, "annotations": annotations}, "spec": {"application": "app"}})))
    };
    let tries = &case.tries;
    World {
        name: case.name.clone(),
        namespace: "ns".to_owned(),
        application,
        application_read: matches!(case.application.as_str(), "gone" | "read"),
        components: case.components.iter().map(|(name, one)| Arc::new(component(name, &case.name, one))).collect(),
        snapshots: case.snapshots.as_ref().map(|all| all.iter().map(snapshot).collect()),
        tries: Tries {
            set: tries.set.clone(),
            refused: tries.refused,
            never: match tries.never.as_str() {
                "" => None,
                "invalid" => Some(Never::Invalid),
                "namespace_terminating" => Some(Never::NamespaceTerminating),
                other => panic!("{other} is no reason to give up"),
            },
            names_taken: tries.names_taken,
            since: tries.since.as_deref().map(time),
            words: tries.words.clone(),
        },
        wait: SignedDuration::from_secs(30),
    }
}

fn cases() -> Cases {
    Cases::of(env!("CARGO_MANIFEST_DIR"), 25)
}

#[test]
fn every_application_leads_to_its_plan() {
    cases().check(|case: &Case| compare(&case.plan, &decide(&world(case), time(&case.now))));
}

#[test]
fn every_case_is_named_after_its_rule() {
    cases().assert_names(&["ar", "api"]);
}

// AR-3, AR-X3, E-18: a Component of no Application is left alone, but for a finalizer that would hold it for ever.
#[test]
fn ar_x3_a_component_that_left_its_application_is_let_go() {
    let held = ComponentCase::default();
    let free = ComponentCase { held: false, ..ComponentCase::default() };
    let dying = ComponentCase { deleted: Some("09:00:00".to_owned()), ..ComponentCase::default() };
    assert!(is_orphan(&component("a", "", &held)));
    assert!(is_orphan(&component("a", "", &dying)));
    assert!(!is_orphan(&component("a", "", &free)));
    assert!(!is_orphan(&component("a", "app", &held)));
}
