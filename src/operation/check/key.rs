//! Checks the key: whether it is set, is strong, and opens what is in the bucket; and what the newest backups say about
//! the database that they are from.

use super::{Area, CheckDatabase, CheckRequest, bucket::BucketFound, sheet::CheckSheet};
use crate::{
    backup::Record,
    catalog::{Catalog, NearbyPlace, Survey},
    error::{Error, Result},
    operation::Interrupt,
    rights::AccessMode,
    seal::{RepositoryId, Secret},
    text::{counted, roughly},
};

/// The number of records that are examined.
const LOOKED_AT: usize = 5;
/// So many backups in a row with the same contents are suspicious.
const SAME: usize = 3;
/// The time that they must span: backups that are made by hand within minutes always have the same contents.
const SPAN_SECONDS: i64 = 86_400;

/// What the backups in the place are sealed for, if no key is set at all; empty if there are none, or it can't be seen.
pub(super) async fn sealed_for(
    catalog: Option<(&Catalog, &BucketFound)>,
    request: &CheckRequest,
    interrupt: &Interrupt,
) -> Result<Vec<String>> {
    let mut secrets = request.databases.iter().map(|one| &one.secret).chain([&request.secret]);
    let Some((catalog, _)) = catalog.filter(|(_, found)| found.readable && secrets.all(Option::is_none)) else {
        return Ok(Vec::new());
    };
    match interrupt.or(catalog.sealed_place()).await {
        Ok(place) => Ok(place.map(|place| place.sealed_for).unwrap_or_default()),
        Err(error @ Error::Interrupted { .. }) => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

pub(super) async fn key(
    sheet: &mut CheckSheet<'_>,
    catalog: Option<(&Catalog, &BucketFound)>,
    request: &CheckRequest,
    (database, sealed_for): (&CheckDatabase, &[String]),
    interrupt: &Interrupt,
) -> Result<()> {
    sheet.turn_to(Area::Key, database.label.as_str());
    strength(sheet, database.secret.as_ref(), sealed_for);
    if database.secret.is_none() {
        return Ok(());
    }
    match catalog {
        None => sheet.skipped("newest backup", "no bucket is configured"),
        Some((_, found)) if !found.answers => sheet.skipped("newest backup", "the bucket can't be used"),
        Some((_, found)) if !found.readable => sheet.skipped("newest backup", unreadable(found)),
        Some((catalog, _)) => {
            let looked = interrupt.or(catalog.survey(&database.label, LOOKED_AT));
            match looked.await {
                Ok(survey) => newest(sheet, request, database, &survey),
                Err(error @ Error::Interrupted { .. }) => return Err(error),
                Err(error) => sheet.failed("newest backup", error.to_string(), error.hint()),
            }
        }
    }
    Ok(())
}

/// Reports which repository is here, and whether a setting pins it.
pub(super) async fn repository(
    sheet: &mut CheckSheet<'_>,
    catalog: &Catalog,
    (found, sealed_for): (&BucketFound, &[String]),
    interrupt: &Interrupt,
) -> Result<()> {
    if !found.answers {
        return Ok(());
    }
    sheet.turn_to(Area::Bucket, catalog.store().location().to_string());
    match interrupt.or(catalog.settled_repository()).await {
        Ok(Some(id)) if catalog.is_pinned() => pinned(sheet, catalog, &id, interrupt).await?,
        // no warning: where nobody else can write to the bucket, it is all the same
        Ok(Some(id)) => sheet.ok(
            "repository",
            format!(
                "PGCOFFER_REPOSITORY={id}, which is not set here: if it is set, no other place can be passed off \
                as this one"
            ),
        ),
        Ok(None) => {
            let look = async { Ok(NearbyPlace::all_said(&catalog.nearby_places().await)) };
            let none = "none yet: the first backup creates one";
            match interrupt.or(look).await? {
                Some(elsewhere) => sheet.ok("repository", format!("{none}; but {elsewhere}")),
                None => sheet.ok("repository", none),
            }
        }
        Err(error @ Error::Interrupted { .. }) => return Err(error),
        Err(_) if !found.readable => sheet.skipped("repository", unreadable(found)),
        // that there is no key is said where keys are
        Err(Error::Seal { .. }) if !sealed_for.is_empty() => sheet.skipped(
            "repository",
            format!(
                "there are backups here, sealed for {}: no key is set to look",
                sealed_for.join(" and ")
            ),
        ),
        Err(error) => sheet.failed("repository", error.to_string(), error.hint()),
    }
    Ok(())
}

/// Whether the place is that of the pinned repository, and its key is at hand.
async fn pinned(sheet: &mut CheckSheet<'_>, catalog: &Catalog, id: &RepositoryId, interrupt: &Interrupt) -> Result<()> {
    let what = "repository";
    match interrupt.or(catalog.of_others()).await? {
        None => {
            let look = async {
                Ok(match catalog.databases().await {
                    Ok(databases) if databases.is_empty() => NearbyPlace::all_said(&catalog.nearby_places().await),
                    _ => None,
                })
            };
            let elsewhere = interrupt.or(look).await?;
            let elsewhere = elsewhere.map_or_else(String::new, |elsewhere| {
                format!("; there is no backup here so far, but {elsewhere}")
            });
            sheet.ok(what, format!("PGCOFFER_REPOSITORY={id}{elsewhere}"));
        }
        // a key of one's own is allowed
        Some(error @ Error::Seal { .. }) => {
            sheet.warning(what, error.to_string(), error.hint().unwrap_or_default());
        }
        Some(error) => sheet.failed(what, error.to_string(), error.hint()),
    }
    Ok(())
}

/// Whether there is a key, and one that may seal. `sealed_for` names the keys of the backups that are there.
pub(super) fn strength(sheet: &mut CheckSheet<'_>, secret: Option<&Secret>, sealed_for: &[String]) {
    let Some(secret) = secret else {
        let cure = match sealed_for.is_empty() {
            true => {
                "set PGCOFFER_KEY to what `pgcoffer keygen` prints, and keep a copy away from this machine".to_owned()
            }
            false => format!(
                "the backups that are there are sealed for {}: set PGCOFFER_KEY to that key (PGCOFFER_PASSPHRASE to that \
                 passphrase); it is on the recovery sheet, or where it was stored",
                sealed_for.join(" and ")
            ),
        };
        return sheet.failed("key", "there is no key, so nothing can be sealed", Some(cure));
    };
    if secret.is_catalog_key() {
        return sheet.ok(
            "key",
            format!(
                "{}: backups are listed, watched, held and pruned here, and none is made, verified or restored",
                secret.describe()
            ),
        );
    }
    match secret.check_strength() {
        Ok(()) => sheet.ok(
            "key",
            format!(
                "{}; keep a copy of it away from this machine, since without it no backup can be read",
                secret.describe()
            ),
        ),
        Err(error) => sheet.failed("key", error.to_string(), error.hint()),
    }
}

fn unreadable(found: &BucketFound) -> &'static str {
    match found.mode {
        AccessMode::DropBox => {
            "nothing is read in drop-box mode: check the key where restores are made, with `pgcoffer verify`"
        }
        _ => "it can't be read with these credentials",
    }
}

fn newest(sheet: &mut CheckSheet<'_>, request: &CheckRequest, database: &CheckDatabase, survey: &Survey) {
    if let Some((_, why)) = survey.unreadable.first() {
        sheet.failed("newest backup", why.to_string(), why.hint());
    }
    let now = request.clock.now();
    let good = survey.newest_good(now);
    match (good, survey.others) {
        (Some(record), _) => {
            let since = roughly(now.as_second() - record.started.as_second());
            let opens = match database.secret.as_ref().is_some_and(Secret::is_catalog_key) {
                true => "'s entry opens with this catalog key",
                false => " opens with this key",
            };
            sheet.ok("newest backup", format!("{}{opens}, {since} old", record.id));
        }
        (None, 0) if survey.entries.is_empty() => {
            sheet.ok("newest backup", "no backup yet");
        }
        (None, 0) => sheet.warning("newest backup", "none of the newest runs has made a good backup", "`pgcoffer \
            status` says why"),
        (None, others) => sheet.failed(
            "newest backup",
            format!(
                "{} here, made under another key, and no {} under this one",
                counted(others, "record"),
                if survey.entries.is_empty() { "record" } else { "good backup" }
            ),
            Some(match &database.secret {
                Some(Secret::Passphrase(_)) => "if they were made under a passphrase, this passphrase is another one: \
                    type it again, letter by letter; if under a key before, set that in PGCOFFER_OLD_KEYS, with the \
                    day it was replaced (KEY@2026-11-01)",
                Some(Secret::Catalog(_)) => "if the key was changed, put the earlier one's catalog key into \
                    PGCOFFER_OLD_KEYS, with the day it was replaced (KEY@2026-11-01); if not, this is the wrong one",
                _ => "if the key was changed, put the earlier one into PGCOFFER_OLD_KEYS, with the day it was replaced \
                    (KEY@2026-11-01); if not, this is the wrong one",
            }.to_owned()),
        ),
    }
    if good.is_some() && survey.others > 0 {
        let others = counted(survey.others, "record");
        sheet.warning(
            "earlier keys",
            format!("{others} under a key that is not set here: such backups can't be restored here"),
            "put that key into PGCOFFER_OLD_KEYS, with the day it was replaced (KEY@2026-11-01)",
        );
    }
    for other in &survey.other_repositories {
        let (records, id) = (counted(other.records, "record"), other.repository);
        let what = format!("{records} of another repository, {id}, under the same key");
        match &survey.unsettled {
            Some(error) => sheet.failed("other repositories", what, error.hint()),
            None => sheet.warning(
                "other repositories",
                what,
                "where that repository is the one that was meant, set PGCOFFER_REPOSITORY to it; otherwise find out who \
                 copied them there, before anything is deleted",
            ),
        }
    }
    source(sheet, database, survey);
}

/// Whether the newest backups look as if they were of a database that nobody uses any more.
fn source(sheet: &mut CheckSheet<'_>, database: &CheckDatabase, survey: &Survey) {
    let good: Vec<&Record> = survey
        .entries
        .iter()
        .map(|one| &one.record)
        .filter(|record| record.is_good())
        .collect();
    let Some(newest) = good.first() else { return };
    let server = newest.source.as_ref().map(|source| &source.server);
    if let Some(server) = server
        && server.database != database.url.database()
    {
        sheet.warning(
            "same database",
            format!(
                "the newest backup is of database {}, and the url names {}",
                server.database,
                database.url.database()
            ),
            "if that is intended (an upgrade may give a new name), do nothing; otherwise correct the url",
        );
    }
    let major = |record: &Record| record.source.as_ref().map(|source| source.server.major);
    if let [newest, before, ..] = good.as_slice()
        && major(newest) < major(before)
    {
        sheet.warning(
            "same database",
            format!(
                "the newest backup is of PostgreSQL {}, and the one before of {}",
                major(newest).unwrap_or(0),
                major(before).unwrap_or(0)
            ),
            "the url may point at the server from before an upgrade",
        );
    }
    same(sheet, &good);
}

/// Whether nothing has changed for some backups.
fn same(sheet: &mut CheckSheet<'_>, good: &[&Record]) {
    let holds = |record: &Record| record.counts.fingerprint;
    let alike = good.len() >= SAME
        && good[0].counts.rows > 0
        && good[0].started.as_second() - good[SAME - 1].started.as_second() >= SPAN_SECONDS
        && good[..SAME].iter().all(|one| holds(one) == holds(good[0]));
    if alike {
        sheet.warning(
            "still in use",
            format!("the newest {SAME} good backups have exactly the same rows"),
            "if the app writes every day, this may be the database from before an upgrade: compare the url with the \
             app's",
        );
    }
}
