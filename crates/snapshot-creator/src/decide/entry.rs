//! Whom a build belongs to: its Component and the owners of its Snapshots (SC-20 … SC-28, SC-B7, SC-B8, SC-B36).

use std::sync::Arc;

use integration_api::{Component, ComponentGroup, PipelineRun, keys};
use integration_core::build;
use integration_core::owner::{Owner, OwnerKind};

use super::failure::{Failure, FailureReason, REVIVES};
use super::meta;
use super::plan::Question;
use super::world::{Lookup, World};

/// What the build belongs to.
pub(super) struct Entry<'a> {
    /// The Component that was built.
    pub component: &'a Arc<Component>,
    /// The built version; empty in the Application model.
    pub version: &'a str,
    /// The model.
    pub model: OwnerKind,
    /// Owners of the Snapshots, in order of their names.
    pub owners: Vec<OwnerObject<'a>>,
}

/// An owner as it exists in the cluster.
pub(super) struct OwnerObject<'a> {
    /// Kind and name.
    pub owner: Owner,
    /// Uid.
    pub uid: &'a str,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// The ComponentGroup; `None` for an Application.
    pub group: Option<&'a Arc<ComponentGroup>>,
}

impl OwnerObject<'_> {
    /// The owner in a message, `ComponentGroup team/shop`.
    pub fn about(&self, namespace: &str) -> String {
        format!("{} {namespace}/{}", self.owner.kind, self.owner.name)
    }
}

/// How the search for the owners ends.
pub(super) enum Found<'a> {
    /// They are known.
    Entry(Entry<'a>),
    /// A cache has no such object, which a live read has to confirm.
    Ask {
        /// What to read.
        question: Question,
        /// The failure if the object is really gone.
        otherwise: Failure,
    },
    /// Something is missing for good.
    Missing(Failure),
}

/// The model of a build: the ComponentGroup model iff it names a version (SC-24).
pub(super) fn model(build: &PipelineRun) -> OwnerKind {
    if build::version(build).is_empty() { OwnerKind::Application } else { OwnerKind::ComponentGroup }
}

/// Finds the owners. An empty list of owners is no failure of the entry: while a build runs, a ComponentGroup may
/// still be told to list it (SC-B7).
pub(super) fn find<'a>(world: &'a World, build: &'a PipelineRun) -> Found<'a> {
    let namespace = meta::namespace(build);
    let Some(name) = build::component(build) else {
        return Found::Missing(Failure {
            reason: FailureReason::ComponentLabelMissing,
            about: format!("PipelineRun {namespace}/{}", meta::name(build)),
            detail: format!(
                "The build PipelineRun has no label {}; set it in the definition of the pipeline and build again.",
                keys::COMPONENT
            ),
            meanwhile: "",
        });
    };
    let component = match &world.component {
        Lookup::Found(component) => component,
        lookup => {
            let (about, detail, meanwhile) = if name.is_empty() {
                let detail = format!(
                    "Label {} of the build is empty; set it in the definition of the pipeline and build again.",
                    keys::COMPONENT
                );
                (format!("PipelineRun {namespace}/{}", meta::name(build)), detail, "")
            } else {
                let detail = format!(
                    "The Component that label {} of the build names does not exist; create it, or correct the label.",
                    keys::COMPONENT
                );
                (format!("Component {namespace}/{name}"), detail, REVIVES)
            };
            let failure = Failure { reason: FailureReason::ComponentNotFound, about, detail, meanwhile };
            return missing(lookup, name, Question::Component(name.to_owned()), failure);
        }
    };
    match model(build) {
        OwnerKind::Application => application(world, namespace, component),
        OwnerKind::ComponentGroup => {
            let mut owners: Vec<_> = world.groups.iter().map(group_owner).collect();
            owners.sort_by(|a, b| a.owner.cmp(&b.owner));
            Found::Entry(Entry { component, version: build::version(build), model: OwnerKind::ComponentGroup, owners })
        }
    }
}

fn application<'a>(world: &'a World, namespace: &str, component: &'a Arc<Component>) -> Found<'a> {
    let name = component.spec.application.as_str();
    match &world.application {
        Lookup::Found(application) if !name.is_empty() => Found::Entry(Entry {
            component,
            version: "",
            model: OwnerKind::Application,
            owners: vec![OwnerObject {
                owner: Owner::application(name),
                uid: application.metadata.uid.as_deref().unwrap_or_default(),
                terminating: application.metadata.deletion_timestamp.is_some(),
                group: None,
            }],
        }),
        lookup => {
            let named = meta::name(&**component);
            let (about, detail) = if name.is_empty() {
                let detail = format!(
                    "Component {named} names no Application (spec.application) and the build no version (annotation \
                     {}); set one of them.",
                    keys::VERSION
                );
                (format!("Component {namespace}/{named}"), detail)
            } else {
                let detail = format!(
                    "The Application of Component {named} does not exist; create it, or correct spec.application of \
                     the Component."
                );
                (format!("Application {namespace}/{name}"), detail)
            };
            let failure = Failure { reason: FailureReason::ApplicationNotFound, about, detail, meanwhile: REVIVES };
            missing(lookup, name, Question::Application(name.to_owned()), failure)
        }
    }
}

/// An empty name cannot be read, so nothing has to be confirmed.
fn missing<'a, T>(lookup: &Lookup<T>, name: &str, question: Question, failure: Failure) -> Found<'a> {
    match lookup {
        Lookup::NotCached if !name.is_empty() => Found::Ask { question, otherwise: failure },
        _ => Found::Missing(failure),
    }
}

fn group_owner(group: &Arc<ComponentGroup>) -> OwnerObject<'_> {
    OwnerObject {
        owner: Owner::component_group(meta::name(&**group)),
        uid: group.metadata.uid.as_deref().unwrap_or_default(),
        terminating: group.metadata.deletion_timestamp.is_some(),
        group: Some(group),
    }
}
