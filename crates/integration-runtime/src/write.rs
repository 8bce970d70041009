//! Safe reads and writes against the API server (DESIGN §4).

mod create;
mod error;
mod event;
mod read;
mod run_patch;
mod update;

pub use create::Created;
pub use error::{ApiError, ErrorClass};
pub use event::EventType;
pub use run_patch::{Patched, RunPatch};
pub use update::{Part, Update};

#[cfg(test)]
mod tests;
