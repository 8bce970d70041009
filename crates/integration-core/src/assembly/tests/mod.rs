use std::collections::BTreeMap;

use integration_api::ComponentGroup;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::testing::{blank, component, digest, entry, group, image};

const TIME: &str = "2025-01-01T00:00:00Z";

fn built(component: Component, version: &str, context: &str) -> BuiltComponent {
    let name = component.metadata.name.clone().unwrap();
    BuiltComponent {
        component: Arc::new(component),
        version: version.to_owned(),
        results: BuildResults {
            image: ImageReference::from_results(&format!("quay.io/org/{name}-new:tag"), &digest()).unwrap(),
            url: format!("https://git/{name}"),
            revision: "built".to_owned(),
            context: context.to_owned(),
        },
    }
}

fn sibling(name: &str, git: &Value, status: Value) -> Arc<Component> {
    Arc::new(component(name, json!({"git": git}), status))
}

fn good_sibling(name: &str) -> Arc<Component> {
    sibling(name, &json!({"url": "https://h/r", "revision": "main"}), json!({"lastPromotedImage": image(name)}))
}

fn names(assembled: &Assembled) -> Vec<String> {
    assembled.components.iter().map(|component| format!("{}/{}", component.name, component.version)).collect()
}

fn left_out(assembled: &Assembled) -> Vec<String> {
    assembled.left_out.iter().map(|left_out| format!("{}/{}", left_out.name, left_out.version)).collect()
}

// ---- Application model --------------------------------------------------------------------------------------------

// SC-115, SC-107, SC-B22; 02 E-60
#[test]
fn sc_115_usable_siblings_join_and_the_others_are_named() {
    let git = json!({"url": "https://h/r", "revision": "main"});
    let siblings = [
        good_sibling("c5"),
        sibling("c4", &json!({"url": "https://h/r"}), json!({"lastPromotedImage": image("c4")})),
        sibling("c3", &git, json!({"lastPromotedImage": "quay.io/org/c3:tag"})),
        sibling("c2", &git, json!({})),
        sibling("c6", &json!({"url": "", "revision": "main"}), json!({"lastPromotedImage": image("c6")})),
        Arc::new(component("c7", json!({"url": "https://h/r"}), json!({"lastPromotedImage": image("c7")}))),
    ];
    let assembled = application("app", &built(component("c1", json!({}), json!({})), "", ""), &siblings).unwrap();
    assert_eq!(names(&assembled), ["c1/", "c5/"]);
    assert_eq!(
        left_out_text(&assembled.left_out, OwnerKind::Application).unwrap(),
        "c2: no build of it was promoted yet, \
         c3: image \"quay.io/org/c3:tag\" has no digest, \
         c4: the Component has no git URL with a revision or a built commit, \
         c6: the Component has no git URL with a revision or a built commit, \
         c7: the Component has no git URL with a revision or a built commit"
    );
}

// SC-B22: the built component is always there, and the list of siblings does not change it.
#[test]
fn sc_b22_the_built_component_is_always_included() {
    let built = built(component("c1", json!({}), json!({})), "", "");
    let alone = application("app", &built, &[]).unwrap();
    let with_itself = application("app", &built, &[good_sibling("c1")]).unwrap();
    assert_eq!(alone, with_itself);
    assert_eq!(
        serde_json::to_value(&alone.components).unwrap(),
        json!([{
            "name": "c1", "containerImage": format!("quay.io/org/c1-new@{}", digest()),
            "source": {"git": {"url": "https://git/c1", "revision": "built"}},
        }])
    );
    assert_eq!(left_out_text(&alone.left_out, OwnerKind::Application), None);
}

// SC-115; 02 E-61
#[test]
fn sc_115_the_source_of_a_sibling_is_a_copy_at_the_built_commit() {
    let source = json!({
        "git": {"url": "https://h/r", "revision": "main", "context": "sub", "devfileUrl": "d", "dockerfileUrl": "f"},
        "url": "https://h/r", "versions": [{"name": "v", "revision": "r"}],
    });
    let status = json!({"lastPromotedImage": image("c2"), "lastBuiltCommit": "abc"});
    let siblings = [Arc::new(component("c2", source.clone(), status))];
    let assembled = application("app", &built(component("c1", json!({}), json!({})), "", ""), &siblings).unwrap();
    let mut expected = source;
    expected["git"]["revision"] = "abc".into();
    let copied = serde_json::to_value(&assembled.components[1]).unwrap();
    assert_eq!(copied, json!({"name": "c2", "containerImage": image("c2"), "source": expected}));
}

// SC-B22, TR-B24, AR-X8; 06 E-21
#[rstest]
#[case(json!({"url": "https://h/r"}), "abc", Some("abc"))]
#[case(json!({"url": "https://h/r", "revision": "main"}), "", Some("main"))]
#[case(json!({"url": "https://h/r"}), "", None)]
#[case(json!({"url": "", "revision": "main"}), "abc", None)]
#[case(Value::Null, "abc", None)]
fn sc_b22_a_sibling_needs_a_url_and_a_revision_or_commit(
    #[case] git: Value,
    #[case] commit: &str,
    #[case] revision: Option<&str>,
) {
    let siblings = [sibling("c2", &git, json!({"lastPromotedImage": image("c2"), "lastBuiltCommit": commit}))];
    let assembled = application("app", &built(component("c1", json!({}), json!({})), "", ""), &siblings).unwrap();
    let git = assembled.components.get(1).and_then(|component| component.source.git.as_ref());
    assert_eq!(git.map(|git| git.revision.as_str()), revision);
    assert_eq!(assembled.left_out.is_empty(), revision.is_some());
}

// SC-B22
#[test]
fn sc_b22_siblings_being_deleted_and_foreign_components_stay_out() {
    let mut dying = Component::clone(&good_sibling("c2"));
    dying.metadata.deletion_timestamp = Some(crate::testing::time(TIME).into());
    let mut foreign = Component::clone(&good_sibling("c3"));
    "other".clone_into(&mut foreign.spec.application);
    let siblings = [Arc::new(dying), Arc::new(foreign)];
    let assembled = application("app", &built(component("c1", json!({}), json!({})), "", ""), &siblings).unwrap();
    assert_eq!(names(&assembled), ["c1/"]);
    assert_eq!(left_out(&assembled), ["c2/"]);
}

// SC-B22: the order of the list does not show.
#[test]
fn sc_b22_components_are_sorted() {
    let built = built(component("m", json!({}), json!({})), "", "");
    let mut siblings = ["z", "a", "k"].map(good_sibling).to_vec();
    let assembled = application("app", &built, &siblings).unwrap();
    assert_eq!(names(&assembled), ["a/", "k/", "m/", "z/"]);
    siblings.reverse();
    assert_eq!(application("app", &built, &siblings).unwrap(), assembled);
}

// SC-102, API-176; 02 E-66
#[rstest]
#[case("sub", "v1", "sub")]
#[case("", "v1", "y")]
#[case("", "v2", "x")]
#[case("", "v3", "x")]
#[case("", "", "x")]
fn sc_102_context_of_the_built_component(#[case] annotation: &str, #[case] version: &str, #[case] expected: &str) {
    let source = json!({
        "git": {"url": "https://h/r", "context": "x"},
        "versions": [{"name": "v1", "revision": "r", "context": "y"}, {"name": "v2", "revision": "r"}],
    });
    let built = built(component("c1", source, json!({})), version, annotation);
    assert_eq!(built.to_snapshot_component().source.git.unwrap().context, expected);
}

// ---- ComponentGroup model -----------------------------------------------------------------------------------------

#[derive(Default)]
struct Namespace {
    groups: BTreeMap<String, Arc<ComponentGroup>>,
    components: BTreeMap<String, Arc<Component>>,
}

impl Namespace {
    fn with(mut self, name: &str, members: &[&str], list: &[Value]) -> Self {
        self.groups.insert(name.to_owned(), Arc::new(group(name, members, list)));
        self
    }

    fn with_component(mut self, component: Component) -> Self {
        self.components.insert(component.metadata.name.clone().unwrap(), Arc::new(component));
        self
    }

    /// The Snapshot of group `g` for a build of c1/v1.
    fn assemble(&self) -> Result<Assembled, AssemblyError> {
        let built = built(component("c1", json!({}), json!({})), "v1", "");
        component_group(
            &self.groups["g"],
            &|name| self.groups.get(name).cloned(),
            &|name| self.components.get(name).cloned(),
            &built,
        )
    }
}

// SC-120, SC-121, SC-122, SC-123, GA-6; 02 E-62
#[test]
fn sc_122_a_build_of_a_group() {
    let list = [entry("c1", "v1", "old", TIME), blank("c2", "v1"), entry("x", "v1", "junk", TIME)];
    let assembled = Namespace::default().with("g", &["c1/v1", "c2/v1"], &list).assemble().unwrap();
    assert_eq!(
        serde_json::to_value(&assembled.components).unwrap(),
        json!([{
            "name": "c1", "version": "v1", "containerImage": format!("quay.io/org/c1-new@{}", digest()),
            "source": {"git": {"url": "https://git/c1", "revision": "built"}},
        }])
    );
    assert_eq!(
        left_out_text(&assembled.left_out, OwnerKind::ComponentGroup).unwrap(),
        "c2 (version v1): no build of it was promoted yet"
    );
}

// SC-122, GA-6: the candidate is taken as it stands in the list; empty url and commit are accepted.
#[test]
fn sc_122_candidates_come_from_the_list() {
    let bare = json!({"name": "c3", "version": "v1", "lastPromotedImage": image("c3")});
    let invalid = json!({"name": "c4", "version": "v1", "lastPromotedImage": "quay.io/org/c4:tag"});
    let list = [entry("c2", "v1", "abc", TIME), bare, invalid];
    let assembled = Namespace::default().with("g", &["c2/v1", "c3/v1", "c4/v1", "c5/v1"], &list).assemble().unwrap();
    assert_eq!(
        serde_json::to_value(&assembled.components[1..]).unwrap(),
        json!([
            {
                "name": "c2", "version": "v1", "containerImage": image("c2"),
                "source": {"git": {"url": "https://git/c2", "revision": "abc"}},
            },
            {"name": "c3", "version": "v1", "containerImage": image("c3"), "source": {"git": {"url": ""}}},
        ])
    );
    assert_eq!(left_out(&assembled), ["c4/v1", "c5/v1"]);
}

// SC-B24: the list holds no context, the Component does; without Component there is none.
#[test]
fn sc_b24_siblings_keep_their_context() {
    let versioned =
        json!({"versions": [{"name": "v1", "revision": "r", "context": "y"}], "git": {"url": "u", "context": "x"}});
    let assembled = Namespace::default()
        .with("g", &["c2/v1", "c3/v1"], &[entry("c2", "v1", "abc", TIME), entry("c3", "v1", "abc", TIME)])
        .with_component(component("c2", versioned, json!({})))
        .assemble()
        .unwrap();
    let contexts: Vec<_> =
        assembled.components.iter().map(|component| component.source.git.clone().unwrap().context).collect();
    assert_eq!(contexts, ["", "y", ""]);
}

// SC-B22
#[test]
fn sc_b22_a_candidate_whose_component_is_being_deleted_stays_out() {
    let mut dying = component("c2", json!({}), json!({}));
    dying.metadata.deletion_timestamp = Some(crate::testing::time(TIME).into());
    let assembled = Namespace::default()
        .with("g", &["c2/v1"], &[entry("c2", "v1", "abc", TIME)])
        .with_component(dying)
        .assemble()
        .unwrap();
    assert_eq!(names(&assembled), ["c1/v1"]);
    assert_eq!(left_out(&assembled), ["c2/v1"]);
}

// SC-123; 02 E-63
#[test]
fn sc_123_other_versions_of_the_built_component_stay() {
    let list = [entry("c1", "", "old", TIME), entry("c1", "v2", "old", TIME)];
    let assembled = Namespace::default().with("g", &["c1/", "c1/v1", "c1/v2"], &list).assemble().unwrap();
    assert_eq!(names(&assembled), ["c1/", "c1/v1", "c1/v2"]);
    // Without a candidate, the nameless version is taken for the built one, another version is not.
    let list = [blank("c1", ""), blank("c1", "v1"), blank("c1", "v2")];
    let assembled = Namespace::default().with("g", &["c1/", "c1/v1", "c1/v2"], &list).assemble().unwrap();
    assert_eq!(names(&assembled), ["c1/v1"]);
    assert_eq!(left_out(&assembled), ["c1/v2"]);
}

// SC-123
#[test]
fn sc_123_the_built_component_joins_a_group_that_does_not_list_it() {
    let assembled = Namespace::default().with("g", &[], &[]).assemble().unwrap();
    assert_eq!(names(&assembled), ["c1/v1"]);
    assert_eq!(assembled.left_out, []);
}

fn image_commit(assembled: &Assembled, name: &str) -> String {
    let component = assembled.components.iter().find(|component| component.name == name).unwrap();
    component.source.git.clone().unwrap().revision
}

// SC-121; 02 E-64
#[test]
fn sc_121_parents_win_over_children_and_later_children_over_earlier_ones() {
    let assembled = Namespace::default()
        .with("g", &["group:n1", "a/v1", "group:n2"], &[entry("a", "v1", "parent", TIME)])
        .with(
            "n1",
            &["a/v1", "b/v1", "d/v1"],
            &[entry("a", "v1", "n1", TIME), entry("b", "v1", "n1", TIME), entry("d", "v1", "n1", TIME)],
        )
        .with("n2", &["b/v1"], &[entry("b", "v1", "n2", TIME)])
        .assemble()
        .unwrap();
    assert_eq!(names(&assembled), ["a/v1", "b/v1", "c1/v1", "d/v1"]);
    assert_eq!(image_commit(&assembled, "a"), "parent");
    assert_eq!(image_commit(&assembled, "b"), "n2");
    assert_eq!(image_commit(&assembled, "d"), "n1");
}

// SC-B22, TR-133; 02 E-94: only what is missing in the end is reported, and once.
#[test]
fn sc_b22_left_out_components_are_judged_after_merging() {
    let unpromoted = |url: &str| json!({"name": "c", "version": "v", "url": url});
    let assembled = Namespace::default()
        .with("g", &["group:n1", "group:n2", "a/v1", "b/v1"], &[entry("a", "v1", "p", TIME), blank("b", "v1")])
        .with("n1", &["a/v1", "b/v1", "c/v"], &[blank("a", "v1"), entry("b", "v1", "n", TIME), unpromoted("u1")])
        .with("n2", &["c/v"], &[unpromoted("u2")])
        .assemble()
        .unwrap();
    assert_eq!(names(&assembled), ["a/v1", "b/v1", "c1/v1"]);
    assert_eq!(left_out(&assembled), ["c/v"]);
}

// SC-121; 02 E-65, N-7, 03 §22 row 107
#[test]
fn sc_121_groups_that_contain_each_other_are_refused() {
    let namespace =
        Namespace::default().with("g", &["group:b"], &[]).with("b", &["group:c"], &[]).with("c", &["group:b"], &[]);
    let error = namespace.assemble().unwrap_err();
    assert_eq!(error.to_string(), "ComponentGroups contain each other in spec.components: g / b / c / b");
    assert_eq!(error.reason(), "nested_group");
    assert!(matches!(Namespace::default().with("g", &["group:g"], &[]).assemble(), Err(AssemblyError::Cycle { .. })));
}

// SC-121
#[test]
fn sc_121_a_diamond_is_no_cycle() {
    let assembled = Namespace::default()
        .with("g", &["group:l", "group:r"], &[])
        .with("l", &["group:x"], &[])
        .with("r", &["group:x"], &[])
        .with("x", &["a/v1"], &[entry("a", "v1", "x", TIME)])
        .assemble()
        .unwrap();
    assert_eq!(names(&assembled), ["a/v1", "c1/v1"]);
}

#[test]
fn sc_121_a_missing_nested_group_is_named() {
    let error = Namespace::default().with("g", &["group:gone"], &[]).assemble().unwrap_err();
    assert_eq!(error.to_string(), "nested ComponentGroup gone of spec.components does not exist: g / gone");
    assert_eq!(error.reason(), "nested_group");
}

/// Groups g, n1, …, each nested in the one before; `also` is a second nested group of g.
fn chain(depth: usize, also: Option<&str>) -> Namespace {
    let mut outermost: Vec<String> = also.map(|name| format!("group:{name}")).into_iter().collect();
    outermost.push("group:n1".to_owned());
    let members: Vec<&str> = outermost.iter().map(String::as_str).collect();
    let mut namespace = Namespace::default().with("g", &members, &[]);
    for level in 1..=depth {
        let next = format!("group:n{}", level + 1);
        let members = if level < depth { vec![next.as_str()] } else { vec![] };
        namespace = namespace.with(&format!("n{level}"), &members, &[]);
    }
    namespace
}

// SC-121, API-266
#[rstest]
#[case(15, None, true)]
#[case(16, None, false)]
// Reached over a shorter way first, the same groups are still too deep over the longer one.
#[case(16, Some("n2"), false)]
#[case(16, Some("n16"), false)]
#[case(15, Some("n15"), true)]
fn sc_121_groups_nest_15_levels_deep(#[case] depth: usize, #[case] also: Option<&str>, #[case] allowed: bool) {
    match chain(depth, also).assemble() {
        Ok(_) => assert!(allowed),
        Err(AssemblyError::TooDeep { .. }) => assert!(!allowed),
        Err(other) => panic!("{other}"),
    }
}

// Layers of groups that each list all groups of the next layer: 12^15 ways, but every group is read once.
#[test]
fn sc_121_many_ways_to_one_group_cost_one_visit() {
    let mut namespace = Namespace::default();
    let layer = |level: usize| (0..12).map(|index| format!("group:l{level}-{index}")).collect::<Vec<_>>();
    for level in 0..15 {
        let members = layer(level + 1);
        let members: Vec<&str> = if level < 14 { members.iter().map(String::as_str).collect() } else { vec!["a/v1"] };
        for index in 0..12 {
            namespace = namespace.with(&format!("l{level}-{index}"), &members, &[entry("a", "v1", "x", TIME)]);
        }
    }
    let members = layer(0);
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    assert_eq!(names(&namespace.with("g", &members, &[]).assemble().unwrap()), ["a/v1", "c1/v1"]);
}
