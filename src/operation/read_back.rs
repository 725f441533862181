//! What a reading of a whole archive came to, noted in the backup's mark: lists and `latest` know from it that an
//! archive is damaged, or good although it is another object than was uploaded, and when it was last read back.

use jiff::Timestamp;

use super::mark::{maker, of_mark};
use crate::{
    backup::{Checked, Mark, Record},
    catalog::Catalog,
    error::{Error, Result},
    pipeline::SealedArchive,
    seal,
    store::Kind,
    text::Untrusted,
};

/// Whether the archive is good; `None` if the reading doesn't show it, such as if the bucket failed.
pub(super) fn verdict<T>(read: &Result<T>) -> Option<bool> {
    match read {
        Ok(_) => Some(true),
        // a missing key says nothing about the archive
        Err(Error::Seal {
            source: seal::Error::WrongKey { .. },
            ..
        }) => None,
        Err(Error::Seal { .. } | Error::Archive { .. } | Error::Payload { .. } | Error::Differs { .. }) => Some(false),
        Err(_) => None,
    }
}

/// Notes that the archive is damaged, if that is what an error of reading a part says.
pub(super) async fn note_damage(catalog: &Catalog, record: &Record, archive: &SealedArchive, error: &Error) {
    let is_damaged = matches!(error, Error::Seal { .. });
    if let Some(etag) = archive.etag().filter(|_| is_damaged) {
        note_read(catalog, record, etag.into(), false).await;
    }
}

/// Notes the result of reading the object with this entity tag. Not retried beyond the store's own attempts; of two
/// that note at once both are in the mark's history, and the later one counts. A failure is no more than a warning.
pub(super) async fn note_read(catalog: &Catalog, record: &Record, etag: Untrusted, good: bool) {
    let same = |known: &str| known.trim_matches('"') == etag.raw().trim_matches('"');
    let uploaded = record.object().and_then(|object| object.etag.as_deref());
    let is_as_uploaded = uploaded.is_none_or(same);
    let checked = Checked {
        etag: etag.clone(),
        at: catalog.store().service_time().unwrap_or_else(Timestamp::now),
        good,
    };
    let noted = async {
        let (secret, owner) = maker(catalog, record).await?;
        let attributes = of_mark(record, owner);
        let change = |mark: &mut Mark| mark.checked = Some(checked.clone());
        let changed = catalog.change_mark(&record.database, &record.id, &secret, &attributes, change);
        changed.await.map(drop)
    };
    match noted.await {
        Ok(()) => {}
        // nothing depends on it, and who may only read doesn't expect to write
        Err(Error::Store(error)) if error.kind == Kind::Denied && good && is_as_uploaded => {
            tracing::debug!("that {} was read back isn't noted in the bucket: {error}", record.id);
        }
        Err(error) => {
            let what = if good { "good" } else { "damaged" };
            tracing::warn!(
                "that {} was read and is {what} can't be noted in the bucket: {error}",
                record.id
            );
        }
    }
}
