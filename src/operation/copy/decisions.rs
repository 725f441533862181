//! What people decided about a backup, brought to the copies of it: a hold counts in every place.

use crate::{
    backup::{Checked, Mark, Record},
    catalog::Catalog,
    error::Result,
    operation::mark::{lift_hold, maker, of_mark, protect_held},
    store::Object,
    text::Untrusted,
};

use super::CopyPlace;

/// Brings what the mark at the source says to the mark at the place: holds and releases, retentions and acceptances,
/// whichever was decided last. A hold that is missing at the source ends at the place only if somebody has released it.
/// Says whether anything was changed.
///
/// # Errors
/// Any error of the place; [`crate::Error::Seal`] if the mark there can't be opened.
pub(super) async fn bring_decisions(place: &CopyPlace, record: &Record, source: &Mark) -> Result<bool> {
    let before = mark_there(place, record).await?;
    if !decides(source, &before) {
        return Ok(false);
    }
    // the tag and the legal hold that belong to it first, so that the backup is held in between
    if is_released(source, &before) {
        lift_hold(&place.catalog, record).await?;
    }
    let (secret, owner) = maker(&place.catalog, record).await?;
    let attributes = of_mark(record, owner);
    let take = |mark: &mut Mark| {
        let is_released = is_released(source, mark);
        if source.hold.is_some() || is_released {
            mark.hold.clone_from(&source.hold);
            mark.released.clone_from(&source.released);
        }
        if is_later(source, mark) {
            mark.retained.clone_from(&source.retained);
        }
        if mark.accepted.is_none() {
            mark.accepted.clone_from(&source.accepted);
        }
    };
    let changed = place
        .catalog
        .change_mark(&record.database, &record.id, &secret, &attributes, take);
    let changed = changed.await?;
    if let Some(hold) = &source.hold {
        protect_held(&place.catalog, record, hold).await?;
    }
    Ok(changed != before)
}

/// Brings what the mark at the source says of one backup to its copy at the place, if there is one. Says whether anything
/// was changed.
///
/// # Errors
/// Any error of either place.
pub async fn copy_decisions(source: &Catalog, place: &CopyPlace, record: &Record) -> Result<bool> {
    let key = place.catalog.record_key(&record.database, &record.id);
    let mark = source.mark(&record.database, &record.id).await?;
    match (mark, place.catalog.store().head(&key).await?) {
        (Some(mark), Some(_)) => bring_decisions(place, record, &mark).await,
        _ => Ok(false),
    }
}

/// Notes at the place that this object was read back as a whole and is good, with what the source's mark decides.
/// Written before the record, so that no copy counts for a moment without its hold.
///
/// # Errors
/// Any error of the place.
pub(super) async fn note_copied(
    place: &CopyPlace,
    record: &Record,
    archive: &Object,
    source: Option<&Mark>,
) -> Result<()> {
    let (secret, owner) = maker(&place.catalog, record).await?;
    let attributes = of_mark(record, owner);
    let at = place
        .catalog
        .store()
        .service_time()
        .unwrap_or_else(jiff::Timestamp::now);
    let checked = archive.etag.as_ref().map(|etag| Checked {
        etag: Untrusted::from(etag.as_str()),
        at,
        good: true,
    });
    let note = |mark: &mut Mark| {
        mark.checked.clone_from(&checked);
        if let Some(source) = source {
            mark.hold.clone_from(&source.hold);
            mark.retained.clone_from(&source.retained);
            mark.accepted.clone_from(&source.accepted);
        }
    };
    let noted = place
        .catalog
        .change_mark(&record.database, &record.id, &secret, &attributes, note);
    noted.await.map(drop)
}

async fn mark_there(place: &CopyPlace, record: &Record) -> Result<Mark> {
    let found = place.catalog.mark(&record.database, &record.id).await?;
    Ok(found.unwrap_or_else(|| Mark::new(&record.database, &record.id)))
}

/// Whether the mark at the source decides anything that the one at the place doesn't.
fn decides(source: &Mark, there: &Mark) -> bool {
    let holds = source.hold.is_some() && source.hold != there.hold;
    let accepts = source.accepted.is_some() && there.accepted.is_none();
    holds || is_released(source, there) || is_later(source, there) || accepts
}

/// Whether the hold at the place was released at the source.
fn is_released(source: &Mark, there: &Mark) -> bool {
    match (&source.hold, &source.released, &there.hold) {
        (None, Some(released), Some(hold)) => released.at >= hold.since,
        _ => false,
    }
}

/// Whether the retention at the source was decided later than that at the place.
fn is_later(source: &Mark, there: &Mark) -> bool {
    match (&source.retained, &there.retained) {
        (Some(source), Some(there)) => source.at > there.at,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::{Acceptance, BackupId, Hold, Label, Release};

    fn mark(change: impl FnOnce(&mut Mark)) -> Mark {
        let id = BackupId::parse("20261120T070000Z-rkropyeppww6").unwrap();
        let mut mark = Mark::new(&Label::parse("main").unwrap(), &id);
        change(&mut mark);
        mark
    }

    fn hold(since: &str) -> Hold {
        Hold {
            reason: "audit".into(),
            who: "joe".into(),
            since: since.parse().unwrap(),
        }
    }

    #[test]
    fn a_hold_ends_only_where_somebody_has_released_it() {
        let held = mark(|mark| mark.hold = Some(hold("2026-11-20T08:00:00Z")));
        let nothing = mark(|_| {});
        assert!(decides(&held, &nothing) && !decides(&held, &held));
        // the mark at the source was lost, or never was
        assert!(!decides(&nothing, &held));
        let release = |at: &str| {
            let at = at.parse().unwrap();
            mark(|mark| mark.released = Some(Release { who: "joe".into(), at }))
        };
        assert!(decides(&release("2026-11-21T08:00:00Z"), &held));
        // it was held once more since
        assert!(!decides(&release("2026-11-19T08:00:00Z"), &held));
    }

    #[test]
    fn an_acceptance_is_brought_once() {
        let accepted = mark(|mark| {
            mark.accepted = Some(Acceptance {
                who: "joe".into(),
                at: "2026-11-20T08:00:00Z".parse().unwrap(),
            });
        });
        assert!(decides(&accepted, &mark(|_| {})) && !decides(&accepted, &accepted));
    }
}
