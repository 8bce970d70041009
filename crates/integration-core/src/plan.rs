//! What every plan says beside its actions.

use serde::Serialize;

/// A Kubernetes Event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Whether something needs attention.
    pub warning: bool,
    /// Reason word, for programs.
    pub reason: &'static str,
    /// Text for people: what happened, to which object, why, and what to do.
    pub note: String,
}

/// Something that is done, or deliberately not done, and one word why, as in the metric `decision_total`. Both are
/// bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    /// What was decided.
    pub decision: &'static str,
    /// Why.
    pub reason: &'static str,
}
