//! Checks an archive by its header and its last frame, which costs two requests.

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::{Catalog, CatalogEntry, Doubt, Survey, doubt::Shown};
use crate::{
    backup::Record,
    error::{Error, Result},
    seal::{self, Content, FrameKeys, HEADER_LEN_MAX, SealedHeader},
    store::{Kind, Object},
};

/// The most archives with another entity tag than their upload's that one survey checks, newest first. In a copied
/// repository, all of them have another tag.
const OTHER_TAGS_CHECKED: usize = 100;

/// The most archives that are tried until one of them opens.
const NEWEST_CHECKED: usize = 100;

/// The number of archives that are checked at once. Each check needs the memory of a frame.
const CHECKS_AT_ONCE: usize = 8;

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveCheck {
    /// Header and last frame are those that were sealed.
    Opens,
    /// It is not reliable.
    Doubted(Doubt),
    /// It is in cold storage, and is the object that was uploaded.
    Cold,
    /// Only a catalog key is available, which opens no archive. The length is right.
    Sealed,
}

impl Catalog {
    /// Checks header and last frame of a good record's archive, if there is a key that opens it.
    ///
    /// # Errors
    /// Any error of the bucket, except if the object is missing or in cold storage: those are results.
    pub async fn check_archive(&self, record: &Record, object: &Object) -> Result<ArchiveCheck> {
        if !self.sees_inside(&record.database, &record.id).await? {
            return Ok(ArchiveCheck::Sealed);
        }
        match self.try_check(record, object).await {
            Ok(Ok(())) => Ok(ArchiveCheck::Opens),
            Ok(Err(error)) => Ok(ArchiveCheck::Doubted(Doubt::Changed(error))),
            Err(Error::Store(error)) if error.kind == Kind::NotFound => Ok(ArchiveCheck::Doubted(Doubt::Gone)),
            Err(Error::Store(error)) if error.kind == Kind::Cold => match Shown::of(record, Some(object)) {
                Shown::AsUploaded => Ok(ArchiveCheck::Cold),
                Shown::OtherTag => Ok(ArchiveCheck::Doubted(Doubt::Unseen)),
                Shown::Doubted(doubt) => Ok(ArchiveCheck::Doubted(doubt)),
            },
            Err(error) => Err(error),
        }
    }

    async fn try_check(&self, record: &Record, object: &Object) -> Result<std::result::Result<(), seal::Error>> {
        let read = |range| self.store.read_range(&object.key, range, object.etag.as_deref());
        let beginning = read(0..object.bytes.min(HEADER_LEN_MAX as u64)).await?;
        let secrets = self.secrets_of(&record.database, &record.id);
        let (repository, id) = (record.repository, record.id.clone());
        let unlocked = spawn_blocking(move || {
            let (header, header_len) = SealedHeader::parse_whole(&beginning)?;
            header.check_is(&repository, id.as_str(), Content::Archive)?;
            let keys = header.unlock(&secrets)?;
            Ok::<_, seal::Error>((keys, header.frame_size, header_len))
        });
        let unlocked = unlocked.await.map_err(|e| Error::Internal(e.to_string()))?;
        let (keys, frame_size, header_len) = match unlocked {
            Ok(unlocked) => unlocked,
            Err(error) => return Ok(Err(error)),
        };
        let end = match seal::last_frame_range(header_len, frame_size, object.bytes) {
            Ok(end) => end,
            Err(error) => return Ok(Err(error)),
        };
        let frame = read(end.1.clone()).await?;
        Ok(opens(&keys, frame_size, end.0, &frame))
    }

    /// Checks the newest good backup of a survey, and if it doesn't open, the ones before it until one does. Also
    /// checks one other backup, a different one each time, so that all of them are checked in time.
    ///
    /// # Errors
    /// As [`Catalog::check_archive`].
    pub async fn check_some_archives(&self, survey: &mut Survey, now: Timestamp) -> Result<()> {
        let good: Vec<usize> = survey.places_of_good();
        let Some((newest, others)) = good.split_first() else {
            return Ok(());
        };
        let turn = scattered(now);
        let other = (!others.is_empty()).then(|| others[turn % others.len()]);
        if let Some(other) = other {
            self.check_entry(&mut survey.entries[other]).await?;
        }
        // the newest good backup must be one that opens
        for at in [*newest].iter().chain(others).take(NEWEST_CHECKED) {
            self.check_entry(&mut survey.entries[*at]).await?;
            if survey.entries[*at].is_good() {
                break;
            }
        }
        Ok(())
    }

    /// Checks the newest archives whose entity tag is not the upload's.
    pub(super) async fn check_other_tags(&self, entries: &mut [CatalogEntry]) -> Result<()> {
        let others = entries
            .iter_mut()
            .filter(|one| one.record.is_good() && one.unsure == Some(Doubt::Another));
        self.check_archives(others.take(OTHER_TAGS_CHECKED).collect()).await
    }

    /// Checks several archives, some of them at once.
    ///
    /// # Errors
    /// As [`Catalog::check_archive`].
    pub async fn check_archives(&self, all: Vec<&mut CatalogEntry>) -> Result<()> {
        let mut looks = stream::iter(all)
            .map(|one| self.check_entry(one))
            .buffer_unordered(CHECKS_AT_ONCE);
        while let Some(looked) = looks.next().await {
            looked?;
        }
        Ok(())
    }

    /// Checks one archive, unless this survey has done that already.
    ///
    /// # Errors
    /// As [`Catalog::check_archive`].
    pub async fn check_entry(&self, one: &mut CatalogEntry) -> Result<()> {
        let Some(archive) = one.archive.as_ref().filter(|_| !one.archive_checked) else {
            return Ok(());
        };
        match self.check_archive(&one.record, archive).await? {
            ArchiveCheck::Opens | ArchiveCheck::Sealed => {}
            ArchiveCheck::Cold => one.unseen = true,
            ArchiveCheck::Doubted(doubt) => one.doubt = Some(doubt),
        }
        one.archive_checked = true;
        Ok(())
    }
}

/// A pseudo-random number for this minute. Ticks come at regular intervals. An interval can be a multiple of the number
/// of backups, and then the minutes themselves would choose the same backup each time.
fn scattered(now: Timestamp) -> usize {
    let minute = u64::try_from(now.as_second() / 60).unwrap_or(0);
    // Fibonacci hashing: 2^64 divided by the golden ratio (Knuth, The Art of Computer Programming, volume 3, 6.4)
    usize::try_from(minute.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33).unwrap_or(0)
}

fn opens(keys: &FrameKeys, frame_size: usize, index: u64, frame: &[u8]) -> std::result::Result<(), seal::Error> {
    seal::open_frame(keys, frame_size, index, true, frame).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_backup_has_its_turn_however_the_ticks_are_spaced() {
        for (minutes, backups) in [(60, 30), (60, 60), (1440, 24), (15, 5), (7, 7)] {
            let mut archive_checked = vec![false; backups];
            for tick in 0..i64::try_from(backups * 20).unwrap() {
                let now = Timestamp::from_second(1_800_000_000 + tick * minutes * 60).unwrap();
                archive_checked[scattered(now) % backups] = true;
            }
            assert!(
                archive_checked.iter().all(|looked| *looked),
                "{minutes} {backups}: {archive_checked:?}"
            );
        }
    }
}
