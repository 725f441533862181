//! What is inside a backup: its tables, and what belongs to each. From the details and the archive's table of contents;
//! no rows are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::{
    part::{OpenedArchive, Road, open_part},
    partitions::is_attached,
    restore::is_part,
};
use crate::{
    archive::{Entry, LargeObjects},
    backup::{BackupId, Label, Record, TableFingerprint},
    catalog::Catalog,
    error::{Error, Result},
    text::Untrusted,
};

/// What is inside a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupContents {
    /// The backup's id.
    pub id: BackupId,
    /// The label of its database.
    pub database: Label,
    /// Its tables, in the order of the table of contents.
    pub tables: Vec<TableContents>,
    /// All large objects, which belong to no table; none where the details are lost.
    pub large_objects: Option<LargeObjects>,
    /// Why the archive's table of contents could not be read, so that nothing is said of what belongs to a table.
    pub no_table_of_contents: Option<String>,
}

/// One table of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableContents {
    /// Its schema.
    pub schema: Untrusted,
    /// Its name.
    pub name: Untrusted,
    /// Rows; none of what has no rows of its own in a dump (a partitioned or a foreign table), or where the details are
    /// lost.
    pub rows: Option<u64>,
    /// Bytes of its rows in COPY's text form.
    pub bytes: Option<u64>,
    /// Bytes of the archive in the bucket that its rows cost, at most: what restoring it alone reads, beside the table
    /// of contents.
    pub read_bytes: Option<u64>,
    /// The partitioned table that it is a partition of, as `SCHEMA.TABLE`.
    pub partition_of: Option<Untrusted>,
    /// How many of each kind belong to it and are restored with it, by pg_dump's words.
    pub parts: BTreeMap<String, usize>,
}

/// Kinds that every table has or that say nothing by themselves.
const UNCOUNTED: &[&str] = &[
    "TABLE DATA",
    "SEQUENCE OWNED BY",
    "SEQUENCE SET",
    "INDEX ATTACH",
    "STATISTICS DATA",
    "TABLE ATTACH",
];

/// The entries of the table of contents of a backup's archive. Reads the beginning of the archive.
///
/// # Errors
/// Any error of the bucket; [`Error::Cold`]; [`Error::Seal`] and [`Error::Differs`] if the archive is damaged.
pub async fn archive_entries(catalog: &Catalog, record: &Record) -> Result<Vec<Entry>> {
    Ok(open_part(catalog, record, true).await?.entries)
}

/// Lists what is inside a backup.
///
/// # Errors
/// What concerns every object: the bucket can't be reached, or takes no credentials; and where neither the details nor
/// the table of contents can be read.
pub async fn backup_contents(catalog: &Catalog, record: &Record) -> Result<BackupContents> {
    match open_part(catalog, record, true).await {
        Ok(archive) => of_archive(record, &archive),
        Err(error @ (Error::Cold { .. } | Error::Seal { .. } | Error::Differs { .. })) => {
            let Some(details) = catalog.known_details(record).await? else {
                return Err(error);
            };
            Ok(BackupContents {
                id: record.id.clone(),
                database: record.database.clone(),
                tables: details.tables.iter().map(TableContents::from).collect(),
                large_objects: Some(details.large_objects),
                no_table_of_contents: Some(error.to_string()),
            })
        }
        Err(error) => Err(error),
    }
}

impl From<&TableFingerprint> for TableContents {
    fn from(table: &TableFingerprint) -> Self {
        Self {
            schema: table.schema.clone(),
            name: table.name.clone(),
            rows: Some(table.rows),
            bytes: Some(table.bytes),
            read_bytes: None,
            partition_of: None,
            parts: BTreeMap::new(),
        }
    }
}

fn of_archive(record: &Record, archive: &OpenedArchive) -> Result<BackupContents> {
    let entries = &archive.entries;
    let (mut parts, partition_of) = (parts_by_table(entries), partitions(entries));
    let rows_by_table = rows_by_table(archive);
    let mut tables = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        if !["TABLE", "FOREIGN TABLE"].contains(&entry.kind.raw()) {
            continue;
        }
        let rows = rows_by_table.get(&entry.id).copied();
        tables.push(TableContents {
            schema: entry.schema.clone(),
            name: entry.name.clone(),
            rows: rows.as_ref().map(|(table, _)| table.rows),
            bytes: rows.as_ref().map(|(table, _)| table.bytes),
            read_bytes: match (rows, &archive.road) {
                (Some((_, id)), Road::Ranges(ranged)) => Some(ranged.cut.cost(&ranged.blocks(&BTreeSet::from([id])))?),
                _ => None,
            },
            partition_of: partition_of.get(&at).map(|parent| {
                let parent = &entries[*parent];
                format!("{}.{}", parent.schema.raw(), parent.name.raw()).into()
            }),
            parts: parts.remove(&at).unwrap_or_default(),
        });
    }
    Ok(BackupContents {
        id: record.id.clone(),
        database: record.database.clone(),
        tables,
        large_objects: archive.details.as_ref().map(|details| details.large_objects),
        no_table_of_contents: None,
    })
}

/// By the id of each table's entry: what the details say of its rows, and the id of the entry with them.
fn rows_by_table(archive: &OpenedArchive) -> HashMap<i32, (&TableFingerprint, i32)> {
    let details = archive.details.iter().flat_map(|details| &details.tables);
    let known: HashMap<_, _> = details.map(|table| ((&table.schema, &table.name), table)).collect();
    let with_rows = archive.entries.iter();
    let with_rows = with_rows.filter(|entry| entry.has_data && entry.kind == "TABLE DATA");
    let rows = with_rows.filter_map(|data| Some((data, *known.get(&(&data.schema, &data.name))?)));
    rows.flat_map(|(data, table)| data.needs.iter().map(move |id| (*id, (table, data.id))))
        .collect()
}

/// How many parts of each kind each table has, also those of its indexes and sequences.
fn parts_by_table(entries: &[Entry]) -> HashMap<usize, BTreeMap<String, usize>> {
    let by_id: HashMap<i32, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.id, at)).collect();
    // of each entry, the table that it belongs to
    let mut owner: HashMap<usize, usize> = HashMap::new();
    let is_table = |at: usize| ["TABLE", "FOREIGN TABLE"].contains(&entries[at].kind.raw());
    let mut grows = true;
    while grows {
        grows = false;
        for (at, entry) in entries.iter().enumerate() {
            if owner.contains_key(&at) || is_table(at) {
                continue;
            }
            // a foreign key needs two tables, and is a part of the one whose name it bears
            let needs = entry.needs.iter().filter_map(|id| by_id.get(id).copied());
            let needs = needs.filter(|need| is_part(entry, &entries[*need]));
            let mut tables = needs.filter_map(|need| match is_table(need) {
                true => Some(need),
                false => owner.get(&need).copied(),
            });
            let is_own = |table: &usize| match entry.kind.raw() {
                "FK CONSTRAINT" => entry
                    .name
                    .raw()
                    .starts_with(&format!("{} ", entries[*table].name.raw())),
                _ => true,
            };
            if let Some(table) = tables.find(is_own) {
                owner.insert(at, table);
                grows = true;
            }
        }
    }
    let mut parts: HashMap<usize, BTreeMap<String, usize>> = HashMap::new();
    for (part, table) in owner {
        let kind = entries[part].kind.raw();
        if !UNCOUNTED.contains(&kind) {
            *parts.entry(table).or_default().entry(kind.to_owned()).or_default() += 1;
        }
    }
    parts
}

/// Of each partition, the table that it is attached to.
fn partitions(entries: &[Entry]) -> HashMap<usize, usize> {
    let by_id: HashMap<i32, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.id, at)).collect();
    let attached = entries
        .iter()
        .filter(|entry| entry.kind == "TABLE ATTACH")
        .filter_map(|attach| {
            let needs = attach.needs.iter().filter_map(|id| by_id.get(id).copied());
            let (own, parents): (Vec<usize>, Vec<usize>) = needs.partition(|at| is_attached(attach, &entries[*at]));
            Some((*own.first()?, *parents.first()?))
        });
    attached.collect()
}
