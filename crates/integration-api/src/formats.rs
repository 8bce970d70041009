//! Documents and values inside annotations, labels and results: one file a format.

pub mod auto_release_state;
pub mod build_report;
pub mod create_snapshot_status;
pub mod gcl_marker;
mod go_bool;
pub mod go_duration;
pub mod group_snapshot_text;
pub mod group_test_info;
mod object;
pub mod report_state;
pub mod rfc3339;
pub mod test_output;
mod text;

pub use go_bool::go_bool;
pub(crate) use object::{JsonObject, ObjectWriter};
pub(crate) use text::json_string;
pub use text::truncate;
