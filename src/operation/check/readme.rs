//! Puts the explanations into the place, so that whoever finds it knows what it is. Never over somebody else's object,
//! and never a reason to fail: without them a backup is none the worse.

use bytes::Bytes;

use super::{Area, CheckSheet, bucket::BucketFound};
use crate::{
    catalog::Catalog,
    error::Result,
    operation::Interrupt,
    readme::{BYTES_MAX, Explanation, Found, explanations, found},
    rights::AccessMode,
    store::{Attributes, Error, Kind, Store},
};

/// What the finding is called.
const WHAT: &str = "explanation";

/// What became of one of them.
enum Written {
    /// It was missing, and is there now.
    New,
    /// It was an older version's, and is this one's now.
    Renewed,
    /// It is there.
    Kept,
    /// Another object stands there.
    Foreign,
    /// Something is there, and these credentials can't look at it.
    Unseen,
}

/// Writes what is missing and what is older. Credentials that only read or prune write nothing; those that only write
/// write what is missing.
pub(super) async fn readme(
    sheet: &mut CheckSheet<'_>,
    catalog: &Catalog,
    place: &BucketFound,
    interrupt: &Interrupt,
) -> Result<()> {
    let writes = matches!(place.mode, AccessMode::Full | AccessMode::DropBox);
    if !place.answers || !writes {
        return Ok(());
    }
    sheet.turn_to(Area::Bucket, catalog.store().location().to_string());
    let work = async { Ok(write_all(catalog, place.mode).await) };
    match interrupt.or(work).await? {
        Ok(all) => tell(sheet, &all),
        Err(error) => sheet.warning(
            WHAT,
            format!("README.txt and restore-by-hand.md, which tell what this place is, are not there: {error}"),
            error.hint().unwrap_or_default(),
        ),
    }
    Ok(())
}

async fn write_all(catalog: &Catalog, mode: AccessMode) -> std::result::Result<Vec<(Explanation, Written)>, Error> {
    let store = catalog.store();
    let mut all = Vec::new();
    if is_not_mounted(catalog).await? {
        return Ok(all);
    }
    for explanation in explanations() {
        let written = match mode {
            AccessMode::DropBox => write_new(store, &explanation).await?,
            _ => write(store, &explanation).await?,
        };
        all.push((explanation, written));
    }
    Ok(all)
}

/// Whether a folder lacks the repository that a setting pins: what is not mounted there must not be written below.
async fn is_not_mounted(catalog: &Catalog) -> std::result::Result<bool, Error> {
    let store = catalog.store();
    if store.folder().is_none() || !catalog.is_pinned() {
        return Ok(false);
    }
    let repository = store.location().key("repository.pgc");
    Ok(store.head(&repository).await?.is_none())
}

async fn write(store: &Store, explanation: &Explanation) -> std::result::Result<Written, Error> {
    let key = store.location().key(explanation.name);
    let standing = match store.head(&key).await {
        // without the right to list, a missing object is denied
        Ok(None) => return write_new(store, explanation).await,
        Err(error) if error.kind == Kind::Denied => return write_new(store, explanation).await,
        standing => standing?,
    };
    let standing = standing.filter(|object| object.bytes <= BYTES_MAX);
    let Some(etag) = standing.and_then(|object| object.etag) else {
        return Ok(Written::Foreign);
    };
    match found(&store.read_first(&key, BYTES_MAX).await?) {
        Found::Current => return Ok(Written::Kept),
        Found::Foreign => return Ok(Written::Foreign),
        Found::Older => {}
    }
    let replaced = store
        .replace(&key, body(explanation), &Attributes::default(), &etag)
        .await;
    match replaced {
        Ok(()) => Ok(Written::Renewed),
        // another check was faster
        Err(error) if error.kind == Kind::Exists => Ok(Written::Kept),
        Err(error) => Err(error),
    }
}

async fn write_new(store: &Store, explanation: &Explanation) -> std::result::Result<Written, Error> {
    let key = store.location().key(explanation.name);
    match store.put_new(&key, body(explanation), &Attributes::default()).await {
        Ok(_) => Ok(Written::New),
        Err(error) if error.kind == Kind::Exists => Ok(Written::Unseen),
        Err(error) => Err(error),
    }
}

fn body(explanation: &Explanation) -> Bytes {
    Bytes::from(explanation.text.clone().into_bytes())
}

fn tell(sheet: &mut CheckSheet<'_>, all: &[(Explanation, Written)]) {
    let named = |fits: fn(&Written) -> bool| {
        let fitting = all.iter().filter(|(_, written)| fits(written));
        let names: Vec<&str> = fitting.map(|(explanation, _)| explanation.name).collect();
        names.join(" and ")
    };
    if all.is_empty() {
        return sheet.skipped(
            WHAT,
            "the repository that PGCOFFER_REPOSITORY says is not in this folder",
        );
    }
    let foreign = named(|written| matches!(written, Written::Foreign));
    if !foreign.is_empty() {
        sheet.warning(
            WHAT,
            format!("{foreign} is somebody else's here, and stays as it is: nothing tells what these backups are"),
            "give the backups a prefix of their own, as in s3://bucket/backups",
        );
        return;
    }
    let new = named(|written| matches!(written, Written::New | Written::Renewed));
    match new.as_str() {
        "" => sheet.ok(WHAT, "README.txt and restore-by-hand.md are there"),
        new => sheet.ok(
            WHAT,
            format!("{new} written: what this place is, and how to restore from it"),
        ),
    }
}
