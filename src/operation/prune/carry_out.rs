//! The plan, carried out: one object a request, each on the condition that it is the one that was looked at.

use std::collections::BTreeSet;

use super::{
    Fate, Prospect, PruneReport,
    leftovers::{Leftover, What},
};
use crate::{
    backup::Label,
    catalog::{Catalog, Standing},
    error::Result,
    operation::Interrupt,
    retention::Verdict,
    store::{Error, Kind, Object, Store},
};

/// Deletes what the report's plan says, oldest first. A right that is missing ends it: the next would fail alike.
pub(super) async fn carry_out(
    catalog: &Catalog,
    prospect: &Prospect,
    report: &mut PruneReport,
    interrupt: &Interrupt,
) -> Result<()> {
    let store = catalog.store();
    let mut denied = false;
    let deletions = report.backups.iter_mut().rev();
    for line in deletions.filter(|line| matches!(line.verdict, Verdict::Delete(_))) {
        let found = prospect
            .survey
            .standing
            .iter()
            .find(|one| one.record.id == line.id);
        let Some(one) = found.filter(|_| !denied) else {
            line.fate = Fate::NotReached;
            continue;
        };
        let deleted = interrupt
            .or(async { Ok(delete_backup(store, one).await) })
            .await?;
        denied = is_denied(&deleted);
        line.fate = fate(deleted);
        match &line.fate {
            Fate::Failed(why) => tracing::warn!(id = %line.id, "{why}"),
            _ => tracing::info!(id = %line.id, "deleted: {}", line.verdict),
        }
    }
    for (leftover, line) in prospect.leftovers.iter().zip(&mut report.leftovers) {
        if leftover.kept.is_some() {
            continue;
        }
        line.fate = Fate::NotReached;
        if !denied {
            let deleted = interrupt
                .or(async { Ok(delete_leftover(store, leftover).await) })
                .await?;
            denied = is_denied(&deleted);
            line.fate = fate(deleted);
        }
    }
    Ok(())
}

/// The record first: from then on it is no backup, whatever happens next.
async fn delete_backup(store: &Store, one: &Standing) -> std::result::Result<(), Error> {
    delete(store, &one.object).await?;
    // an archive of another length is not what the record vouched for: the next look judges it by its own header
    if let Some(archive) = one.archive.as_ref().filter(|_| one.has_archive()) {
        delete(store, archive).await?;
    }
    match &one.mark_object {
        Some(mark) => delete(store, mark).await,
        None => Ok(()),
    }
}

async fn delete_leftover(store: &Store, leftover: &Leftover) -> std::result::Result<(), Error> {
    match &leftover.what {
        What::Upload(upload) => store.abort(upload).await,
        What::Archive(object) | What::Mark(object) => delete(store, object).await,
    }
}

async fn delete(store: &Store, object: &Object) -> std::result::Result<(), Error> {
    store.delete(&object.key, object.etag.as_deref()).await
}

fn is_denied(deleted: &std::result::Result<(), Error>) -> bool {
    deleted
        .as_ref()
        .is_err_and(|error| error.kind == Kind::Denied)
}

fn fate(deleted: std::result::Result<(), Error>) -> Fate {
    match deleted {
        Ok(()) => Fate::Deleted,
        Err(error) => Fate::Failed(error.to_string()),
    }
}

/// Services have been seen that answer a DELETE with 200 and delete nothing: only what isn't listed any more is gone.
/// <https://github.com/benbjohnson/litestream/issues/976>
pub(super) async fn look_again(
    catalog: &Catalog,
    database: &Label,
    report: &mut PruneReport,
) -> Result<()> {
    let something = report.backups.iter().any(|line| line.fate == Fate::Deleted)
        || report
            .leftovers
            .iter()
            .any(|line| line.fate == Fate::Deleted);
    if !something {
        return Ok(());
    }
    let standing: BTreeSet<String> = catalog.keys(database).await?;
    let stands = |fate: &mut Fate, found: Option<&String>| {
        if let (Fate::Deleted, Some(key)) = (&*fate, found) {
            *fate = Fate::Failed(format!(
                "the service said that {key} is deleted, and it still stands"
            ));
        }
    };
    for line in &mut report.backups {
        let found = line.keys.iter().find_map(|key| standing.get(key));
        stands(&mut line.fate, found);
    }
    for line in &mut report.leftovers {
        stands(&mut line.fate, standing.get(&line.key));
    }
    Ok(())
}
