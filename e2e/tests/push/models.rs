//! The whole way of a push build, in the Application model and in the ComponentGroup model.

use anyhow::Result;
use e2e::fixtures;
use integration_api::{condition, keys};
use serde_json::{Value, json};

use crate::objects::{
    annotation, entries, expected_images, has_condition, held, images, json_annotation, label, message, name_of, names,
    old_image, text,
};
use crate::world::{World, push};

// SC-41, SC-76, SC-88, SC-104, SC-105, SC-B9, SC-B23, SC-B34 (Snapshot, candidate, marks, finalizer); TR-31, TR-108,
// TR-114 … TR-119, TR-B49, TR-B50 (test PipelineRuns); RR-27, RR-37, API-157 (results); SR-12, SR-13 (verdict); TR-71,
// TR-72, TR-B10 (Release); H5 (finalizers of tests); D-32 (Events); HC-20 (rights).
#[tokio::test]
async fn an_application_is_built_tested_and_released() -> Result<()> {
    let world = World::new("application").await?;
    world.shop().await?;
    let build = push("frontend").application("shop");

    build.create(&world).await?;
    let running = build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(&world).await?;
    build.sign(&world).await?;

    // The Snapshot: the new image, and the candidates of the other components.
    let snapshot = world.snapshot_of(&build).await?;
    let name = name_of(&snapshot);
    assert!(name.starts_with("shop-") && name.len() <= 63, "{name}");
    assert_eq!(snapshot["spec"]["application"], "shop");
    let wanted = [("backend", old_image("backend")), ("frontend", build.image()), ("worker", old_image("worker"))];
    assert_eq!(images(&snapshot), expected_images(wanted));
    let git = &snapshot["spec"]["components"][1]["source"]["git"];
    assert_eq!((text(&git["url"]), text(&git["revision"])), (build.git_url.clone(), build.commit.clone()));
    assert_eq!(label(&snapshot, keys::SNAPSHOT_TYPE), "component");
    assert_eq!(label(&snapshot, keys::COMPONENT), "frontend");
    assert_eq!(label(&snapshot, keys::APPLICATION), "shop");
    assert_eq!(label(&snapshot, keys::BUILD_PIPELINE_RUN), build.name);
    assert_eq!(label(&snapshot, keys::EVENT_TYPE), "push");
    assert_eq!(annotation(&snapshot, keys::SHA), build.commit);
    assert_eq!(annotation(&snapshot, keys::BUILD_PIPELINE_RUN_UID), text(&running["metadata"]["uid"]));
    assert_eq!(annotation(&snapshot, keys::INTEGRATION_WORKFLOW), "push");
    assert_eq!(annotation(&snapshot, keys::CREATE_SNAPSHOT_STATUS), "", "nothing was left out");
    assert_eq!(annotation(&snapshot, &format!("{}image-url", keys::RESULT_PREFIX)), build.image_url);
    assert_controlled_by(&snapshot, "Application", "shop");

    // The build says what became of it, and is free.
    let settled = world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    assert_eq!(annotation(&settled, keys::SNAPSHOT), name);
    assert_eq!(annotation(&settled, keys::SNAPSHOTS), name);
    assert_eq!(json_annotation(&settled, keys::CREATE_SNAPSHOT_STATUS)["status"], "success");
    assert_eq!(json_annotation(&settled, keys::ADDED_TO_GCL)["result"], true);

    // The Component remembers its newest image.
    let component = world.get("Component", "frontend").await?.unwrap();
    assert_eq!(component["status"]["lastPromotedImage"], build.image());
    assert_eq!(component["status"]["lastBuiltCommit"], build.commit);
    let start = text(&running["status"]["startTime"]).parse::<jiff::Timestamp>()?.as_second().to_string();
    assert_eq!(annotation(&component, keys::LAST_BUILT_TIME), start);

    // Both tests ran on it, and say so.
    let snapshot = world.released(name, &["prod"]).await?;
    world.runs_let_go(name, 2).await?;
    let runs = world.runs_of(name).await?;
    for (scenario, entry) in &entries(&snapshot) {
        let run = &runs[scenario];
        assert_eq!(entry["status"], "TestPassed");
        assert_eq!(entry["testPipelineRunName"], name_of(run));
        assert!(!entry["startTime"].is_null() && !entry["completionTime"].is_null(), "{entry}");
        assert_test_run(run, &snapshot, scenario);
    }
    assert_eq!(entries(&snapshot).len(), 2);
    assert!(has_condition(&snapshot, condition::INTEGRATION_STATUS, "True", "Finished"));
    assert!(has_condition(&snapshot, condition::TEST_SUCCEEDED, "True", "Passed"));
    assert!(message(&snapshot, condition::AUTO_RELEASED).contains("prod"));

    // The Release is one of the service.
    let releases = world.list("Release", "").await?;
    assert_eq!(label(&releases[0], keys::AUTOMATED), "true");
    assert_eq!(releases[0]["status"]["automated"], true);

    // The plain path makes no noise.
    let reasons = |events: Vec<(String, String)>| events.into_iter().map(|(reason, _)| reason).collect::<Vec<_>>();
    assert_eq!(reasons(world.events(&build.name).await?), ["SnapshotCreated"]);
    assert_eq!(reasons(world.events(name).await?), ["TestResultRecorded"]);
    world.assert_nothing_forbidden().await
}

// SC-24, SC-88, SC-120 … SC-122, SC-B2, SC-B11, SC-B24 (Snapshot and candidate list of a group with a nested one);
// TR-31, TR-71, TR-B49 (tests and Release of a group); HC-20.
#[tokio::test]
async fn a_component_group_is_built_tested_and_released() -> Result<()> {
    let world = World::new("group").await?;
    let candidate = |name: &'static str, version: &'static str| (name, version, old_image(name), "c0ffee");
    let with_candidates = |group: Value, candidates: &[(&str, &str, String, &str)]| {
        let candidates: Vec<_> = candidates.iter().map(|(n, v, image, c)| (*n, *v, image.as_str(), *c)).collect();
        fixtures::with_candidates(group, &candidates)
    };
    let base = fixtures::component_group("base", &[("database", "v16")]);
    let members = [("frontend", "main"), ("frontend", "v1"), ("backend", "main"), ("worker", "main")];
    let team = fixtures::nesting(fixtures::component_group("team", &members), "base");
    world
        .create_all([
            fixtures::versioned_component("frontend", &["main", "v1"]),
            fixtures::versioned_component("backend", &["main"]),
            fixtures::versioned_component("worker", &["main"]),
            fixtures::versioned_component("database", &["v16"]),
            with_candidates(base, &[candidate("database", "v16")]),
            with_candidates(team, &[candidate("backend", "main"), candidate("frontend", "v1")]),
            fixtures::group_scenario("unit", "team"),
            fixtures::group_scenario("system", "team"),
            fixtures::group_release_plan("prod", "team"),
        ])
        .await?;
    let before = candidates(&world, "team").await?;

    let build = push("frontend").version("main");
    build.create(&world).await?;
    let running = build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(&world).await?;
    build.sign(&world).await?;

    // The candidate list: a new entry at its end, the others as they were.
    let snapshot = world.snapshot_of(&build).await?;
    let after = candidates(&world, "team").await?;
    assert_eq!(after[..2], before);
    let wanted = json!({
        "name": "frontend", "version": "main", "url": build.git_url,
        "lastPromotedImage": build.image(), "lastPromotedCommit": build.commit,
        "lastPromotedBuildTime": running["status"]["startTime"],
    });
    assert_eq!(after[2..], [wanted]);

    // The Snapshot: this version, the other candidates, those of the nested group; who has none is named.
    let name = name_of(&snapshot);
    assert!(name.starts_with("team-"), "{name}");
    assert_eq!(snapshot["spec"]["componentGroup"], "team");
    let wanted = [
        ("backend main", old_image("backend")),
        ("database v16", old_image("database")),
        ("frontend main", build.image()),
        ("frontend v1", old_image("frontend")),
    ];
    assert_eq!(images(&snapshot), expected_images(wanted));
    assert_eq!(label(&snapshot, keys::COMPONENT_GROUP), "team");
    assert_eq!(label(&snapshot, keys::APPLICATION), "");
    assert_eq!(annotation(&snapshot, keys::VERSION), "main");
    assert!(annotation(&snapshot, keys::CREATE_SNAPSHOT_STATUS).contains("worker (version main)"));
    assert_controlled_by(&snapshot, "ComponentGroup", "team");

    let settled = world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    assert_eq!(annotation(&settled, keys::SNAPSHOT), "", "only in the Application model");
    assert_eq!(annotation(&settled, keys::SNAPSHOTS), name);
    assert_eq!(json_annotation(&settled, keys::CREATE_SNAPSHOT_STATUS)["status"], "success");
    assert_eq!(json_annotation(&settled, keys::ADDED_TO_GCL)["result"], true);

    let snapshot = world.released(name, &["prod"]).await?;
    world.runs_let_go(name, 2).await?;
    assert_eq!(entries(&snapshot).len(), 2);
    for (scenario, run) in &world.runs_of(name).await? {
        assert_test_run(run, &snapshot, scenario);
        assert_eq!(label(run, keys::COMPONENT_GROUP), "team");
    }

    // The next build of the version takes the place of this one.
    let next = push("frontend").version("main").named("frontend-next");
    let snapshot = world.complete(&next).await?;
    assert_eq!(images(&snapshot)["frontend main"], next.image());
    let newest = candidates(&world, "team").await?;
    assert_eq!(newest[..2], before);
    assert_eq!(newest[2]["lastPromotedImage"], next.image());
    assert_eq!(newest.len(), 3);
    world.assert_nothing_forbidden().await
}

// SC-B3, SC-B9, SC-B10 (a Snapshot for each group, listed in their order), GA-X8 (candidates independently), TR-71.
#[tokio::test]
async fn a_component_in_two_groups_gets_two_snapshots() -> Result<()> {
    let world = World::new("two-groups").await?;
    world.create(fixtures::versioned_component("frontend", &["main"])).await?;
    for group in ["red", "blue"] {
        world
            .create_all([
                fixtures::component_group(group, &[("frontend", "main")]),
                fixtures::group_scenario(&format!("unit-{group}"), group),
                fixtures::group_release_plan(&format!("prod-{group}"), group),
            ])
            .await?;
    }
    let build = push("frontend").version("main");
    build.complete(&world).await?;

    let snapshots = world.snapshots_of(&build, 2).await?;
    let of_group = |group: &str| {
        let snapshot = snapshots.iter().find(|snapshot| snapshot["spec"]["componentGroup"] == group);
        name_of(snapshot.unwrap()).to_owned()
    };
    let (blue, red) = (of_group("blue"), of_group("red"));
    let settled = world.get("PipelineRun", &build.name).await?.unwrap();
    assert_eq!(annotation(&settled, keys::SNAPSHOTS), format!("{blue},{red}"));
    for (group, snapshot) in [("blue", &blue), ("red", &red)] {
        let released = world.released(snapshot, &[&format!("prod-{group}")]).await?;
        assert_eq!(entries(&released).keys().collect::<Vec<_>>(), [&format!("unit-{group}")]);
        assert_eq!(candidates(&world, group).await?[0]["lastPromotedImage"], build.image());
    }
    Ok(())
}

// SC-B7 (in no group: told, not promoted, let go), SC-B37, N-24 (the group appears).
#[tokio::test]
async fn a_version_in_no_group_gets_its_snapshot_when_a_group_lists_it() -> Result<()> {
    let world = World::new("no-group").await?;
    world
        .create_all([
            fixtures::versioned_component("frontend", &["main", "v1"]),
            fixtures::component_group("other", &[("frontend", "v1")]),
            fixtures::group_release_plan("prod", "team"),
        ])
        .await?;
    let build = push("frontend").version("main");
    build.create(&world).await?;
    build.run(&world).await?;
    world.wait_object("PipelineRun", &build.name, held).await?;
    build.succeed(&world).await?;
    build.sign(&world).await?;

    let told = world.wait_object("PipelineRun", &build.name, |run| !held(run)).await?;
    let status = json_annotation(&told, keys::CREATE_SNAPSHOT_STATUS);
    assert_eq!(status["status"], "failed");
    for part in ["no_component_group", "frontend", "main", "v1"] {
        assert!(text(&status["message"]).contains(part), "{part} is not in {status}");
    }
    assert_eq!(json_annotation(&told, keys::ADDED_TO_GCL)["result"], false);
    assert_eq!(annotation(&told, keys::SNAPSHOTS), "");
    assert!(world.event(&build.name, "SnapshotCreationFailed").await?.contains("no_component_group"));
    assert!(world.list("Snapshot", "").await?.is_empty());

    world.create(fixtures::component_group("team", &[("frontend", "main")])).await?;
    let snapshot = world.snapshot_of(&build).await?;
    assert_eq!(snapshot["spec"]["componentGroup"], "team");
    world.released(name_of(&snapshot), &["prod"]).await?;
    let settled = world.get("PipelineRun", &build.name).await?.unwrap();
    assert_eq!(json_annotation(&settled, keys::CREATE_SNAPSHOT_STATUS)["status"], "success");
    assert_eq!(json_annotation(&settled, keys::ADDED_TO_GCL)["result"], true);
    assert_eq!(candidates(&world, "team").await?[0]["lastPromotedImage"], build.image());
    Ok(())
}

// SC-107, SC-115, SC-B22: siblings without a usable candidate are left out and named, each with the reason.
#[tokio::test]
async fn siblings_that_were_never_built_are_left_out_and_named() -> Result<()> {
    let world = World::new("left-out").await?;
    world.small().await?;
    world
        .create_all([
            fixtures::promoted_component("backend", "small", &old_image("backend"), "b0b0"),
            fixtures::promoted_component("broken", "small", "registry.example.com/org/broken:latest", "b0b0"),
            fixtures::component("fresh", "small"),
            fixtures::component("elsewhere", "large"),
        ])
        .await?;
    let build = push("frontend").application("small");
    let snapshot = world.complete(&build).await?;

    let wanted = [("backend", old_image("backend")), ("frontend", build.image())];
    assert_eq!(images(&snapshot), expected_images(wanted));
    let left_out = annotation(&snapshot, keys::CREATE_SNAPSHOT_STATUS);
    let parts: Vec<&str> = left_out.split(", ").collect();
    assert!(parts[0].starts_with("broken: ") && parts.last().unwrap().starts_with("fresh: "), "{left_out}");
    assert!(!left_out.contains("elsewhere"), "{left_out}");
    world.released(name_of(&snapshot), &["prod"]).await?;
    Ok(())
}

// TR-4, TR-31, TR-B51 (a Snapshot made by hand counts as a push), H3 (nobody reports it: result-recorder lets go).
#[tokio::test]
async fn a_snapshot_made_by_hand_is_tested_and_released() -> Result<()> {
    let world = World::new("by-hand").await?;
    world.shop().await?;
    world.programs_have_looked().await?;
    world
        .create(json!({
            "apiVersion": "appstudio.redhat.com/v1alpha1",
            "kind": "Snapshot",
            "metadata": {"name": "by-hand"},
            "spec": {
                "application": "shop",
                "components": [{"name": "frontend", "containerImage": old_image("frontend")}],
            },
        }))
        .await?;
    let snapshot = world.released("by-hand", &["prod"]).await?;
    assert_controlled_by(&snapshot, "Application", "shop");
    assert_eq!(entries(&snapshot).len(), 2);
    let runs = world.runs_let_go("by-hand", 2).await?;
    assert_eq!(names(&runs).len(), 2);
    Ok(())
}

// API-B24, API-270, SC-B16, TR-B49: names longer than a label value are shortened in labels and stay whole elsewhere.
#[tokio::test]
async fn names_may_be_long() -> Result<()> {
    let world = World::new("long-names").await?;
    let long = |name: &str, length: usize| format!("{name}-{}", "x".repeat(length - name.len() - 1));
    let (application, component) = (long("shop", 63), long("frontend", 63));
    let (scenario, plan) = (long("unit", 120), long("prod", 120));
    world
        .create_all([
            fixtures::application(&application),
            fixtures::component(&component, &application),
            fixtures::scenario(&scenario, &application),
            fixtures::release_plan(&plan, &application),
        ])
        .await?;
    let mut build = push(&component).named(&long("build", 150));
    build.image_url = fixtures::image_repository(&component);
    build.complete(&world).await?;
    let settled =
        world.wait_object("PipelineRun", &build.name, |run| !annotation(run, keys::SNAPSHOTS).is_empty()).await?;
    let name = annotation(&settled, keys::SNAPSHOTS).to_owned();
    let snapshot = world.released(&name, &[&plan]).await?;
    assert!(name.len() <= 63, "{name}");
    assert_eq!(snapshot["spec"]["application"], application);
    assert_eq!(annotation(&snapshot, keys::BUILD_PIPELINE_RUN), build.name);
    assert_eq!(entries(&snapshot)[&scenario]["status"], "TestPassed");
    let run = world.runs_let_go(&name, 1).await?.remove(0);
    assert_eq!(annotation(&run, keys::SCENARIO), scenario);
    assert_eq!(world.list("Release", "").await?.len(), 1);
    Ok(())
}

/// A test PipelineRun as the pipelines expect it.
fn assert_test_run(run: &Value, snapshot: &Value, scenario: &str) {
    assert!(name_of(run).starts_with(&format!("{scenario}-")), "{}", name_of(run));
    assert_eq!(run["metadata"]["ownerReferences"][0]["uid"], snapshot["metadata"]["uid"]);
    for key in [keys::COMPONENT, keys::APPLICATION, keys::COMPONENT_GROUP, keys::EVENT_TYPE, keys::SHA] {
        assert_eq!(label(run, key), label(snapshot, key), "{key}");
    }
    assert!(annotation(run, keys::LOG_URL).starts_with("https://"));
    assert_eq!(run["spec"]["taskRunTemplate"]["serviceAccountName"], keys::RUNNER_SERVICE_ACCOUNT);
    assert_eq!(run["spec"]["pipelineRef"]["resolver"], "git");
    let param = &run["spec"]["params"][0];
    assert_eq!(param["name"], keys::SNAPSHOT_PARAM);
    let content: Value = serde_json::from_str(param["value"].as_str().unwrap()).unwrap();
    for key in ["application", "componentGroup"] {
        assert_eq!(text(&content[key]), text(&snapshot["spec"][key]), "{key}");
    }
    assert_eq!(images(&json!({ "spec": content })), images(snapshot));
}

/// The controller of an object.
fn assert_controlled_by(object: &Value, kind: &str, name: &str) {
    let owners = object["metadata"]["ownerReferences"].as_array().unwrap();
    let controllers: Vec<_> = owners.iter().filter(|owner| owner["controller"] == true).collect();
    assert_eq!(controllers.len(), 1);
    assert_eq!((text(&controllers[0]["kind"]), text(&controllers[0]["name"])), (kind.to_owned(), name.to_owned()));
}

/// The global candidate list of a group.
async fn candidates(world: &World, group: &str) -> Result<Vec<Value>> {
    let group = world.get("ComponentGroup", group).await?.unwrap();
    Ok(group["status"]["globalCandidateList"].as_array().cloned().unwrap_or_default())
}
