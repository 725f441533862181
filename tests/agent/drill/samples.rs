//! Databases that were not made for drills, on each ground.

use serde_json::Value;

use super::{
    findings,
    reserved::{assert_emptied, in_reserved},
};
use crate::{
    restore::ordinary_roles::all_that_is_ordinary,
    stage::Stage,
    testbed::{Agent, Outcome},
};

/// Names of every kind, texts that look like something else, rows that are equal.
const ODD: &str = include_str!("../../archives/odd.sql");

/// Fails if anything came back otherwise; what could not be compared.
#[track_caller]
fn not_compared(outcome: &Outcome) -> String {
    let json = outcome.json();
    let report: &Value = &json["drills"][0];
    assert_eq!(findings(report, "differences"), "", "{}", outcome.stderr);
    assert!([0, 9].contains(&outcome.code()), "{}", outcome.stderr);
    findings(report, "not_compared")
}

fn drill(agent: &Agent) -> Outcome {
    agent.run(["drill", "latest", "--json"])
}

fn odd_is_proven_on(major: Option<u32>) {
    let stage = Stage::on(major, ODD);
    stage.back_up();
    assert_eq!(not_compared(&drill(&stage.agent())), "");
    let (_, target) = stage.customers_target("");
    assert_eq!(not_compared(&drill(&in_reserved(&stage, &target))), "");
    assert_emptied(stage.cluster, &target.name);
}

#[test]
fn odd_names_and_texts_are_proven() {
    odd_is_proven_on(None);
}

#[test]
fn odd_names_and_texts_are_proven_on_postgresql_16() {
    odd_is_proven_on(Some(16));
}

#[test]
fn odd_names_and_texts_are_proven_on_postgresql_18() {
    odd_is_proven_on(Some(18));
}

fn ordinary_is_proven_on(major: Option<u32>) {
    let stage = all_that_is_ordinary(major);
    let agent = stage.agent().env("PGCOFFER_PG_BIN", stage.cluster.bin());
    agent.run(["backup"]).success();
    // columns of a child that a restore puts elsewhere
    let is_reordered = |line: &str| line.contains("its columns have another order");
    let named = not_compared(&drill(&agent));
    assert!(named.lines().all(is_reordered), "{named}");
    let (_, target) = stage.customers_target("");
    let named = not_compared(&drill(
        &in_reserved(&stage, &target).env("PGCOFFER_PG_BIN", stage.cluster.bin()),
    ));
    assert!(
        named.lines().all(|line| is_reordered(line) || line.contains("COMMENT")),
        "{named}"
    );
    assert_emptied(stage.cluster, &target.name);
}

#[test]
fn all_that_an_ordinary_role_may_make_is_proven() {
    ordinary_is_proven_on(None);
}

#[test]
fn all_that_an_ordinary_role_may_make_is_proven_on_postgresql_18() {
    ordinary_is_proven_on(Some(18));
}
