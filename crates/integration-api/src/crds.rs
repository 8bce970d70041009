//! Definitions of the kinds: what a cluster needs to store them.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceConversion, CustomResourceDefinition, CustomResourceDefinitionNames, CustomResourceDefinitionSpec,
    CustomResourceDefinitionVersion, CustomResourceSubresourceStatus, CustomResourceSubresources,
    CustomResourceValidation, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ServiceReference,
    WebhookClientConfig, WebhookConversion,
};
use kube::CustomResourceExt;
use kube::core::ObjectMeta;
use regex::Regex;

use crate::foreign::ForeignKind;
use crate::scenario::{v1alpha1, v1beta1};
use crate::{
    Application, Component, ComponentGroup, IntegrationTestScenario, NudgeConfig, PipelineRun, Release, ReleasePlan,
    Repository, Snapshot, TaskRun,
};

/// Namespace in which the service is installed.
const NAMESPACE: &str = "integration-service";
/// Service of the conversion webhook (API-220).
const WEBHOOK_SERVICE: &str = "integration-service-webhook-service";
/// Path of the conversion webhook (API-5).
const CONVERSION_PATH: &str = "/convert";
/// Reviews the conversion webhook understands, the one it prefers first (API-5).
const REVIEW_VERSIONS: [&str; 2] = ["v1", "v1beta1"];
/// Has OpenShift put its certificate authority into the definition (API-6).
const INJECT_CA: (&str, &str) = ("service.beta.openshift.io/inject-cabundle", "true");

/// The kinds this project owns (API-1): ComponentGroup, IntegrationTestScenario in three versions, NudgeConfig.
pub fn owned() -> Vec<CustomResourceDefinition> {
    [component_group(), scenario(), NudgeConfig::crd()].into_iter().map(tidy).collect()
}

/// The kinds of other projects, so permissive that everything can be stored: for test clusters on which their owners
/// are not installed.
pub fn foreign() -> Vec<CustomResourceDefinition> {
    vec![
        permissive::<Application>(),
        permissive::<Component>(),
        permissive::<Snapshot>(),
        permissive::<Release>(),
        permissive::<ReleasePlan>(),
        permissive::<PipelineRun>(),
        permissive::<TaskRun>(),
        permissive::<ResolutionRequest>(),
        permissive::<Repository>(),
    ]
}

/// Names of a kind of which nothing but its definition is needed here (API-122).
struct ResolutionRequest;

impl ForeignKind for ResolutionRequest {
    const GROUP: &'static str = "resolution.tekton.dev";
    const VERSION: &'static str = "v1beta1";
    const KIND: &'static str = "ResolutionRequest";
    const PLURAL: &'static str = "resolutionrequests";
    const SINGULAR: &'static str = "resolutionrequest";
}

/// ComponentGroup, with a list map of candidates: the API server refuses a second entry of a Component in a version
/// (GA-X5). Keys of a list map must be required or have a default.
fn component_group() -> CustomResourceDefinition {
    let mut crd = ComponentGroup::crd();
    for version in &mut crd.spec.versions {
        let Some(list) = property(version, &["status", "globalCandidateList"]) else { continue };
        list.x_kubernetes_list_type = Some("map".to_owned());
        list.x_kubernetes_list_map_keys = Some(vec!["name".to_owned(), "version".to_owned()]);
        let Some(JSONSchemaPropsOrArray::Schema(entry)) = &mut list.items else { continue };
        for (name, field) in entry.properties.iter_mut().flatten() {
            if name != "version" {
                field.default = None;
            }
        }
    }
    crd
}

/// IntegrationTestScenario: old versions first, v1beta2 stored (D-16), exactly one owner (API-10).
fn scenario() -> CustomResourceDefinition {
    let mut crd = IntegrationTestScenario::crd();
    for version in &mut crd.spec.versions {
        if let Some(spec) = property(version, &["spec"]) {
            spec.one_of = Some(vec![requires("application"), requires("componentGroup")]);
        }
    }
    let old = [v1alpha1::IntegrationTestScenario::crd(), v1beta1::IntegrationTestScenario::crd()];
    let old = old.into_iter().flat_map(|crd| crd.spec.versions);
    crd.spec.versions.splice(0..0, old);
    let (key, value) = INJECT_CA;
    crd.metadata.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
    crd.spec.conversion = Some(CustomResourceConversion {
        strategy: "Webhook".to_owned(),
        webhook: Some(WebhookConversion {
            client_config: Some(WebhookClientConfig {
                service: Some(ServiceReference {
                    name: WEBHOOK_SERVICE.to_owned(),
                    namespace: NAMESPACE.to_owned(),
                    path: Some(CONVERSION_PATH.to_owned()),
                    port: None,
                }),
                ..WebhookClientConfig::default()
            }),
            conversion_review_versions: REVIEW_VERSIONS.map(str::to_owned).to_vec(),
        }),
    });
    crd
}

fn requires(property: &str) -> JSONSchemaProps {
    JSONSchemaProps { required: Some(vec![property.to_owned()]), ..JSONSchemaProps::default() }
}

/// What the derived definitions of all kinds say differently: no field may be null, a spec is not required, and
/// descriptions are for users, who do not know our rules.
fn tidy(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    crd.spec.names.list_kind = Some(format!("{}List", crd.spec.names.kind));
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            schema.required = None;
            schema.title = None;
            tidy_schema(schema);
        }
    }
    crd
}

fn tidy_schema(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if let (Some(description), Some(rules)) = (&mut schema.description, RULES.as_ref()) {
        *description = rules.replace_all(description, "").into_owned();
    }
    for (_, property) in schema.properties.iter_mut().flatten() {
        tidy_schema(property);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy_schema(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy_schema(values);
    }
}

/// References to rules in descriptions: ` (API-46 … API-51)`, `, see API-143`.
static RULES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r" \([A-Z]+-[A-Z]?[0-9][^)]*\)|, see [A-Z]+-[A-Z]?[0-9]+").ok());

/// The schema of a property of a version.
fn property<'a>(version: &'a mut CustomResourceDefinitionVersion, path: &[&str]) -> Option<&'a mut JSONSchemaProps> {
    let mut schema = version.schema.as_mut()?.open_api_v3_schema.as_mut()?;
    for name in path {
        schema = schema.properties.as_mut()?.get_mut(*name)?;
    }
    Some(schema)
}

fn permissive<K: ForeignKind>() -> CustomResourceDefinition {
    let schema = JSONSchemaProps {
        type_: Some("object".to_owned()),
        x_kubernetes_preserve_unknown_fields: Some(true),
        ..JSONSchemaProps::default()
    };
    CustomResourceDefinition {
        metadata: ObjectMeta { name: Some(format!("{}.{}", K::PLURAL, K::GROUP)), ..ObjectMeta::default() },
        spec: CustomResourceDefinitionSpec {
            group: K::GROUP.to_owned(),
            names: CustomResourceDefinitionNames {
                kind: K::KIND.to_owned(),
                list_kind: Some(format!("{}List", K::KIND)),
                plural: K::PLURAL.to_owned(),
                singular: Some(K::SINGULAR.to_owned()),
                ..CustomResourceDefinitionNames::default()
            },
            scope: "Namespaced".to_owned(),
            versions: vec![CustomResourceDefinitionVersion {
                name: K::VERSION.to_owned(),
                served: true,
                storage: true,
                schema: Some(CustomResourceValidation { open_api_v3_schema: Some(schema) }),
                subresources: Some(CustomResourceSubresources {
                    status: Some(CustomResourceSubresourceStatus(serde_json::json!({}))),
                    scale: None,
                }),
                ..CustomResourceDefinitionVersion::default()
            }],
            ..CustomResourceDefinitionSpec::default()
        },
        status: None,
    }
}
