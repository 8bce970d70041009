//! The programs under measurement, all of one row.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use e2e::process::Usage;
use e2e::programs::{self, Options, Profile};
use e2e::{ControlPlane, Program, wait};

/// All controllers, those first that every build needs.
pub const PROGRAMS: [&str; 6] =
    ["snapshot-creator", "test-runner", "result-recorder", "status-reporter", "gcl-aligner", "app-regenerator"];
/// How long they may take until they work.
const START: Duration = Duration::from_secs(120);
/// How long nothing may happen before a program counts as idle.
const QUIET: Duration = Duration::from_secs(1);
/// How long a program may stay busy after its work is done.
const BUSY: Duration = Duration::from_secs(30);

/// Running programs; killed on drop.
pub struct Fleet(Vec<Program>);

/// What one program has used.
#[derive(Clone, Debug)]
pub struct Used {
    /// Name of the program.
    pub program: String,
    /// Memory and CPU so far.
    pub usage: Usage,
}

impl Used {
    /// The same with the CPU time since `earlier` only.
    pub fn since(&self, earlier: &Self) -> Self {
        let cpu = self.usage.cpu.saturating_sub(earlier.usage.cpu);
        Self { program: self.program.clone(), usage: Usage { cpu, ..self.usage } }
    }
}

/// Compiles the programs, so that no row pays for it.
pub async fn compile() -> Result<()> {
    programs::binary(PROGRAMS[0], Profile::Release).await.map(drop)
}

impl Fleet {
    /// Starts all programs at once. Returns when every one has its caches filled and leads, with the time from the
    /// start of the last process until then.
    pub async fn start(plane: &ControlPlane) -> Result<(Self, Duration)> {
        let mut programs = Vec::new();
        for name in PROGRAMS {
            programs.push(Program::spawn(plane, name, Options::default().profile(Profile::Release)).await?);
        }
        let fleet = Self(programs);
        let started = Instant::now();
        for program in &fleet.0 {
            wait::wait_for(&format!("{} to work", program.name()), START, || async {
                let ready = matches!(program.get("/readyz").await, Ok((200, _)));
                let leads = program.metric("integration_svc_leader", &[]).await.is_ok_and(|value| value >= 1.0);
                (ready && leads || !program.is_running()).then_some(())
            })
            .await?;
            program.usage().with_context(|| program.process().log_tail(20))?;
        }
        Ok((fleet, started.elapsed()))
    }

    /// Waits until no program has reconciled anything for a second.
    pub async fn quiet(&self) -> Result<()> {
        let (mut known, mut since) = (self.reconciles().await?, Instant::now());
        let deadline = Instant::now() + BUSY;
        while since.elapsed() < QUIET && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.reconciles().await?;
            if now.to_bits() != known.to_bits() {
                (known, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    /// What each program has used so far.
    pub fn usage(&self) -> Result<Vec<Used>> {
        self.0.iter().map(|program| Ok(Used { program: program.name().to_owned(), usage: program.usage()? })).collect()
    }

    /// Ends all programs as a cluster would, so that their Leases are free at once.
    pub async fn stop(self) -> Result<()> {
        for program in &self.0 {
            program.process().terminate();
        }
        for program in &self.0 {
            program.process().wait_exit(BUSY).await?;
        }
        Ok(())
    }

    async fn reconciles(&self) -> Result<f64> {
        let mut sum = 0.0;
        for program in &self.0 {
            sum += program.metric("integration_svc_reconcile_total", &[]).await?;
        }
        Ok(sum)
    }
}
