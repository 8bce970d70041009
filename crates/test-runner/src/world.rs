//! Everything one decision about a Snapshot needs, gathered by [`crate::observe`].

use std::collections::BTreeMap;
use std::sync::Arc;

use integration_api::test_status::WarningWireName;
use integration_api::{ComponentGroup, IntegrationTestScenario, PipelineRun, Release, ReleasePlan, Snapshot};
use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize};

use crate::tries::Tries;

/// One Snapshot and what surrounds it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct World {
    /// The Snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Its owner, as far as the cache knows it.
    pub owner: Option<OwnerObject>,
    /// The owning ComponentGroup, for its test graph.
    pub group: Option<Arc<ComponentGroup>>,
    /// The scenarios of the owner.
    pub scenarios: Vec<Arc<IntegrationTestScenario>>,
    /// The test PipelineRuns this Snapshot controls.
    pub runs: Vec<Arc<PipelineRun>>,
    /// The ReleasePlans of the owner.
    pub plans: Vec<Arc<ReleasePlan>>,
    /// The Releases of this Snapshot.
    pub releases: Vec<Arc<Release>>,
    /// Snapshots of the same component that may be newer; filled only while a release is open.
    pub line: Vec<Sibling>,
    /// What live reads of this reconcile answered.
    pub facts: Facts,
    /// Failed creates that are remembered in memory.
    pub tries: Tries,
    /// What the administrator chose.
    pub policy: Policy,
}

impl World {
    /// The same world around another version of the Snapshot.
    #[must_use]
    pub fn with(&self, snapshot: &Snapshot) -> Self {
        Self { snapshot: Arc::new(snapshot.clone()), ..self.clone() }
    }
}

/// The owner of a Snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct OwnerObject {
    /// Its uid, for the owner reference.
    pub uid: String,
}

/// Another Snapshot of the same component, with its Releases.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sibling {
    /// The Snapshot.
    pub snapshot: Arc<Snapshot>,
    /// Its Releases.
    pub releases: Vec<Arc<Release>>,
}

/// A live read that [`crate::decide()`] asks for, because a stale cache could do harm.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Question {
    /// Does the owner exist (TR-B37)?
    Owner,
    /// Which scenarios are in the namespace (TR-93)? Another watch may tell of a Snapshot before ours tells of a scenario
    /// that is older, and "nothing to test" is final.
    Scenarios,
    /// Does the test PipelineRun of this name exist (TR-B55)?
    Run(String),
    /// Does the Release of this name exist (M4)?
    Release(String),
    /// Which version of its component does the Snapshot of this name hold, if it does not say so itself (M2)?
    Version(String),
}

/// Answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Whether the object exists.
    Exists(bool),
    /// All of them are in the cache.
    Listed,
    /// The version; `None` when the Snapshot has none or several.
    Version(Option<String>),
}

/// Answers to [`Question`]s: `true` when the object exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// Whether the owner exists; `None` when nobody asked.
    pub owner: Option<bool>,
    /// Whether the scenarios were listed.
    pub scenarios: bool,
    /// Test PipelineRuns by name.
    pub runs: BTreeMap<String, bool>,
    /// Releases by name.
    pub releases: BTreeMap<String, bool>,
    /// Versions by Snapshot; `None` is equal to any.
    pub versions: BTreeMap<String, Option<String>>,
}

impl Facts {
    /// Notes one answer.
    pub fn note(&mut self, question: Question, answer: Answer) {
        match (question, answer) {
            (Question::Owner, Answer::Exists(exists)) => self.owner = Some(exists),
            (Question::Scenarios, Answer::Listed) => self.scenarios = true,
            (Question::Run(name), Answer::Exists(exists)) => {
                self.runs.insert(name, exists);
            }
            (Question::Release(name), Answer::Exists(exists)) => {
                self.releases.insert(name, exists);
            }
            (Question::Version(name), Answer::Version(version)) => {
                self.versions.insert(name, version);
            }
            // An answer to another question; the question stays open.
            (_, Answer::Exists(_) | Answer::Listed | Answer::Version(_)) => {}
        }
    }
}

/// Settings a decision depends on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// How long a passed Snapshot waits for a newer one that is still tested (M4); zero = never.
    #[serde(rename = "supersessionWaitSeconds", deserialize_with = "seconds")]
    pub supersession_wait: SignedDuration,
    /// Name of a warning in the test status (D-1).
    #[serde(skip)]
    pub warning: WarningWireName,
}

impl Default for Policy {
    fn default() -> Self {
        Self { supersession_wait: SignedDuration::from_hours(1), warning: WarningWireName::default() }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SignedDuration, D::Error> {
    i64::deserialize(deserializer).map(SignedDuration::from_secs)
}
