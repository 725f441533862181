//! Seals eight full frames at a time, in lock step. The result is the same as that of one frame after the other.
//!
//! In CBC each block depends on the one before it, so a single frame leaves a core's AES unit idle most of the time.
//! Eight independent frames keep it busy. The MAC is computed every 64 bytes, while they are in registers and the
//! first-level cache, and its own chain of dependent steps overlaps with the AES work of the next 64 bytes.
//!
//! What makes it fast:
//! - The cipher's back end is entered once for the whole group. Each entry broadcasts the round keys, which costs more
//!   than the blocks of one step.
//! - Steps are 64 bytes long. At 4 KiB the two chains no longer overlap, and a fifth of the speed is lost.

use cipher::consts::U16;
use cipher::{Array, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser};
use sha2::block_api::compress256;

use super::frame::{IV_LEN, TAG_LEN, full_frame_len, mac_trailer};
use super::{FrameKeys, LANES};

/// SHA-256's block, and the length of a step.
const STEP: usize = 64;

/// Seals the eight frames in `frames`. The first has the index `first`, and `last` tells whether the eighth is the last
/// of its object. IVs and plaintexts are at their final positions.
pub(super) fn seal_in_place(keys: &FrameKeys, frame_size: usize, first: u64, last: bool, frames: &mut [u8]) {
    let ciphertext_len = frame_size + 16;
    let mut rest = frames.chunks_exact_mut(full_frame_len(frame_size));
    let mut tags: [&mut [u8]; LANES] = Default::default();
    let mut trailers = [[0; 25]; LANES];
    let lanes = std::array::from_fn(|lane| {
        let frame = rest.next().expect("a group in lock step has eight full frames");
        let (iv, body) = frame.split_at_mut(IV_LEN);
        let (ciphertext, tag) = body.split_at_mut(ciphertext_len);
        ciphertext[frame_size..].fill(16);
        trailers[lane] = lane_trailer(iv, first, last, lane);
        tags[lane] = tag;
        Lane::new(iv, ciphertext)
    });
    let mut inner = [keys.hmac_inner(); LANES];
    let mut tails = [[0; STEP]; LANES];
    let lock_step = LockStep {
        lanes,
        inner: &mut inner,
        tails: &mut tails,
    };
    keys.encrypt().encrypt_with_backend(lock_step);
    for lane in 0..LANES {
        let tail = &tails[lane][..ciphertext_len % STEP];
        let tag = finish_hmac(keys, inner[lane], tail, &trailers[lane], ciphertext_len);
        tags[lane].copy_from_slice(&tag);
    }
}

/// The expected tags of eight sealed full frames. A single hash also leaves a core waiting for its own chain, so eight
/// together take about three quarters of the time.
pub(super) fn tags(
    keys: &FrameKeys,
    frame_size: usize,
    first: u64,
    last: bool,
    frames: &[u8],
) -> [[u8; TAG_LEN]; LANES] {
    let ciphertext_len = frame_size + 16;
    let mut rest = frames.chunks_exact(full_frame_len(frame_size));
    let lanes: [&[u8]; LANES] =
        std::array::from_fn(|_| rest.next().expect("a group in lock step has eight full frames"));
    let ciphertexts = lanes.map(|frame| frame[IV_LEN..IV_LEN + ciphertext_len].as_chunks());
    let mut inner = [keys.hmac_inner(); LANES];
    for step in 0..ciphertext_len / STEP {
        for ((steps, _), state) in ciphertexts.iter().zip(&mut inner) {
            compress256(state, &steps[step..=step]);
        }
    }
    std::array::from_fn(|lane| {
        let trailer = lane_trailer(&lanes[lane][..IV_LEN], first, last, lane);
        finish_hmac(keys, inner[lane], ciphertexts[lane].1, &trailer, ciphertext_len)
    })
}

/// The data after the ciphertext of one lane that its MAC covers.
fn lane_trailer(iv: &[u8], first: u64, last: bool, lane: usize) -> [u8; 25] {
    mac_trailer(iv, first + lane as u64, last && lane == LANES - 1)
}

/// One frame that is being sealed.
struct Lane<'a> {
    /// The whole steps of its ciphertext; plaintext until they are encrypted.
    steps: &'a mut [[u8; STEP]],
    /// The blocks after the last whole step.
    rest: &'a mut [[u8; 16]],
    /// The previous block of ciphertext; at first the IV.
    chain: u128,
}

impl<'a> Lane<'a> {
    fn new(iv: &[u8], ciphertext: &'a mut [u8]) -> Self {
        let (steps, rest) = ciphertext.as_chunks_mut();
        let mut chain = [0; 16];
        chain.copy_from_slice(iv);
        Self {
            steps,
            rest: rest.as_chunks_mut().0,
            chain: u128::from_ne_bytes(chain),
        }
    }
}

struct LockStep<'a, 'b> {
    lanes: [Lane<'a>; LANES],
    /// The state of each lane's inner hash.
    inner: &'b mut [[u32; 8]; LANES],
    /// Ciphertext after the last whole step that is not hashed yet.
    tails: &'b mut [[u8; STEP]; LANES],
}

impl BlockSizeUser for LockStep<'_, '_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for LockStep<'_, '_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self {
            mut lanes,
            inner,
            tails,
        } = self;
        for step in 0..lanes[0].steps.len() {
            for at in [0, 16, 32, 48] {
                for lane in &mut lanes {
                    encrypt_block(backend, &mut lane.steps[step][at..at + 16], &mut lane.chain);
                }
            }
            for (lane, state) in lanes.iter().zip(inner.iter_mut()) {
                compress256(state, &lane.steps[step..=step]);
            }
        }
        for (lane, tail) in lanes.iter_mut().zip(tails) {
            for (block, place) in lane.rest.iter_mut().zip(tail.chunks_exact_mut(16)) {
                encrypt_block(backend, block, &mut lane.chain);
                place.copy_from_slice(block);
            }
        }
    }
}

/// One step of CBC, in place.
#[inline(always)]
fn encrypt_block<B: BlockCipherEncBackend<BlockSize = U16>>(backend: &B, block: &mut [u8], chain: &mut u128) {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(block);
    let mixed = u128::from_ne_bytes(bytes) ^ *chain;
    let mut array: Array<u8, U16> = mixed.to_ne_bytes().into();
    backend.encrypt_block_inplace(&mut array);
    block.copy_from_slice(&array);
    *chain = u128::from_ne_bytes(array.into());
}

/// The tag, from the inner hash's state after all whole steps, the ciphertext after them, and the trailer.
fn finish_hmac(
    keys: &FrameKeys,
    mut inner: [u32; 8],
    tail: &[u8],
    trailer: &[u8; 25],
    ciphertext_len: usize,
) -> [u8; TAG_LEN] {
    let mut end = [0; 2 * STEP];
    let content_len = tail.len() + trailer.len();
    end[..tail.len()].copy_from_slice(tail);
    end[tail.len()..content_len].copy_from_slice(trailer);
    // the length includes the padded key before the message
    let hashed_len = STEP + ciphertext_len + trailer.len();
    pad_and_compress(&mut inner, &mut end, content_len, hashed_len);

    let mut outer = keys.hmac_outer();
    let mut digest = [0; 2 * STEP];
    digest[..TAG_LEN].copy_from_slice(&to_bytes(&inner));
    pad_and_compress(&mut outer, &mut digest, TAG_LEN, STEP + TAG_LEN);
    to_bytes(&outer)
}

/// SHA-256's padding ([FIPS 180-4 §5.1.1](https://doi.org/10.6028/NIST.FIPS.180-4)) after `content_len` bytes of `end`,
/// and the compression of the one or two blocks that it fills.
fn pad_and_compress(state: &mut [u32; 8], end: &mut [u8; 2 * STEP], content_len: usize, hashed_len: usize) {
    let padded_len = (content_len + 1 + 8).next_multiple_of(STEP);
    end[content_len] = 0x80;
    let hashed_bits = hashed_len as u64 * 8;
    end[padded_len - 8..padded_len].copy_from_slice(&hashed_bits.to_be_bytes());
    compress256(state, end[..padded_len].as_chunks().0);
}

fn to_bytes(state: &[u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, word) in bytes.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}
