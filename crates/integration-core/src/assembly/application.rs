//! Contents in the Application model.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration_api::Component;
use integration_api::snapshot::SnapshotComponent;

use super::{Assembled, AssemblyError, BuiltComponent, LeftOut, Reason, candidate_image, is_terminating, name};

/// The built component and the candidates of the Application's other Components (SC-115, SC-B22). `siblings` may
/// contain the built component and Components of other Applications; both are passed over. Never fails in this model.
pub fn application(app: &str, built: &BuiltComponent, siblings: &[Arc<Component>]) -> Result<Assembled, AssemblyError> {
    let mut components = BTreeMap::from([(built.name(), built.to_snapshot_component())]);
    let mut left_out = BTreeMap::new();
    for sibling in siblings.iter().filter(|sibling| sibling.spec.application == app && name(sibling) != built.name()) {
        match candidate(sibling) {
            Ok(component) => {
                components.insert(name(sibling), component);
            }
            Err(reason) => {
                left_out.insert(name(sibling), reason);
            }
        }
    }
    Ok(Assembled {
        components: components.into_values().collect(),
        left_out: left_out
            .into_iter()
            .map(|(name, reason)| LeftOut { name: name.to_owned(), version: String::new(), reason: reason.text() })
            .collect(),
    })
}

/// A sibling with its candidate: a full copy of its source at the commit that was built (SC-115, TR-B24).
fn candidate(sibling: &Component) -> Result<SnapshotComponent, Reason> {
    if is_terminating(sibling) {
        return Err(Reason::Terminating);
    }
    let mut source = sibling.spec.source.clone();
    let commit = &sibling.status.last_built_commit;
    let git = source.git.as_mut().filter(|git| !git.url.is_empty()).ok_or(Reason::NoSource)?;
    if !commit.is_empty() {
        git.revision.clone_from(commit);
    }
    if git.revision.is_empty() {
        return Err(Reason::NoSource);
    }
    let image = candidate_image(&sibling.status.last_promoted_image)?;
    Ok(SnapshotComponent {
        name: name(sibling).to_owned(),
        container_image: image.to_string(),
        source,
        ..SnapshotComponent::default()
    })
}
