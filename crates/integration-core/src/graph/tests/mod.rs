use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// From `child: parent parent!; child: …`, where `!` stands for failFast.
fn graph(text: &str) -> TestGraph {
    let parent =
        |text: &str| TestGraphParent { name: text.trim_end_matches('!').to_owned(), fail_fast: text.ends_with('!') };
    text.split("; ")
        .filter_map(|child| child.split_once(':'))
        .map(|(child, parents)| (child.to_owned(), parents.split_whitespace().map(parent).collect()))
        .collect()
}

// API-240, API-242; 01 §9 rows 26, 27
#[rstest]
#[case("", None)]
#[case("a:", None)]
#[case("a: unknown", None)]
#[case("b: a; c: a b", None)]
#[case("a: a", Some("cycle detected: a -> a"))]
#[case("a: b; b: c; c: a", Some("cycle detected: a -> b -> c -> a"))]
#[case("a: z b; b: a; z: z", Some("cycle detected: a -> b -> a"))]
// A diamond is no cycle, and the way to the cycle is not part of it.
#[case("d: b c; b: a; c: a", None)]
fn api_242_cycles_of_a_test_graph(#[case] edges: &str, #[case] expected: Option<&str>) {
    let found = cycle(test_edges(&graph(edges))).map(|cycle| cycle.to_string());
    assert_eq!(found.as_deref(), expected);
}

// API-241, API-242
#[rstest]
#[case(&[("z", "b"), ("b", "c"), ("c", "b")], Some("cycle detected: b -> c -> b"))]
#[case(&[("a", "b"), ("b", "c"), ("c", "b")], Some("cycle detected: b -> c -> b"))]
#[case(&[("a", "b"), ("a", "c")], None)]
fn api_241_cycles_of_a_nudge_graph(#[case] edges: &[(&str, &str)], #[case] expected: Option<&str>) {
    let nudges: Vec<_> = edges
        .iter()
        .map(|(from, to)| Nudge { from: (*from).to_owned(), to: (*to).to_owned(), ..Nudge::default() })
        .collect();
    let found = cycle(nudge_edges(&nudges)).map(|cycle| cycle.to_string());
    assert_eq!(found.as_deref(), expected);
}

#[test]
fn api_242_long_chains_do_not_exhaust_the_stack() {
    let names: Vec<_> = (0..50_000).map(|index| format!("n{index:05}")).collect();
    let edges = || names.iter().zip(names.iter().skip(1)).map(|(from, to)| (from.as_str(), to.as_str()));
    assert_eq!(cycle(edges()), None);
    let found = cycle(edges().chain([(names[49_999].as_str(), names[1].as_str())])).unwrap();
    assert_eq!(found.path.len(), 50_000);
}

proptest! {
    // API-242: what is found is a way along edges that ends where it began; what is not found is not there.
    #[test]
    fn api_242_a_cycle_follows_edges(edges in proptest::collection::vec(("[a-f]", "[a-f]"), 0..12)) {
        let pairs: Vec<_> = edges.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        if let Some(Cycle { path }) = cycle(pairs.iter().copied()) {
            prop_assert_eq!(path.first(), path.last());
            for step in path.windows(2) {
                prop_assert!(pairs.contains(&(step[0].as_str(), step[1].as_str())));
            }
        } else {
            // Without a cycle everything can be removed leaf by leaf.
            let mut rest = pairs.clone();
            while !rest.is_empty() {
                let before = rest.len();
                let sources: BTreeSet<_> = rest.iter().map(|(from, _)| *from).collect();
                rest.retain(|(_, to)| sources.contains(to));
                prop_assert!(rest.len() < before, "{pairs:?}");
            }
        }
    }
}

// API-243, TR-94; 03 §22 rows 42, 43
#[test]
fn api_243_scenarios_wait_for_parents_that_apply() {
    let graph = graph("b: z a missing; d: missing; e: a");
    let map = run_after(&graph, &["a", "b", "d", "z"]);
    let expected: BTreeMap<String, Vec<String>> = [("b", vec!["z", "a"]), ("d", vec![]), ("e", vec![])]
        .map(|(child, parents)| (child.to_owned(), parents.into_iter().map(str::to_owned).collect()))
        .into();
    assert_eq!(map, expected);
    assert!(run_after(&graph, &[]).values().all(Vec::is_empty));
    assert!(run_after(&TestGraph::new(), &["a"]).is_empty());
}

// API-244
#[test]
fn api_244_the_first_edge_decides() {
    let graph = graph("b: a! a c");
    assert!(fail_fast(&graph, "b", "a"));
    assert!(!fail_fast(&graph, "b", "c"));
    assert!(!fail_fast(&graph, "b", "x"));
    assert!(!fail_fast(&graph, "x", "a"));
}

/// Runs the cascade; `waiting` scenarios wait for all of their parents.
fn cascaded(graph: &TestGraph, entries: &[(&str, &str)]) -> Vec<String> {
    let run_after: BTreeMap<_, _> = graph
        .iter()
        .map(|(child, parents)| (child.as_str(), parents.iter().map(|parent| parent.name.clone()).collect::<Vec<_>>()))
        .collect();
    let nothing = Vec::new();
    let entries = entries
        .iter()
        .map(|(scenario, progress)| {
            let progress = match *progress {
                "waiting" => Progress::Waiting(run_after.get(scenario).unwrap_or(&nothing)),
                "waiting-for-nothing" => Progress::Waiting(&[]),
                "running" => Progress::Running,
                "passed" => Progress::Passed,
                _ => Progress::Failed,
            };
            (*scenario, progress)
        })
        .collect();
    cascade(graph, &entries).iter().map(|Skipped { scenario, parent }| format!("{parent}>{scenario}")).collect()
}

// API-245, TR-95, TR-B14; 03 §22 rows 39 … 41, 44
#[rstest]
#[case("b: a!", &[("a", "failed"), ("b", "waiting")], &["a>b"])]
#[case("b: a!; c: b!; d: b", &[("a", "failed"), ("b", "waiting"), ("c", "waiting"), ("d", "waiting")], &["a>b", "b>c"])]
#[case("b: a", &[("a", "failed"), ("b", "waiting")], &[])]
#[case("b: a!", &[("a", "passed"), ("b", "waiting")], &[])]
#[case("b: a!", &[("a", "running"), ("b", "waiting")], &[])]
#[case("b: a!; c: b!", &[("a", "failed"), ("b", "passed"), ("c", "waiting")], &[])]
// TR-B14 (d): a started test is not marked as skipped.
#[case("b: a!; c: b!", &[("a", "failed"), ("b", "running"), ("c", "waiting")], &[])]
// Without an entry a scenario is no part of the Snapshot.
#[case("b: a!; c: b!", &[("a", "failed"), ("c", "waiting")], &[])]
#[case("b: a!", &[("b", "waiting")], &[])]
// 03 N-16: a scenario that was asked for directly does not wait and is not skipped.
#[case("b: a!", &[("a", "failed"), ("b", "waiting-for-nothing")], &[])]
// Two failed parents: one report, naming the first.
#[case("c: b! a!", &[("a", "failed"), ("b", "failed"), ("c", "waiting")], &["a>c"])]
// What was skipped before cascades again to those that wait.
#[case("b: a!; c: b!", &[("a", "failed"), ("b", "failed"), ("c", "waiting")], &["b>c"])]
// The walk ends on a cycle.
#[case("a: b!; b: a!; c: c!", &[("a", "failed"), ("b", "waiting"), ("c", "waiting")], &["a>b"])]
fn api_245_cascade(#[case] edges: &str, #[case] entries: &[(&str, &str)], #[case] expected: &[&str]) {
    assert_eq!(cascaded(&graph(edges), entries), expected);
}
