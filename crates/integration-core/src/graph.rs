//! Directed graphs of tests and nudges (API-240 … API-245).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use integration_api::component_group::TestGraphParent;
use integration_api::nudge_config::Nudge;

/// `spec.testGraph`: a scenario and the scenarios it runs after. Names that only appear as parents are allowed.
pub type TestGraph = BTreeMap<String, Vec<TestGraphParent>>;

/// A way through a graph that ends where it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The nodes on the way; the first one is repeated at the end.
    pub path: Vec<String>,
}

/// `cycle detected: a -> b -> a` (API-242).
impl fmt::Display for Cycle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cycle detected: {}", self.path.join(" -> "))
    }
}

/// The first cycle of a graph (API-242): depth first, nodes and neighbours in byte order.
pub fn cycle<'a>(edges: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Cycle> {
    let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(from).or_default().insert(to);
    }
    let neighbours = |node: &str| graph.get(node).into_iter().flatten().copied();
    let mut done = BTreeSet::new();
    for start in graph.keys().copied() {
        if done.contains(start) {
            continue;
        }
        // Not recursive: the length of a chain is a tenant's.
        let mut path = vec![(start, neighbours(start))];
        let mut on_path = BTreeSet::from([start]);
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            match rest.next() {
                None => {
                    done.insert(node);
                    on_path.remove(node);
                    path.pop();
                }
                Some(next) if on_path.contains(next) => {
                    let nodes = path.iter().map(|(node, _)| *node).skip_while(|node| *node != next).chain([next]);
                    return Some(Cycle { path: nodes.map(str::to_owned).collect() });
                }
                Some(next) if !done.contains(next) => {
                    on_path.insert(next);
                    path.push((next, neighbours(next)));
                }
                Some(_) => {}
            }
        }
    }
    None
}

/// Edges of a test graph, from a scenario to each scenario it runs after (API-240).
pub fn test_edges(graph: &TestGraph) -> impl Iterator<Item = (&str, &str)> {
    graph.iter().flat_map(|(child, parents)| parents.iter().map(|parent| (child.as_str(), parent.name.as_str())))
}

/// Edges of a nudge graph, from the built Component to the updated one (API-241).
pub fn nudge_edges(nudges: &[Nudge]) -> impl Iterator<Item = (&str, &str)> {
    nudges.iter().map(|nudge| (nudge.from.as_str(), nudge.to.as_str()))
}

/// What each scenario of the graph runs after (API-243, TR-94): its parents among the scenarios that apply, in their
/// order; nothing for a scenario that does not apply itself.
pub fn run_after(graph: &TestGraph, applicable: &[&str]) -> BTreeMap<String, Vec<String>> {
    let applies = |name: &str| applicable.contains(&name);
    let parents = |child: &str, parents: &[TestGraphParent]| {
        let names = parents.iter().map(|parent| parent.name.as_str()).filter(|name| applies(child) && applies(name));
        names.map(str::to_owned).collect()
    };
    graph.iter().map(|(child, list)| (child.clone(), parents(child, list))).collect()
}

/// Whether the scenario must not run after a failure of this parent (API-244): the first edge between them decides.
pub fn fail_fast(graph: &TestGraph, scenario: &str, parent: &str) -> bool {
    let parents = graph.get(scenario).into_iter().flatten();
    parents.filter(|edge| edge.name == parent).map(|edge| edge.fail_fast).next().unwrap_or_default()
}

/// How far a scenario of a Snapshot is, as the cascade sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Not started; waits for these scenarios (the entry's `runAfter`).
    Waiting(&'a [String]),
    /// Started, not final.
    Running,
    /// Final and passed, warnings included.
    Passed,
    /// Final and not passed.
    Failed,
}

/// A scenario that is skipped because a required parent failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The scenario.
    pub scenario: String,
    /// The parent that failed or was skipped.
    pub parent: String,
}

/// Scenarios that fail with a parent they need (API-245, TR-B14): breadth first from the failed ones, over edges with
/// `failFast`. Only waiting scenarios that still wait for that parent are touched: a started one runs to its end, a
/// final one keeps its result. Scenarios without entry are no part of the Snapshot and are not followed.
pub fn cascade(graph: &TestGraph, entries: &BTreeMap<&str, Progress<'_>>) -> Vec<Skipped> {
    let mut children: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (child, parent) in test_edges(graph).filter(|(child, parent)| fail_fast(graph, child, parent)) {
        children.entry(parent).or_default().insert(child);
    }
    let failed = entries.iter().filter(|(_, progress)| **progress == Progress::Failed);
    let mut queue: VecDeque<&str> = failed.map(|(scenario, _)| *scenario).collect();
    let mut skipped: Vec<Skipped> = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(parent) = queue.pop_front() {
        for child in children.get(parent).into_iter().flatten().copied() {
            let waits = matches!(entries.get(child), Some(Progress::Waiting(run_after)) if run_after.iter().any(|name| name == parent));
            if waits && seen.insert(child) {
                skipped.push(Skipped { scenario: child.to_owned(), parent: parent.to_owned() });
                queue.push_back(child);
            }
        }
    }
    skipped
}

#[cfg(test)]
mod tests;
