//! What is in the cluster: four namespaces, each with an Application or a ComponentGroup, its Components, two scenarios
//! and one ReleasePlan; and the builds of these Components.

use std::sync::Arc;

use anyhow::Result;
use e2e::fixtures::{self, Build};
use e2e::{ControlPlane, TestSpace};
use futures::stream::{self, StreamExt, TryStreamExt};
use integration_api::keys;
use serde_json::{Value, json};

/// Namespaces, each a tenant.
pub const SPACES: usize = 4;
/// The ReleasePlan of each tenant.
pub const PLAN: &str = "release";
/// The scenarios of each tenant.
pub const SCENARIOS: [&str; 2] = ["unit", "system"];
/// Writes at once while the cluster is set up.
const WRITERS: usize = 32;

/// How Components belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// In an Application.
    Application,
    /// In a ComponentGroup, one version each.
    ComponentGroup,
}

/// The tenants of one row.
pub struct Tenants {
    /// Their namespaces.
    pub spaces: Vec<TestSpace>,
    model: Model,
    /// Over all namespaces.
    components: usize,
    big: bool,
}

impl Tenants {
    /// Creates them; every Component already has a candidate, so every Snapshot holds all Components of its owner.
    pub async fn create(plane: &Arc<ControlPlane>, model: Model, components: usize) -> Result<Self> {
        let mut spaces = Vec::new();
        for _ in 0..SPACES {
            spaces.push(TestSpace::on(Arc::clone(plane), "tenant").await?);
        }
        let tenants = Self { spaces, model, components, big: false };
        let objects: Vec<(usize, Value)> = (0..SPACES)
            .flat_map(|space| tenants.objects(space).into_iter().map(move |object| (space, object)))
            .collect();
        in_parallel(objects, |(space, object)| {
            let space = tenants.spaces[space].clone();
            async move { space.create(object).await.map(drop) }
        })
        .await?;
        Ok(tenants)
    }

    /// With builds of the size real ones have.
    pub fn with_big_builds(mut self) -> Self {
        self.big = true;
        self
    }

    /// Names of the namespaces.
    pub fn namespaces(&self) -> Vec<String> {
        self.spaces.iter().map(|space| space.namespace.clone()).collect()
    }

    /// Build number so-and-so, and the namespace it belongs to: one Component after the other, so that builds of one
    /// Component are as far apart as they can be.
    pub fn build(&self, number: usize) -> (&TestSpace, Build) {
        let component = number % self.components;
        let build = Build::push(&component_name(component)).named(&format!("{}-b{number}", component_name(component)));
        (&self.spaces[component % SPACES], self.of_owner(build))
    }

    /// The build of pull request number so-and-so, and the namespace it belongs to. So many in a row are a PR group: of
    /// one branch name and one namespace, each for another Component. No git provider is known.
    pub fn pull_request(&self, number: usize, group: usize) -> (&TestSpace, Build) {
        let (of_group, member) = (number / group, number % group);
        let space = of_group % SPACES;
        let in_space = (of_group / SPACES * group + member) % (self.components / SPACES);
        let component = component_name(in_space * SPACES + space);
        let build = Build::push(&component)
            .named(&format!("{component}-p{number}"))
            .pull_request(u32::try_from(number).expect("a number of a pull request") + 1)
            .source_branch(&format!("feature-{of_group}"))
            .without_provider();
        (&self.spaces[space], self.of_owner(build))
    }

    fn of_owner(&self, build: Build) -> Build {
        let build = match self.model {
            Model::Application => build.application(OWNER),
            Model::ComponentGroup => build.version(VERSION),
        };
        if self.big { build.big() } else { build }
    }

    /// Everything in one namespace.
    fn objects(&self, space: usize) -> Vec<Value> {
        let names: Vec<String> = (0..self.components).filter(|n| n % SPACES == space).map(component_name).collect();
        let images: Vec<String> = names.iter().map(|name| Build::push(name).image()).collect();
        let mut objects = Vec::new();
        match self.model {
            Model::Application => {
                objects.push(fixtures::application(OWNER));
                objects.extend(
                    names
                        .iter()
                        .zip(&images)
                        .map(|(name, image)| fixtures::promoted_component(name, OWNER, image, COMMIT)),
                );
                objects.extend(SCENARIOS.map(|name| fixtures::scenario(name, OWNER)));
                objects.push(fixtures::release_plan(PLAN, OWNER));
            }
            Model::ComponentGroup => {
                let members: Vec<_> = names.iter().map(|name| (name.as_str(), VERSION)).collect();
                let candidates: Vec<_> = names
                    .iter()
                    .zip(&images)
                    .map(|(name, image)| (name.as_str(), VERSION, image.as_str(), COMMIT))
                    .collect();
                let group = fixtures::component_group(OWNER, &members);
                objects.push(fixtures::with_candidates(group, &candidates));
                objects.extend(names.iter().map(|name| fixtures::versioned_component(name, &[VERSION])));
                objects.extend(SCENARIOS.map(|name| fixtures::group_scenario(name, OWNER)));
                objects.push(fixtures::group_release_plan(PLAN, OWNER));
            }
        }
        objects
    }
}

/// Name of the Application or ComponentGroup of each tenant.
const OWNER: &str = "shop";
/// The version of every Component in the ComponentGroup model.
const VERSION: &str = "main";
/// Commit of the candidates that are there from the beginning.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The PipelineRun of a build that belongs to no git provider: nothing is reported anywhere.
pub fn without_git_provider(build: &Build) -> Value {
    let mut run = build.object();
    for part in ["labels", "annotations"] {
        if let Some(map) = run["metadata"][part].as_object_mut() {
            for key in ["git-provider", "repo-url", "url-repository", "url-org"] {
                map.remove(&format!("{}/{key}", keys::PAC_PREFIX));
            }
        }
    }
    run
}

/// Does it for all items, many at once; the first error ends it.
pub async fn in_parallel<T, F>(items: Vec<T>, work: impl Fn(T) -> F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    stream::iter(items.into_iter().map(work)).buffer_unordered(WRITERS).try_collect::<Vec<()>>().await.map(drop)
}

/// A padding as Tekton's copy of a pipeline in the status of a real PipelineRun: 35 KB.
pub fn pipeline_of_real_size() -> Value {
    json!({"description": "x".repeat(35 * 1024), "tasks": [{"name": "test", "taskRef": {"name": "test"}}]})
}

fn component_name(number: usize) -> String {
    format!("component-{number:03}")
}
