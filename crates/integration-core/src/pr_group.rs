//! PR groups: pull requests of several components that are tested together (SC-B27, D-17).

use integration_api::{PipelineRun, keys};

use crate::meta::{annotation, non_empty_annotation};
use crate::names::hex;

/// Name of the PR group a build belongs to, from keys that Pipelines as Code sets. Whether the build comes from a
/// pull request at all is not looked at.
pub fn name(build: &PipelineRun) -> Option<String> {
    let branch = annotation(&build.metadata, keys::PAC_SOURCE_BRANCH)?;
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(branch);
    // Forks of different organisations must not meet in one group only because they use the default branch (API-B34).
    let group = if matches!(branch, "main" | "master") {
        format!("{branch}-{}", non_empty_annotation(&build.metadata, keys::PAC_URL_ORG)?)
    } else {
        branch.to_owned()
    };
    let group = group.split('@').next().unwrap_or_default();
    (!group.is_empty()).then(|| group.to_owned())
}

/// Value of the label `pr-group-sha`: the first 62 hexadecimal digits of SHA-256 (API-216, SC-6).
pub fn hash(group: &str) -> String {
    let mut hash = hex(group);
    hash.truncate(62);
    hash
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::*;

    fn build(branch: Option<&str>, organisation: Option<&str>) -> PipelineRun {
        let mut build = PipelineRun::default();
        let pairs = [(keys::PAC_SOURCE_BRANCH, branch), (keys::PAC_URL_ORG, organisation)];
        let annotations: BTreeMap<_, _> =
            pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))).collect();
        build.metadata.annotations = Some(annotations);
        build
    }

    // SC-B27, API-B34, D-17; 02 E-23 … E-27; 01 §9 row 49
    #[rstest]
    #[case(Some("feature"), None, Some("feature"))]
    #[case(Some("refs/heads/feature"), None, Some("feature"))]
    #[case(Some("refs/heads/refs/heads/feature"), None, Some("refs/heads/feature"))]
    #[case(Some("main"), Some("redhat"), Some("main-redhat"))]
    #[case(Some("refs/heads/main"), Some("redhat"), Some("main-redhat"))]
    #[case(Some("master"), Some("redhat"), Some("master-redhat"))]
    #[case(Some("main"), None, None)]
    #[case(Some("main"), Some(""), None)]
    #[case(Some("master"), None, None)]
    #[case(Some("mainline"), None, Some("mainline"))]
    #[case(Some("myfeature@change1"), Some("redhat"), Some("myfeature"))]
    #[case(Some("f@x@y"), None, Some("f"))]
    #[case(Some("@x"), None, None)]
    #[case(Some(""), None, None)]
    #[case(Some("refs/heads/"), None, None)]
    #[case(None, Some("redhat"), None)]
    fn sc_b27_names(#[case] branch: Option<&str>, #[case] organisation: Option<&str>, #[case] expected: Option<&str>) {
        assert_eq!(name(&build(branch, organisation)).as_deref(), expected);
    }

    #[test]
    fn sc_b27_a_build_without_metadata_has_no_group() {
        assert_eq!(name(&PipelineRun::default()), None);
    }

    // API-216, SC-6
    #[rstest]
    #[case("sourceBranch", "b4e3bd082b29abdca3442e1e04ddf88ce82fc01ae6f577dd879de813ff5aa4")]
    #[case("main-redhat", "499a42ddaa6a4b0a80c7d78914da9314f58fdd9d9e7cbd21138992a63645d7")]
    #[case("myfeature", "8f05bf75b749b891ae11f290eebdc578ff83dfc327170f9957458685fef285")]
    #[case("feature", "2ad562319767157087dda0dec6391f4479f8a04869ab0cc8d3a9c3637dae73")]
    fn api_216_hash_vectors(#[case] group: &str, #[case] expected: &str) {
        assert_eq!(hash(group), expected);
    }
}
