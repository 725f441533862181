//! The exact commands that get a backup back.

use maud::{Markup, html};

use super::parts::{apart, command};
use crate::{
    backup::{Details, Record},
    text::shell_word,
};

/// How to get this backup back: into a new database, over the old one, one table, a file, and by hand.
pub(super) fn get_it_back(record: &Record, details: Option<&Details>) -> Markup {
    let id = &record.id;
    let database = record.source.as_ref().map_or_else(
        || record.database.to_string(),
        |source| source.server.database.raw().to_owned(),
    );
    let again = apart(&shell_word(&format!("{database}_again")));
    let table = details.and_then(|details| details.tables.iter().max_by_key(|table| table.bytes));
    let table = table.map_or_else(
        || "SCHEMA.TABLE".to_owned(),
        |table| shell_word(&format!("{}.{}", table.schema.identifier(), table.name.identifier())),
    );
    let table = apart(&table);
    html! {
        section.card #get-it-back {
            h2 { "Get it back" }
            p.small.soft { "Each command runs where the key is set. " code { "TARGET_URL" } " holds the URL of the database to restore into." }
            details open {
                summary { "Into a new database" }
                (command(&html! { "createdb " (again) "\npgcoffer restore " (id) " --to env:TARGET_URL --confirm " (again) }))
            }
            details {
                summary { "See first what would happen" }
                (command(&html! { "pgcoffer restore " (id) " --to env:TARGET_URL --preview" }))
            }
            details {
                summary { "One table only" }
                (command(&html! { "pgcoffer restore " (id) " --table " (table) " --to env:TARGET_URL --confirm " (again) }))
            }
            details {
                summary { "The rows of one table as CSV" }
                (command(&html! { "pgcoffer get " (id) " --table " (table) " --format csv -o rows.csv" }))
            }
            details {
                summary { "A file for pg_restore" }
                (command(&html! { "pgcoffer get " (id) " -o " (id) ".dump\npg_restore --list " (id) ".dump" }))
            }
            details {
                summary { "Without pgcoffer" }
                p {
                    "The key, openssl, zstd and the page " code { "restore-by-hand.md" } " beside the backups in the bucket are enough."
                    @if let Some(object) = record.object() { " The archive is " code { (object.key) } "." }
                }
            }
        }
    }
}
