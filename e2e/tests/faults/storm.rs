//! Many builds at once, while the programs are killed in turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use e2e::faults::{PAUSE, wait_quiet};
use e2e::process::progress;
use e2e::programs::Options;
use e2e::tekton::{Outcome, Play, Tekton};
use e2e::{ControlPlane, Program, TestSpace};
use futures::{StreamExt, TryStreamExt};

use crate::life::{COMPONENTS, Model, Products, SCENARIOS, Shop};
use crate::{ONE_AT_A_TIME, PROGRAMS};

const BUILDS: usize = 200;
/// Builds on their way from creation to Release.
const IN_FLIGHT: usize = 50;
/// Builds of them whose pipeline still runs.
const BUILDING: usize = 10;
const NAMESPACES: usize = 5;
/// Pause between two kills.
const BETWEEN_KILLS: Duration = Duration::from_secs(4);
/// A minute of them.
const KILLS: usize = 15;
/// A test takes so long that the builds fill the minute.
const TEST: Duration = Duration::from_secs(6);
/// How long the builds may take, and the rest after them, on a busy machine.
const SETTLE: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn builds_in_flight_survive_that_every_program_is_killed_again_and_again() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let plane = ControlPlane::shared().await.unwrap();
    let mut spaces = Vec::new();
    for _ in 0..NAMESPACES {
        spaces.push(TestSpace::on(Arc::clone(&plane), "storm").await.unwrap());
    }
    let spaces = spaces.as_slice();
    let shops = futures::stream::iter(0..BUILDS.div_ceil(COMPONENTS));
    let opened = shops.map(|number| shop(number).open(&spaces[number % NAMESPACES])).buffer_unordered(8);
    opened.try_collect::<Vec<()>>().await.unwrap();
    let namespaces: Vec<String> = spaces.iter().map(|space| space.namespace.clone()).collect();
    let mut fleet = Fleet::start(&plane, &namespaces).await.unwrap();
    let tekton = Tekton::start_in(&spaces[0].client, &namespaces);
    tekton.play_others(Play { outcome: Outcome::Success, duration: TEST });

    let began = Instant::now();
    let (kills, most) = tokio::join!(fleet.kill_in_turn(), push(spaces));
    kills.unwrap();
    let most = most.unwrap();
    let pushed = began.elapsed();
    progress(&format!("{KILLS} kills and {BUILDS} builds in {} s, now settling", pushed.as_secs()));

    let programs: Vec<&Program> = fleet.running.iter().collect();
    let end = wait_quiet(&programs, PAUSE, SETTLE, || async {
        let counts = counts(spaces).await?;
        let missing: Vec<String> = verdicts(spaces).await?.into_values().flatten().collect();
        ensure!(missing.is_empty(), "{} things are not over:\n{}", missing.len(), first(&missing));
        Ok(counts)
    })
    .await;
    let counts_now = counts(spaces).await.unwrap();
    progress(&format!(
        "{BUILDS} builds, at most {most} in flight, {KILLS} kills, settled after {} s: {counts_now:?}",
        began.elapsed().as_secs()
    ));
    if let Err(error) = end {
        let wrong = verdicts(spaces).await.unwrap();
        let dump = match wrong.iter().find(|(_, missing)| !missing.is_empty()) {
            Some((number, _)) => spaces[*number].dump().await,
            None => String::new(),
        };
        panic!("{error:#}\n{dump}");
    }
    // Exactly these: nothing was made twice, nothing for a cause that is not there.
    let wanted = Counts { builds: BUILDS, snapshots: BUILDS, tests: BUILDS * SCENARIOS, releases: BUILDS };
    assert_eq!(counts_now, wanted);
    for index in 0..BUILDS {
        let (shop, component, space) = place(index, spaces);
        let promoted = shop.promoted(space, component).await.unwrap();
        let image = shop.build(component).image();
        assert_eq!(promoted, Some(image), "the candidate of build {index}, in {}", space.namespace);
    }
}

/// How many objects there are in all namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    builds: usize,
    snapshots: usize,
    tests: usize,
    releases: usize,
}

/// The programs, one process each.
struct Fleet<'a> {
    plane: &'a ControlPlane,
    namespaces: &'a [String],
    running: Vec<Program>,
}

impl<'a> Fleet<'a> {
    async fn start(plane: &'a ControlPlane, namespaces: &'a [String]) -> Result<Self> {
        let mut fleet = Self { plane, namespaces, running: Vec::new() };
        for name in PROGRAMS {
            let program = fleet.spawn(name).await?;
            program.ready().await?;
            fleet.running.push(program);
        }
        Ok(fleet)
    }

    async fn spawn(&self, name: &str) -> Result<Program> {
        let options = Options {
            namespaces: self.namespaces.to_vec(),
            lease_namespace: self.namespaces[0].clone(),
            ..Options::default()
        };
        Program::spawn(self.plane, name, options.arg("--lease-duration=3")).await
    }

    /// Kills one program after the other, without warning, and starts it again at once.
    async fn kill_in_turn(&mut self) -> Result<()> {
        let mut clock = tokio::time::interval(BETWEEN_KILLS);
        clock.tick().await;
        for kill in 0..KILLS {
            clock.tick().await;
            let turn = kill % PROGRAMS.len();
            if let Some(status) = self.running[turn].exit_status() {
                bail!(
                    "{} ended by itself with {status}\n{}",
                    PROGRAMS[turn],
                    self.running[turn].process().log_tail(30)
                );
            }
            self.running[turn].kill();
            self.running[turn] = self.spawn(PROGRAMS[turn]).await?;
        }
        Ok(())
    }
}

/// The owners of a namespace are all of one model.
fn shop(number: usize) -> Shop {
    Shop { model: Model::ALL[number % NAMESPACES % Model::ALL.len()], number }
}

/// Every build is of another Component: a newer build of the same one would take over its Release (TR-B11). Builds of
/// one owner come one right after the other, so that they change the same candidates at the same time.
fn place(index: usize, spaces: &[TestSpace]) -> (Shop, usize, &TestSpace) {
    let number = index / COMPONENTS;
    (shop(number), index % COMPONENTS, &spaces[number % NAMESPACES])
}

/// Creates all builds, as fast as the limit in flight allows; returns how many were in flight at most.
async fn push(spaces: &[TestSpace]) -> Result<usize> {
    let (mut created, mut ended, mut most) = (0, 0, 0);
    let deadline = Instant::now() + SETTLE;
    while ended < BUILDS {
        let released = releases(spaces).await?;
        while created < BUILDS && created - released < IN_FLIGHT {
            let (shop, component, space) = place(created, spaces);
            let build = shop.build(component);
            build.create(space).await?;
            build.run(space).await?;
            created += 1;
        }
        most = most.max(created - released);
        // The oldest ones end, all but the last few.
        while ended < created && (created == BUILDS || ended + BUILDING < created) {
            let (shop, component, space) = place(ended, spaces);
            let build = shop.build(component);
            build.succeed(space).await?;
            build.sign(space).await?;
            ended += 1;
        }
        if Instant::now() > deadline {
            let missing: Vec<String> = verdicts(spaces).await?.into_values().flatten().collect();
            bail!("only {released} Releases for {created} builds after {SETTLE:?}; among others:\n{}", first(&missing));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(most)
}

async fn releases(spaces: &[TestSpace]) -> Result<usize> {
    let mut count = 0;
    for space in spaces {
        count += space.list("Release", "").await?.len();
    }
    Ok(count)
}

async fn counts(spaces: &[TestSpace]) -> Result<Counts> {
    let mut counts = Counts::default();
    for space in spaces {
        let products = Products::of(space).await?;
        counts.builds += products.builds.len();
        counts.snapshots += products.snapshots.len();
        counts.tests += products.tests.len();
        counts.releases += products.releases.len();
    }
    Ok(counts)
}

/// What is not over yet, by number of the namespace.
async fn verdicts(spaces: &[TestSpace]) -> Result<BTreeMap<usize, Vec<String>>> {
    let mut verdicts = BTreeMap::new();
    for (number, space) in spaces.iter().enumerate() {
        let missing = Products::of(space).await?.missing();
        verdicts.insert(number, missing.into_iter().map(|what| format!("{}: {what}", space.namespace)).collect());
    }
    Ok(verdicts)
}

fn first(lines: &[String]) -> String {
    lines.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
}
