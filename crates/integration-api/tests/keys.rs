//! Keys and fixed values are matched by other programs, byte for byte.

use integration_api::{condition, keys};

/// Each line pairs what programs use with what is on the objects.
fn assert_exact(table: &[(&str, &str)]) {
    for (constant, text) in table {
        assert_eq!(constant, text);
    }
}

#[test]
fn api_138_prefixes() {
    assert_exact(&[
        (keys::TEST_PREFIX, "test.appstudio.openshift.io"),
        (keys::PAC_PREFIX, "pipelinesascode.tekton.dev"),
        (keys::PAC_COPIED_PREFIX, "pac.test.appstudio.openshift.io"),
        (keys::BUILD_PREFIX, "build.appstudio"),
        (keys::CUSTOM_PREFIX, "custom.appstudio.openshift.io"),
        (keys::RELEASE_PREFIX, "release.appstudio.openshift.io"),
        (keys::RESOURCE_PREFIX, "appstudio.openshift.io"),
    ]);
}

// API-L1 … API-L29
#[test]
fn api_l1_labels() {
    assert_exact(&[
        (keys::SNAPSHOT_TYPE, "test.appstudio.openshift.io/type"),
        (keys::COMPONENT, "appstudio.openshift.io/component"),
        (keys::APPLICATION, "appstudio.openshift.io/application"),
        (keys::COMPONENT_GROUP, "appstudio.openshift.io/component-group"),
        (keys::BUILD_PIPELINE_RUN, "appstudio.openshift.io/build-pipelinerun"),
        (keys::BUILD_FINISH_TIME, "test.appstudio.openshift.io/pipelinerunfinishtime"),
        (keys::PR_GROUP_HASH, "test.appstudio.openshift.io/pr-group-sha"),
        (keys::RUN, "test.appstudio.openshift.io/run"),
        (keys::AUTO_RELEASE, "release.appstudio.openshift.io/auto-release"),
        (keys::AUTOMATED, "release.appstudio.openshift.io/automated"),
        (keys::PIPELINE_TYPE, "pipelines.appstudio.openshift.io/type"),
        (keys::SCENARIO, "test.appstudio.openshift.io/scenario"),
        (keys::SNAPSHOT, "appstudio.openshift.io/snapshot"),
        (keys::OPTIONAL, "test.appstudio.openshift.io/optional"),
        (keys::EVENT_TYPE, "pac.test.appstudio.openshift.io/event-type"),
        (keys::PULL_REQUEST, "pac.test.appstudio.openshift.io/pull-request"),
        (keys::SHA, "pac.test.appstudio.openshift.io/sha"),
        (keys::URL_ORG, "pac.test.appstudio.openshift.io/url-org"),
        (keys::URL_REPOSITORY, "pac.test.appstudio.openshift.io/url-repository"),
        (keys::GIT_PROVIDER, "pac.test.appstudio.openshift.io/git-provider"),
        (keys::PAC_EVENT_TYPE, "pipelinesascode.tekton.dev/event-type"),
        (keys::PAC_PULL_REQUEST, "pipelinesascode.tekton.dev/pull-request"),
        (keys::RESOLUTION_TYPE, "resolution.tekton.dev/type"),
        (keys::CREATED_BY, "konflux-ci.dev/created-by"),
        (keys::NUDGE_TYPE, "build.appstudio.redhat.com/type"),
        (keys::TEKTON_PIPELINE_RUN, "tekton.dev/pipelineRun"),
        (keys::VELERO_BACKUP, "velero.io/backup-name"),
        (keys::VELERO_RESTORE, "velero.io/restore-name"),
        (keys::NAMESPACE_TENANT, "toolchain.dev.openshift.com/type"),
        (keys::NAMESPACE_USER, "konflux.ci/type"),
        (keys::NAMESPACE_KONFLUX, "konflux-ci.dev/type"),
        (keys::DELIVERY_ACTION, "delivery.tekton.dev/action"),
        (keys::DELIVERY_APPLICATION, "delivery.tekton.dev/application"),
        (keys::DELIVERY_COMPONENT, "delivery.tekton.dev/component"),
        (keys::ENVIRONMENT, "appstudio.openshift.io/environment"),
        (keys::TEST_NAME, "test.appstudio.openshift.io/name"),
    ]);
}

// API-A1 … API-A47
#[test]
fn api_a1_annotations() {
    assert_exact(&[
        (keys::TEST_STATUS, "test.appstudio.openshift.io/status"),
        (keys::GIT_REPORTER_STATUS, "test.appstudio.openshift.io/git-reporter-status"),
        (keys::GIT_REPORTING_FAILURE, "test.appstudio.openshift.io/git-reporting-failure"),
        (keys::CREATE_SNAPSHOT_STATUS, "test.appstudio.openshift.io/create-snapshot-status"),
        (keys::SNAPSHOT_CREATION_REPORT, "test.appstudio.openshift.io/snapshot-creation-report"),
        (keys::CREATE_GROUP_SNAPSHOT_STATUS, "test.appstudio.openshift.io/create-groupsnapshot-status"),
        (keys::GROUP_TEST_INFO, "test.appstudio.openshift.io/group-test-info"),
        (keys::PR_GROUP, "test.appstudio.openshift.io/pr-group"),
        (keys::SOURCE_REPO_URL, "test.appstudio.openshift.io/source-repo-url"),
        (keys::BUILD_START_TIME, "test.appstudio.openshift.io/pipelinerunstarttime"),
        (keys::LAST_BUILT_TIME, "test.appstudio.openshift.io/lastbuilttime"),
        (keys::ADDED_TO_GCL, "test.appstudio.openshift.io/added-to-global-candidate-list"),
        (keys::INTEGRATION_WORKFLOW, "test.appstudio.openshift.io/integration-workflow"),
        (keys::RESULT_PREFIX, "test.appstudio.openshift.io/result-"),
        (keys::RESULT_SHOULD_RELEASE, "test.appstudio.openshift.io/result-should-release"),
        (keys::PR_STATUS, "test.appstudio.openshift.io/pr-status"),
        (keys::IGNORE_SUPERSESSION, "test.appstudio.openshift.io/ignore-supersession"),
        (keys::KEEP_SNAPSHOT, "test.appstudio.openshift.io/keep-snapshot"),
        (keys::SNAPSHOT_PARAM_AS_NAME, "test.appstudio.openshift.io/snapshot-param-as-name"),
        (keys::PIPELINE_TIMEOUT, "test.appstudio.openshift.io/pipeline_timeout"),
        (keys::TASKS_TIMEOUT, "test.appstudio.openshift.io/tasks_timeout"),
        (keys::FINALLY_TIMEOUT, "test.appstudio.openshift.io/finally_timeout"),
        (keys::COMMENT_STRATEGY, "test.appstudio.openshift.io/comment_strategy"),
        (keys::COMPONENT_NUDGE_PROCESSED, "test.appstudio.openshift.io/component-nudge-processed"),
        (keys::PR_LAST_UPDATE, "test.appstudio.openshift.io/pr-last-update"),
        (keys::SNAPSHOTS, "appstudio.openshift.io/snapshots"),
        (keys::VERSION, "appstudio.openshift.io/version"),
        (keys::CONTEXT, "appstudio.openshift.io/context"),
        (keys::CHILD_SNAPSHOT, "test.appstudio.openshift.io/child-snapshot"),
        (keys::CANCELLED, "pac.test.appstudio.openshift.io/cancelled"),
        (keys::LOG_URL, "pac.test.appstudio.openshift.io/log-url"),
        (keys::BRANCH, "pac.test.appstudio.openshift.io/branch"),
        (keys::SOURCE_BRANCH, "pac.test.appstudio.openshift.io/source-branch"),
        (keys::REPO_URL, "pac.test.appstudio.openshift.io/repo-url"),
        (keys::FORK_REPO_URL, "pac.test.appstudio.openshift.io/source-repo-url"),
        (keys::INSTALLATION_ID, "pac.test.appstudio.openshift.io/installation-id"),
        (keys::SOURCE_PROJECT_ID, "pac.test.appstudio.openshift.io/source-project-id"),
        (keys::TARGET_PROJECT_ID, "pac.test.appstudio.openshift.io/target-project-id"),
        (keys::GHE_URL, "pac.test.appstudio.openshift.io/ghe-url"),
        (keys::PAC_SOURCE_BRANCH, "pipelinesascode.tekton.dev/source-branch"),
        (keys::PAC_URL_ORG, "pipelinesascode.tekton.dev/url-org"),
        (keys::PAC_REPO_URL, "pipelinesascode.tekton.dev/repo-url"),
        (keys::SPAN_CONTEXT, "tekton.dev/pipelinerunSpanContext"),
        (keys::TIMING_EMITTED, "delivery.tekton.dev/timingEmitted"),
        (keys::CHAINS_SIGNED, "chains.tekton.dev/signed"),
        (keys::BUILD_NUDGE_FILES, "build.appstudio.openshift.io/build-nudge-files"),
        (keys::REPO_URL_AT_SHA, "build.appstudio.openshift.io/repo-url-at-sha"),
        (keys::NUDGE_SIMPLE_BRANCH, "build.appstudio.openshift.io/build-nudge-simple-branch"),
        (keys::NUDGE_RENOVATE_CONFIG_MAP, "build.appstudio.openshift.io/nudge_renovate_config_map"),
        (keys::COMPONENT_GIT_PROVIDER, "build.appstudio.openshift.io/git-provider"),
        (keys::NUDGED_COMPONENTS, "build.appstudio.redhat.com/nudged-components"),
        (keys::NUDGING_COMMIT, "build.appstudio.redhat.com/nudging-commit"),
        (keys::NUDGING_COMPONENT, "build.appstudio.redhat.com/nudging-component"),
        (keys::NUDGING_IMAGE, "build.appstudio.redhat.com/nudging-image"),
        (keys::NUDGING_PIPELINE, "build.appstudio.redhat.com/nudging-pipeline"),
        (keys::PARENT_SNAPSHOT, "test.appstudio.openshift.io/parent-snapshot"),
        (keys::ORIGIN_SNAPSHOT, "test.appstudio.openshift.io/origin-snapshot"),
        (keys::MISSING_COMPONENT_VERSIONS, "test.appstudio.openshift.io/missing-componentversions"),
    ]);
}

#[test]
fn api_271_keys_of_our_own() {
    assert_exact(&[
        (keys::INTEGRATION_PREFIX, "integration.konflux-ci.dev"),
        (keys::BUILD_PIPELINE_RUN_UID, "test.appstudio.openshift.io/build-pipelinerun-uid"),
        (keys::SUPERSEDED_SNAPSHOTS, "test.appstudio.openshift.io/superseded-snapshots"),
        (keys::STATUS_CORRUPT, "test.appstudio.openshift.io/status-corrupt"),
        (keys::CONVERSION_DATA, "integration.konflux-ci.dev/conversion-data"),
        (keys::GROUP_NOTIFIED, "test.appstudio.openshift.io/group-notified"),
        (keys::ATTEMPT, "integration.konflux-ci.dev/attempt"),
        (keys::GROUP_MEMBERS, "integration.konflux-ci.dev/group-members"),
        (keys::CHILD_COMPONENT_GROUP, "integration.konflux-ci.dev/child-component-group"),
        (keys::AUTO_RELEASE_STATE, "integration.konflux-ci.dev/auto-release-state"),
        (keys::DELETED_COMPONENTS, "integration.konflux-ci.dev/deleted-components"),
    ]);
}

// API-F1 … API-F5
#[test]
fn api_f1_finalizers() {
    assert_exact(&[
        (keys::PIPELINE_RUN_FINALIZER, "test.appstudio.openshift.io/pipelinerun"),
        (keys::COMPONENT_FINALIZER, "test.appstudio.openshift.io/component"),
        (keys::NUDGE_FINALIZER, "test.appstudio.openshift.io/nudge-pipelinerun"),
        (keys::SCENARIO_FINALIZER, "test.appstudio.openshift.io/scenario"),
    ]);
}

// API-L1, API-L12, API-A13, API-112, API-114, API-119, API-195, D-10
#[test]
fn api_l12_fixed_values() {
    assert_exact(&[
        (keys::TYPE_COMPONENT, "component"),
        (keys::TYPE_GROUP, "group"),
        (keys::TYPE_OVERRIDE, "override"),
        (keys::PIPELINE_BUILD, "build"),
        (keys::PIPELINE_TEST, "test"),
        (keys::WORKFLOW_PUSH, "push"),
        (keys::WORKFLOW_PULL_REQUEST, "pull-request"),
        (keys::RUNNER_SERVICE_ACCOUNT, "konflux-integration-runner"),
        (keys::CANCELLED_RUN_FINALLY, "CancelledRunFinally"),
        (keys::SNAPSHOT_PARAM, "SNAPSHOT"),
        (keys::LEGACY_LEASE, "03c7e15b.redhat.com"),
        (keys::RESULT_IMAGE_URL, "IMAGE_URL"),
        (keys::RESULT_IMAGE_DIGEST, "IMAGE_DIGEST"),
        (keys::RESULT_GIT_URL, "CHAINS-GIT_URL"),
        (keys::RESULT_GIT_COMMIT, "CHAINS-GIT_COMMIT"),
    ]);
}

// API-C1 … API-C15, API-21
#[test]
fn api_c1_condition_types_and_reasons() {
    assert_exact(&[
        (condition::TEST_SUCCEEDED, "AppStudioTestSucceeded"),
        (condition::INTEGRATION_STATUS, "AppStudioIntegrationStatus"),
        (condition::AUTO_RELEASED, "AutoReleased"),
        (condition::PARENT_SNAPSHOTS_CREATED, "ParentSnapshotsCreated"),
        (condition::STALE_REFERENCES, "StaleReferences"),
        (condition::LEGACY_TEST_SUCCEEDED, "HACBSStudioTestSucceeded"),
        (condition::LEGACY_INTEGRATION_STATUS, "HACBSIntegrationStatus"),
        (condition::LEGACY_ADDED_TO_GCL, "AddedToGlobalCandidateList"),
        (condition::SUCCEEDED, "Succeeded"),
        (condition::SCENARIO_VALID, "IntegrationTestScenarioValid"),
        (condition::PASSED, "Passed"),
        (condition::FAILED, "Failed"),
        (condition::IN_PROGRESS, "InProgress"),
        (condition::FINISHED, "Finished"),
        (condition::CANCELED, "Canceled"),
        (condition::INVALID, "Invalid"),
        (condition::ERROR_OCCURED, "ErrorOccured"),
        (condition::TRUE, "True"),
        (condition::FALSE, "False"),
        (condition::UNKNOWN, "Unknown"),
    ]);
}
