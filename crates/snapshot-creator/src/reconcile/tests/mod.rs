//! Whole reconciles against an API server that answers what a test says.

use integration_api::{PipelineRun, keys};
use scripted_api::{Answer, Requests, asked, context, events, found, merged, refused};
use serde_json::{Value, json};

use super::*;
use crate::metrics::Metrics;
use crate::observe::Caches;

const RUN: &str = "/apis/tekton.dev/v1/namespaces/team/pipelineruns/b1";
const SNAPSHOTS: &str = "/apis/appstudio.redhat.com/v1alpha1/namespaces/team/snapshots";
const COMPONENT: &str = "/apis/appstudio.redhat.com/v1alpha1/namespaces/team/components/c1";

/// A program that knows Application `shop`.
struct Bench {
    controller: Controller,
    caches: Caches,
    requests: Requests,
}

impl Bench {
    fn new(answers: Vec<Answer>) -> Self {
        let (context, requests) = context(answers);
        let caches = Caches::told(Arc::new(|_| ()), Timestamp::now);
        let application = json!({"metadata": {"namespace": "team", "name": "shop", "uid": "shop", "resourceVersion": "1"}, "spec": {}});
        caches.applications.observe(serde_json::from_value(application).unwrap());
        let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
        let desk = Desk::new(Vec::new(), Arc::new(|_| ()), Arc::new(|_| ()));
        let act = Act { context, caches: caches.clone(), metrics };
        Self { controller: Controller::new(act, desk, Arc::default()), caches, requests }
    }

    fn component(self, name: &str) -> Self {
        self.caches.components.observe(serde_json::from_value(component(name)).unwrap());
        self
    }

    fn build(self, build: &Value) -> Self {
        self.caches.builds.observe(serde_json::from_value(build.clone()).unwrap());
        self
    }

    fn snapshot(self, snapshot: &Value) -> Self {
        self.caches.snapshots.observe(serde_json::from_value(snapshot.clone()).unwrap());
        self
    }

    async fn reconcile(&self) -> Disposition {
        self.controller.reconcile(ObjectKey::new("team", "b1")).await
    }
}

fn component(name: &str) -> Value {
    json!({"metadata": {"namespace": "team", "name": name, "uid": name, "resourceVersion": "1"},
        "spec": {"application": "shop", "source": {"git": {"url": format!("https://github.com/team/{name}")}}}})
}

/// A running build of pull request 5, held and in its PR group.
fn running() -> Value {
    let hash = integration_core::pr_group::hash("feature");
    json!({"metadata": {"namespace": "team", "name": "b1", "uid": "u1", "resourceVersion": "5",
            "creationTimestamp": "2025-11-09T13:04:00Z", "finalizers": [keys::PIPELINE_RUN_FINALIZER],
            "labels": {keys::PIPELINE_TYPE: keys::PIPELINE_BUILD, keys::COMPONENT: "c1", keys::PAC_EVENT_TYPE: "pull_request", keys::PAC_PULL_REQUEST: "5", keys::PR_GROUP_HASH: hash},
            "annotations": {keys::PAC_SOURCE_BRANCH: "feature", keys::PR_GROUP: "feature", keys::GROUP_NOTIFIED: "incoming/u1"}},
        "spec": {}, "status": {"startTime": "2025-11-09T13:04:05Z", "conditions": [{"type": "Succeeded", "status": "Unknown"}]}})
}

/// The same build, failed; the group was told of that.
fn failed() -> Value {
    let mut build = running();
    build["metadata"]["annotations"][keys::GROUP_NOTIFIED] = "failed/u1".into();
    build["status"]["conditions"][0]["status"] = "False".into();
    build
}

/// An older Snapshot of the pull request.
fn snapshot(name: &str, component: &str, version: u64) -> Value {
    let hash = integration_core::pr_group::hash("feature");
    json!({"metadata": {"namespace": "team", "name": name, "uid": name, "resourceVersion": version.to_string(),
            "creationTimestamp": "2025-11-09T12:00:00Z",
            "labels": {keys::SNAPSHOT_TYPE: "component", keys::COMPONENT: component, keys::PULL_REQUEST: "5",
                keys::EVENT_TYPE: "pull_request", keys::BUILD_PIPELINE_RUN: "b0", keys::PR_GROUP_HASH: hash},
            "annotations": {keys::INTEGRATION_WORKFLOW: "pull-request"}},
        "spec": {"application": "shop"},
        "status": {"conditions": [{"type": "AutoReleased", "status": "False", "reason": "theirs", "message": "theirs", "lastTransitionTime": "2025-11-09T12:00:01Z"}]}})
}

fn with_condition(mut snapshot: Value, reason: &str) -> Value {
    snapshot["metadata"]["resourceVersion"] = "9".into();
    let condition = json!({"type": "AppStudioIntegrationStatus", "status": "True", "reason": reason, "message": "", "lastTransitionTime": "2025-11-09T12:30:00Z"});
    snapshot["status"]["conditions"].as_array_mut().unwrap().push(condition);
    snapshot
}

// E-4: what cannot be read now is read later, and says nothing about the build.
#[tokio::test(start_paused = true)]
async fn sc_b36_a_component_that_cannot_be_read_is_no_missing_one() {
    let bench = Bench::new(vec![refused(500, "down")]).build(&running());
    assert!(matches!(bench.reconcile().await, Disposition::Backoff(_)));
    assert_eq!(asked(&bench.requests), [format!("GET {COMPONENT}")]);
    assert_eq!(events(&bench.requests), [""; 0]);
}

// E-78: a build that is gone when its last patch arrives needs nothing more.
#[tokio::test(start_paused = true)]
async fn sc_b31_a_build_that_vanished_before_its_last_patch_is_done() {
    let bench = Bench::new(vec![refused(404, "gone"), refused(404, "gone")]).component("c1").build(&failed());
    assert!(matches!(bench.reconcile().await, Disposition::Done));
    assert_eq!(asked(&bench.requests).first(), Some(&format!("PATCH {RUN}")));
    assert!(bench.caches.builds.get("team", "b1").is_none());
}

// E-79, SC-B35: a patch that meets another version each time is decided anew each time, then put back.
#[tokio::test(start_paused = true)]
async fn sc_b35_a_build_that_changes_all_the_time_is_put_back() {
    let mut answers = Vec::new();
    for version in 6..12 {
        let mut newer = failed();
        newer["metadata"]["resourceVersion"] = version.to_string().into();
        newer["metadata"]["finalizers"] = json!([keys::PIPELINE_RUN_FINALIZER, format!("another/{version}")]);
        answers.push(refused(422, "the server rejected our request due to an error in our request"));
        answers.push(found(&newer));
    }
    let bench = Bench::new(answers).component("c1").build(&failed());
    assert!(matches!(bench.reconcile().await, Disposition::RequeueAfter(pause) if pause == STUCK));
    let patches = asked(&bench.requests).iter().filter(|line| line.starts_with("PATCH")).count();
    assert_eq!(patches, usize::try_from(PATCHES).unwrap());
}

// SC-B26, SC-97: one condition, by compare-and-swap, all others as they are; then the build remembers it.
#[tokio::test(start_paused = true)]
async fn sc_b26_the_condition_is_written_on_the_version_it_was_decided_on() {
    let (old, mut remembering) = (snapshot("s0", "c1", 3), running());
    remembering["metadata"]["annotations"][keys::SUPERSEDED_SNAPSHOTS] = "s0".into();
    remembering["metadata"]["resourceVersion"] = "6".into();
    let bench = Bench::new(vec![merged(&old, 4), found(&remembering)]).component("c1").build(&running()).snapshot(&old);
    assert!(matches!(bench.reconcile().await, Disposition::Done));
    assert_eq!(asked(&bench.requests), [format!("PATCH {SNAPSHOTS}/s0/status"), format!("PATCH {RUN}")]);
    let body = bench.requests.lock().unwrap()[0].1.clone();
    assert_eq!((&body["metadata"]["resourceVersion"], &body["metadata"]["uid"]), (&json!("3"), &json!("s0")));
    let conditions = body["status"]["conditions"].as_array().unwrap();
    assert_eq!((conditions.len(), &conditions[0]), (2, &old["status"]["conditions"][0]));
    assert_eq!(conditions[1]["reason"], "Canceled");
    assert_eq!(events(&bench.requests), ["Superseded"]);
}

// N-17: the Snapshot finished between the decision and the patch.
#[tokio::test(start_paused = true)]
async fn sc_b26_a_snapshot_that_finished_meanwhile_stays_finished() {
    let old = snapshot("s0", "c1", 3);
    let finished = with_condition(old.clone(), "Finished");
    let bench =
        Bench::new(vec![refused(409, "changed"), found(&finished)]).component("c1").build(&running()).snapshot(&old);
    assert!(matches!(bench.reconcile().await, Disposition::Done));
    assert_eq!(asked(&bench.requests), [format!("PATCH {SNAPSHOTS}/s0/status"), format!("GET {SNAPSHOTS}/s0")]);
    assert_eq!(events(&bench.requests), [""; 0]);
}

// E-90: an error is no success; the other Snapshot is marked meanwhile, and the first one later.
#[tokio::test(start_paused = true)]
async fn sc_b26_a_failed_mark_is_made_later() {
    let (first, second) = (snapshot("s0", "c1", 3), snapshot("s1", "c1", 3));
    let mut remembering = running();
    remembering["metadata"]["annotations"][keys::SUPERSEDED_SNAPSHOTS] = "s1".into();
    remembering["metadata"]["resourceVersion"] = "6".into();
    let answers = vec![refused(500, "down"), merged(&second, 4), found(&remembering)];
    let bench = Bench::new(answers).component("c1").build(&running()).snapshot(&first).snapshot(&second);
    assert!(matches!(bench.reconcile().await, Disposition::Backoff(_)));
    let lines =
        [format!("PATCH {SNAPSHOTS}/s0/status"), format!("PATCH {SNAPSHOTS}/s1/status"), format!("PATCH {RUN}")];
    assert_eq!(asked(&bench.requests), lines);
}

// SC-B17: three programs write this key. Where the Snapshot changed meanwhile, and a newer one took its place, it is left.
#[tokio::test(start_paused = true)]
async fn sc_b17_a_snapshot_that_is_not_the_newest_any_more_is_not_told() {
    let mut build = running();
    build["metadata"]["annotations"].as_object_mut().unwrap().remove(keys::GROUP_NOTIFIED);
    let mut told = build.clone();
    told["metadata"]["annotations"][keys::GROUP_NOTIFIED] = "incoming/u1".into();
    told["metadata"]["resourceVersion"] = "6".into();
    let old = snapshot("s2", "c2", 3);
    let mut newer = snapshot("s3", "c2", 4);
    newer["metadata"]["creationTimestamp"] = "2025-11-09T13:04:30Z".into();
    // The newer one comes to be known while the patch of the older one is refused.
    let (code, answer) = refused(409, "changed");
    let snapshots = Arc::new(std::sync::OnceLock::<Caches>::new());
    let known = Arc::clone(&snapshots);
    let refusal: Answer = (
        code,
        Box::new(move |body| {
            let caches = known.get().unwrap();
            caches.snapshots.observe(serde_json::from_value(newer).unwrap());
            answer(body)
        }),
    );
    let bench = Bench::new(vec![refusal, found(&snapshot("s2", "c2", 4)), found(&told)])
        .component("c1")
        .component("c2")
        .build(&build)
        .snapshot(&old);
    snapshots.get_or_init(|| bench.caches.clone());
    assert!(matches!(bench.reconcile().await, Disposition::Done));
    let lines = [format!("PATCH {SNAPSHOTS}/s2"), format!("GET {SNAPSHOTS}/s2"), format!("PATCH {RUN}")];
    assert_eq!(asked(&bench.requests), lines);
}

// M2, SC-B4: a Snapshot of the reference does not name its version; it is read once, not at every look.
#[tokio::test(start_paused = true)]
async fn sc_b4_the_version_inside_a_snapshot_is_read_once() {
    let mut old = snapshot("s0", "c1", 3);
    old["spec"] = json!({"componentGroup": "platform"});
    let mut live = old.clone();
    live["spec"]["components"] = json!([{"name": "c1", "version": "v2"}, {"name": "c2", "version": "v1"}]);
    let bench = Bench::new(vec![found(&live)]).component("c1").build(&running()).snapshot(&old);
    for _ in 0..2 {
        assert!(matches!(bench.reconcile().await, Disposition::Done));
    }
    assert_eq!(asked(&bench.requests), [format!("GET {SNAPSHOTS}/s0")], "another version: not superseded");
}

// SC-B34: what concerns other objects does not wait for the build's own patch.
#[tokio::test(start_paused = true)]
async fn sc_b34_a_refused_patch_of_the_build_does_not_stop_supersession() {
    let (old, mut build) = (snapshot("s0", "c1", 3), running());
    build["metadata"]["finalizers"] = json!([]);
    let bench = Bench::new(vec![refused(503, "down"), merged(&old, 4)]).component("c1").build(&build).snapshot(&old);
    assert!(matches!(bench.reconcile().await, Disposition::Backoff(_)));
    assert_eq!(asked(&bench.requests), [format!("PATCH {RUN}"), format!("PATCH {SNAPSHOTS}/s0/status")]);
}

// SC-B8: a build on which nothing more can be written is not held for that.
#[tokio::test(start_paused = true)]
async fn sc_b8_a_build_whose_annotations_are_refused_is_let_go() {
    let mut build = failed();
    build["metadata"]["annotations"][keys::GROUP_NOTIFIED] = "incoming/u1".into();
    build["status"]["completionTime"] = integration_core::build::start(&PipelineRun::default()).to_string().into();
    let mut released = build.clone();
    released["metadata"]["finalizers"] = json!([]);
    released["metadata"]["resourceVersion"] = "6".into();
    let too_long = || refused(422, "metadata.annotations: Too long: may not be more than 262144 bytes");
    let answers = vec![too_long(), found(&build), found(&released)];
    let bench = Bench::new(answers).component("c1").build(&build);
    assert!(matches!(bench.reconcile().await, Disposition::Terminal("invalid")));
    let last =
        bench.requests.lock().unwrap().iter().rfind(|(line, _)| line == &format!("PATCH {RUN}")).unwrap().1.clone();
    let operations: Vec<_> = last.as_array().unwrap().iter().map(|one| one["path"].clone()).collect();
    assert_eq!(operations, ["/metadata/uid", "/metadata/finalizers", "/metadata/finalizers"]);
    assert_eq!(events(&bench.requests), ["PipelineRunNotUpdated"]);
}
