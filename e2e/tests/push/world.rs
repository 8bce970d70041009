//! What every test here starts from: a namespace in which the four programs work and Tekton is played.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use e2e::audit::Mark;
use e2e::fixtures::{self, Build};
use e2e::programs::Options;
use e2e::tekton::{self, Tekton};
use e2e::{ControlPlane, Program, TestSpace};
use futures::future::try_join_all;
use integration_api::{condition, keys};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::objects::{annotation, entries, has_condition, held, label, name_of, old_image, test_runs, text};

/// The programs that take a push build to its Release.
pub const PROGRAMS: [&str; 4] = ["snapshot-creator", "test-runner", "result-recorder", "status-reporter"];

/// A namespace with programs at work.
pub struct World {
    space: TestSpace,
    /// When the test began, in the audit log.
    begin: Mark,
    tekton: Option<Tekton>,
}

impl Deref for World {
    type Target = TestSpace;

    fn deref(&self) -> &TestSpace {
        &self.space
    }
}

/// One replica of each program.
pub struct Programs(Vec<Program>);

impl Programs {
    /// Starts them side by side and waits until all are ready.
    pub async fn start(plane: &ControlPlane, options: &Options) -> Result<Self> {
        let programs = PROGRAMS.map(|name| Program::start(plane, name, options.clone()));
        Ok(Self(try_join_all(programs).await?))
    }

    /// The set that all tests share.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Programs> = OnceCell::const_new();
        SHARED
            .get_or_try_init(|| async {
                let home = TestSpace::new("programs").await?;
                let options = Options { lease_namespace: home.namespace.clone(), ..Options::default() };
                Self::start(&home.control_plane, &options).await
            })
            .await
    }

    /// One of them.
    pub fn get(&self, name: &str) -> &Program {
        self.0.iter().find(|program| program.name() == name).unwrap()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Program> {
        self.0.iter()
    }

    /// Sum over all of them of the series of a metric with these labels.
    pub async fn metric(&self, metric: &str, labels: &[(&str, &str)]) -> Result<f64> {
        let values = try_join_all(self.0.iter().map(|program| program.metric(metric, labels))).await?;
        Ok(values.into_iter().sum())
    }

    /// None of them has ended or says that it is stuck.
    pub async fn assert_healthy(&self) -> Result<()> {
        for program in &self.0 {
            ensure!(program.is_running(), "{} ended: {:?}", program.name(), program.exit_status());
            let (status, text) = program.get("/healthz").await?;
            ensure!(status == 200, "{} is not healthy: {status} {text}", program.name());
        }
        Ok(())
    }
}

impl World {
    /// A new namespace; every test PipelineRun in it succeeds at once unless told otherwise.
    pub async fn new(name: &str) -> Result<Self> {
        let mut world = Self::without_tekton(name).await?;
        world.tekton = Some(Tekton::start(&world.space));
        Ok(world)
    }

    /// A new namespace where nobody plays Tekton.
    pub async fn without_tekton(name: &str) -> Result<Self> {
        Programs::shared().await?;
        Self::on(TestSpace::new(name).await?).await
    }

    /// That namespace, for whatever programs the test starts.
    pub async fn on(space: TestSpace) -> Result<Self> {
        let begin = space.control_plane.audit().mark().await?;
        Ok(Self { space, begin, tekton: None })
    }

    /// Tekton from now on.
    pub fn with_tekton(mut self) -> Self {
        self.tekton = Some(Tekton::start(&self.space));
        self
    }

    /// The stand-in.
    pub fn tekton(&self) -> &Tekton {
        self.tekton.as_ref().unwrap()
    }

    /// Creates objects, in their order.
    pub async fn create_all(&self, objects: impl IntoIterator<Item = Value>) -> Result<()> {
        for object in objects {
            self.create(object).await?;
        }
        Ok(())
    }

    /// Application `shop` of frontend, backend and worker (the latter two with a candidate), scenarios unit and system,
    /// ReleasePlan prod.
    pub async fn shop(&self) -> Result<()> {
        self.create_all([
            fixtures::application("shop"),
            fixtures::component("frontend", "shop"),
            fixtures::promoted_component("backend", "shop", &old_image("backend"), "b0b0"),
            fixtures::promoted_component("worker", "shop", &old_image("worker"), "c0c0"),
            fixtures::scenario("unit", "shop"),
            fixtures::scenario("system", "shop"),
            fixtures::release_plan("prod", "shop"),
        ])
        .await
    }

    /// Application `small` of frontend, scenario unit, ReleasePlan prod.
    pub async fn small(&self) -> Result<()> {
        self.create_all([
            fixtures::application("small"),
            fixtures::component("frontend", "small"),
            fixtures::scenario("unit", "small"),
            fixtures::release_plan("prod", "small"),
        ])
        .await
    }

    /// ComponentGroup `team` of frontend at main, scenario unit, ReleasePlan prod.
    pub async fn team(&self) -> Result<()> {
        self.create_all([
            fixtures::versioned_component("frontend", &["main"]),
            fixtures::component_group("team", &[("frontend", "main")]),
            fixtures::group_scenario("unit", "team"),
            fixtures::group_release_plan("prod", "team"),
        ])
        .await
    }

    /// The build runs from start to signature. Returns its only Snapshot.
    pub async fn complete(&self, build: &Build) -> Result<Value> {
        build.complete(self).await?;
        self.snapshot_of(build).await
    }

    /// The only Snapshot of a build, once the build is settled.
    pub async fn snapshot_of(&self, build: &Build) -> Result<Value> {
        Ok(self.snapshots_of(build, 1).await?.remove(0))
    }

    /// All Snapshots of a build, once it is settled: then no more can come.
    pub async fn snapshots_of(&self, build: &Build, count: usize) -> Result<Vec<Value>> {
        self.wait_object("PipelineRun", &build.name, |run| !annotation(run, keys::SNAPSHOTS).is_empty()).await?;
        let snapshots = self.list("Snapshot", &format!("{}={}", keys::BUILD_PIPELINE_RUN, build.name)).await?;
        ensure!(snapshots.len() == count, "{} Snapshots of {} instead of {count}", snapshots.len(), build.name);
        Ok(snapshots)
    }

    /// Waits for a condition on a Snapshot.
    pub async fn wait_condition(&self, snapshot: &str, type_: &str, status: &str, reason: &str) -> Result<Value> {
        let what = format!("condition {type_}={status} {reason} on Snapshot {snapshot}");
        self.wait_for(&what, || async {
            let snapshot = self.get("Snapshot", snapshot).await.ok()??;
            has_condition(&snapshot, type_, status, reason).then_some(snapshot)
        })
        .await
    }

    /// Waits for the verdict that all required tests passed.
    pub async fn passed(&self, snapshot: &str) -> Result<Value> {
        self.wait_condition(snapshot, condition::TEST_SUCCEEDED, condition::TRUE, condition::PASSED).await
    }

    /// Waits for the verdict that a required test failed.
    pub async fn failed(&self, snapshot: &str) -> Result<Value> {
        self.wait_condition(snapshot, condition::TEST_SUCCEEDED, condition::FALSE, condition::FAILED).await
    }

    /// Waits until nothing is left to release of a Snapshot, and checks that it went to exactly these plans.
    pub async fn released(&self, snapshot: &str, plans: &[&str]) -> Result<Value> {
        let object =
            self.wait_condition(snapshot, condition::AUTO_RELEASED, condition::TRUE, condition::AUTO_RELEASED).await?;
        ensure!(self.plans_of(snapshot).await? == plans, "{snapshot} went to {:?}", self.plans_of(snapshot).await?);
        Ok(object)
    }

    /// The ReleasePlans a Snapshot was released to, one for each Release.
    pub async fn plans_of(&self, snapshot: &str) -> Result<Vec<String>> {
        let releases = self.list("Release", "").await?;
        let of_snapshot = releases.iter().filter(|release| release["spec"]["snapshot"] == snapshot);
        let mut plans: Vec<String> = of_snapshot.map(|release| text(&release["spec"]["releasePlan"])).collect();
        plans.sort();
        Ok(plans)
    }

    /// The test PipelineRuns of a Snapshot, by scenario; an error if a scenario has two.
    pub async fn runs_of(&self, snapshot: &str) -> Result<BTreeMap<String, Value>> {
        let runs = self.list("PipelineRun", &test_runs(snapshot)).await?;
        let count = runs.len();
        let by_scenario: BTreeMap<_, _> =
            runs.into_iter().map(|run| (label(&run, keys::SCENARIO).to_owned(), run)).collect();
        ensure!(by_scenario.len() == count, "a scenario of {snapshot} has two PipelineRuns");
        Ok(by_scenario)
    }

    /// Waits for the test PipelineRun of a scenario.
    pub async fn run_of(&self, snapshot: &str, scenario: &str) -> Result<Value> {
        self.wait_for(&format!("the PipelineRun of scenario {scenario} on {snapshot}"), || async {
            self.runs_of(snapshot).await.ok()?.remove(scenario)
        })
        .await
    }

    /// Waits until the status entry of a scenario is in that state.
    pub async fn wait_entry(&self, snapshot: &str, scenario: &str, status: &str) -> Result<Value> {
        self.wait_for(&format!("entry {scenario} {status} on Snapshot {snapshot}"), || async {
            let snapshot = self.get("Snapshot", snapshot).await.ok()??;
            entries(&snapshot).remove(scenario).filter(|entry| entry["status"] == status)
        })
        .await
    }

    /// Waits until the service holds no PipelineRun of the Snapshot any more.
    pub async fn runs_let_go(&self, snapshot: &str, count: usize) -> Result<Vec<Value>> {
        self.wait_count("PipelineRun", &test_runs(snapshot), count, |run| !held(run)).await
    }

    /// A build, its test and its Release from nothing to the end. Whatever happened in this namespace before was seen
    /// by all four programs when it is done: they get the changes of a kind in their order, and it changes each kind.
    /// Needed before a Snapshot made by hand too: the programs may see it before a scenario that is hardly older.
    pub async fn programs_have_looked(&self) -> Result<()> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("canary-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.create_all([
            fixtures::application(&name),
            fixtures::component(&name, &name),
            fixtures::scenario(&name, &name),
            fixtures::release_plan(&name, &name),
        ])
        .await?;
        let snapshot = self.complete(&push(&name).application(&name)).await?;
        let snapshot = name_of(&snapshot);
        if self.tekton.is_none() {
            let run = self.run_of(snapshot, &name).await?;
            self.end_test(name_of(&run), "True", "Succeeded").await?;
        }
        self.released(snapshot, &[&name]).await?;
        self.runs_let_go(snapshot, 1).await?;
        Ok(())
    }

    /// Tekton starts a test PipelineRun.
    pub async fn start_test(&self, run: &str) -> Result<Value> {
        let status =
            json!({"startTime": tekton::now(), "conditions": [tekton::succeeded("Unknown", "Running", "Running")]});
        self.patch_status("PipelineRun", run, status).await
    }

    /// Tekton ends a test PipelineRun, without any TaskRun.
    pub async fn end_test(&self, run: &str, status: &str, reason: &str) -> Result<Value> {
        let conditions = json!([tekton::succeeded(status, reason, "the end")]);
        let status = json!({"startTime": tekton::now(), "completionTime": tekton::now(), "conditions": conditions});
        self.patch_status("PipelineRun", run, status).await
    }

    /// No program was refused a request since the test began, here or for watches over all namespaces (HC-20).
    pub async fn assert_nothing_forbidden(&self) -> Result<()> {
        let requests = self.control_plane.audit().since(self.begin).await?.of_programs();
        // What another test provokes in its own namespace is its business.
        let ours = |namespace: &str| namespace.is_empty() || namespace == self.namespace;
        let forbidden = requests.forbidden().filter(|request| ours(&request.namespace));
        ensure!(forbidden.count() == 0, "requests without the right:\n{}", forbidden.table());
        Ok(())
    }
}

/// A control plane on which no shared programs work, for tests that start and stop their own.
pub async fn quiet_plane() -> Result<Arc<ControlPlane>> {
    static QUIET: OnceCell<Arc<ControlPlane>> = OnceCell::const_new();
    Ok(Arc::clone(QUIET.get_or_try_init(ControlPlane::start).await?))
}

/// A push build of a repository without a git provider, so that nothing has to be reported.
pub fn push(component: &str) -> Build {
    Build::push(component).without_provider()
}
