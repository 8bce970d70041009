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

// The number behind a line is the row of 01 §3.
#[test]
fn api_l1_labels() {
    assert_exact(&[
        (keys::SNAPSHOT_TYPE, "test.appstudio.openshift.io/type"), // API-L1
        (keys::COMPONENT, "appstudio.openshift.io/component"),     // API-L2
        (keys::APPLICATION, "appstudio.openshift.io/application"), // API-L3
        (keys::COMPONENT_GROUP, "appstudio.openshift.io/component-group"), // API-L4
        (keys::BUILD_PIPELINE_RUN, "appstudio.openshift.io/build-pipelinerun"), // API-L5
        (keys::BUILD_FINISH_TIME, "test.appstudio.openshift.io/pipelinerunfinishtime"), // API-L6
        (keys::PR_GROUP_HASH, "test.appstudio.openshift.io/pr-group-sha"), // API-L7
        (keys::RUN, "test.appstudio.openshift.io/run"),            // API-L8
        (keys::AUTO_RELEASE, "release.appstudio.openshift.io/auto-release"), // API-L9, API-L10, API-A43
        (keys::AUTOMATED, "release.appstudio.openshift.io/automated"), // API-L11
        (keys::PIPELINE_TYPE, "pipelines.appstudio.openshift.io/type"), // API-L12
        (keys::SCENARIO, "test.appstudio.openshift.io/scenario"),  // API-L13
        (keys::SNAPSHOT, "appstudio.openshift.io/snapshot"),       // API-L14, API-A24
        (keys::OPTIONAL, "test.appstudio.openshift.io/optional"),  // API-L15
        (keys::EVENT_TYPE, "pac.test.appstudio.openshift.io/event-type"), // API-L16
        (keys::PULL_REQUEST, "pac.test.appstudio.openshift.io/pull-request"), // API-L17, API-A36
        (keys::SHA, "pac.test.appstudio.openshift.io/sha"),        // API-L18, API-A31
        (keys::URL_ORG, "pac.test.appstudio.openshift.io/url-org"), // API-L19
        (keys::URL_REPOSITORY, "pac.test.appstudio.openshift.io/url-repository"), // API-L19
        (keys::GIT_PROVIDER, "pac.test.appstudio.openshift.io/git-provider"), // API-L20
        (keys::PAC_EVENT_TYPE, "pipelinesascode.tekton.dev/event-type"), // API-L21
        (keys::PAC_PULL_REQUEST, "pipelinesascode.tekton.dev/pull-request"), // API-L21
        (keys::RESOLUTION_TYPE, "resolution.tekton.dev/type"),     // API-L22
        (keys::CREATED_BY, "konflux-ci.dev/created-by"),           // API-L23
        (keys::NUDGE_TYPE, "build.appstudio.redhat.com/type"),     // API-L24
        (keys::TEKTON_PIPELINE_RUN, "tekton.dev/pipelineRun"),     // API-L25
        (keys::VELERO_BACKUP, "velero.io/backup-name"),            // API-L26
        (keys::VELERO_RESTORE, "velero.io/restore-name"),          // API-L26
        (keys::NAMESPACE_TENANT, "toolchain.dev.openshift.com/type"), // API-L27
        (keys::NAMESPACE_USER, "konflux.ci/type"),                 // API-L27
        (keys::NAMESPACE_KONFLUX, "konflux-ci.dev/type"),          // API-L27
        (keys::DELIVERY_ACTION, "delivery.tekton.dev/action"),     // API-L28
        (keys::DELIVERY_APPLICATION, "delivery.tekton.dev/application"), // API-L28
        (keys::DELIVERY_COMPONENT, "delivery.tekton.dev/component"), // API-L28
        (keys::ENVIRONMENT, "appstudio.openshift.io/environment"), // API-L29
        (keys::TEST_NAME, "test.appstudio.openshift.io/name"),     // API-L29
    ]);
}

// The number behind a line is the row of 01 §3.
#[test]
fn api_a1_annotations() {
    assert_exact(&[
        (keys::TEST_STATUS, "test.appstudio.openshift.io/status"), // API-A1
        (keys::GIT_REPORTER_STATUS, "test.appstudio.openshift.io/git-reporter-status"), // API-A2
        (keys::GIT_REPORTING_FAILURE, "test.appstudio.openshift.io/git-reporting-failure"), // API-A3
        (keys::CREATE_SNAPSHOT_STATUS, "test.appstudio.openshift.io/create-snapshot-status"), // API-A4
        (keys::SNAPSHOT_CREATION_REPORT, "test.appstudio.openshift.io/snapshot-creation-report"), // API-A5
        (keys::CREATE_GROUP_SNAPSHOT_STATUS, "test.appstudio.openshift.io/create-groupsnapshot-status"), // API-A6
        (keys::GROUP_TEST_INFO, "test.appstudio.openshift.io/group-test-info"), // API-A7
        (keys::PR_GROUP, "test.appstudio.openshift.io/pr-group"),  // API-A8
        (keys::SOURCE_REPO_URL, "test.appstudio.openshift.io/source-repo-url"), // API-A9
        (keys::BUILD_START_TIME, "test.appstudio.openshift.io/pipelinerunstarttime"), // API-A10
        (keys::LAST_BUILT_TIME, "test.appstudio.openshift.io/lastbuilttime"), // API-A11
        (keys::ADDED_TO_GCL, "test.appstudio.openshift.io/added-to-global-candidate-list"), // API-A12
        (keys::INTEGRATION_WORKFLOW, "test.appstudio.openshift.io/integration-workflow"), // API-A13
        (keys::RESULT_PREFIX, "test.appstudio.openshift.io/result-"), // API-A14
        (keys::RESULT_SHOULD_RELEASE, "test.appstudio.openshift.io/result-should-release"), // API-A15
        (keys::PR_STATUS, "test.appstudio.openshift.io/pr-status"), // API-A16
        (keys::IGNORE_SUPERSESSION, "test.appstudio.openshift.io/ignore-supersession"), // API-A17
        (keys::KEEP_SNAPSHOT, "test.appstudio.openshift.io/keep-snapshot"), // API-A18
        (keys::SNAPSHOT_PARAM_AS_NAME, "test.appstudio.openshift.io/snapshot-param-as-name"), // API-A19
        (keys::PIPELINE_TIMEOUT, "test.appstudio.openshift.io/pipeline_timeout"), // API-A20
        (keys::TASKS_TIMEOUT, "test.appstudio.openshift.io/tasks_timeout"), // API-A20
        (keys::FINALLY_TIMEOUT, "test.appstudio.openshift.io/finally_timeout"), // API-A20
        (keys::COMMENT_STRATEGY, "test.appstudio.openshift.io/comment_strategy"), // API-A21
        (keys::COMPONENT_NUDGE_PROCESSED, "test.appstudio.openshift.io/component-nudge-processed"), // API-A22
        (keys::PR_LAST_UPDATE, "test.appstudio.openshift.io/pr-last-update"), // API-A23
        (keys::SNAPSHOTS, "appstudio.openshift.io/snapshots"),     // API-A25
        (keys::VERSION, "appstudio.openshift.io/version"),         // API-A26
        (keys::CONTEXT, "appstudio.openshift.io/context"),         // API-A27
        (keys::CHILD_SNAPSHOT, "test.appstudio.openshift.io/child-snapshot"), // API-A28
        (keys::CANCELLED, "pac.test.appstudio.openshift.io/cancelled"), // API-A29
        (keys::LOG_URL, "pac.test.appstudio.openshift.io/log-url"), // API-A30
        (keys::BRANCH, "pac.test.appstudio.openshift.io/branch"),  // API-A32
        (keys::SOURCE_BRANCH, "pac.test.appstudio.openshift.io/source-branch"), // API-A33
        (keys::REPO_URL, "pac.test.appstudio.openshift.io/repo-url"), // API-A34
        (keys::FORK_REPO_URL, "pac.test.appstudio.openshift.io/source-repo-url"), // API-A35
        (keys::INSTALLATION_ID, "pac.test.appstudio.openshift.io/installation-id"), // API-A37
        (keys::SOURCE_PROJECT_ID, "pac.test.appstudio.openshift.io/source-project-id"), // API-A38
        (keys::TARGET_PROJECT_ID, "pac.test.appstudio.openshift.io/target-project-id"), // API-A38
        (keys::GHE_URL, "pac.test.appstudio.openshift.io/ghe-url"), // API-A38
        (keys::PAC_SOURCE_BRANCH, "pipelinesascode.tekton.dev/source-branch"), // API-A39
        (keys::PAC_URL_ORG, "pipelinesascode.tekton.dev/url-org"), // API-A39
        (keys::PAC_REPO_URL, "pipelinesascode.tekton.dev/repo-url"),
        (keys::SPAN_CONTEXT, "tekton.dev/pipelinerunSpanContext"), // API-A40
        (keys::TIMING_EMITTED, "delivery.tekton.dev/timingEmitted"), // API-A41
        (keys::CHAINS_SIGNED, "chains.tekton.dev/signed"),         // API-A42
        (keys::BUILD_NUDGE_FILES, "build.appstudio.openshift.io/build-nudge-files"), // API-A44
        (keys::REPO_URL_AT_SHA, "build.appstudio.openshift.io/repo-url-at-sha"), // API-A44
        (keys::NUDGE_SIMPLE_BRANCH, "build.appstudio.openshift.io/build-nudge-simple-branch"), // API-A45
        (keys::NUDGE_RENOVATE_CONFIG_MAP, "build.appstudio.openshift.io/nudge_renovate_config_map"), // API-A45
        (keys::COMPONENT_GIT_PROVIDER, "build.appstudio.openshift.io/git-provider"), // API-A45
        (keys::NUDGED_COMPONENTS, "build.appstudio.redhat.com/nudged-components"), // API-A46
        (keys::NUDGING_COMMIT, "build.appstudio.redhat.com/nudging-commit"), // API-A46
        (keys::NUDGING_COMPONENT, "build.appstudio.redhat.com/nudging-component"), // API-A46
        (keys::NUDGING_IMAGE, "build.appstudio.redhat.com/nudging-image"), // API-A46
        (keys::NUDGING_PIPELINE, "build.appstudio.redhat.com/nudging-pipeline"), // API-A46
        (keys::PARENT_SNAPSHOT, "test.appstudio.openshift.io/parent-snapshot"), // API-A47
        (keys::ORIGIN_SNAPSHOT, "test.appstudio.openshift.io/origin-snapshot"), // API-A47
        (keys::MISSING_COMPONENT_VERSIONS, "test.appstudio.openshift.io/missing-componentversions"), // API-A47
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

// The number behind a line is the row of 01 §3.
#[test]
fn api_f1_finalizers() {
    assert_exact(&[
        (keys::PIPELINE_RUN_FINALIZER, "test.appstudio.openshift.io/pipelinerun"), // API-F1, API-F2
        (keys::COMPONENT_FINALIZER, "test.appstudio.openshift.io/component"),      // API-F3
        (keys::NUDGE_FINALIZER, "test.appstudio.openshift.io/nudge-pipelinerun"),  // API-F4
        (keys::SCENARIO_FINALIZER, "test.appstudio.openshift.io/scenario"),        // API-F5
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

// API-21; the number behind a line is the row of 01 §3.
#[test]
fn api_c1_condition_types_and_reasons() {
    assert_exact(&[
        (condition::TEST_SUCCEEDED, "AppStudioTestSucceeded"), // API-C1
        (condition::INTEGRATION_STATUS, "AppStudioIntegrationStatus"), // API-C4
        (condition::AUTO_RELEASED, "AutoReleased"),            // API-C9
        (condition::PARENT_SNAPSHOTS_CREATED, "ParentSnapshotsCreated"), // API-C10
        (condition::STALE_REFERENCES, "StaleReferences"),      // API-C11
        (condition::LEGACY_TEST_SUCCEEDED, "HACBSStudioTestSucceeded"), // API-C12
        (condition::LEGACY_INTEGRATION_STATUS, "HACBSIntegrationStatus"), // API-C13
        (condition::LEGACY_ADDED_TO_GCL, "AddedToGlobalCandidateList"), // API-C14
        (condition::SUCCEEDED, "Succeeded"),                   // API-C15
        (condition::SCENARIO_VALID, "IntegrationTestScenarioValid"),
        (condition::PASSED, "Passed"),              // API-C1
        (condition::FAILED, "Failed"),              // API-C2
        (condition::IN_PROGRESS, "InProgress"),     // API-C3, API-C4
        (condition::FINISHED, "Finished"),          // API-C5
        (condition::CANCELED, "Canceled"),          // API-C6
        (condition::INVALID, "Invalid"),            // API-C7
        (condition::ERROR_OCCURED, "ErrorOccured"), // API-C8
        (condition::TRUE, "True"),
        (condition::FALSE, "False"),
        (condition::UNKNOWN, "Unknown"),
    ]);
}
