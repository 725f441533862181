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

/// The text of a golden file in `tests/agent/golden`. `INSTA_UPDATE=always` writes it anew.
pub(crate) fn assert_golden(name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(project().join("tests/agent/golden"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// What it says to people holds all these words.
#[track_caller]
pub(crate) fn assert_said(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "{word} is not in:\n{}", outcome.stderr);
    }
}
