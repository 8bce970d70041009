//! Waiting until programs have nothing left to do.

use std::time::{Duration, Instant};

use crate::Program;
use anyhow::{Result, bail};

/// Pause between two looks; what a program does on its own account between them shows in the second.
pub const PAUSE: Duration = Duration::from_millis(250);

/// The look before, if there was nothing left to wait for.
pub struct Quiet<T> {
    before: Option<(Vec<[f64; 2]>, T)>,
}

impl<T> Default for Quiet<T> {
    fn default() -> Self {
        Self { before: None }
    }
}

impl<T: PartialEq> Quiet<T> {
    /// Looks once. Returns what `look` says if it said the same the last time and the programs did nothing in between;
    /// else an error with what there is to wait for.
    pub async fn look<F>(&mut self, programs: &[&Program], look: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let before = self.before.take();
        let now = (idle(programs).await?, look().await?);
        if before.as_ref() == Some(&now) {
            return Ok(now.1);
        }
        self.before = Some(now);
        bail!("something still changes")
    }
}

/// Looks with that pause until all is quiet.
pub async fn wait_quiet<T, F>(
    programs: &[&Program],
    pause: Duration,
    limit: Duration,
    mut look: impl FnMut() -> F,
) -> Result<T>
where
    T: PartialEq,
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + limit;
    let mut quiet = Quiet::default();
    loop {
        match quiet.look(programs, &mut look).await {
            Ok(found) => return Ok(found),
            Err(error) if Instant::now() > deadline => return Err(error.context(format!("not settled in {limit:?}"))),
            Err(_) => tokio::time::sleep(pause).await,
        }
    }
}

/// How much each program has done so far; an error while one does not lead or has work waiting.
async fn idle(programs: &[&Program]) -> Result<Vec<[f64; 2]>> {
    let mut done = Vec::new();
    for program in programs {
        let page = program.metrics().await?;
        let sum = |metric: &str, labels: &[(&str, &str)]| {
            let name = format!("integration_svc_{metric}");
            crate::programs::sum(&page, &name, labels)
        };
        if sum("leader", &[]) < 1.0 {
            bail!("{} does not lead", program.name());
        }
        let (reconciles, waiting) = (sum("reconcile_total", &[]), sum("queue_depth", &[]));
        if reconciles < 1.0 || waiting > 0.0 {
            bail!("{} has looked at {reconciles} keys, {waiting} wait", program.name());
        }
        let requests = sum("api_requests_total", &[]) - sum("api_requests_total", &[("kind", "leases")]);
        done.push([reconciles, requests]);
    }
    Ok(done)
}
