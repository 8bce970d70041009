use proptest::prelude::*;
use rstest::rstest;

use super::*;

const UID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[rstest]
#[case(
    Owner::application("application-sample"),
    "2025-11-09T13:04:05Z",
    0,
    "application-sample-20251109-130405-000-zjc7h"
)]
#[case(
    Owner::application("application-sample"),
    "2025-11-09T13:04:05Z",
    1,
    "application-sample-20251109-130405-000-juq62"
)]
#[case(
    Owner::component_group("application-sample"),
    "2025-11-09T13:04:05Z",
    0,
    "application-sample-20251109-130405-000-ijhag"
)]
#[case(
    Owner::component_group(format!("{}-bcd", "a".repeat(36))),
    "2025-01-01T00:00:00Z",
    0,
    &format!("{}-20250101-000000-000-glua4", "a".repeat(36))
)]
#[case(Owner::component_group("team.group"), "2025-01-01T00:00:00Z", 0, "team-group-20250101-000000-000-z5fyn")]
fn sc_b9_vectors_of_component_snapshot_names(
    #[case] owner: Owner,
    #[case] start: &str,
    #[case] k: u8,
    #[case] expected: &str,
) {
    assert_eq!(component_snapshot(&owner, time(start), UID, k), expected);
}

// SC-110, 01 §9 row 47: the date part of a name shows milliseconds.
#[test]
fn sc_110_the_date_is_utc_with_milliseconds() {
    assert_eq!(date(Timestamp::from_millisecond(1_762_693_445_123).unwrap()), "20251109-130405-123");
    assert_eq!(date(Timestamp::from_millisecond(1_735_689_600_123).unwrap()), "20250101-000000-123");
    assert_eq!(date(Timestamp::MIN).len(), "20250101-000000-000".len());
}

// API-B25: two builds of one Application that start in the same second get different names.
#[test]
fn api_b25_equal_starts_do_not_collide() {
    let owner = Owner::application("app");
    let start = time("2025-01-01T00:00:00Z");
    let names: std::collections::BTreeSet<_> =
        (0..100).map(|build| component_snapshot(&owner, start, &format!("uid-{build}"), 0)).collect();
    assert_eq!(names.len(), 100);
}

// 01 §9 row 48, 02 E-68: long owner names are cut, the date and the suffix never are.
#[test]
fn sc_b9_long_owner_names_are_cut() {
    let name = component_snapshot(&Owner::application("x".repeat(58)), time("2025-01-01T00:00:00Z"), UID, 0);
    assert_eq!(name.len(), 63);
    assert!(name.starts_with(&format!("{}-20250101-000000-000-", "x".repeat(37))), "{name}");
}

// API-270: k gives the next name, and each kind of object has names of its own.
#[test]
fn api_270_names_depend_on_every_cause() {
    let start = time("2025-01-01T00:00:00Z");
    let names = [
        group_snapshot("app", "o1", start, &["m1", "m2"], 0),
        group_snapshot("app", "o1", start, &["m1", "m2"], 1),
        group_snapshot("app", "o2", start, &["m1", "m2"], 0),
        group_snapshot("app", "o1", start, &["m1", "m3"], 0),
        parent_snapshot("app", "o1", start, "m1", 0),
        parent_snapshot("app", "o1", start, "m1", 1),
        regenerated_snapshot("app", "o1", start, &["m1", "m2"], 0),
    ];
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    assert!(names.iter().all(|name| name.starts_with("app-20250101-000000-000-") && name.len() == 29), "{names:?}");
    for (name, suffix) in [
        (group_snapshot("app", "o1", start, &["m2", "m1"], 0), "k34kn"),
        (parent_snapshot("app", "o1", start, "m1", 0), "lndvk"),
        (regenerated_snapshot("app", "o1", start, &["m2", "m1"], 0), "kxu3l"),
    ] {
        assert_eq!(name, format!("app-20250101-000000-000-{suffix}"));
    }
}

#[test]
fn tr_b49_test_pipeline_runs_are_named_after_scenario_and_attempt() {
    let first = test_pipeline_run("integration", "snapshot-uid", "integration", 1, 0);
    assert_eq!(first, "integration-ezzxec36");
    assert_ne!(first, test_pipeline_run("integration", "snapshot-uid", "integration", 2, 0));
    assert_ne!(first, test_pipeline_run("integration", "other-uid", "integration", 1, 0));
    // 03 §22.2 N-60: a generateName ends with a dash of its own.
    assert!(test_pipeline_run("g-", "snapshot-uid", "integration", 1, 0).starts_with("g-"));
    assert!(!test_pipeline_run("g-", "snapshot-uid", "integration", 1, 0).starts_with("g--"));
    // A 58-byte prefix is cut before the dash it would end with.
    let long = test_pipeline_run(&format!("{}-tail", "a".repeat(53)), "u", "s", 1, 0);
    assert!(long.starts_with(&format!("{}-", "a".repeat(53))) && long.len() == 53 + 9, "{long}");
}

#[test]
fn tr_b49_resolution_requests_are_named_after_scenario_and_try() {
    let first = resolution_request("snapshot-uid", "its", 1, 0);
    assert_eq!(first, "its-cusz2rq6");
    assert_ne!(first, resolution_request("snapshot-uid", "its", 1, 1));
}

// 01 §9 row 56, 03 §22 row 86
#[rstest]
#[case("snap", Some("imshahahaha"), "snap-imshaha-")]
#[case("snap", Some("abc"), "snap-abc-")]
#[case("snap", Some(""), "snap-")]
#[case("snap", None, "snap-")]
fn tr_b49_releases_show_the_beginning_of_the_commit(
    #[case] snapshot: &str,
    #[case] sha: Option<&str>,
    #[case] expected: &str,
) {
    let name = release(snapshot, sha, "uid", "plan", 0);
    assert_eq!(name, format!("{expected}2dp37"));
}

#[test]
fn tr_b49_a_long_snapshot_name_does_not_lose_the_hash_of_its_release() {
    let name = release(&"s".repeat(63), Some("0123456789"), "uid", "plan", 0);
    assert_eq!(name, format!("{}-2dp37", "s".repeat(57)));
}

#[test]
fn api_213_nudge_objects_end_with_twelve_digits() {
    assert_eq!(nudge_suffix(UID), "c812e1edb644");
    assert_eq!(nudge_suffix(""), "e3b0c44298fc");
}

#[rstest]
#[case("component", "component")]
#[case("", "")]
#[case("Merge_Request", "Merge_Request")]
fn api_b24_valid_values_stay(#[case] name: &str, #[case] expected: &str) {
    assert_eq!(label_value(name), expected);
}

#[test]
fn api_b24_long_names_end_with_a_hash() {
    let name = "n".repeat(64);
    let value = label_value(&name);
    assert_eq!(value, format!("{}-ce068a19", "n".repeat(54)));
    assert_eq!(value.len(), 63);
    assert_ne!(label_value(&"n".repeat(65)), value);
    assert_eq!(label_value(&"n".repeat(63)), "n".repeat(63));
}

fn is_dns_label(name: &str) -> bool {
    let outer = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(|char| outer(char) || char == '-')
        && name.starts_with(outer)
        && name.ends_with(outer)
}

fn is_object_name(name: &str) -> bool {
    name.len() <= 63 && name.split('.').all(is_dns_label)
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9.-]{0,80}", "\\PC{0,80}", "[-._]{0,70}"]
}

proptest! {
    // API-270
    #[test]
    fn api_270_snapshot_names_are_dns_labels(
        owner in any_name(), uid in "\\PC{0,40}", ms in -377_705_116_799_000_i64..253_402_207_200_000, k in 0..=LAST_K,
    ) {
        let start = Timestamp::from_millisecond(ms).unwrap();
        for name in [
            component_snapshot(&Owner::application(owner.as_str()), start, &uid, k),
            component_snapshot(&Owner::component_group(owner.as_str()), start, &uid, k),
            group_snapshot(&owner, &uid, start, &[&uid, &owner], k),
            parent_snapshot(&owner, &uid, start, &owner, k),
            regenerated_snapshot(&owner, &uid, start, &[&uid], k),
        ] {
            prop_assert!(is_dns_label(&name), "{name}");
        }
    }

    #[test]
    fn api_270_other_names_are_object_names(
        text in any_name(), sha in proptest::option::of(any_name()), attempt in any::<u32>(), k in 0..=LAST_K,
    ) {
        for name in [
            test_pipeline_run(&text, "uid", &text, attempt, k),
            resolution_request("uid", &text, attempt, 2),
            release(&text, sha.as_deref(), "uid", "plan", k),
        ] {
            prop_assert!(is_object_name(&name), "{name}");
        }
        if !text.contains('.') {
            prop_assert!(is_dns_label(&test_pipeline_run(&text, "uid", &text, attempt, k)));
        }
    }

    #[test]
    fn api_b24_label_values_are_valid_and_stable(name in any_name()) {
        let value = label_value(&name);
        prop_assert!(is_label_value(&value), "{value}");
        prop_assert_eq!(label_value(&value), value.as_ref());
    }
}
