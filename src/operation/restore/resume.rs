//! Goes on with a restore that was interrupted: finds out what of the backup is in the target already, by what a dump of
//! it says. Nothing is believed: definitions are compared by their text, rows by number and fingerprint.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

use super::{
    RestoreRequest, decode_names, label::label, parallel::copied_table, plan::RestorePlan, replaced::large_objects,
    rules::SESSION_KINDS, statement::listed, unsuitable,
};
use crate::{
    archive::{Entry, Fingerprint, LargeObjects, TableData},
    backup::{Record, TableFingerprint},
    error::{Result, TargetProblem},
    operation::{
        database_now::{DatabaseNow, DumpSettings, database_now},
        part::{OpenedArchive, RangedArchive, Road},
        same_text::normalized,
    },
    postgres::{Clients, Session},
    text::{Untrusted, counted},
};

/// How long pg_dump of the target may write nothing.
const DUMP_IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// The number of objects that a problem names.
const NAMED: usize = 5;

/// Kinds that can be restored once more without harm, and are.
const AGAIN: &[&str] = &[
    "ACL",
    "DEFAULT ACL",
    "COMMENT",
    "SECURITY LABEL",
    "SEQUENCE SET",
    "MATERIALIZED VIEW DATA",
    "STATISTICS DATA",
];

/// Kinds of the database itself, which a restore doesn't make.
const OF_DATABASE: &[&str] = &["DATABASE", "DATABASE PROPERTIES"];

/// Kinds that make large objects, of which the numbers are compared.
const LARGE_OBJECTS: &[&str] = &["BLOB", "BLOB METADATA"];

/// Kinds with rows, which are compared by their fingerprints.
const ROWS: &[&str] = &["TABLE DATA", "BLOBS"];

/// Kinds that other databases of the same server may have of their own, such as those that a platform makes.
const OF_PLATFORM: &[&str] = &["SCHEMA", "EXTENSION", "EVENT TRIGGER", "PUBLICATION"];

/// What of a backup is in the target already.
#[derive(Default)]
pub(super) struct RestoredBefore {
    /// The ids of entries that need not be restored again.
    pub(super) ids: BTreeSet<i32>,
    /// How many tables are there with all their rows, and how many the backup has.
    pub(super) tables: (usize, usize),
    /// The ids of entries that are there and would refuse or change rows that are still to come: they are dropped, and made
    /// again behind the rows.
    pub(super) remade: BTreeSet<i32>,
}

/// Kind, schema and name of an entry.
type Key<'a> = (&'a str, &'a str, &'a str);

/// Finds out what of the plan is in the target already.
///
/// # Errors
/// Those of [`database_now`]; [`Error::TargetUnsuitable`] if the target is not what a restore of this backup left.
pub(super) async fn restored_before(
    clients: &Clients,
    record: &Record,
    request: &RestoreRequest,
    plan: &RestorePlan,
    archive: &OpenedArchive,
) -> Result<RestoredBefore> {
    let Road::Ranges(archive) = &archive.road else {
        return Err(unsuitable(
            request,
            vec![TargetProblem {
                what: "--resume can't tell what is there already, as the details of the backup are lost".to_owned(),
                cure: "create the target anew, and restore without --resume".to_owned(),
            }],
        ));
    };
    let settings = DumpSettings {
        client_major: record.source.as_ref().map(|source| source.client.major),
        encoding: plan.encoding.clone().unwrap_or_else(|| "UTF8".to_owned()),
        schema_only: false,
        idle_timeout: DUMP_IDLE_TIMEOUT,
    };
    let mut now = database_now(clients, &request.target, settings).await?;
    let mut session = Session::connect(&request.target).await?;
    decode_names(&mut session, &mut now.entries).await?;
    session.close().await;
    let comparison = Comparison {
        plan,
        archive,
        now: &now,
    };
    comparison
        .restored_before()
        .map_err(|problems| unsuitable(request, problems))
}

struct Comparison<'a> {
    plan: &'a RestorePlan,
    archive: &'a RangedArchive,
    now: &'a DatabaseNow,
}

impl Comparison<'_> {
    fn restored_before(&self) -> std::result::Result<RestoredBefore, Vec<TargetProblem>> {
        let mut there = RestoredBefore::default();
        let mut problems: Vec<TargetProblem> = self.strangers().into_iter().collect();
        match self.definitions() {
            Ok(ids) => there.ids.extend(ids),
            Err(problem) => problems.push(problem),
        }
        match self.large_objects_made() {
            Ok(ids) => there.ids.extend(ids),
            Err(problem) => problems.push(problem),
        }
        // an empty table has all its rows as soon as it is made
        let made = there.ids.clone();
        match self.rows() {
            Ok(ids) => {
                let rows = self.plan.kept_entries().filter(|entry| entry.kind == "TABLE DATA");
                let rows: Vec<&Entry> = rows.collect();
                let is_there =
                    |entry: &&&Entry| ids.contains(&entry.id) && entry.needs.iter().any(|id| made.contains(id));
                there.tables = (rows.iter().filter(is_there).count(), rows.len());
                there.ids.extend(ids);
            }
            Err(problem) => problems.push(problem),
        }
        there.remade = self.plan.in_the_way(&there.ids);
        there.ids.retain(|id| !there.remade.contains(id));
        match problems.is_empty() {
            true => Ok(there),
            false => Err(problems),
        }
    }

    /// The problem that the target has something that this backup doesn't hold, in its schemas.
    fn strangers(&self) -> Option<TargetProblem> {
        let known: HashSet<Key<'_>> = self.plan.entries.iter().map(key).collect();
        let schemas: BTreeSet<&str> = self.plan.kept_entries().map(|entry| entry.schema.raw()).collect();
        let entries = self.now.entries.iter().filter(|entry| is_compared(entry));
        let strange = entries.filter(|entry| {
            let is_of_platform = OF_PLATFORM.contains(&entry.kind.raw()) || entry.schema.is_empty();
            !is_of_platform && schemas.contains(entry.schema.raw()) && !known.contains(&key(entry))
        });
        problem("it holds what is not in the backup", strange.map(label).collect())
    }

    /// The ids of the definitions that are there, with the text that they have in the backup.
    fn definitions(&self) -> std::result::Result<BTreeSet<i32>, TargetProblem> {
        let mut there: BTreeMap<Key<'_>, Vec<&Entry>> = BTreeMap::new();
        for entry in self.now.entries.iter().filter(|entry| is_compared(entry)) {
            there.entry(key(entry)).or_default().push(entry);
        }
        let mut kept: BTreeMap<Key<'_>, Vec<&Entry>> = BTreeMap::new();
        for entry in self.plan.kept_entries().filter(|entry| is_compared(entry)) {
            kept.entry(key(entry)).or_default().push(entry);
        }
        let (mut ids, mut others) = (BTreeSet::new(), Vec::new());
        for (key, entries) in &kept {
            let Some(found) = there.get(key) else {
                continue;
            };
            let is_same = match self.is_postponed(entries) {
                true => words(entries) == words(found),
                false => texts(entries) == texts(found),
            };
            match is_same && !entries.iter().any(|entry| entry.is_cut) {
                true => ids.extend(entries.iter().map(|entry| entry.id)),
                false => others.push(label(entries[0])),
            }
        }
        match problem("the definitions of these are not those of the backup", others) {
            None => Ok(ids),
            Some(problem) => Err(problem),
        }
    }

    /// The ids of the entries whose large objects exist, whatever is in them. Which entry an object is in goes by its
    /// privileges, which come last, so the entries of the target may be others.
    fn large_objects_made(&self) -> std::result::Result<BTreeSet<i32>, TargetProblem> {
        let now: HashSet<String> = self.now.entries.iter().flat_map(large_objects).collect();
        let (mut ids, mut in_part) = (BTreeSet::new(), Vec::new());
        for entry in self.plan.kept_entries() {
            let objects = large_objects(entry);
            let made = objects.iter().filter(|object| now.contains(*object)).count();
            match made {
                0 => (),
                all if all == objects.len() => drop(ids.insert(entry.id)),
                _ => in_part.push(label(entry)),
            }
        }
        match problem("these were made in part", in_part) {
            None => Ok(ids),
            Some(problem) => Err(problem),
        }
    }

    /// Whether this is a view without its query, which comes behind the key that it needs. Until then the server lays out its
    /// text otherwise than pg_dump wrote it.
    fn is_postponed(&self, entries: &[&Entry]) -> bool {
        let ids: BTreeSet<i32> = entries.iter().map(|entry| entry.id).collect();
        let mut kept = self.plan.kept_entries();
        entries.iter().all(|entry| entry.kind == "VIEW")
            && kept.any(|entry| entry.kind == "RULE" && entry.needs.iter().any(|need| ids.contains(need)))
    }

    /// The ids of the entries whose rows are there, every one of them.
    fn rows(&self) -> std::result::Result<BTreeSet<i32>, TargetProblem> {
        let kept = self.plan.kept_rows();
        let by_id = self.plan.by_id();
        let now = self.now.contents.tables.iter();
        let now: BTreeMap<(&Untrusted, &Untrusted), &TableData> =
            now.map(|table| ((&table.schema, &table.name), table)).collect();
        // rows of partitions that go into their root may be in other partitions than they were
        let mut together: BTreeMap<&str, SameTable<'_>> = BTreeMap::new();
        for (id, table) in self.archive.tables(&kept) {
            let copied = by_id.get(&id).and_then(|at| copied_table(&self.plan.entries[*at]));
            let one = together.entry(copied.unwrap_or_default()).or_default();
            one.ids.push(id);
            one.first.get_or_insert(table);
            one.dumped.add(table.rows, table.bytes, table.fingerprint);
            if let Some(now) = now.get(&(&table.schema, &table.name)) {
                one.now.add(now.rows, now.bytes, now.fingerprint);
            }
        }
        let (mut ids, mut others) = (BTreeSet::new(), Vec::new());
        for one in together.into_values() {
            match one.now == one.dumped {
                true => ids.extend(one.ids),
                false if one.now.rows == 0 => (),
                false => others.extend(one.first.map(|table| format!("{}.{}", table.schema, table.name))),
            }
        }
        let large_objects = self.archive.large_objects_of(&kept);
        match self.now.contents.large_objects {
            now if now == large_objects && now != LargeObjects::default() => {
                let all = self.plan.kept_entries().filter(|entry| is_of_large_objects(entry));
                ids.extend(all.map(|entry| entry.id));
            }
            now if now.bytes > 0 => others.push(counted(now.count, "large object")),
            _ => (),
        }
        match problem("these hold other rows than in the backup", others) {
            None => Ok(ids),
            Some(problem) => Err(problem),
        }
    }
}

/// Rows of one or several tables together.
#[derive(Default, PartialEq, Eq)]
struct RowSum {
    rows: u64,
    bytes: u64,
    fingerprint: Fingerprint,
}

impl RowSum {
    fn add(&mut self, rows: u64, bytes: u64, fingerprint: Fingerprint) {
        self.rows += rows;
        self.bytes += bytes;
        self.fingerprint = self.fingerprint.with(fingerprint);
    }
}

/// Entries whose rows go into one table: one, or all that are loaded into their root.
#[derive(Default)]
struct SameTable<'a> {
    ids: Vec<i32>,
    first: Option<&'a TableFingerprint>,
    dumped: RowSum,
    now: RowSum,
}

fn key(entry: &Entry) -> Key<'_> {
    (entry.kind.raw(), entry.schema.raw(), entry.name.raw())
}

/// Whether a definition is told by its text.
fn is_compared(entry: &Entry) -> bool {
    let kind = entry.kind.raw();
    // the entry of public says only who owns it
    let is_of_public = kind == "SCHEMA" && entry.name == "public";
    !is_of_public
        && ![SESSION_KINDS, AGAIN, OF_DATABASE, LARGE_OBJECTS, ROWS]
            .iter()
            .any(|kinds| kinds.contains(&kind))
}

fn is_of_large_objects(entry: &Entry) -> bool {
    LARGE_OBJECTS.contains(&entry.kind.raw()) || entry.kind == "BLOBS"
}

fn texts(entries: &[&Entry]) -> Vec<String> {
    let mut texts: Vec<String> = entries.iter().map(|entry| normalized(entry.definition.raw())).collect();
    texts.sort();
    texts
}

/// The words of definitions, however they are laid out.
fn words(entries: &[&Entry]) -> Vec<String> {
    let words = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    texts(entries).iter().map(words).collect()
}

fn problem(what: &str, names: Vec<String>) -> Option<TargetProblem> {
    (!names.is_empty()).then(|| TargetProblem {
        what: format!(
            "it is not what an interrupted restore of this backup leaves: {what}: {}",
            listed(names, NAMED)
        ),
        cure: "if nothing in it is needed, create the target anew and restore without --resume".to_owned(),
    })
}
