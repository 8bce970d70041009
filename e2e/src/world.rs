//! What a test of one program starts from: a namespace, the program, and what it asked for since the test began.

use std::borrow::Borrow;
use std::ops::Deref;

use anyhow::{Result, ensure};

use crate::audit::{Mark, Requests};
use crate::programs::Options;
use crate::{Program, TestSpace};

/// A namespace in which a program works: its own (`World<Program>`) or a shared one (`World<&Program>`).
pub struct World<P = Program> {
    space: TestSpace,
    /// The program.
    pub program: P,
    begin: Mark,
}

impl<P> Deref for World<P> {
    type Target = TestSpace;

    fn deref(&self) -> &TestSpace {
        &self.space
    }
}

impl World<Program> {
    /// That namespace with a program of its own.
    pub async fn start(space: TestSpace, program: &str, options: Options) -> Result<Self> {
        let begin = space.control_plane.audit().mark().await?;
        let program = Program::start(&space.control_plane, program, options).await?;
        Ok(Self { space, program, begin })
    }
}

impl<P: Borrow<Program>> World<P> {
    /// That namespace, in which this program works already.
    pub async fn on(space: TestSpace, program: P) -> Result<Self> {
        let begin = space.control_plane.audit().mark().await?;
        Ok(Self { space, program, begin })
    }

    /// Now, in the audit log.
    pub async fn mark(&self) -> Result<Mark> {
        self.control_plane.audit().mark().await
    }

    /// Requests of the program in this namespace since the test began.
    pub async fn requests(&self) -> Result<Requests> {
        self.requests_since(self.begin).await
    }

    /// The same since that mark.
    pub async fn requests_since(&self, mark: Mark) -> Result<Requests> {
        let requests = self.control_plane.audit().since(mark).await?;
        Ok(requests.of_program(self.program.borrow().name()).in_namespace(&self.namespace))
    }

    /// The program runs, logged no error (AR-X10), and asked for nothing it has no right to (HC-20).
    pub async fn assert_well(&self) -> Result<()> {
        let program = self.program.borrow();
        ensure!(program.is_running(), "{} ended:\n{}", program.name(), program.process().log_tail(30));
        let log = std::fs::read_to_string(program.process().log())?;
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("\"level\":\"ERROR\"")).collect();
        ensure!(errors.is_empty(), "{}", errors.join("\n"));
        let forbidden = self.requests().await?.forbidden();
        ensure!(forbidden.count() == 0, "refused for missing rights:\n{}", forbidden.table());
        Ok(())
    }
}
