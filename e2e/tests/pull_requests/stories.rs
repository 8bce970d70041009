//! Lives of pull requests that are played under faults: each step waits for what a user sees of the one before, so that
//! the end is the same whenever the program gets to it.

use anyhow::Result;
use e2e::TestSpace;
use e2e::fixtures::Build;
use e2e::objects::{annotation, held, name_of, text};
use integration_api::keys;

use crate::owners::open_mall;
use crate::world::{Model, annotated, canceled, complete, finish, finish_all, start, told};

/// What happens around snapshot-creator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Story {
    /// One build.
    Build(Model),
    /// A pull request that is pushed to twice again; the second build is over after the third one has started.
    PushedAgain,
    /// A pull request that is merged, between one build and another.
    Merged,
    /// Three pull requests of one group; one fails.
    Group(Model),
    /// A Component of two ComponentGroups, one of them with a nested one.
    Owners,
}

impl Story {
    pub const ALL: [Self; 7] = [
        Self::Build(Model::Application),
        Self::Build(Model::Group),
        Self::PushedAgain,
        Self::Merged,
        Self::Group(Model::Application),
        Self::Group(Model::Group),
        Self::Owners,
    ];

    /// Short name, good for a namespace.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build(_) => "build",
            Self::PushedAgain => "pushed-again",
            Self::Merged => "merged",
            Self::Group(_) => "group",
            Self::Owners => "owners",
        }
    }

    fn model(self) -> Model {
        match self {
            Self::Build(model) | Self::Group(model) => model,
            Self::PushedAgain | Self::Merged => Model::Application,
            Self::Owners => Model::Group,
        }
    }

    /// What is there before.
    pub async fn open(self, space: &TestSpace) -> Result<()> {
        self.model().open(space, &["api", "web", "docs"]).await?;
        if self == Self::Owners {
            open_mall(space, "api").await?;
        }
        Ok(())
    }

    /// Plays it to its end.
    pub async fn play(self, space: &TestSpace) -> Result<()> {
        let model = self.model();
        match self {
            Self::Build(_) => {
                complete(space, &model.pull_request("api", 7), 300).await?;
            }
            Self::PushedAgain => pushed_again(space, model).await?,
            Self::Merged => merged(space, model).await?,
            Self::Group(_) => group(space, model).await?,
            Self::Owners => {
                let build = model.pull_request("api", 7);
                start(space, &build, 300).await?;
                finish_all(space, &build, 2).await?;
            }
        }
        Ok(())
    }
}

async fn pushed_again(space: &TestSpace, model: Model) -> Result<()> {
    // Of no branch: who is told of whom in a PR group is another story.
    let [first, second, third] =
        ["first", "second", "third"].map(|name| model.pull_request("api", 7).named(name).source_branch(""));
    let oldest = complete(space, &first, 300).await?;
    another_second(space, &first).await?;
    start(space, &second, 200).await?;
    canceled(space, name_of(&oldest)).await?;
    another_second(space, &second).await?;
    start(space, &third, 100).await?;
    let older = finish(space, &second).await?;
    canceled(space, name_of(&older)).await?;
    finish(space, &third).await?;
    Ok(())
}

async fn merged(space: &TestSpace, model: Model) -> Result<()> {
    let [early, late] = ["early", "late"].map(|name| model.pull_request("api", 7).named(name).source_branch(""));
    let snapshot = complete(space, &early, 300).await?;
    let push = model.push("api").label(keys::PAC_PULL_REQUEST, "7");
    start(space, &push, 200).await?;
    annotated(space, "Snapshot", name_of(&snapshot), keys::PR_STATUS, "merged").await?;
    annotated(space, "PipelineRun", &push.name, keys::PR_STATUS, "merged").await?;
    finish(space, &push).await?;
    start(space, &late, 100).await?;
    canceled(space, name_of(&snapshot)).await?;
    finish(space, &late).await?;
    Ok(())
}

async fn group(space: &TestSpace, model: Model) -> Result<()> {
    let member = |name: &str, number| model.pull_request(name, number).source_branch("feature");
    let [api, web, docs] = [member("api", 1), member("web", 2), member("docs", 3)];
    let first = complete(space, &api, 300).await?;
    let first = name_of(&first);
    for (build, age) in [(&web, 200), (&docs, 100)] {
        start(space, build, age).await?;
        told(space, "Snapshot", first, &[&build.name]).await?;
        marked(space, build, "incoming").await?;
    }
    web.fail(space, "Failed").await?;
    told(space, "Snapshot", first, &[&web.name, "fail"]).await?;
    told(space, "PipelineRun", &docs.name, &[&web.name, "fail"]).await?;
    marked(space, &web, "failed").await?;
    space.wait_object("PipelineRun", &web.name, |run| !held(run)).await?;
    finish(space, &docs).await?;
    Ok(())
}

/// Waits until the PR group was told of a build.
async fn marked(space: &TestSpace, build: &Build, state: &str) -> Result<()> {
    let prefix = format!("{state}/");
    let is_marked = |run: &serde_json::Value| annotation(run, keys::GROUP_NOTIFIED).starts_with(&prefix);
    space.wait_object("PipelineRun", &build.name, is_marked).await?;
    Ok(())
}

/// Waits until what is created now is younger than the build: times of creation have whole seconds.
pub async fn another_second(space: &TestSpace, build: &Build) -> Result<()> {
    let run = space.get("PipelineRun", &build.name).await?.unwrap();
    second_after(space, &text(&run["metadata"]["creationTimestamp"])).await
}

/// Waits until the clock shows another second than that.
pub async fn second_after(space: &TestSpace, time: &str) -> Result<()> {
    space.wait_for("another second", || async { (e2e::tekton::now() != time).then_some(()) }).await
}
