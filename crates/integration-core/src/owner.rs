//! Owners of Snapshots: an Application or a ComponentGroup (API-95).

use std::fmt;

use integration_api::snapshot::SnapshotOwner;
use integration_api::{IntegrationTestScenario, ReleasePlan, keys};
use serde_json::{Value, json};

/// Kind of an owner; decides the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// Application model.
    Application,
    /// ComponentGroup model.
    ComponentGroup,
}

impl OwnerKind {
    /// `apiVersion` of objects of this kind.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Application => "appstudio.redhat.com/v1alpha1",
            Self::ComponentGroup => "appstudio.redhat.com/v1beta2",
        }
    }

    /// Value of the metric label `model`.
    pub fn model(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::ComponentGroup => "component_group",
        }
    }
}

/// The kind as Kubernetes spells it.
impl fmt::Display for OwnerKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Application => "Application",
            Self::ComponentGroup => "ComponentGroup",
        })
    }
}

/// An owner in the namespace of what it owns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its kind.
    pub kind: OwnerKind,
    /// Its name.
    pub name: String,
}

impl Owner {
    /// An Application.
    pub fn application(name: impl Into<String>) -> Self {
        Self { kind: OwnerKind::Application, name: name.into() }
    }

    /// A ComponentGroup.
    pub fn component_group(name: impl Into<String>) -> Self {
        Self { kind: OwnerKind::ComponentGroup, name: name.into() }
    }

    /// Owner of a Snapshot; the ComponentGroup where both are named (API-95), `None` where neither is (API-B26).
    pub fn of_snapshot(spec: &SnapshotOwner) -> Option<Self> {
        named(Self::component_group, &spec.component_group).or_else(|| named(Self::application, &spec.application))
    }

    /// Owner of a scenario; the Application where both are named (API-22).
    pub fn of_scenario(scenario: &IntegrationTestScenario) -> Option<Self> {
        let spec = &scenario.spec;
        named(Self::application, spec.application.as_deref().unwrap_or_default())
            .or_else(|| named(Self::component_group, spec.component_group.as_deref().unwrap_or_default()))
    }

    /// Owner of a ReleasePlan (API-104); the ComponentGroup where both are named, as for the Snapshots it releases.
    pub fn of_plan(plan: &ReleasePlan) -> Option<Self> {
        named(Self::component_group, &plan.spec.component_group)
            .or_else(|| named(Self::application, &plan.spec.application))
    }

    /// The owner fields of a Snapshot that this owner gets.
    pub fn snapshot_owner(&self) -> SnapshotOwner {
        match self.kind {
            OwnerKind::Application => SnapshotOwner { application: self.name.clone(), component_group: String::new() },
            OwnerKind::ComponentGroup => {
                SnapshotOwner { application: String::new(), component_group: self.name.clone() }
            }
        }
    }

    /// Key of the label that names this owner (API-L3, API-L4).
    pub fn label_key(&self) -> &'static str {
        match self.kind {
            OwnerKind::Application => keys::APPLICATION,
            OwnerKind::ComponentGroup => keys::COMPONENT_GROUP,
        }
    }

    /// Controller owner reference of a Snapshot to this owner (API-96, SC-108).
    pub fn reference(&self, uid: &str) -> Value {
        json!({
            "apiVersion": self.kind.api_version(),
            "kind": self.kind.to_string(),
            "name": self.name,
            "uid": uid,
            "controller": true,
            "blockOwnerDeletion": true,
        })
    }
}

/// `Application app` or `ComponentGroup group`.
impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind, self.name)
    }
}

fn named(owner: fn(String) -> Owner, name: &str) -> Option<Owner> {
    (!name.is_empty()).then(|| owner(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use integration_api::release::ReleasePlanSpec;
    use integration_api::scenario::IntegrationTestScenarioSpec;
    use rstest::rstest;

    use super::*;

    fn snapshot_owner(application: &str, component_group: &str) -> SnapshotOwner {
        SnapshotOwner { application: application.to_owned(), component_group: component_group.to_owned() }
    }

    #[rstest]
    #[case("app", "", Some(Owner::application("app")))]
    #[case("", "group", Some(Owner::component_group("group")))]
    #[case("app", "group", Some(Owner::component_group("group")))] // API-95, 01 §9 row 72
    #[case("", "", None)] // API-B26
    fn api_95_a_snapshot_with_both_owners_belongs_to_the_component_group(
        #[case] application: &str,
        #[case] group: &str,
        #[case] expected: Option<Owner>,
    ) {
        let spec = snapshot_owner(application, group);
        assert_eq!(Owner::of_snapshot(&spec), expected);
        if let Some(owner) = expected {
            assert_eq!(Owner::of_snapshot(&owner.snapshot_owner()), Some(owner));
        }
    }

    #[rstest]
    #[case(Some("app"), None, Some(Owner::application("app")))]
    #[case(None, Some("group"), Some(Owner::component_group("group")))]
    #[case(Some("app"), Some("group"), Some(Owner::application("app")))]
    #[case(Some(""), Some("group"), Some(Owner::component_group("group")))]
    #[case(None, None, None)]
    fn api_22_a_scenario_with_both_owners_belongs_to_the_application(
        #[case] application: Option<&str>,
        #[case] group: Option<&str>,
        #[case] expected: Option<Owner>,
    ) {
        let scenario = IntegrationTestScenario {
            spec: IntegrationTestScenarioSpec {
                application: application.map(str::to_owned),
                component_group: group.map(str::to_owned),
                ..IntegrationTestScenarioSpec::default()
            },
            ..IntegrationTestScenario::default()
        };
        assert_eq!(Owner::of_scenario(&scenario), expected);
    }

    #[test]
    fn api_104_a_release_plan_names_its_owner() {
        let plan = |application: &str, component_group: &str| ReleasePlan {
            spec: ReleasePlanSpec { application: application.to_owned(), component_group: component_group.to_owned() },
            ..ReleasePlan::default()
        };
        assert_eq!(Owner::of_plan(&plan("app", "")), Some(Owner::application("app")));
        assert_eq!(Owner::of_plan(&plan("", "group")), Some(Owner::component_group("group")));
        assert_eq!(Owner::of_plan(&plan("", "")), None);
    }

    // API-96, SC-108
    #[rstest]
    #[case(
        Owner::application("app"),
        "appstudio.redhat.com/v1alpha1",
        "Application",
        "appstudio.openshift.io/application"
    )]
    #[case(
        Owner::component_group("group"),
        "appstudio.redhat.com/v1beta2",
        "ComponentGroup",
        "appstudio.openshift.io/component-group"
    )]
    fn api_96_the_reference_makes_the_owner_the_controller(
        #[case] owner: Owner,
        #[case] api_version: &str,
        #[case] kind: &str,
        #[case] label: &str,
    ) {
        let reference = owner.reference("uid-1");
        let expected = json!({
            "apiVersion": api_version, "kind": kind, "name": owner.name, "uid": "uid-1",
            "controller": true, "blockOwnerDeletion": true,
        });
        assert_eq!(reference, expected);
        assert_eq!(owner.label_key(), label);
    }
}
