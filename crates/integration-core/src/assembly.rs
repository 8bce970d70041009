//! Contents of the Snapshot of a build: the built image and the candidates of its siblings (SC-115 … SC-124, SC-B22,
//! SC-B24).

mod application;
mod group;

pub use application::application;
pub use group::component_group;

use std::sync::Arc;

use integration_api::Component;
use integration_api::component::{ComponentSource, GitSource};
use integration_api::snapshot::SnapshotComponent;
use thiserror::Error;

use crate::build::BuildResults;
use crate::image::{ImageError, ImageReference};
use crate::owner::OwnerKind;

/// The component whose build asks for a Snapshot.
#[derive(Clone, Debug)]
pub struct BuiltComponent {
    /// The Component, as this decision knows it.
    pub component: Arc<Component>,
    /// The built version; `""` in the Application model.
    pub version: String,
    /// What the build delivered.
    pub results: BuildResults,
}

impl BuiltComponent {
    /// Name of the Component.
    pub fn name(&self) -> &str {
        name(&self.component)
    }

    /// The entry of the Snapshot, its context completed from the Component (SC-101, SC-102).
    fn to_snapshot_component(&self) -> SnapshotComponent {
        let results = &self.results;
        let context = match results.context.as_str() {
            "" => context(&self.component, &self.version),
            context => context,
        };
        SnapshotComponent {
            name: self.name().to_owned(),
            version: self.version.clone(),
            container_image: results.image.to_string(),
            source: git_source(&results.url, &results.revision, context),
            ..SnapshotComponent::default()
        }
    }
}

/// What a Snapshot contains.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assembled {
    /// Sorted by name and version; always contains the built component.
    pub components: Vec<SnapshotComponent>,
    /// Siblings that are not in it, sorted by name and version.
    pub left_out: Vec<LeftOut>,
}

/// A sibling that is not in the Snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// Component.
    pub name: String,
    /// Version; `""` in the Application model.
    pub version: String,
    /// Why, for people.
    pub reason: String,
}

/// Why no Snapshot can be made; terminal reason `nested_group` (SC-B36).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AssemblyError {
    /// A group contains itself.
    #[error("ComponentGroups contain each other in spec.components: {}", path.join(" / "))]
    Cycle {
        /// From the outermost group to the repeated one.
        path: Vec<String>,
    },
    /// Nested too deeply.
    #[error(
        "ComponentGroups are nested more than {} levels deep in spec.components: {}",
        group::DEEPEST,
        path.join(" / ")
    )]
    TooDeep {
        /// From the outermost group to one that is too deep.
        path: Vec<String>,
    },
    /// A nested group does not exist. The caller confirms that by a live read before it counts.
    #[error("nested ComponentGroup {name} of spec.components does not exist: {}", path.join(" / "))]
    NestedGroupMissing {
        /// The absent group.
        name: String,
        /// From the outermost group to the absent one.
        path: Vec<String>,
    },
}

impl AssemblyError {
    /// The outcome's word in metrics and Events (SC-B36).
    pub fn reason(&self) -> &'static str {
        "nested_group"
    }
}

/// Text of the Snapshot's annotation `create-snapshot-status` (SC-107, SC-B22): `name (version v): reason`, without the
/// version in the Application model, comma and blank separated. `None` where nothing was left out.
pub fn left_out_text(left_out: &[LeftOut], model: OwnerKind) -> Option<String> {
    let items: Vec<_> = left_out
        .iter()
        .map(|LeftOut { name, version, reason }| match model {
            OwnerKind::Application => format!("{name}: {reason}"),
            OwnerKind::ComponentGroup => format!("{name} (version {version}): {reason}"),
        })
        .collect();
    (!items.is_empty()).then(|| items.join(", "))
}

/// Why a sibling stays out.
#[derive(Debug)]
enum Reason {
    Terminating,
    NoSource,
    NoImage,
    InvalidImage(ImageError),
}

impl Reason {
    fn text(&self) -> String {
        match self {
            Self::Terminating => "the Component is being deleted".to_owned(),
            Self::NoSource => "the Component has no git URL with a revision or a built commit".to_owned(),
            Self::NoImage => "no build of it was promoted yet".to_owned(),
            Self::InvalidImage(error) => error.to_string(),
        }
    }
}

/// Image of a candidate, checked.
fn candidate_image(image: &str) -> Result<ImageReference, Reason> {
    if image.is_empty() {
        return Err(Reason::NoImage);
    }
    ImageReference::parse(image).map_err(Reason::InvalidImage)
}

/// Context directory of a version of a Component (SC-102, API-176): that of the version, else that of the git source.
fn context<'a>(component: &'a Component, version: &str) -> &'a str {
    let source = &component.spec.source;
    let versions = source.versions.iter().filter(|entry| entry.name == version);
    let of_version = versions.map(|entry| entry.context.as_str()).find(|context| !context.is_empty());
    of_version.or_else(|| source.git.as_ref().map(|git| git.context.as_str())).unwrap_or_default()
}

fn git_source(url: &str, revision: &str, context: &str) -> ComponentSource {
    let git = GitSource {
        url: url.to_owned(),
        revision: revision.to_owned(),
        context: context.to_owned(),
        ..GitSource::default()
    };
    ComponentSource { git: Some(git), ..ComponentSource::default() }
}

fn name(component: &Component) -> &str {
    component.metadata.name.as_deref().unwrap_or_default()
}

fn is_terminating(component: &Component) -> bool {
    component.metadata.deletion_timestamp.is_some()
}

#[cfg(test)]
mod tests;
