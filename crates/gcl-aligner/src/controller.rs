//! What is watched: ComponentGroups, and every change of one wakes it (GA-X2).

use integration_api::ComponentGroup;
use integration_runtime::{
    Disposition, ErrorClass, ObjectKey, Program, Reconciler, Right, SettingsError, Setup, Store, Watch,
};

use crate::act::Actor;
use crate::decide;

/// The program.
#[derive(Debug)]
pub struct GclAligner;

/// This program has no settings of its own.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {}

const GROUP: &str = "appstudio.redhat.com";

impl Program for GclAligner {
    const NAME: &'static str = "gcl-aligner";
    const ABOUT: &'static str = env!("CARGO_PKG_DESCRIPTION");
    // HC-20, GA-13
    const RIGHTS: &'static [Right] = &[
        Right { group: GROUP, resource: "componentgroups", verbs: &["get", "list", "watch"] },
        Right { group: GROUP, resource: "componentgroups/status", verbs: &["patch"] },
    ];
    type Settings = Settings;

    fn start(setup: &mut Setup, _settings: Settings) -> Result<(), SettingsError> {
        let context = setup.context();
        let queue = setup.queue("groups");
        let wake = queue.clone();
        let groups = Watch::<ComponentGroup>::new().trim(trim).on_change(move |change| {
            // A list may be out of order whatever changed; to see that it is not costs no request.
            if let Some(group) = change.after {
                wake.wake(ObjectKey::of(&**group));
            }
        });
        let groups = setup.watch(groups);
        let aligner = Aligner { groups: groups.clone(), actor: Actor { context, groups: groups.clone() } };
        setup.serve(&queue, aligner, move || groups.keys());
        Ok(())
    }
}

/// Labels and annotations say nothing about the list.
fn trim(group: &mut ComponentGroup) {
    group.metadata.labels = None;
    group.metadata.annotations = None;
}

/// Works on ComponentGroups.
struct Aligner {
    groups: Store<ComponentGroup>,
    actor: Actor,
}

impl Reconciler for Aligner {
    async fn reconcile(&self, key: ObjectKey) -> Disposition {
        let Some(group) = self.groups.get(&key.namespace, &key.name) else {
            tracing::debug!(%key, "the ComponentGroup is gone");
            return Disposition::Done;
        };
        let plan = decide::decide(&group, self.actor.context.now());
        if plan.is_empty() {
            return Disposition::Done;
        }
        match self.actor.carry_out(group, plan).await {
            Ok(()) => Disposition::Done,
            // The same request can never succeed; another version of the group leads to another one.
            Err(error) if matches!(error.class(), ErrorClass::Invalid | ErrorClass::TooLarge) => {
                tracing::warn!(%key, %error, "not aligned until the ComponentGroup changes");
                Disposition::Terminal("invalid")
            }
            Err(error) => Disposition::Backoff(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HC-20, GA-13
    #[test]
    fn hc_20_rights_are_the_row_of_the_table() {
        let rights: Vec<_> =
            GclAligner::RIGHTS.iter().map(|right| format!("{} {}", right.resource, right.verbs.join(" "))).collect();
        assert_eq!(rights, ["componentgroups get list watch", "componentgroups/status patch"]);
    }
}
