//! What is watched, with which index, and whom a change wakes.
//!
//! The queue `applications` is keyed by Application, so that all its deleted Components are looked at together (AR-X6);
//! the queue `components` is for Components without Application.

use integration_api::{Application, Component};
use integration_runtime::{Change, ObjectKey, Program, Queue, Right, SettingsError, Setup, Store, Watch};
use kube::Resource;

use crate::act::Actor;
use crate::decide::meta;
use crate::observe::{BY_APPLICATION, Caches};
use crate::reconcile::{Orphans, Regenerator};
use crate::settings::Settings;

/// The program.
#[derive(Debug)]
pub struct AppRegenerator;

const GROUP: &str = "appstudio.redhat.com";

impl Program for AppRegenerator {
    const NAME: &'static str = "app-regenerator";
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    // HC-20, AR-15
    const RIGHTS: &'static [Right] = &[
        Right { group: GROUP, resource: "snapshots", verbs: &["get", "list", "create"] },
        Right { group: GROUP, resource: "components", verbs: &["get", "list", "watch", "patch"] },
        Right { group: GROUP, resource: "applications", verbs: &["get", "list", "watch"] },
        Right { group: GROUP, resource: "applications/finalizers", verbs: &["update"] },
    ];
    type Settings = Settings;

    fn start(setup: &mut Setup, settings: Settings) -> Result<(), SettingsError> {
        let context = setup.context();
        let applications = setup.queue("applications");
        let components = setup.queue("components");
        let caches = Caches {
            components: setup.watch(watch_components(applications.clone(), components.clone())),
            applications: setup.watch(watch_applications(applications.clone())),
            // Too many to be watched for the few that matter: listed when one is owed.
            snapshots: Store::new(Watch::new()),
        };
        let actor = Actor { context, caches: caches.clone() };
        let known = caches.components.clone();
        setup.serve(&applications, Regenerator::new(actor.clone(), settings.deletion_wait), move || {
            every(&known, application_key)
        });
        let known = caches.components;
        setup.serve(&components, Orphans { actor }, move || every(&known, orphan_key));
        Ok(())
    }
}

fn watch_components(applications: Queue, components: Queue) -> Watch<Component> {
    Watch::<Component>::new()
        .trim(trim_component)
        .index(BY_APPLICATION, |component| {
            let name = component.spec.application.clone();
            (!name.is_empty()).then_some(name).into_iter().collect()
        })
        .on_change(move |change| {
            let Some(after) = change.after.filter(|_| matters(&change)) else { return };
            // Both, if it was moved: what the former one waited for may have changed.
            for component in change.before.into_iter().chain([after]) {
                if let Some(key) = application_key(component) {
                    applications.wake(key);
                }
            }
            if let Some(key) = orphan_key(after) {
                components.wake(key);
            }
        })
}

fn watch_applications(applications: Queue) -> Watch<Application> {
    Watch::<Application>::new().trim(trim_application).on_change(move |change| {
        let same = |before: &Application, after: &Application| {
            meta::uid(before) == meta::uid(after) && meta::terminating(before) == meta::terminating(after)
        };
        let unchanged = matches!((change.before, change.after), (Some(before), Some(after)) if same(before, after));
        if let Some(application) = change.newest().filter(|_| !unchanged) {
            applications.wake(ObjectKey::of(&**application));
        }
    })
}

/// Whether a Component is new, or differs in Application, deletion or finalizer. Promotions do not matter.
fn matters(change: &Change<'_, Component>) -> bool {
    let (Some(before), Some(after)) = (change.before, change.after) else { return true };
    meta::uid(&**before) != meta::uid(&**after)
        || before.spec.application != after.spec.application
        || meta::terminating(&**before) != meta::terminating(&**after)
        || meta::held(before) != meta::held(after)
}

fn application_key(component: &Component) -> Option<ObjectKey> {
    let application = &component.spec.application;
    (!application.is_empty()).then(|| ObjectKey::new(meta::namespace(component), application))
}

/// Components of no Application that carry the finalizer (AR-X3).
fn orphan_key(component: &Component) -> Option<ObjectKey> {
    (component.spec.application.is_empty() && meta::held(component)).then(|| ObjectKey::of(component))
}

fn every(components: &Store<Component>, key: fn(&Component) -> Option<ObjectKey>) -> Vec<ObjectKey> {
    let known = components.keys();
    let mut keys: Vec<ObjectKey> =
        known.iter().filter_map(|known| key(&*components.get(&known.namespace, &known.name)?)).collect();
    keys.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    keys.dedup();
    keys
}

fn trim_component(component: &mut Component) {
    trim(component);
    component.spec.container_image = String::new();
}

fn trim_application(application: &mut Application) {
    trim(application);
    application.metadata.finalizers = None;
}

fn trim<K: Resource>(object: &mut K) {
    let metadata = object.meta_mut();
    metadata.labels = None;
    metadata.annotations = None;
    metadata.owner_references = None;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use integration_api::keys;
    use serde_json::{Value, json};

    use super::*;

    // HC-20, AR-15
    #[test]
    fn hc_20_rights_are_the_row_of_the_table() {
        let rights: Vec<_> = AppRegenerator::RIGHTS
            .iter()
            .map(|right| format!("{} {}", right.resource, right.verbs.join(" ")))
            .collect();
        let table = [
            "snapshots get list create",
            "components get list watch patch",
            "applications get list watch",
            "applications/finalizers update",
        ];
        assert_eq!(rights, table);
    }

    fn component(metadata: &Value, application: &str, image: &str) -> Arc<Component> {
        let mut object = json!({"metadata": metadata, "spec": {"application": application},
            "status": {"lastPromotedImage": image}});
        object["metadata"]["namespace"] = json!("ns");
        object["metadata"]["name"] = json!("c");
        serde_json::from_value(object).unwrap()
    }

    // AR-1, AR-18
    #[test]
    fn ar_1_only_application_deletion_and_finalizer_of_a_component_matter() {
        let before = component(&json!({"uid": "u"}), "app", "");
        let change = |after: &Arc<Component>| matters(&Change { before: Some(&before), after: Some(after) });
        assert!(!change(&component(&json!({"uid": "u", "labels": {"a": "b"}}), "app", "promoted")));
        assert!(change(&component(&json!({"uid": "u"}), "other", "")));
        assert!(change(&component(&json!({"uid": "u", "deletionTimestamp": "2025-01-01T00:00:00Z"}), "app", "")));
        assert!(change(&component(&json!({"uid": "u", "finalizers": [keys::COMPONENT_FINALIZER]}), "app", "")));
        assert!(change(&component(&json!({"uid": "v"}), "app", "")));
        assert!(matters(&Change { before: None, after: Some(&before) }));
    }

    // AR-3, AR-X3
    #[test]
    fn ar_x3_only_held_components_without_application_are_looked_at_by_themselves() {
        let held = json!({"uid": "u", "finalizers": [keys::COMPONENT_FINALIZER]});
        assert_eq!(orphan_key(&component(&json!({"uid": "u"}), "", "")), None);
        assert_eq!(orphan_key(&component(&held, "app", "")), None);
        assert_eq!(orphan_key(&component(&held, "", "")), Some(ObjectKey::new("ns", "c")));
        assert_eq!(application_key(&component(&held, "app", "")), Some(ObjectKey::new("ns", "app")));
    }
}
