//! Application, owner of Snapshots in the Application model (API-80).

use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::foreign::foreign_kind;

/// An Application; only its metadata matters here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Application {
    /// Name, uid, deletion timestamp.
    #[serde(default)]
    pub metadata: ObjectMeta,
}

foreign_kind!(Application, "appstudio.redhat.com", "v1alpha1", "Application", "application", "applications");
