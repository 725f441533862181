//! Compares the restored database with the backup: dumps it, and holds the dump against the archive.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Drill,
    default_privileges::restore_default_privileges,
    definitions::{Compared, Doubtful, Restored},
    entry_key::{EntryKey, key},
    ground::Scratch,
    report::DrillReport,
    routed_rows::with_roots,
    same_definition::is_same_definition,
    source::SourceDatabase,
    there::AlreadyThere,
};
use crate::{
    archive::{Contents, Entry},
    backup::{DrillFinding, DrilledLargeObjects, DrilledTable, FindingReason},
    error::{Error, Result},
    operation::{
        database_now::{DatabaseNow, DumpSettings, database_now},
        restore::{LeftOut, NotRestored, RestoreReport, decode_names},
    },
    postgres::{self, DefinedObject, FailureCause, FoundObject, Session, UncheckedConstraint},
    text::{Untrusted, counted},
};

/// Kinds whose failure says more of the scratch server's roles than of the backup.
const PRIVILEGES: &[&str] = &["ACL", "DEFAULT ACL"];

/// A backup that was restored for a drill.
pub(super) struct RestoredBackup {
    pub(super) report: RestoreReport,
    /// What was left out, by the id of its entry.
    pub(super) left_out: BTreeMap<i32, LeftOut>,
}

impl Drill<'_> {
    /// Compares everything, and adds what was found to the report.
    pub(super) async fn compare(
        &self,
        scratch: &Scratch,
        source: &SourceDatabase,
        before: &AlreadyThere,
        mut restored: RestoredBackup,
        report: &mut DrillReport,
    ) -> Result<()> {
        let mut backup = self.entries().await?;
        let mut session = Session::connect(&scratch.url).await?;
        decode_names(&mut session, &mut backup).await?;
        restore_default_privileges(&mut session, scratch, &backup, &mut restored.left_out).await?;
        session.close().await;
        let mut dump = match self.dumped(scratch, source).await {
            Err(error) if is_unreadable(&error) => {
                return self.unreadable(scratch, restored.report, report, error).await;
            }
            dumped => dumped?,
        };
        let mut session = Session::connect(&scratch.url).await?;
        decode_names(&mut session, &mut dump.entries).await?;
        self.look_at_server(&mut session, &mut report.scratch).await?;
        for index in session.invalid_indexes().await? {
            report.differences.push(DrillFinding {
                kind: "INDEX".into(),
                label: format!("index {}.{}", index.schema.identifier(), index.name.identifier()).into(),
                schema: index.schema,
                name: index.name,
                why: "it is not valid".into(),
                reason: FindingReason::Invalid,
            });
        }
        for constraint in session.unchecked_constraints().await? {
            report.differences.extend(unexpectedly_unchecked(constraint, &backup));
        }
        for table in session.tables_with_keys_switched_off().await? {
            let why = "its foreign keys are not enforced: their triggers are switched off (DISABLE TRIGGER ALL)";
            report
                .differences
                .push(of_object(table, FindingReason::Changed, why.to_owned()));
        }
        report
            .remarks
            .extend(self.other_collations(report.scratch.collation.as_ref()));

        let versions = self.versions_differ(scratch.server_major, dump.client_major);
        let failed = restored.report.failed.iter().map(key_of).collect();
        let comparison = Restored {
            role: &scratch.role,
            before,
            left_out: &restored.left_out,
            failed: &failed,
            versions_differ: versions.as_deref(),
        };
        let mut definitions = comparison.compare(&backup, &dump.entries);
        settle_doubts(&mut session, &mut definitions).await?;
        session.close().await;
        let is_left_out = |id: i32| restored.left_out.contains_key(&id);
        let was = with_roots(&restored.report.contents, &backup, is_left_out);
        let is = with_roots(&dump.contents, &dump.entries, |_| false);
        let rows = comparison.compare_rows((&backup, &was), (&dump.entries, &is));
        report.data.tables = DrilledTable::pairs(&was, &is);
        // an empty table that a platform has in every database is nothing that came back
        let found = is
            .tables
            .iter()
            .filter(|table| table.rows == 0 && before.has_rows(table));
        let of_platform: BTreeSet<_> = found.map(|table| (&table.schema, &table.name)).collect();
        report
            .data
            .tables
            .retain(|table| table.expected.is_some() || !of_platform.contains(&(&table.schema, &table.name)));
        report.data.large_objects = DrilledLargeObjects {
            expected: was.large_objects,
            found: is.large_objects,
        };
        report.data.definitions.clone_from(&was.definitions);
        report.differences.extend(rows.differences);
        report.differences.extend(definitions.differences);
        report.not_compared.extend(rows.not_compared);
        report.not_compared.extend(nothing_to_compare(&was));
        report.not_compared.extend(definitions.not_compared);
        add_restore(restored.report, report);
        report.remarks.extend(versions.map(|versions| {
            format!("{versions} were used: where they write one definition in two ways, it could not be compared")
        }));
        Ok(())
    }

    /// Reports what kept the role from reading the database back. Everything that the restore has made is its own.
    async fn unreadable(
        &self,
        scratch: &Scratch,
        restored: RestoreReport,
        report: &mut DrillReport,
        error: Error,
    ) -> Result<()> {
        let mut session = Session::connect(&scratch.url).await?;
        let objects = session.unreadable_objects().await?;
        session.close().await;
        if objects.is_empty() {
            return Err(error);
        }
        report.differences.extend(objects.into_iter().map(|object| {
            let why = format!(
                "it belongs to {}, and the role that restored may not read it",
                object.owner.identifier()
            );
            of_object(object, FindingReason::Owner, why)
        }));
        add_restore(restored, report);
        let nothing = "nothing else could be compared, as pg_dump reads all of a database or nothing";
        report.remarks.push(nothing.to_owned());
        Ok(())
    }

    /// What is in the reserved database before the restore.
    pub(super) async fn what_is_there(&self, scratch: &Scratch, source: &SourceDatabase) -> Result<AlreadyThere> {
        if !scratch.is_reserved {
            return Ok(AlreadyThere::default());
        }
        let mut dumped = self.dumped(scratch, source).await?;
        let mut session = Session::connect(&scratch.url).await?;
        decode_names(&mut session, &mut dumped.entries).await?;
        session.close().await;
        Ok(AlreadyThere::of(&dumped.contents, &dumped.entries))
    }

    /// Dumps the scratch database as a backup would, and reads the dump. Where the restoring role may not see all rows
    /// of its own tables, it is freed from their policies in between: definitions are as restored, rows are all.
    pub(super) async fn dumped(&self, scratch: &Scratch, source: &SourceDatabase) -> Result<DatabaseNow> {
        let mut session = Session::connect(&scratch.url).await?;
        let tables = session.tables_with_forced_policies().await?;
        if tables.is_empty() {
            session.close().await;
            return self.dump(scratch, source, false).await;
        }
        let definitions = self.dump(scratch, source, true).await?;
        session.fix_path().await?;
        session.lift_forced_policies(&tables).await?;
        session.close().await;
        let mut dumped = self.dump(scratch, source, false).await?;
        let is_table = |entry: &&Entry| entry.kind == "TABLE";
        let before: BTreeMap<EntryKey, &Entry> = definitions
            .entries
            .iter()
            .filter(is_table)
            .map(|entry| (key(entry), entry))
            .collect();
        for entry in dumped.entries.iter_mut().filter(|entry| is_table(&&**entry)) {
            if let Some(before) = before.get(&key(entry)) {
                entry.definition.clone_from(&before.definition);
            }
        }
        Ok(dumped)
    }

    async fn dump(&self, scratch: &Scratch, source: &SourceDatabase, schema_only: bool) -> Result<DatabaseNow> {
        let settings = DumpSettings {
            client_major: self.wanted_client(),
            // that of the backup, whatever a reserved database has
            encoding: source.encoding.clone(),
            schema_only,
            idle_timeout: self.request.dump_idle_timeout,
        };
        database_now(self.clients, &scratch.url, settings).await
    }

    /// Runs the user's own statements.
    pub(super) async fn check(&self, scratch: &Scratch, report: &mut DrillReport) -> Result<()> {
        let checks = &self.request.checks;
        let mut session = None;
        for (index, statement) in checks.statements().enumerate() {
            let session = match &mut session {
                Some(session) => session,
                none => none.insert(Session::connect(&scratch.url).await?),
            };
            let answer = session.run_check(statement).await?;
            let now = self.request.clock.now();
            report
                .checks
                .push(checks.judge(index, &answer, self.record.started, now));
        }
        if let Some(session) = session {
            session.close().await;
        }
        Ok(())
    }

    /// The major version of the pg_dump that made the backup, whose texts are compared best.
    fn wanted_client(&self) -> Option<u32> {
        self.record.source.as_ref().map(|source| source.client.major)
    }

    /// The versions in words, if server or pg_dump are of another major version than those of the backup.
    fn versions_differ(&self, server_major: u32, client_major: u32) -> Option<String> {
        let source = self.record.source.as_ref()?;
        let (server, client) = (source.server.major, source.client.major);
        if (server, client) == (server_major, client_major) {
            return None;
        }
        Some(match server == server_major {
            false => format!("PostgreSQL {server} and {server_major}"),
            true => format!("pg_dump {client} and {client_major}"),
        })
    }
}

/// The most definitions with two texts that the server is asked about. Where more differ, they differ.
const DOUBTS: usize = 2_000;

/// Lets the server read the backup's text of each definition that has another one now, and finds those that mean
/// something else.
async fn settle_doubts(session: &mut Session, compared: &mut Compared<'_>) -> Result<()> {
    let doubtful = std::mem::take(&mut compared.doubtful);
    for (at, doubt) in doubtful.into_iter().enumerate() {
        if at >= DOUBTS || !is_same(session, &doubt).await? {
            compared.add(doubt.finding);
        }
    }
    Ok(())
}

async fn is_same(session: &mut Session, doubt: &Doubtful<'_>) -> Result<bool> {
    // statements of another encoding can't be run as they were decoded
    if !doubt.was.undecoded.is_empty() || !doubt.is.undecoded.is_empty() {
        return Ok(false);
    }
    let object = DefinedObject {
        kind: doubt.is.kind.raw(),
        schema: doubt.is.schema.raw(),
        name: doubt.is.name.raw(),
        drop: doubt.is.drop.raw(),
    };
    let (was, is) = (doubt.was.definition.raw(), doubt.is.definition.raw());
    let both = session.parts_of_both(&object, was).await?;
    Ok(both.is_some_and(|[restored, again]| is_same_definition(was, is, &restored, &again)))
}

/// Whether pg_dump was refused a right, which nothing that the restore has made can cause.
fn is_unreadable(error: &Error) -> bool {
    let Error::Postgres(postgres::Error::DumpFailed(fault)) = error else {
        return false;
    };
    fault.cause == FailureCause::PermissionDenied
}

/// The finding of a backup without anything that could be compared. A URL with a wrong name leads to such a database.
fn nothing_to_compare(backup: &Contents) -> Option<DrillFinding> {
    (backup.tables.is_empty() && backup.large_objects.count == 0).then(|| DrillFinding {
        kind: "DATABASE".into(),
        schema: Untrusted::default(),
        name: Untrusted::default(),
        label: "the database".into(),
        why: "the backup holds no table and no large object".into(),
        reason: FindingReason::Other,
    })
}

fn of_object(object: FoundObject, reason: FindingReason, why: String) -> DrillFinding {
    let name = match object.schema.is_empty() {
        true => object.name.identifier(),
        false => format!("{}.{}", object.schema.identifier(), object.name.identifier()),
    };
    let kind = match object.kind.raw() {
        "BLOB" => "large object".to_owned(),
        kind => kind.to_lowercase(),
    };
    DrillFinding {
        label: format!("{kind} {name}").into(),
        kind: object.kind,
        schema: object.schema,
        name: object.name,
        why: why.into(),
        reason,
    }
}

/// The finding of a constraint that rows were not checked against, unless it is so in the backup.
fn unexpectedly_unchecked(constraint: UncheckedConstraint, backup: &[Entry]) -> Option<DrillFinding> {
    const UNCHECKED: [&str; 2] = ["NOT VALID", "NOT ENFORCED"];
    let same = backup
        .iter()
        .filter(|entry| entry.schema == constraint.schema && entry.name == constraint.name);
    let is_so = |entry: &Entry| UNCHECKED.iter().any(|words| entry.definition.raw().contains(words));
    // one that isn't enforced stands in the definition of its table
    let in_table = backup.iter().any(|entry| {
        let table = constraint.name.raw().split(' ').next().unwrap_or_default();
        entry.schema == constraint.schema && entry.name == table && is_so(entry)
    });
    if in_table || same.into_iter().any(is_so) {
        return None;
    }
    Some(DrillFinding {
        kind: "CONSTRAINT".into(),
        label: format!("constraint {} in {}", constraint.name, constraint.schema.identifier()).into(),
        schema: constraint.schema,
        name: constraint.name,
        why: "rows were not checked against it".into(),
        reason: FindingReason::Invalid,
    })
}

/// Adds what the restore reported by itself.
fn add_restore(restored: RestoreReport, report: &mut DrillReport) {
    for failed in restored.failed {
        let finding = DrillFinding {
            why: format!("it could not be restored: {}", failed.why.raw()).into(),
            reason: FindingReason::Failed,
            kind: failed.kind,
            schema: failed.schema,
            name: failed.name,
            label: failed.label,
        };
        match PRIVILEGES.contains(&finding.kind.raw()) {
            true => report.not_compared.push(finding),
            false => report.differences.push(finding),
        }
    }
    let others = restored.left_out.into_iter().filter(|it| !it.missing);
    report.left_out.extend(others);
    report.remarks.extend(restored.remarks);
    report.remarks.extend(warned(&restored.warnings));
}

/// What the programs of the restore have warned of. A line that none of them begins so is a piece of a name or a text with
/// line breaks: it says nothing alone, and one sentence says that there were such lines.
fn warned(lines: &[Untrusted]) -> Vec<String> {
    const BEGINNINGS: [&str; 9] = [
        "pg_restore:",
        "pg_dump:",
        "psql:",
        "WARNING:",
        "NOTICE:",
        "ERROR:",
        "DETAIL:",
        "HINT:",
        "and ",
    ];
    let is_message = |line: &&Untrusted| BEGINNINGS.iter().any(|beginning| line.raw().starts_with(beginning));
    let (messages, pieces): (Vec<&Untrusted>, Vec<&Untrusted>) = lines.iter().partition(is_message);
    let mut remarks: Vec<String> = messages.iter().map(|line| format!("warning: {line}")).collect();
    if !pieces.is_empty() {
        let pieces = counted(pieces.len(), "line");
        remarks.push(format!(
            "{pieces} of the restore's output hold pieces of names with line breaks, and are not shown"
        ));
    }
    remarks
}

fn key_of(failed: &NotRestored) -> EntryKey {
    (failed.kind.clone(), failed.schema.clone(), failed.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_names_are_no_warnings() {
        let lines = ["pg_restore: warning: one", "line\"", "  line\"", "and 3 more lines"].map(Untrusted::from);
        let remarks = warned(&lines);
        assert_eq!(remarks.len(), 3, "{remarks:?}");
        assert_eq!(
            remarks[..2],
            ["warning: pg_restore: warning: one", "warning: and 3 more lines"]
        );
        assert!(remarks[2].starts_with("2 lines of the restore's output"), "{remarks:?}");
        assert_eq!(warned(&[]), [""; 0]);
    }
}
