use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    BackupId, Counts, Failure, Globals, Label, Reason, Record, Status,
    lists::{Length, few},
    reason::few_reasons,
};
use crate::{
    archive::{Contents, Definitions, Fingerprint, LargeObjects, TableData},
    seal::RepositoryId,
    text::{Untrusted, counted},
};

/// The version of the shape of details that this program writes.
pub const DETAILS_VERSION: u32 = 1;

/// Bytes of JSON that are read at once.
const READ_BYTES: usize = 64 << 10;

/// What is inside a backup: everything that names a part of the database. Sealed beside the entry and written before
/// it, compressed with zstd, since it grows with the number of tables and with the length of the dump.
///
/// A backup whose details are lost can be restored all the same; what it held can then be compared only by the numbers
/// in its entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The error of a run that failed: what failed, on what, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Untrusted>,
    /// What cures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Untrusted>,
    /// Warnings of pg_dump and of the run.
    #[serde(default, deserialize_with = "few")]
    pub warnings: Vec<Untrusted>,
    /// Why it looks wrong beside the last good ones; empty where it does not.
    #[serde(default, deserialize_with = "few_reasons")]
    pub suspicious: Vec<Reason>,
    /// The extensions of the database and their versions.
    #[serde(default, deserialize_with = "few")]
    pub extensions: Vec<(Untrusted, Untrusted)>,
    /// Roles and settings that the database needs of its server; none where they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub globals: Option<Box<Globals>>,
    /// The arguments of pg_dump. No secret is ever among them.
    #[serde(default, deserialize_with = "few")]
    pub options: Vec<Untrusted>,
    /// What the archive's table of contents defines, by kind.
    #[serde(default, deserialize_with = "few")]
    pub definitions: Vec<Definitions>,
    /// Each table's rows, bytes and fingerprint, in the archive's order.
    #[serde(default)]
    pub tables: Vec<TableFingerprint>,
    /// All large objects together.
    #[serde(default)]
    pub large_objects: LargeObjects,
    /// Of each object of the archive the compressed length of each chunk: chunk n begins where the sum of those before
    /// it ends.
    ///
    /// Passed over by [`Details::read`], as few want them: [`Details::read_chunks`] reads them alone.
    #[serde(default, skip_deserializing)]
    pub chunks: Vec<Vec<u32>>,
}

/// What one table held when it was dumped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TableFingerprint {
    /// The schema.
    pub schema: Untrusted,
    /// The name.
    pub name: Untrusted,
    /// Rows.
    pub rows: u64,
    /// Bytes of its rows in COPY's text form.
    pub bytes: u64,
    /// The 128-bit sum over all rows of the XXH3-128 of each: the order of rows does not matter.
    pub fingerprint: Fingerprint,
    /// Where its data begins and ends in pg_dump's archive.
    pub span: (u64, u64),
}

/// Why details can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableDetails {
    /// The bytes are not the JSON of details.
    #[error("these are no details: {0}")]
    NotDetails(Untrusted),
    /// A later version wrote them.
    #[error("they are of version {0}, and this program knows versions up to {DETAILS_VERSION}")]
    Newer(u32),
    /// They say that they belong to another backup.
    #[error("they are those of {0} {1}: they were put under another's name")]
    Misplaced(Label, BackupId),
    /// They hold more tables than the record says.
    #[error("they are of {0} tables, and the record is of fewer")]
    MoreTables(u64),
}

/// The document that is sealed: details, and whose they are.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    repository: RepositoryId,
    id: &'a BackupId,
    database: &'a Label,
    #[serde(flatten)]
    details: &'a Details,
}

/// Whose a document is, which is looked at before the rest.
#[derive(Deserialize)]
struct Whose {
    id: BackupId,
    database: Label,
    #[serde(default)]
    tables: Length,
}

impl Details {
    /// What the archive turned out to hold.
    pub fn take(&mut self, contents: &Contents) {
        self.tables = contents.tables.iter().map(TableFingerprint::from).collect();
        self.large_objects = contents.large_objects;
        self.definitions.clone_from(&contents.definitions);
    }

    /// The same in numbers, for the entry.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        Counts {
            tables: count(self.tables.len()),
            rows: total(self.tables.iter().map(|table| table.rows)),
            large_objects: self.large_objects.count,
            definitions: total(self.definitions.iter().map(|one| one.count)),
            warnings: count(self.warnings.len()),
            fingerprint: self.fingerprint(),
        }
    }

    /// One fingerprint of all data, from those of the tables and of the large objects.
    fn fingerprint(&self) -> Fingerprint {
        let tables = self.tables.iter().map(|table| {
            let (schema, name) = (table.schema.raw(), table.name.raw());
            format!("{schema}\0{name}\0{}", table.fingerprint)
        });
        let objects = format!("\0\0{}", self.large_objects.fingerprint);
        Fingerprint::of_rows(tables.chain([objects]))
    }

    /// Everything in which the data and definitions of another dump differ from these, in words: table by table, the
    /// large objects, and the kinds of definitions.
    #[must_use]
    pub fn differences(&self, found: &Self) -> Vec<String> {
        let mut differences = table_differences(&self.tables, &found.tables);
        if found.large_objects != self.large_objects {
            let (is, was) = (found.large_objects.count, self.large_objects.count);
            differences.push(match is == was {
                true => "the large objects differ".to_owned(),
                false => format!("it has {}, and {was} were dumped", counted(is, "large object")),
            });
        }
        differences.extend(definition_differences(&self.definitions, &found.definitions));
        differences
    }

    /// Why the run failed, where it did: the entry's facts and the words of the details.
    #[must_use]
    pub fn failure(&self, record: &Record) -> Option<Failure> {
        let Status::Failed { exit_status, cause } = &record.status else {
            return None;
        };
        Some(Failure {
            error: match &self.error {
                Some(error) => error.clone(),
                None => cause.to_string().into(),
            },
            hint: self.hint.clone(),
            exit_status: *exit_status,
            cause: cause.clone(),
        })
    }

    /// Writes the details of a backup as JSON.
    ///
    /// # Errors
    /// What `to` refuses.
    pub fn write_json(&self, record: &Record, to: impl io::Write) -> io::Result<()> {
        let document = Document {
            version: DETAILS_VERSION,
            repository: record.repository,
            id: &record.id,
            database: &record.database,
            details: self,
        };
        Ok(serde_json::to_writer(to, &document)?)
    }

    /// Reads the details of this backup, looking at their version before anything else. `open`: the JSON from its
    /// beginning, which is read piece by piece and more than once, so that it is never in memory as a whole.
    ///
    /// # Errors
    /// [`UnreadableDetails`].
    pub fn read<R: io::Read>(open: impl Fn() -> R, record: &Record) -> Result<Self, UnreadableDetails> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = parse(open())?;
        if version > DETAILS_VERSION {
            return Err(UnreadableDetails::Newer(version));
        }
        let whose: Whose = parse(open())?;
        if whose.id != record.id || whose.database != record.database {
            return Err(UnreadableDetails::Misplaced(whose.database, whose.id));
        }
        if whose.tables.0 > record.counts.tables {
            return Err(UnreadableDetails::MoreTables(whose.tables.0));
        }
        parse(open())
    }

    /// Reads the lengths of chunks alone, of an archive that is one object. `open`: as for [`Details::read`], which has
    /// to have read the same. Empty where nothing is compressed.
    ///
    /// # Errors
    /// [`UnreadableDetails`].
    pub fn read_chunks<R: io::Read>(open: impl Fn() -> R) -> Result<Vec<u32>, UnreadableDetails> {
        #[derive(Deserialize)]
        struct Chunks {
            #[serde(default)]
            chunks: Vec<Vec<u32>>,
        }
        let Chunks { mut chunks } = parse(open())?;
        Ok(match chunks.len() {
            1 => chunks.swap_remove(0),
            _ => Vec::new(),
        })
    }
}

/// Of each table why it isn't what was dumped. Both lists are in the archive's order, in which a name may stand twice.
fn table_differences(dumped: &[TableFingerprint], found: &[TableFingerprint]) -> Vec<String> {
    let same_names =
        |(is, was): (&TableFingerprint, &TableFingerprint)| (&is.schema, &is.name) == (&was.schema, &was.name);
    if found.len() == dumped.len() && found.iter().zip(dumped).all(same_names) {
        let pairs = dumped.iter().zip(found);
        return pairs.filter_map(|(was, is)| was.difference(is)).collect();
    }
    let name = |table: &TableFingerprint| (table.schema.clone(), table.name.clone());
    let was: BTreeMap<_, _> = dumped.iter().map(|table| (name(table), table)).collect();
    let is: BTreeMap<_, _> = found.iter().map(|table| (name(table), table)).collect();
    let of_dumped = was.iter().filter_map(|(name, table)| match is.get(name) {
        Some(found) => table.difference(found),
        None => Some(format!("{} is missing", table.called())),
    });
    let added = is.iter().filter(|(name, _)| !was.contains_key(*name));
    let added = added.map(|(_, table)| format!("{} was not dumped", table.called()));
    let mut differences: Vec<String> = of_dumped.chain(added).collect();
    if differences.is_empty() {
        differences.push(format!(
            "its {} have another order or number than the {} that were dumped",
            counted(found.len(), "table"),
            dumped.len()
        ));
    }
    differences
}

fn definition_differences(dumped: &[Definitions], found: &[Definitions]) -> Vec<String> {
    let of_kind = |all: &[Definitions], kind: &Untrusted| all.iter().find(|one| one.kind == *kind).cloned();
    let kinds = dumped.iter().chain(found).map(|one| &one.kind);
    let kinds: BTreeSet<&Untrusted> = kinds.collect();
    let difference = |kind: &Untrusted| {
        let (was, is) = (of_kind(dumped, kind), of_kind(found, kind));
        let count = |one: &Option<Definitions>| one.as_ref().map_or(0, |one| one.count);
        match (was == is, count(&was), count(&is)) {
            (true, ..) => None,
            (false, was, is) if was == is => Some(format!("a definition of kind {kind:?} differs")),
            (false, was, is) => Some(format!("definitions of kind {kind:?}: {is}, and {was} were dumped")),
        }
    };
    kinds.into_iter().filter_map(difference).collect()
}

impl TableFingerprint {
    /// Why another dump of it isn't this one.
    fn difference(&self, found: &Self) -> Option<String> {
        let why = match (found.rows == self.rows, found == self) {
            (_, true) => return None,
            (false, _) => format!("has {}, and {} were dumped", counted(found.rows, "row"), self.rows),
            (true, _) if (found.bytes, found.fingerprint) != (self.bytes, self.fingerprint) => {
                "has as many rows as were dumped, and not the same ones".to_owned()
            }
            _ => "lies elsewhere in the archive".to_owned(),
        };
        Some(format!("{} {why}", self.called()))
    }

    /// How it is called in a message.
    fn called(&self) -> String {
        format!("table {}.{}", self.schema.identifier(), self.name.identifier())
    }
}

fn parse<T: DeserializeOwned>(json: impl io::Read) -> Result<T, UnreadableDetails> {
    let parsed = serde_json::from_reader(io::BufReader::with_capacity(READ_BYTES, json));
    parsed.map_err(|e| UnreadableDetails::NotDetails(e.to_string().into()))
}

fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

impl From<&TableData> for TableFingerprint {
    fn from(table: &TableData) -> Self {
        Self {
            schema: table.schema.clone(),
            name: table.name.clone(),
            rows: table.rows,
            bytes: table.bytes,
            fingerprint: table.fingerprint,
            span: (table.start, table.end),
        }
    }
}

#[cfg(test)]
mod tests;
