//! The plan, carried out: one object a request, each on the condition that it is the one that was looked at.

use super::{
    Fate, LeftoverKind, Prospect, PruneReport,
    leftovers::{Leftover, What},
};
use crate::{
    backup::Label,
    catalog::{Catalog, Standing, Survey},
    error::{Error, Result},
    operation::Interrupt,
    retention::{Keep, Verdict},
    store::{Kind, Object, Store},
};

/// Deletes what the report's plan says, oldest first. A right that is missing ends it: the next would fail alike.
pub(super) async fn carry_out(
    catalog: &Catalog,
    prospect: &Prospect,
    report: &mut PruneReport,
    interrupt: &Interrupt,
) -> Result<()> {
    let mut denied = false;
    let deletions = report.backups.iter_mut().rev();
    for line in deletions.filter(|line| matches!(line.verdict, Verdict::Delete(_))) {
        let found = prospect.survey.standing.iter().find(|one| one.record.id == line.id);
        let Some(one) = found.filter(|_| !denied) else {
            line.fate = Fate::NotReached;
            continue;
        };
        let attempt = interrupt.or(async { Ok(delete_backup(catalog, one).await) });
        let attempt = attempt.await?;
        denied = is_denied(&attempt);
        match attempt {
            Ok(None) => {
                tracing::info!(id = %line.id, "deleted: {}", line.verdict);
                line.fate = Fate::Deleted;
            }
            Ok(Some(held)) => line.verdict = Verdict::Keep(held),
            Err(error) => {
                tracing::warn!(id = %line.id, "{error}");
                line.fate = Fate::Failed(error.to_string());
            }
        }
    }
    for (leftover, line) in prospect.leftovers.iter().zip(&mut report.leftovers) {
        if leftover.kept.is_some() {
            continue;
        }
        line.fate = Fate::NotReached;
        if denied {
            continue;
        }
        let attempt = delete_leftover(catalog, &report.database, leftover);
        let attempt = interrupt.or(async { Ok(attempt.await) }).await?;
        denied = is_denied(&attempt);
        (line.kept, line.fate) = match attempt {
            Ok(None) => (None, Fate::Deleted),
            Ok(kept) => (kept, Fate::Stands),
            Err(error) => (None, Fate::Failed(error.to_string())),
        };
    }
    Ok(())
}

/// The record first: from then on it is no backup, whatever happens next. Not at all where somebody has put a hold on
/// it since it was looked at, which then is the reason to keep it: a prune of thousands of objects takes minutes.
async fn delete_backup(catalog: &Catalog, one: &Standing) -> Result<Option<Keep>> {
    let (store, record) = (catalog.store(), &one.record);
    let mark = catalog.mark(&record.database, &record.id).await?;
    if let Some(hold) = mark.and_then(|mark| mark.hold) {
        let why = hold.to_string();
        return Ok(Some(Keep::Held { why }));
    }
    delete(store, &one.object).await?;
    // before the archive, which a later prune finds by itself and its details by it
    if let Some(details) = &one.details {
        delete(store, details).await?;
    }
    // an archive of another length is not what the record vouched for: the next look judges it by its own header
    if let Some(archive) = one.archive.as_ref().filter(|_| one.has_archive()) {
        delete(store, archive).await?;
    }
    if let Some(mark) = &one.mark_object {
        delete(store, mark).await?;
    }
    Ok(None)
}

/// Deletes it, unless it is a backup by now: why it is kept then.
async fn delete_leftover(catalog: &Catalog, database: &Label, leftover: &Leftover) -> Result<Option<String>> {
    let store = catalog.store();
    match &leftover.what {
        What::Upload(upload) => store.abort(upload).await?,
        What::Archive(id, _) | What::Details(id, _) if catalog.is_committed(database, id).await? => {
            return Ok(Some("its record has come".to_owned()));
        }
        What::Archive(_, object) | What::Details(_, object) | What::Mark(object) | What::Turn(object) => {
            delete(store, object).await?
        }
    }
    Ok(None)
}

async fn delete(store: &Store, object: &Object) -> Result<()> {
    Ok(store.delete(&object.key, object.etag.as_deref()).await?)
}

fn is_denied<T>(attempt: &Result<T>) -> bool {
    matches!(attempt, Err(Error::Store(error)) if error.kind == Kind::Denied)
}

/// Services have been seen that answer a DELETE with 200 and delete nothing: only what isn't listed any more is gone.
/// <https://github.com/benbjohnson/litestream/issues/976>
///
/// Gives what was seen, where anything was deleted: how the database stands from then on.
pub(super) async fn look_again(
    catalog: &Catalog,
    prospect: &Prospect,
    report: &mut PruneReport,
) -> Result<Option<Survey>> {
    let something = report.backups.iter().any(|line| line.fate == Fate::Deleted)
        || report.leftovers.iter().any(|line| line.fate == Fate::Deleted);
    if !something {
        return Ok(None);
    }
    let mut survey = catalog.survey(&prospect.survey.database, usize::MAX).await?;
    catalog.find_details(&mut survey).await?;
    survey.remember_looks(&prospect.survey);
    let standing = &survey.keys;
    let stands = |fate: &mut Fate, found: Option<&String>| {
        if let (Fate::Deleted, Some(key)) = (&*fate, found) {
            *fate = Fate::Failed(format!("the service said that {key} is deleted, and it still stands"));
        }
    };
    for line in &mut report.backups {
        let found = line.keys.iter().find_map(|key| standing.get(key));
        stands(&mut line.fate, found);
    }
    let mut aborted = false;
    for line in &mut report.leftovers {
        // under the key of an upload its own backup may stand
        match line.kind {
            LeftoverKind::Upload => aborted |= line.fate == Fate::Deleted,
            _ => stands(&mut line.fate, standing.get(&line.key)),
        }
    }
    if aborted {
        look_for_uploads(catalog, &mut survey, prospect, report).await?;
    }
    Ok(Some(survey))
}

/// The same for uploads: only what isn't under way any more was aborted.
async fn look_for_uploads(
    catalog: &Catalog,
    survey: &mut Survey,
    prospect: &Prospect,
    report: &mut PruneReport,
) -> Result<()> {
    let under_way = catalog.find_unfinished(survey).await?;
    for (leftover, line) in prospect.leftovers.iter().zip(&mut report.leftovers) {
        if let (What::Upload(upload), Fate::Deleted) = (&leftover.what, &line.fate)
            && under_way.contains(upload)
        {
            let key = &line.key;
            line.fate = Fate::Failed(format!(
                "the service said that the upload of {key} is aborted, and it is still under way"
            ));
        }
    }
    Ok(())
}
