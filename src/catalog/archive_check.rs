//! A close look at an archive: its header and its last frame, which costs two requests.

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

/// The most archives whose entity tag is another than that of the upload that one survey looks at: the newest ones.
/// Where a whole repository was copied, none has its old tag.
const OTHER_TAGS_LOOKED_AT: usize = 100;

/// The most archives in a row that don't open before the search for the newest one that does is given up.
const NEWEST_LOOKED_AT: usize = 100;

/// Archives looked at at once: each look holds a frame.
const LOOKS_AT_ONCE: usize = 8;

/// What a close look came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Header and last frame are what was sealed.
    Opens,
    /// It can't be counted on.
    Doubted(Doubt),
    /// It lies in cold storage, and is the object that was uploaded.
    Cold,
    /// A catalog key alone is at hand, which opens no archive: by its length it is the one that was sealed.
    Sealed,
}

impl Catalog {
    /// Reads header and last frame of a good record's archive, where a key at hand opens it.
    ///
    /// # Errors
    /// What the bucket refuses, other than that the object isn't there or lies in cold storage.
    pub async fn look_at(&self, record: &Record, object: &Object) -> Result<Look> {
        if !self.sees_inside(&record.database, &record.id).await? {
            return Ok(Look::Sealed);
        }
        match self.try_look(record, object).await {
            Ok(Ok(())) => Ok(Look::Opens),
            Ok(Err(error)) => Ok(Look::Doubted(Doubt::Changed(error))),
            Err(Error::Store(error)) if error.kind == Kind::NotFound => Ok(Look::Doubted(Doubt::Gone)),
            Err(Error::Store(error)) if error.kind == Kind::Cold => match Shown::of(record, Some(object)) {
                Shown::AsUploaded => Ok(Look::Cold),
                Shown::OtherTag => Ok(Look::Doubted(Doubt::Unseen)),
                Shown::Doubted(doubt) => Ok(Look::Doubted(doubt)),
            },
            Err(error) => Err(error),
        }
    }

    async fn try_look(&self, record: &Record, object: &Object) -> Result<std::result::Result<(), seal::Error>> {
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

    /// Looks at the newest good backup of a survey, and where that doesn't open at the one before it, and so on; and at
    /// one other in its turn, so that in time each is looked at.
    ///
    /// # Errors
    /// As [`Catalog::look_at`].
    pub async fn look_in_turn(&self, survey: &mut Survey, now: Timestamp) -> Result<()> {
        let good: Vec<usize> = survey.places_of_good();
        let Some((newest, others)) = good.split_first() else {
            return Ok(());
        };
        let turn = scattered(now);
        let other = (!others.is_empty()).then(|| others[turn % others.len()]);
        if let Some(other) = other {
            self.look_at_place(&mut survey.entries[other]).await?;
        }
        // what is called the newest good one is one that opens
        for at in [*newest].iter().chain(others).take(NEWEST_LOOKED_AT) {
            self.look_at_place(&mut survey.entries[*at]).await?;
            if survey.entries[*at].is_good() {
                break;
            }
        }
        Ok(())
    }

    /// Looks at the newest archives that bear another entity tag than what was uploaded.
    pub(super) async fn look_at_other_tags(&self, entries: &mut [CatalogEntry]) -> Result<()> {
        let others = entries
            .iter_mut()
            .filter(|one| one.record.is_good() && one.unsure == Some(Doubt::Another));
        self.look_at_all(others.take(OTHER_TAGS_LOOKED_AT).collect()).await
    }

    /// Looks at several archives, some at once.
    ///
    /// # Errors
    /// As [`Catalog::look_at`].
    pub async fn look_at_all(&self, all: Vec<&mut CatalogEntry>) -> Result<()> {
        let mut looks = stream::iter(all)
            .map(|one| self.look_at_place(one))
            .buffer_unordered(LOOKS_AT_ONCE);
        while let Some(looked) = looks.next().await {
            looked?;
        }
        Ok(())
    }

    /// Looks at one archive, unless that was done: an archive is looked at once a survey.
    ///
    /// # Errors
    /// As [`Catalog::look_at`].
    pub async fn look_at_place(&self, one: &mut CatalogEntry) -> Result<()> {
        let Some(archive) = one.archive.as_ref().filter(|_| !one.looked_at) else {
            return Ok(());
        };
        match self.look_at(&one.record, archive).await? {
            Look::Opens | Look::Sealed => {}
            Look::Cold => one.unseen = true,
            Look::Doubted(doubt) => one.doubt = Some(doubt),
        }
        one.looked_at = true;
        Ok(())
    }
}

/// A number of this minute. Ticks come at even distances, which may be a multiple of how many backups there are: as
/// they are, the minutes would choose the same one each time.
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
            let mut looked_at = vec![false; backups];
            for tick in 0..i64::try_from(backups * 20).unwrap() {
                let now = Timestamp::from_second(1_800_000_000 + tick * minutes * 60).unwrap();
                looked_at[scattered(now) % backups] = true;
            }
            assert!(
                looked_at.iter().all(|looked| *looked),
                "{minutes} {backups}: {looked_at:?}"
            );
        }
    }
}
