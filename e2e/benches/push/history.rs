//! The row with a past: the programs start on a cluster full of finished work.
//!
//! The past is made of real life cycles. Every Component is built, tested and released once by the programs; then the
//! objects of that life cycle are copied under new names, with new images and earlier times, as often as it takes.

mod copies;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use e2e::process::progress;
use e2e::tekton::{Outcome, Play, Tekton};
use e2e::{ControlPlane, wait};
use integration_api::keys;
use serde_json::json;

use crate::builds::Kind;
use crate::fleet::{Fleet, Used};
use crate::load::{self, Arrivals, Load, Measured};
use crate::requests::Counts;
use crate::tenants::{Model, SPACES, Tenants};

/// How much past there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Finished builds, each with a Snapshot, two test PipelineRuns and a Release.
    pub builds: usize,
    /// Components of each Snapshot.
    pub components: usize,
    /// Builds that arrive after the start.
    pub first_builds: usize,
}

impl Size {
    /// The size the budgets are for.
    pub const FULL: Self = Self { builds: 2000, components: 30, first_builds: 60 };

    /// A tenth of it, to check the bench itself.
    pub fn tenth(self) -> Self {
        Self { builds: self.builds / 10, components: self.components / 10, first_builds: self.first_builds / 10 }
    }
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Started {
    /// How much past there was.
    pub size: Size,
    /// Until every program had its caches filled and led.
    pub ready: Duration,
    /// Requests from the start until nothing happened any more.
    pub requests: Counts,
    /// Once nothing happened any more.
    pub idle: Vec<Used>,
    /// The first builds after another start, arriving at once.
    pub first: Measured,
}

/// Measures that row.
pub async fn run(size: &Size) -> Result<Started> {
    let plane = ControlPlane::start().await?;
    let tenants = Tenants::create(&plane, Model::Application, size.components * SPACES).await?.with_big_builds();
    let tenants = Arc::new(tenants);
    let lived = live(&plane, &tenants, size.components * SPACES).await?;
    let began = Instant::now();
    copies::write(&tenants, lived, size.builds).await?;
    progress(&format!("{} life cycles copied in {:.0?}", size.builds, began.elapsed()));
    let tekton = tekton_at_work(&plane, &tenants).await?;

    let mark = plane.audit().mark().await?;
    let (fleet, ready) = Fleet::start(&plane).await?;
    fleet.quiet().await?;
    let requests = Counts::of(&plane.audit().since(mark).await?);
    let idle = fleet.usage()?;
    fleet.stop().await?;

    let (fleet, _) = Fleet::start(&plane).await?;
    tekton.play_others(Play { outcome: Outcome::Success, duration: Duration::from_secs(5) });
    let load = Load {
        name: "history",
        model: Model::Application,
        kind: Kind::Push { test_seconds: 5 },
        arrivals: Arrivals::PerSecond(1),
        builds: size.first_builds,
    };
    let first = load::drive(&plane, &fleet, &tenants, &load, lived).await?;
    Ok(Started { size: *size, ready, requests, idle, first })
}

/// Lets the programs do so many builds, one for each Component, and ends them. Returns how many builds there were.
async fn live(plane: &ControlPlane, tenants: &Arc<Tenants>, builds: usize) -> Result<usize> {
    let tekton = Tekton::start_in(&plane.client().await?, &tenants.namespaces());
    let (fleet, _) = Fleet::start(plane).await?;
    let (kind, arrivals) = (Kind::Push { test_seconds: 0 }, Arrivals::InFlight(16));
    let load = Load { name: "past", model: Model::Application, kind, arrivals, builds };
    let past = load::drive(plane, &fleet, tenants, &load, 0).await?.outcome;
    ensure!(past.lost.sum() == 0, "the past lacks results: {:?}", past.lost);
    fleet.stop().await?;
    drop(tekton);
    Ok(builds)
}

/// A stand-in Tekton that has read all the past: it has finished one more PipelineRun in each namespace, now deleted.
async fn tekton_at_work(plane: &ControlPlane, tenants: &Tenants) -> Result<Tekton> {
    const NAME: &str = "first-sign";
    let tekton = Tekton::start_in(&plane.client().await?, &tenants.namespaces());
    for space in &tenants.spaces {
        let run = json!({
            "apiVersion": "tekton.dev/v1",
            "kind": "PipelineRun",
            "metadata": {"name": NAME, "labels": {(keys::PIPELINE_TYPE): keys::PIPELINE_TEST}},
            "spec": {"pipelineRef": {"name": NAME}},
        });
        space.create(run).await?;
    }
    wait::wait_for("the stand-in Tekton", Duration::from_secs(120), || async {
        (tekton.finished() == tenants.spaces.len()).then_some(())
    })
    .await?;
    for space in &tenants.spaces {
        space.delete("PipelineRun", NAME).await?;
        let Some(task_run) = space.list("TaskRun", &format!("{}={NAME}", keys::TEKTON_PIPELINE_RUN)).await?.pop()
        else {
            bail!("the stand-in Tekton finished a PipelineRun without TaskRun");
        };
        space.delete("TaskRun", task_run["metadata"]["name"].as_str().unwrap_or_default()).await?;
    }
    Ok(tekton)
}
