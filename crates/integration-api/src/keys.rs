//! Every label, annotation, finalizer and name the programs exchange (01 §3), byte for byte.
//!
//! A key that exists as label and as annotation has one constant.

/// Prefix of this operator's keys.
pub const TEST_PREFIX: &str = "test.appstudio.openshift.io";
/// Prefix of keys that Pipelines as Code sets on PipelineRuns.
pub const PAC_PREFIX: &str = "pipelinesascode.tekton.dev";
/// Prefix under which those keys are copied to Snapshots, test PipelineRuns and Releases.
pub const PAC_COPIED_PREFIX: &str = "pac.test.appstudio.openshift.io";
/// Prefix of build keys; also matches `build.appstudio.redhat.com`.
pub const BUILD_PREFIX: &str = "build.appstudio";
/// Prefix of keys users pass through.
pub const CUSTOM_PREFIX: &str = "custom.appstudio.openshift.io";
/// Prefix of release keys, copied from builds to Snapshots only.
pub const RELEASE_PREFIX: &str = "release.appstudio.openshift.io";
/// Prefix of owner, component and Snapshot names.
pub const RESOURCE_PREFIX: &str = "appstudio.openshift.io";
/// Prefix of keys the reference does not know (API-271).
pub const INTEGRATION_PREFIX: &str = "integration.konflux-ci.dev";

// ---- labels -------------------------------------------------------------------------------------------------

/// Snapshot type: `component`, `group`, `override` (API-L1).
pub const SNAPSHOT_TYPE: &str = "test.appstudio.openshift.io/type";
/// Component name (API-L2).
pub const COMPONENT: &str = "appstudio.openshift.io/component";
/// Application name (API-L3).
pub const APPLICATION: &str = "appstudio.openshift.io/application";
/// ComponentGroup name (API-L4).
pub const COMPONENT_GROUP: &str = "appstudio.openshift.io/component-group";
/// Name of the build PipelineRun, on Snapshots (API-L5).
pub const BUILD_PIPELINE_RUN: &str = "appstudio.openshift.io/build-pipelinerun";
/// Completion of the build, Unix seconds (API-L6).
pub const BUILD_FINISH_TIME: &str = "test.appstudio.openshift.io/pipelinerunfinishtime";
/// Hash of the PR group (API-L7).
pub const PR_GROUP_HASH: &str = "test.appstudio.openshift.io/pr-group-sha";
/// Request to run a scenario (again): its name or `all` (API-L8).
pub const RUN: &str = "test.appstudio.openshift.io/run";
/// On Snapshots `false` forbids promotion (API-L9); on ReleasePlans label (API-L10) and CEL annotation (API-A43).
pub const AUTO_RELEASE: &str = "release.appstudio.openshift.io/auto-release";
/// `true` on Releases made by the service (API-L11).
pub const AUTOMATED: &str = "release.appstudio.openshift.io/automated";
/// Kind of PipelineRun: `build` or `test` (API-L12).
pub const PIPELINE_TYPE: &str = "pipelines.appstudio.openshift.io/type";
/// Scenario of a test PipelineRun (API-L13).
pub const SCENARIO: &str = "test.appstudio.openshift.io/scenario";
/// Label on test PipelineRuns: their Snapshot (API-L14); annotation on builds, Application model only (API-A24).
pub const SNAPSHOT: &str = "appstudio.openshift.io/snapshot";
/// `true` marks a scenario whose failure does not count (API-L15).
pub const OPTIONAL: &str = "test.appstudio.openshift.io/optional";
/// Event that started the build, on Snapshots (API-L16).
pub const EVENT_TYPE: &str = "pac.test.appstudio.openshift.io/event-type";
/// Pull or merge request number, label and annotation (API-L17, API-A36).
pub const PULL_REQUEST: &str = "pac.test.appstudio.openshift.io/pull-request";
/// Commit, label and annotation (API-L18, API-A31).
pub const SHA: &str = "pac.test.appstudio.openshift.io/sha";
/// Organisation of the repository (API-L19).
pub const URL_ORG: &str = "pac.test.appstudio.openshift.io/url-org";
/// Name of the repository (API-L19).
pub const URL_REPOSITORY: &str = "pac.test.appstudio.openshift.io/url-repository";
/// `github`, `gitlab`, `forgejo`, `gitea`; label or annotation (API-L20).
pub const GIT_PROVIDER: &str = "pac.test.appstudio.openshift.io/git-provider";
/// Event type as Pipelines as Code sets it on builds (API-L21).
pub const PAC_EVENT_TYPE: &str = "pipelinesascode.tekton.dev/event-type";
/// Pull request number as Pipelines as Code sets it on builds (API-L21).
pub const PAC_PULL_REQUEST: &str = "pipelinesascode.tekton.dev/pull-request";
/// Resolver of a ResolutionRequest (API-L22).
pub const RESOLUTION_TYPE: &str = "resolution.tekton.dev/type";
/// Creator of a ResolutionRequest (API-L23).
pub const CREATED_BY: &str = "konflux-ci.dev/created-by";
/// `nudge` on nudge PipelineRuns (API-L24).
pub const NUDGE_TYPE: &str = "build.appstudio.redhat.com/type";
/// PipelineRun of a TaskRun (API-L25).
pub const TEKTON_PIPELINE_RUN: &str = "tekton.dev/pipelineRun";
/// Present on objects that a backup tool wrote (API-L26).
pub const VELERO_BACKUP: &str = "velero.io/backup-name";
/// Present on objects that a backup tool restored (API-L26).
pub const VELERO_RESTORE: &str = "velero.io/restore-name";
/// Tenant namespace (API-L27).
pub const NAMESPACE_TENANT: &str = "toolchain.dev.openshift.com/type";
/// User namespace (API-L27).
pub const NAMESPACE_USER: &str = "konflux.ci/type";
/// Tenant namespace (API-L27).
pub const NAMESPACE_KONFLUX: &str = "konflux-ci.dev/type";
/// Span attribute source (API-L28).
pub const DELIVERY_ACTION: &str = "delivery.tekton.dev/action";
/// Span attribute source (API-L28).
pub const DELIVERY_APPLICATION: &str = "delivery.tekton.dev/application";
/// Span attribute source (API-L28).
pub const DELIVERY_COMPONENT: &str = "delivery.tekton.dev/component";
/// Reserved (API-L29).
pub const ENVIRONMENT: &str = "appstudio.openshift.io/environment";
/// Reserved (API-L29).
pub const TEST_NAME: &str = "test.appstudio.openshift.io/name";

// ---- annotations --------------------------------------------------------------------------------------------

/// Test status array (API-A1).
pub const TEST_STATUS: &str = "test.appstudio.openshift.io/status";
/// Report bookkeeping (API-A2).
pub const GIT_REPORTER_STATUS: &str = "test.appstudio.openshift.io/git-reporter-status";
/// Why reporting is impossible, on Snapshots and builds (API-A3).
pub const GIT_REPORTING_FAILURE: &str = "test.appstudio.openshift.io/git-reporting-failure";
/// JSON on builds (API-183), text on Snapshots (API-A4).
pub const CREATE_SNAPSHOT_STATUS: &str = "test.appstudio.openshift.io/create-snapshot-status";
/// Last early report of a build (API-A5, API-187).
pub const SNAPSHOT_CREATION_REPORT: &str = "test.appstudio.openshift.io/snapshot-creation-report";
/// Progress of the group Snapshot (API-A6, API-188).
pub const CREATE_GROUP_SNAPSHOT_STATUS: &str = "test.appstudio.openshift.io/create-groupsnapshot-status";
/// Members of a group Snapshot (API-A7).
pub const GROUP_TEST_INFO: &str = "test.appstudio.openshift.io/group-test-info";
/// Name of the PR group (API-A8).
pub const PR_GROUP: &str = "test.appstudio.openshift.io/pr-group";
/// Git URL of the built source (API-A9).
pub const SOURCE_REPO_URL: &str = "test.appstudio.openshift.io/source-repo-url";
/// Start of the build, Unix milliseconds (API-A10).
pub const BUILD_START_TIME: &str = "test.appstudio.openshift.io/pipelinerunstarttime";
/// Start of the build that set the candidate, Unix seconds, on Components (API-A11).
pub const LAST_BUILT_TIME: &str = "test.appstudio.openshift.io/lastbuilttime";
/// Outcome of the candidate update (API-A12, API-182).
pub const ADDED_TO_GCL: &str = "test.appstudio.openshift.io/added-to-global-candidate-list";
/// `push` or `pull-request` (API-A13).
pub const INTEGRATION_WORKFLOW: &str = "test.appstudio.openshift.io/integration-workflow";
/// Prefix of copied build results (API-A14).
pub const RESULT_PREFIX: &str = "test.appstudio.openshift.io/result-";
/// Exactly `false` keeps the Snapshot from being released (API-A15).
pub const RESULT_SHOULD_RELEASE: &str = "test.appstudio.openshift.io/result-should-release";
/// `merged` once the pull request is (API-A16).
pub const PR_STATUS: &str = "test.appstudio.openshift.io/pr-status";
/// Go boolean: never supersede this Snapshot (API-A17).
pub const IGNORE_SUPERSESSION: &str = "test.appstudio.openshift.io/ignore-supersession";
/// Keep the Snapshot from collection (API-A18).
pub const KEEP_SNAPSHOT: &str = "test.appstudio.openshift.io/keep-snapshot";
/// `true` on a scenario: parameter SNAPSHOT is the name (API-A19).
pub const SNAPSHOT_PARAM_AS_NAME: &str = "test.appstudio.openshift.io/snapshot-param-as-name";
/// Timeout of the test pipeline, on scenarios (API-A20).
pub const PIPELINE_TIMEOUT: &str = "test.appstudio.openshift.io/pipeline_timeout";
/// Timeout of its tasks (API-A20).
pub const TASKS_TIMEOUT: &str = "test.appstudio.openshift.io/tasks_timeout";
/// Timeout of its finally tasks (API-A20).
pub const FINALLY_TIMEOUT: &str = "test.appstudio.openshift.io/finally_timeout";
/// `disable_all` on a Component (API-A21).
pub const COMMENT_STRATEGY: &str = "test.appstudio.openshift.io/comment_strategy";
/// Nudging done (API-A22, API-189).
pub const COMPONENT_NUDGE_PROCESSED: &str = "test.appstudio.openshift.io/component-nudge-processed";
/// Legacy report state (API-A23).
pub const PR_LAST_UPDATE: &str = "test.appstudio.openshift.io/pr-last-update";
/// Snapshot names of a build, comma-separated (API-A25).
pub const SNAPSHOTS: &str = "appstudio.openshift.io/snapshots";
/// Component version (API-A26).
pub const VERSION: &str = "appstudio.openshift.io/version";
/// Context directory of the built version (API-A27).
pub const CONTEXT: &str = "appstudio.openshift.io/context";
/// Child of a parent Snapshot (API-A28).
pub const CHILD_SNAPSHOT: &str = "test.appstudio.openshift.io/child-snapshot";
/// `true` on a test PipelineRun that was superseded (API-A29).
pub const CANCELLED: &str = "pac.test.appstudio.openshift.io/cancelled";
/// Console URL of a test PipelineRun (API-A30).
pub const LOG_URL: &str = "pac.test.appstudio.openshift.io/log-url";
/// Target branch (API-A32).
pub const BRANCH: &str = "pac.test.appstudio.openshift.io/branch";
/// Source branch, copied (API-A33).
pub const SOURCE_BRANCH: &str = "pac.test.appstudio.openshift.io/source-branch";
/// Target repository URL (API-A34).
pub const REPO_URL: &str = "pac.test.appstudio.openshift.io/repo-url";
/// Source (fork) repository URL (API-A35).
pub const FORK_REPO_URL: &str = "pac.test.appstudio.openshift.io/source-repo-url";
/// GitHub App installation (API-A37).
pub const INSTALLATION_ID: &str = "pac.test.appstudio.openshift.io/installation-id";
/// GitLab source project (API-A38).
pub const SOURCE_PROJECT_ID: &str = "pac.test.appstudio.openshift.io/source-project-id";
/// GitLab target project (API-A38).
pub const TARGET_PROJECT_ID: &str = "pac.test.appstudio.openshift.io/target-project-id";
/// GitHub Enterprise URL (API-A38).
pub const GHE_URL: &str = "pac.test.appstudio.openshift.io/ghe-url";
/// Source branch on builds (API-A39).
pub const PAC_SOURCE_BRANCH: &str = "pipelinesascode.tekton.dev/source-branch";
/// Organisation on builds (API-A39).
pub const PAC_URL_ORG: &str = "pipelinesascode.tekton.dev/url-org";
/// Target repository URL on builds; copied as [`REPO_URL`].
pub const PAC_REPO_URL: &str = "pipelinesascode.tekton.dev/repo-url";
/// W3C trace carrier, JSON (API-A40).
pub const SPAN_CONTEXT: &str = "tekton.dev/pipelinerunSpanContext";
/// `true` once timing spans were emitted (API-A41).
pub const TIMING_EMITTED: &str = "delivery.tekton.dev/timingEmitted";
/// Present once Tekton Chains is done (API-A42).
pub const CHAINS_SIGNED: &str = "chains.tekton.dev/signed";
/// File patterns of a nudge (API-A44).
pub const BUILD_NUDGE_FILES: &str = "build.appstudio.openshift.io/build-nudge-files";
/// Source link of a build (API-A44).
pub const REPO_URL_AT_SHA: &str = "build.appstudio.openshift.io/repo-url-at-sha";
/// Nudging option of a Component (API-A45).
pub const NUDGE_SIMPLE_BRANCH: &str = "build.appstudio.openshift.io/build-nudge-simple-branch";
/// Nudging option of a Component (API-A45).
pub const NUDGE_RENOVATE_CONFIG_MAP: &str = "build.appstudio.openshift.io/nudge_renovate_config_map";
/// Git provider of a Component (API-A45).
pub const COMPONENT_GIT_PROVIDER: &str = "build.appstudio.openshift.io/git-provider";
/// Nudged Components, space-separated, on nudge PipelineRuns (API-A46).
pub const NUDGED_COMPONENTS: &str = "build.appstudio.redhat.com/nudged-components";
/// Nudging commit (API-A46).
pub const NUDGING_COMMIT: &str = "build.appstudio.redhat.com/nudging-commit";
/// Nudging Component (API-A46).
pub const NUDGING_COMPONENT: &str = "build.appstudio.redhat.com/nudging-component";
/// Nudging image (API-A46).
pub const NUDGING_IMAGE: &str = "build.appstudio.redhat.com/nudging-image";
/// Nudging build (API-A46).
pub const NUDGING_PIPELINE: &str = "build.appstudio.redhat.com/nudging-pipeline";
/// Reserved (API-A47).
pub const PARENT_SNAPSHOT: &str = "test.appstudio.openshift.io/parent-snapshot";
/// Reserved (API-A47).
pub const ORIGIN_SNAPSHOT: &str = "test.appstudio.openshift.io/origin-snapshot";
/// Reserved (API-A47).
pub const MISSING_COMPONENT_VERSIONS: &str = "test.appstudio.openshift.io/missing-componentversions";

// ---- keys the reference does not know (API-271) ---------------------------------------------------------------

/// Uid of the build PipelineRun, on component Snapshots.
pub const BUILD_PIPELINE_RUN_UID: &str = "test.appstudio.openshift.io/build-pipelinerun-uid";
/// Older Snapshots this build had canceled, newest 20, comma-joined.
pub const SUPERSEDED_SNAPSHOTS: &str = "test.appstudio.openshift.io/superseded-snapshots";
/// First 4 KiB of a broken test status array.
pub const STATUS_CORRUPT: &str = "test.appstudio.openshift.io/status-corrupt";
/// What a conversion to an older version would lose, on scenarios.
pub const CONVERSION_DATA: &str = "integration.konflux-ci.dev/conversion-data";
/// `<state>/<build uid>` once the PR group was told.
pub const GROUP_NOTIFIED: &str = "test.appstudio.openshift.io/group-notified";
/// Attempt of a test PipelineRun, integer ≥ 1; absent = 1.
pub const ATTEMPT: &str = "integration.konflux-ci.dev/attempt";
/// Member Snapshots of a group Snapshot, sorted, comma-joined.
pub const GROUP_MEMBERS: &str = "integration.konflux-ci.dev/group-members";
/// ComponentGroup of the child of a parent Snapshot.
pub const CHILD_COMPONENT_GROUP: &str = "integration.konflux-ci.dev/child-component-group";
/// What an automatic release waits for (TR-B50).
pub const AUTO_RELEASE_STATE: &str = "integration.konflux-ci.dev/auto-release-state";
/// Uids of the deleted Components behind an app-regenerator Snapshot.
pub const DELETED_COMPONENTS: &str = "integration.konflux-ci.dev/deleted-components";

// ---- finalizers -----------------------------------------------------------------------------------------------

/// Finalizer on build and test PipelineRuns (API-F1, API-F2).
pub const PIPELINE_RUN_FINALIZER: &str = "test.appstudio.openshift.io/pipelinerun";
/// Finalizer on Components (API-F3).
pub const COMPONENT_FINALIZER: &str = "test.appstudio.openshift.io/component";
/// Finalizer of the nudger on builds (API-F4).
pub const NUDGE_FINALIZER: &str = "test.appstudio.openshift.io/nudge-pipelinerun";
/// Historic finalizer on scenarios (API-F5).
pub const SCENARIO_FINALIZER: &str = "test.appstudio.openshift.io/scenario";

// ---- values -----------------------------------------------------------------------------------------------------

/// Value of [`SNAPSHOT_TYPE`].
pub const TYPE_COMPONENT: &str = "component";
/// Value of [`SNAPSHOT_TYPE`].
pub const TYPE_GROUP: &str = "group";
/// Value of [`SNAPSHOT_TYPE`].
pub const TYPE_OVERRIDE: &str = "override";
/// Value of [`PIPELINE_TYPE`] on builds.
pub const PIPELINE_BUILD: &str = "build";
/// Value of [`PIPELINE_TYPE`] on tests.
pub const PIPELINE_TEST: &str = "test";
/// Value of [`INTEGRATION_WORKFLOW`].
pub const WORKFLOW_PUSH: &str = "push";
/// Value of [`INTEGRATION_WORKFLOW`].
pub const WORKFLOW_PULL_REQUEST: &str = "pull-request";
/// ServiceAccount of test PipelineRuns that name none (API-112).
pub const RUNNER_SERVICE_ACCOUNT: &str = "konflux-integration-runner";
/// `spec.status` that cancels a PipelineRun (API-114).
pub const CANCELLED_RUN_FINALLY: &str = "CancelledRunFinally";
/// Name of the SNAPSHOT parameter (API-195).
pub const SNAPSHOT_PARAM: &str = "SNAPSHOT";
/// Lease of the reference operator (D-10).
pub const LEGACY_LEASE: &str = "03c7e15b.redhat.com";
/// Build result with the image repository.
pub const RESULT_IMAGE_URL: &str = "IMAGE_URL";
/// Build result with the image digest.
pub const RESULT_IMAGE_DIGEST: &str = "IMAGE_DIGEST";
/// Build result with the git URL.
pub const RESULT_GIT_URL: &str = "CHAINS-GIT_URL";
/// Build result with the git commit.
pub const RESULT_GIT_COMMIT: &str = "CHAINS-GIT_COMMIT";
