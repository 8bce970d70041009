//! What the author of a pull request writes into its PipelineRun is a claim, not a fact.

use anyhow::Result;
use e2e::objects::{annotation, label};
use integration_api::keys;

use crate::world::{Model, finish, shop, start};

// N-25, SC-B23, SC-B39, D-25, E-95
#[tokio::test]
async fn n_25_a_pull_request_cannot_make_itself_a_push_or_an_override() -> Result<()> {
    for model in [Model::Application, Model::Group] {
        let world = shop("claims", model, &["frontend", "backend"]).await?;
        let candidate = model.candidate(&world, "frontend").await?;
        let claims = [
            (keys::INTEGRATION_WORKFLOW, keys::WORKFLOW_PUSH),
            (keys::ADDED_TO_GCL, r#"{"result":true,"reason":"Success","lastupdatedtime":"2026-01-01T00:00:00Z"}"#),
            (keys::SOURCE_REPO_URL, "https://git.example.com/evil"),
            (keys::CREATE_GROUP_SNAPSHOT_STATUS, ""),
            (keys::TEST_STATUS, r#"[{"scenario":"unit","status":"TestPassed"}]"#),
            (keys::PR_STATUS, "merged"),
            (keys::GROUP_TEST_INFO, "[]"),
            (keys::CHILD_SNAPSHOT, "another"),
            (keys::BUILD_PIPELINE_RUN_UID, "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ];
        let mut build = model
            .pull_request("frontend", 7)
            .label(keys::SNAPSHOT_TYPE, keys::TYPE_OVERRIDE)
            .label(keys::RUN, "all")
            .annotation("custom.appstudio.openshift.io/note", "kept");
        for (key, value) in claims {
            build = build.annotation(key, value);
        }
        let run = start(&world, &build, 60).await?;
        let snapshot = finish(&world, &build).await?;
        assert_eq!(label(&snapshot, keys::SNAPSHOT_TYPE), keys::TYPE_COMPONENT);
        assert_eq!(label(&snapshot, keys::RUN), "");
        assert_eq!(annotation(&snapshot, keys::INTEGRATION_WORKFLOW), keys::WORKFLOW_PULL_REQUEST);
        assert_eq!(annotation(&snapshot, keys::SOURCE_REPO_URL), build.git_url);
        assert_eq!(annotation(&snapshot, keys::BUILD_PIPELINE_RUN_UID), crate::world::uid_of(&run));
        for key in [keys::ADDED_TO_GCL, keys::TEST_STATUS, keys::PR_STATUS, keys::GROUP_TEST_INFO, keys::CHILD_SNAPSHOT]
        {
            assert_eq!(annotation(&snapshot, key), "", "{key}");
        }
        assert_eq!(annotation(&snapshot, "custom.appstudio.openshift.io/note"), "kept");
        assert_eq!(model.candidate(&world, "frontend").await?, candidate);
        world.assert_well().await?;
    }
    Ok(())
}
