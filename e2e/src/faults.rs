//! Programs that suffer faults, and what is left in the end.
//!
//! A [`Victim`] is a program with a fault of `integration_runtime::fault`, and its successor once it was killed. When all
//! is [`quiet`], the [`picture`] of its namespace is the same as without the fault, and there is a [`trace`] of the fault.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::audit::Mark;
use crate::programs::Options;
use crate::{Program, TestSpace};

pub mod picture;
pub mod quiet;
pub mod trace;

pub use picture::Picture;
pub use quiet::{PAUSE, Quiet, wait_quiet};

/// How long a story with one fault may take on a busy machine, Lease take-over included.
pub const LIMIT: Duration = Duration::from_secs(90);
/// How much later changes are seen where they are seen late.
const STALE: Duration = Duration::from_secs(2);
/// How a process ends that aborts.
const SIGABRT: i32 = 6;

/// What a program suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is killed right before this write.
    KillBefore(usize),
    /// … right after it.
    KillAfter(usize),
    /// The answer to this write is lost.
    DropResponse(usize),
    /// This write is refused by an outage.
    Refuse(usize),
    /// The first PATCH or POST of every path is refused by a conflict, POSTs of Events excepted.
    ConflictOnce,
    /// What others wrote is seen two seconds late.
    Stale,
}

impl Fault {
    /// Those that last as long as the program runs.
    pub const LASTING: [Self; 2] = [Self::ConflictOnce, Self::Stale];

    /// All that hit one write of so many.
    pub fn at_every_write(writes: usize) -> impl Iterator<Item = Self> {
        (1..=writes).flat_map(|k| [Self::KillBefore(k), Self::KillAfter(k), Self::DropResponse(k), Self::Refuse(k)])
    }

    /// The variable that asks for it, and its value.
    fn variable(self) -> (&'static str, String) {
        match self {
            Self::KillBefore(k) => ("FAULT_KILL_BEFORE", k.to_string()),
            Self::KillAfter(k) => ("FAULT_KILL_AFTER", k.to_string()),
            Self::DropResponse(k) => ("FAULT_DROP_RESPONSE", k.to_string()),
            Self::Refuse(k) => ("FAULT_FAIL", format!("{k}:503")),
            Self::ConflictOnce => ("FAULT_CONFLICT_ONCE", "1".to_owned()),
            Self::Stale => ("FAULT_STALE_MS", STALE.as_millis().to_string()),
        }
    }

    /// The write it hits; `None` = it lasts.
    pub fn write(self) -> Option<usize> {
        match self {
            Self::KillBefore(k) | Self::KillAfter(k) | Self::DropResponse(k) | Self::Refuse(k) => Some(k),
            Self::ConflictOnce | Self::Stale => None,
        }
    }

    /// Whether it hits one write, and not the whole life.
    pub fn hits_a_write(self) -> bool {
        self.write().is_some()
    }

    fn kills(self) -> bool {
        matches!(self, Self::KillBefore(_) | Self::KillAfter(_))
    }

    /// Pause between two looks: nothing is on its way to the program in between.
    pub fn pause(fault: Option<Self>) -> Duration {
        if fault == Some(Self::Stale) { STALE + PAUSE } else { PAUSE }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, value) = self.variable();
        write!(f, "{name}={value}")
    }
}

/// A program with a fault, and its successor without.
pub struct Victim {
    space: TestSpace,
    options: Options,
    fault: Option<Fault>,
    program: Program,
    succeeded: bool,
    begin: Mark,
}

impl Victim {
    /// Starts a program with that fault and waits for nothing: it may be about to be killed.
    pub async fn spawn(space: &TestSpace, name: &str, options: Options, fault: Option<Fault>) -> Result<Self> {
        // The shortest Lease: a successor waits for the end of its predecessor's.
        let options = options.arg("--lease-duration=3").env("FAULT_LOG", writes_of(space, name).display().to_string());
        let mut faulty = options.clone();
        if let Some((variable, value)) = fault.map(Fault::variable) {
            faulty = faulty.env(variable, value);
        }
        let begin = space.control_plane.audit().mark().await?;
        let program = Program::spawn(&space.control_plane, name, faulty).await?;
        Ok(Self { space: space.clone(), options, fault, program, succeeded: false, begin })
    }

    /// The process that runs now.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Starts the successor once the fault has killed the program. Any other end is an error.
    pub async fn attend(&mut self) -> Result<()> {
        let Some(status) = self.program.exit_status() else { return Ok(()) };
        let name = self.program.name().to_owned();
        let wanted = self.fault.is_some_and(Fault::kills) && !self.succeeded && status.signal() == Some(SIGABRT);
        if !wanted {
            bail!("{name} ended by itself with {status}:\n{}", self.program.process().log_tail(30));
        }
        self.program = Program::spawn(&self.space.control_plane, &name, self.options.clone().replica(1)).await?;
        self.succeeded = true;
        Ok(())
    }

    /// Attends while something is played to its end.
    pub async fn during<T>(&mut self, story: impl Future<Output = Result<T>>) -> Result<T> {
        let mut story = pin!(story);
        loop {
            tokio::select! {
                end = &mut story => return end,
                () = tokio::time::sleep(PAUSE) => self.attend().await?,
            }
        }
    }

    /// Attends until `look` says twice the same and the program did nothing in between; `look` returns an error while
    /// something is missing.
    pub async fn until_quiet<T, F>(&mut self, mut look: impl FnMut() -> F) -> Result<T>
    where
        T: PartialEq,
        F: Future<Output = Result<T>>,
    {
        let deadline = Instant::now() + LIMIT;
        let mut quiet = Quiet::default();
        loop {
            self.attend().await?;
            match quiet.look(&[&self.program], &mut look).await {
                Ok(found) => return Ok(found),
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context(format!("not settled in {LIMIT:?}")));
                }
                Err(_) => tokio::time::sleep(Fault::pause(self.fault)).await,
            }
        }
    }

    /// `METHOD path` of the writes of the first process.
    pub fn writes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(writes_of(&self.space, self.program.name())).unwrap_or_default();
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

    /// Whether the fault acted: its write was made. One that lasts leaves a [`trace`] in a program that still runs, or
    /// it is an error.
    pub async fn suffered(&self) -> Result<bool> {
        match self.fault {
            None => {}
            Some(Fault::ConflictOnce) => trace::refused_once(&self.program, &self.writes()).await?,
            Some(Fault::Stale) => {
                let requests = self.space.control_plane.audit().since(self.begin).await?;
                trace::saw_late(self.program.name(), &requests.in_namespace(&self.space.namespace))?;
            }
            Some(_) => return Ok(self.hit().is_some()),
        }
        Ok(true)
    }

    /// The write that was hit; `None` if the program had done everything with fewer.
    pub fn hit(&self) -> Option<String> {
        let fault = self.fault?;
        let write = self.writes().into_iter().nth(fault.write()?.checked_sub(1)?)?;
        (self.succeeded || !fault.kills()).then_some(write)
    }
}

fn writes_of(space: &TestSpace, program: &str) -> PathBuf {
    space.control_plane.folder().join(format!("{}-{program}.writes", space.namespace))
}
