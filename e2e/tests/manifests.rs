//! What is under `deploy/` is what the types say.

use std::collections::BTreeSet;

use e2e::manifests;

#[test]
fn the_generated_files_are_up_to_date() {
    let folder = manifests::folder();
    for (path, text) in manifests::files().unwrap() {
        let stored = std::fs::read_to_string(folder.join(&path)).unwrap_or_default();
        assert!(stored == text, "deploy/{} is stale: run `cargo manifests` and commit what it writes", path.display());
    }
}

// HC-20, HC-22, HC-X11: the rights of the programs that exist, row by row.
#[test]
fn hc_20_each_program_has_exactly_the_rights_of_the_table() {
    let table = [
        (
            "snapshot-creator",
            "pipelineruns: get list watch patch; repositories: get list watch; snapshots: get list watch create patch; \
             snapshots/status: patch; components: get list watch patch; components/status: patch; applications: get list watch; \
             applications/finalizers: update; componentgroups: get list watch; componentgroups/status: patch; \
             componentgroups/finalizers: update; integrationtestscenarios: get list watch; secrets: get",
        ),
        (
            "test-runner",
            "pipelineruns: get list watch create patch; resolutionrequests: get list watch create delete; \
             repositories: get list watch; snapshots: get list watch create patch; snapshots/status: patch; \
             snapshots/finalizers: update; components: get list watch patch; components/status: patch; \
             applications: get list watch; applications/finalizers: update; componentgroups: get list watch; \
             componentgroups/status: patch; componentgroups/finalizers: update; integrationtestscenarios: get list watch; \
             releaseplans: get list watch; releases: get list watch create; releases/status: patch; secrets: get",
        ),
        ("result-recorder", "pipelineruns: get list watch patch; taskruns: list; snapshots: get list watch patch"),
        (
            "status-reporter",
            "pipelineruns: get list watch patch; taskruns: list; repositories: get list watch; snapshots: get list watch patch; \
             snapshots/status: patch; components: get list watch; applications: get list watch; \
             componentgroups: get list watch; integrationtestscenarios: get list watch; secrets: get",
        ),
        ("gcl-aligner", "componentgroups: get list watch; componentgroups/status: patch"),
        (
            "app-regenerator",
            "snapshots: get list create; components: get list watch patch; applications: get list watch; \
             applications/finalizers: update",
        ),
    ];
    for (program, rights) in manifests::programs() {
        let row = table
            .iter()
            .find(|(name, _)| *name == program)
            .unwrap_or_else(|| panic!("{program} is not in the table"))
            .1;
        let allowed: BTreeSet<(String, String)> = row
            .split(';')
            .filter_map(|cell| cell.trim().split_once(": "))
            .flat_map(|(resource, verbs)| verbs.split(' ').map(move |verb| (resource.to_owned(), verb.to_owned())))
            .collect();
        for right in rights {
            for verb in right.verbs {
                let asked = (right.resource.to_owned(), (*verb).to_owned());
                assert!(
                    allowed.contains(&asked),
                    "{program} asks for `{verb}` on {}, which HC-20 does not give it",
                    right.resource
                );
            }
        }
    }
}
