//! A target that is refused because it holds something, and that may be what an interrupted restore has left.

use std::collections::BTreeSet;

use super::RestoreRequest;
use crate::{
    archive::Entry,
    error::Error,
    operation::{part::OpenedArchive, table_name::full_name},
    postgres,
};

/// Adds to the error of a target that is not empty whether an interrupted restore of this backup may have left what is
/// there: all of its tables that are named are tables of the backup.
pub(super) fn or_unfinished(
    error: Error,
    request: &RestoreRequest,
    archive: &OpenedArchive,
    entries: &[Entry],
) -> Error {
    let Error::Postgres(postgres::Error::TargetNotEmpty { database, objects, .. }) = error else {
        return error;
    };
    let tables: BTreeSet<String> = entries
        .iter()
        .filter(|entry| entry.kind == "TABLE")
        .map(|entry| format!("table {}", full_name(entry)))
        .collect();
    let mut named = objects.iter().filter(|object| object.raw().starts_with("table "));
    let are_of_backup = named.clone().next().is_some() && named.all(|object| tables.contains(object.raw()));
    let can_resume = !request.single_transaction && archive.details.is_some();
    Error::Postgres(postgres::Error::TargetNotEmpty {
        database,
        objects,
        may_be_resumed: are_of_backup && can_resume,
    })
}
