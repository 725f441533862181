//! Executes a plan: deletes one object with each request, on the condition that it is the one that was looked at.

use jiff::Timestamp;

use super::{
    DeletionOutcome, LeftoverKind, LeftoverLine, PlannedPrune, PruneReport,
    leftovers::{Leftover, LeftoverObject},
};
use crate::{
    backup::{AnnouncedDeletion, Label, Retention},
    catalog::{Catalog, CatalogEntry, Survey},
    error::{Error, Result},
    operation::{Interrupt, announcement::check_announced},
    retention::{DeleteReason, KeepReason, RetentionVerdict},
    store::{Kind, Object, Store},
};

/// Deletes what the report's plan says, oldest first. Stops at a missing right, as the next request would fail as well.
pub(super) async fn delete_planned(
    catalog: &Catalog,
    planned: &PlannedPrune,
    report: &mut PruneReport,
    interrupt: &Interrupt,
) -> Result<()> {
    let mut denied = false;
    let deletions = report.backups.iter_mut().rev();
    for line in deletions.filter(|line| matches!(line.verdict, RetentionVerdict::Delete(_))) {
        let found = planned.survey.entries.iter().find(|one| one.record.id == line.id);
        let Some(one) = found.filter(|_| !denied) else {
            line.outcome = DeletionOutcome::NotReached;
            continue;
        };
        let attempt =
            interrupt.or(async { Ok(delete_backup(catalog, one, &line.verdict, planned.announced.as_ref()).await) });
        let attempt = attempt.await?;
        denied = is_denied(&attempt);
        match attempt {
            Ok(None) => {
                match line.verdict {
                    // the command says so itself, with what is left
                    RetentionVerdict::Delete(DeleteReason::Named) => tracing::debug!(id = %line.id, "deleted"),
                    _ => tracing::info!(id = %line.id, "deleted: {}", line.verdict),
                }
                line.outcome = DeletionOutcome::Deleted;
            }
            Ok(Some(held)) => line.verdict = RetentionVerdict::Keep(held),
            Err(error) => {
                tracing::warn!(id = %line.id, "{error}");
                line.outcome = DeletionOutcome::Failed(error.to_string());
            }
        }
    }
    for (leftover, line) in planned.leftovers.iter().zip(&mut report.leftovers) {
        if leftover.kept.is_some() {
            continue;
        }
        line.outcome = DeletionOutcome::NotReached;
        if denied {
            continue;
        }
        let attempt = delete_leftover(catalog, &report.database, leftover);
        let attempt = interrupt.or(async { Ok(attempt.await) }).await?;
        denied = is_denied(&attempt);
        (line.kept, line.outcome) = match attempt {
            Ok(None) => (None, DeletionOutcome::Deleted),
            Ok(kept) => (kept, DeletionOutcome::Stands),
            Err(error) => (None, DeletionOutcome::Failed(error.to_string())),
        };
    }
    Ok(())
}

/// Deletes a backup, the record first: from then on it is not a backup, whatever happens next. Deletes nothing if a
/// hold was set or its retention was changed since it was looked at, and returns that as the reason, as a prune of
/// thousands of objects takes minutes.
async fn delete_backup(
    catalog: &Catalog,
    one: &CatalogEntry,
    verdict: &RetentionVerdict,
    announced: Option<&AnnouncedDeletion>,
) -> Result<Option<KeepReason>> {
    let (store, record) = (catalog.store(), &one.record);
    let mark = catalog.mark(&record.database, &record.id).await?;
    if let Some(hold) = mark.as_ref().and_then(|mark| mark.hold.as_ref()) {
        let why = hold.to_string();
        return Ok(Some(KeepReason::Held { why }));
    }
    let retained = mark.as_ref().and_then(|mark| mark.retained.as_ref());
    if let Some(retained) = retained.filter(|_| record.is_good() && retained != one.retained()) {
        let until = retained.retention.expires(record.started);
        // a shorter one doesn't speak against what a user has named
        if *verdict != RetentionVerdict::Delete(DeleteReason::Named) || is_later(until, one.kept()) {
            return Ok(Some(KeepReason::Retained { until }));
        }
    }
    if let Some(announced) = announced
        // another deletion of the same backup takes the mark with it
        && store.head(&one.object.key).await?.is_some()
    {
        check_announced(mark.as_ref(), announced, store)?;
    }
    delete(store, &one.object).await?;
    // before the archive, because a later prune finds an archive by itself, and the details through it
    if let Some(details) = &one.details {
        delete(store, details).await?;
    }
    // an archive of another length is not the record's: the next prune judges it by its own header
    if let Some(archive) = one.archive.as_ref().filter(|_| one.has_archive()) {
        delete(store, archive).await?;
    }
    if one.mark_object.is_some() {
        catalog.delete_mark(&record.database, &record.id).await?;
    }
    Ok(None)
}

/// Whether a retention that ends then is longer than this one. Nobody knows when a count ends.
fn is_later(until: Option<Timestamp>, (before, ended): (Retention, Option<Timestamp>)) -> bool {
    match (until, ended) {
        (None, _) => before != Retention::Forever,
        (Some(until), Some(ended)) => until > ended,
        (Some(_), None) => matches!(before, Retention::Newest(_)),
    }
}

/// Deletes a leftover, unless it is a backup by now; then returns why it is kept.
async fn delete_leftover(catalog: &Catalog, database: &Label, leftover: &Leftover) -> Result<Option<String>> {
    let store = catalog.store();
    match &leftover.object {
        LeftoverObject::Upload(upload) => store.abort(upload).await?,
        LeftoverObject::Archive(id, _) | LeftoverObject::Details(id, _)
            if catalog.is_committed(database, id).await? =>
        {
            return Ok(Some("its record has come".to_owned()));
        }
        LeftoverObject::Archive(_, object)
        | LeftoverObject::Details(_, object)
        | LeftoverObject::Mark(object)
        | LeftoverObject::Turn(object)
        | LeftoverObject::Drill(object) => delete(store, object).await?,
    }
    Ok(None)
}

async fn delete(store: &Store, object: &Object) -> Result<()> {
    Ok(store.delete(&object.key, object.etag.as_deref()).await?)
}

fn is_denied<T>(attempt: &Result<T>) -> bool {
    matches!(attempt, Err(Error::Store(error)) if error.kind == Kind::Denied)
}

/// Checks that what was deleted is no longer listed, as some services answer a DELETE with 200 and delete nothing.
/// <https://github.com/benbjohnson/litestream/issues/976>
///
/// Returns the new survey, if anything was deleted.
pub(super) async fn check_deleted(
    catalog: &Catalog,
    planned: &PlannedPrune,
    report: &mut PruneReport,
) -> Result<Option<Survey>> {
    let something = report
        .backups
        .iter()
        .any(|line| line.outcome == DeletionOutcome::Deleted)
        || report
            .leftovers
            .iter()
            .any(|line| line.outcome == DeletionOutcome::Deleted);
    if !something {
        return Ok(None);
    }
    let mut survey = catalog.survey(&planned.survey.database, usize::MAX).await?;
    catalog.find_details(&mut survey).await?;
    survey.remember_looks(&planned.survey);
    let is_drill = |line: &LeftoverLine| line.kind == LeftoverKind::Drill && line.outcome == DeletionOutcome::Deleted;
    match report.leftovers.iter().any(is_drill) {
        true => drop(catalog.find_drills(&mut survey).await?),
        false => survey.remember_drills(&planned.survey),
    }
    let standing = &survey.keys;
    let stands = |outcome: &mut DeletionOutcome, found: Option<&String>| {
        if let (DeletionOutcome::Deleted, Some(key)) = (&*outcome, found) {
            *outcome = DeletionOutcome::Failed(format!("the service said that {key} is deleted, and it still stands"));
        }
    };
    for line in &mut report.backups {
        let found = line.keys.iter().find_map(|key| standing.get(key));
        stands(&mut line.outcome, found);
    }
    let mut aborted = false;
    for line in &mut report.leftovers {
        // the key of an upload may by now be that of its own backup
        match line.kind {
            LeftoverKind::Upload => aborted |= line.outcome == DeletionOutcome::Deleted,
            _ => stands(&mut line.outcome, standing.get(&line.key)),
        }
    }
    if aborted {
        look_for_uploads(catalog, &mut survey, planned, report).await?;
    } else {
        survey.remember_unfinished(&planned.survey);
    }
    Ok(Some(survey))
}

/// Checks the same for uploads: only those that are no longer listed were aborted.
async fn look_for_uploads(
    catalog: &Catalog,
    survey: &mut Survey,
    planned: &PlannedPrune,
    report: &mut PruneReport,
) -> Result<()> {
    let under_way = catalog.find_unfinished(survey).await?;
    for (leftover, line) in planned.leftovers.iter().zip(&mut report.leftovers) {
        if let (LeftoverObject::Upload(upload), DeletionOutcome::Deleted) = (&leftover.object, &line.outcome)
            && under_way.contains(upload)
        {
            let key = &line.key;
            line.outcome = DeletionOutcome::Failed(format!(
                "the service said that the upload of {key} is aborted, and it is still under way"
            ));
        }
    }
    Ok(())
}
