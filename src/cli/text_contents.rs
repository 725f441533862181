//! What is inside a backup, in words.

use indicatif::{HumanBytes, HumanCount};
use pgcoffer::{
    operation::{BackupContents, TableContents},
    text::{Untrusted, counted},
};

use super::table::{Room, Table};

/// One line for each table, and what else the backup holds.
pub(super) fn contents(contents: &BackupContents) -> String {
    let mut table = Table::new(["TABLE", "ROWS", "BYTES", "WITH IT"])
        .right(&[1, 2])
        .cut(3, 20);
    for one in &contents.tables {
        let figure = |number: Option<String>| number.unwrap_or_default();
        table.row([
            format!("{}.{}", one.schema.identifier(), one.name.identifier()),
            figure(one.rows.map(|rows| HumanCount(rows).to_string())),
            figure(one.bytes.map(|bytes| HumanBytes(bytes).to_string())),
            parts(one),
        ]);
    }
    let mut text = format!("{} of {}\n", contents.id, contents.database);
    if !contents.tables.is_empty() {
        text.push_str(&format!("\n{}\n", table.lines(Room::of_stdout(false))));
    }
    if let Some(objects) = contents.large_objects.filter(|objects| objects.count > 0) {
        text.push_str(&format!(
            "{}, {}, which belong to no table: --only large-objects\n",
            counted(HumanCount(objects.count), "large object"),
            HumanBytes(objects.bytes)
        ));
    }
    if let Some(why) = &contents.no_table_of_contents {
        text.push_str(&format!(
            "what belongs to each table is not known, as the table of contents can't be read: {}\n",
            Untrusted::from(why.as_str())
        ));
    }
    text.push_str("restore one by --table SCHEMA.TABLE; get its rows by `pgcoffer get ID --table SCHEMA.TABLE`\n");
    text
}

/// `2 indexes, 1 policy, partition of app.events`.
fn parts(table: &TableContents) -> String {
    let parts = table.parts.iter().map(|(kind, count)| part(kind, *count));
    let partition = table.partition_of.iter().map(|parent| format!("partition of {parent}"));
    partition.chain(parts).collect::<Vec<_>>().join(", ")
}

/// pg_dump's word in small letters, with its number.
fn part(kind: &str, count: usize) -> String {
    let noun = match kind {
        "FK CONSTRAINT" => "foreign key".to_owned(),
        "CONSTRAINT" => "key".to_owned(),
        "CHECK CONSTRAINT" => "check".to_owned(),
        "ACL" => "grant".to_owned(),
        // one for each table at the most
        "ROW SECURITY" => return "row security".to_owned(),
        kind => kind.to_lowercase(),
    };
    let noun = Untrusted::from(noun).to_string();
    match (count, noun.as_str()) {
        (1, _) => format!("1 {noun}"),
        (_, "index") => format!("{count} indexes"),
        (_, "policy") => format!("{count} policies"),
        (_, "statistics") => format!("{count} statistics"),
        _ => format!("{count} {noun}s"),
    }
}
