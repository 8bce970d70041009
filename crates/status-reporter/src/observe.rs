//! Where the facts come from: caches; the API server only to make sure that an owner does not exist.

use std::sync::Arc;

use integration_api::{Application, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot};
use integration_core::owner::{Owner, OwnerKind};
use integration_runtime::{ApiError, Context, ObjectKey, Store};

use crate::world::{OwnerFact, ReportWorld, VerdictWorld};

/// Index of Snapshots and scenarios by their owner, as it is displayed.
pub const BY_OWNER: &str = "by_owner";
/// Index of test PipelineRuns by the name of their Snapshot.
pub const BY_SNAPSHOT: &str = "by_snapshot";

/// The sources of facts.
#[derive(Clone)]
pub struct Observer {
    /// The API server.
    pub context: Context,
    /// Snapshots.
    pub snapshots: Store<Snapshot>,
    /// Scenarios.
    pub scenarios: Store<IntegrationTestScenario>,
    /// Test PipelineRuns, metadata only.
    pub runs: Store<PipelineRun>,
    /// Applications.
    pub applications: Store<Application>,
    /// ComponentGroups.
    pub groups: Store<ComponentGroup>,
}

impl Observer {
    /// What the verdict depends on; `None` if the Snapshot is not known.
    pub fn verdict(&self, key: &ObjectKey) -> Option<VerdictWorld> {
        let snapshot = self.snapshots.get(&key.namespace, &key.name)?;
        let owner = Owner::of_snapshot(&snapshot.spec);
        let scenarios = owner.as_ref().map(|owner| self.scenarios.lookup(BY_OWNER, &key.namespace, &owner.to_string()));
        let owner = owner.map_or(OwnerFact::Unknown, |owner| self.owner(key, &owner));
        Some(VerdictWorld { snapshot, owner, scenarios: scenarios.unwrap_or_default() })
    }

    /// What the release depends on; `None` if the Snapshot is not known.
    pub fn report(&self, key: &ObjectKey) -> Option<ReportWorld> {
        let snapshot = self.snapshots.get(&key.namespace, &key.name)?;
        let runs = self.runs.lookup(BY_SNAPSHOT, &key.namespace, &key.name);
        Some(ReportWorld { snapshot, runs })
    }

    fn owner(&self, key: &ObjectKey, owner: &Owner) -> OwnerFact {
        let found = match owner.kind {
            OwnerKind::Application => {
                self.applications.get(&key.namespace, &owner.name).map(|_| OwnerFact::Application)
            }
            OwnerKind::ComponentGroup => self.groups.get(&key.namespace, &owner.name).map(OwnerFact::ComponentGroup),
        };
        found.unwrap_or_default()
    }

    /// Looks the owner up live: the cache of another kind may lag behind.
    pub async fn fetch_owner(&self, key: &ObjectKey, world: &mut VerdictWorld) -> Result<(), ApiError> {
        let Some(owner) = Owner::of_snapshot(&world.snapshot.spec) else { return Ok(()) };
        let found = match owner.kind {
            OwnerKind::Application => {
                let application: Option<Arc<Application>> =
                    self.context.get(&self.applications, &key.namespace, &owner.name).await?;
                application.map(|_| OwnerFact::Application)
            }
            OwnerKind::ComponentGroup => {
                self.context.get(&self.groups, &key.namespace, &owner.name).await?.map(OwnerFact::ComponentGroup)
            }
        };
        world.owner = found.unwrap_or(OwnerFact::Gone);
        Ok(())
    }
}
