//! Objects as a whole: every length, every cut, every fault.

use proptest::prelude::*;

use super::*;

const C: usize = 4096;
const FRAME: usize = C + FRAME_OVERHEAD;

/// Lengths around every boundary of blocks, frames and groups.
fn lengths() -> Vec<usize> {
    let mut lengths = vec![0, 1, 15, 16, 17, C - 16];
    for frames in [1, 2, 3, 7, 8, 9, 16, 17] {
        lengths.extend([frames * C - 1, frames * C, frames * C + 1]);
    }
    lengths
}

/// The length of a sealed object, counted from the format: each frame has an IV, padded CBC blocks and a MAC.
fn sealed_len(header_len: usize, plaintext_len: usize) -> usize {
    let frame = |len: usize| 16 + (len / 16 + 1) * 16 + 32;
    let full = plaintext_len.saturating_sub(1) / C;
    header_len + full * frame(C) + frame(plaintext_len - full * C)
}

#[test]
fn every_length_comes_back_and_lies_where_it_should() {
    for len in lengths() {
        let (header_len, object) = sealed(&bytes(len), &key(1));
        assert_eq!(open(&object, &key(1)).unwrap(), bytes(len), "{len}");
        assert_eq!(sealed_len(header_len, len), object.len(), "{len}");
        let frames = len.div_ceil(C).max(1);
        let (last, range) = last_frame_range(header_len, C, object.len() as u64).unwrap();
        assert_eq!((last, range.end), (frames as u64 - 1, object.len() as u64), "{len}");
        assert_eq!(range.start, frame_range(header_len, C, last).start);
    }
}

#[test]
fn frames_open_by_themselves() {
    for frames in 1..=9 {
        let plaintext = bytes(frames * C);
        let (header_len, object) = sealed(&plaintext, &key(1));
        let keys = SealedHeader::parse_whole(&object).unwrap().0.unlock(&[key(1)]).unwrap();
        for index in 0..frames as u64 {
            let range = frame_range(header_len, C, index);
            let frame = &object[range.start as usize..range.end as usize];
            let last = index == frames as u64 - 1;
            let opened = open_frame(&keys, C, index, last, frame).unwrap();
            assert_eq!(opened, plaintext[index as usize * C..][..C]);
            let unexpected = open_frame(&keys, C, index, !last, frame).unwrap_err();
            if last {
                assert_eq!(unexpected, Error::TrailingBytes { frame: index });
            } else {
                assert_eq!(unexpected, Error::CutShort { after: Some(index) });
            }
            let moved = open_frame(&keys, C, index + 1, last, frame).unwrap_err();
            assert_eq!(
                moved,
                Error::FrameChanged {
                    frame: index + 1,
                    at_end: last
                }
            );
        }
    }
}

#[test]
fn any_changed_byte_is_found() {
    let (header_len, object) = sealed(&bytes(C + 100), &key(1));
    for at in 0..object.len() {
        for flip in [0x01, 0x80] {
            let mut changed = object.clone();
            changed[at] ^= flip;
            let error = open(&changed, &key(1)).unwrap_err();
            let expected = match at.checked_sub(header_len) {
                None => continue,
                Some(at) if at < FRAME => Error::FrameChanged {
                    frame: 0,
                    at_end: false,
                },
                Some(_) => Error::FrameChanged { frame: 1, at_end: true },
            };
            assert_eq!(error, expected, "at {at}");
        }
    }
}

#[test]
fn any_cut_is_found() {
    let (header_len, object) = sealed(&bytes(2 * C + 100), &key(1));
    for len in 0..object.len() {
        let error = open(&object[..len], &key(1)).unwrap_err();
        let Some(rest) = len.checked_sub(header_len) else {
            let expected = if len == 0 {
                Error::NotSealed
            } else {
                Error::HeaderCutShort
            };
            assert_eq!(error, expected);
            continue;
        };
        let whole = (rest / FRAME) as u64;
        match rest % FRAME {
            0 => assert_eq!(
                error,
                Error::CutShort {
                    after: whole.checked_sub(1)
                }
            ),
            left if left < 64 || left % 16 != 0 => {
                assert_eq!(
                    error,
                    Error::CutShort {
                        after: whole.checked_sub(1)
                    }
                );
            }
            _ => assert_eq!(
                error,
                Error::FrameChanged {
                    frame: whole,
                    at_end: true
                }
            ),
        }
        let last = last_frame_range(header_len, C, len as u64);
        assert_eq!(
            last.is_err(),
            !(64..=FRAME).contains(&(rest % FRAME)) && rest % FRAME != 0
                || rest == 0
                || !(rest % FRAME).is_multiple_of(16),
            "at {rest}"
        );
    }
}

#[test]
fn bytes_behind_the_last_frame_are_found() {
    for len in [0, 100, C - 1, C, 8 * C, 8 * C + 100] {
        let (_, object) = sealed(&bytes(len), &key(1));
        let last = (len.div_ceil(C).max(1) - 1) as u64;
        for more in [1, 16, 64, 160, FRAME, 9 * FRAME] {
            let mut longer = object.clone();
            longer.extend(bytes(more));
            let error = open(&longer, &key(1)).unwrap_err();
            assert_eq!(error, Error::TrailingBytes { frame: last }, "{len} + {more}");
        }
    }
}

#[test]
fn dropped_swapped_repeated_and_spliced_frames_are_found() {
    let (header_len, object) = sealed(&bytes(3 * C + 5), &key(1));
    let (other_len, other) = sealed(&bytes(3 * C + 5), &key(1));
    let frames = |order: &[usize]| {
        let mut joined = object[..header_len].to_vec();
        for at in order {
            joined.extend(object[header_len..].chunks(FRAME).nth(*at).unwrap());
        }
        open(&joined, &key(1)).unwrap_err()
    };
    assert_eq!(
        frames(&[1, 2, 3]),
        Error::FrameChanged {
            frame: 0,
            at_end: false
        }
    );
    assert_eq!(
        frames(&[0, 2, 3]),
        Error::FrameChanged {
            frame: 1,
            at_end: false
        }
    );
    assert_eq!(
        frames(&[0, 2, 1, 3]),
        Error::FrameChanged {
            frame: 1,
            at_end: false
        }
    );
    assert_eq!(
        frames(&[0, 1, 1, 2, 3]),
        Error::FrameChanged {
            frame: 2,
            at_end: false
        }
    );
    assert_eq!(frames(&[0, 1, 2]), Error::CutShort { after: Some(2) });
    assert_eq!(frames(&[0, 1, 3]), Error::FrameChanged { frame: 2, at_end: true });
    let mut spliced = object[..header_len + FRAME].to_vec();
    spliced.extend(&other[other_len + FRAME..]);
    let error = open(&spliced, &key(1)).unwrap_err();
    assert_eq!(
        error,
        Error::FrameChanged {
            frame: 1,
            at_end: false
        }
    );
}

#[test]
fn buffers_are_filled_again() {
    let (mut sealer, header) = Sealer::with_frame_size(&archive(&repository()), &[key(1)], C).unwrap();
    let keys = SealedHeader::parse_whole(&header).unwrap().0.unlock(&[key(1)]).unwrap();
    let mut opener = Opener::new(keys, C);
    let plaintext = bytes(8 * C);
    let mut places = std::collections::HashSet::new();
    let mut opened_places = std::collections::HashSet::new();
    for _ in 0..10 {
        let mut rest = plaintext.as_slice();
        while let Some(group) = sealer.push(&mut rest) {
            let sealed = group.seal().unwrap();
            assert_eq!((sealed.len(), sealed.capacity()), (8 * FRAME, 8 * FRAME));
            places.insert(sealed.as_ptr() as usize);
            let mut rest = sealed.as_slice();
            while let Some(group) = opener.push(&mut rest) {
                let opened = group.open().unwrap();
                opened_places.insert(opened.as_ptr() as usize);
                opener.recycle(opened);
            }
            sealer.recycle(sealed);
        }
    }
    assert_eq!((places.len(), opened_places.len()), (2, 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cuts_do_not_matter(
        len in proptest::sample::select(lengths()),
        cuts in proptest::collection::vec(1..3 * C, 1..12),
    ) {
        let plaintext = bytes(len);
        let (mut sealer, mut object) =
            Sealer::with_frame_size(&archive(&repository()), &[key(1)], C).unwrap();
        let mut rest = plaintext.as_slice();
        for cut in cuts.iter().cycle() {
            let (mut piece, behind) = rest.split_at(rest.len().min(*cut));
            while let Some(group) = sealer.push(&mut piece) {
                object.extend(group.seal().unwrap());
            }
            rest = behind;
            if rest.is_empty() { break; }
        }
        object.extend(sealer.finish().seal().unwrap());

        let (header, header_len) = SealedHeader::parse_whole(&object).unwrap();
        let mut opener = Opener::new(header.unlock(&[key(1)]).unwrap(), header.frame_size);
        let mut opened = Vec::new();
        let mut rest = &object[header_len..];
        for cut in cuts.iter().rev().cycle() {
            let (mut piece, behind) = rest.split_at(rest.len().min(*cut));
            while let Some(group) = opener.push(&mut piece) {
                opened.extend(group.open().unwrap());
            }
            rest = behind;
            if rest.is_empty() { break; }
        }
        opened.extend(opener.finish().open().unwrap());
        prop_assert!(opened == plaintext);
    }
}
