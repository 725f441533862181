//! Keys that stand alone in a text, as in a setting that was meant for another value.
//!
//! They look like what is printed on purpose elsewhere, such as a SHA-256 in hexadecimal digits. So they are struck out
//! only of texts that repeat what somebody has typed or set.

use std::borrow::Cow;

use super::STRUCK;

/// 32 bytes in hexadecimal digits.
const HEX_CHARS: usize = 64;
/// An AWS secret access key; and 32 bytes in base64, without padding.
const BASE64_CHARS: [usize; 2] = [40, 43];
/// Of 40 random characters fewer of one kind are as good as never seen, and names and ids seldom have so many of both.
const LETTERS_MIN: usize = 3;
/// A path has more.
const SLASHES_MAX: usize = 4;

/// The text without keys that stand alone in it: 32 bytes in hexadecimal digits or base64, or an AWS secret access key.
#[must_use]
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut from = 0;
    while let Some(begin) = text[from..].find(is_of_token).map(|at| from + at) {
        let token = &text[begin..];
        let token = &token[..token.find(|c| !is_of_token(c)).unwrap_or(token.len())];
        from = begin + token.len();
        // slashes before it may be those of a scheme, or its own
        let slashes = token.len() - token.trim_start_matches('/').len();
        if let Some(key) = (0..=slashes)
            .map(|of_scheme| &token[of_scheme..])
            .find(|key| is_key(key))
        {
            out.push_str(&text[copied..from - key.len()]);
            out.push_str(STRUCK);
            from += text[from..].len() - text[from..].trim_start_matches('=').len();
            copied = from;
        }
    }
    match copied {
        0 => Cow::Borrowed(text),
        _ => Cow::Owned(out + &text[copied..]),
    }
}

/// Whether a key stands alone in a text.
#[must_use]
pub fn holds_key(text: &str) -> bool {
    matches!(without_keys(text), Cow::Owned(_))
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/_-".contains(c)
}

fn is_key(token: &str) -> bool {
    let count = |kind: fn(&u8) -> bool| token.bytes().filter(kind).count();
    if token.len() == HEX_CHARS && count(u8::is_ascii_hexdigit) == HEX_CHARS {
        return true;
    }
    BASE64_CHARS.contains(&token.len())
        && count(u8::is_ascii_uppercase) >= LETTERS_MIN
        && count(u8::is_ascii_lowercase) >= LETTERS_MIN
        && count(|c| c.is_ascii_digit() || *c == b'+') > 0
        && count(|c| *c == b'/') <= SLASHES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_stands_alone_is_struck_out() {
        for key in [
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA",
            "q83vEjRWeJCrze8SNFZ4kKvN7xI0Vni_-83vEjRWeJA=",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "/JalrXUtnFEMI+K7MDENG/bPxRfiCYEXAMPLEKEY",
        ] {
            for (before, behind) in [
                ("", ""),
                ("\"", "\" is none"),
                ("--bucket=", ","),
                ("s3://", " x"),
                ("a 1, ", "\n"),
            ] {
                let text = format!("{before}{key}{behind}");
                assert_eq!(
                    without_keys(&text).replace('/', ""),
                    format!("{before}***{behind}").replace('/', "")
                );
                assert!(holds_key(&text));
            }
        }
        let two = "0".repeat(64) + " " + &"f".repeat(64);
        assert_eq!(without_keys(&two), "*** ***");
    }

    #[test]
    fn names_ids_and_paths_stay() {
        for text in [
            "",
            "20261120T070000Z-abcdefghij23 is no tier",
            "00112233445566778899aabbccddeeff",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "PGCOFFER_DB_MAIN_SCHEDULE, PGCOFFER_KEEP_LAST_AND_MORE_OF_THE_SAME_KIND_1",
            "daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo",
            "America/Argentina/ComodRivadavia",
            "/home/Ann/Backups/Of/The/Year/2026/x.toml",
            "a-bucket-with-a-name-of-just-forty-chars",
            "Grüße an alle",
        ] {
            assert_eq!(without_keys(text), text);
        }
    }
}
