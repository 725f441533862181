//! Lock step against one frame after the other.

use proptest::prelude::*;

use super::super::{data_key::DataKey, frame, lanes};
use super::*;

/// One for each length that the ciphertext can have behind its last whole step of 64 bytes.
const FRAME_SIZES: [usize; 4] = [4096, 4112, 4128, 4144];

fn one_by_one(keys: &FrameKeys, frame_size: usize, first: u64, last: bool, frames: &mut [u8]) {
    for (at, frame) in frames.chunks_mut(frame_size + FRAME_OVERHEAD).enumerate() {
        let last = last && at == LANES - 1;
        frame::seal_in_place(keys, first + at as u64, last, frame_size, frame);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn lock_step_gives_the_bytes_of_one_by_one(
        frame_size in proptest::sample::select(&FRAME_SIZES[..]),
        first in 0..u64::MAX - 8,
        last: bool,
        seed: u8,
    ) {
        let keys = DataKey::generate().unwrap().frame_keys();
        let mut frames = bytes(LANES * (frame_size + FRAME_OVERHEAD));
        frames.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(seed | 1));
        let mut expected = frames.clone();
        one_by_one(&keys, frame_size, first, last, &mut expected);
        lanes::seal_in_place(&keys, frame_size, first, last, &mut frames);
        prop_assert!(frames == expected);

        let tags = lanes::tags(&keys, frame_size, first, last, &frames);
        for (frame, tag) in frames.chunks(frame_size + FRAME_OVERHEAD).zip(tags) {
            prop_assert_eq!(&frame[frame.len() - 32..], tag);
        }
    }
}
