//! What stands in `sealed/`, file by file.

use super::catalog::catalog_keys;
use super::header_faults::{headers, salts, several_slots, slots};
use super::writer::{FRAME_SIZE, frame, frame_of, frames, header, key_slot, lines};

pub(crate) const MASTER_KEY: [u8; 32] = numbers(0);
pub(crate) const OTHER_KEY: [u8; 32] = numbers(100);
pub(crate) const DATA_KEY: [u8; 32] = numbers(0x40);
const OTHER_DATA_KEY: [u8; 32] = numbers(0x60);
pub(crate) const PASSPHRASE: &str = "hamster waltz onyx brisk turnip";

/// What the reader holds.
#[derive(Clone, Copy)]
pub(crate) enum Held {
    Key,
    OtherKey,
    /// the catalog key of `Key`
    CatalogKey,
    Passphrase(&'static str),
}

impl Held {
    pub(crate) fn key(self) -> Option<[u8; 32]> {
        match self {
            Self::Key => Some(MASTER_KEY),
            Self::OtherKey => Some(OTHER_KEY),
            Self::CatalogKey | Self::Passphrase(_) => None,
        }
    }
}

pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) held: Held,
    pub(crate) verdict: String,
    pub(crate) bytes: Vec<u8>,
    /// Of those that open.
    pub(crate) plaintext: Option<Vec<u8>>,
}

pub(crate) fn all() -> Vec<Vector> {
    [
        opening(),
        changed_frames(),
        ends(),
        orders(),
        authentic_and_wrong(),
        headers(),
        slots(),
        several_slots(),
        salts(),
        catalog_keys(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const fn numbers(first: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 32 {
        bytes[at] = first + at as u8;
        at += 1;
    }
    bytes
}

pub(crate) fn plaintext(len: usize) -> Vec<u8> {
    let words = b"INSERT INTO coffer VALUES (1, 'one'), (2, 'two');\n";
    words.iter().copied().cycle().take(len).collect()
}

pub(crate) fn fails(name: &str, verdict: &str, bytes: Vec<u8>) -> Vector {
    let (name, verdict) = (format!("{name}.pgc"), verdict.to_owned());
    Vector {
        name,
        held: Held::Key,
        verdict,
        bytes,
        plaintext: None,
    }
}

pub(crate) fn opens(name: &str, held: Held, bytes: Vec<u8>, plaintext: Vec<u8>) -> Vector {
    Vector {
        held,
        plaintext: Some(plaintext),
        ..fails(name, "opens", bytes)
    }
}

pub(crate) fn head() -> Vec<u8> {
    header_with(&[key_slot(&MASTER_KEY, &DATA_KEY)])
}

pub(crate) fn header_with(slots: &[String]) -> Vec<u8> {
    header(&DATA_KEY, &[lines(), slots.to_vec()].concat())
}

pub(crate) fn object(head: Vec<u8>, frames: &[Vec<u8>]) -> Vec<u8> {
    [head, frames.concat()].concat()
}

pub(crate) fn whole(head: Vec<u8>, len: usize) -> Vec<u8> {
    object(head, &frames(&DATA_KEY, FRAME_SIZE, &plaintext(len)))
}

/// Four frames, the last of 100 bytes.
fn four() -> Vec<Vec<u8>> {
    frames(&DATA_KEY, FRAME_SIZE, &plaintext(3 * FRAME_SIZE + 100))
}

fn opening() -> Vec<Vector> {
    let lengths = [
        ("empty", 0),
        ("one_byte", 1),
        ("block_less_one", 15),
        ("one_block", 16),
        ("exactly_one_frame", FRAME_SIZE),
        ("one_frame_and_a_byte", FRAME_SIZE + 1),
        ("exactly_two_frames", 2 * FRAME_SIZE),
        ("exactly_eight_frames", 8 * FRAME_SIZE),
        ("nine_frames", 8 * FRAME_SIZE + 100),
    ];
    let by_length = lengths.map(|(name, len)| opens(name, Held::Key, whole(head(), len), plaintext(len)));
    let frame_size_4112 = {
        let mut lines = lines();
        lines[5] = "frame 4112".to_owned();
        lines.push(key_slot(&MASTER_KEY, &DATA_KEY));
        let frames = frames(&DATA_KEY, 4112, &plaintext(9000));
        opens(
            "frame_size_4112",
            Held::Key,
            object(header(&DATA_KEY, &lines), &frames),
            plaintext(9000),
        )
    };
    let record = {
        let mut lines = lines();
        lines[3] = "content record".to_owned();
        lines[4] = "compression zstd".to_owned();
        lines.push(super::writer::entry_slot(&MASTER_KEY, &DATA_KEY));
        let frames = frames(&DATA_KEY, FRAME_SIZE, &plaintext(50));
        opens(
            "record",
            Held::Key,
            object(header(&DATA_KEY, &lines), &frames),
            plaintext(50),
        )
    };
    by_length.into_iter().chain([frame_size_4112, record]).collect()
}

fn changed_frames() -> Vec<Vector> {
    let change = |name: &str, frame: usize, at: usize| {
        let mut frames = four();
        let place = if at == usize::MAX { frames[frame].len() - 1 } else { at };
        frames[frame][place] ^= 1;
        let verdict = if frame == 3 {
            "frame 3 changed or cut short inside".to_owned()
        } else {
            format!("frame {frame} changed")
        };
        fails(name, &verdict, object(head(), &frames))
    };
    vec![
        change("frame_0_changed", 0, 16),
        change("frame_1_iv_changed", 1, 0),
        change("frame_2_tag_changed", 2, usize::MAX),
        change("frame_3_changed", 3, 40),
    ]
}

fn ends() -> Vec<Vector> {
    let all = object(head(), &four());
    let start = |frame: usize| head().len() + frame * (FRAME_SIZE + 64);
    let full = whole(head(), 2 * FRAME_SIZE);
    let with = |bytes: &[u8], more: &[u8]| [bytes, more].concat();
    vec![
        fails("cut_before_frame_0", "cut short before frame 0", head()),
        fails("cut_after_frame_0", "cut short after frame 0", all[..start(1)].to_vec()),
        fails("cut_after_frame_2", "cut short after frame 2", all[..start(3)].to_vec()),
        fails(
            "cut_inside_frame_1",
            "frame 1 changed or cut short inside",
            all[..start(1) + 1600].to_vec(),
        ),
        fails(
            "cut_inside_frame_1_iv",
            "cut short after frame 0",
            all[..start(1) + 15].to_vec(),
        ),
        fails(
            "cut_last_byte",
            "cut short after frame 2",
            all[..all.len() - 1].to_vec(),
        ),
        fails("trailing_byte", "bytes after frame 3", with(&all, b"\n")),
        fails("trailing_bytes", "bytes after frame 3", with(&all, &[0; 64])),
        fails(
            "trailing_frames",
            "bytes after frame 3",
            with(&all, &[0; 3 * FRAME_SIZE]),
        ),
        fails(
            "trailing_bytes_after_full_frame",
            "bytes after frame 1",
            with(&full, &[0; 64]),
        ),
        fails("nothing", "not sealed", Vec::new()),
    ]
}

fn orders() -> Vec<Vector> {
    let order = |name: &str, verdict: &str, order: &[usize]| {
        let frames: Vec<_> = order.iter().map(|at| four()[*at].clone()).collect();
        fails(name, verdict, object(head(), &frames))
    };
    let mut spliced = four();
    spliced[1] = frame(&OTHER_DATA_KEY, 1, false, &plaintext(FRAME_SIZE));
    vec![
        order("frames_swapped", "frame 1 changed", &[0, 2, 1, 3]),
        order("frame_repeated", "frame 2 changed", &[0, 1, 1, 2, 3]),
        order("frame_dropped", "frame 1 changed", &[0, 2, 3]),
        order("first_frame_dropped", "frame 0 changed", &[1, 2, 3]),
        order("last_frame_moved_up", "frame 2 changed or cut short inside", &[0, 1, 3]),
        order("last_frame_repeated", "bytes after frame 3", &[0, 1, 2, 3, 3]),
        fails("frame_spliced", "frame 1 changed", object(head(), &spliced)),
    ]
}

/// Right MACs, and yet no object that a writer may write.
fn authentic_and_wrong() -> Vec<Vector> {
    let full = plaintext(FRAME_SIZE);
    let key = &DATA_KEY;
    let fails = |name, verdict, frames: &[Vec<u8>]| fails(name, verdict, object(head(), frames));
    let padded = |len: usize, pad: &[u8]| [&plaintext(len), pad].concat();
    vec![
        fails(
            "no_last_frame",
            "cut short after frame 1",
            &[frame(key, 0, false, &full), frame(key, 1, false, &full)],
        ),
        fails(
            "two_last_frames",
            "bytes after frame 0",
            &[frame(key, 0, true, &full), frame(key, 1, true, &full)],
        ),
        fails(
            "short_frame_not_last",
            "cut short after frame 0",
            &[frame(key, 0, false, b"short")],
        ),
        fails(
            "empty_frame_after_full",
            "frame 1 changed or cut short inside",
            &[frame(key, 0, false, &full), frame(key, 1, true, b"")],
        ),
        fails(
            "full_frame_short_inside",
            "frame 0 changed",
            &[
                frame(key, 0, false, &plaintext(FRAME_SIZE + 5)),
                frame(key, 1, true, b"x"),
            ],
        ),
        fails(
            "last_frame_overlong",
            "frame 0 changed or cut short inside",
            &[frame(key, 0, true, &plaintext(FRAME_SIZE + 5))],
        ),
        fails(
            "padding_zero",
            "frame 0 changed or cut short inside",
            &[frame_of(key, 0, true, &padded(31, &[0]))],
        ),
        fails(
            "padding_too_long",
            "frame 0 changed or cut short inside",
            &[frame_of(key, 0, true, &padded(15, &[17]))],
        ),
        fails(
            "padding_uneven",
            "frame 0 changed or cut short inside",
            &[frame_of(key, 0, true, &padded(13, &[2, 3, 3]))],
        ),
    ]
}
