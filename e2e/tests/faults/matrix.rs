//! One crash point: a namespace in which one program suffers one fault.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail, ensure};
use e2e::programs::Options;
use e2e::tekton::Tekton;
use e2e::{ControlPlane, Program, TestSpace};

use crate::PROGRAMS;
use crate::life::{Model, Products, Shop};
use crate::picture::Picture;
use crate::quiet::{PAUSE, Quiet, wait_quiet};

/// How long one life cycle may take on a busy machine, Lease take-over included.
pub const LIMIT: Duration = Duration::from_secs(90);
/// How a process ends that aborts.
const SIGABRT: i32 = 6;

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    KillBefore,
    KillAfter,
    DropResponse,
    Refuse,
}

impl Fault {
    pub const ALL: [Self; 4] = [Self::KillBefore, Self::KillAfter, Self::DropResponse, Self::Refuse];

    /// The variable that asks for it at write `k`, and its value.
    fn variable(self, k: usize) -> (&'static str, String) {
        match self {
            Self::KillBefore => ("FAULT_KILL_BEFORE", k.to_string()),
            Self::KillAfter => ("FAULT_KILL_AFTER", k.to_string()),
            Self::DropResponse => ("FAULT_DROP_RESPONSE", k.to_string()),
            Self::Refuse => ("FAULT_FAIL", format!("{k}:503")),
        }
    }

    fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }
}

/// A fault at write `k` of a program.
#[derive(Clone, Debug)]
pub struct Point {
    pub model: Model,
    pub program: &'static str,
    pub fault: Fault,
    pub k: usize,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = self.fault.variable(self.k);
        write!(f, "{name}={value} of {}, {}", self.program, self.model)
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

/// Plays the life cycle with all programs in one namespace, each with that additional environment.
pub async fn together(
    plane: &Arc<ControlPlane>,
    model: Model,
    faults: &[(&str, &str)],
) -> Result<(TestSpace, Reference)> {
    let space = TestSpace::on(Arc::clone(plane), &format!("{}-all", model.word())).await?;
    let mut programs = Vec::new();
    for name in PROGRAMS {
        let mut options = options(&space, name);
        for (name, value) in faults {
            options = options.env(name, *value);
        }
        programs.push(Program::start(plane, name, options).await?);
    }
    let tekton = Tekton::start(&space);
    begin(&space, model).await?;
    let picture = wait_quiet(&programs.iter().collect::<Vec<_>>(), LIMIT, || settled(&space)).await;
    drop(tekton);
    match picture {
        Ok(picture) => {
            let writes = PROGRAMS.map(|name| writes(&space, name));
            Ok((space, Reference { picture, writes }))
        }
        Err(error) => bail!("{model}, faults {faults:?}: {error:#}\n{}", space.dump().await),
    }
}

/// Plays the life cycle with that fault; the other programs run elsewhere. An error says what is not as it should be.
pub async fn suffer(plane: &Arc<ControlPlane>, point: &Point, reference: &Picture) -> Result<Outcome> {
    let space = TestSpace::on(Arc::clone(plane), &format!("{}-{}", point.model.word(), point.program)).await?;
    let (name, value) = point.fault.variable(point.k);
    let faulty = options(&space, point.program).env(name, value);
    let tekton = Tekton::start(&space);
    shop(point.model).open(&space).await?;
    let mut program = Program::start(plane, point.program, faulty).await?;
    begin_build(&space, point.model).await?;

    let deadline = Instant::now() + LIMIT;
    let mut quiet = Quiet::new();
    let mut successor = false;
    let ended = loop {
        if !successor && let Some(status) = program.exit_status() {
            if !point.fault.kills() || status.signal() != Some(SIGABRT) {
                break Err(anyhow!("the program ended by itself with {status}:\n{}", program.process().log_tail(30)));
            }
            program = Program::spawn(plane, point.program, options(&space, point.program).replica(1)).await?;
            successor = true;
        }
        match quiet.look(&[&program], || settled(&space)).await {
            Ok(picture) => break Ok(picture),
            Err(error) if Instant::now() > deadline => break Err(error.context(format!("not settled in {LIMIT:?}"))),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    };
    drop(tekton);
    let hit = writes(&space, point.program).get(point.k - 1).cloned().filter(|_| successor || !point.fault.kills());
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
pub async fn settled(space: &TestSpace) -> Result<Picture> {
    let products = Products::of(space).await?;
    ensure!(!products.builds.is_empty(), "there is no build");
    let missing = products.missing();
    ensure!(missing.is_empty(), "{}", missing.join("\n"));
    Picture::take(space).await
}

fn shop(model: Model) -> Shop {
    Shop { model, number: 1 }
}

async fn begin(space: &TestSpace, model: Model) -> Result<()> {
    shop(model).open(space).await?;
    begin_build(space, model).await
}

async fn begin_build(space: &TestSpace, model: Model) -> Result<()> {
    shop(model).build(0).complete(space).await?;
    Ok(())
}

fn options(space: &TestSpace, program: &str) -> Options {
    let log = log(space, program);
    // The shortest Lease: a successor waits for the end of its predecessor's.
    Options::for_space(space).arg("--lease-duration=3").env("FAULT_LOG", log.display().to_string())
}

fn log(space: &TestSpace, program: &str) -> PathBuf {
    space.control_plane.folder().join(format!("{}-{program}.writes", space.namespace))
}

/// `METHOD path` of the writes of the first process of a program in that namespace.
fn writes(space: &TestSpace, program: &str) -> Vec<String> {
    let text = std::fs::read_to_string(log(space, program)).unwrap_or_default();
    let mut writes = Vec::new();
    for line in text.lines() {
        let (number, write) = line.split_once(' ').unwrap_or_default();
        // A successor counts from 1 again.
        if number.parse() != Ok(writes.len() + 1) {
            break;
        }
        writes.push(write.to_owned());
    }
    writes
}
