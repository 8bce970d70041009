//! Contents in the ComponentGroup model, nested groups included.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use integration_api::component_group::GclEntry;
use integration_api::snapshot::SnapshotComponent;
use integration_api::{Component, ComponentGroup};

use super::{
    Assembled, AssemblyError, BuiltComponent, LeftOut, Reason, candidate_image, context, git_source, is_terminating,
};

/// Deepest allowed level of a nested group; the outermost one is at level 0 (SC-121).
pub(super) const DEEPEST: usize = 15;

/// The built component and the candidates of the group and of the groups nested in it (SC-120 … SC-123, SC-B22,
/// SC-B24). A group wins over those nested in it, a later nested group over an earlier one. `nested` and `components`
/// look up objects of the group's namespace; a missing Component costs its candidate only the context directory.
pub fn component_group(
    group: &ComponentGroup,
    nested: &dyn Fn(&str) -> Option<Arc<ComponentGroup>>,
    components: &dyn Fn(&str) -> Option<Arc<Component>>,
    built: &BuiltComponent,
) -> Result<Assembled, AssemblyError> {
    let mut walk = Walk { nested, components, done: BTreeMap::new(), path: Vec::new() };
    let name = group.metadata.name.as_deref().unwrap_or_default();
    let Contents { mut valid, mut left_out } = Rc::unwrap_or_clone(walk.visit(name, group)?.contents);
    valid.insert((built.name().to_owned(), built.version.clone()), built.to_snapshot_component());
    left_out.retain(|key, _| {
        let replaced = key.0 == built.name() && (key.1.is_empty() || key.1 == built.version);
        !replaced && !valid.contains_key(key)
    });
    Ok(Assembled {
        components: valid.into_values().collect(),
        left_out: left_out.into_iter().map(|((name, version), reason)| LeftOut { name, version, reason }).collect(),
    })
}

/// Name and version.
type Key = (String, String);

/// Candidates of a group and of everything nested in it.
#[derive(Clone, Debug, Default)]
struct Contents {
    valid: BTreeMap<Key, SnapshotComponent>,
    /// With the reason. A key may stand in both maps until the end: what counts is the merged result.
    left_out: BTreeMap<Key, String>,
}

/// A group that was walked through.
#[derive(Clone)]
struct Visited {
    contents: Rc<Contents>,
    /// Levels below it.
    height: usize,
}

/// Depth-first walk. Each group is read once, however many groups contain it: without that, a few dozen groups that
/// list each other in layers would take for ever.
struct Walk<'a> {
    nested: &'a dyn Fn(&str) -> Option<Arc<ComponentGroup>>,
    components: &'a dyn Fn(&str) -> Option<Arc<Component>>,
    done: BTreeMap<String, Visited>,
    /// Names from the outermost group to the current one.
    path: Vec<String>,
}

impl Walk<'_> {
    fn visit(&mut self, name: &str, group: &ComponentGroup) -> Result<Visited, AssemblyError> {
        if self.path.iter().any(|ancestor| ancestor == name) {
            return Err(AssemblyError::Cycle { path: self.path_to(name) });
        }
        if let Some(visited) = self.done.get(name) {
            // A finished group contains none of its present ancestors, so only the depth can be new.
            if self.path.len() + visited.height > DEEPEST {
                return Err(AssemblyError::TooDeep { path: self.path_to(name) });
            }
            return Ok(visited.clone());
        }
        if self.path.len() > DEEPEST {
            return Err(AssemblyError::TooDeep { path: self.path_to(name) });
        }
        self.path.push(name.to_owned());
        let mut contents = Contents::default();
        let mut height = 0;
        for reference in group.spec.components.iter().filter(|reference| reference.is_group()) {
            let Some(nested) = (self.nested)(&reference.name) else {
                let (name, path) = (reference.name.clone(), self.path_to(&reference.name));
                return Err(AssemblyError::NestedGroupMissing { name, path });
            };
            let visited = self.visit(&reference.name, &nested)?;
            height = height.max(visited.height + 1);
            contents.valid.extend(visited.contents.valid.clone());
            contents.left_out.extend(visited.contents.left_out.clone());
        }
        self.add_members(group, &mut contents);
        self.path.pop();
        let visited = Visited { contents: Rc::new(contents), height };
        self.done.insert(name.to_owned(), visited.clone());
        Ok(visited)
    }

    /// The group's own candidates (SC-122). Entries that belong to no member are junk (GA-6).
    fn add_members(&self, group: &ComponentGroup, contents: &mut Contents) {
        let list = group.status.as_ref().map_or(&[][..], |status| &status.global_candidate_list);
        for member in group.spec.components.iter().filter(|member| !member.is_group()) {
            let (name, version) = (member.name.as_str(), member.version_name());
            let key = (name.to_owned(), version.to_owned());
            // Among duplicates the newest, else the last one, as the aligner keeps it (GA-4).
            let entries = list.iter().filter(|entry| entry.name == name && entry.version == version);
            let entry = entries.max_by_key(|entry| entry.last_promoted_build_time.as_ref().map(|time| time.0));
            match self.candidate(name, version, entry) {
                Ok(component) => {
                    contents.valid.insert(key, component);
                }
                Err(reason) => {
                    contents.left_out.insert(key, reason.text());
                }
            }
        }
    }

    fn candidate(&self, name: &str, version: &str, entry: Option<&GclEntry>) -> Result<SnapshotComponent, Reason> {
        let component = (self.components)(name);
        if component.as_deref().is_some_and(is_terminating) {
            return Err(Reason::Terminating);
        }
        let entry = entry.ok_or(Reason::NoImage)?;
        let image = candidate_image(&entry.last_promoted_image)?;
        let context = component.as_deref().map_or("", |component| context(component, version));
        Ok(SnapshotComponent {
            name: name.to_owned(),
            version: version.to_owned(),
            container_image: image.to_string(),
            source: git_source(&entry.url, &entry.last_promoted_commit, context),
            ..SnapshotComponent::default()
        })
    }

    fn path_to(&self, name: &str) -> Vec<String> {
        self.path.iter().cloned().chain([name.to_owned()]).collect()
    }
}
