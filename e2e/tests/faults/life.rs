//! The life cycle of a push build: what is there before it, and when it is over.

use std::fmt;

use anyhow::Result;
use e2e::TestSpace;
use e2e::fixtures::{self, Build, digest};
use integration_api::keys;
use serde_json::Value;

/// Components of an owner.
pub const COMPONENTS: usize = 3;
/// Scenarios of an owner.
pub const SCENARIOS: usize = 2;
/// Version of every Component in the ComponentGroup model.
const VERSION: &str = "main";
/// Its commit and image were promoted before.
const COMMIT: &str = "5e0f2d4c1b3a5e0f2d4c1b3a5e0f2d4c1b3a5e0f";

/// What owns the Components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// An Application.
    Application,
    /// A ComponentGroup.
    Group,
}

impl Model {
    pub const ALL: [Self; 2] = [Self::Application, Self::Group];

    /// Short name, good for a namespace.
    pub fn word(self) -> &'static str {
        match self {
            Self::Application => "app",
            Self::Group => "group",
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "Application model",
            Self::Group => "ComponentGroup model",
        })
    }
}

/// An owner with three Components that were all built before, two scenarios and one plan that releases automatically.
/// Several of different numbers fit into one namespace.
#[derive(Clone, Copy, Debug)]
pub struct Shop {
    pub model: Model,
    pub number: usize,
}

impl Shop {
    fn owner(self) -> String {
        format!("shop-{}", self.number)
    }

    fn component(self, index: usize) -> String {
        format!("{}-{}", ["frontend", "backend", "worker"][index], self.number)
    }

    /// Creates all its objects.
    pub async fn open(self, space: &TestSpace) -> Result<()> {
        let image =
            |name: &String| format!("{}@{}", fixtures::image_repository(name), digest(&format!("{name} before")));
        let owner = self.owner();
        let components: [String; COMPONENTS] = std::array::from_fn(|index| self.component(index));
        let images = components.each_ref().map(image);
        let scenarios: [String; SCENARIOS] = ["unit", "system"].map(|name| format!("{name}-{}", self.number));
        let plan = format!("prod-{}", self.number);
        match self.model {
            Model::Application => {
                space.create(fixtures::application(&owner)).await?;
                for (name, image) in components.iter().zip(&images) {
                    space.create(fixtures::promoted_component(name, &owner, image, COMMIT)).await?;
                }
                for name in &scenarios {
                    space.create(fixtures::scenario(name, &owner)).await?;
                }
                space.create(fixtures::release_plan(&plan, &owner)).await?;
            }
            Model::Group => {
                for name in &components {
                    space.create(fixtures::versioned_component(name, &[VERSION])).await?;
                }
                let members = components.each_ref().map(|name| (name.as_str(), VERSION));
                let candidates: Vec<_> = components
                    .iter()
                    .zip(&images)
                    .map(|(name, image)| (name.as_str(), VERSION, image.as_str(), COMMIT))
                    .collect();
                let group = fixtures::component_group(&owner, &members);
                space.create(fixtures::with_candidates(group, &candidates)).await?;
                for name in &scenarios {
                    space.create(fixtures::group_scenario(name, &owner)).await?;
                }
                space.create(fixtures::group_release_plan(&plan, &owner)).await?;
            }
        }
        Ok(())
    }

    /// A push build of one of its Components. No git provider waits for its results, so nothing holds the finalizers.
    pub fn build(self, component: usize) -> Build {
        let build = Build::push(&self.component(component)).without_provider();
        match self.model {
            Model::Application => build.application(&self.owner()),
            Model::Group => build.version(VERSION),
        }
    }

    /// The image that is promoted for a Component now; `None` if it is not there exactly once.
    pub async fn promoted(self, space: &TestSpace, component: usize) -> Result<Option<String>> {
        let name = self.component(component);
        Ok(match self.model {
            Model::Application => {
                let component = space.get("Component", &name).await?.unwrap_or_default();
                component["status"]["lastPromotedImage"].as_str().map(str::to_owned)
            }
            Model::Group => {
                let group = space.get("ComponentGroup", &self.owner()).await?.unwrap_or_default();
                let entries = group["status"]["globalCandidateList"].as_array().cloned().unwrap_or_default();
                let mut own = entries.iter().filter(|entry| entry["name"] == name);
                let image = own.next().and_then(|entry| entry["lastPromotedImage"].as_str()).map(str::to_owned);
                image.filter(|_| own.next().is_none())
            }
        })
    }
}

/// What a namespace holds.
#[derive(Clone, Debug, Default)]
pub struct Products {
    pub builds: Vec<Value>,
    pub tests: Vec<Value>,
    pub snapshots: Vec<Value>,
    pub releases: Vec<Value>,
}

impl Products {
    pub async fn of(space: &TestSpace) -> Result<Self> {
        let (tests, builds) = space
            .list("PipelineRun", "")
            .await?
            .into_iter()
            .partition(|run| run["metadata"]["labels"][keys::PIPELINE_TYPE] == keys::PIPELINE_TEST);
        let snapshots = space.list("Snapshot", "").await?;
        Ok(Self { builds, tests, snapshots, releases: space.list("Release", "").await? })
    }

    /// What is not over yet or wrong in the end; empty = each has exactly its one Snapshot,
    /// two tests, a verdict and a Release, and nothing holds a finalizer.
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for build in &self.builds {
            let name = text(&build["metadata"]["name"]);
            let mut say = |what: String| missing.push(format!("build {name}: {what}"));
            holds_no_finalizer(build, &mut say);
            let snapshots: Vec<&Value> = self
                .snapshots
                .iter()
                .filter(|snapshot| snapshot["metadata"]["labels"][keys::BUILD_PIPELINE_RUN] == name)
                .collect();
            match snapshots.as_slice() {
                [snapshot] => {
                    if build["metadata"]["annotations"][keys::SNAPSHOT] != snapshot["metadata"]["name"]
                        && build["metadata"]["annotations"][keys::SNAPSHOTS] != snapshot["metadata"]["name"]
                    {
                        say(format!("does not name its Snapshot {}", snapshot["metadata"]["name"]));
                    }
                    self.judge(snapshot, &mut say);
                }
                others => say(format!("{} Snapshots instead of 1", others.len())),
            }
        }
        missing
    }

    fn judge(&self, snapshot: &Value, say: &mut impl FnMut(String)) {
        let name = text(&snapshot["metadata"]["name"]);
        for (condition, reason) in [
            ("AppStudioIntegrationStatus", "Finished"),
            ("AppStudioTestSucceeded", "Passed"),
            ("AutoReleased", "AutoReleased"),
        ] {
            let conditions = snapshot["status"]["conditions"].as_array();
            let found = conditions.into_iter().flatten().find(|found| found["type"] == condition);
            if found.is_none_or(|found| found["status"] != "True" || found["reason"] != reason) {
                say(format!("condition {condition} is {}", found.unwrap_or(&Value::Null)));
            }
        }
        let runs: Vec<&Value> =
            self.tests.iter().filter(|run| run["metadata"]["labels"][keys::SNAPSHOT] == name).collect();
        for run in &runs {
            holds_no_finalizer(run, say);
        }
        let mut tested: Vec<&str> = runs.iter().map(|run| text(&run["metadata"]["labels"][keys::SCENARIO])).collect();
        tested.sort_unstable();
        tested.dedup();
        if runs.len() != SCENARIOS || tested.len() != SCENARIOS {
            say(format!("{} test PipelineRuns for {tested:?}", runs.len()));
        }
        let results: Value =
            serde_json::from_str(text(&snapshot["metadata"]["annotations"][keys::TEST_STATUS])).unwrap_or_default();
        let results = results.as_array().cloned().unwrap_or_default();
        let recorded: Vec<&str> = results.iter().map(|entry| text(&entry["scenario"])).collect();
        if recorded != tested {
            say(format!("results of {recorded:?}"));
        }
        for entry in results.iter().filter(|entry| entry["status"] != "TestPassed") {
            say(format!("a result is {entry}"));
        }
        let releases: Vec<&Value> =
            self.releases.iter().filter(|release| release["spec"]["snapshot"] == name).collect();
        match releases.as_slice() {
            [release] if release["status"]["automated"] == true => {}
            [_] => say("its Release is not marked as automated".to_owned()),
            others => say(format!("{} Releases instead of 1", others.len())),
        }
    }
}

fn holds_no_finalizer(run: &Value, say: &mut impl FnMut(String)) {
    let finalizers = &run["metadata"]["finalizers"];
    if finalizers.as_array().is_some_and(|finalizers| !finalizers.is_empty()) {
        say(format!("PipelineRun {} is held by {finalizers}", text(&run["metadata"]["name"])));
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn products() -> Products {
        let condition = |type_: &str, reason: &str| json!({"type": type_, "status": "True", "reason": reason});
        let run = |scenario: &str| json!({"metadata": {"name": format!("{scenario}-run"), "labels": {(keys::SNAPSHOT): "s", (keys::SCENARIO): scenario}}});
        let result = |scenario: &str| json!({"scenario": scenario, "status": "TestPassed"});
        let results = json!([result("system"), result("unit")]).to_string();
        Products {
            builds: vec![json!({"metadata": {"name": "b", "annotations": {(keys::SNAPSHOTS): "s"}}})],
            tests: vec![run("unit"), run("system")],
            snapshots: vec![json!({
                "metadata": {
                    "name": "s",
                    "labels": {(keys::BUILD_PIPELINE_RUN): "b"},
                    "annotations": {(keys::TEST_STATUS): results},
                },
                "status": {"conditions": [
                    condition("AppStudioIntegrationStatus", "Finished"),
                    condition("AppStudioTestSucceeded", "Passed"),
                    condition("AutoReleased", "AutoReleased"),
                ]},
            })],
            releases: vec![
                json!({"metadata": {"name": "r"}, "spec": {"snapshot": "s"}, "status": {"automated": true}}),
            ],
        }
    }

    #[test]
    fn exactly_one_of_each_misses_nothing() {
        assert_eq!(products().missing(), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_there_twice_or_not_at_all_is_named() {
        let complaint = |change: &dyn Fn(&mut Products)| {
            let mut products = products();
            change(&mut products);
            products.missing().join("; ")
        };
        let twice = |list: &mut Vec<Value>| list.push(list[0].clone());
        assert_eq!(complaint(&|products| twice(&mut products.snapshots)), "build b: 2 Snapshots instead of 1");
        assert_eq!(complaint(&|products| products.snapshots.clear()), "build b: 0 Snapshots instead of 1");
        assert_eq!(complaint(&|products| twice(&mut products.releases)), "build b: 2 Releases instead of 1");
        assert!(complaint(&|products| twice(&mut products.tests)).contains("3 test PipelineRuns"));
        assert!(complaint(&|products| products.tests.truncate(1)).contains("1 test PipelineRuns"));
        let held = json!([keys::PIPELINE_RUN_FINALIZER]);
        assert!(
            complaint(&|products| products.tests[1]["metadata"]["finalizers"] = held.clone()).contains("is held by")
        );
        assert!(
            complaint(&|products| products.builds[0]["metadata"]["finalizers"] = held.clone()).contains("is held by")
        );
        assert!(
            complaint(&|products| products.snapshots[0]["status"]["conditions"][1]["status"] = json!("False"))
                .contains("AppStudioTestSucceeded")
        );
        assert!(
            complaint(&|products| products.snapshots[0]["metadata"]["annotations"][keys::TEST_STATUS] = json!("[]"))
                .contains("results of []")
        );
    }
}
