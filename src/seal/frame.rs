//! The position of a frame in its object, and the sealing and opening of a single frame.
//!
//! ```text
//! frame = IV (16) || AES-256-CBC-PKCS7(encrypt key, IV, plaintext) || tag (32)
//! tag   = HMAC-SHA-256(authenticate key, ciphertext || IV || u64 big-endian index || u8 last)
//! ```

use std::ops::Range;

use aes::Aes256Enc;
use aws_lc_rs::cipher::DecryptionContext;
use aws_lc_rs::iv::FixedLength;
use cipher::{BlockModeEncrypt, InnerIvInit, block_padding::Pkcs7};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::{Error, FRAME_OVERHEAD, FrameKeys};

pub(super) const IV_LEN: usize = 16;
pub(super) const TAG_LEN: usize = 32;
const BLOCK_LEN: usize = 16;
/// The length of the frame of an empty plaintext: IV, one block of padding, tag.
const SHORTEST: usize = IV_LEN + BLOCK_LEN + TAG_LEN;

/// The byte range of the full frame `index`. The last frame may be shorter: see [`last_frame_range`].
pub fn frame_range(header_len: usize, frame_size: usize, index: u64) -> Range<u64> {
    let start = frame_start(header_len, frame_size, index);
    start..start.saturating_add(full_frame_len(frame_size) as u64)
}

/// The index and the byte range of the last frame of an object of `object_len` bytes.
///
/// # Errors
/// [`Error::CutShort`] if an object of this length has no last frame.
pub fn last_frame_range(header_len: usize, frame_size: usize, object_len: u64) -> Result<(u64, Range<u64>), Error> {
    let full = full_frame_len(frame_size) as u64;
    let frames_len = object_len.saturating_sub(header_len as u64);
    let last = frames_len.saturating_sub(1) / full;
    if !is_frame_len(frame_size, (frames_len - last * full) as usize) {
        return Err(Error::CutShort {
            after: last.checked_sub(1),
        });
    }
    Ok((last, frame_start(header_len, frame_size, last)..object_len))
}

/// Opens one frame that was fetched by itself: frame `index`, with `last` telling whether it must be the last.
///
/// # Errors
/// [`Error::FrameChanged`]; [`Error::CutShort`] if it must be the last and isn't; [`Error::TrailingBytes`] if it is the
/// last and must not be.
pub fn open_frame(keys: &FrameKeys, frame_size: usize, index: u64, last: bool, frame: &[u8]) -> Result<Vec<u8>, Error> {
    check(keys, frame_size, index, last, frame)?;
    let mut buffer = frame.to_vec();
    let plaintext = decrypt_in_place(keys, frame_size, index, last, &mut buffer)?;
    buffer.truncate(plaintext.end);
    buffer.drain(..plaintext.start);
    Ok(buffer)
}

/// The length of a full frame. `frame_size` has been checked against its limits.
pub(super) fn full_frame_len(frame_size: usize) -> usize {
    frame_size + FRAME_OVERHEAD
}

/// The length of the frame that holds `plaintext_len` bytes.
pub(super) fn sealed_frame_len(plaintext_len: usize) -> usize {
    IV_LEN + (plaintext_len / BLOCK_LEN + 1) * BLOCK_LEN + TAG_LEN
}

fn frame_start(header_len: usize, frame_size: usize, index: u64) -> u64 {
    (full_frame_len(frame_size) as u64)
        .saturating_mul(index)
        .saturating_add(header_len as u64)
}

/// Whether a frame can have this length.
fn is_frame_len(frame_size: usize, len: usize) -> bool {
    (SHORTEST..=full_frame_len(frame_size)).contains(&len) && len.is_multiple_of(BLOCK_LEN)
}

/// The data after the ciphertext that a frame's MAC covers: IV, index, and whether it is the last.
pub(super) fn mac_trailer(iv: &[u8], index: u64, last: bool) -> [u8; 25] {
    let mut trailer = [0; 25];
    trailer[..16].copy_from_slice(iv);
    trailer[16..24].copy_from_slice(&index.to_be_bytes());
    trailer[24] = last.into();
    trailer
}

/// Seals one frame in place. Its IV and plaintext are at their final positions; the slice has the length of the sealed
/// frame.
pub(super) fn seal_in_place(keys: &FrameKeys, index: u64, last: bool, plaintext_len: usize, frame: &mut [u8]) {
    let (iv, body) = frame.split_at_mut(IV_LEN);
    let (ciphertext, tag) = body.split_at_mut(body.len() - TAG_LEN);
    cbc::Encryptor::<&Aes256Enc>::inner_iv_slice_init(keys.encrypt(), iv)
        .expect("an IV has 16 bytes")
        .encrypt_padded::<Pkcs7>(ciphertext, plaintext_len)
        .expect("the frame has room for its padding");
    let mac = keys
        .hmac()
        .chain_update(&*ciphertext)
        .chain_update(mac_trailer(iv, index, last));
    tag.copy_from_slice(&mac.finalize().into_bytes());
}

/// Checks that `frame` is frame `index`, and whether it is the `last`. The error says what is wrong instead.
pub(super) fn check(keys: &FrameKeys, frame_size: usize, index: u64, last: bool, frame: &[u8]) -> Result<(), Error> {
    if last && !is_frame_len(frame_size, frame.len()) {
        if frame.len() > SHORTEST && holds_last_frame(keys, index, frame) {
            return Err(Error::TrailingBytes { frame: index });
        }
        return Err(Error::CutShort {
            after: index.checked_sub(1),
        });
    }
    if !last && frame.len() != full_frame_len(frame_size) {
        return Err(Error::FrameChanged {
            frame: index,
            at_end: false,
        });
    }
    if has_tag(keys, index, last, frame) {
        return Ok(());
    }
    Err(fault(keys, index, last, frame))
}

/// Why the frame's MAC failed.
pub(super) fn fault(keys: &FrameKeys, index: u64, last: bool, frame: &[u8]) -> Error {
    if last && has_tag(keys, index, false, frame) {
        return Error::CutShort { after: Some(index) };
    }
    if holds_last_frame(keys, index, frame) {
        return Error::TrailingBytes { frame: index };
    }
    Error::FrameChanged {
        frame: index,
        at_end: last,
    }
}

/// Decrypts a frame whose MAC has been checked, and returns the range of its plaintext.
///
/// Data that the writer's key authenticated and that isn't a valid frame (wrong padding, a short frame in the middle,
/// an empty one after others) is refused as changed.
pub(super) fn decrypt_in_place(
    keys: &FrameKeys,
    frame_size: usize,
    index: u64,
    last: bool,
    frame: &mut [u8],
) -> Result<Range<usize>, Error> {
    let (iv, body) = frame.split_at_mut(IV_LEN);
    let ciphertext_len = body.len() - TAG_LEN;
    let iv = FixedLength::try_from(&*iv).expect("an IV has 16 bytes");
    let plaintext = keys
        .decrypt()
        .decrypt(&mut body[..ciphertext_len], DecryptionContext::Iv128(iv));
    let len = plaintext.map(|plaintext| plaintext.len()).ok();
    // each length has one valid framing: a full frame is marked last, and no empty frame follows it
    let fits = |len: &usize| match last {
        false => *len == frame_size,
        true => *len <= frame_size && (*len > 0 || index == 0),
    };
    let len = len.filter(fits);
    len.map(|len| IV_LEN..IV_LEN + len).ok_or(Error::FrameChanged {
        frame: index,
        at_end: last,
    })
}

fn has_tag(keys: &FrameKeys, index: u64, last: bool, frame: &[u8]) -> bool {
    let (iv, body) = frame.split_at(IV_LEN);
    let (ciphertext, tag) = body.split_at(body.len() - TAG_LEN);
    ends_with_tag(keys.hmac().chain_update(ciphertext), iv, index, last, tag)
}

fn ends_with_tag(ciphertext: Hmac<Sha256>, iv: &[u8], index: u64, last: bool, tag: &[u8]) -> bool {
    let expected = ciphertext
        .chain_update(mac_trailer(iv, index, last))
        .finalize()
        .into_bytes();
    expected.as_slice().ct_eq(tag).into()
}

/// Whether the bytes begin with a last frame and continue after it. One pass over the frame, only to name a fault.
fn holds_last_frame(keys: &FrameKeys, index: u64, frame: &[u8]) -> bool {
    let (iv, body) = frame.split_at(IV_LEN);
    let mut ciphertext = keys.hmac();
    for (at, block) in body.chunks_exact(BLOCK_LEN).enumerate() {
        ciphertext.update(block);
        let tag_start = (at + 1) * BLOCK_LEN;
        let Some(tag) = body.get(tag_start..tag_start + TAG_LEN) else {
            break;
        };
        if ends_with_tag(ciphertext.clone(), iv, index, true, tag) {
            return true;
        }
    }
    false
}
