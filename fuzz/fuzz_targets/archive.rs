//! No bytes make the archive's reader panic, in whatever pieces they come, and the pieces do not
//! matter.
//!
//! The first four bytes choose the cuts; the rest is the archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pgcoffer::archive::ArchiveReader;

fuzz_target!(|bytes: &[u8]| {
    let Some((cuts, archive)) = bytes.split_at_checked(4) else {
        return;
    };
    let in_pieces = read(
        archive,
        cuts.iter().cycle().map(|cut| 1 + usize::from(*cut)),
    );
    let at_once = read(archive, std::iter::repeat(archive.len().max(1)));
    assert_eq!(in_pieces, at_once);
});

/// Whether the reader finds the archive whole.
fn read(archive: &[u8], cuts: impl Iterator<Item = usize>) -> bool {
    let mut reader = ArchiveReader::new();
    let mut rest = archive;
    for cut in cuts {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at(rest.len().min(cut));
        if reader.push(piece).is_err() {
            return false;
        }
        rest = behind;
    }
    reader.finish().is_ok()
}
