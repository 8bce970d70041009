//! Repository of Pipelines as Code (API-125 … API-127).

use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::foreign::foreign_kind;

/// A Repository: a git repository that Pipelines as Code builds for this namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    /// Name.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// URL and credentials.
    #[serde(default)]
    pub spec: RepositorySpec,
}

foreign_kind!(Repository, "pipelinesascode.tekton.dev", "v1alpha1", "Repository", "repository", "repositories");

/// Spec of a Repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepositorySpec {
    /// Repository URL.
    pub url: String,
    /// How to reach the git provider.
    pub git_provider: Option<GitProvider>,
}

/// Access to a git provider (API-126).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitProvider {
    /// API URL.
    pub url: String,
    /// User name.
    pub user: String,
    /// Where the token is.
    pub secret: Option<SecretKey>,
}

/// Key of a Secret in the Repository's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretKey {
    /// Secret name.
    pub name: String,
    /// Key in the Secret.
    pub key: String,
}
