//! Builds arriving: one row of the table.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use e2e::ControlPlane;
use e2e::tekton::{Outcome as TestOutcome, Play, Tekton};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::builds::{Builds, Kind};
use crate::fleet::{Fleet, Used};
use crate::measure::{Outcome, Recorder};
use crate::requests::Counts;
use crate::tenants::{Model, Tenants};

/// Components over all tenants.
const COMPONENTS: usize = 40;
/// A build that is not done so long after nothing new was seen is lost.
const PATIENCE: Duration = Duration::from_secs(20);

/// A row: what arrives.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Name of the row.
    pub name: &'static str,
    /// How Components belong together.
    pub model: Model,
    /// What is built.
    pub kind: Kind,
    /// When builds arrive, those of one PR group together.
    pub arrivals: Arrivals,
    /// How many in all.
    pub builds: usize,
}

/// When builds arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// So many a second, whatever becomes of them.
    PerSecond(u32),
    /// So many at any time: a new one as soon as one is done.
    InFlight(usize),
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The row.
    pub load: Load,
    /// What became of the builds.
    pub outcome: Outcome,
    /// Requests of the programs while builds were under way.
    pub requests: Counts,
    /// Before the first build.
    pub idle: Vec<Used>,
    /// After the last one.
    pub used: Vec<Used>,
    /// CPU time of API server and etcd meanwhile.
    pub control_plane: Duration,
}

impl Load {
    /// A tenth of it, to check the bench itself.
    pub fn tenth(self) -> Self {
        let arrivals = match self.arrivals {
            Arrivals::PerSecond(rate) => Arrivals::PerSecond(rate),
            Arrivals::InFlight(builds) => Arrivals::InFlight(builds.div_ceil(10)),
        };
        Self { builds: self.builds.div_ceil(10), arrivals, ..self }
    }

    /// How many arrivals there are: builds, or PR groups.
    pub fn count(&self) -> usize {
        self.builds.div_ceil(self.kind.together())
    }
}

/// Measures a row on a control plane of its own.
pub async fn run(load: &Load) -> Result<Measured> {
    let plane = ControlPlane::start().await?;
    let tenants = Arc::new(Tenants::create(&plane, load.model, COMPONENTS).await?);
    let tekton = Tekton::start_in(&plane.client().await?, &tenants.namespaces());
    if let Kind::Push { test_seconds } = load.kind {
        tekton.play_others(Play { outcome: TestOutcome::Success, duration: Duration::from_secs(test_seconds) });
    }
    let (fleet, _) = Fleet::start(&plane).await?;
    // What the programs write at their start is not the builds'.
    fleet.quiet().await?;
    drive(&plane, &fleet, &tenants, load, 0).await
}

/// Lets the builds of a row arrive, from that build number on, and measures what becomes of them.
pub async fn drive(
    plane: &ControlPlane,
    fleet: &Fleet,
    tenants: &Arc<Tenants>,
    load: &Load,
    first: usize,
) -> Result<Measured> {
    let idle = fleet.usage()?;
    let control_plane = control_plane_cpu(plane)?;
    let mark = plane.audit().mark().await?;
    let mut recorder = Recorder::start(&plane.client().await?, load.kind).await?;
    let mut builds = Builds::new(tenants, load.kind, first..first + load.builds);
    match load.arrivals {
        Arrivals::PerSecond(rate) => open_loop(&mut builds, &recorder, rate).await?,
        Arrivals::InFlight(count) => closed_loop(&mut builds, &recorder, count).await?,
    }
    recorder.wait_all_done(PATIENCE).await?;
    fleet.quiet().await?;
    Ok(Measured {
        load: *load,
        outcome: recorder.outcome(),
        requests: Counts::of(&plane.audit().since(mark).await?),
        idle,
        used: fleet.usage()?,
        control_plane: control_plane_cpu(plane)?.saturating_sub(control_plane),
    })
}

/// An arrival every so often, never waiting for the ones before.
async fn open_loop(builds: &mut Builds, recorder: &Recorder, rate: u32) -> Result<()> {
    let mut arrivals = interval(Duration::from_secs(1) / rate);
    arrivals.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut running = JoinSet::new();
    let mut all_arrived = false;
    while !all_arrived || !running.is_empty() {
        tokio::select! {
            _ = arrivals.tick(), if !all_arrived => match builds.next() {
                Some(build) => drop(running.spawn(build)),
                None => all_arrived = true,
            },
            Some(signed) = running.join_next() => {
                for build in signed?? {
                    recorder.signed(&build);
                }
            }
        }
    }
    Ok(())
}

/// So many arrivals under way at once; the next one begins when one is done.
async fn closed_loop(builds: &mut Builds, recorder: &Recorder, count: usize) -> Result<()> {
    let builds = tokio::sync::Mutex::new(builds);
    let worker = || async {
        loop {
            let Some(next) = builds.lock().await.next() else { return Ok(()) };
            let builds = next.await?;
            for build in &builds {
                recorder.signed(build);
            }
            for build in &builds {
                recorder.wait_done(&build.build, PATIENCE).await;
            }
        }
    };
    futures::future::try_join_all((0..count).map(|_| worker())).await.map(drop)
}

fn control_plane_cpu(plane: &ControlPlane) -> Result<Duration> {
    Ok(plane.api_server_usage()?.cpu + plane.etcd_usage()?.cpu)
}
