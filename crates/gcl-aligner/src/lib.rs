//! gcl-aligner keeps the global candidate list of every ComponentGroup in line with its members, and says whether the
//! group can work as it is written.
//!
//! The list has one entry for each member of the group that is a Component, in the order of the spec. Entries keep what
//! was promoted; a new member begins with a blank one; entries of former members, of nested ComponentGroups and of
//! duplicates go, and an Event names them with the image that went. snapshot-creator and test-runner put their own
//! entries into the same list: every write here is computed on the newest version of the group and refused by the API
//! server if that is not the newest any more, whatever the definition says about the list (D-7, D-8).
//!
//! Nothing waits for this program: writers add missing entries themselves, readers pass over entries of no member.
//!
//! # Objects and keys
//!
//! | object | read | written |
//! |---|---|---|
//! | ComponentGroup | spec; status | status.globalCandidateList; condition `Valid`; in one patch |
//! | Event | – | created, about ComponentGroups: `CandidatesDropped` |
//!
//! It has no metrics beside those of every program (see `integration_runtime::metrics`): `decision_total` counts what
//! was added, reordered and dropped.
//!
//! # Rooms
//!
//! `controller` watches, [`decide`] makes a [`decide::Plan`] of a group, `act` carries it out. There is nothing to
//! observe beside the group itself.

mod act;
mod controller;
pub mod decide;

pub use controller::{GclAligner, Settings};
