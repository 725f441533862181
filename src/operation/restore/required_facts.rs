//! Which facts about a target are needed, depending on what is restored into it.

use std::collections::BTreeSet;

use super::{RestoreRequest, dependencies::is_extension_row, rules::ability, statement::name_after};
use crate::{archive::Entry, postgres::RequiredFacts};

/// The facts that are needed for these entries. A part can be restored into a database that is in use, of which every
/// object is looked at, and with `--data-only` into its tables.
pub(super) fn required_facts(entries: &[Entry], request: &RestoreRequest) -> RequiredFacts {
    let mut required = RequiredFacts {
        is_in_use: !request.only.is_empty(),
        takes_rows_into_own: request.data_only,
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
                let place = (entry.schema.raw().to_owned(), entry.name.raw().to_owned());
                required.with_rows.insert(place);
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
