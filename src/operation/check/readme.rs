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
    /// It is there, byte for byte.
    Kept,
    /// It is of this newer version, and was not compared.
    Newer([u32; 3]),
    /// It says that it is this version's, and holds something else.
    Changed,
    /// Another object stands there.
    Foreign,
    /// Something is there, and these credentials can't look at it.
    Unseen,
    /// These credentials can't look whether something is there, and the service would write over it.
    Untried,
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
    let work = async { Ok(write_all(catalog, place).await) };
    match interrupt.or(work).await? {
        Ok(all) => tell(sheet, catalog, &all),
        Err(error) => sheet.warning(
            WHAT,
            format!("README.txt and restore-by-hand.md, which tell what this place is, are not there: {error}"),
            error.hint().unwrap_or_default(),
        ),
    }
    Ok(())
}

async fn write_all(catalog: &Catalog, place: &BucketFound) -> std::result::Result<Vec<(Explanation, Written)>, Error> {
    let store = catalog.store();
    let mut all = Vec::new();
    if is_not_mounted(catalog).await? {
        return Ok(all);
    }
    for explanation in explanations() {
        let written = match place.mode {
            AccessMode::DropBox => write_unseen(store, &explanation, place).await?,
            _ => write(store, &explanation, place).await?,
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

async fn write(store: &Store, explanation: &Explanation, place: &BucketFound) -> std::result::Result<Written, Error> {
    let key = store.location().key(explanation.name);
    let standing = match store.head(&key).await {
        // without the right to list, a missing object is denied
        Ok(None) => return write_new(store, explanation).await,
        Err(error) if error.kind == Kind::Denied => return write_unseen(store, explanation, place).await,
        standing => standing?,
    };
    let standing = standing.filter(|object| object.bytes <= BYTES_MAX);
    let Some(etag) = standing.and_then(|object| object.etag) else {
        return Ok(Written::Foreign);
    };
    match found(explanation, &store.read_first(&key, BYTES_MAX).await?) {
        Found::Current => return Ok(Written::Kept),
        Found::Changed => return Ok(Written::Changed),
        Found::Newer(version) => return Ok(Written::Newer(version)),
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

/// Writes it where nobody can look first: only if a trial has shown that the service writes over nothing.
async fn write_unseen(
    store: &Store,
    explanation: &Explanation,
    place: &BucketFound,
) -> std::result::Result<Written, Error> {
    match place.keeps_what_is_there {
        true => write_new(store, explanation).await,
        false => Ok(Written::Untried),
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

fn tell(sheet: &mut CheckSheet<'_>, catalog: &Catalog, all: &[(Explanation, Written)]) {
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
    let changed = named(|written| matches!(written, Written::Changed));
    if !changed.is_empty() {
        let place = catalog.store().location();
        return sheet.warning(
            WHAT,
            format!("{changed} was changed since pgcoffer wrote it: don't run what it says"),
            format!("delete {changed} below {place}: `pgcoffer check` writes it again; and see who may write there"),
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
    let untried = named(|written| matches!(written, Written::Untried));
    if !untried.is_empty() {
        let why = "these credentials can't see whether somebody's is there, and the service would write over it";
        return sheet.skipped(WHAT, format!("{untried} not written: {why}"));
    }
    sheet.ok(WHAT, facts(all, named).join("; "));
}

/// What is well, of each kind.
fn facts(all: &[(Explanation, Written)], named: impl Fn(fn(&Written) -> bool) -> String) -> Vec<String> {
    let mut facts = Vec::new();
    let mut add = |names: String, what: &str| {
        if !names.is_empty() {
            facts.push(format!("{names} {what}"));
        }
    };
    add(
        named(|written| matches!(written, Written::New | Written::Renewed)),
        "written: they say what this place is and how to restore from it",
    );
    add(named(|written| matches!(written, Written::Kept)), "up to date");
    for (explanation, written) in all {
        if let Written::Newer([major, minor, patch]) = written {
            let what = format!("from version {major}.{minor}.{patch}, which is newer: not compared");
            add(explanation.name.to_owned(), &what);
        }
    }
    add(
        named(|written| matches!(written, Written::Unseen)),
        "not read: these credentials can only write",
    );
    facts
}
