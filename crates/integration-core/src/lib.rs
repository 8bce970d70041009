//! The rules of the integration service as pure functions: what an object is called, what it is, what goes into it.
//!
//! * [`owner`], [`names`]: who owns an object and what it is called.
//! * [`image`], [`git_url`]: image references and repository URLs.
//! * [`event`], [`snapshot`], [`build`], [`scenario`], [`pr_group`]: classification of builds, Snapshots and
//!   scenarios.
//! * [`metadata`]: which labels and annotations travel from one object to the next.
//! * [`assembly`], [`gcl`]: contents of Snapshots and of the global candidate list.
//! * [`graph`], [`timeouts`], [`snapshot_param`]: how tests are ordered, limited and parametrised.
//!
//! Nothing here reads a clock (the time is an argument), draws random numbers or does I/O, and nothing panics on
//! what a tenant may have written.

pub mod assembly;
pub mod build;
pub mod event;
pub mod gcl;
pub mod git_url;
pub mod graph;
pub mod image;
pub mod metadata;
pub mod names;
pub mod owner;
pub mod plan;
pub mod pr_group;
pub mod scenario;
pub mod snapshot;
pub mod snapshot_param;
pub mod timeouts;

mod meta;
#[cfg(test)]
mod testing;
