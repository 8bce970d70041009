//! Release and ReleasePlan of the release-service (API-100 … API-105).

use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};

use crate::Condition;
use crate::foreign::foreign_kind;

/// A Release: one Snapshot given to one ReleasePlan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Release {
    /// Label `automated` tells ours from those of people.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is released.
    #[serde(default)]
    pub spec: ReleaseSpec,
    /// How far it got.
    #[serde(default)]
    pub status: ReleaseStatus,
}

foreign_kind!(Release, "appstudio.redhat.com", "v1alpha1", "Release", "release", "releases");

/// Spec of a Release (API-100).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleaseSpec {
    /// Snapshot name.
    pub snapshot: String,
    /// ReleasePlan name.
    pub release_plan: String,
}

/// Status of a Release.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReleaseStatus {
    /// Whether it was created automatically (API-101).
    pub automated: bool,
    /// Conditions; `Released` = False means failed.
    pub conditions: Vec<Condition>,
}

/// A ReleasePlan: how Snapshots of an owner are released.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ReleasePlan {
    /// Label and annotation `auto-release` decide (API-105, API-190).
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// Owner.
    #[serde(default)]
    pub spec: ReleasePlanSpec,
}

foreign_kind!(ReleasePlan, "appstudio.redhat.com", "v1alpha1", "ReleasePlan", "releaseplan", "releaseplans");

/// Spec of a ReleasePlan (API-104).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleasePlanSpec {
    /// Application it releases for.
    pub application: String,
    /// ComponentGroup it releases for.
    pub component_group: String,
}
