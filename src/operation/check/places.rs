//! Checks the places that hold copies as the bucket is checked: whether each answers, and everything that copies need.

use super::{CheckReport, CheckRequest, Finding, place, readme, sheet::CheckSheet, sheet::Tell};
use crate::{
    backup::PlaceName,
    catalog::Catalog,
    error::{Error, Result},
    operation::{CopyPlace, Interrupt},
    rights::AccessMode,
    seal::RepositoryId,
    store::{self, FolderFacts, Store},
    text::escaped,
};

/// A place to be checked, or why it could not be connected to.
pub struct CheckPlace<'a> {
    /// Its name.
    pub name: PlaceName,
    /// The place.
    pub place: std::result::Result<&'a CopyPlace, Error>,
}

/// Tries every place beside the bucket, which is `source`. Each finding is reported when it is made. `repository`: the
/// one whose backups are copied there, if it is known.
///
/// # Errors
/// Only [`Error::Interrupted`]: everything else that goes wrong is a finding.
pub async fn check_places(
    source: &Catalog,
    places: Vec<CheckPlace<'_>>,
    repository: Option<RepositoryId>,
    request: &CheckRequest,
    interrupt: &Interrupt,
    tell: &(dyn Fn(&Finding) + Send + Sync),
) -> Result<CheckReport> {
    let mut sheet = CheckSheet::new(tell as Tell<'_>);
    let request = CheckRequest {
        // a place is written to and pruned, whatever the bucket's credentials are for
        mode: Some(AccessMode::Full),
        ..request.clone()
    };
    for one in places {
        sheet.turn_to_place(&one.name);
        let connected = match one.place {
            Ok(connected) => connected,
            Err(error @ Error::Interrupted { .. }) => return Err(error),
            Err(error) => {
                sheet.failed("reachable", error.to_string(), error.hint());
                continue;
            }
        };
        let catalog = &connected.catalog;
        let found = place(&mut sheet, Some(catalog), &request, interrupt).await?;
        let Some(found) = found.filter(|found| found.answers) else {
            continue;
        };
        readme::readme(&mut sheet, catalog, &found, interrupt).await?;
        let look = async {
            apart(&mut sheet, source.store(), catalog.store()).await;
            belongs(&mut sheet, catalog, repository).await;
            Ok(())
        };
        interrupt.or(look).await?;
    }
    Ok(sheet.into_report())
}

/// Whether what takes the bucket takes the place with it, as far as that can be seen.
async fn apart(sheet: &mut CheckSheet<'_>, bucket: &Store, place: &Store) {
    const WHAT: &str = "apart";
    const ELSEWHERE: &str = "name a place of another provider, or on another machine";
    let name = |store: &Store| store.location().bucket().map(|bucket| bucket.bucket.clone());
    let address = |store: &Store| store.s3().and_then(|s3| s3.address());
    if name(place).is_some() && name(place) == name(bucket) && address(place) == address(bucket) {
        let detail =
            "it is in the same bucket as PGCOFFER_BUCKET, under another prefix: what deletes one deletes the other";
        return sheet.warning(WHAT, detail, ELSEWHERE);
    }
    let Some(Ok(found)) = facts(place).await else {
        return;
    };
    if let Some(Ok(of_bucket)) = facts(bucket).await
        && of_bucket.device == found.device
    {
        let detail = "it is on the same file system as PGCOFFER_BUCKET: one broken disk destroys both";
        return sheet.warning(WHAT, detail, ELSEWHERE);
    }
    let Some(mounted) = found.mounted else {
        return;
    };
    let source = escaped(&mounted.source);
    if name(bucket).is_some_and(|bucket| mounted.is_of_bucket(&bucket)) {
        let detail = format!("PGCOFFER_BUCKET itself is mounted there ({source}), so what is there is no copy");
        return sheet.failed(WHAT, detail, Some(ELSEWHERE.to_owned()));
    }
    if mounted.is_of_some_bucket() {
        let detail = format!("a bucket is mounted there ({source}): see that it isn't PGCOFFER_BUCKET");
        sheet.warning(WHAT, detail, "name that bucket as s3://…, with credentials of its own");
    }
}

async fn facts(store: &Store) -> Option<std::result::Result<FolderFacts, store::Error>> {
    Some(store.folder()?.facts().await)
}

/// Whether the place belongs to the repository whose backups are copied there.
async fn belongs(sheet: &mut CheckSheet<'_>, catalog: &Catalog, repository: Option<RepositoryId>) {
    const WHAT: &str = "repository";
    match (catalog.repository_of_place().await, repository) {
        (Ok(None), _) => sheet.skipped(WHAT, "no copies are there yet: `pgcoffer copy` makes the first ones"),
        (Ok(Some(found)), Some(repository)) if found != repository => sheet.failed(
            WHAT,
            format!("it holds backups of repository {found}, and those in the bucket are of {repository}"),
            Some("give each repository a place of its own".to_owned()),
        ),
        (Ok(Some(found)), _) => sheet.ok(WHAT, format!("it holds copies of repository {found}")),
        (Err(error), _) => sheet.failed(WHAT, error.to_string(), error.hint()),
    }
}
