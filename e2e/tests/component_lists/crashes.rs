//! A program may be killed before or after any of its writes, lose the answer to one, or be refused: what is there in
//! the end is the same.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use e2e::fixtures::{component_group, nesting};
use e2e::process::progress;
use e2e::programs::Options;
use e2e::{ControlPlane, Program, TestSpace};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::world::{
    ALIGNER, REGENERATOR, WAIT, application, contents, deleted, events, finalizers, is_held, keys_of, name_of,
    promoted, text,
};

/// Crash points at once; most of the time each waits for a Lease or for further deletions.
const AT_ONCE: usize = 12;
/// How long one may take, Lease take-over included.
const LIMIT: Duration = Duration::from_secs(90);
/// How a process ends that aborts.
const SIGABRT: i32 = 6;
const FAULTS: [&str; 4] = ["FAULT_KILL_BEFORE", "FAULT_KILL_AFTER", "FAULT_DROP_RESPONSE", "FAULT_FAIL"];

/// What happens around a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// A list out of order, with entries that go.
    List,
    /// Two of five Components are deleted.
    Deletion,
}

/// A fault at write `k`.
#[derive(Clone, Copy, Debug)]
struct Point {
    story: Story,
    fault: &'static str,
    k: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={} of {}", self.fault, self.k, self.story.program())
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

async fn every_write_may_be_the_last_one(story: Story) -> Result<()> {
    let plane = ControlPlane::shared().await?;
    let (space, reference) = story.play(&plane, None).await?;
    let writes = lines(&space, story).len();
    ensure!(writes >= 2, "{} makes {writes} writes", story.program());
    let points: Vec<Point> = (1..=writes).flat_map(|k| FAULTS.map(|fault| Point { story, fault, k })).collect();
    let count = points.len();
    let results: Vec<(Point, Result<(TestSpace, Value)>)> = futures::stream::iter(points)
        .map(|point| {
            let plane = Arc::clone(&plane);
            async move { (point, story.play(&plane, Some(point)).await) }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut failures = Vec::new();
    for (point, result) in results {
        match result {
            Ok((space, picture)) => {
                // Now, and when the last of the others is over.
                for (when, picture) in [("at once", picture), ("later", story.picture(&space).await?)] {
                    if picture != reference {
                        failures.push(format!(
                            "{point}, {when}:\nwanted {reference:#}\ngot {picture:#}\n{}",
                            space.dump().await
                        ));
                    }
                }
            }
            Err(error) => failures.push(format!("{point}: {error:#}")),
        }
    }
    progress(&format!("{}: {count} crash points", story.program()));
    ensure!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n\n"));
    Ok(())
}

impl Story {
    fn program(self) -> &'static str {
        match self {
            Self::List => ALIGNER,
            Self::Deletion => REGENERATOR,
        }
    }

    /// Plays it to its end, with a successor for a process that was killed.
    async fn play(self, plane: &Arc<ControlPlane>, point: Option<Point>) -> Result<(TestSpace, Value)> {
        let space = TestSpace::on(Arc::clone(plane), &format!("crash-{}", self.program())).await?;
        if self == Self::List {
            let group = nesting(component_group("team", &[("b", "main"), ("a", "main"), ("d", "main")]), "child");
            let mut group = promoted(group, &["a/main", "b/main", "c/main"]);
            group["status"]["globalCandidateList"]
                .as_array_mut()
                .unwrap()
                .push(json!({"name": "child", "version": ""}));
            space.create(group).await?;
        } else {
            application(&space, &["a", "b", "c", "d", "e"]).await?;
        }
        let mut options = self.options(&space);
        if let Some(Point { fault, k, .. }) = point {
            options = options.env(fault, if fault == "FAULT_FAIL" { format!("{k}:503") } else { k.to_string() });
        }
        let mut program = Program::spawn(plane, self.program(), options).await?;
        let deadline = Instant::now() + LIMIT;
        let (mut successor, mut deleted) = (false, false);
        loop {
            if let Some(status) = program.exit_status() {
                let wanted = point.is_some_and(|point| point.fault.starts_with("FAULT_KILL"));
                ensure!(wanted && !successor && status.signal() == Some(SIGABRT), "the program ended with {status}");
                program = Program::spawn(plane, self.program(), self.options(&space).replica(1)).await?;
                successor = true;
            }
            if self == Self::Deletion && !deleted {
                let components = space.list("Component", "").await?;
                if components.iter().all(is_held) {
                    futures::future::try_join(space.delete("Component", "a"), space.delete("Component", "b")).await?;
                    deleted = true;
                }
            } else if self.is_over(&space).await? {
                break;
            }
            if Instant::now() > deadline {
                bail!("not over after {LIMIT:?}\n{}", space.dump().await);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if let Some(point) = point {
            ensure!(lines(&space, self).len() >= point.k, "write {} was never made", point.k);
        }
        program.terminate().await?;
        let picture = self.picture(&space).await?;
        Ok((space, picture))
    }

    async fn is_over(self, space: &TestSpace) -> Result<bool> {
        Ok(match self {
            Self::List => {
                let group = space.get("ComponentGroup", "team").await?.unwrap();
                keys_of(&group) == ["b/main", "a/main", "d/main"]
            }
            Self::Deletion => space.list("Component", "").await?.len() == 3,
        })
    }

    /// What a user sees in the end, without names and times that differ from run to run.
    async fn picture(self, space: &TestSpace) -> Result<Value> {
        if self == Self::List {
            let mut group = space.get("ComponentGroup", "team").await?.unwrap();
            for condition in group["status"]["conditions"].as_array_mut().unwrap() {
                condition["lastTransitionTime"] = json!("now");
            }
            return Ok(json!({"status": group["status"], "events": events(space, "team").await?}));
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

    fn options(self, space: &TestSpace) -> Options {
        // The shortest Lease: a successor waits for the end of its predecessor's.
        let log = log(space, self).display().to_string();
        let options = Options::for_space(space).arg("--lease-duration=3").env("FAULT_LOG", log);
        if self == Self::Deletion { options.arg(WAIT) } else { options }
    }
}

fn log(space: &TestSpace, story: Story) -> PathBuf {
    space.control_plane.folder().join(format!("{}-{}.writes", space.namespace, story.program()))
}

/// The writes of all processes of the program in that namespace.
fn lines(space: &TestSpace, story: Story) -> Vec<String> {
    let text = std::fs::read_to_string(log(space, story)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}
