//! snapshot-creator may be killed before or after any of its writes, lose the answer to one, be refused, or see late what
//! others do, in the middle of any story: what is there in the end is the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, anyhow, bail, ensure};
use e2e::faults::{Fault, Picture, Victim};
use e2e::process::progress;
use e2e::programs::Options;
use e2e::{ControlPlane, TestSpace};
use futures::StreamExt;
use integration_api::keys;

use crate::stories::Story;
use crate::world::{CREATOR, quiet_plane};

/// Crash points at once; most of the time each waits for the Lease of a process that is gone.
const AT_ONCE: usize = 14;
/// Runs of a point until its write is hit: how many writes the program needs depends on what it sees first.
const RUNS: usize = 3;
/// So many failures say enough.
const ENOUGH: usize = 6;

// SC-B34, SC-B4, SC-B9, SC-B10, SC-B17, SC-B21, SC-B26, N-1, N-6; invariants 1 to 4
#[tokio::test(flavor = "multi_thread")]
async fn sc_b34_every_write_for_a_pull_request_may_be_the_last_one() -> Result<()> {
    let began = Instant::now();
    let plane = quiet_plane().await?;
    let calm = futures::stream::iter(Story::ALL).map(|story| play(&plane, story, None)).buffered(AT_ONCE);
    let calm: Vec<Result<End>> = calm.collect().await;
    let mut points = Vec::new();
    for (story, calm) in Story::ALL.into_iter().zip(calm) {
        let calm = Arc::new(calm?);
        ensure!(calm.writes >= 3, "{story:?} makes {} writes", calm.writes);
        progress(&format!("{story:?}: {} writes", calm.writes));
        let faults = Fault::at_every_write(calm.writes).chain(Fault::LASTING);
        points.extend(faults.map(|fault| (story, fault, Arc::clone(&calm))));
    }
    let count = points.len();
    let failed = AtomicUsize::new(0);
    let results: Vec<_> = futures::stream::iter(points)
        .map(|(story, fault, calm)| {
            let (plane, failed) = (&plane, &failed);
            async move {
                if failed.load(Ordering::Relaxed) >= ENOUGH {
                    return (story, fault, Err(anyhow!("{fault}, {story:?}: not tried after so many failures")));
                }
                let result = suffer(plane, story, fault, &calm).await;
                if result.is_err() {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                (story, fault, result)
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut failures = Vec::new();
    let mut covered = 0;
    let mut not_reached = Vec::new();
    for (story, fault, result) in results {
        match result {
            Ok(true) => covered += 1,
            Ok(false) => not_reached.push((story, fault)),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    progress(&format!(
        "crash points of pull requests covered: {covered} of {count} ({} not reached, {} s)",
        not_reached.len(),
        began.elapsed().as_secs()
    ));
    for (story, fault) in &not_reached {
        progress(&format!("not reached: {fault}, {story:?}"));
    }
    ensure!(failures.is_empty(), "{} of {count} fail:\n{}", failures.len(), failures.join("\n\n"));
    // A point is passed over only where fewer writes did.
    ensure!(not_reached.iter().all(|(_, fault)| fault.write() > Some(1)), "the first write was not reached");
    ensure!(not_reached.len() * 10 < covered, "too many points were not reached");
    Ok(())
}

/// A story that is over.
struct End {
    picture: Picture,
    writes: usize,
    reached: bool,
}

/// Plays a story under a fault and compares its end; returns whether the fault acted.
async fn suffer(plane: &Arc<ControlPlane>, story: Story, fault: Fault, calm: &End) -> Result<bool> {
    for _ in 0..RUNS {
        let end = play(plane, story, Some(fault)).await?;
        let difference = if fault.hits_a_write() {
            // Between the condition and this annotation the program may forget that it was the one who marked.
            let certificate = keys::SUPERSEDED_SNAPSHOTS;
            calm.picture.clone().without(certificate).difference(&end.picture.without(certificate))
        } else {
            calm.picture.difference(&end.picture)
        };
        ensure!(difference.is_empty(), "{fault}, {story:?}: not the same as without the fault:\n{difference}");
        if end.reached {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn play(plane: &Arc<ControlPlane>, story: Story, fault: Option<Fault>) -> Result<End> {
    let space = TestSpace::on(Arc::clone(plane), story.word()).await?;
    story.open(&space).await?;
    let mut victim = Victim::spawn(&space, CREATOR, Options::for_space(&space), fault).await?;
    victim.program().ready().await?;
    let ended: Result<End> = async {
        victim.during(story.play(&space)).await?;
        let picture = victim.until_quiet(|| Picture::take(&space)).await?;
        Ok(End { picture, writes: victim.writes().len(), reached: victim.suffered().await? })
    }
    .await;
    match ended {
        Ok(end) => Ok(end),
        Err(error) => {
            let fault = fault.map_or("no fault".to_owned(), |fault| fault.to_string());
            bail!("{fault}, {story:?}: {error:#}\n{}", space.dump().await)
        }
    }
}
