//! Blanks around a value, those of Unicode's book and those that have no width.

/// A setting's text without what surrounds it unseen: blanks, line ends, marks that have no width.
#[must_use]
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Whether a character is a blank, or a mark that has no width.
pub(super) fn is_blank(c: char) -> bool {
    // byte order mark, zero width space, word joiner: no white space by Unicode's book
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\u{2060}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_value_unseen_is_left_out() {
        for text in [
            "x\r\n",
            " x ",
            "\t x\u{a0}",
            "\u{feff}x\u{200b}",
            "x\u{2028}\u{2029}\u{b}\u{c}\u{85}",
        ] {
            assert_eq!(trimmed(text), "x");
        }
        assert_eq!(trimmed("\r\n"), "");
        assert_eq!(trimmed("a b"), "a b");
    }
}
