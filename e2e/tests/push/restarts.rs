//! Programs and the API server come and go.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::fixtures;
use e2e::programs::Options;
use e2e::tekton::{Outcome, Play};
use e2e::{ControlPlane, TestSpace};
use integration_api::keys;
use serde_json::json;

use crate::objects::{held, name_of, seconds_ago, text};
use crate::world::{PROGRAMS, Programs, World, push, quiet_plane};

/// Lease of the replicas here; the shortest that leaves time for a slow API server.
const LEASE: Duration = Duration::from_secs(4);

// SC-B33, SC-B34, TR-B49, RR-B50, invariants 1 and 7: the API server restarts while a build and while its tests run; nothing is lost or done
// twice, and no program ends.
#[tokio::test]
async fn the_api_server_may_restart_in_the_middle() -> Result<()> {
    let world = World::on(TestSpace::on(ControlPlane::start().await?, "api-server").await?).await?.with_tekton();
    let programs = Programs::start(&world.control_plane, &Options::for_space(&world)).await?;
    world.shop().await?;
    let build = push("frontend").application("shop");
    build.create(&world).await?;
    build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;

    world.control_plane.restart_api_server().await?;
    world.tekton().play_others(Play { outcome: Outcome::Success, duration: Duration::from_secs(1) });
    build.succeed(&world).await?;
    build.sign(&world).await?;
    let snapshot = world.snapshot_of(&build).await?;
    let snapshot = name_of(&snapshot);
    for scenario in ["unit", "system"] {
        world.run_of(snapshot, scenario).await?;
    }

    world.control_plane.restart_api_server().await?;
    world.released(snapshot, &["prod"]).await?;
    world.runs_let_go(snapshot, 2).await?;
    assert_eq!(world.runs_of(snapshot).await?.len(), 2);
    assert_eq!(world.list("Snapshot", "").await?.len(), 1);
    programs.assert_healthy().await
}

// HC-24, OP-6, N-2, N-3: of two replicas one writes.
// HC-24, SC-B9, TR-B49, N-1: when it is killed in the middle of its work, the other one goes on within the time of the
// lease, and nothing is done twice.
#[tokio::test]
async fn the_other_replica_takes_over() -> Result<()> {
    let world = World::on(TestSpace::on(quiet_plane().await?, "replicas").await?).await?.with_tekton();
    let lease = LEASE.as_secs().to_string();
    let options = Options::for_space(&world).arg("--lease-duration").arg(lease);
    let first = Programs::start(&world.control_plane, &options.clone().replica(0)).await?;
    let leaders = holders(&world).await?;
    let second = Programs::start(&world.control_plane, &options.replica(1)).await?;
    world.shop().await?;

    // Both see everything, one writes.
    let done = push("frontend").application("shop").named("done");
    let snapshot = world.complete(&done).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    world.runs_let_go(name_of(&snapshot), 2).await?;
    assert_eq!(holders(&world).await?, leaders);
    for verb in ["create", "patch", "delete"] {
        let (wrote, looked_on) = (writes(&first, verb).await?, writes(&second, verb).await?);
        assert!(looked_on < 0.5, "the second replica sent {looked_on} × {verb}");
        assert!(wrote > 0.5 || verb == "delete");
    }
    assert_eq!(second.metric("integration_svc_leader", &[]).await?.to_string(), "0");

    // Builds in every stage: tested, just signed, running.
    world.tekton().play_others(Play { outcome: Outcome::Success, duration: Duration::from_secs(1) });
    let [tested, signed, running] =
        ["tested", "signed", "running"].map(|name| push("backend").application("shop").named(name));
    for (build, start) in [(&tested, 300), (&signed, 200), (&running, 100)] {
        build.create(&world).await?;
        build.run_since(&world, &seconds_ago(start)).await?;
        world.wait_object("PipelineRun", &build.name, held).await?;
    }
    tested.succeed(&world).await?;
    tested.sign(&world).await?;
    let snapshot = world.snapshot_of(&tested).await?;
    world.run_of(name_of(&snapshot), "unit").await?;
    signed.succeed(&world).await?;
    signed.sign(&world).await?;
    for program in first.iter() {
        program.kill();
    }
    world
        .wait_within("the second replica to lead", LEASE + Duration::from_secs(3), || async {
            let now = holders(&world).await.ok()?;
            now.iter().zip(&leaders).all(|(now, before)| now != before).then_some(())
        })
        .await?;
    running.succeed(&world).await?;
    running.sign(&world).await?;

    let mut snapshots = Vec::new();
    for build in [&tested, &signed, &running] {
        let snapshot = world.snapshot_of(build).await?;
        world.runs_let_go(name_of(&snapshot), 2).await?;
        assert_eq!(world.runs_of(name_of(&snapshot)).await?.len(), 2);
        snapshots.push(snapshot);
    }
    // The newest is released in any case; an older one if it was ready before.
    world.released(name_of(&snapshots[2]), &["prod"]).await?;
    for snapshot in &snapshots[..2] {
        world.wait_condition(name_of(snapshot), "AutoReleased", "True", "AutoReleased").await?;
        ensure!(world.plans_of(name_of(snapshot)).await?.len() <= 1, "{} was released twice", name_of(snapshot));
    }
    assert_eq!(world.list("Snapshot", "").await?.len(), 4);
    second.assert_healthy().await
}

// N-26, N-52, SC-B33, RR-B18, TR-B54, DESIGN §7: programs that start where all work is done write nothing and read
// nothing beyond what fills their caches.
#[tokio::test]
async fn a_restart_where_all_is_done_costs_nothing() -> Result<()> {
    let world = World::on(TestSpace::on(quiet_plane().await?, "settled").await?).await?.with_tekton();
    let options = Options::for_space(&world);
    let programs = Programs::start(&world.control_plane, &options).await?;
    world.shop().await?;
    world.create_all(group_objects()).await?;
    world.tekton().play("broken", Outcome::Failure);
    settle(&world).await?;
    let stopped = programs.iter().map(e2e::Program::terminate);
    for status in futures::future::try_join_all(stopped).await? {
        ensure!(status.success(), "a program ended with {status}");
    }
    drop(programs);

    let begin = world.control_plane.audit().mark().await?;
    let programs = Programs::start(&world.control_plane, &options).await?;
    // Each looks once at every key it begins with; then its queues are empty.
    let builds = world.list("PipelineRun", &format!("{}=build", keys::PIPELINE_TYPE)).await?.len();
    let snapshots = world.list("Snapshot", "").await?.len();
    for (program, keys) in PROGRAMS.iter().zip([builds, snapshots, snapshots, snapshots]) {
        let program = programs.get(program);
        world
            .wait_for(&format!("{} to have looked at {keys} keys", program.name()), || async {
                let looks = program.metric("integration_svc_reconcile_total", &[]).await.ok()?;
                let waiting = program.metric("integration_svc_queue_depth", &[]).await.ok()?;
                #[expect(clippy::cast_precision_loss, reason = "a handful of objects")]
                let enough = looks >= keys as f64;
                (enough && waiting < 0.5).then_some(())
            })
            .await?;
    }
    let requests = world.control_plane.audit().since(begin).await?.of_programs().in_namespace(&world.namespace);
    let unwanted = requests.filter(|request| {
        let fills_a_cache = request.verb == "list" && request.resource != "taskruns";
        !fills_a_cache && request.verb != "watch"
    });
    ensure!(unwanted.count() == 0, "a settled cluster costs\n{}", unwanted.table());
    ensure!(requests.count() > 0, "the start was not seen");

    // They are at work all the same.
    let build = push("frontend").application("shop").named("afterwards");
    let snapshot = world.complete(&build).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// D-10, API-B38, OP-X9: beside the reference operator nothing is written; when it is gone, everything is made up for.
#[tokio::test]
async fn nothing_is_written_while_the_reference_operator_runs() -> Result<()> {
    let world = World::on(TestSpace::on(quiet_plane().await?, "reference").await?).await?.with_tekton();
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    world
        .create(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": keys::LEGACY_LEASE},
            "spec": {"holderIdentity": "reference", "leaseDurationSeconds": 3600, "renewTime": now},
        }))
        .await?;
    world.small().await?;
    let running = push("frontend").application("small").named("running");
    running.create(&world).await?;
    running.run(&world).await?;
    let done = push("frontend").application("small").named("done");
    done.complete(&world).await?;

    let begin = world.control_plane.audit().mark().await?;
    let programs = Programs::start(&world.control_plane, &Options::for_space(&world)).await?;
    let withheld = [("reason", "legacy_lease_fresh")];
    world
        .wait_for("all programs to hold back", || async {
            let count = programs.metric("integration_svc_writes_withheld", &withheld).await.ok()?;
            (count.to_string() == "4").then_some(())
        })
        .await?;
    for program in programs.iter() {
        let (_, text) = program.get("/readyz").await?;
        assert!(text.contains(keys::LEGACY_LEASE), "{} does not say why it holds back: {text}", program.name());
    }
    let requests = world.control_plane.audit().since(begin).await?.of_programs().in_namespace(&world.namespace);
    ensure!(requests.mutating().count() + requests.events().count() == 0, "writes:\n{}", requests.table());
    assert_eq!(world.list("Lease", "").await?.len(), 1, "not even their own Leases");

    world.delete("Lease", keys::LEGACY_LEASE).await?;
    world.wait_object("PipelineRun", &running.name, held).await?;
    let snapshot = world.snapshot_of(&done).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

/// Builds of both models with every kind of end.
async fn settle(world: &World) -> Result<()> {
    let shop = |component: &str, name: &str| push(component).application("shop").named(name);
    // Released, twice, so that one Snapshot is older than another.
    for name in ["first", "second"] {
        let snapshot = world.complete(&shop("frontend", name)).await?;
        world.released(name_of(&snapshot), &["prod"]).await?;
        world.runs_let_go(name_of(&snapshot), 2).await?;
    }
    // One whose Snapshot was collected, with all that belonged to it.
    let snapshot = world.complete(&shop("worker", "collected")).await?;
    world.released(name_of(&snapshot), &["prod"]).await?;
    for run in world.runs_let_go(name_of(&snapshot), 2).await? {
        world.delete("PipelineRun", name_of(&run)).await?;
    }
    world.delete("Snapshot", name_of(&snapshot)).await?;
    let snapshot = world.complete(&push("library").version("main")).await?;
    world.released(name_of(&snapshot), &["group-prod"]).await?;
    world.runs_let_go(name_of(&snapshot), 1).await?;
    // Tests that failed.
    let snapshot = world.complete(&push("broken").version("main")).await?;
    world.failed(name_of(&snapshot)).await?;
    world.runs_let_go(name_of(&snapshot), 1).await?;
    // Failed, unsigned, for nobody, in no group.
    let failed = shop("frontend", "failed");
    failed.create(world).await?;
    failed.run(world).await?;
    failed.fail(world, "Failed").await?;
    let unsigned = shop("frontend", "unsigned");
    unsigned.create(world).await?;
    unsigned.run_since(world, &seconds_ago(600)).await?;
    unsigned.succeed_with(world, &seconds_ago(360), unsigned.results()).await?;
    for build in [shop("nobody", "for-nobody"), push("library").version("v9").named("in-no-group")] {
        build.complete(world).await?;
    }
    for name in ["unsigned", "for-nobody", "in-no-group"] {
        world.event(name, "SnapshotCreationFailed").await?;
    }
    world.wait_count("PipelineRun", "", 15, |run| !held(run)).await?;
    Ok(())
}

/// ComponentGroup `tools` that passes and `rest` that fails.
fn group_objects() -> Vec<serde_json::Value> {
    vec![
        fixtures::versioned_component("library", &["main", "v9"]),
        fixtures::versioned_component("broken", &["main"]),
        fixtures::component_group("tools", &[("library", "main")]),
        fixtures::component_group("rest", &[("broken", "main")]),
        fixtures::group_scenario("library", "tools"),
        fixtures::group_scenario("broken", "rest"),
        fixtures::group_release_plan("group-prod", "tools"),
        fixtures::group_release_plan("rest-prod", "rest"),
    ]
}

/// Who holds the Lease of each program; waits until each has a holder.
async fn holders(world: &World) -> Result<Vec<String>> {
    world
        .wait_for("a holder of every Lease", || async {
            let mut holders = Vec::new();
            for program in PROGRAMS {
                let lease = world.get("Lease", &format!("{program}-0")).await.ok()??;
                holders.push(text(&lease["spec"]["holderIdentity"]));
            }
            holders.iter().all(|holder| !holder.is_empty()).then_some(holders)
        })
        .await
}

/// Requests of that verb on objects of the namespace, Leases apart.
async fn writes(programs: &Programs, verb: &str) -> Result<f64> {
    let all = programs.metric("integration_svc_api_requests_total", &[("verb", verb)]).await?;
    let leases = [("verb", verb), ("kind", "leases")];
    Ok(all - programs.metric("integration_svc_api_requests_total", &leases).await?)
}
