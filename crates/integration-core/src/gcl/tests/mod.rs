use integration_api::keys;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::image::ImageReference;
use crate::testing::{blank, component, digest, entry, group, image, snapshot, snapshot_component, time};

const TEN: &str = "2025-08-13T10:00:00Z";
const LATER: &str = "2025-08-13T10:05:00Z";

/// A build of a/v1 from commit `new`, started at 10:00.
fn build() -> GclBuild {
    GclBuild {
        name: "a".to_owned(),
        version: "v1".to_owned(),
        url: "https://git/a".to_owned(),
        image: image("a"),
        commit: "new".to_owned(),
        start: Some(time(TEN)),
    }
}

fn decide_for(members: &[&str], list: &[Value]) -> GclDecision {
    decide(&group("g", members, &[]), list, &build())
}

// SC-B11, SC-79, GA-20 (checked inputs only), GA-21, GA-23, GA-24, GA-25, D-8; 06 E-12, E-13
#[rstest]
#[case(vec![blank("a", "v1")], GclDecision::Write(vec![entry("a", "v1", "new", TEN)]))]
#[case(vec![entry("a", "v1", "old", "2025-08-13T09:00:00Z")], GclDecision::Write(vec![entry("a", "v1", "new", TEN)]))]
#[case(vec![entry("a", "v1", "old", TEN)], GclDecision::Write(vec![entry("a", "v1", "new", TEN)]))]
#[case(vec![entry("a", "v1", "new", TEN)], GclDecision::Unchanged)]
// The same instant, spelled differently.
#[case(vec![entry("a", "v1", "new", "2025-08-13T12:00:00+02:00")], GclDecision::Unchanged)]
// 02 E-51, N-14; 06 E-11, E-90
#[case(vec![entry("a", "v1", "old", LATER)], GclDecision::Superseded)]
// GA-X6; 02 E-52, N-11; 06 E-14
#[case(vec![], GclDecision::Write(vec![entry("a", "v1", "new", TEN)]))]
#[case(vec![blank("a", "v2")], GclDecision::Write(vec![blank("a", "v2"), entry("a", "v1", "new", TEN)]))]
fn sc_b11_a_build_becomes_the_candidate(#[case] list: Vec<Value>, #[case] expected: GclDecision) {
    assert_eq!(decide_for(&["a/v1"], &list), expected);
}

// SC-B11, GA-22, GA-X6; 02 N-13
#[rstest]
#[case(&["a/v2", "b/v1"])]
#[case(&[])]
#[case(&["group:a"])]
fn sc_b11_only_members_are_written(#[case] members: &[&str]) {
    assert_eq!(decide_for(members, &[entry("a", "v1", "old", "2025-01-01T00:00:00Z")]), GclDecision::NotMember);
}

// SC-B11, GA-25: other entries come back byte for byte, duplicates and junk too, and nothing changes its place.
#[test]
fn sc_b11_other_entries_are_kept_byte_for_byte() {
    let list = [
        json!({"name": "z"}),
        json!("junk"),
        blank("a", "v1"),
        json!({"version": "v1", "name": "b", "future": {"x": 1}, "lastPromotedBuildTime": "2025-08-13T12:00:00+02:00"}),
        entry("a", "v1", "old", "2025-08-13T09:00:00Z"),
    ];
    let GclDecision::Write(written) = decide_for(&["a/v1"], &list) else { panic!("a write is due") };
    let bytes = |value: &Value| value.to_string();
    assert_eq!(written.len(), list.len());
    for index in [0, 1, 3, 4] {
        assert_eq!(bytes(&written[index]), bytes(&list[index]));
    }
    assert_eq!(written[2], entry("a", "v1", "new", TEN));
}

// GA-X9, GA-24: a build without start never replaces a timed entry; between untimed ones the later writer wins.
#[test]
fn ga_x9_an_unset_time_is_the_oldest() {
    let untimed = GclBuild { start: None, ..build() };
    let decide_untimed = |list: &[Value]| decide(&group("g", &["a/v1"], list), list, &untimed);
    assert_eq!(decide_untimed(&[entry("a", "v1", "old", "1971-01-01T00:00:00Z")]), GclDecision::Superseded);
    let GclDecision::Write(written) = decide_untimed(&[blank("a", "v1")]) else { panic!("a write is due") };
    assert_eq!(written[0].get("lastPromotedBuildTime"), None);
    assert_eq!(decide_untimed(&written), GclDecision::Unchanged);
}

// SC-B11: a duplicate behind the first entry does not hide a newer build.
#[test]
fn sc_b11_duplicates_do_not_hide_a_newer_build() {
    let list = [blank("a", "v1"), entry("a", "v1", "old", LATER)];
    assert_eq!(decide_for(&["a/v1"], &list), GclDecision::Superseded);
}

// API-57, API-58, GA-8
#[test]
fn ga_8_entries_carry_every_string_and_whole_seconds() {
    let fine = GclBuild { url: String::new(), start: Some(time("2025-08-13T10:00:00.75Z")), ..build() };
    let list = [json!({"name": "a", "version": "v1"})];
    let GclDecision::Write(written) = decide(&group("g", &["a/v1"], &list), &list, &fine) else {
        panic!("a write is due")
    };
    assert_eq!(
        written[0].to_string(),
        format!(
            r#"{{"name":"a","version":"v1","url":"","lastPromotedImage":"{}","lastPromotedCommit":"new","lastPromotedBuildTime":"{TEN}"}}"#,
            image("a")
        )
    );
    assert_eq!(decide(&group("g", &["a/v1"], &written), &written, &fine), GclDecision::Unchanged);
}

// API-57: entries that a program of the service wrote are the same bytes in a typed object.
#[test]
fn api_57_typed_entries_serialise_as_they_are_stored() {
    let list = [blank("b", "v1"), entry("a", "v1", "c", TEN)];
    let group = group("g", &["a/v1"], &list);
    let bytes = |list: &[Value]| list.iter().map(Value::to_string).collect::<Vec<_>>();
    assert_eq!(bytes(&entries(&group)), bytes(&list));
    assert_eq!(entries(&ComponentGroup::default()), Vec::<Value>::new());
}

// GA-4, GA-5, GA-6, GA-X1, GA-X2, GA-X3, GA-X13 (what is dropped is told); 06 E-1 … E-5, E-7, E-10
#[rstest]
#[case(&["a/main", "b/v1"], vec![], Some((vec![blank("a", "main"), blank("b", "v1")], vec![])))]
#[case(
    &["a/main", "b/v1"],
    vec![entry("a", "main", "x", TEN)],
    Some((vec![entry("a", "main", "x", TEN), blank("b", "v1")], vec![]))
)]
#[case(
    &["a/main", "b/v1"],
    vec![entry("a", "main", "x", TEN), blank("b", "v1"), entry("c", "main", "y", TEN)],
    Some((vec![entry("a", "main", "x", TEN), blank("b", "v1")], vec![entry("c", "main", "y", TEN)]))
)]
#[case(
    &["b/v1", "a/main"],
    vec![entry("a", "main", "x", TEN), blank("b", "v1")],
    Some((vec![blank("b", "v1"), entry("a", "main", "x", TEN)], vec![]))
)]
#[case(
    &["a/release"],
    vec![entry("a", "main", "x", TEN)],
    Some((vec![blank("a", "release")], vec![entry("a", "main", "x", TEN)]))
)]
#[case(&["group:child", "a/main"], vec![blank("child", ""), blank("a", "main")], Some((vec![blank("a", "main")], vec![blank("child", "")])))]
#[case(&[], vec![blank("a", "main")], Some((vec![], vec![blank("a", "main")])))]
#[case(&[], vec![], None)]
#[case(&["a/main"], vec![json!({"name": "a", "version": "main"})], None)]
// GA-X5: a stored list with duplicates is repaired.
#[case(
    &["a/main", "a/main"],
    vec![blank("a", "main"), entry("a", "main", "x", TEN), blank("a", "main")],
    Some((vec![entry("a", "main", "x", TEN)], vec![blank("a", "main"), blank("a", "main")]))
)]
fn ga_4_the_list_follows_the_spec(
    #[case] members: &[&str],
    #[case] list: Vec<Value>,
    #[case] expected: Option<(Vec<Value>, Vec<Value>)>,
) {
    let expected = expected.map(|(entries, dropped)| Aligned { entries, dropped });
    assert_eq!(ordered(&group("g", members, &list), &list), expected);
    if let Some(aligned) = expected {
        assert_eq!(ordered(&group("g", members, &aligned.entries), &aligned.entries), None);
    }
}

fn candidate(last_built: Option<&str>, promoted: &str, commit: &str) -> integration_api::Component {
    let mut component = component("a", json!({}), json!({"lastPromotedImage": promoted, "lastBuiltCommit": commit}));
    component.metadata.annotations =
        last_built.map(|time| [(keys::LAST_BUILT_TIME.to_owned(), time.to_owned())].into());
    component
}

// SC-B11, SC-77, SC-78, GA-30; 02 E-48, E-49, N-9, N-10. The build starts at 1000 s.
#[rstest]
#[case(Some("1001"), "", "", ComponentCandidate::Superseded)]
#[case(Some("1000"), &image("a"), "new", ComponentCandidate::Done)]
#[case(Some("1000"), &image("b"), "new", ComponentCandidate::Write { annotation: false, status: true })]
#[case(Some("1000"), &image("a"), "old", ComponentCandidate::Write { annotation: false, status: true })]
#[case(Some("999"), "", "", ComponentCandidate::Write { annotation: true, status: true })]
#[case(Some("999"), &image("a"), "new", ComponentCandidate::Write { annotation: true, status: false })]
#[case(Some("abc"), "", "", ComponentCandidate::Write { annotation: true, status: true })]
#[case(Some(""), "", "", ComponentCandidate::Write { annotation: true, status: true })]
#[case(None, "", "", ComponentCandidate::Write { annotation: true, status: true })]
fn sc_b11_candidate_of_a_component(
    #[case] last_built: Option<&str>,
    #[case] promoted: &str,
    #[case] commit: &str,
    #[case] expected: ComponentCandidate,
) {
    let image = ImageReference::parse(&image("a")).unwrap();
    let start = time("1970-01-01T00:16:40.9Z");
    assert_eq!(application_decide(&candidate(last_built, promoted, commit), &image, "new", start), expected);
}

// SC-78: an empty commit leaves the stored one alone.
#[test]
fn sc_78_an_empty_commit_is_not_written() {
    let image = ImageReference::parse(&image("a")).unwrap();
    let component = candidate(Some("1000"), &image.to_string(), "old");
    assert_eq!(application_decide(&component, &image, "", time("1970-01-01T00:16:40Z")), ComponentCandidate::Done);
}

fn git() -> Value {
    json!({"url": "https://git/a", "revision": "new"})
}

// TR-B15, D-26, GA-X12, GA-X11; 06 E-16
#[test]
fn tr_b15_an_override_replaces_and_adds_candidates() {
    let list = [entry("a", "v1", "old", "2025-08-13T09:00:00Z"), entry("b", "v1", "y", LATER)];
    let group = group("g", &["a/v1", "b/v1", "c/v1"], &list);
    let components = [
        snapshot_component("a", "v1", &image("a"), git()),
        snapshot_component("b", "v1", &image("z"), git()),
        snapshot_component("c", "v1", &image("c"), json!({"url": "https://git/c", "revision": "r"})),
        snapshot_component("d", "v1", &image("d"), git()),
    ];
    let decision = decide_override(&group, &list, &components, time(TEN));
    let expected = vec![entry("a", "v1", "new", TEN), entry("b", "v1", "y", LATER), entry("c", "v1", "r", TEN)];
    assert_eq!(decision.entries, Some(expected.clone()));
    assert_eq!(decision.newer, ["b (version v1)"]);
    assert_eq!(decision.not_members, ["d (version v1)"]);
    assert_eq!(decide_override(&group, &expected, &components, time(TEN)).entries, None);
}

// GA-X12, D-26: a build that began before the override cannot undo it.
#[test]
fn ga_x12_a_build_started_before_the_override_is_superseded() {
    let group = group("g", &["a/v1"], &[]);
    let overridden = decide_override(&group, &[], &[snapshot_component("a", "v1", &image("z"), git())], time(LATER))
        .entries
        .unwrap();
    assert_eq!(decide(&group, &overridden, &build()), GclDecision::Superseded);
}

// TR-B15, SC-143, API-B1; 03 §22 rows 99, 100, 109, N-55, N-56
#[rstest]
#[case(json!({}), vec![("a", "v1", image("a"), git())], &[])]
#[case(json!({keys::BUILD_PIPELINE_RUN: "b"}), vec![("a", "v1", image("a"), git())], &["made by a build"])]
#[case(json!({}), vec![("a", "v1", "quay.io/o/i:latest".to_owned(), Value::Null)], &["has no digest", "no git URL and revision"])]
#[case(json!({}), vec![("x", "v1", image("a"), git())], &["x (version v1) does not belong"])]
#[case(json!({}), vec![("a", "v1", image("a"), json!({"url": "https://git/a"}))], &["no git URL and revision"])]
#[case(json!({}), vec![("a", "v1", image("a"), git()), ("a", "v1", image("b"), git())], &["listed more than once"])]
fn tr_b15_override_problems(
    #[case] labels: Value,
    #[case] components: Vec<(&str, &str, String, Value)>,
    #[case] expected: &[&str],
) {
    let components: Vec<_> = components
        .into_iter()
        .map(|(name, version, image, git)| snapshot_component(name, version, &image, git))
        .collect();
    let problems =
        override_problems(&snapshot(labels, json!({}), json!([])), &components, &|component| component.name == "a");
    assert_eq!(problems.len(), expected.len(), "{problems:?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{problem}");
    }
}

#[test]
fn api_b1_the_uid_of_a_build_forbids_promotion_too() {
    let snapshot = snapshot(json!({}), json!({keys::BUILD_PIPELINE_RUN_UID: "u"}), json!([]));
    assert_eq!(override_problems(&snapshot, &[], &|_| true).len(), 1);
}

#[test]
fn sc_b12_a_build_is_listed_as_it_was_checked() {
    let image = ImageReference::from_results("quay.io/org/a:tag", &digest()).unwrap();
    let results =
        BuildResults { image, url: "https://git/a".to_owned(), revision: "new".to_owned(), context: String::new() };
    assert_eq!(GclBuild::new("a", "v1", &results, Some(time(TEN))), build());
}
