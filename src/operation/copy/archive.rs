//! The archive of one backup: read from one place with every MAC checked, written to another, and read back there.

use crc_fast::CrcAlgorithm;
use data_encoding::BASE64;

use super::{CopyMemory, CopyPlace};
use crate::{
    backup::Record,
    catalog::Catalog,
    error::{Error, Result},
    operation::{archive::open_archive, read_back::note_read},
    pipeline::{Budget, ObjectSource, Progress, SealedArchive},
    store::{Attributes, Kind, Object, PartPlan, Upload},
    text::Untrusted,
};

/// Copies the archive of a backup, unless it is there already and is good. Gives its object at the place, and whether it
/// was sent.
///
/// The object appears there completely or not at all. It was read as a whole and has the bytes that were uploaded first;
/// where the place computes no checksum of its own, it is read back there as a whole. Several ranges are read at once and
/// two parts are sent, so memory is that of a download and an upload. Safe to cancel: the upload is aborted.
///
/// # Errors
/// [`Error::Seal`] and [`Error::Differs`] if the archive is damaged at its source, which is noted there; any error of
/// either place; [`Error::Cold`] if the source is in cold storage.
pub(super) async fn copy_archive(
    source: &Catalog,
    place: &CopyPlace,
    record: &Record,
    attributes: &Attributes,
    (progress, memory): (&Progress, &CopyMemory),
) -> Result<(Object, bool)> {
    let key = place.catalog.archive_key(record);
    if let Some(there) = there_already(place, record, &key, progress).await? {
        return Ok((there, false));
    }
    let archive = open_archive(source, record).await?;
    let etag = archive.etag().map(Untrusted::from);
    let sent = send(&archive, place, record, (key.as_str(), attributes), (progress, memory)).await;
    match (&sent, etag) {
        // a copy is a verification: the source was read as a whole
        (Ok(_), Some(etag)) => note_read(source, record, etag, true).await,
        (Err(Error::Seal { .. } | Error::Differs { .. }), Some(etag)) => note_read(source, record, etag, false).await,
        _ => {}
    }
    let is_confirmed = sent?;
    let store = place.catalog.store();
    let Some(object) = store.head(&key).await? else {
        return Err(Error::differs(
            store.url(&key),
            "it is not there although it was written just now",
        ));
    };
    if !is_confirmed {
        read_back(place, record, object.clone(), &Progress::default()).await?;
    }
    Ok((object, true))
}

/// The archive that is there already, if every byte of it is right. One that is not is deleted: its name is ours, and no
/// record at the place names it yet.
async fn there_already(place: &CopyPlace, record: &Record, key: &str, progress: &Progress) -> Result<Option<Object>> {
    let store = place.catalog.store();
    let Some(object) = store.head(key).await? else {
        return Ok(None);
    };
    let what = match read_back(place, record, object.clone(), progress).await {
        Ok(()) => return Ok(Some(object)),
        Err(error @ (Error::Seal { .. } | Error::Differs { .. })) => error.to_string(),
        Err(error) => return Err(error),
    };
    tracing::warn!("{what}: it is copied anew");
    store.delete(key, object.etag.as_deref()).await?;
    Ok(None)
}

/// Sends the archive, and says whether the place has confirmed by a checksum of its own that it has these very bytes.
async fn send(
    archive: &SealedArchive,
    place: &CopyPlace,
    record: &Record,
    (key, attributes): (&str, &Attributes),
    (progress, memory): (&Progress, &CopyMemory),
) -> Result<bool> {
    let store = place.catalog.store();
    let plan = PartPlan::for_expected(archive.sealed_bytes(), store.parts_max());
    let _memory = memory.take(&plan).await;
    progress.expect(archive.sealed_bytes());
    let mut upload = store.resume_upload(key, plan, attributes).await?;
    if let Err(error) = fill(&mut upload, archive, place, record, progress).await {
        // what was sent is kept if the same bytes come again
        if !is_passing(&error) {
            upload.discard();
        }
        return Err(error);
    }
    match upload.complete().await {
        Ok(stored) => Ok(store.compares_bytes() && !stored.unconfirmed),
        // another machine copies it as well, and was first
        Err(error) if error.kind == Kind::Exists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes the whole archive, every MAC checked, and compares its checksum before the object exists.
async fn fill(
    upload: &mut Upload,
    archive: &SealedArchive,
    place: &CopyPlace,
    record: &Record,
    progress: &Progress,
) -> Result<()> {
    let mut crc = crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme);
    let mut frames = archive.sealed_frames(&Budget::new(None), progress);
    let header = archive.header_bytes();
    crc.update(header);
    upload.write(header).await?;
    progress.add_done(header.len());
    while let Some(sealed) = frames.next().await? {
        if upload.sends_next() {
            place.rate.take(sealed.len()).await;
        }
        crc.update(&sealed);
        upload.write(&sealed).await?;
        frames.recycle(sealed);
    }
    check_sum(record, crc, &archive.name())
}

fn is_passing(error: &Error) -> bool {
    match error {
        Error::Interrupted { .. } => true,
        Error::Store(error) => error.kind.is_passing(),
        _ => false,
    }
}

/// Compares what was read with the checksum in the record.
fn check_sum(record: &Record, crc: crc_fast::Digest, name: &str) -> Result<()> {
    let found = BASE64.encode(&crc.finalize().to_be_bytes());
    // without a checksum in the record there are the MACs of all frames
    let uploaded = record.object().map(|object| &object.crc64nvme);
    match uploaded.filter(|uploaded| !uploaded.is_empty()) {
        None => Ok(()),
        Some(uploaded) if *uploaded == found.as_str() => Ok(()),
        Some(uploaded) => {
            let what = format!("its bytes have checksum {found}, uploaded were {uploaded}");
            Err(Error::differs(name, what))
        }
    }
}

/// Reads an archive at the place back as a whole: its length, every MAC, and the checksum of its bytes.
pub(super) async fn read_back(place: &CopyPlace, record: &Record, object: Object, progress: &Progress) -> Result<()> {
    let store = place.catalog.store();
    let (name, bytes) = (store.url(&object.key), object.bytes);
    let expected_bytes = record.sealed.as_ref().map_or(0, crate::backup::Sealed::bytes);
    if bytes != expected_bytes {
        let what = format!("it has {bytes} bytes, and {expected_bytes} were uploaded");
        return Err(Error::differs(name, what));
    }
    let secrets = place.catalog.secrets_of(&record.database, &record.id);
    let expected = (&record.repository, record.id.as_str());
    let source = ObjectSource::stored(store, object);
    let archive = SealedArchive::open(source, &secrets, Some(expected)).await?;
    let mut crc = crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme);
    crc.update(archive.header_bytes());
    progress.expect(bytes);
    let mut frames = archive.sealed_frames(&Budget::new(None), progress);
    while let Some(sealed) = frames.next().await? {
        place.rate.take(sealed.len()).await;
        crc.update(&sealed);
        frames.recycle(sealed);
    }
    check_sum(record, crc, &name)
}
