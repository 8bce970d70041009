//! What every test here starts from: a namespace in which snapshot-creator works, and an owner of some Components.

use std::sync::Arc;

use anyhow::{Result, ensure};
use e2e::fixtures::{self, Build, digest};
use e2e::objects::{annotation, has_condition, held, text};
use e2e::programs::Options;
use e2e::{ControlPlane, Program, TestSpace};
use integration_api::{condition as conditions, keys};
use serde_json::Value;
use tokio::sync::OnceCell;

/// A namespace in which the snapshot-creator works that most tests share.
pub type World = e2e::World<&'static Program>;

pub const CREATOR: &str = "snapshot-creator";
/// Version of every Component in the ComponentGroup model.
pub const VERSION: &str = "main";
/// Owner of the Components.
pub const SHOP: &str = "shop";
/// Commit of every image that was promoted before.
const COMMIT: &str = "5e0f2d4c1b3a5e0f2d4c1b3a5e0f2d4c1b3a5e0f";

/// What owns the Components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    Application,
    Group,
}

impl Model {
    /// Creates the owner [`SHOP`] of these Components, which were all promoted before.
    pub async fn open(self, space: &TestSpace, components: &[&str]) -> Result<()> {
        match self {
            Self::Application => {
                space.create(fixtures::application(SHOP)).await?;
                for name in components {
                    let component = fixtures::promoted_component(name, SHOP, &promoted_image(name), COMMIT);
                    space.create(component).await?;
                }
            }
            Self::Group => {
                for name in components {
                    space.create(fixtures::versioned_component(name, &[VERSION])).await?;
                }
                space.create(group(SHOP, components)).await?;
            }
        }
        Ok(())
    }

    /// The build in this model.
    pub fn of(self, build: Build) -> Build {
        match self {
            Self::Application => build.application(SHOP),
            Self::Group => build.version(VERSION),
        }
    }

    /// A build of a pull request for a Component; builds of different numbers come from different branches.
    pub fn pull_request(self, component: &str, number: u32) -> Build {
        let build = Build::push(component)
            .pull_request(number)
            .source_branch(&format!("feature-{number}"))
            .named(&format!("{component}-pr-{number}"))
            .without_provider();
        self.of(build)
    }

    /// A push build of a Component.
    pub fn push(self, component: &str) -> Build {
        self.of(Build::push(component).without_provider())
    }

    /// The label that names the owner of a Snapshot.
    pub fn owner_label(self) -> &'static str {
        match self {
            Self::Application => keys::APPLICATION,
            Self::Group => keys::COMPONENT_GROUP,
        }
    }

    /// The name of a Component in the images of a Snapshot.
    pub fn entry(self, component: &str) -> String {
        match self {
            Self::Application => component.to_owned(),
            Self::Group => format!("{component} {VERSION}"),
        }
    }

    /// What holds the candidate of a Component.
    pub async fn candidate(self, space: &TestSpace, component: &str) -> Result<Value> {
        let (kind, name) = match self {
            Self::Application => ("Component", component),
            Self::Group => ("ComponentGroup", SHOP),
        };
        Ok(space.get(kind, name).await?.unwrap())
    }
}

/// A ComponentGroup of Components at [`VERSION`] that were all promoted before.
pub fn group(name: &str, components: &[&str]) -> Value {
    let members: Vec<_> = components.iter().map(|name| (*name, VERSION)).collect();
    let images: Vec<_> = components.iter().map(|name| promoted_image(name)).collect();
    let candidates: Vec<_> =
        components.iter().zip(&images).map(|(name, image)| (*name, VERSION, image.as_str(), COMMIT)).collect();
    fixtures::with_candidates(fixtures::component_group(name, &members), &candidates)
}

/// The image a Component was promoted with before the test.
pub fn promoted_image(component: &str) -> String {
    format!("{}@{}", fixtures::image_repository(component), digest(&format!("{component} before")))
}

/// Creates a build that started so many seconds ago; returns it once the service holds it.
pub async fn start(space: &TestSpace, build: &Build, seconds_ago: i64) -> Result<Value> {
    start_at(space, build, &e2e::objects::seconds_ago(seconds_ago)).await
}

/// The same for a build that started at that time.
pub async fn start_at(space: &TestSpace, build: &Build, time: &str) -> Result<Value> {
    build.create(space).await?;
    build.run_since(space, time).await?;
    space.wait_object("PipelineRun", &build.name, held).await
}

/// The build succeeds and is signed; returns its only Snapshot.
pub async fn finish(space: &TestSpace, build: &Build) -> Result<Value> {
    Ok(finish_all(space, build, 1).await?.remove(0))
}

/// The build succeeds and is signed; returns its Snapshots once it is let go, in the order in which it names them.
pub async fn finish_all(space: &TestSpace, build: &Build, count: usize) -> Result<Vec<Value>> {
    build.succeed(space).await?;
    build.sign(space).await?;
    let run = space.wait_object("PipelineRun", &build.name, is_settled).await?;
    let mut snapshots = Vec::new();
    for name in annotation(&run, keys::SNAPSHOTS).split(',') {
        snapshots.extend(space.get("Snapshot", name).await?);
    }
    let made = space.list("Snapshot", &format!("{}={}", keys::BUILD_PIPELINE_RUN, build.name)).await?;
    ensure!(
        snapshots.len() == count && made.len() == count,
        "{} names {} Snapshots, {} were made, {count} wanted",
        build.name,
        snapshots.len(),
        made.len()
    );
    Ok(snapshots)
}

/// From creation to signature, without a pause in between.
pub async fn complete(space: &TestSpace, build: &Build, seconds_ago: i64) -> Result<Value> {
    start(space, build, seconds_ago).await?;
    finish(space, build).await
}

/// Whether a build has its Snapshots and is let go.
pub fn is_settled(run: &Value) -> bool {
    !annotation(run, keys::SNAPSHOTS).is_empty() && !held(run)
}

/// Waits until a Snapshot is marked as superseded.
pub async fn canceled(space: &TestSpace, snapshot: &str) -> Result<Value> {
    space.wait_object("Snapshot", snapshot, is_canceled).await
}

pub fn is_canceled(snapshot: &Value) -> bool {
    has_condition(snapshot, conditions::INTEGRATION_STATUS, conditions::TRUE, conditions::CANCELED)
}

/// The conditions of a Snapshot.
pub fn conditions_of(snapshot: &Value) -> Vec<Value> {
    snapshot["status"]["conditions"].as_array().cloned().unwrap_or_default()
}

/// Waits until an annotation of an object has that value.
pub async fn annotated(space: &TestSpace, kind: &str, name: &str, key: &str, value: &str) -> Result<Value> {
    space.wait_object(kind, name, |object| annotation(object, key) == value).await
}

/// Waits until the text about the group Snapshot on an object contains these parts; returns it.
pub async fn told(space: &TestSpace, kind: &str, name: &str, parts: &[&str]) -> Result<String> {
    let object = space
        .wait_object(kind, name, |object| {
            let text = annotation(object, keys::CREATE_GROUP_SNAPSHOT_STATUS);
            parts.iter().all(|part| text.contains(part))
        })
        .await?;
    Ok(annotation(&object, keys::CREATE_GROUP_SNAPSHOT_STATUS).to_owned())
}

/// The uid of an object.
pub fn uid_of(object: &Value) -> String {
    text(&object["metadata"]["uid"])
}

/// A new namespace with the owner [`SHOP`] of these Components, in which the shared snapshot-creator works.
pub async fn shop(name: &str, model: Model, components: &[&str]) -> Result<World> {
    let creator = shared().await?;
    let world = World::on(TestSpace::new(name).await?, creator).await?;
    model.open(&world, components).await?;
    Ok(world)
}

/// A control plane on which no shared program works, for tests that start their own.
pub async fn quiet_plane() -> Result<Arc<ControlPlane>> {
    static QUIET: OnceCell<Arc<ControlPlane>> = OnceCell::const_new();
    Ok(Arc::clone(QUIET.get_or_try_init(ControlPlane::start).await?))
}

/// The snapshot-creator that most tests share.
async fn shared() -> Result<&'static Program> {
    static SHARED: OnceCell<Program> = OnceCell::const_new();
    SHARED
        .get_or_try_init(|| async {
            let home = TestSpace::new("programs").await?;
            let options = Options { lease_namespace: home.namespace.clone(), ..Options::default() };
            Program::start(&home.control_plane, CREATOR, options).await
        })
        .await
}
