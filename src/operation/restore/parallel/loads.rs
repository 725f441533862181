//! Which rows are loaded by one pg_restore, and which at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    num::NonZeroUsize,
};

use crate::{
    archive::{Entry, EntrySection},
    error::Result,
    operation::{part::RangedArchive, restore::plan::RestorePlan, table_name::full_name},
    text::Untrusted,
};

/// As many loads of equal size for each job, at most: the last ones to end then leave little undone.
const LOADS_PER_JOB: u64 = 8;
/// A load has so many times the bytes of the table of contents, as each gets that too.
const CONTENTS_SHARE: u64 = 4;
/// Bytes of a load that are worth a process and a connection.
const LOAD_BYTES_MIN: u64 = 4 << 20;
/// Of 1,000 bytes that are stored, so many may be read twice: chunks that two loads share.
const READ_TWICE_PER_MILLE: u64 = 20;

/// Large objects are made by these entries, of which those in the section of the data belong to their rows.
const LARGE_OBJECTS: &[&str] = &["BLOB", "BLOB METADATA"];

/// Rows that are loaded by one pg_restore, in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowLoad {
    /// The ids of the entries in the archive's order, for each pass through their blocks; there is more than one pass where
    /// the target's own keys want another order than the archive's.
    pub(super) passes: Vec<Vec<i32>>,
    /// Bytes of the archive's content.
    bytes: u64,
    /// How many tables that is.
    pub(super) tables: usize,
    /// What it loads, for an error.
    pub(super) name: Untrusted,
}

/// Entries whose rows have to be loaded one after the other, by their positions.
struct Group {
    members: Vec<usize>,
    bytes: u64,
}

/// The loads of a plan, the largest first.
pub(super) fn loads(
    plan: &RestorePlan,
    archive: &RangedArchive,
    jobs: NonZeroUsize,
    there: &BTreeSet<i32>,
) -> Result<Vec<RowLoad>> {
    let groups = groups(plan, archive, there);
    let total: u64 = groups.iter().map(|group| group.bytes).sum();
    let all: BTreeSet<i32> = ids(plan, groups.iter().flat_map(|group| &group.members));
    let once = archive.cut.cost(&archive.blocks(&all))?;
    let at_most = once + once / 1000 * READ_TWICE_PER_MILLE;
    let jobs = jobs.get() as u64;
    let contents = archive.cut.layout().contents_end;
    let mut bytes = (total / (jobs * LOADS_PER_JOB))
        .max(LOAD_BYTES_MIN)
        .max(contents * CONTENTS_SHARE);
    loop {
        let loads = packed(plan, &groups, bytes);
        if loads.len() as u64 <= jobs || cost(archive, &loads)? <= at_most {
            return Ok(loads);
        }
        bytes = bytes.saturating_mul(2);
    }
}

/// Bytes of the object that these loads read.
pub(super) fn cost(archive: &RangedArchive, loads: &[RowLoad]) -> Result<u64> {
    let passes = loads.iter().flat_map(|load| &load.passes);
    let blocks = passes.map(|ids| archive.blocks(&ids.iter().copied().collect()));
    blocks.map(|blocks| archive.cut.cost(&blocks)).sum()
}

/// Whether an entry is loaded with rows: it has some, or makes the large objects that get theirs.
pub(super) fn is_row_entry(entry: &Entry) -> bool {
    entry.has_data || (entry.section == EntrySection::Data && LARGE_OBJECTS.contains(&entry.kind.raw()))
}

/// The entries with rows that are restored, in the archive's order. Together are those that need one another, those of
/// extensions (whose scripts may have made keys and triggers already), large objects, rows that go into one table, and
/// those that the target's own keys bind.
fn groups(plan: &RestorePlan, archive: &RangedArchive, there: &BTreeSet<i32>) -> Vec<Group> {
    let kept = plan.reasons.iter().enumerate().filter(|(_, reason)| reason.is_none());
    let rows: Vec<usize> = kept
        .map(|(at, _)| at)
        .filter(|at| is_row_entry(&plan.entries[*at]) && !there.contains(&plan.entries[*at].id))
        .collect();
    let mut sets = Sets::new(&rows);
    let at_of: HashMap<i32, usize> = rows.iter().map(|at| (plan.entries[*at].id, *at)).collect();
    let (mut of_extensions, mut large_objects) = (None, None);
    let mut into: HashMap<&str, usize> = HashMap::new();
    for at in &rows {
        let entry = &plan.entries[*at];
        for need in entry.needs.iter().filter_map(|id| at_of.get(id)) {
            sets.join(*at, *need);
        }
        if plan.extension_rows.contains(&entry.id) {
            sets.join(*at, *of_extensions.get_or_insert(*at));
        }
        match copied_table(entry) {
            Some(table) => sets.join(*at, *into.entry(table).or_insert(*at)),
            None => sets.join(*at, *large_objects.get_or_insert(*at)),
        }
    }
    for (one, other) in &plan.row_references {
        if at_of.contains_key(&plan.entries[*one].id) && at_of.contains_key(&plan.entries[*other].id) {
            sets.join(*one, *other);
        }
    }
    let group = |members: Vec<usize>| {
        let blocks = archive.blocks(&ids(plan, &members));
        let bytes = blocks.iter().map(|block| block.end - block.start).sum();
        Group { members, bytes }
    };
    sets.into_sets().into_iter().map(group).collect()
}

/// What a COPY statement names, with its schema and as written. Rows of a partition may go into its root; none of what has
/// no such statement.
pub(in crate::operation::restore) fn copied_table(entry: &Entry) -> Option<&str> {
    let copy = entry.copy.raw().strip_prefix("COPY ")?;
    let end = copy.find(" (").or_else(|| copy.rfind(" FROM stdin"))?;
    Some(&copy[..end])
}

fn ids<'a>(plan: &RestorePlan, members: impl IntoIterator<Item = &'a usize>) -> BTreeSet<i32> {
    members.into_iter().map(|at| plan.entries[*at].id).collect()
}

/// Groups of so many bytes are loads of their own, and smaller ones are joined until they have as many.
fn packed(plan: &RestorePlan, groups: &[Group], bytes: u64) -> Vec<RowLoad> {
    let mut loads = Vec::new();
    let (mut small, mut small_bytes): (Vec<usize>, u64) = (Vec::new(), 0);
    for group in groups {
        if group.bytes >= bytes {
            loads.push(load(plan, &group.members, group.bytes));
            continue;
        }
        small.extend(&group.members);
        small_bytes += group.bytes;
        if small_bytes >= bytes {
            loads.push(load(plan, &small, small_bytes));
            small.clear();
            small_bytes = 0;
        }
    }
    if !small.is_empty() {
        loads.push(load(plan, &small, small_bytes));
    }
    loads.sort_by_key(|load| std::cmp::Reverse(load.bytes));
    loads
}

fn load(plan: &RestorePlan, members: &[usize], bytes: u64) -> RowLoad {
    let in_order: BTreeSet<usize> = members.iter().copied().collect();
    let mut passes: BTreeMap<usize, Vec<i32>> = BTreeMap::new();
    for at in &in_order {
        passes.entry(plan.passes[*at]).or_default().push(plan.entries[*at].id);
    }
    let with_rows: Vec<&Entry> = in_order
        .iter()
        .map(|at| &plan.entries[*at])
        .filter(|entry| entry.has_data)
        .collect();
    let first = match with_rows.first() {
        Some(entry) if entry.kind != "BLOBS" => full_name(entry),
        _ => "large objects".to_owned(),
    };
    let name = match with_rows.len() {
        0 | 1 => first,
        count => format!("{first} and {} more", count - 1),
    };
    RowLoad {
        passes: passes.into_values().collect(),
        bytes,
        tables: with_rows.iter().filter(|entry| entry.kind == "TABLE DATA").count(),
        name: name.into(),
    }
}

/// Disjoint sets of positions.
struct Sets {
    /// For each position the one that it belongs to, which comes before it or is itself.
    first: BTreeMap<usize, usize>,
}

impl Sets {
    fn new(all: &[usize]) -> Self {
        Self {
            first: all.iter().map(|at| (*at, *at)).collect(),
        }
    }

    fn root(&self, at: usize) -> usize {
        let mut at = at;
        while let Some(first) = self.first.get(&at).filter(|first| **first != at) {
            at = *first;
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.first.insert(one.max(other), one.min(other));
    }

    /// Each set in order, in the order of their first members.
    fn into_sets(self) -> Vec<Vec<usize>> {
        let mut sets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in self.first.keys() {
            sets.entry(self.root(*at)).or_default().push(*at);
        }
        sets.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_stays_together_in_order() {
        let mut sets = Sets::new(&[1, 2, 5, 7, 9, 11]);
        sets.join(9, 2);
        sets.join(7, 5);
        sets.join(7, 9);
        sets.join(5, 2);
        assert_eq!(sets.into_sets(), [vec![1], vec![2, 5, 7, 9], vec![11]]);
    }

    #[test]
    fn a_copy_names_its_table() {
        let named = |copy: &str| {
            let entry = Entry {
                copy: copy.into(),
                ..Entry::default()
            };
            copied_table(&entry).map(str::to_owned)
        };
        assert_eq!(
            named("COPY public.a (id, b) FROM stdin;\n").as_deref(),
            Some("public.a")
        );
        assert_eq!(named("COPY s.nothing  FROM stdin;\n").as_deref(), Some("s.nothing "));
        assert_eq!(named(""), None);
    }
}
