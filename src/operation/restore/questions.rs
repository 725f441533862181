//! Which facts about a target are needed, depending on what is restored into it.

use std::collections::BTreeSet;

use super::{rules::ability, ties::is_orphan, words::name_behind};
use crate::{archive::Entry, postgres::Questions};

/// The facts that are needed for these entries.
pub(super) fn questions(entries: &[Entry]) -> Questions {
    let mut questions = Questions::default();
    let ids: BTreeSet<i32> = entries.iter().map(|entry| entry.id).collect();
    for entry in entries {
        let ability = match entry.kind.raw() {
            "EXTENSION" => {
                let schema = name_behind("schema", entry.definition.raw());
                questions.extensions.insert(entry.name.raw().to_owned(), schema);
                continue;
            }
            "SECURITY LABEL" => {
                questions
                    .label_providers
                    .extend(name_behind("for", entry.definition.raw()));
                continue;
            }
            "TABLE DATA" => {
                questions.has_rows_of_extensions |= is_orphan(entry, &ids);
                continue;
            }
            _ => match ability(entry) {
                Some(ability) => ability,
                None => continue,
            },
        };
        questions.abilities.insert(ability);
    }
    questions
}
