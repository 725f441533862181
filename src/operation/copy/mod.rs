//! Copies backups from one place to another: what is missing there, newest first.
//!
//! Of each backup the archive is read with every MAC checked, written under a name that doesn't exist until it is
//! complete, and confirmed there; then come the details, what people decided about it, and last the record, which is the
//! commit there as it is at the source. So a copy that was stopped at any moment has left nothing that looks like a
//! backup, and the next one goes on with what is missing.

mod archive;
mod decisions;
mod held;
mod memory;
mod place;
mod report;
mod streamed;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

pub(super) use self::streamed::{begin_streamed, finish_streamed};
use self::{
    archive::copy_archive,
    decisions::{bring_decisions, note_copied},
    held::uploads_in_progress,
};
pub use self::{
    decisions::copy_decisions,
    held::{PlaceHealth, held_copies, place_health},
    memory::CopyMemory,
    place::CopyPlace,
    report::{CopiedBackup, CopyReport, FailedCopy},
};
use super::{
    Clock, Interrupt, Progress,
    mark::{maker, protect_held},
    spans::{OUTCOME, step, traced},
};
use crate::{
    backup::{BackupId, Failure, Label, Record, Retention},
    catalog::{Catalog, CatalogEntry, Holdings},
    error::{Error, Result},
    panics::caught_as_error,
    store::{Attributes, Object},
};

/// How far the clocks of two services may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(15);

/// What is to be copied.
#[derive(Debug, Clone)]
pub struct CopyRequest {
    /// The only backup; none for all that belong there.
    pub only: Option<BackupId>,
    /// Whether to say what would be copied, and to write nothing.
    pub dry_run: bool,
    /// Whether somebody has asked for it: then an empty folder may be begun, and what is there is looked at more closely.
    pub by_hand: bool,
    /// The clock by which retentions end.
    pub clock: Clock,
    /// Shared by the copies that are made at the same time.
    pub memory: CopyMemory,
}

/// Copies what is missing of one database to one place. Safe to repeat and to cancel; what is there already costs three
/// lists. One backup that can't be copied doesn't keep the others, unless the place or the source as a whole is away.
///
/// # Errors
/// [`Error::Interrupted`] if `interrupt` was raised. Every other failure is in the report.
pub async fn copy(
    source: &Catalog,
    place: &CopyPlace,
    database: &Label,
    request: &CopyRequest,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<CopyReport> {
    let mut report = CopyReport::new(&place.name, database);
    let span = step!("copy", database = database.as_str(), place = place.name.as_str());
    let copying = Copying {
        source,
        place,
        request,
        progress,
        interrupt,
    };
    let work = caught_as_error(copying.carry_out(database, &mut report));
    let result = traced(span, work).await;
    place.catalog.store().settle().await;
    match result {
        Ok(()) => Ok(report),
        Err(error @ Error::Interrupted { .. }) => Err(error),
        Err(error) => {
            report.failure = Some(Failure::from(&error));
            Ok(report)
        }
    }
}

struct Copying<'a> {
    source: &'a Catalog,
    place: &'a CopyPlace,
    request: &'a CopyRequest,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
}

impl Copying<'_> {
    async fn carry_out(&self, database: &Label, report: &mut CopyReport) -> Result<()> {
        let now = self.request.clock.now();
        let survey = self.interrupt.or(self.source.survey(database, usize::MAX)).await?;
        if let Some(error) = survey.unsettled {
            return Err(error);
        }
        self.begin_place().await?;
        let there = self.interrupt.or(self.place.catalog.holdings(database)).await?;
        let stored = survey.entries.iter().filter(|one| one.archive.is_some());
        let stored: Vec<&CatalogEntry> = stored.filter(|one| !one.record.is_ahead(now)).collect();
        let newest = stored.iter().find(|one| one.is_good()).map(|one| one.record.id.clone());
        let others = self.copied_by_others(database).await?;
        let doubted = self.doubted_there(database).await?;
        for one in stored.into_iter().filter(|one| self.may_be_copied(one)) {
            let only = self.request.only.as_ref();
            let is_asked_for = only.is_some_and(|only| *only == one.record.id);
            if !is_asked_for && !self.place.wants(one, newest.as_ref(), now) {
                report.run_out += 1;
                continue;
            }
            report.wanted += 1;
            if only.is_some() && !is_asked_for {
                report.held += usize::from(there.holds(&one.record));
                continue;
            }
            if others.contains(&self.place.catalog.archive_key(&one.record)) {
                report.under_way += 1;
                continue;
            }
            let done = self
                .interrupt
                .or(async { Ok(self.bring(one, (&there, &doubted), report).await) })
                .await?;
            match done {
                Ok(()) => report.held += 1,
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => {
                    let stops = matches!(&error, Error::Store(error) if error.kind.is_of_all_objects());
                    tracing::error!(target: OUTCOME, database = %database, id = %one.record.id, "not copied to {}: {error}", self.place.name);
                    report.failed.push(FailedCopy {
                        id: one.record.id.clone(),
                        failure: Failure::from(&error),
                    });
                    if stops {
                        // what is there already is known
                        break;
                    }
                }
            }
        }
        if report.failed.is_empty() && self.request.only.is_none() && !self.request.dry_run {
            self.bring_drills(database, report).await?;
        }
        Ok(())
    }

    /// The archives that another process is copying there right now. Somebody who asks for a copy doesn't wait for it.
    async fn copied_by_others(&self, database: &Label) -> Result<Vec<String>> {
        if self.request.by_hand {
            return Ok(Vec::new());
        }
        let uploads = self.interrupt.or(uploads_in_progress(self.place, database)).await?;
        Ok(uploads.into_iter().map(|(key, _)| key).collect())
    }

    /// Makes sure that the place belongs to the same repository.
    async fn begin_place(&self) -> Result<()> {
        let Some(repository) = self.interrupt.or(self.source.repository_here()).await? else {
            return Err(self.source.no_backup_at_all("backup that could be copied").await);
        };
        if self.request.dry_run {
            return Ok(());
        }
        let may_begin = self.request.by_hand;
        self.interrupt
            .or(self.place.catalog.begin_copies(&repository, may_begin))
            .await
    }

    /// Brings one backup there, or what was decided about it since.
    async fn bring(
        &self,
        one: &CatalogEntry,
        (there, doubted): (&Holdings, &BTreeSet<BackupId>),
        report: &mut CopyReport,
    ) -> Result<()> {
        let record = &one.record;
        if there.holds(record) && !doubted.contains(&record.id) {
            if self.may_have_new_decisions(one, there)
                && let (Some(mark), false) = (&one.mark, self.request.dry_run)
                && bring_decisions(self.place, record, mark).await?
            {
                report.marks += 1;
            }
            return Ok(());
        }
        report.copied.push(CopiedBackup {
            id: record.id.clone(),
            bytes: record.sealed.as_ref().map_or(0, crate::backup::Sealed::bytes),
        });
        if self.request.dry_run {
            return Ok(());
        }
        self.progress.begin();
        let was_sent = self.copy_backup(one).await;
        if !was_sent.as_ref().is_ok_and(|was_sent| *was_sent) {
            report.copied.pop();
        }
        was_sent.map(drop)
    }

    /// Whether it is a good backup. Who asks for a copy by hand also has those tried that are not sure: each is read as
    /// a whole, so what is damaged is said, and what is good counts again.
    fn may_be_copied(&self, one: &CatalogEntry) -> bool {
        one.is_good() || (self.request.by_hand && one.record.is_good())
    }

    /// The copies that are not sure, as they were changed since they were read back: those are read once more, and
    /// copied anew if they are damaged. Only somebody who asks for a copy has every one of them looked at.
    async fn doubted_there(&self, database: &Label) -> Result<BTreeSet<BackupId>> {
        if !self.request.by_hand || self.request.dry_run {
            return Ok(BTreeSet::new());
        }
        let survey = self
            .interrupt
            .or(self.place.catalog.survey(database, usize::MAX))
            .await?;
        let doubted = survey.entries.iter().filter(|one| !one.is_sure());
        Ok(doubted.map(|one| one.record.id.clone()).collect())
    }

    /// Whether the mark at the source may have been changed since the one at the place was written, by their dates.
    fn may_have_new_decisions(&self, one: &CatalogEntry, there: &Holdings) -> bool {
        let date = |object: &Object| object.modified;
        let at_source = one.mark_object.as_ref().and_then(date);
        let at_place = there.marks.get(&one.record.id).and_then(date);
        match (at_source, at_place) {
            (Some(source), Some(place)) => self.request.by_hand || source + CLOCKS_APART > place,
            (None, Some(_)) => one.mark_object.is_some(),
            (_, None) => true,
        }
    }

    /// Copies one backup: the archive, the details, what people decided, and last the record. Says whether the archive
    /// was sent, and not there already.
    async fn copy_backup(&self, one: &CatalogEntry) -> Result<bool> {
        let (record, to) = (&one.record, &self.place.catalog);
        let (_, owner) = maker(to, record).await?;
        let attributes = self.attributes(one, owner);
        // read first, as without it there is nothing to copy
        let sealed_record = self.source.sealed_record(record).await?;
        let (archive, was_sent) = copy_archive(
            self.source,
            self.place,
            record,
            &attributes,
            (self.progress, &self.request.memory),
        )
        .await?;
        match self.source.sealed_details(record).await {
            Ok(Some(details)) => {
                let key = to.details_key(&record.database, &record.id);
                to.put_copy(&key, details, &attributes).await?;
            }
            Ok(None) => {}
            Err(Error::Store(error)) if error.kind.is_of_all_objects() => return Err(error.into()),
            // a backup without details restores all the same
            Err(error) => tracing::warn!(id = %record.id, "copied without its details: {error}"),
        }
        note_copied(self.place, record, &archive, one.mark.as_ref()).await?;
        let key = to.record_key(&record.database, &record.id);
        to.put_copy(&key, sealed_record, &attributes).await?;
        if let Some(hold) = one.hold() {
            protect_held(to, record, hold).await?;
        }
        tracing::info!(database = %record.database, id = %record.id, "copied to {}", self.place.name);
        Ok(was_sent)
    }

    /// The tags and the end of the lock at the place, by its own retention.
    fn attributes(&self, one: &CatalogEntry, owner: String) -> Attributes {
        let (retention, expires) = self.place.kept(one);
        let locks = self.place.catalog.store().locks();
        Attributes {
            tags: tags(&one.record, owner, retention, expires),
            locked_until: expires.filter(|end| locks && *end > self.request.clock.now()),
        }
    }

    /// Copies the reports of drills, which prove backups in every place.
    async fn bring_drills(&self, database: &Label, report: &mut CopyReport) -> Result<()> {
        let names = self.interrupt.or(self.source.drill_names(database)).await?;
        let there = self.interrupt.or(self.place.catalog.drill_names(database)).await?;
        let with_report = |names: &crate::catalog::DrillNames| {
            let reported = names.drills.iter().filter(|drill| drill.report.is_some());
            reported
                .map(|drill| drill.name.as_str().to_owned())
                .collect::<BTreeSet<_>>()
        };
        let there = with_report(&there);
        for drill in names.drills.iter().filter(|drill| !there.contains(drill.name.as_str())) {
            let copied = self.source.copy_drill(&self.place.catalog, database, drill);
            let copied = self.interrupt.or(async { Ok(copied.await) }).await?;
            match copied {
                Ok(copied) => report.drills += usize::from(copied),
                Err(Error::Store(error)) if error.kind.is_of_all_objects() => return Err(error.into()),
                Err(error) => tracing::warn!(database = %database, "the report of a drill was not copied: {error}"),
            }
        }
        Ok(())
    }
}

/// The tags of the objects of a backup, by which S3's lifecycle rules, IAM and cost reports can select them.
pub(super) fn tags(
    record: &Record,
    owner: String,
    retention: Retention,
    expires: Option<Timestamp>,
) -> Vec<(String, String)> {
    let mut tags = vec![
        ("pgcoffer:owner".to_owned(), owner),
        ("pgcoffer:database".to_owned(), record.database.to_string()),
        ("pgcoffer:tier".to_owned(), record.tier.to_string()),
        ("pgcoffer:retain".to_owned(), retention.to_string()),
    ];
    tags.extend(expires.map(|time| ("pgcoffer:expires".to_owned(), time.to_string())));
    tags
}
