//! The rows of one table, without restoring anything.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use std::path::PathBuf;

use super::{
    Progress, RowFormat, TableName, Target,
    block_filter::BlockFilter,
    get::Output,
    part::{OpenedArchive, open_part},
    partitions::partitions_of,
    restore::copied_columns,
    table_rows::RowWriter,
};
use crate::{
    archive::{Entry, Field},
    backup::Record,
    catalog::Catalog,
    error::{Error, Result},
    text::Untrusted,
};

/// The rows of a table that were written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FetchedTable {
    /// The backup's id.
    pub id: String,
    /// The table's schema.
    pub schema: Untrusted,
    /// The table's name.
    pub name: Untrusted,
    /// Of a partitioned table, how many partitions the rows come from.
    pub partitions: usize,
    /// Rows written.
    pub rows: u64,
    /// The file; none for standard output.
    pub file: Option<PathBuf>,
    /// Bytes of the stored archive that were read, at most.
    pub read_bytes: u64,
    /// Bytes of the stored archive.
    pub stored_bytes: u64,
    /// Why the whole archive was read, where it was.
    pub whole_because: Option<String>,
}

/// Writes the rows of one table; of a partitioned one those of all its partitions. Reads the table of contents and the
/// table's own bytes, and compares the rows with what was dumped. Not restarted; safe to cancel.
///
/// # Errors
/// The first fault; no file is then left. [`Error::Usage`] where there is no such table, or it has no rows of its own.
pub async fn get_table(
    catalog: &Catalog,
    record: &Record,
    table: &TableName,
    format: RowFormat,
    target: &Target,
    progress: &Progress,
) -> Result<FetchedTable> {
    let archive = open_part(catalog, record, true).await?;
    let at = table.find(&archive.entries)?;
    let partitions = partitions_of(&archive.entries, at);
    let blocks = blocks(&archive, at, &partitions)?;
    let ids: BTreeSet<i32> = blocks.iter().map(|entry| entry.id).collect();
    let rows = rows(&blocks, format)?;
    let read = archive.read_bytes(&ids)?;
    let mut output = Output::begin(target)?;
    let mut filter = BlockFilter::rows(output.writer(), archive.layout, ids.clone(), rows);
    let written = async {
        let contents = archive.read_into(record, &ids, &mut filter, progress).await?;
        tokio::io::AsyncWriteExt::flush(&mut filter)
            .await
            .map_err(Error::Sink)?;
        Ok::<_, Error>(contents)
    };
    let contents = written.await.map_err(|error| output.named(error))?;
    let wanted: BTreeSet<(&Untrusted, &Untrusted)> = blocks.iter().map(|entry| (&entry.schema, &entry.name)).collect();
    let tables = contents.tables.iter();
    let entry = &archive.entries[at];
    Ok(FetchedTable {
        id: record.id.to_string(),
        schema: entry.schema.clone(),
        name: entry.name.clone(),
        partitions: partitions.len(),
        rows: tables
            .filter(|table| wanted.contains(&(&table.schema, &table.name)))
            .map(|table| table.rows)
            .sum(),
        file: output.end().await?,
        read_bytes: read.read,
        stored_bytes: read.of,
        whole_because: archive.whole_reason().map(|why| why.to_string()),
    })
}

/// The entries with the rows of the table, or of its partitions.
fn blocks<'a>(archive: &'a OpenedArchive, at: usize, partitions: &[usize]) -> Result<Vec<&'a Entry>> {
    let entry = &archive.entries[at];
    let tables: Vec<&Entry> = match partitions {
        [] => vec![entry],
        partitions => partitions.iter().map(|at| &archive.entries[*at]).collect(),
    };
    let is_of = |data: &Entry| {
        let mut tables = tables.iter();
        data.has_data && data.kind == "TABLE DATA" && tables.any(|table| data.needs.contains(&table.id))
    };
    let blocks: Vec<&Entry> = archive.entries.iter().filter(|entry| is_of(entry)).collect();
    match blocks.is_empty() {
        false => Ok(blocks),
        true => Err(Error::usage(
            format!("the backup holds no rows of {}", super::table_name::full_name(entry)),
            "rows of foreign tables, of unlogged tables on a standby and of tables that were left out are in no dump",
        )),
    }
}

/// What writes the rows of these blocks. Partitions may have their columns in another order.
fn rows(blocks: &[&Entry], format: RowFormat) -> Result<RowWriter> {
    let columns = column_names(blocks[0]);
    let mut orders = HashMap::new();
    for block in blocks {
        let own = column_names(block);
        if own == columns {
            continue;
        }
        let places = columns.iter().map(|name| own.iter().position(|own| own == name));
        let order: Option<Vec<usize>> = places.collect();
        let order = order.filter(|order| order.len() == own.len()).ok_or_else(|| {
            Error::usage(
                format!(
                    "{} has other columns than its sisters",
                    super::table_name::full_name(block)
                ),
                "get each partition by its own name",
            )
        })?;
        orders.insert(block.id, order);
    }
    Ok(RowWriter::new(format, columns, orders))
}

/// The names of the columns in the encoding of the archive.
fn column_names(block: &Entry) -> Vec<Vec<u8>> {
    let undecoded = block.undecoded.iter().find(|(field, _)| *field == Field::Copy);
    match undecoded {
        None => copied_columns(block.copy.raw())
            .into_iter()
            .map(String::into_bytes)
            .collect(),
        // a character for each byte, and back
        Some((_, bytes)) => {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            let names = copied_columns(&text).into_iter();
            let bytes = |name: String| {
                name.chars()
                    .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                    .collect()
            };
            names.map(bytes).collect()
        }
    }
}
