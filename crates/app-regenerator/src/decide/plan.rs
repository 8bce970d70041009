//! What a decision says.

pub use integration_core::plan::{Because, Notice};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// What to do about one Application. The default does nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// What has to be known first; nothing else is done before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ask: Vec<Question>,
    /// Components that get the finalizer (AR-6).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<String>,
    /// Components that are let go (AR-12).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub release: Vec<String>,
    /// The Snapshot to create (AR-10).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create: Option<NewSnapshot>,
    /// Kubernetes Events about the Application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Notice>,
    /// When to look again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look_again: Option<Timestamp>,
    /// What is done, or deliberately not done, and why.
    pub because: Vec<Because>,
}

impl Plan {
    /// Whether nothing has to be written.
    pub fn is_idle(&self) -> bool {
        self.ask.is_empty() && self.hold.is_empty() && self.release.is_empty() && self.create.is_none()
    }
}

/// Something only the API server can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Does the Application exist, and is it being deleted?
    Application,
    /// Which Snapshots were made for deletions?
    Snapshots,
}

/// A Snapshot that does not exist yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewSnapshot {
    /// Name.
    pub name: String,
    /// Uids of the deleted Components, in byte order.
    pub deleted: Vec<String>,
    /// The whole object.
    pub body: Value,
}
