//! A cluster, its desk, and a git provider, on a clock that does what a test says. The queue of builds is played by
//! [`Bench::look`]: it decides, leaves its wish on the desk, and writes the patch to the cache. Both queues look at the
//! build when they are woken and when they wanted to look again, as those of a running program do, and at no other time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use integration_api::{PipelineRun, keys};
use integration_core::build;
use integration_runtime::{Disposition, ObjectKey, Reconciler};
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::super::desk::Desk;
use super::super::queue::Queue;
use super::provider::{Answer, Provided, Scripted};
use crate::Wake;
use crate::decide::{self, Action, FinalizerChange, Plan, Wait, meta};
use crate::metrics::Metrics;
use crate::observe::{self, Caches, Learnt};

/// When every test begins.
const BEGIN: &str = "2025-11-09T13:05:00Z";
/// When a queue looks at the build.
#[derive(Clone, Default)]
pub(super) struct Turn {
    woken: Arc<Mutex<bool>>,
    timer: Arc<Mutex<Option<Instant>>>,
}

impl Turn {
    /// What wakes c1's build.
    fn wake(&self) -> Wake {
        let woken = Arc::clone(&self.woken);
        Arc::new(move |woke| {
            if woke == key() {
                *woken.lock().unwrap() = true;
            }
        })
    }

    /// Whether it was woken since it looked last.
    pub(super) fn is_woken(&self) -> bool {
        *self.woken.lock().unwrap()
    }

    fn begins(&self) {
        *self.woken.lock().unwrap() = false;
        *self.timer.lock().unwrap() = None;
    }

    fn ends(&self, again: Option<Instant>) {
        *self.timer.lock().unwrap() = again;
    }

    fn next(&self) -> Option<Instant> {
        if self.is_woken() { Some(Instant::now()) } else { *self.timer.lock().unwrap() }
    }

    fn is_due(&self) -> bool {
        self.next().is_some_and(|next| next <= Instant::now())
    }
}

pub(super) struct Bench {
    pub(super) builds: Turn,
    pub(super) reports: Turn,
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

impl Bench {
    /// A cluster with Application `shop`, its Components c1 and c2, and these tests of pull requests.
    pub(super) fn new(scenarios: &[&str]) -> Self {
        let (builds, began) = (Turn::default(), Instant::now());
        let caches = Caches::told(builds.wake(), move || now(began));
        let object = |name: &str, spec: Value| json!({"metadata": {"name": name, "namespace": "team", "uid": name, "resourceVersion": "1"}, "spec": spec});
        caches.applications.observe(serde_json::from_value(object("shop", json!({}))).unwrap());
        for name in ["c1", "c2"] {
            caches.components.observe(serde_json::from_value(object(name, json!({"application": "shop"}))).unwrap());
        }
        for name in scenarios {
            let spec = json!({"application": "shop", "resolverRef": {"resolver": "git", "params": []}, "contexts": [{"name": "component"}]});
            caches.scenarios.observe(serde_json::from_value(object(name, spec)).unwrap());
        }
        Self::begin(caches, builds, began)
    }

    /// The process begins anew, on the cluster as it is.
    pub(super) fn restarted(&self) -> Self {
        let restarted = Self::begin(self.caches.clone(), self.builds.clone(), self.began);
        *restarted.builds.woken.lock().unwrap() = true;
        restarted
    }

    fn begin(caches: Caches, builds: Turn, began: Instant) -> Self {
        let (reports, provider, leads) = (Turn::default(), Scripted::default(), Arc::new(Mutex::new(true)));
        let reporter = Provided(provider.clone(), began);
        let desk = Desk::between(builds.wake(), reports.wake(), &reporter);
        let fence = Arc::clone(&leads);
        let registry = Registry::new();
        let queue = Queue {
            reporter,
            desk: desk.clone(),
            caches: caches.clone(),
            metrics: Metrics::register(&registry).unwrap(),
            console: "Integration Service".to_owned(),
            now: Box::new(move || now(began)),
            leads: Box::new(move || *fence.lock().unwrap()),
        };
        let (events, version) = (Mutex::default(), Mutex::new(10));
        let queue = Arc::new(queue);
        Self { builds, reports, queue, caches, desk, provider, began, leads, events, version, registry }
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
        self.builds.begins();
        let plan = self.patched();
        let at = |time: Timestamp| self.began + Duration::try_from(time.duration_since(begin())).unwrap();
        self.builds.ends(plan.wait.map(|wait| match wait {
            Wait::Until(time) | Wait::BackoffUntil(time) => at(time),
            Wait::Backoff => Instant::now() + Duration::from_secs(5),
        }));
        plan
    }

    fn patched(&self) -> Plan {
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
        self.reports.begins();
        let end = self.queue.reconcile(key()).await;
        self.reports.ends(match &end {
            Disposition::RequeueAfter(pause) => Some(Instant::now() + *pause),
            _ => None,
        });
        end
    }

    /// Both queues work for that long.
    pub(super) async fn work(&self, long: Duration) {
        let end = Instant::now() + long;
        loop {
            while self.builds.is_due() || self.reports.is_due() {
                if self.builds.is_due() {
                    self.look();
                } else {
                    self.pass().await;
                }
            }
            let next = self.builds.next().into_iter().chain(self.reports.next()).min();
            match next.filter(|next| *next <= end) {
                Some(next) => sleep_until(next).await,
                None => return sleep_until(end).await,
            }
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

fn begin() -> Timestamp {
    BEGIN.parse().unwrap()
}

pub(super) fn now(began: Instant) -> Timestamp {
    begin().saturating_add(SignedDuration::try_from(began.elapsed()).unwrap()).unwrap()
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
                keys::PIPELINE_TYPE: keys::PIPELINE_BUILD, keys::COMPONENT: "c1", keys::PAC_EVENT_TYPE: "pull_request", keys::PAC_PULL_REQUEST: "5",
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
