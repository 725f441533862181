//! Compares definitions: the text of every entry in the backup's table of contents with that of a dump of the restored
//! database.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    difference::difference,
    entry_key::{EntryKey, key, texts},
    privileges::{ComparedPrivileges, compare_privileges},
    there::AlreadyThere,
};
use crate::{
    archive::Entry,
    backup::{DrillFinding, FindingReason},
    operation::restore::{LeftOut, label},
    text::Untrusted,
};

/// Kinds that are not compared by their text: what belongs to the session or the database itself, and data, which is
/// compared by its rows.
const PASSED_OVER: &[&str] = &[
    "ENCODING",
    "STDSTRINGS",
    "SEARCHPATH",
    "DATABASE",
    "DATABASE PROPERTIES",
    "TABLE DATA",
    "BLOBS",
    "BLOB",
    "BLOB METADATA",
    "STATISTICS DATA",
];

/// Kinds that describe another object, whose kind stands before its name.
const ABOUT: &[&str] = &["COMMENT", "ACL", "SECURITY LABEL"];

/// Kinds whose text names the owner of the object and who has granted something.
const PRIVILEGES: &[&str] = &["ACL", "DEFAULT ACL"];

/// What is known about the restore whose result is compared.
pub(super) struct Restored<'a> {
    /// The role that owns everything in the restored database.
    pub(super) role: &'a str,
    /// What was left out, by the id of the entry.
    pub(super) left_out: &'a BTreeMap<i32, LeftOut>,
    /// What was in the database before.
    pub(super) before: &'a AlreadyThere,
    /// What failed, by kind, schema and name. It is reported by its own error.
    pub(super) failed: &'a BTreeSet<EntryKey>,
    /// The major versions of the backed-up server and of this one with their pg_dumps, if they differ: then the same
    /// definition may have two texts.
    pub(super) versions_differ: Option<&'a str>,
}

/// What the comparison found.
#[derive(Default)]
pub(super) struct Compared<'a> {
    pub(super) differences: Vec<DrillFinding>,
    pub(super) not_compared: Vec<DrillFinding>,
    /// Definitions with two texts, which the server may take for the same.
    pub(super) doubtful: Vec<Doubtful<'a>>,
}

/// One definition with two texts.
pub(super) struct Doubtful<'a> {
    pub(super) was: &'a Entry,
    pub(super) is: &'a Entry,
    /// What is found if they don't mean the same.
    pub(super) finding: DrillFinding,
}

impl Compared<'_> {
    /// Takes a finding for what it is.
    pub(super) fn add(&mut self, finding: DrillFinding) {
        match finding.reason {
            FindingReason::Version => self.not_compared.push(finding),
            _ => self.differences.push(finding),
        }
    }
}

impl Restored<'_> {
    /// Compares the definitions of a backup with those of the restored database. Entries are told by kind, schema and
    /// name; owners and tablespaces don't count, as the restore doesn't keep them.
    pub(super) fn compare<'a>(&self, backup: &'a [Entry], found: &'a [Entry]) -> Compared<'a> {
        let (backup, found) = (by_key(backup), by_key(found));
        let mut compared = Compared::default();
        for (key, entries) in &backup {
            match found.get(key) {
                None => self.missing(entries, &mut compared),
                Some(others) => self.both(entries, others, &mut compared),
            }
        }
        for (key, entries) in &found {
            if !backup.contains_key(key) && !self.before.has(key, entries) && !self.before.is_mark(key) {
                let first = entries[0];
                let why = "it is in the restored database, and not in the backup";
                compared.differences.push(finding(first, FindingReason::Added, why));
            }
        }
        compared
    }

    fn missing(&self, entries: &[&Entry], compared: &mut Compared<'_>) {
        for entry in entries {
            if self.failed.contains(&key(entry)) {
                continue;
            }
            match self.left_out.get(&entry.id) {
                Some(left_out) if !left_out.counts => (),
                Some(left_out) => {
                    let why = left_out.why.clone();
                    compared.not_compared.push(finding(entry, left_out.reason, why));
                }
                None if self.is_of_other_owner(entry) => self.privileges(entry, None, compared),
                None => {
                    let why = "it did not come back";
                    compared.differences.push(finding(entry, FindingReason::Missing, why));
                }
            }
        }
    }

    fn both<'a>(&self, entries: &[&'a Entry], others: &[&'a Entry], compared: &mut Compared<'a>) {
        let first = entries[0];
        if entries.iter().chain(others).any(|entry| is_not_whole(entry)) {
            let why = "its definition is too long to be compared";
            compared.not_compared.push(finding(first, FindingReason::TooLong, why));
            return;
        }
        let (was, is) = (texts(entries), texts(others));
        if was == is || self.failed.contains(&key(first)) {
            if let Some(stranger) = others.iter().find(|entry| self.is_of_stranger(entry)) {
                let why = format!(
                    "it belongs to {}, and not to the role that restored",
                    stranger.owner.identifier()
                );
                compared.differences.push(finding(stranger, FindingReason::Owner, why));
            }
            return;
        }
        if let Some(left_out) = entries.iter().find_map(|entry| self.left_out.get(&entry.id)) {
            if left_out.counts {
                let why = left_out.why.clone();
                compared.not_compared.push(finding(first, left_out.reason, why));
            }
            return;
        }
        if self.is_of_other_owner(first) {
            match (entries, others) {
                ([entry], [other]) => self.privileges(entry, Some(other), compared),
                _ => compared.not_compared.push(self.other_owner(first)),
            }
            return;
        }
        let changed = self.changed(first, &difference(&was.join("\n"), &is.join("\n")));
        match (entries, others) {
            ([was], [is]) => compared.doubtful.push(Doubtful {
                was,
                is,
                finding: changed,
            }),
            _ => compared.add(changed),
        }
    }

    /// A definition that is not as it was, in these words.
    fn changed(&self, entry: &Entry, why: &str) -> DrillFinding {
        match self.versions_differ {
            Some(versions) => {
                let why = format!("{versions} may write one definition in two ways; {why}");
                finding(entry, FindingReason::Version, why)
            }
            None => finding(entry, FindingReason::Changed, why),
        }
    }

    /// Compares privileges on an object that has another owner here. `found`: none if there are none.
    fn privileges(&self, entry: &Entry, found: Option<&Entry>, compared: &mut Compared<'_>) {
        let is = found.map_or("", |found| found.definition.raw());
        let now = found.map_or(self.role, |found| found.owner.raw());
        match compare_privileges(entry.definition.raw(), entry.owner.raw(), is, now) {
            ComparedPrivileges::Same => (),
            ComparedPrivileges::OfOwner => compared.not_compared.push(self.other_owner(entry)),
            ComparedPrivileges::Changed(why) => compared.add(self.changed(entry, &why)),
        }
    }

    /// Whether the text names an owner that the restored object doesn't have.
    fn is_of_other_owner(&self, entry: &Entry) -> bool {
        PRIVILEGES.contains(&entry.kind.raw()) && entry.owner.raw() != self.role
    }

    /// Whether something that the restore made belongs to another role than the one that made it.
    fn is_of_stranger(&self, entry: &Entry) -> bool {
        let is_own = entry.owner.is_empty() || entry.owner.raw() == self.role;
        // what describes another object has that one's owner, which may be of the platform
        let describes = ABOUT.contains(&entry.kind.raw()) || PRIVILEGES.contains(&entry.kind.raw());
        !is_own && !describes && !self.before.has(&key(entry), &[entry])
    }

    fn other_owner(&self, entry: &Entry) -> DrillFinding {
        let why = format!(
            "privileges name the owner, which is {} in the backup and {} here",
            entry.owner.identifier(),
            Untrusted::from(self.role).identifier()
        );
        finding(entry, FindingReason::Owner, why)
    }
}

fn by_key(entries: &[Entry]) -> BTreeMap<EntryKey, Vec<&Entry>> {
    let mut found: BTreeMap<EntryKey, Vec<&Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !is_passed_over(entry)) {
        found.entry(key(entry)).or_default().push(entry);
    }
    found
}

fn is_passed_over(entry: &Entry) -> bool {
    let (kind, name) = (entry.kind.raw(), entry.name.raw());
    let is_of_database = ABOUT.contains(&kind) && name.starts_with("DATABASE ");
    // the entry of public says only who owns it
    let is_of_public = kind == "SCHEMA" && name == "public";
    PASSED_OVER.contains(&kind) || is_of_database || is_of_public
}

/// Whether the end of the definition is unknown, as it is longer than what is kept of an archive.
fn is_not_whole(entry: &Entry) -> bool {
    entry.is_cut || entry.definition.is_empty()
}

pub(super) fn finding(entry: &Entry, reason: FindingReason, why: impl Into<Untrusted>) -> DrillFinding {
    DrillFinding {
        kind: entry.kind.clone(),
        schema: entry.schema.clone(),
        name: entry.name.clone(),
        why: why.into(),
        reason,
        label: label(entry).into(),
    }
}
