//! Archives that are cut, changed, or read in pieces of any size.

use pgcoffer::archive::{Error, Place};
use proptest::prelude::*;

use super::{ODD, SMALL, archive, read, read_parts};

#[test]
fn every_truncation_is_an_error() {
    for name in SMALL.into_iter().chain(["odd-18-schema"]) {
        let archive = archive(name);
        let held = read(&archive).unwrap();
        // Without its appended copy of the table of contents an archive is what it would be had it gone through a pipe.
        let without_copy = name
            .ends_with("-appended")
            .then(|| held.length as usize - contents_length(&archive));
        for length in 0..archive.len() {
            let result = read(&archive[..length]);
            assert_eq!(
                result.is_ok(),
                Some(length) == without_copy,
                "{name} cut at {length}: {result:?}"
            );
        }
    }
}

/// From the end of the header to the first block.
fn contents_length(archive: &[u8]) -> usize {
    let first = read(archive).unwrap().tables[0].start as usize;
    // `pg_dump (PostgreSQL) 17.11 (Debian …)`: the header ends with the client's version, 17.11, which comes but once.
    let version = read(archive).unwrap().dump_version;
    let version = version.raw();
    let at = archive
        .windows(version.len())
        .position(|part| part == version.as_bytes())
        .unwrap();
    first - (at + version.len())
}

#[test]
fn every_changed_bit_of_a_table_s_data_is_found() {
    for name in SMALL {
        let mut archive = archive(name);
        let held = read(&archive).unwrap();
        let table = held.tables.iter().find(|table| table.name == "t").unwrap();
        // But for the closing zero, which may be negative.
        for at in table.start as usize..table.end as usize - 5 {
            for bit in 0..8 {
                archive[at] ^= 1 << bit;
                let result = read(&archive);
                assert_ne!(
                    result.as_ref().map(|held| &held.tables),
                    Ok(&held.tables),
                    "{name}: bit {bit} of byte {at}"
                );
                archive[at] ^= 1 << bit;
            }
        }
    }
}

/// Cuts bytes at the given places, which are taken modulo the length.
fn cut<'a>(bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = places.iter().map(|place| place % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn any_bytes_in_any_cuts_never_panic(bytes: Vec<u8>, places: Vec<usize>) {
        prop_assert!(read_parts(cut(&bytes, &places)).is_err());
    }

    #[test]
    fn any_bytes_behind_a_real_beginning_never_panic(name in prop::sample::select(&SMALL), keep: prop::sample::Index, bytes: Vec<u8>, places: Vec<usize>) {
        let mut archive = archive(name);
        archive.truncate(keep.index(archive.len()));
        archive.extend(&bytes);
        prop_assert_eq!(read_parts(cut(&archive, &places)), read(&archive));
    }

    #[test]
    fn a_mutated_archive_gives_the_same_in_any_cuts(
        name in prop::sample::select(&SMALL),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        places: Vec<usize>,
    ) {
        let mut archive = archive(name);
        for (at, byte) in changes {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        prop_assert_eq!(read_parts(cut(&archive, &places)), read(&archive));
    }

    #[test]
    fn a_real_archive_gives_the_same_in_any_cuts(which in 0..ODD.len(), places in prop::collection::vec(any::<usize>(), 0..200)) {
        let archive = archive(ODD[which].0);
        prop_assert_eq!(read_parts(cut(&archive, &places)), read(&archive));
    }
}

#[test]
fn a_real_archive_gives_the_same_byte_by_byte() {
    for (name, _) in ODD {
        let archive = archive(name);
        let small_cuts = read_parts(archive.chunks(1));
        assert_eq!(small_cuts, read(&archive), "{name}");
        assert_eq!(read_parts(archive.chunks(7)), small_cuts, "{name}");
    }
}

#[test]
fn the_error_of_a_cut_names_the_table() {
    let archive = archive("odd-15");
    let table = read(&archive)
        .unwrap()
        .tables
        .into_iter()
        .find(|table| table.name == "wide")
        .unwrap();
    let error = read(&archive[..table.start as usize + 500_000]).unwrap_err();
    assert!(
        matches!(&error, Error::CutShort { place: Place::Data(entry), .. } if entry.to_string().contains("\"public\".\"wide\""))
    );
    assert!(error.hint().is_some());
}
