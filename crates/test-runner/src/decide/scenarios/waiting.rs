//! A scenario that waits to be started: rows 1 to 5 and 8 of M1, with the error classes of TR-B52.

use integration_api::IntegrationTestScenario;
use integration_api::test_status::{Entry, TestStatus};
use integration_core::scenario;
use jiff::{SignedDuration, Timestamp};

use super::Tests;
use crate::decide::leave_alone;
use crate::plan::{Create, Plan};
use crate::tries::{Class, Failure, Target};

/// Creating is given up this long after the scenario became ready (TR-B52).
const GIVE_UP: SignedDuration = SignedDuration::from_hours(3);

impl Tests<'_> {
    /// A scenario without entry, or with a Pending one whose PipelineRun does not exist.
    pub(super) fn wait(&mut self, name: &str, entry: Option<&Entry>, plan: &mut Plan) {
        let Some(scenario) = self.applicable.get(name).copied() else {
            // Row 8.
            if entry.is_some_and(|entry| entry.attempt.is_none()) && self.runs(name).next().is_none() {
                self.after.remove(name);
                plan.because("test", "scenario_gone", name);
            }
            return;
        };
        // Row 1; an existing entry keeps its details.
        if entry.is_none() {
            self.after.update(name, TestStatus::Pending, "Pending", self.now);
        }
        self.after.set_optional(name, scenario::optional(scenario));
        let parents = self.parents(name);
        if entry.is_none_or(|entry| entry.attempt.is_none()) {
            self.after.set_run_after(name, &parents);
        }
        if !parents.is_empty() {
            leave_alone(self.world, self.now, "test_graph", name, plan);
        } else if self.canceled {
            plan.because("nothing", "canceled", name);
        } else {
            self.start(name, scenario, entry, plan);
        }
    }

    /// Rows 2 to 5 of a startable scenario.
    fn start(&mut self, name: &str, scenario: &IntegrationTestScenario, entry: Option<&Entry>, plan: &mut Plan) {
        let attempt = self.attempt(name, entry);
        if let Some(run) = self.newest_run(name, attempt) {
            let run = run.metadata.name.clone().unwrap_or_default();
            self.after.update(
                name,
                TestStatus::InProgress,
                &format!("The integration PipelineRun {run} was created."),
                self.now,
            );
            self.after.set_pipeline_run(name, &run);
            plan.because("test", "started", name);
            return;
        }
        match scenario.spec.resolver_ref.resource_kind.as_deref().unwrap_or_default().to_ascii_lowercase().as_str() {
            "" | "pipeline" => {}
            "pipelinerun" => return leave_alone(self.world, self.now, "resource_kind", name, plan),
            other => {
                let text = format!("resourceKind {other:?} is not known; use pipeline or pipelinerun");
                return self.give_up(name, &text, plan);
            }
        }
        match self.world.tries.get(&Target::Run(name.to_owned()), &attempt.to_string()) {
            Some(failure) if failure.class == Class::Terminal => self.give_up(name, &failure.message.clone(), plan),
            Some(failure) if failure.next > self.now => self.wait_for_retry(name, entry, &failure.clone(), plan),
            _ => plan
                .create
                .push(Create::Run { scenario: name.to_owned(), attempt: entry.and_then(|entry| entry.attempt) }),
        }
    }

    /// Row 5, and row 4 where no further try fits before the time to give up.
    fn wait_for_retry(&mut self, name: &str, entry: Option<&Entry>, failure: &Failure, plan: &mut Plan) {
        let word = failure.class.word();
        let ready = entry.map_or(self.now, |entry| entry.last_update_time);
        if failure.next >= ready.checked_add(GIVE_UP).unwrap_or(Timestamp::MAX) {
            let text = format!("given up after {} h ({word}): {}", GIVE_UP.as_hours(), failure.message);
            return self.give_up(name, &text, plan);
        }
        plan.look_at(failure.next);
        plan.because("test", "create_failed", name);
        // Once per class, without touching `lastUpdateTime`: our own write must not look like progress.
        let prefix = format!("Waiting to start ({word}): ");
        if !entry.is_some_and(|entry| entry.details.starts_with(&prefix)) {
            self.after.set_details_quietly(name, &format!("{prefix}{}", failure.message));
            plan.notice(
                true,
                "TestCreateRetry",
                format!("scenario {name} waits to start ({word}): {}", failure.message),
            );
        }
    }

    /// Row 4.
    fn give_up(&mut self, name: &str, cause: &str, plan: &mut Plan) {
        let text = format!("The integration PipelineRun could not be created: {cause}");
        self.after.update(name, TestStatus::TestInvalid, &text, self.now);
        plan.because("test", "invalid", name);
        plan.fault(Target::Run(name.to_owned()), "TestInvalid", format!("scenario {name}: {text}"));
    }

    /// The scenarios this one runs after (TR-94): its parents in the test graph that apply, in order.
    fn parents(&self, name: &str) -> Vec<String> {
        let graph = self.world.group.as_ref().and_then(|group| group.spec.test_graph.get(name));
        graph
            .into_iter()
            .flatten()
            .map(|parent| parent.name.as_str())
            .filter(|parent| self.applicable.contains_key(parent))
            .map(str::to_owned)
            .collect()
    }
}
