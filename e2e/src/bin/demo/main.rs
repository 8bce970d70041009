//! The main job on one screen: `cargo demo [--keep]`.
//!
//! Boots a control plane, starts the programs under their own identities, plays pushes, a pull request and a deletion on
//! the sample objects of `e2e/samples` and prints each Snapshot, test, verdict and Release as it happens, then a table.

#![allow(clippy::indexing_slicing, reason = "JSON documents answer a missing key with null")]

mod narrator;
mod summary;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use e2e::fixtures::Build;
use e2e::objects::condition;
use e2e::programs::Options;
use e2e::tekton::{Outcome, Play, Tekton};
use e2e::{ControlPlane, Program, TestSpace};
use integration_api::keys;
use serde::Deserialize;
use serde_json::Value;

use narrator::Narrator;

const PROGRAMS: [&str; 6] =
    ["snapshot-creator", "test-runner", "result-recorder", "status-reporter", "gcl-aligner", "app-regenerator"];
const USAGE: &str = "usage: cargo demo [--keep]\n\n  --keep   leave the control plane and the programs running at the end and print the kubeconfig";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let keep = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--keep"] => true,
        ["--help" | "-h"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("demo: cannot make sense of `{}`\n{USAGE}", arguments.join(" "));
            return ExitCode::FAILURE;
        }
    };
    match play(keep).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn play(keep: bool) -> Result<()> {
    let began = Instant::now();
    let plane = ControlPlane::shared().await.context("the control plane does not start")?;
    let space = TestSpace::on(plane, "demo").await?;
    println!(
        "control plane up after {:.1} s: etcd, kube-apiserver, RBAC on, {}",
        began.elapsed().as_secs_f64(),
        space.control_plane.url()
    );
    let mut programs = Vec::new();
    for name in PROGRAMS {
        let options = Options::for_space(&space).env("DELETION_WAIT", "2s");
        programs.push(Program::start(&space.control_plane, name, options).await?);
    }
    println!("programs up, each under its own ServiceAccount: {}", PROGRAMS.join(", "));

    let tekton = Tekton::start(&space);
    tekton.play_others(Play { outcome: Outcome::Success, duration: Duration::from_secs(1) });
    tekton.play_all("load", [Play { outcome: Outcome::Warning, duration: Duration::from_millis(1500) }]);
    for file in ["application.yaml", "component-group.yaml"] {
        for object in samples(file)? {
            space.create(object).await?;
        }
    }
    println!("sample objects created in namespace {}\n", space.namespace);

    let narrator = Narrator::start(&space);
    let mut builds = samples("builds.yaml")?;
    builds.extend(samples("pull-request.yaml")?);
    let build = |name: &str| {
        builds
            .iter()
            .find(|build| build["metadata"]["name"] == name)
            .cloned()
            .with_context(|| format!("no sample build {name}"))
    };

    narrator.scene("A build of frontend fails: nothing to test, and the PipelineRun may go");
    let failing = Build::push("frontend").named("frontend-push-0").application("shop");
    failing.create(&space).await?;
    failing.run(&space).await?;
    reaches(&space, "PipelineRun", "frontend-push-0", "running", |run| !finalizers(run).is_empty()).await?;
    failing.fail(&space, "Failed").await?;
    reaches(&space, "PipelineRun", "frontend-push-0", "let go", |run| finalizers(run).is_empty()).await?;

    tekton.play_builds(Duration::from_secs(1));
    narrator.scene("A push to frontend, Application shop: backend and worker were never built, so they are left out");
    pushed(&space, build("frontend-push-1")?, Some("shop-production")).await?;

    narrator.scene("A push to backend: tested together with the frontend of a moment ago");
    pushed(&space, build("backend-push-1")?, Some("shop-production")).await?;

    narrator.scene("A push to api v2, ComponentGroup platform");
    pushed(&space, build("api-v2-push-1")?, Some("platform-production")).await?;

    narrator.scene("The contract test of platform fails: the verdict is Failed, and nothing is released");
    tekton.play_all("contract", [Play { outcome: Outcome::Failure, duration: Duration::from_secs(1) }]);
    let mut second = build("api-v2-push-1")?;
    second["metadata"]["name"] = "api-v2-push-2".into();
    pushed(&space, second, None).await?;

    narrator.scene("A pull request to frontend: its Snapshot is of PR group dark-mode, and the candidates stay");
    let first = build("frontend-pull-7-1")?;
    let first_snapshot = built(&space, first.clone()).await?;

    narrator.scene("It is pushed to again: the Snapshot that nobody has tested yet is canceled");
    let mut again = first.clone();
    again["metadata"]["name"] = "frontend-pull-7-2".into();
    let second_snapshot = built(&space, again).await?;
    reaches(&space, "Snapshot", &first_snapshot, "canceled", |snapshot| {
        condition(snapshot, "AppStudioIntegrationStatus").is_some_and(|found| found["reason"] == "Canceled")
    })
    .await?;

    narrator.scene("It is merged: the push that says so marks both Snapshots");
    let mut merge = build("frontend-push-1")?;
    merge["metadata"]["name"] = "frontend-push-2".into();
    merge["metadata"]["labels"]["pipelinesascode.tekton.dev/pull-request"] = "7".into();
    pushed(&space, merge, Some("shop-production")).await?;
    for snapshot in [&first_snapshot, &second_snapshot] {
        reaches(&space, "Snapshot", snapshot, "merged", |snapshot| {
            snapshot["metadata"]["annotations"][keys::PR_STATUS] == "merged"
        })
        .await?;
    }

    narrator
        .scene("Component backend is deleted: what remains of shop gets a Snapshot (after 2 s here, 30 s by default)");
    space.delete("Component", "backend").await?;
    space.wait_gone("Component", "backend").await?;
    let remaining = space.list("Snapshot", &format!("!{}", keys::BUILD_PIPELINE_RUN)).await?;
    for snapshot in &remaining {
        judged(&space, snapshot["metadata"]["name"].as_str().unwrap_or_default()).await?;
    }

    narrator.finish().await;
    summary::print(&space).await?;
    println!("\n{:.1} s in all", began.elapsed().as_secs_f64());
    if keep {
        println!(
            "left running; look around with\n  export KUBECONFIG={}\n  kubectl -n {} get snapshots,pipelineruns,releases,events",
            space.control_plane.kubeconfig().display(),
            space.namespace
        );
        println!("press Ctrl-C to end everything");
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}

/// Plays a build and waits for its Snapshot, and until the build is let go. Returns the name of the Snapshot.
async fn built(space: &TestSpace, build: Value) -> Result<String> {
    let name = build["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    space.create(build).await?;
    let selector = format!("{}={name}", keys::BUILD_PIPELINE_RUN);
    let snapshot = space
        .wait_for(&format!("the Snapshot of {name}"), || async {
            space.list("Snapshot", &selector).await.ok()?.into_iter().next()
        })
        .await?;
    reaches(space, "PipelineRun", &name, "let go", |run| finalizers(run).is_empty()).await?;
    Ok(snapshot["metadata"]["name"].as_str().unwrap_or_default().to_owned())
}

/// Plays a push build and waits until the world has learnt its result: released, or failed.
async fn pushed(space: &TestSpace, build: Value, plan: Option<&str>) -> Result<()> {
    let snapshot = built(space, build).await?;
    judged(space, &snapshot).await?;
    if let Some(plan) = plan {
        space
            .wait_for(&format!("the Release of {snapshot} with {plan}"), || async {
                let releases = space.list("Release", "").await.ok()?;
                releases.into_iter().find(|release| {
                    release["spec"]["snapshot"] == snapshot.as_str() && release["spec"]["releasePlan"] == plan
                })
            })
            .await?;
    }
    Ok(())
}

/// Waits for the verdict on a Snapshot, and until its tests are let go.
async fn judged(space: &TestSpace, snapshot: &str) -> Result<()> {
    reaches(space, "Snapshot", snapshot, "with a verdict", |snapshot| {
        condition(snapshot, "AppStudioTestSucceeded").is_some_and(|condition| condition["status"] != "Unknown")
    })
    .await?;
    let tests = format!("{}={snapshot}", keys::SNAPSHOT);
    space
        .wait_for(&format!("the test PipelineRuns of {snapshot} to be let go"), || async {
            let runs = space.list("PipelineRun", &tests).await.ok()?;
            runs.iter().all(|run| finalizers(run).is_empty()).then_some(())
        })
        .await
}

async fn reaches(space: &TestSpace, kind: &str, name: &str, state: &str, is: impl Fn(&Value) -> bool) -> Result<()> {
    let what = format!("{kind} {name} {state}");
    space
        .wait_for(&what, || async { space.get(kind, name).await.ok().flatten().filter(|object| is(object)) })
        .await
        .map(drop)
}

fn finalizers(object: &Value) -> Vec<Value> {
    object["metadata"]["finalizers"].as_array().cloned().unwrap_or_default()
}

fn samples(file: &str) -> Result<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(file);
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let documents: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).with_context(|| format!("parsing {}", path.display())))
        .collect::<Result<_>>()?;
    if documents.is_empty() {
        bail!("{} is empty", path.display());
    }
    Ok(documents)
}
