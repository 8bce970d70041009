//! The life cycle of one push build, once for every program, write and fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::Result;
use e2e::faults::{Fault, Picture};
use e2e::process::progress;
use e2e::programs::Options;
use e2e::{ControlPlane, Program, TestSpace};
use futures::StreamExt;

use crate::life::Model;
use crate::matrix::{self, Outcome, Point, Reference};
use crate::{ONE_AT_A_TIME, PROGRAMS};

/// Crash points at once; most of the time each waits for the Lease of a process that is gone.
const AT_ONCE: usize = 10;
/// Runs of a point until its write is hit: how many writes a program needs depends on what it sees first.
const RUNS: usize = 3;
/// So many failures say enough.
const ENOUGH: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn every_write_of_every_program_may_be_the_last_one() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let began = Instant::now();
    let plane = ControlPlane::shared().await.unwrap();
    let mut references = Vec::new();
    let mut matrix = Matrix::default();
    for model in Model::ALL {
        let (space, reference) = matrix::together(&plane, model, None).await.unwrap();
        for (program, writes) in PROGRAMS.iter().zip(&reference.writes) {
            assert!(!writes.is_empty(), "{program} writes nothing in the {model}");
            progress(&format!("{model}: {program} makes {} writes", writes.len()));
        }
        matrix.ended.push(Ended { what: format!("{model} without faults"), space, model });
        references.push((model, reference));
    }
    let lasting = references.iter().flat_map(|reference| Fault::LASTING.map(|fault| (reference, fault)));
    let results: Vec<_> = futures::stream::iter(lasting)
        .map(|((model, reference), fault)| {
            let together = matrix::together(&plane, *model, Some(fault));
            async move { (*model, fault, reference, together.await) }
        })
        .buffered(2)
        .collect()
        .await;
    for (model, fault, reference, result) in results {
        match result {
            Ok((space, suffered)) => {
                let what = format!("{fault} of every program, {model}");
                matrix.compare(&what, &reference.picture, &suffered.picture, &space).await;
                matrix.ended.push(Ended { what, space, model });
            }
            Err(error) => matrix.failures.push(format!("{error:#}")),
        }
    }
    for program in PROGRAMS {
        matrix.suffer(&plane, program, &references).await.unwrap();
    }
    let namespaces = matrix.ended.len();
    matrix.look_again(&references).await;
    progress(&format!(
        "crash points covered: {} ({} not reached, {} namespaces, {} s)",
        matrix.covered,
        matrix.not_reached.len(),
        namespaces,
        began.elapsed().as_secs(),
    ));
    for point in &matrix.not_reached {
        progress(&format!("not reached: {point}"));
    }
    assert!(matrix.failures.is_empty(), "{} failures:\n{}", matrix.failures.len(), matrix.failures.join("\n\n"));
    // A point is passed over only where fewer writes did.
    assert!(matrix.not_reached.iter().all(|point| point.fault.write() > Some(1)), "a first write was not reached");
    assert!(matrix.not_reached.len() * 10 < matrix.covered, "too many points were not reached");
}

#[derive(Default)]
struct Matrix {
    covered: usize,
    not_reached: Vec<Point>,
    failures: Vec<String>,
    ended: Vec<Ended>,
}

/// A namespace in which everything is over.
struct Ended {
    what: String,
    space: TestSpace,
    model: Model,
}

impl Matrix {
    /// All points of one program, in both models. The other programs work for all of them at once.
    async fn suffer(
        &mut self,
        plane: &Arc<ControlPlane>,
        program: &'static str,
        references: &[(Model, Reference)],
    ) -> Result<()> {
        let home = TestSpace::on(Arc::clone(plane), &format!("around-{program}")).await?;
        let mut others = Vec::new();
        for other in PROGRAMS.into_iter().filter(|other| *other != program) {
            let options = Options { lease_namespace: home.namespace.clone(), ..Options::default() };
            others.push(Program::start(plane, other, options).await?);
        }
        let points: Vec<(Point, &Picture)> = references
            .iter()
            .flat_map(|(model, reference)| {
                let number = PROGRAMS.iter().position(|name| *name == program).unwrap();
                let writes = reference.writes[number].len();
                Fault::at_every_write(writes)
                    .map(move |fault| (Point { model: *model, program, fault }, &reference.picture))
            })
            .collect();
        progress(&format!("{program}: {} crash points", points.len()));
        let failed = AtomicUsize::new(self.failures.len());
        let results: Vec<(Point, Option<Result<Outcome>>)> = futures::stream::iter(points)
            .map(|(point, reference)| {
                let failed = &failed;
                async move {
                    if failed.load(Ordering::Relaxed) >= ENOUGH {
                        return (point, None);
                    }
                    let result = until_hit(plane, &point, reference).await;
                    if result.is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                    (point, Some(result))
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (point, result) in results {
            match result {
                Some(Ok(Outcome { space, hit })) => {
                    self.covered += usize::from(hit.is_some());
                    let what = format!("{point} ({})", hit.as_deref().unwrap_or("not reached"));
                    self.ended.push(Ended { what, space, model: point.model });
                    if hit.is_none() {
                        self.not_reached.push(point);
                    }
                }
                Some(Err(error)) => self.failures.push(format!("{error:#}")),
                None => self.failures.push(format!("{point}: not tried after so many failures")),
            }
        }
        for other in others {
            if let Some(status) = other.exit_status() {
                self.failures.push(format!("{} ended with {status}\n{}", other.name(), other.process().log_tail(30)));
            }
        }
        Ok(())
    }

    /// What was over stays as it was, although all the programs have seen it again since.
    async fn look_again(&mut self, references: &[(Model, Reference)]) {
        let pictures: Vec<Result<Picture>> = futures::stream::iter(&self.ended)
            .map(|ended| Picture::take(&ended.space))
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (ended, picture) in std::mem::take(&mut self.ended).iter().zip(pictures) {
            let reference = references.iter().find(|(model, _)| *model == ended.model).map(|(_, found)| &found.picture);
            self.compare(&format!("later: {}", ended.what), reference.unwrap(), &picture.unwrap(), &ended.space).await;
        }
    }

    async fn compare(&mut self, what: &str, wanted: &Picture, got: &Picture, space: &TestSpace) {
        let difference = wanted.difference(got);
        if !difference.is_empty() {
            self.failures
                .push(format!("{what}: not the same as without faults:\n{difference}\n{}", space.dump().await));
        }
    }
}

/// Runs a point until its write is hit, at most [`RUNS`] times.
async fn until_hit(plane: &Arc<ControlPlane>, point: &Point, reference: &Picture) -> Result<Outcome> {
    let mut outcome = matrix::suffer(plane, point, reference).await?;
    for _ in 1..RUNS {
        if outcome.hit.is_some() {
            break;
        }
        outcome = matrix::suffer(plane, point, reference).await?;
    }
    Ok(outcome)
}
