//! A part of a backup is read back: frames drawn at random, each checked as it arrives.

use std::{collections::BTreeSet, ops::Range};

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::{Progress, archive::open_archive, read_back::note_damage};
use crate::{
    backup::{BackupId, Label, Record},
    catalog::Catalog,
    error::{Error, Result},
    pipeline::{Budget, SealedArchive},
    seal::{FRAME_OVERHEAD, LANES},
};

/// Frames that are read by one request: as many as are opened at once.
const FRAMES_AT_ONCE: u64 = LANES as u64;
/// Requests under way.
const REQUESTS: usize = 4;

/// What a sample of a backup found good.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sampled {
    /// The backup.
    pub id: BackupId,
    /// Its database.
    pub database: Label,
    /// Bytes of the archive in the bucket.
    pub sealed_bytes: u64,
    /// Bytes of these that were read, every one under a MAC that was checked. Header and last frame are always among
    /// them.
    pub read_bytes: u64,
    /// Frames of the archive.
    pub frames: u64,
    /// Frames that were read.
    pub frames_read: u64,
    /// When it ended.
    pub finished: Timestamp,
}

/// Reads so many percent of a backup's archive back, drawn at random, and checks every MAC of that. What was not read
/// stays unproven, and rows are not compared with what was dumped.
///
/// # Errors
/// The first fault. That the archive is damaged is left in the backup's mark, as far as these credentials may write.
pub async fn sample(catalog: &Catalog, record: &Record, percent: f64, progress: &Progress) -> Result<Sampled> {
    let archive = open_archive(catalog, record).await?;
    let frame_bytes = archive.header().frame_size as u64;
    let frames = archive.payload_bytes().div_ceil(frame_bytes).max(1);
    let drawn = draw(frames, percent)?;
    let read = read_all(&archive, &drawn, frame_bytes, progress).await;
    if let Err(error) = read {
        note_damage(catalog, record, &archive, &error).await;
        return Err(error);
    }
    let sealed_bytes = archive.sealed_bytes();
    let (frames_read, read_bytes) = read_of(&archive, &drawn, frames, frame_bytes);
    Ok(Sampled {
        id: record.id.clone(),
        database: record.database.clone(),
        sealed_bytes,
        read_bytes,
        frames,
        frames_read,
        finished: Timestamp::now(),
    })
}

/// Frames that were read, and the bytes of these and of the header. The last frame, which may be shorter than the others,
/// was read when the archive was opened.
fn read_of(archive: &SealedArchive, drawn: &[Range<u64>], frames: u64, frame_bytes: u64) -> (u64, u64) {
    let has_last = drawn.iter().any(|range| range.end == frames);
    let counted: u64 = drawn.iter().map(|range| range.end - range.start).sum();
    let whole = counted - u64::from(has_last);
    let (header, full) = (archive.header_bytes().len() as u64, frame_bytes + FRAME_OVERHEAD as u64);
    let last = archive.sealed_bytes().saturating_sub(header + (frames - 1) * full);
    (whole + 1, header + whole * full + last)
}

/// Draws groups of neighbouring frames, without repetition, until they are so many percent of all.
fn draw(frames: u64, percent: f64) -> Result<Vec<Range<u64>>> {
    let groups = frames.div_ceil(FRAMES_AT_ONCE);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    let wanted = ((groups as f64 * percent / 100.0).ceil() as u64).clamp(1, groups);
    let mut drawn = BTreeSet::new();
    // Floyd's: of the first n, one more; where it was drawn before, the n-th
    for last in groups - wanted..groups {
        let one = below(last + 1)?;
        if !drawn.insert(one) {
            drawn.insert(last);
        }
    }
    let frames_of = |group: u64| group * FRAMES_AT_ONCE..((group + 1) * FRAMES_AT_ONCE).min(frames);
    Ok(drawn.into_iter().map(frames_of).collect())
}

/// A number below `end`, each as likely.
fn below(end: u64) -> Result<u64> {
    let fair = u64::MAX - u64::MAX % end;
    loop {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|e| Error::Internal(format!("no random numbers: {e}")))?;
        let number = u64::from_le_bytes(bytes);
        if number < fair {
            return Ok(number % end);
        }
    }
}

async fn read_all(archive: &SealedArchive, drawn: &[Range<u64>], frame_bytes: u64, progress: &Progress) -> Result<()> {
    let frames: u64 = drawn.iter().map(|range| range.end - range.start).sum();
    progress.expect(frames * (frame_bytes + FRAME_OVERHEAD as u64));
    let budget = Budget::new(None);
    let ranges = drawn
        .iter()
        .map(|range| range.start * frame_bytes..range.end * frame_bytes);
    let reads = stream::iter(ranges).map(|range| read(archive, range, &budget, progress));
    let mut reads = reads.buffer_unordered(REQUESTS);
    while let Some(read) = reads.next().await {
        read?;
    }
    Ok(())
}

async fn read(archive: &SealedArchive, payload: Range<u64>, budget: &Budget, progress: &Progress) -> Result<()> {
    let mut payload = archive.payload(payload, budget, progress);
    while let Some(bytes) = payload.next().await? {
        payload.recycle(bytes);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_as_much_as_was_asked_for_and_nothing_twice() {
        for (frames, percent, groups) in [
            (1, 5.0, 1),
            (8, 100.0, 1),
            (801, 5.0, 6),
            (801, 100.0, 101),
            (800, 0.001, 1),
        ] {
            let drawn = draw(frames, percent).unwrap();
            assert_eq!(drawn.len(), groups, "{frames} {percent}");
            assert!(drawn.windows(2).all(|two| two[0].end <= two[1].start));
            assert!(drawn.iter().all(|range| range.start < range.end && range.end <= frames));
        }
    }

    #[test]
    fn every_frame_may_be_drawn() {
        let mut seen = BTreeSet::new();
        for _ in 0..2000 {
            seen.extend(draw(80, 5.0).unwrap().into_iter().flatten());
        }
        assert_eq!(seen.len(), 80);
    }
}
