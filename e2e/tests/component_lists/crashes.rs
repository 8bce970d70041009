//! A program may be killed before or after any of its writes, lose the answer to one, be refused, or see late what others
//! do: what is there in the end is the same.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use e2e::faults::{Fault, LIMIT, Victim};
use e2e::fixtures::{self, component_group, nesting};
use e2e::objects::name_of;
use e2e::process::progress;
use e2e::programs::Options;
use e2e::{ControlPlane, TestSpace};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::world::{
    ALIGNER, COMMIT, REGENERATOR, WAIT, application, contents, deleted, events, finalizers, image, is_held, keys_of,
    promoted, text, valid,
};

/// Crash points at once; most of the time each waits for a Lease or for further deletions.
const AT_ONCE: usize = 12;

/// What happens around a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// A list out of order, with entries that go.
    List,
    /// Two of five Components are deleted.
    Deletion,
    /// One of two Applications is deleted, and its Components with it.
    Application,
}

/// A fault in a story.
#[derive(Clone, Copy, Debug)]
struct Point {
    story: Story,
    fault: Fault,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} ({:?})", self.fault, self.story.program(), self.story)
    }
}

// GA-10, GA-X5, GA-X13: gcl-aligner.
#[tokio::test]
async fn ga_x5_every_write_of_the_aligner_may_be_the_last_one() -> Result<()> {
    every_write_may_be_the_last_one(Story::List).await
}

// AR-X1, AR-13, E-24: app-regenerator.
#[tokio::test]
async fn ar_x1_every_write_of_the_regenerator_may_be_the_last_one() -> Result<()> {
    every_write_may_be_the_last_one(Story::Deletion).await
}

// AR-4, AR-X1, AR-X5: app-regenerator.
#[tokio::test]
async fn ar_x5_every_write_for_a_dying_application_may_be_the_last_one() -> Result<()> {
    every_write_may_be_the_last_one(Story::Application).await
}

async fn every_write_may_be_the_last_one(story: Story) -> Result<()> {
    let began = Instant::now();
    let plane = ControlPlane::shared().await?;
    let calm = story.play(&plane, None).await?;
    ensure!(calm.writes >= 2, "{} makes {} writes", story.program(), calm.writes);
    let faults = Fault::at_every_write(calm.writes).chain(Fault::LASTING);
    let points: Vec<Point> = faults.map(|fault| Point { story, fault }).collect();
    let count = points.len();
    let results: Vec<(Point, Result<End>)> = futures::stream::iter(points)
        .map(|point| {
            let plane = Arc::clone(&plane);
            async move { (point, story.play(&plane, Some(point.fault)).await) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut failures = Vec::new();
    for (point, result) in results {
        match result {
            Ok(End { space, picture, .. }) => {
                // Now, and when the last of the others is over.
                for (when, picture) in [("at once", picture), ("later", story.picture(&space).await?)] {
                    if picture != calm.picture {
                        failures.push(format!(
                            "{point}, {when}:\nwanted {:#}\ngot {picture:#}\n{}",
                            calm.picture,
                            space.dump().await
                        ));
                    }
                }
            }
            Err(error) => failures.push(format!("{point}: {error:#}")),
        }
    }
    progress(&format!("{story:?}: {count} crash points of {} in {} s", story.program(), began.elapsed().as_secs()));
    ensure!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n\n"));
    Ok(())
}

/// A story that is over.
struct End {
    space: TestSpace,
    picture: Value,
    writes: usize,
}

impl Story {
    fn program(self) -> &'static str {
        match self {
            Self::List => ALIGNER,
            Self::Deletion | Self::Application => REGENERATOR,
        }
    }

    /// Plays it to its end, with a successor for a process that was killed.
    async fn play(self, plane: &Arc<ControlPlane>, fault: Option<Fault>) -> Result<End> {
        let space = TestSpace::on(Arc::clone(plane), &format!("crash-{}", self.program())).await?;
        match self {
            Self::List => {
                let group = nesting(component_group("team", &[("b", "main"), ("a", "main"), ("d", "main")]), "child");
                let mut group = promoted(group, &["a/main", "b/main", "c/main"]);
                group["status"]["globalCandidateList"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"name": "child", "version": ""}));
                space.create(group).await?;
            }
            Self::Deletion => application(&space, &["a", "b", "c", "d"]).await?,
            Self::Application => {
                application(&space, &["a", "b"]).await?;
                space.create(fixtures::application("other")).await?;
            }
        }
        let options = Options::for_space(&space);
        let options = if self == Self::List { options } else { options.arg(WAIT) };
        let mut victim = Victim::spawn(&space, self.program(), options, fault).await?;
        let ended: Result<Value> = async {
            victim.during(self.act(&space)).await?;
            let picture = victim.until_quiet(|| async { self.over(&space).await }).await?;
            ensure!(victim.suffered().await?, "that write was never made");
            Ok(picture)
        }
        .await;
        let picture = match ended {
            Ok(picture) => picture,
            Err(error) => bail!("{error:#}\n{}", space.dump().await),
        };
        victim.program().terminate().await?;
        Ok(End { space, picture, writes: victim.writes().len() })
    }

    /// What a user does, each time once the program has done its part.
    async fn act(self, space: &TestSpace) -> Result<()> {
        dealt_with(space).await?;
        // What comes now is seen by a watch; all before was listed.
        let last = match self {
            Self::List => component_group("late", &[("x", "main")]),
            Self::Deletion => fixtures::promoted_component("e", "app", &image("e"), COMMIT),
            // It stays: there is always something to look at.
            Self::Application => fixtures::component("c", "other"),
        };
        space.create(last).await?;
        dealt_with(space).await?;
        if self == Self::List {
            return Ok(());
        }
        if self == Self::Application {
            space.delete("Application", "app").await?;
        }
        futures::future::try_join(space.delete("Component", "a"), space.delete("Component", "b")).await?;
        Ok(())
    }

    /// The picture once it is over.
    async fn over(self, space: &TestSpace) -> Result<Value> {
        ensure!(self.is_over(space).await?, "it is not over");
        self.picture(space).await
    }

    async fn is_over(self, space: &TestSpace) -> Result<bool> {
        Ok(match self {
            Self::List => {
                let group = space.get("ComponentGroup", "team").await?.unwrap();
                is_dealt_with(space).await? && keys_of(&group) == ["b/main", "a/main", "d/main"]
            }
            Self::Deletion => space.list("Component", "").await?.len() == 3,
            Self::Application => space.list("Component", "").await?.len() == 1,
        })
    }

    /// What a user sees in the end, without names and times that differ from run to run.
    async fn picture(self, space: &TestSpace) -> Result<Value> {
        if self == Self::List {
            let mut groups = space.list("ComponentGroup", "").await?;
            for condition in groups.iter_mut().flat_map(|group| group["status"]["conditions"].as_array_mut().unwrap()) {
                condition["lastTransitionTime"] = json!("now");
            }
            let statuses: Vec<_> = groups.iter().map(|group| &group["status"]).collect();
            let told = [events(space, "team").await?, events(space, "late").await?];
            return Ok(json!({"statuses": statuses, "events": told}));
        }
        let mut snapshots = Vec::new();
        let mut told = events(space, "app").await?;
        for snapshot in space.list("Snapshot", "").await? {
            for (_, note) in &mut told {
                *note = note.replace(name_of(&snapshot), "<snapshot>");
            }
            snapshots.push(json!({
                "labels": snapshot["metadata"]["labels"],
                "deleted": deleted(&snapshot).len(),
                "contents": contents(&snapshot),
                "spec": snapshot["spec"],
            }));
        }
        let components = space.list("Component", "").await?;
        let components: Vec<_> = components
            .iter()
            .map(|component| json!([text(&component["metadata"]["name"]), finalizers(component)]))
            .collect();
        Ok(json!({"snapshots": snapshots, "components": components, "events": told}))
    }
}

/// Waits until the program has done its part for all that is there.
async fn dealt_with(space: &TestSpace) -> Result<()> {
    let look = || async { is_dealt_with(space).await.ok().filter(|done| *done) };
    space.wait_within("all that is there to be dealt with", LIMIT, look).await.map(drop)
}

/// Every Component is held, and every list is aligned.
async fn is_dealt_with(space: &TestSpace) -> Result<bool> {
    let held = space.list("Component", "").await?.iter().all(is_held);
    Ok(held && space.list("ComponentGroup", "").await?.iter().all(|group| valid(group).is_some()))
}
