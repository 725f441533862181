//! Finds functions whose bodies name the schema of an extension that the target doesn't have.
//!
//! PostgreSQL keeps a function's body as text and reads it only when the function runs. So neither the table of
//! contents nor a server records what a function uses. Names qualified by a schema can be found in the text; names that
//! depend on the `search_path` can't.

use super::{
    plan::{ADMIN_EXTENSIONS, RestorePlan},
    reason::SkipReason,
    statement::name_after,
};
use crate::{postgres::TargetFacts, text::Untrusted};

/// The number of functions that a remark names.
const NAMED: usize = 3;

impl RestorePlan {
    /// Adds a remark for functions that name the schema of an extension that is not restored, or that is in another
    /// schema in the target.
    pub(super) fn find_missing_extensions_in_bodies(&mut self, facts: &TargetFacts) {
        let mut remarks = Vec::new();
        for (entry, reason) in self.entries.iter().zip(&self.reasons) {
            let Some(reason) = reason.as_ref().filter(|_| entry.kind == "EXTENSION") else {
                continue;
            };
            let schema = name_after("schema", entry.definition.raw());
            let there = facts.extensions.get(entry.name.raw());
            let is_there = there.is_some_and(|there| Some(&there.schema) == schema.as_ref());
            let Some(schema) = schema.filter(|_| !is_there) else {
                continue;
            };
            let name = &entry.name;
            // if the schema holds other objects too, functions that name it may mean those
            let is_shared = self.kept_entries().any(|kept| {
                kept.schema.raw() == schema
                    || (kept.kind == "EXTENSION"
                        && name_after("schema", kept.definition.raw()).as_ref() == Some(&schema))
            });
            let functions = match is_shared && ADMIN_EXTENSIONS.contains(&name.raw()) {
                true => Vec::new(),
                false => self.functions_that_name(&schema),
            };
            let remark = match functions.as_slice() {
                [] if ADMIN_EXTENSIONS.contains(&name.raw()) || matches!(reason, SkipReason::Platform(_)) => {
                    continue;
                }
                [] if self.has_functions() => format!(
                    "the extension {name} is missing in the target; PostgreSQL finds out only when a function runs \
                     whether its body uses the extension"
                ),
                [] => continue,
                functions => format!(
                    "the extension {name} is missing in the schema {} of the target; these functions name that schema \
                     and may fail: {}",
                    Untrusted::from(schema).identifier(),
                    listed(functions)
                ),
            };
            remarks.push(remark);
        }
        self.body_remarks = remarks;
    }

    fn has_functions(&self) -> bool {
        self.kept_entries().any(|entry| is_function(entry.kind.raw()))
    }

    fn functions_that_name(&self, schema: &str) -> Vec<String> {
        let names = |text: &str| {
            is_qualifier(text, schema) || is_qualifier(text, &format!("\"{}\"", schema.replace('"', "\"\"")))
        };
        self.kept_entries()
            .filter(|entry| is_function(entry.kind.raw()) && entry.schema.raw() != schema)
            .filter(|entry| schema != "public" && names(entry.definition.raw()))
            .map(|entry| format!("{}.{}", entry.schema, entry.name))
            .collect()
    }
}

fn is_function(kind: &str) -> bool {
    ["FUNCTION", "PROCEDURE"].contains(&kind)
}

fn listed(functions: &[String]) -> String {
    let some = functions.iter().take(NAMED).cloned();
    let mut names: Vec<String> = some.collect();
    if functions.len() > NAMED {
        names.push(format!("{} more", functions.len() - NAMED));
    }
    names.join(", ")
}

/// Whether the name appears as a whole word before a dot.
fn is_qualifier(text: &str, name: &str) -> bool {
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '"';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let behind = text[at + name.len()..].trim_start();
        behind.starts_with('.') && !before.is_some_and(|c| is_of_a_word(c) || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qualifier_is_a_whole_word_before_a_dot() {
        assert!(is_qualifier("select vault.read(1)", "vault"));
        assert!(is_qualifier("perform \"My s\" . f()", "\"My s\""));
        for text in [
            "select my_vault.read(1)",
            "vault",
            "t.vault.x",
            "vaults.f()",
            "\"vault\".f()",
        ] {
            assert!(!is_qualifier(text, "vault"), "{text}");
        }
    }
}
