//! The queue of reports: expected tests of builds, told to git providers (SC-B14, D-18).
//!
//! Providers are slow and fail; nothing inside the cluster waits for them. The queue of builds leaves on the `desk`
//! what is wanted, goes on, and is woken when it is done. `queue` works it off, one call at a time for each build, and
//! looks before each call whether it is still wanted. It never writes to the cluster. All of this is memory: after a
//! restart the builds say again what is missing.

pub(crate) mod desk;
mod item;
pub(crate) mod queue;
mod reporter;

#[cfg(test)]
mod tests;

pub use reporter::{NoProvider, Report, ReportError, ReportErrorClass, Reporter};
