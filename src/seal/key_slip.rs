//! Slips in copying and typing a key: which one it was, where the text alone shows it. Nothing of the key is shown but
//! the place of a character, or one that no key contains.

use bech32::{Bech32, primitives::decode::CheckedHrpstring};
use zeroize::Zeroizing;

use super::KeyFault;

/// Characters that no key contains behind its `1`, and those that they are mistaken for.
const LOOKALIKES: [(u8, u8); 4] = [(b'O', b'0'), (b'I', b'L'), (b'1', b'L'), (b'B', b'8')];
const ALPHABET: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";

/// What stands around a key, whatever its kind: `start` is how its text begins, in lower case. None where nothing does.
pub(super) fn around(text: &str, start: &str) -> Option<KeyFault> {
    if text.contains('\u{2026}') || text.contains("...") {
        return Some(KeyFault::Abbreviated);
    }
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    match lower.matches(start).count() {
        0 => None,
        1 => (!lower.trim_start().starts_with(start)).then_some(KeyFault::Preceded),
        _ => Some(KeyFault::Twice),
    }
}

/// Whether the name of a variable stands before a text: `KEY=…`, `export PGCOFFER_KEY=…`, `key: …`.
pub(super) fn is_named(text: &str) -> bool {
    let Some((name, rest)) = text.split_once(['=', ':']) else {
        return false;
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ' ';
    let says_key = name.to_ascii_lowercase().contains("key");
    says_key && name.chars().all(is_name) && rest.trim_start_matches(['=', ':']).trim().len() > 40
}

/// What is wrong with a text in bech32 that has more or fewer characters than a key of its kind has, `expected`.
pub(super) fn of_length(text: &str, expected: usize) -> KeyFault {
    let found = text.len();
    let whole = text.get(..expected).filter(|_| found > expected);
    match whole.filter(|whole| is_whole(whole)) {
        Some(_) => KeyFault::Followed {
            count: found - expected,
        },
        None => KeyFault::Length { found, expected },
    }
}

/// A character that no key contains, at this position from 0: where another in its place makes a whole key, that one.
pub(super) fn of_character(text: &str, at: usize, first: usize) -> KeyFault {
    let mut mended = Zeroizing::new(text.as_bytes().to_ascii_uppercase());
    let meant = |byte: u8| {
        LOOKALIKES
            .iter()
            .find(|(typed, _)| *typed == byte)
            .map(|(_, meant)| *meant)
    };
    for byte in &mut mended[first..] {
        *byte = meant(*byte).unwrap_or(*byte);
    }
    let is_mended = std::str::from_utf8(&mended).is_ok_and(is_whole);
    let position = at + 1;
    let typed = text.as_bytes()[at];
    match meant(typed.to_ascii_uppercase()) {
        Some(meant) => KeyFault::Lookalike {
            position,
            is_right: is_mended,
            typed: char::from(typed),
            meant: char::from(match typed.is_ascii_lowercase() {
                true => meant.to_ascii_lowercase(),
                false => meant,
            }),
        },
        None => KeyFault::Character { position },
    }
}

/// A wrong checksum: the position, from 1, of the one character by which it would be right. There is at most one: whole
/// keys differ in five characters at least.
pub(super) fn of_checksum(text: &str, first: usize) -> KeyFault {
    let mut tried = Zeroizing::new(text.as_bytes().to_ascii_uppercase());
    let is_whole = |tried: &[u8]| std::str::from_utf8(tried).is_ok_and(is_whole);
    for at in first..tried.len() {
        let typed = tried[at];
        for other in ALPHABET {
            tried[at] = *other;
            if is_whole(&tried) {
                return KeyFault::Checksum { position: Some(at + 1) };
            }
        }
        tried[at] = typed;
    }
    for at in first..tried.len().saturating_sub(1) {
        tried.swap(at, at + 1);
        if is_whole(&tried) {
            return KeyFault::Swapped { position: at + 1 };
        }
        tried.swap(at, at + 1);
    }
    KeyFault::Checksum { position: None }
}

fn is_whole(text: &str) -> bool {
    let checked = CheckedHrpstring::new::<Bech32>(text);
    checked.is_ok_and(|checked| checked.validate_segwit_padding().is_ok())
}
