//! Copies of finished life cycles, in the state the programs left the originals in.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use e2e::TestSpace;
use e2e::fixtures::{self, Build};
use integration_api::keys;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::tenants::{Tenants, in_parallel, pipeline_of_real_size};

/// Seconds between the starts of two builds in the past.
const APART: i64 = 20;

/// Copies the first `lived` builds, with all that came of them, in turn until there are `count` copies.
pub async fn write(tenants: &Tenants, lived: usize, count: usize) -> Result<()> {
    let mut found = Vec::new();
    for space in &tenants.spaces {
        found.push((space.namespace.clone(), Found::read(space).await?));
    }
    let found: HashMap<String, Found> = found.into_iter().collect();
    let cycles: Vec<Cycle> = (0..lived)
        .map(|number| {
            let (space, build) = tenants.build(number);
            found[&space.namespace].cycle(&build).with_context(|| format!("the life of build {}", build.name))
        })
        .collect::<Result<_>>()?;
    let oldest = Timestamp::now() - SignedDuration::from_secs(APART * i64::try_from(count)?);
    let cycles = &cycles;
    in_parallel((0..count).collect(), |copy| async move {
        let start = oldest + SignedDuration::from_secs(APART * i64::try_from(copy)?);
        let (space, _) = tenants.build(copy % lived);
        cycles[copy % lived].copy(space, copy, start).await
    })
    .await
}

/// What is in one namespace.
struct Found {
    builds: Vec<Value>,
    snapshots: Vec<Value>,
    tests: Vec<Value>,
    releases: Vec<Value>,
}

/// One build and all that came of it.
struct Cycle {
    build: Value,
    snapshot: Value,
    tests: Vec<Value>,
    release: Value,
    digest: String,
    commit: String,
}

impl Found {
    async fn read(space: &TestSpace) -> Result<Self> {
        let runs = |kind: &str| format!("{}={kind}", keys::PIPELINE_TYPE);
        Ok(Self {
            builds: space.list("PipelineRun", &runs(keys::PIPELINE_BUILD)).await?,
            snapshots: space.list("Snapshot", "").await?,
            tests: space.list("PipelineRun", &runs(keys::PIPELINE_TEST)).await?,
            releases: space.list("Release", "").await?,
        })
    }

    fn cycle(&self, build: &Build) -> Result<Cycle> {
        let one = |objects: &[Value], what: &str, is: &dyn Fn(&Value) -> bool| {
            objects.iter().find(|object| is(object)).cloned().with_context(|| format!("no {what}"))
        };
        let of_build = one(&self.builds, "PipelineRun", &|run| run["metadata"]["name"] == build.name.as_str())?;
        let snapshot = one(&self.snapshots, "Snapshot", &|snapshot| {
            snapshot["metadata"]["labels"][keys::BUILD_PIPELINE_RUN] == build.name.as_str()
        })?;
        let name = &snapshot["metadata"]["name"];
        let release = one(&self.releases, "Release", &|release| release["spec"]["snapshot"] == *name)?;
        let tests: Vec<Value> = self
            .tests
            .iter()
            .filter(|run| run["metadata"]["ownerReferences"][0]["name"] == *name)
            .cloned()
            .map(|mut run| {
                run["status"]["pipelineSpec"] = pipeline_of_real_size();
                run
            })
            .collect();
        ensure!(tests.len() == 2, "{} test PipelineRuns", tests.len());
        for object in tests.iter().chain([&of_build, &snapshot]) {
            ensure!(object["metadata"]["finalizers"].is_null(), "work is still owed: {object}");
        }
        Ok(Cycle {
            build: of_build,
            snapshot,
            tests,
            release,
            digest: build.image_digest.clone(),
            commit: build.commit.clone(),
        })
    }
}

impl Cycle {
    /// Writes everything anew under other names. Times of later steps stay as they are; only the start of the build
    /// decides what is newer.
    async fn copy(&self, space: &TestSpace, number: usize, start: Timestamp) -> Result<()> {
        let mut changes = Changes::default();
        changes.add(&self.digest, &fixtures::digest(&format!("copy {number}")));
        let commit = &fixtures::digest(&format!("commit {number}"))["sha256:".len()..];
        changes.add(&self.commit, &commit[..self.commit.len()]);
        let old_start = text(&self.build["status"]["startTime"])?;
        changes.add(old_start, &start.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let old_start: Timestamp = old_start.parse()?;
        changes.add(&old_start.as_millisecond().to_string(), &(start.as_second() * 1000).to_string());
        for object in [&self.build, &self.snapshot, &self.release].into_iter().chain(&self.tests) {
            let name = text(&object["metadata"]["name"])?;
            changes.add(name, &format!("{name}-{number}"));
        }
        for object in [&self.build, &self.snapshot].into_iter().chain(&self.tests).chain([&self.release]) {
            let created = space.create(changes.apply(object)?).await?;
            changes.add(text(&object["metadata"]["uid"])?, text(&created["metadata"]["uid"])?);
        }
        Ok(())
    }
}

/// What is different in a copy, wherever it stands.
#[derive(Default)]
struct Changes(Vec<(String, String)>);

impl Changes {
    fn add(&mut self, old: &str, new: &str) {
        self.0.push((old.to_owned(), new.to_owned()));
    }

    /// The object as it is to be created.
    fn apply(&self, object: &Value) -> Result<Value> {
        let mut object = object.clone();
        let metadata = object["metadata"].as_object_mut().context("an object without metadata")?;
        metadata.retain(|key, _| matches!(key.as_str(), "name" | "labels" | "annotations" | "ownerReferences"));
        let text = self.0.iter().fold(object.to_string(), |text, (old, new)| text.replace(old, new));
        Ok(serde_json::from_str(&text)?)
    }
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("a text is missing")
}
