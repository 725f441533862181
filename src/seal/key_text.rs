//! Keys as text: bech32 ([BIP 173](https://github.com/bitcoin/bips/blob/master/bip-0173.mediawiki)) with a
//! human-readable part for each kind of key.

use bech32::{Bech32, Hrp, primitives::decode::CheckedHrpstring, primitives::decode::CheckedHrpstringError};
use zeroize::Zeroizing;

use super::{KeyFault, key_slip};

/// The number of characters after the separator `1`: 52 for 32 bytes, 6 for the checksum.
const DATA_CHARS: usize = 52 + 6;

/// A kind of key, by the beginning of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyText {
    /// The human-readable part before the separator `1`, in lower case.
    hrp: &'static str,
}

impl KeyText {
    /// A master key.
    pub(super) const MASTER: Self = Self { hrp: "pgcoffer-key-" };
    /// A catalog key.
    pub(super) const CATALOG: Self = Self {
        hrp: "pgcoffer-catalog-",
    };

    /// Whether a text begins like a key of this kind.
    pub(super) fn begins(self, text: &str) -> bool {
        let mut start = text.chars().filter(|c| !c.is_ascii_whitespace());
        let mut wanted = self.hrp.chars();
        wanted.all(|wanted| start.next().is_some_and(|c| c.eq_ignore_ascii_case(&wanted)))
    }

    /// The whole text of a key that was typed without all or a part of its beginning, or with another character there
    /// that looks like the right one: the checksum tells that it is one. None for anything else.
    pub(super) fn completed(self, typed: &str) -> Option<Zeroizing<String>> {
        let mut plain = Zeroizing::new(String::with_capacity(typed.len()));
        plain.extend(typed.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-'));
        let at = plain.len().checked_sub(DATA_CHARS)?;
        let (start, data) = (plain.get(..at)?, plain.get(at..)?);
        // 1 stands behind the human-readable part
        let whole: String = self.hrp.chars().filter(|c| *c != '-').chain(['1']).collect();
        let alike = |c: char| match c.to_ascii_lowercase() {
            '0' => 'o',
            'i' | 'l' => '1',
            c => c,
        };
        let start: String = start.chars().map(alike).collect();
        if !whole.ends_with(&start) {
            return None;
        }
        let mut text = Zeroizing::new(String::with_capacity(self.hrp.len() + 1 + DATA_CHARS));
        text.push_str(self.hrp);
        text.push('1');
        text.push_str(data);
        text.make_ascii_uppercase();
        self.parse_plain(&text).is_ok().then_some(text)
    }

    /// What stands around a key of this kind, where something does.
    pub(super) fn around(self, text: &str) -> Option<KeyFault> {
        key_slip::around(text, self.hrp)
    }

    /// The key's bytes as text, in upper case.
    pub(super) fn encode(self, key: &[u8; 32]) -> Zeroizing<String> {
        let hrp = Hrp::parse_unchecked(self.hrp);
        let text = bech32::encode_upper::<Bech32>(hrp, key);
        Zeroizing::new(text.expect("76 characters are fewer than the 90 that bech32 allows"))
    }

    /// Parses a key in upper or lower case. White space anywhere is removed, and so are hyphens between groups of
    /// characters after the `1`, as in a printed key; an error's position is the one in the original text.
    pub(super) fn parse(self, typed: &str) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        let mut text = Zeroizing::new(String::with_capacity(typed.len()));
        let mut places = Vec::with_capacity(typed.len());
        for (at, c) in typed.char_indices() {
            if c.is_ascii_whitespace() || (c == '-' && text.len() > self.hrp.len()) {
                continue;
            }
            text.push(c);
            places.resize(text.len(), at + 1);
        }
        self.parse_plain(&text)
            .map_err(|fault| fault.at(|position| places.get(position - 1).copied().unwrap_or(position)))
    }

    fn parse_plain(self, text: &str) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        let separator = self.hrp.len();
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(KeyFault::Character { position: at + 1 });
        }
        if let fault @ KeyFault::Followed { .. } = key_slip::of_length(text, separator + 1 + DATA_CHARS) {
            return Err(fault);
        }
        let has_lower = text.bytes().any(|byte| byte.is_ascii_lowercase());
        if has_lower && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(KeyFault::MixedCase);
        }
        let wrong_length = || key_slip::of_length(text, separator + 1 + DATA_CHARS);
        let Some(data) = text.as_bytes().get(separator + 1..) else {
            return Err(wrong_length());
        };
        if text.as_bytes()[separator] != b'1' {
            return Err(KeyFault::Character {
                position: separator + 1,
            });
        }
        let outside = |byte: &u8| !b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&byte.to_ascii_lowercase());
        if let Some(at) = data.iter().position(outside) {
            return Err(key_slip::of_character(text, separator + 1 + at, separator + 1));
        }
        if data.len() != DATA_CHARS {
            return Err(wrong_length());
        }
        let checked = CheckedHrpstring::new::<Bech32>(text).map_err(|error| match error {
            CheckedHrpstringError::Checksum(_) => key_slip::of_checksum(text, separator + 1),
            _ => KeyFault::Unrecognised,
        })?;
        // 52 characters encode 260 bits: the four extra bits must be zero, or two texts would mean the same key
        checked
            .validate_segwit_padding()
            .map_err(|_| KeyFault::Checksum { position: None })?;
        let mut key = Zeroizing::new([0; 32]);
        for (place, byte) in key.iter_mut().zip(checked.byte_iter()) {
            *place = byte;
        }
        Ok(key)
    }
}
