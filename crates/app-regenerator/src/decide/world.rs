//! Everything a decision about one Application needs to know.

use std::sync::Arc;

use integration_api::{Application, Component, Snapshot};
use jiff::{SignedDuration, Timestamp};

/// One Application, its Components, and what this reconcile has learnt.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Name of the Application.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The Application.
    pub application: Fact,
    /// Whether [`World::application`] was read live in this reconcile.
    pub application_read: bool,
    /// Its Components by name.
    pub components: Vec<Arc<Component>>,
    /// Its Snapshots that may have been made for deletions; `None` while they were not listed.
    pub snapshots: Option<Vec<Arc<Snapshot>>>,
    /// What became of earlier tries.
    pub tries: Tries,
    /// How long after a deletion further ones count as the same (AR-X6).
    pub wait: SignedDuration,
}

/// What is known about the Application.
#[derive(Clone, Debug, Default)]
pub enum Fact {
    /// The cache does not have it; only a live read can tell whether it exists.
    #[default]
    NotCached,
    /// A live read did not find it.
    Gone,
    /// It exists.
    Found(Arc<Application>),
}

/// What became of the tries to create one Snapshot (AR-X4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Uids of the deleted Components it is about; tries for others do not count.
    pub set: Vec<String>,
    /// Refusals that may pass (403).
    pub refused: u32,
    /// Why it can never succeed.
    pub never: Option<Never>,
    /// Names that belong to something else.
    pub names_taken: u8,
    /// The first failure.
    pub since: Option<Timestamp>,
    /// The last words of the API server.
    pub words: String,
}

/// Why a create can never succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// The Snapshot is invalid (422), or too large.
    Invalid,
    /// The namespace is being deleted.
    NamespaceTerminating,
}
