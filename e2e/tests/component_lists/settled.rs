//! Programs that start where all work is done.

use std::time::Duration;

use anyhow::Result;
use e2e::fixtures::{component_group, nesting};
use e2e::programs::Options;
use e2e::{Program, TestSpace};

use crate::world::{ALIGNER, REGENERATOR, WAIT, World, application, is_held, keys_of, promoted};

// GA-X3, AR-12, AR-X1, AR-X11, DESIGN §7: no write and no Event, and no read beyond what fills the caches.
#[tokio::test]
async fn ga_x3_a_start_where_all_is_done_costs_nothing() -> Result<()> {
    let space = TestSpace::new("settled").await?;
    application(&space, &["a", "b", "c"]).await?;
    space.create(promoted(component_group("team", &[("x", "main"), ("y", "main")]), &["y/main"])).await?;
    space.create(nesting(component_group("parent", &[("x", "main")]), "team")).await?;
    let options =
        |name| if name == REGENERATOR { Options::for_space(&space).arg(WAIT) } else { Options::for_space(&space) };
    let first = [
        World::start(space.clone(), ALIGNER, options(ALIGNER)).await?,
        World::start(space.clone(), REGENERATOR, options(REGENERATOR)).await?,
    ];
    space.wait_object("ComponentGroup", "team", |group| keys_of(group) == ["x/main", "y/main"]).await?;
    space.wait_object("ComponentGroup", "parent", |group| keys_of(group) == ["x/main"]).await?;
    for name in ["a", "b", "c"] {
        space.wait_object("Component", name, is_held).await?;
    }
    space.delete("Component", "a").await?;
    space.wait_gone("Component", "a").await?;
    for world in first {
        world.program.terminate().await?;
    }

    let begin = space.control_plane.audit().mark().await?;
    for (name, keys) in [(ALIGNER, 2.0), (REGENERATOR, 1.0)] {
        let program = Program::start(&space.control_plane, name, options(name)).await?;
        space
            .wait_within("every key to be looked at", Duration::from_secs(30), || async {
                let done = program.metric("integration_svc_reconcile_total", &[]).await.ok()?;
                let waiting = program.metric("integration_svc_queue_depth", &[]).await.ok()?;
                (done >= keys && waiting < 0.5).then_some(())
            })
            .await?;
        program.terminate().await?;
        let requests = space.control_plane.audit().since(begin).await?.of_program(name).in_namespace(&space.namespace);
        assert_eq!(requests.mutating().count(), 0, "{}", requests.table());
        assert_eq!(requests.events().count(), 0, "{}", requests.table());
        assert_eq!(requests.reads().filter(|request| request.verb == "get").count(), 0, "{}", requests.table());
        assert_eq!(requests.reads().filter(|request| request.resource == "snapshots").count(), 0);
    }
    Ok(())
}
