//! Programs as child processes under their own rights.

use std::time::Duration;

use anyhow::Result;
use e2e::programs::{Options, Program};
use e2e::{TestSpace, manifests, rbac};

#[tokio::test]
async fn every_program_gets_ready_with_its_own_rights_and_stops_on_request() -> Result<()> {
    let space = TestSpace::new("programs").await?;
    let plane = &space.control_plane;
    let begin = plane.audit().mark().await?;
    for (name, _) in manifests::programs() {
        let program = Program::start(plane, name, Options::for_space(&space)).await?;
        assert!(program.is_running());
        let page = program.metrics().await?;
        assert!(
            page.lines().any(|line| line.starts_with("integration_svc_")),
            "{name} has no metrics of ours:\n{page}"
        );
        let usage = program.usage()?;
        assert!(usage.peak_rss_kib >= usage.rss_kib && usage.rss_kib > 0, "{name}: {usage:?}");
        // Its Leases live in the namespace of the test.
        space
            .wait_for(&format!("a Lease of {name}"), || async {
                let leases = space.list("Lease", "").await.ok()?;
                leases
                    .into_iter()
                    .find(|lease| lease["metadata"]["name"].as_str().is_some_and(|lease| lease.starts_with(name)))
            })
            .await?;
        let status = program.terminate().await?;
        assert!(status.success(), "{name} ended with {status}; its log ends with\n{}", program.process().log_tail(20));
        assert!(!program.is_running());
    }
    let requests = plane.audit().since(begin).await?;
    for (name, _) in manifests::programs() {
        let own = requests.of_program(name);
        assert!(own.count() > 0, "{} sent nothing:\n{}", rbac::user_name(name), requests.table());
        assert_eq!(own.forbidden().count(), 0, "{name} lacks rights:\n{}", own.forbidden().table());
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_program_is_seen_and_its_variables_reach_it() -> Result<()> {
    let space = TestSpace::new("killed").await?;
    let plane = &space.control_plane;
    let program = Program::start(plane, "result-recorder", Options::for_space(&space)).await?;
    assert!(!program.kill().success());
    assert!(!program.is_running() && program.exit_status().is_some());

    let options = Options::for_space(&space).env("CONCURRENCY", "none");
    let program = Program::spawn(plane, "result-recorder", options).await?;
    let status = program.process().wait_exit(Duration::from_secs(30)).await?;
    assert!(!status.success());
    let log = program.process().log_tail(50);
    assert!(log.contains("none"), "{log}");
    let error = program.ready().await.unwrap_err().to_string();
    assert!(error.contains("result-recorder") && error.contains("none"), "{error}");
    Ok(())
}
