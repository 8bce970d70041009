//! The caches, and the [`World`] around one Application as they know it.

use std::sync::Arc;

use integration_api::{Application, Component, Snapshot, keys};
use integration_runtime::{ApiError, Context, ObjectKey, Store};
use jiff::SignedDuration;

use crate::decide::{Fact, Question, Tries, World};

/// Index of Components by Application.
pub(crate) const BY_APPLICATION: &str = "by_application";

/// The newest known objects.
#[derive(Clone)]
pub(crate) struct Caches {
    /// Components.
    pub components: Store<Component>,
    /// Applications.
    pub applications: Store<Application>,
    /// Takes the answers to creates; not filled by a watch.
    pub snapshots: Store<Snapshot>,
}

/// What one reconcile has learnt from the API server.
#[derive(Default)]
pub(crate) struct Learnt {
    /// The Application was read; it is in the cache, or it does not exist.
    pub application_read: bool,
    /// The Snapshots of the Application that may have been made for deletions.
    pub snapshots: Option<Vec<Arc<Snapshot>>>,
}

/// The world around an Application. Reads caches only.
pub(crate) fn observe(caches: &Caches, key: &ObjectKey, learnt: &Learnt, tries: Tries, wait: SignedDuration) -> World {
    let application = match caches.applications.get(&key.namespace, &key.name) {
        Some(application) => Fact::Found(application),
        None if learnt.application_read => Fact::Gone,
        None => Fact::NotCached,
    };
    World {
        name: key.name.to_string(),
        namespace: key.namespace.to_string(),
        application,
        application_read: learnt.application_read,
        components: caches.components.lookup(BY_APPLICATION, &key.namespace, &key.name),
        snapshots: learnt.snapshots.clone(),
        tries,
        wait,
    }
}

/// Finds out what the caches cannot tell.
pub(crate) async fn ask(
    context: &Context,
    caches: &Caches,
    key: &ObjectKey,
    question: Question,
    learnt: &mut Learnt,
) -> Result<(), ApiError> {
    match question {
        Question::Application => {
            context.get(&caches.applications, &key.namespace, &key.name).await?;
            learnt.application_read = true;
        }
        Question::Snapshots => {
            // The label is on every Snapshot of ours, whatever somebody made of its value since.
            let listed = context.list::<Snapshot>(&key.namespace, keys::AUTO_RELEASE).await?;
            let of_application = listed.into_iter().filter(|snapshot| snapshot.spec.application == *key.name);
            learnt.snapshots = Some(of_application.map(Arc::new).collect());
        }
    }
    Ok(())
}
