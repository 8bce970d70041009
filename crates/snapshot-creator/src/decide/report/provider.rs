//! Git providers, and what names a pull request to them.

use integration_api::{PipelineRun, keys};
use integration_core::{event, git_url};
use kube::core::ObjectMeta;
use serde::{Deserialize, Serialize};

/// A kind of git provider (GR-4, GRX-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// GitHub, github.com and others.
    Github,
    /// GitLab.
    Gitlab,
    /// Forgejo and Gitea.
    Forgejo,
    /// Bitbucket Cloud.
    BitbucketCloud,
    /// Bitbucket Data Center.
    BitbucketDatacenter,
}

impl Provider {
    /// All of them, in the order in which they are looked for.
    pub const ALL: [Self; 5] =
        [Self::Github, Self::Gitlab, Self::Forgejo, Self::BitbucketCloud, Self::BitbucketDatacenter];

    /// Value of the metric label `provider`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Forgejo => "forgejo",
            Self::BitbucketCloud => "bitbucket-cloud",
            Self::BitbucketDatacenter => "bitbucket-datacenter",
        }
    }

    /// The provider that a Snapshot names, in its annotation or its label; the first one where they differ (SC-72).
    pub fn of(meta: &ObjectMeta) -> Option<Self> {
        Self::named(values(meta, keys::GIT_PROVIDER))
    }

    /// The provider that a build names, under the key of Pipelines as Code.
    pub(super) fn of_build(build: &PipelineRun) -> Option<Self> {
        Self::named(values(&build.metadata, &pac_key(keys::GIT_PROVIDER)))
    }

    fn named(values: [Option<&str>; 2]) -> Option<Self> {
        let of = |provider: &Self| values.into_iter().flatten().any(|value| provider.names().contains(&value));
        Self::ALL.into_iter().find(of)
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Github => &["github", "github-enterprise"],
            Self::Gitlab => &["gitlab"],
            Self::Forgejo => &["forgejo", "gitea"],
            Self::BitbucketCloud => &["bitbucket-cloud"],
            Self::BitbucketDatacenter => &["bitbucket-datacenter"],
        }
    }
}

/// A pull or merge request, as a Snapshot names it. Credentials and rights are the provider's business (GRX-21).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct PullRequestRef {
    /// Where it is.
    pub provider: Provider,
    /// Namespace of the Snapshot.
    pub namespace: String,
    /// Repository URL, in the form that is compared.
    pub repository: String,
    /// Its number there.
    pub number: String,
    /// Installation of the GitHub App that the Snapshot names; a claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installation: Option<String>,
}

impl PullRequestRef {
    /// The pull request of a Snapshot; `None` where it names none that can be looked up.
    pub(super) fn of(namespace: &str, meta: &ObjectMeta) -> Option<Self> {
        let [url, _] = values(meta, keys::REPO_URL);
        let number = event::pull_request_number(meta)?;
        let [installation, _] = values(meta, keys::INSTALLATION_ID);
        // It becomes part of a request's path, and tenants write it.
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(())?;
        Some(Self {
            provider: Provider::of(meta)?,
            namespace: namespace.to_owned(),
            repository: git_url::comparison_form(url?)?,
            number: number.to_owned(),
            installation: installation.map(str::to_owned),
        })
    }

    /// Repository and number, `https://host/org/repo#5`.
    pub fn name(&self) -> String {
        format!("{}#{}", self.repository, self.number)
    }
}

/// Commit that a Snapshot names: the exact annotation, else the label.
pub(super) fn commit(meta: &ObjectMeta) -> Option<&str> {
    values(meta, keys::SHA).into_iter().flatten().find(|commit| !commit.is_empty())
}

/// The key of Pipelines as Code that becomes this key of a Snapshot.
pub(super) fn pac_key(key: &str) -> String {
    key.replacen(keys::PAC_COPIED_PREFIX, keys::PAC_PREFIX, 1)
}

/// Annotation and label of one key.
fn values<'a>(meta: &'a ObjectMeta, key: &str) -> [Option<&'a str>; 2] {
    [&meta.annotations, &meta.labels].map(|map| map.as_ref()?.get(key).map(String::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // SC-72; 05 §18 rows 1 to 4
    #[test]
    fn sc_72_the_provider_is_named_by_annotation_or_label() {
        let of = |annotation: &str, label: &str| {
            let meta = json!({"annotations": {keys::GIT_PROVIDER: annotation}, "labels": {keys::GIT_PROVIDER: label}});
            Provider::of(&serde_json::from_value(meta).unwrap()).map(Provider::word)
        };
        assert_eq!(of("not-github", "github"), Some("github"));
        assert_eq!(of("gitlab", "github"), Some("github"), "the first provider wins");
        assert_eq!(of("", "gitea"), Some("forgejo"));
        assert_eq!(of("github-enterprise", ""), Some("github"));
        assert_eq!(of("bitbucket-cloud", ""), Some("bitbucket-cloud"));
        assert_eq!(of("GitHub", ""), None);
        assert_eq!(Provider::of(&ObjectMeta::default()), None);
    }

    // SC-B19, GRX-21
    #[test]
    fn sc_b19_a_pull_request_is_looked_up_by_a_number_only() {
        let name = |number: &str| {
            let meta = json!({
                "labels": {keys::PULL_REQUEST: number},
                "annotations": {keys::GIT_PROVIDER: "github", keys::REPO_URL: "https://github.com/team/c1.git"},
            });
            let meta = serde_json::from_value(meta).unwrap();
            PullRequestRef::of("team", &meta).map(|request| request.name())
        };
        assert_eq!(name("7").as_deref(), Some("https://github.com/team/c1#7"));
        for claim in ["", "7/../../../user", "-7", "7 ", "７", "seven"] {
            assert_eq!(name(claim), None, "{claim}");
        }
    }
}
