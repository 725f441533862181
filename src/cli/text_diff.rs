//! What changed between two backups, as people and programs read it.

use indicatif::{HumanBytes, HumanCount};
use pgcoffer::{
    Result,
    agent::BackupDiff,
    backup::{Changes, DefinitionFate, NamedDefinition, Record, RoleState, TableChange},
    text::{Untrusted, bare_minute, counted},
};
use serde_json::json;

use super::{
    output::{Output, print, to_json},
    table::{Room, Table},
};

/// The most tables that are shown; JSON has all.
const TABLES_SHOWN: usize = 200;

/// The most definitions of one kind that are named; JSON has all.
const DEFINITIONS_SHOWN: usize = 50;

/// To how many columns the name of a table is cut on a narrow terminal.
const NAME_LEAST: usize = 24;

impl Output {
    pub(super) fn diff(self, diff: &BackupDiff) -> Result<()> {
        if self.json {
            let mut document = to_json(&diff.changes)?;
            document["from"] = backup_json(&diff.from);
            document["to"] = backup_json(&diff.to);
            return self.print_json(&document);
        }
        print(text(diff))
    }
}

fn backup_json(record: &Record) -> serde_json::Value {
    json!({ "id": record.id, "database": record.database, "started": record.started })
}

fn text(diff: &BackupDiff) -> String {
    let (from, to, changes) = (&diff.from, &diff.to, &diff.changes);
    let mut text = format!("From  {}\nTo    {}\n\n", backup_line(from), backup_line(to));
    if changes.is_empty() {
        let same = counted(HumanCount(changes.same_tables), "table");
        text.push_str(&format!(
            "Nothing changed: {same} with the same rows, and the same definitions.\n"
        ));
        return text;
    }
    text.push_str(&tables_text(changes));
    if let Some(objects) = changes.large_objects {
        let (from, to) = (objects.from, objects.to);
        text.push_str(&format!(
            "\nLarge objects: {} ({}), before {} ({})\n",
            HumanCount(to.count),
            HumanBytes(to.bytes),
            HumanCount(from.count),
            HumanBytes(from.bytes),
        ));
    }
    text.push_str(&definitions_text(changes));
    text.push_str(&globals_text(changes));
    if !changes.definitions.is_empty() && versions(from) != versions(to) {
        text.push_str(
            "\nThe server or pg_dump had another version for each of the two: definitions that nobody changed may\nbe \
             written in another way.\n",
        );
    }
    text
}

/// Roles that changed, and the names of settings of the database.
fn globals_text(changes: &Changes) -> String {
    let mut text = String::new();
    for one in &changes.roles {
        let name = one.name.identifier();
        text.push_str(&match (&one.from, &one.to) {
            (None, Some(to)) => format!("\nRole {name} is new: {}", role_state(to)),
            (Some(from), None) => format!("\nRole {name} is gone: it was {}", role_state(from)),
            (Some(from), Some(to)) if from == to => format!("\nRole {name} changed"),
            (Some(from), Some(to)) if role_state(from) == role_state(to) => {
                format!("\nRole {name} has other values of its settings")
            }
            (Some(from), Some(to)) => format!("\nRole {name}: {}, before {}", role_state(to), role_state(from)),
            (None, None) => continue,
        });
    }
    if !changes.settings.is_empty() {
        let names: Vec<String> = changes.settings.iter().map(Untrusted::identifier).collect();
        text.push_str(&format!("\nSettings of the database changed: {}", names.join(", ")));
    }
    match text.is_empty() {
        true => text,
        false => text + "\n",
    }
}

fn role_state(state: &RoleState) -> String {
    let mut parts = vec![match state.attributes.is_empty() {
        true => "no login".to_owned(),
        false => state.attributes.join(" "),
    }];
    let list = |names: &[Untrusted]| names.iter().map(Untrusted::identifier).collect::<Vec<_>>().join(", ");
    if !state.member_of.is_empty() {
        parts.push(format!("member of {}", list(&state.member_of)));
    }
    if !state.settings.is_empty() {
        parts.push(format!("settings {}", list(&state.settings)));
    }
    parts.join("; ")
}

fn backup_line(record: &Record) -> String {
    let (started, database) = (bare_minute(record.started), &record.database);
    format!("{}  {database}  {started} UTC", record.id)
}

fn versions(record: &Record) -> Option<(&Untrusted, &Untrusted)> {
    let source = record.source.as_ref()?;
    Some((&source.server.version, &source.client.version))
}

/// The tables that changed, those with the most bytes of change first.
fn tables_text(changes: &Changes) -> String {
    let same = counted(HumanCount(changes.same_tables), "table");
    if changes.tables.is_empty() {
        return format!("No table changed ({same} with the same rows).\n");
    }
    let mut tables: Vec<&TableChange> = changes.tables.iter().collect();
    tables.sort_by_key(|table| std::cmp::Reverse(bytes_of_change(table)));
    let mut table = Table::new(["TABLE", "ROWS BEFORE", "ROWS", "CHANGE", "SIZE"])
        .right(&[1, 2, 3, 4])
        .cut(0, NAME_LEAST);
    for one in tables.iter().take(TABLES_SHOWN) {
        add_table(&mut table, one);
    }
    let mut text = table.lines(Room::of_stdout(false)).to_string();
    if tables.len() > TABLES_SHOWN {
        let more = tables.len() - TABLES_SHOWN;
        text.push_str(&format!("… and {more} more with smaller changes; --json has all\n"));
    }
    let renamed = tables.iter().filter_map(|one| Some((one, one.renamed_from.as_ref()?)));
    for (one, (schema, name)) in renamed.take(TABLES_SHOWN) {
        let (is, was) = (table_name(&one.schema, &one.name), table_name(schema, name));
        text.push_str(&format!("\n{is} was {was} before: the same rows under another name"));
    }
    text.push('\n');
    let verb = if changes.same_tables == 1 { "holds" } else { "hold" };
    text.push_str(&format!("{same} {verb} the same rows in both.\n"));
    text
}

fn add_table(table: &mut Table, one: &TableChange) {
    let rows = |size: Option<pgcoffer::backup::TableSize>| {
        size.map_or_else(|| "-".to_owned(), |size| HumanCount(size.rows).to_string())
    };
    let size = one.to.or(one.from).map_or(0, |size| size.bytes);
    table.row([
        table_name(&one.schema, &one.name),
        rows(one.from),
        rows(one.to),
        change(one),
        HumanBytes(size).to_string(),
    ]);
}

fn table_name(schema: &Untrusted, name: &Untrusted) -> String {
    format!("{}.{}", schema.identifier(), name.identifier())
}

/// A definition by the name that pg_dump writes, which is none that SQL would quote.
fn definition_name(named: &NamedDefinition) -> String {
    match named.schema.is_empty() {
        true => named.name.to_string(),
        false => format!("{}.{}", named.schema, named.name),
    }
}

fn fate(change: DefinitionFate) -> &'static str {
    match change {
        DefinitionFate::New => "new",
        DefinitionFate::Gone => "gone",
        DefinitionFate::Edited => "edited",
    }
}

fn change(one: &TableChange) -> String {
    match (one.from, one.to) {
        (None, _) if one.renamed_from.is_some() => "renamed".to_owned(),
        (None, _) => "new".to_owned(),
        (_, None) => "gone".to_owned(),
        (Some(from), Some(to)) if to.rows > from.rows => format!("+{}", HumanCount(to.rows - from.rows)),
        (Some(from), Some(to)) if to.rows < from.rows => format!("-{}", HumanCount(from.rows - to.rows)),
        _ => "edited".to_owned(),
    }
}

fn bytes_of_change(one: &TableChange) -> u64 {
    let bytes = |size: Option<pgcoffer::backup::TableSize>| size.map_or(0, |size| size.bytes);
    bytes(one.from).abs_diff(bytes(one.to))
}

fn definitions_text(changes: &Changes) -> String {
    let mut text = String::new();
    if !changes.definitions.is_empty() {
        text.push_str("\nDefinitions that changed\n");
    }
    for one in &changes.definitions {
        let numbers = match one.from == one.to {
            true => format!("{}, at least one has another text", HumanCount(one.to)),
            false => format!("{}, before {}", HumanCount(one.to), HumanCount(one.from)),
        };
        text.push_str(&format!("  {}: {numbers}\n", one.kind));
        for named in one.named.iter().flatten().take(DEFINITIONS_SHOWN) {
            text.push_str(&format!("    {}: {}\n", definition_name(named), fate(named.change)));
        }
        let more = one.named.iter().flatten().count().saturating_sub(DEFINITIONS_SHOWN);
        if more > 0 {
            text.push_str(&format!("    … and {more} more; --json has all\n"));
        }
    }
    if changes.definitions.iter().any(|one| one.named.is_none()) {
        text.push_str("  (`--definitions` names them; it reads the tables of contents of both archives)\n");
    }
    if !changes.extensions.is_empty() {
        text.push_str("\nExtensions that changed\n");
    }
    for one in &changes.extensions {
        let line = match (&one.from, &one.to) {
            (Some(from), Some(to)) => format!("{to}, before {from}"),
            (Some(from), None) => format!("gone, before {from}"),
            (None, to) => format!("new{}", to.as_ref().map_or_else(String::new, |to| format!(", {to}"))),
        };
        text.push_str(&format!("  {}: {line}\n", one.name));
    }
    text
}
