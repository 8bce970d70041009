//! A cluster, its desk, and a git provider that does what a test says, on a clock that does what a test says. The queue of
//! builds is played by [`Bench::look`]: it decides, leaves its wish on the desk, and writes the patch to the cache.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_api::{Application, Component, ComponentGroup, IntegrationTestScenario, PipelineRun, Snapshot, keys};
use integration_core::build;
use integration_core::owner::Owner;
use integration_runtime::{Disposition, ObjectKey, Reconciler, Store, Watch};
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::super::desk::Desk;
use super::super::queue::Queue;
use super::super::{Report, ReportError, ReportErrorClass, Reporter};
use crate::decide::{self, Action, FinalizerChange, Plan, Provider, PullRequestRef, meta};
use crate::metrics::Metrics;
use crate::observe::{
    self, BY_APPLICATION, BY_BUILD, BY_OWNER, BY_PR_GROUP, BY_PULL_REQUEST, Caches, Learnt, Versions,
};

/// When every test begins.
const BEGIN: &str = "2025-11-09T13:05:00Z";
/// What the provider does with one call.
pub(super) enum Answer {
    Accepts,
    Refuses(u16),
    Fails(Option<Duration>),
    Open(bool),
    /// Never answers.
    Hangs,
}

/// Accepts what it has no other answer for.
#[derive(Clone, Default)]
pub(super) struct Scripted {
    pub(super) answers: Arc<Mutex<VecDeque<Answer>>>,
    /// Calls as they begin, with the seconds since the test began.
    pub(super) calls: Arc<Mutex<Vec<(u64, String)>>>,
    /// Calls that were let go of before they were answered.
    pub(super) dropped: Arc<Mutex<Vec<String>>>,
}

/// Notes a call that does not come to an end.
pub(super) struct InFlight<'a>(&'a Scripted, Option<String>);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dropped.lock().unwrap().extend(self.1.take());
    }
}

impl Scripted {
    async fn call(&self, began: Instant, what: String) -> Result<bool, ReportError> {
        self.calls.lock().unwrap().push((began.elapsed().as_secs(), what.clone()));
        let mut flight = InFlight(self, Some(what));
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Accepts);
        let error = |class, code| ReportError {
            class,
            code,
            host: "api.github.com".to_owned(),
            text: "words of the provider".to_owned(),
        };
        let result = match answer {
            Answer::Accepts => Ok(true),
            Answer::Open(open) => Ok(open),
            Answer::Refuses(code) => Err(error(ReportErrorClass::Permanent, code)),
            Answer::Fails(after) => Err(error(ReportErrorClass::Recoverable { after }, 502)),
            Answer::Hangs => std::future::pending().await,
        };
        flight.1 = None;
        result
    }
}

pub(super) struct Provided(Scripted, Instant);

impl Reporter for Provided {
    fn reaches(&self, provider: Provider) -> bool {
        provider == Provider::Github
    }

    async fn report(&self, report: &Report) -> Result<(), ReportError> {
        self.0.call(self.1, format!("{}: {}", report.name, report.state.word())).await.map(|_| ())
    }

    async fn pull_request_open(&self, pull_request: &PullRequestRef) -> Result<bool, ReportError> {
        self.0.call(self.1, pull_request.name()).await
    }
}

pub(super) struct Bench {
    pub(super) queue: Arc<Queue<Provided>>,
    pub(super) caches: Caches,
    pub(super) desk: Desk,
    pub(super) provider: Scripted,
    pub(super) began: Instant,
    pub(super) leads: Arc<Mutex<bool>>,
    /// Events of patches.
    pub(super) events: Mutex<Vec<String>>,
    pub(super) version: Mutex<u64>,
    pub(super) registry: Registry,
}

pub(super) fn caches() -> Caches {
    let owner = |scenario: &IntegrationTestScenario| Owner::of_scenario(scenario).map(|owner| owner.to_string());
    let label =
        |snapshot: &Snapshot, key| meta::label(snapshot, key).map(str::to_owned).into_iter().collect::<Vec<_>>();
    Caches {
        builds: Store::new(
            Watch::<PipelineRun>::new()
                .index(BY_PR_GROUP, |run| observe::group_hash(run).into_iter().collect())
                .index(BY_PULL_REQUEST, |run| observe::request_of(run).into_iter().collect()),
        ),
        components: Store::new(
            Watch::<Component>::new().index(BY_APPLICATION, |one| vec![one.spec.application.clone()]),
        ),
        applications: Store::new(Watch::<Application>::new()),
        groups: Store::new(Watch::<ComponentGroup>::new()),
        snapshots: Store::new(
            Watch::<Snapshot>::new()
                .index(BY_BUILD, move |snapshot| label(snapshot, keys::BUILD_PIPELINE_RUN))
                .index(BY_PR_GROUP, move |snapshot| label(snapshot, keys::PR_GROUP_HASH))
                .index(BY_PULL_REQUEST, |snapshot| observe::request_of_snapshot(snapshot).into_iter().collect()),
        ),
        scenarios: Store::new(
            Watch::<IntegrationTestScenario>::new().index(BY_OWNER, move |one| owner(one).into_iter().collect()),
        ),
        versions: Versions::default(),
    }
}

impl Bench {
    /// A cluster with Application `shop`, its Components c1 and c2, and these tests of pull requests.
    pub(super) fn new(scenarios: &[&str]) -> Self {
        let caches = caches();
        let object = |name: &str, spec: Value| json!({"metadata": {"name": name, "namespace": "team", "uid": name, "resourceVersion": "1"}, "spec": spec});
        caches.applications.observe(serde_json::from_value(object("shop", json!({}))).unwrap());
        for name in ["c1", "c2"] {
            caches.components.observe(serde_json::from_value(object(name, json!({"application": "shop"}))).unwrap());
        }
        for name in scenarios {
            let spec = json!({"application": "shop", "resolverRef": {"resolver": "git", "params": []}, "contexts": [{"name": "component"}]});
            caches.scenarios.observe(serde_json::from_value(object(name, spec)).unwrap());
        }
        Self::on(caches)
    }

    /// A process that has just begun, on a cluster as it is.
    pub(super) fn on(caches: Caches) -> Self {
        let (provider, began, leads) = (Scripted::default(), Instant::now(), Arc::new(Mutex::new(true)));
        let desk = Desk::new(vec![Provider::Github], Box::new(|_| ()), Box::new(|_| ()));
        let fence = Arc::clone(&leads);
        let registry = Registry::new();
        let queue = Queue {
            reporter: Provided(provider.clone(), began),
            desk: desk.clone(),
            caches: caches.clone(),
            metrics: Metrics::register(&registry).unwrap(),
            console: "Integration Service".to_owned(),
            now: Box::new(move || now(began)),
            leads: Box::new(move || *fence.lock().unwrap()),
        };
        let (events, version) = (Mutex::default(), Mutex::new(10));
        Self { queue: Arc::new(queue), caches, desk, provider, began, leads, events, version, registry }
    }

    pub(super) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.provider.answers.lock().unwrap().extend(answers);
    }

    pub(super) fn calls(&self) -> Vec<String> {
        self.provider.calls.lock().unwrap().iter().map(|(_, call)| call.clone()).collect()
    }

    /// When calls began, in seconds.
    pub(super) fn times(&self) -> Vec<u64> {
        self.provider.calls.lock().unwrap().iter().map(|(time, _)| *time).collect()
    }

    /// A newer version of the build of that name.
    pub(super) fn build(&self, name: &str, change: impl FnOnce(&mut Value)) -> Arc<PipelineRun> {
        let mut run = match self.caches.builds.get("team", name) {
            Some(run) => serde_json::to_value(&*run).unwrap(),
            None => build(name),
        };
        change(&mut run);
        self.keep(run)
    }

    pub(super) fn keep(&self, mut run: Value) -> Arc<PipelineRun> {
        let mut version = self.version.lock().unwrap();
        *version += 1;
        run["metadata"]["resourceVersion"] = version.to_string().into();
        self.caches.builds.observe(serde_json::from_value(run).unwrap())
    }

    /// The queue of builds looks at c1's build, until nothing is left to be written.
    pub(super) fn look(&self) -> Plan {
        for _ in 0..5 {
            let mut world = observe::observe(&self.caches, &key(), &mut Learnt::default());
            match world.build {
                Some(_) => self.desk.tell(&mut world),
                None => self.desk.gone(&key()),
            }
            let plan = decide::decide(&world, now(self.began));
            assert!(plan.ask.is_empty(), "{:?}", plan.ask);
            let Some(build) = world.build else { return plan };
            if self.desk.offer(&build, plan.report.clone()) {
                continue;
            }
            let mut wrote = false;
            for action in &plan.actions {
                if let Action::PatchBuild(patch) = action {
                    let mut run = serde_json::to_value(&*build).unwrap();
                    for (key, value) in &patch.annotations {
                        run["metadata"]["annotations"][key] = value.as_str().into();
                    }
                    for (key, value) in &patch.labels {
                        run["metadata"]["labels"][key] = value.as_str().into();
                    }
                    for key in &patch.removed {
                        run["metadata"]["annotations"].as_object_mut().unwrap().shift_remove(*key);
                    }
                    match patch.finalizer {
                        Some(FinalizerChange::Add) => {
                            run["metadata"]["finalizers"] = json!([keys::PIPELINE_RUN_FINALIZER]);
                        }
                        Some(FinalizerChange::Release) => run["metadata"]["finalizers"] = json!([]),
                        None => {}
                    }
                    self.events.lock().unwrap().extend(patch.events.iter().map(|notice| notice.reason.to_owned()));
                    self.keep(run);
                    wrote = true;
                }
            }
            if !wrote {
                return plan;
            }
        }
        panic!("the build is patched without end");
    }

    /// One pass of the queue of reports.
    pub(super) async fn pass(&self) -> Disposition {
        self.queue.reconcile(key()).await
    }

    /// Both queues work for that long; the queue of builds looks every half minute.
    pub(super) async fn work(&self, long: Duration) {
        let end = Instant::now() + long;
        loop {
            self.look();
            let pause = match self.pass().await {
                Disposition::RequeueAfter(pause) => pause.min(Duration::from_secs(30)),
                _ => Duration::from_secs(30),
            };
            self.look();
            let next = Instant::now() + pause;
            if next > end {
                sleep_until(end).await;
                return;
            }
            sleep_until(next).await;
        }
    }

    pub(super) fn marker(&self) -> Option<String> {
        let build = self.caches.builds.get("team", "b1")?;
        meta::annotation(&*build, keys::SNAPSHOT_CREATION_REPORT).map(str::to_owned)
    }

    pub(super) fn failure(&self) -> Option<String> {
        let build = self.caches.builds.get("team", "b1")?;
        meta::annotation(&*build, keys::GIT_REPORTING_FAILURE).map(str::to_owned)
    }

    pub(super) fn held(&self) -> bool {
        meta::has_finalizer(&self.caches.builds.get("team", "b1").unwrap())
    }
}

pub(super) fn now(began: Instant) -> Timestamp {
    let begin: Timestamp = BEGIN.parse().unwrap();
    begin.saturating_add(SignedDuration::try_from(began.elapsed()).unwrap()).unwrap()
}

pub(super) fn key() -> ObjectKey {
    ObjectKey::new("team", "b1")
}

/// A running build of c1 for pull request 5, held and known to its group.
pub(super) fn build(name: &str) -> Value {
    let hash = integration_core::pr_group::hash("feature");
    json!({
        "metadata": {
            "name": name, "namespace": "team", "uid": format!("uid-{name}"), "creationTimestamp": "2025-11-09T13:04:00Z",
            "finalizers": [keys::PIPELINE_RUN_FINALIZER],
            "labels": {
                keys::COMPONENT: "c1", keys::PAC_EVENT_TYPE: "pull_request", keys::PAC_PULL_REQUEST: "5",
                keys::PR_GROUP_HASH: hash,
            },
            "annotations": {
                keys::PAC_SOURCE_BRANCH: "feature", keys::PAC_REPO_URL: "https://github.com/team/c1",
                "pipelinesascode.tekton.dev/git-provider": "github", "pipelinesascode.tekton.dev/sha": "abc1",
                keys::PR_GROUP: "feature", keys::GROUP_NOTIFIED: format!("incoming/uid-{name}"),
            },
        },
        "status": {"startTime": "2025-11-09T13:04:05Z", "conditions": [{"type": "Succeeded", "status": "Unknown"}]},
    })
}

/// The build ends, at that time.
pub(super) fn ended(run: &mut Value, succeeded: bool, at: Timestamp) {
    run["status"]["completionTime"] = at.to_string().into();
    run["status"]["conditions"][0]["status"] = if succeeded { "True" } else { "False" }.into();
}

/// A Snapshot of c1 and that commit, of that build, which started at that time.
pub(super) fn snapshot(caches: &Caches, of: &PipelineRun, commit: &str) {
    let hash = integration_core::pr_group::hash("feature");
    let snapshot = json!({
        "metadata": {
            "name": format!("s-{}", meta::name(of)), "namespace": "team", "resourceVersion": "1",
            "labels": {
                keys::SNAPSHOT_TYPE: keys::TYPE_COMPONENT, keys::COMPONENT: "c1", keys::PR_GROUP_HASH: hash,
                keys::BUILD_PIPELINE_RUN: meta::name(of), keys::SHA: commit,
            },
            "annotations": {
                keys::BUILD_PIPELINE_RUN_UID: meta::uid(of), keys::INTEGRATION_WORKFLOW: keys::WORKFLOW_PULL_REQUEST,
                keys::BUILD_START_TIME: build::start(of).as_millisecond().to_string(),
            },
        },
        "spec": {"application": "shop"},
    });
    caches.snapshots.observe(serde_json::from_value(snapshot).unwrap());
}
