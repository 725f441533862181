//! Finds and opens the archive of a backup, and compares it with its record.

use super::thaw::check_readable;
use crate::{
    archive::Contents,
    backup::{Counts, Details, Record, Status},
    catalog::Catalog,
    error::{Error, Result},
    pipeline::{ObjectSource, SealedArchive},
    store::Store,
    text::counted,
};

/// Differences that an error names.
const DIFFERENCES_NAMED: usize = 20;

/// The archive of a good backup, after its size, header and last frame were checked.
pub(super) async fn open_archive(catalog: &Catalog, record: &Record) -> Result<SealedArchive> {
    let sealed = match (&record.status, &record.sealed) {
        (Status::Succeeded, Some(sealed)) if sealed.objects.len() == 1 => sealed,
        (Status::Failed { .. }, _) => return Err(not_good(catalog, record).await?),
        (Status::Succeeded, Some(sealed)) => {
            let count = sealed.objects.len();
            let what = format!("its archive is made of {count} objects, and this version reads those of one");
            return Err(Error::differs(record.id.as_str(), what));
        }
        (Status::Succeeded, None) => {
            let what = "its record says that it succeeded and names no archive";
            return Err(Error::differs(record.id.as_str(), what));
        }
    };
    let source = stored_object(catalog.store(), &catalog.archive_key(record)).await?;
    if source.bytes() != sealed.bytes() {
        let what = format!(
            "it has {}, and {} were uploaded",
            counted(source.bytes(), "byte"),
            sealed.bytes()
        );
        return Err(Error::Differs {
            object: source.name(),
            what,
        });
    }
    let secrets = catalog.secrets_of(&record.database, &record.id);
    let expected = (&record.repository, record.id.as_str());
    let archive = SealedArchive::open(source, &secrets, Some(expected)).await?;
    Ok(archive.with_content_bytes_max(sealed.dump_bytes))
}

/// Looks at an archive in the bucket, which must exist and be readable now.
async fn stored_object(store: &Store, key: &str) -> Result<ObjectSource> {
    let name = store.url(key);
    let Some(object) = store.head(key).await? else {
        let what = "the record is there and its archive is gone: was it deleted, or expired by a lifecycle rule?";
        return Err(Error::differs(name, what));
    };
    check_readable(store, &object, &name).await?;
    Ok(ObjectSource::stored(store, object))
}

/// The error of a run that is not a good backup, with the reason of its failure.
pub(super) async fn not_good(catalog: &Catalog, record: &Record) -> Result<Error> {
    let failure = catalog.failure(record).await?;
    Ok(Error::NotGood {
        id: record.id.to_string(),
        why: failure.map_or_else(String::new, |failure| failure.error.to_string()),
    })
}

/// Compares what was read with what was dumped: by the fingerprint in the entry, and by the details, which show where
/// it differs.
pub(super) fn compare(record: &Record, details: Option<&Details>, contents: &Contents, name: &str) -> Result<()> {
    let differences = differences(record, details, contents);
    if differences.is_empty() {
        return Ok(());
    }
    let more = differences.len().saturating_sub(DIFFERENCES_NAMED);
    let mut what = differences[..differences.len() - more].join("; ");
    if more > 0 {
        what.push_str(&format!("; and {more} more"));
    }
    Err(Error::differs(
        name,
        format!("it isn't what the record says was dumped: {what}"),
    ))
}

fn differences(record: &Record, details: Option<&Details>, contents: &Contents) -> Vec<String> {
    let mut found = Details::default();
    found.take(contents);
    let mut differences = details.map_or_else(Vec::new, |details| details.differences(&found));
    let dumped = record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes);
    if contents.length != dumped {
        differences.push(format!(
            "the archive has {}, and pg_dump wrote {dumped}",
            counted(contents.length, "byte")
        ));
    }
    let (is, was) = (found.counts(), record.counts);
    if is.tables != was.tables {
        let tables = counted(is.tables, "table");
        differences.push(format!("it holds {tables}, and the record has {}", was.tables));
    }
    let is_same = Counts {
        warnings: was.warnings,
        ..is
    } == was;
    if !is_same && differences.is_empty() {
        differences.push("its tables or large objects differ".to_owned());
    }
    differences
}
