//! What an Application and its Components need.

mod content;
mod deletions;
pub mod meta;
mod plan;
mod world;

use std::sync::Arc;

use integration_api::Component;
use jiff::Timestamp;

pub use content::made_for;
pub use plan::{Because, NewSnapshot, Notice, Plan, Question};
pub use world::{Fact, Never, Tries, World};

/// Decides about an Application and all its Components.
pub fn decide(world: &World, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let held = || world.components.iter().filter(|component| meta::held(component));
    match &world.application {
        Fact::NotCached => {
            // Only a finalizer makes it matter whether the Application exists.
            if held().next().is_some() {
                plan.ask.push(Question::Application);
            }
        }
        // AR-4
        Fact::Gone => plan.release(held(), "application_gone"),
        // AR-X5
        Fact::Found(application) if meta::terminating(&**application) => {
            plan.release(held(), "application_terminating");
        }
        Fact::Found(application) => {
            let living = world.components.iter().filter(|component| !meta::terminating(&***component));
            plan.hold(living.filter(|component| !meta::held(component)));
            deletions::decide(world, application, now, &mut plan);
        }
    }
    plan
}

/// Whether a Component of no Application is let go (AR-3, AR-X3).
pub fn is_orphan(component: &Component) -> bool {
    component.spec.application.is_empty() && meta::held(component)
}

impl Plan {
    fn hold<'a>(&mut self, components: impl Iterator<Item = &'a Arc<Component>>) {
        self.hold.extend(components.map(|component| meta::name(&**component).to_owned()));
        if !self.hold.is_empty() {
            self.because("hold", "living");
        }
    }

    fn release<'a>(&mut self, components: impl Iterator<Item = &'a Arc<Component>>, reason: &'static str) {
        let before = self.release.len();
        self.release.extend(components.map(|component| meta::name(&**component).to_owned()));
        if self.release.len() > before {
            self.because("release", reason);
        }
    }

    fn because(&mut self, decision: &'static str, reason: &'static str) {
        self.because.push(Because { decision, reason });
    }
}
