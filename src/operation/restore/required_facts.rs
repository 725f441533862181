//! Which facts about a target are needed, depending on what is restored into it.

use std::collections::BTreeSet;

use super::{dependencies::is_extension_row, rules::ability, statement::name_after};
use crate::{archive::Entry, postgres::RequiredFacts};

/// The facts that are needed for these entries. A part can be restored into a database that is in use, of which every
/// object is looked at.
pub(super) fn required_facts(entries: &[Entry], is_part: bool) -> RequiredFacts {
    let mut required = RequiredFacts {
        is_in_use: is_part,
        ..RequiredFacts::default()
    };
    let ids: BTreeSet<i32> = entries.iter().map(|entry| entry.id).collect();
    for entry in entries {
        let ability = match entry.kind.raw() {
            "EXTENSION" => {
                let schema = name_after("schema", entry.definition.raw());
                required.extensions.insert(entry.name.raw().to_owned(), schema);
                continue;
            }
            "SECURITY LABEL" => {
                required
                    .label_providers
                    .extend(name_after("for", entry.definition.raw()));
                continue;
            }
            "TABLE DATA" => {
                required.has_rows_of_extensions |= is_extension_row(entry, &ids);
                continue;
            }
            _ => match ability(entry) {
                Some(ability) => ability,
                None => continue,
            },
        };
        required.abilities.insert(ability);
    }
    required
}
