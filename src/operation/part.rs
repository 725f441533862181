//! A part of a backup's archive: read by ranges where its details say where everything lies, and picked out of the
//! whole where they don't.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    sync::Arc,
};

use tokio::io::AsyncWrite;

use super::{
    Progress,
    archive::{compare, open_archive},
};
use crate::{
    archive::{Contents, Entry, LargeObjects, Layout, TableData},
    backup::{Details, Record, TableFingerprint},
    catalog::Catalog,
    error::{Error, Result},
    pipeline::{Budget, ChunkIndex, CutArchive, SealedArchive},
};

/// An opened archive of which a part is wanted, and what its table of contents lists.
pub(super) struct OpenedArchive {
    /// How its parts are read.
    pub(super) road: Road,
    pub(super) details: Option<Details>,
    /// The entries of the table of contents, in their order.
    pub(super) entries: Vec<Entry>,
    /// How the archive is laid out.
    pub(super) layout: Layout,
}

/// How a part of an archive is read.
pub(super) enum Road {
    /// Only the bytes of the part.
    Ranges(Arc<RangedArchive>),
    /// All of it, for this reason.
    Whole(Box<SealedArchive>, WholeReason),
}

/// Why the whole archive is read although a part is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WholeReason {
    /// All of it is wanted.
    Wanted,
    /// Large objects are wanted, of which the details don't say where they lie.
    LargeObjects,
    /// The details are lost.
    NoDetails,
    /// The details don't say where everything lies, or not of this archive.
    NoIndex,
}

impl fmt::Display for WholeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wanted => "all of it is restored",
            Self::LargeObjects => "nothing says where large objects lie in it",
            Self::NoDetails => "the details, which say where each table lies in it, can't be read",
            Self::NoIndex => "its details don't say where each table lies in it",
        })
    }
}

/// An archive whose tables can be read one by one.
pub(super) struct RangedArchive {
    pub(super) cut: CutArchive,
    /// What the table of contents defines.
    contents: Contents,
    /// The table of each entry with rows, by the entry's id.
    tables: BTreeMap<i32, TableFingerprint>,
    large_objects: LargeObjectBlocks,
    /// What all readings together may have in progress.
    budget: Budget,
}

/// All large objects, which are read together.
struct LargeObjectBlocks {
    /// The ids of their entries.
    ids: BTreeSet<i32>,
    /// What they held when they were dumped.
    held: LargeObjects,
    /// Where they lie: behind the table of contents, wherever no table does.
    blocks: Vec<Range<u64>>,
}

/// Opens the archive of a backup and reads its table of contents: with `is_part` only that, and in such a way that
/// tables can be read one by one.
///
/// # Errors
/// As [`open_archive`]; [`Error::Differs`] where the details name an archive that it isn't.
pub(super) async fn open_part(catalog: &Catalog, record: &Record, is_part: bool) -> Result<OpenedArchive> {
    let archive = open_archive(catalog, record).await?;
    if !is_part {
        let (entries, layout) = archive.entries().await?;
        let details = catalog.known_details(record).await?;
        return Ok(OpenedArchive {
            road: Road::Whole(Box::new(archive), WholeReason::Wanted),
            details,
            entries,
            layout,
        });
    }
    let Some((details, chunks)) = catalog.known_details_and_chunks(record).await? else {
        return whole(archive, None, WholeReason::NoDetails).await;
    };
    let Some((index, contents_end)) = index(&archive, record, &details, chunks) else {
        return whole(archive, Some(details), WholeReason::NoIndex).await;
    };
    let (cut, entries, contents) = CutArchive::open(archive, index, contents_end).await?;
    check_definitions(&details, &contents, &cut.name())?;
    let tables = tables_of(&entries, &details).ok_or_else(|| {
        let what = "its table of contents lists other tables than its details";
        Error::differs(cut.name(), what)
    })?;
    let layout = cut.layout();
    let of_large_objects = entries.iter().filter(|entry| entry.has_data && entry.kind == "BLOBS");
    let large_objects = LargeObjectBlocks {
        ids: of_large_objects.map(|entry| entry.id).collect(),
        held: details.large_objects,
        blocks: between(layout.contents_end, &details.tables, cut.content_bytes()),
    };
    let ranged = RangedArchive {
        cut,
        contents,
        tables,
        large_objects,
        budget: Budget::new(None),
    };
    Ok(OpenedArchive {
        road: Road::Ranges(Arc::new(ranged)),
        details: Some(details),
        entries,
        layout,
    })
}

async fn whole(archive: SealedArchive, details: Option<Details>, why: WholeReason) -> Result<OpenedArchive> {
    tracing::warn!("the whole archive is read, as {why}");
    let (entries, layout) = archive.entries().await?;
    Ok(OpenedArchive {
        road: Road::Whole(Box::new(archive), why),
        details,
        entries,
        layout,
    })
}

/// Where the chunks of the archive lie, and where its table of contents ends: at the first block of rows.
fn index(archive: &SealedArchive, record: &Record, details: &Details, chunks: Vec<u32>) -> Option<(ChunkIndex, u64)> {
    let sealed = record.sealed.as_ref()?;
    let index = ChunkIndex::new(
        archive.header().compression,
        chunks,
        sealed.compression.chunk_bytes,
        sealed.dump_bytes,
        archive.payload_bytes(),
    )?;
    let contents_end = details.tables.iter().map(|table| table.span.0).min()?;
    Some((index, contents_end))
}

/// The definitions in the table of contents have to be those that were dumped.
fn check_definitions(details: &Details, contents: &Contents, name: &str) -> Result<()> {
    match details.definitions == contents.definitions {
        true => Ok(()),
        false => Err(Error::differs(
            name,
            "it isn't what the details say was dumped: its definitions differ",
        )),
    }
}

/// The table of each entry with rows. Details list them in the order of the table of contents.
fn tables_of(entries: &[Entry], details: &Details) -> Option<BTreeMap<i32, TableFingerprint>> {
    let with_rows: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.has_data && entry.kind != "BLOBS")
        .collect();
    let is_same =
        |(entry, table): (&&Entry, &TableFingerprint)| entry.schema == table.schema && entry.name == table.name;
    if with_rows.len() != details.tables.len() || !with_rows.iter().zip(&details.tables).all(is_same) {
        return None;
    }
    let ids = with_rows.into_iter().map(|entry| entry.id);
    Some(ids.zip(details.tables.iter().cloned()).collect())
}

/// What lies between the table of contents and the end, and in no table.
fn between(contents_end: u64, tables: &[TableFingerprint], end: u64) -> Vec<Range<u64>> {
    let mut spans: Vec<(u64, u64)> = tables.iter().map(|table| table.span).collect();
    spans.sort_unstable();
    spans.push((end, end));
    let mut at = contents_end;
    let mut found = Vec::new();
    for (start, behind) in spans {
        if at < start {
            found.push(at..start);
        }
        at = at.max(behind);
    }
    found
}

/// What was read of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ReadBytes {
    /// Bytes of the object that were read, at most.
    pub(super) read: u64,
    /// Bytes of the whole object.
    pub(super) of: u64,
}

impl RangedArchive {
    /// The tables of these entries, in the archive's order, each with its entry. Entries without rows are passed over.
    pub(super) fn tables(&self, ids: &BTreeSet<i32>) -> Vec<(i32, &TableFingerprint)> {
        let mut tables: Vec<_> = ids.iter().filter_map(|id| Some((*id, self.tables.get(id)?))).collect();
        tables.sort_by_key(|(_, table)| table.span);
        tables
    }

    /// The blocks of these entries: of one with large objects those of all of them.
    pub(super) fn blocks(&self, ids: &BTreeSet<i32>) -> Vec<Range<u64>> {
        let tables = self.tables(ids).into_iter();
        let mut blocks: Vec<Range<u64>> = tables.map(|(_, table)| table.span.0..table.span.1).collect();
        if self.has_large_objects(ids) {
            blocks.extend(self.large_objects.blocks.iter().cloned());
            blocks.sort_by_key(|block| block.start);
        }
        blocks
    }

    /// Of these entries, those that hold rows.
    pub(super) fn with_rows(&self, ids: &BTreeSet<i32>) -> BTreeSet<i32> {
        let has_rows = |id: &&i32| self.tables.contains_key(id) || self.large_objects.ids.contains(id);
        ids.iter().filter(has_rows).copied().collect()
    }

    /// Whether large objects are among these entries.
    fn has_large_objects(&self, ids: &BTreeSet<i32>) -> bool {
        !self.large_objects.ids.is_disjoint(ids)
    }

    /// What these entries held when they were dumped, as what is read of them is compared with it.
    pub(super) fn contents_of(&self, ids: &BTreeSet<i32>) -> Contents {
        let tables = self.tables(ids).into_iter().map(|(_, table)| TableData {
            schema: table.schema.clone(),
            name: table.name.clone(),
            rows: table.rows,
            bytes: table.bytes,
            fingerprint: table.fingerprint,
            start: table.span.0,
            end: table.span.1,
        });
        Contents {
            tables: tables.collect(),
            large_objects: self.large_objects_of(ids),
            length: self.cut.content_bytes(),
            ..self.contents.clone()
        }
    }

    /// What the large objects among these entries held when they were dumped.
    pub(super) fn large_objects_of(&self, ids: &BTreeSet<i32>) -> LargeObjects {
        match self.has_large_objects(ids) {
            true => self.large_objects.held,
            false => LargeObjects::default(),
        }
    }

    /// What the rows of these entries cost: of the object, contents and blocks.
    pub(super) fn read_bytes(&self, ids: &BTreeSet<i32>) -> Result<ReadBytes> {
        Ok(ReadBytes {
            read: self.cut.beginning_cost(1)? + self.cut.cost(&self.blocks(ids))?,
            of: self.cut.sealed_bytes(),
        })
    }

    /// Gives header, contents and the rows of these entries to `sink`. Nothing that reads it can take it for whole
    /// before rows and fingerprints were compared with the details.
    pub(super) async fn read_into(
        &self,
        ids: &BTreeSet<i32>,
        sink: &mut (impl AsyncWrite + Unpin),
        progress: &Progress,
    ) -> Result<Contents> {
        let tables = self.tables(ids);
        let name = self.cut.name();
        let check = |found: &Contents| {
            if found.definitions != self.contents.definitions {
                let what = "its definitions are others than before";
                return Err(Error::differs(&name, what));
            }
            if found.large_objects != self.large_objects_of(ids) {
                let what = "it isn't what the details say was dumped: its large objects differ";
                return Err(Error::differs(&name, what));
            }
            compare_tables(&tables, found, &name)
        };
        let blocks = self.blocks(ids);
        self.cut.read_into(&blocks, sink, &self.budget, progress, check).await
    }
}

/// Compares the tables that came with those that were dumped.
fn compare_tables(wanted: &[(i32, &TableFingerprint)], found: &Contents, name: &str) -> Result<()> {
    let is_same = |found: &TableData, dumped: &TableFingerprint| {
        (&found.schema, &found.name) == (&dumped.schema, &dumped.name)
            && (found.rows, found.bytes, found.fingerprint) == (dumped.rows, dumped.bytes, dumped.fingerprint)
    };
    if found.tables.len() != wanted.len() {
        let what = format!(
            "of {} tables that were wanted, {} came",
            wanted.len(),
            found.tables.len()
        );
        return Err(Error::differs(name, what));
    }
    let mut pairs = found.tables.iter().zip(wanted);
    match pairs.find(|(found, (_, dumped))| !is_same(found, dumped)) {
        None => Ok(()),
        Some((_, (_, dumped))) => Err(Error::differs(
            name,
            format!(
                "it isn't what the details say was dumped: table {}.{} differs",
                dumped.schema, dumped.name
            ),
        )),
    }
}

impl OpenedArchive {
    /// Gives to `sink` what pg_restore needs for these entries: a cut archive, or the whole one. It was compared with
    /// what was dumped when this has succeeded, and a cut one before its last bytes.
    pub(super) async fn read_into(
        &self,
        record: &Record,
        ids: &BTreeSet<i32>,
        sink: &mut (impl AsyncWrite + Unpin),
        progress: &Progress,
    ) -> Result<Contents> {
        match &self.road {
            Road::Ranges(ranged) => ranged.read_into(ids, sink, progress).await,
            Road::Whole(archive, _) => {
                let contents = archive.read_into(sink, progress).await?;
                compare(record, self.details.as_ref(), &contents, &archive.name())?;
                Ok(contents)
            }
        }
    }

    /// From now on all of it is read, since large objects are wanted: nothing says where they lie.
    pub(super) fn read_whole(&mut self) {
        if let Road::Ranges(ranged) = &self.road {
            self.road = Road::Whole(Box::new(ranged.cut.archive().clone()), WholeReason::LargeObjects);
        }
    }

    /// What reading the rows of these entries costs.
    pub(super) fn read_bytes(&self, ids: &BTreeSet<i32>) -> Result<ReadBytes> {
        match &self.road {
            Road::Ranges(ranged) => ranged.read_bytes(ids),
            Road::Whole(archive, _) => Ok(ReadBytes {
                read: archive.sealed_bytes(),
                of: archive.sealed_bytes(),
            }),
        }
    }

    /// The entity tag of the object, if the place gave one.
    pub(super) fn etag(&self) -> Option<&str> {
        match &self.road {
            Road::Ranges(ranged) => ranged.cut.archive().etag(),
            Road::Whole(archive, _) => archive.etag(),
        }
    }

    /// Whether no more than a part is read.
    pub(super) fn is_part(&self) -> bool {
        matches!(self.road, Road::Ranges(_))
    }

    /// Why all of it is read, if a part was wanted.
    pub(super) fn whole_reason(&self) -> Option<WholeReason> {
        match &self.road {
            Road::Whole(_, why) if *why != WholeReason::Wanted => Some(*why),
            _ => None,
        }
    }
}
