//! From the outcome of every ReleasePlan to the condition `AutoReleased` (TR-68, TR-69, TR-72, D-14) or to the
//! annotation that says what is waited for (TR-B50).

use std::collections::BTreeMap;

use integration_api::condition::{self, AUTO_RELEASED};
use integration_api::formats::{self, auto_release_state::AutoReleaseState};
use integration_api::{Snapshot, keys};
use jiff::Timestamp;

use crate::plan::Plan;
use crate::tries::Target;

/// Fixed begin of the message of a superseded Snapshot; other programs match it (API-C9).
const SUPERSEDED: &str = "Released in newer Snapshot";
/// Reason of Events about Releases that could not be made (TR-B43).
pub(super) const RELEASE_FAILED: &str = "ReleaseFailed";
/// Longest error text kept for one plan, in bytes (TR-B40).
const ERROR_LIMIT: usize = 256;
/// Length the annotation should not exceed, in bytes (TR-B40).
const ANNOTATION_LIMIT: usize = 1024;

/// Where the release to one plan stands.
pub(super) enum Outcome {
    /// A Release exists.
    Exists,
    /// A Release is created in this reconcile.
    Created,
    /// A live read is needed first.
    Asked,
    /// These newer Snapshots were released to the plan.
    Superseded(Vec<String>),
    /// A newer Snapshot is still tested.
    Waits { newer: String, until: Timestamp },
    /// Creating failed and is tried again.
    Retries { next: Timestamp, class: &'static str, message: String },
    /// Not possible.
    Failed { event: &'static str, text: String },
}

/// All plans of the owner that want a Release.
pub(super) struct Outcomes {
    pub(super) by_plan: BTreeMap<String, Outcome>,
    pub(super) should_release: bool,
    pub(super) give_up: Timestamp,
}

impl Outcomes {
    pub(super) fn conclude(&self, snapshot: &Snapshot, now: Timestamp, plan: &mut Plan) {
        let mut open = !plan.automate.is_empty();
        let mut state = AutoReleaseState::default();
        let known = AutoReleaseState::parse(annotation(snapshot));
        for (name, outcome) in &self.by_plan {
            let reason = match outcome {
                Outcome::Exists => "created",
                Outcome::Superseded(_) => "superseded",
                Outcome::Created | Outcome::Asked => {
                    open = true;
                    "pending"
                }
                Outcome::Waits { newer, until } => {
                    open = true;
                    plan.look_at(*until);
                    state.waiting_for = Some(newer.clone());
                    state.until = Some(*until);
                    "waiting"
                }
                Outcome::Retries { next, class, message } => {
                    open = true;
                    plan.look_at(*next);
                    // Once a class (TR-B52): what the API server says may differ with every try.
                    let begin = format!("not created yet ({class}): ");
                    let told = known.errors.get(name).filter(|text| text.starts_with(&begin)).cloned();
                    let text = || formats::truncate(&format!("{begin}{message}"), self.error_limit());
                    state.errors.insert(name.clone(), told.unwrap_or_else(text));
                    "retrying"
                }
                Outcome::Failed { text, .. } => {
                    if now < self.give_up {
                        open = true;
                        plan.look_at(self.give_up);
                    }
                    state.errors.insert(name.clone(), formats::truncate(text, self.error_limit()));
                    "failed"
                }
            };
            plan.because("release", reason, name.clone());
        }
        self.tell(&state, &known, plan);
        if open {
            self.remember(snapshot, &state, &known, plan);
        } else {
            self.close(snapshot, plan);
        }
    }

    /// Events for what was not known before: one for each distinct error and wait.
    fn tell(&self, state: &AutoReleaseState, known: &AutoReleaseState, plan: &mut Plan) {
        if let (Some(newer), Some(until)) = (&state.waiting_for, state.until)
            && known.waiting_for.as_ref() != Some(newer)
        {
            plan.notice(
                false,
                "ReleaseWaiting",
                format!("the release waits until {until:.0} for the newer Snapshot {newer}, which is still tested"),
            );
        }
        for (name, text) in &state.errors {
            if known.errors.get(name) != Some(text) {
                let note = format!("no Release for ReleasePlan {name}: {text}");
                match self.by_plan.get(name) {
                    Some(Outcome::Failed { event, .. }) => plan.fault(Target::Release(name.clone()), event, note),
                    _ => plan.notice(true, RELEASE_FAILED, note),
                }
            }
        }
    }

    /// Room for the error of one plan, so that the annotation stays near 1 KiB (TR-B40).
    fn error_limit(&self) -> usize {
        let failing = |outcome: &&Outcome| matches!(outcome, Outcome::Failed { .. } | Outcome::Retries { .. });
        let failed = self.by_plan.values().filter(failing).count();
        (ANNOTATION_LIMIT / failed.max(1)).clamp(32, ERROR_LIMIT)
    }

    fn remember(&self, snapshot: &Snapshot, state: &AutoReleaseState, known: &AutoReleaseState, plan: &mut Plan) {
        // A plan that is about to ask or to create is not final, and neither is its state.
        let transient = self.by_plan.values().any(|outcome| matches!(outcome, Outcome::Created | Outcome::Asked));
        if transient || state.to_annotation() == known.to_annotation() {
            return;
        }
        if *state != AutoReleaseState::default() {
            plan.metadata.annotations.insert(keys::AUTO_RELEASE_STATE, Some(state.to_annotation()));
        } else if annotation(snapshot).is_some() {
            plan.metadata.annotations.insert(keys::AUTO_RELEASE_STATE, None);
        }
    }

    /// Nothing is open any more.
    fn close(&self, snapshot: &Snapshot, plan: &mut Plan) {
        if annotation(snapshot).is_some() {
            plan.metadata.annotations.insert(keys::AUTO_RELEASE_STATE, None);
        }
        let message = self.message(plan);
        plan.condition(AUTO_RELEASED, condition::TRUE, condition::AUTO_RELEASED, &message);
    }

    fn message(&self, plan: &mut Plan) -> String {
        let (mut released, mut superseded, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (name, outcome) in &self.by_plan {
            match outcome {
                Outcome::Superseded(newer) => superseded.push((name.as_str(), newer.join(", "))),
                Outcome::Failed { text, .. } => failed.push((name.as_str(), formats::truncate(text, ERROR_LIMIT))),
                _ => released.push(name.as_str()),
            }
        }
        if self.by_plan.is_empty() {
            return if self.should_release {
                "The Snapshot was skipped because no ReleasePlan has auto-release set to 'true'.".to_owned()
            } else {
                "The Snapshot was skipped because build result SHOULD_RELEASE is 'false'.".to_owned()
            };
        }
        for (name, newer) in &superseded {
            plan.notice(false, "ReleaseSuperseded", format!("no Release for ReleasePlan {name}: {SUPERSEDED} {newer}"));
        }
        if released.is_empty() && failed.is_empty() {
            let mut names: Vec<_> = superseded.iter().flat_map(|(_, newer)| newer.split(", ")).collect();
            names.sort_unstable();
            names.dedup();
            return format!("{SUPERSEDED}: {}", names.join(", "));
        }
        let list = |items: &[(&str, String)]| {
            items.iter().map(|(name, text)| format!("{name} ({text})")).collect::<Vec<_>>().join(", ")
        };
        let mut sentences = Vec::new();
        if released.is_empty() {
            sentences.push("The Snapshot was not released.".to_owned());
        } else {
            sentences.push(format!("The Snapshot was auto-released with ReleasePlan {}.", released.join(", ")));
        }
        if !superseded.is_empty() {
            sentences.push(format!("Released from a newer Snapshot instead: {}.", list(&superseded)));
        }
        if !failed.is_empty() {
            sentences.push(format!("Failed: {}.", list(&failed)));
        }
        sentences.join(" ")
    }
}

fn annotation(snapshot: &Snapshot) -> Option<&str> {
    snapshot.metadata.annotations.as_ref()?.get(keys::AUTO_RELEASE_STATE).map(String::as_str)
}
