//! A part of an archive is read: only the frames that hold it are fetched, each under its MAC.

use std::ops::Range;

use pgcoffer::{
    Error,
    archive::Fingerprint,
    pipeline::{Budget, ContentReader, Progress, SealedArchive},
    seal::{self, HEADER_LEN_MAX},
};

use crate::{
    scene::{Scene, Taken, staged},
    testbed::S3Server,
};

/// Bytes of a frame in the object: 256 KiB and 64.
const FRAME_BYTES: u64 = (256 << 10) + 64;

#[test]
fn one_table_is_read_by_the_index_of_chunks_and_costs_its_own_frames() {
    staged(
        "ranges::one_table_is_read_by_the_index_of_chunks_and_costs_its_own_frames",
        one_table,
    );
}

async fn one_table(scene: Scene) {
    let taken = scene.take("one_table");
    for name in ["a_large", "b_small", "c_empty", "d_large"] {
        let before = fetched_bytes(&scene.bucket);
        let archive = scene.open(&taken.key).await.unwrap();
        let table = taken.table(name);
        let (payload, skipped) = chunks_of(&taken, table.span.0..table.span.1);
        let content = archive.content(payload.clone(), &Budget::new(None), &Progress::default());
        let content = all_of(content.unwrap()).await.unwrap();
        let block = &content[skipped..][..usize::try_from(table.span.1 - table.span.0).unwrap()];
        // what pg_dump wrote there, and what its fingerprint says
        let (start, end) = (
            usize::try_from(table.span.0).unwrap(),
            usize::try_from(table.span.1).unwrap(),
        );
        assert!(block == &taken.dump[start..end], "{name}");
        let rows = rows_of(block);
        assert_eq!(rows.len() as u64, table.rows, "{name}");
        assert_eq!(Fingerprint::of_rows(rows.into_iter()), table.fingerprint, "{name}");
        // header and last frame once, then what holds the chunks: a frame more at either end
        let fetched = fetched_bytes(&scene.bucket) - before;
        let at_most = HEADER_LEN_MAX as u64 + FRAME_BYTES + (payload.end - payload.start) + 3 * FRAME_BYTES;
        assert!(fetched <= at_most, "{name}: {fetched} of {at_most}");
        assert!(name != "b_small" || fetched < archive.sealed_bytes() / 2, "{fetched}");
    }
}

#[test]
fn every_range_is_what_stands_there() {
    staged("ranges::every_range_is_what_stands_there", every_range);
}

async fn every_range(scene: Scene) {
    let taken = scene.take("every_range");
    let archive = scene.open(&taken.key).await.unwrap();
    let all = payload(&archive, 0..archive.payload_bytes()).await.unwrap();
    assert_eq!(all.len() as u64, archive.payload_bytes());
    assert_eq!(all.len() as u64, taken.chunk_lengths.iter().sum::<u64>());
    let (frame, group) = (256 << 10, 8 * (256 << 10));
    for start in [
        0,
        1,
        frame - 1,
        frame,
        group - 1,
        group,
        group + frame + 1,
        all.len() - frame,
        all.len() - 1,
    ] {
        for length in [0, 1, frame + 1] {
            let end = (start + length).min(all.len());
            let given = payload(&archive, start as u64..end as u64).await.unwrap();
            assert!(given == all[start..end], "{start} {end}");
        }
    }
    assert!(
        payload(&archive, archive.payload_bytes()..archive.payload_bytes())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(payload(&archive, 5..u64::MAX).await.unwrap() == all[5..]);
}

#[test]
fn a_range_proves_itself_and_nothing_else() {
    staged("ranges::a_range_proves_itself_and_nothing_else", proves_itself);
}

async fn proves_itself(scene: Scene) {
    let taken = scene.take("proves_itself");
    let good = scene.bucket.read(&taken.key).unwrap();
    let header_len = scene.open(&taken.key).await.unwrap().header_bytes().len();
    let frame = |index: u64| {
        let range = seal::frame_range(header_len, 256 << 10, index);
        usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()
    };
    // the bytes of frames 4 to 6
    let asked = (4 * (256 << 10))..(7 * (256 << 10));
    let damaged = async |change: &dyn Fn(&mut Vec<u8>)| {
        let mut object = good.clone();
        change(&mut object);
        scene.bucket.write(&taken.key, object);
        let archive = scene.open(&taken.key).await?;
        payload(&archive, asked.clone()).await.map(drop)
    };
    // a frame of the range
    for index in 4..7 {
        for at in [frame(index).start, frame(index).start + 1000, frame(index).end - 1] {
            let ended = damaged(&|object| object[at] ^= 1).await;
            assert!(is(
                ended,
                |error| matches!(error, seal::Error::FrameChanged { frame, .. } if *frame == index)
            ));
        }
    }
    // two frames that have changed places; one that stands in the place of the next
    let exchange = |object: &mut Vec<u8>| {
        let (one, other) = (object[frame(4)].to_vec(), object[frame(6)].to_vec());
        object[frame(4)].copy_from_slice(&other);
        object[frame(6)].copy_from_slice(&one);
    };
    assert!(is(damaged(&exchange).await, |error| matches!(
        error,
        seal::Error::FrameChanged { frame: 4, .. }
    )));
    let double = |object: &mut Vec<u8>| object.copy_within(frame(4), frame(5).start);
    assert!(is(damaged(&double).await, |error| matches!(
        error,
        seal::Error::FrameChanged { frame: 5, .. }
    )));
    // an object that was cut short or goes on is found before any of it is given, wherever the range lies
    let cut = good.len() - usize::try_from(FRAME_BYTES).unwrap();
    for change in [
        &(|object: &mut Vec<u8>| object.truncate(cut)) as &dyn Fn(&mut Vec<u8>),
        &|object| {
            object.extend_from_slice(&good[frame(0)]);
        },
    ] {
        assert!(is(damaged(change).await, |_| true));
    }
    // what no range has read is unproven
    damaged(&|object| object[frame(3).start + 5] ^= 1).await.unwrap();
    damaged(&|object| object[frame(7).start + 5] ^= 1).await.unwrap();
}

fn is(ended: pgcoffer::Result<()>, expected: impl Fn(&seal::Error) -> bool) -> bool {
    match &ended {
        Err(Error::Seal { source, .. }) if expected(source) => true,
        _ => panic!("{ended:?}"),
    }
}

/// The bytes of the payload whose chunks hold these bytes of the dump, and how many bytes of the dump come before these
/// in the first chunk.
fn chunks_of(taken: &Taken, dump: Range<u64>) -> (Range<u64>, usize) {
    let first = dump.start / taken.chunk_bytes;
    let end = dump.end.div_ceil(taken.chunk_bytes);
    let begin = |chunk: u64| taken.chunk_lengths[..usize::try_from(chunk).unwrap()].iter().sum();
    let skipped = dump.start - first * taken.chunk_bytes;
    (begin(first)..begin(end), usize::try_from(skipped).unwrap())
}

async fn all_of(mut content: ContentReader) -> pgcoffer::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(bytes) = content.next().await? {
        all.extend_from_slice(bytes);
    }
    Ok(all)
}

async fn payload(archive: &SealedArchive, range: Range<u64>) -> pgcoffer::Result<Vec<u8>> {
    let mut payload = archive.payload(range, &Budget::new(None), &Progress::default());
    let mut all = Vec::new();
    while let Some(bytes) = payload.next().await? {
        all.extend_from_slice(&bytes);
        payload.recycle(bytes);
    }
    Ok(all)
}

/// The rows in a block of an archive: `1, int id, (int length, bytes)*, int 0`, ended by a line of its own.
fn rows_of(block: &[u8]) -> Vec<String> {
    let int = |at: usize| u32::from_le_bytes(block[at + 1..at + 5].try_into().unwrap()) as usize;
    let (mut at, mut text) = (6, Vec::new());
    while int(at) > 0 {
        text.extend_from_slice(&block[at + 5..at + 5 + int(at)]);
        at += 5 + int(at);
    }
    let text = String::from_utf8(text).unwrap();
    text.lines()
        .take_while(|line| *line != "\\.")
        .map(str::to_owned)
        .collect()
}

/// Bytes that were asked for by ranges so far.
fn fetched_bytes(bucket: &S3Server) -> u64 {
    let ranges = bucket.calls().into_iter().filter_map(|call| {
        let range = call.header("range")?.strip_prefix("bytes=")?.to_owned();
        let (start, end) = range.split_once('-')?;
        Some(end.parse::<u64>().ok()? + 1 - start.parse::<u64>().ok()?)
    });
    ranges.sum()
}
