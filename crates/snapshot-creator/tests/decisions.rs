//! Decisions as data: every file of `tests/cases` is a world and the plan it must lead to.
//!
//! ```yaml
//! says: what the case shows
//! base: application        # file of tests/bases the world starts from
//! now: 2025-11-09T13:10:05Z # optional, else the base's
//! world: {}                # JSON merge patch over the base: `null` removes
//! plan: {}                 # the whole plan
//! ```
//!
//! How plans are compared: [`decision_cases::compare`]. Head comments name further rules, and rows of 02 §10 (`E-…`,
//! `N-…`) and of 06 §10 (`06 E-…`).

#![allow(clippy::panic, clippy::unwrap_used)]

use decision_cases::{Cases, compare, merge_patch};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use snapshot_creator::decide::{World, decide};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    base: String,
    now: Option<Timestamp>,
    #[serde(default)]
    world: Value,
    plan: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    now: Timestamp,
    world: Value,
}

fn cases() -> Cases {
    Cases::of(env!("CARGO_MANIFEST_DIR"), 100)
}

#[test]
fn every_world_leads_to_its_plan() {
    let cases = cases();
    cases.check(|case: &Case| {
        let Base { now, mut world } = cases.base(&case.base);
        merge_patch(&mut world, &case.world);
        let world: World = serde_json::from_value(world).unwrap();
        compare(&case.plan, &decide(&world, case.now.unwrap_or(now)))
    });
}

#[test]
fn every_case_is_named_after_its_rule() {
    cases().assert_names(&["sc", "ga", "d"]);
}
