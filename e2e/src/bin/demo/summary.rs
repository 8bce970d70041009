//! The table at the end.

use anyhow::Result;
use e2e::TestSpace;
use e2e::objects::{condition, text};
use integration_api::keys;
use integration_api::test_status::{StatusArray, WarningWireName};
use serde_json::Value;

/// Prints a row a build, and one for each Snapshot that has another cause.
pub async fn print(space: &TestSpace) -> Result<()> {
    let releases = space.list("Release", "").await?;
    let mut rows = vec![["BUILD", "SNAPSHOT", "IMAGES", "TESTS", "VERDICT", "RELEASE"].map(str::to_owned)];
    let mut builds = space.list("PipelineRun", &format!("{}={}", keys::PIPELINE_TYPE, keys::PIPELINE_BUILD)).await?;
    builds.sort_by_key(|build| build["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned());
    for build in builds {
        let name = text(&build["metadata"]["name"]);
        let snapshots = space.list("Snapshot", &format!("{}={name}", keys::BUILD_PIPELINE_RUN)).await?;
        let Some(snapshot) = snapshots.first() else {
            let reason =
                condition(&build, "Succeeded").map_or_else(String::new, |condition| text(&condition["reason"]));
            rows.push([
                name,
                "-".to_owned(),
                "-".to_owned(),
                "-".to_owned(),
                format!("build {reason}"),
                "-".to_owned(),
            ]);
            continue;
        };
        rows.push(row(name, snapshot, &releases));
    }
    for snapshot in space.list("Snapshot", &format!("!{}", keys::BUILD_PIPELINE_RUN)).await? {
        rows.push(row("(deletion)".to_owned(), &snapshot, &releases));
    }
    let widths: Vec<usize> =
        (0..6).map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        println!("{}", cells.join("  ").trim_end());
    }
    Ok(())
}

/// The row of a Snapshot and its cause.
fn row(cause: String, snapshot: &Value, releases: &[Value]) -> [String; 6] {
    let name = text(&snapshot["metadata"]["name"]);
    let tests = StatusArray::parse(snapshot["metadata"]["annotations"][keys::TEST_STATUS].as_str()).unwrap_or_default();
    let tests: Vec<String> = tests
        .entries()
        .map(|entry| format!("{} {}", entry.scenario, entry.status.wire(WarningWireName::TestWarning)))
        .collect();
    let verdict = ["AppStudioTestSucceeded", "AppStudioIntegrationStatus"].into_iter();
    let verdict = verdict.filter_map(|type_| condition(snapshot, type_)).map(|condition| text(&condition["reason"]));
    let plans: Vec<String> = releases
        .iter()
        .filter(|release| release["spec"]["snapshot"] == name.as_str())
        .map(|release| text(&release["spec"]["releasePlan"]))
        .collect();
    let images = snapshot["spec"]["components"].as_array().map_or(0, Vec::len).to_string();
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let verdict = verdict.take(1).collect::<String>();
    [cause, name, images, or_dash(tests.join(", ")), or_dash(verdict), or_dash(plans.join(", "))]
}
