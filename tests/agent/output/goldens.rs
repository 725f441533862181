//! What programs and people read, held against what was looked at.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::testbed::{Outcome, project};

#[track_caller]
pub(crate) fn assert_keys(value: &Value, keys: &str) {
    let object = value.as_object().unwrap_or_else(|| panic!("no object: {value}"));
    let found: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    let wanted: BTreeSet<&str> = keys.split_whitespace().collect();
    assert_eq!(found, wanted);
}

/// The text of a golden file; written anew where `PGCOFFER_UPDATE_GOLDEN` is 1.
#[track_caller]
pub(crate) fn assert_golden(name: &str, text: &str) {
    let file = project().join("tests/agent/golden").join(name);
    if std::env::var("PGCOFFER_UPDATE_GOLDEN").as_deref() == Ok("1") {
        std::fs::write(&file, text).unwrap();
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(
        text,
        golden,
        "differs from {} (PGCOFFER_UPDATE_GOLDEN=1 writes it anew)",
        file.display()
    );
}

/// What it says to people holds all these words.
#[track_caller]
pub(crate) fn assert_said(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "{word} is not in:\n{}", outcome.stderr);
    }
}
