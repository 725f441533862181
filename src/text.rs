//! Text that somebody else chose: the name of a table, a server's message, a field of a record.
//!
//! Whoever may create a table, run a server or write to the bucket chooses such text, and a terminal, a chat or a page
//! obeys some characters instead of showing them: control characters move a cursor or hide what follows, bidirectional
//! marks reorder a line, line breaks start one that looks like ours. [`Untrusted`] can therefore only be *displayed* escaped.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

/// Text from outside. [`Display`](fmt::Display) and [`Debug`](fmt::Debug) escape it; as JSON it is the text itself, so that
/// a program reads the exact name.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// The text as it came, for comparing, for hashing, and for a place that quotes it by rules of its own (SQL, JSON, HTML).
    /// Never for showing it.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&escaped(&self.0))
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", escaped(&self.0))
    }
}

/// The text on one line: every character that a terminal would obey, or that can't be seen, as `\n`, `\t`, `\u{1b}`.
///
/// Escaped are control characters (C0, DEL and C1), line and paragraph separators, bidirectional and other format
/// characters, and whatever else Rust's `char::escape_debug` does not take for printable. Letters of every script, accents
/// and emoji stay.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, |_| false)
}

/// The same for text of several lines of our own making, at the last place before a medium: line feeds and tabs stay.
#[must_use]
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped_but(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_shown = |c: char| stays(c) || is_visible(c);
    if text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_shown(c) {
            out.push(c);
        } else {
            out.extend(c.escape_debug());
        }
    }
    Cow::Owned(out)
}

/// Whether a character shows as itself and does nothing else.
fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // a control character, whatever the standard library thinks of it
        '\0'..='\u{9f}' => false,
        // a combining accent is escaped by `escape_debug` only because it would hang on the quote before it
        _ => c.escape_debug().count() == 1 || is_combining(c),
    }
}

/// Marks that belong to the letter before them: accents of Latin and Greek, vowel signs, variation selectors.
fn is_combining(c: char) -> bool {
    // `str::escape_debug` escapes these at the beginning of a text only, and what can't be printed everywhere
    let behind_a_letter = ['a', c].iter().collect::<String>();
    behind_a_letter.escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_as_an_escape() {
        for (text, shown) in [
            ("\x1b[2Jgone", "\\u{1b}[2Jgone"),
            ("a\nb\r\tc\0", "a\\nb\\r\\tc\\0"),
            ("\u{7f}\u{9b}31m", "\\u{7f}\\u{9b}31m"),
            ("a\u{2028}b\u{2029}c\u{85}", "a\\u{2028}b\\u{2029}c\\u{85}"),
            ("abc\u{202e}fed\u{2066}x", "abc\\u{202e}fed\\u{2066}x"),
            ("in\u{200b}visible\u{feff}", "in\\u{200b}visible\\u{feff}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
        ] {
            assert_eq!(Untrusted::from(text).to_string(), shown);
            assert!(!format!("{:?}", Untrusted::from(text)).contains(text));
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "orders",
            "O'Brien \"q\" \\ back",
            "Bücher",
            "cafe\u{301}",
            "表",
            "заказы",
            "हिन्दी",
            "🐘",
        ] {
            assert_eq!(Untrusted::from(text).to_string(), text);
        }
    }

    #[test]
    fn lines_of_our_own_stay_lines() {
        assert_eq!(escaped_lines("a\n\tb\x1b[m"), "a\n\tb\\u{1b}[m");
    }

    #[test]
    fn as_json_it_is_the_text_itself() {
        let name = Untrusted::from("a\u{1b}\nb");
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(serde_json::from_str::<Untrusted>(&json).unwrap(), name);
        assert_eq!(name.raw(), "a\u{1b}\nb");
    }
}
