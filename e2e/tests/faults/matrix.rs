//! One crash point: a namespace in which one program suffers one fault.

use std::fmt;
use std::sync::Arc;

use anyhow::{Result, bail, ensure};
use e2e::faults::{Fault, LIMIT, Picture, Victim, wait_quiet};
use e2e::programs::Options;
use e2e::tekton::Tekton;
use e2e::{ControlPlane, TestSpace};

use crate::PROGRAMS;
use crate::life::{Model, Products, Shop};

/// A fault of one program.
#[derive(Clone, Debug)]
pub struct Point {
    pub model: Model,
    pub program: &'static str,
    pub fault: Fault,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}, {}", self.fault, self.program, self.model)
    }
}

/// A life cycle without faults.
#[derive(Debug)]
pub struct Reference {
    pub picture: Picture,
    /// The writes of each program, in the order of [`PROGRAMS`].
    pub writes: [Vec<String>; 4],
}

/// A life cycle under a fault that ended well.
pub struct Outcome {
    pub space: TestSpace,
    /// The write that was hit; `None` = in this run the program had done everything with fewer writes.
    pub hit: Option<String>,
}

/// Plays the life cycle with all programs in one namespace, each with that fault.
pub async fn together(plane: &Arc<ControlPlane>, model: Model, fault: Option<Fault>) -> Result<(TestSpace, Reference)> {
    let space = TestSpace::on(Arc::clone(plane), &format!("{}-all", model.word())).await?;
    let mut victims = Vec::new();
    for name in PROGRAMS {
        let victim = Victim::spawn(&space, name, Options::for_space(&space), fault).await?;
        victim.program().ready().await?;
        victims.push(victim);
    }
    let tekton = Tekton::start(&space);
    shop(model).open(&space).await?;
    begin_build(&space, model).await?;
    let ended: Result<Reference> = async {
        let programs: Vec<_> = victims.iter().map(Victim::program).collect();
        let picture = wait_quiet(&programs, Fault::pause(fault), LIMIT, || settled(&space)).await?;
        for victim in &victims {
            ensure!(victim.suffered().await?, "{} did not suffer", victim.program().name());
        }
        Ok(Reference { picture, writes: std::array::from_fn(|number| victims[number].writes()) })
    }
    .await;
    drop(tekton);
    match ended {
        Ok(reference) => Ok((space, reference)),
        Err(error) => {
            let fault = fault.map_or("no fault".to_owned(), |fault| fault.to_string());
            bail!("{model}, {fault}: {error:#}\n{}", space.dump().await)
        }
    }
}

/// Plays the life cycle with that fault; the other programs run elsewhere. An error says what is not as it should be.
pub async fn suffer(plane: &Arc<ControlPlane>, point: &Point, reference: &Picture) -> Result<Outcome> {
    let space = TestSpace::on(Arc::clone(plane), &format!("{}-{}", point.model.word(), point.program)).await?;
    let tekton = Tekton::start(&space);
    shop(point.model).open(&space).await?;
    let options = Options::for_space(&space);
    let mut victim = Victim::spawn(&space, point.program, options, Some(point.fault)).await?;
    victim.program().ready().await?;
    begin_build(&space, point.model).await?;
    let ended = victim.until_quiet(|| settled(&space)).await;
    drop(tekton);
    let hit = victim.hit();
    let problem = match ended {
        Ok(picture) => match reference.difference(&picture) {
            same if same.is_empty() => return Ok(Outcome { space, hit }),
            difference => format!("not the same as without the fault:\n{difference}"),
        },
        Err(error) => format!("{error:#}"),
    };
    bail!(
        "{point} (in {}, {}): {problem}\n{}",
        space.namespace,
        hit.as_deref().unwrap_or("not hit"),
        space.dump().await
    )
}

/// The namespace once everything in it is over; an error says what is missing.
async fn settled(space: &TestSpace) -> Result<Picture> {
    let products = Products::of(space).await?;
    ensure!(!products.builds.is_empty(), "there is no build");
    let missing = products.missing();
    ensure!(missing.is_empty(), "{}", missing.join("\n"));
    Picture::take(space).await
}

fn shop(model: Model) -> Shop {
    Shop { model, number: 1 }
}

async fn begin_build(space: &TestSpace, model: Model) -> Result<()> {
    shop(model).build(0).complete(space).await?;
    Ok(())
}
