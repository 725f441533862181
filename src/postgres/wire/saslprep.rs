//! Prepares a password for SCRAM, as servers do when it is set.
//!
//! This is PostgreSQL's own SASLprep, step by step. It checks for prohibited and unassigned characters *before* it
//! normalizes. If a password has such a character, or nothing remains of it, the bytes are used unchanged. The server
//! did the same when the password was set, so any other method would give another password.
//!
//! <https://www.postgresql.org/docs/current/sasl-authentication.html>, <https://www.rfc-editor.org/rfc/rfc4013>

use std::borrow::Cow;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The password, prepared for SCRAM.
pub(super) fn prepared(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    let mapped: Zeroizing<Vec<char>> = Zeroizing::new(password.chars().filter_map(mapped).collect());
    if mapped.is_empty() || mapped.iter().any(|c| is_prohibited(*c)) || mixes_directions(&mapped) {
        return Cow::Borrowed(password);
    }
    Cow::Owned(mapped.iter().copied().nfkc().collect())
}

/// RFC 4013, 2.1: other spaces become a space, and invisible characters are removed.
fn mapped(c: char) -> Option<char> {
    match c {
        c if tables::non_ascii_space_character(c) => Some(' '),
        c if tables::commonly_mapped_to_nothing(c) => None,
        c => Some(c),
    }
}

/// RFC 4013, 2.3 and 2.5.
fn is_prohibited(c: char) -> bool {
    tables::non_ascii_space_character(c)
        || tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

/// RFC 3454, 6: right-to-left text contains no left-to-right text, and begins and ends with right-to-left characters.
fn mixes_directions(text: &[char]) -> bool {
    let is_right_to_left = |c: &char| tables::bidi_r_or_al(*c);
    text.iter().any(is_right_to_left)
        && (text.iter().any(|c| tables::bidi_l(*c))
            || !text.first().is_some_and(is_right_to_left)
            || !text.last().is_some_and(is_right_to_left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_goes_in_as_it_is() {
        for as_it_is in [
            "plain",
            "line\nbreak",
            "ä\u{7}bell",
            "🔑key",
            "mark\u{200e}ed",
            "latinאב",
            "אב1",
            // assigned after Unicode 3.2, and a letter in its normal form
            "x\u{1d4c1}",
            // prohibited before normalization, and not in its normal form
            "a\u{340}",
            // nothing remains
            "\u{ad}",
        ] {
            assert_eq!(prepared(as_it_is), as_it_is, "{as_it_is:?}");
        }
        for (password, prepared_so) in [
            ("I\u{ad}X", "IX"),
            ("\u{2168}", "IX"),
            ("\u{aa}", "a"),
            ("a\u{a0}b", "a b"),
            ("ﬁ", "fi"),
            ("e\u{301}", "é"),
            ("אב", "אב"),
        ] {
            assert_eq!(prepared(password), prepared_so, "{password:?}");
        }
    }
}
