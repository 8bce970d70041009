//! A push build travels from image to Release.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, reason = "tests")]

use e2e::fixtures::{self, Build};
use e2e::tekton::Tekton;
use e2e::{Program, TestSpace, programs::Options};

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    let space = TestSpace::new("smoke").await.unwrap();
    let _tekton = Tekton::start(&space);
    let mut programs = Vec::new();
    for name in ["snapshot-creator", "test-runner", "result-recorder", "status-reporter"] {
        programs.push(Program::start(&space.control_plane, name, Options::for_space(&space)).await.unwrap());
    }
    space.create(fixtures::application("app")).await.unwrap();
    for name in ["frontend", "backend", "worker"] {
        space.create(fixtures::component(name, "app")).await.unwrap();
    }
    space.create(fixtures::scenario("unit", "app")).await.unwrap();
    space.create(fixtures::scenario("system", "app")).await.unwrap();
    space.create(fixtures::release_plan("prod", "app")).await.unwrap();
    let build = Build::push("frontend").application("app");
    build.create(&space).await.unwrap();
    build.run(&space).await.unwrap();
    let mark = space.control_plane.audit().mark().await.unwrap();
    build.succeed(&space).await.unwrap();
    build.sign(&space).await.unwrap();
    let result = space.wait_count("Release", "", 1, |_| true).await;
    println!("{}", space.dump().await);
    let requests = space.control_plane.audit().since(mark).await.unwrap().of_programs();
    println!("{}", requests.table());
    result.unwrap();
}
