//! Text that somebody else chose: the name of a table, a server's message, a field of a record.
//!
//! Whoever may create a table, run a server or write to the bucket chooses such text, and a terminal, a chat or a page
//! obeys some characters instead of showing them: control characters move a cursor or hide what follows, bidirectional
//! marks reorder a line, line breaks start one that looks like ours. [`Untrusted`] can therefore only be *displayed*
//! escaped.

mod ages;
mod figures;
mod html;
mod moment;
mod number;
mod os;
mod schema;
mod shell;

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

pub use ages::{age, ago, ago_in_column};
pub use figures::{bare_minute, bare_second, day, duration, minute, second, short_size, size, span};
pub use html::html_escaped;
pub use moment::{MomentError, parse_moment};
pub use number::{counted, grouped, roughly};
pub use os::{os_words, plain_os_text};
pub(crate) use schema::text_schema;
pub use shell::{shell_quoted, shell_word};

/// Characters of one line that are shown: a name has 63 bytes, a message may have megabytes.
const CHARS_MAX: usize = 1000;
/// The same of a line of a message of ours, in which a list of names may stand.
const MESSAGE_CHARS_MAX: usize = 4000;
/// Lines of a longer text that are shown.
const LINES_MAX: usize = 40;
/// Accents that are shown on one letter; Vietnamese has two, pointed Hebrew three.
const ACCENTS_MAX: u8 = 4;

/// Text from outside. [`Display`](fmt::Display) and [`Debug`](fmt::Debug) escape it, on one line of bounded length; as
/// JSON it is the text itself, so that a program reads the exact name.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

text_schema!(
    Untrusted,
    "Text from outside, exactly as it came: whoever shows it escapes it."
);

impl Untrusted {
    /// The text as it came, for comparing, for hashing, and for a place that quotes it by rules of its own (SQL, JSON,
    /// HTML). Never for showing it.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Shows text that may have several lines, such as what a program wrote: one line stands where it is put, several
    /// stand below, each escaped and indented, so that none of them passes for a line of ours.
    #[must_use]
    pub fn lines(&self) -> Lines<'_> {
        Lines(&self.0)
    }

    /// As the name of an object in a sentence: as it is, or in quotes where it could be misread. The quotes are those
    /// of SQL, and an option that takes a name reads them back: a double quote stands twice, and a name with characters
    /// that can't be shown is written `U&"a\001bb"`, in which a backslash stands twice, too.
    #[must_use]
    pub fn identifier(&self) -> String {
        let is_plain = self.0.chars().all(|c| c.is_alphanumeric() || c == '_');
        if is_plain && !self.0.is_empty() && bounded(&self.0, CHARS_MAX) == self.0 {
            return self.0.clone();
        }
        // nothing is called by a name of that length
        if self.0.chars().count() > CHARS_MAX {
            return format!("{self:?}");
        }
        let quoted = self.0.replace('"', "\"\"");
        match escaped(&quoted) == quoted {
            true => format!("\"{quoted}\""),
            false => {
                let doubled = quoted.replace('\\', "\\\\");
                format!("U&\"{}\"", escaped_but(&doubled, |_| false, push_sql_escape))
            }
        }
    }

    /// Its first line.
    #[must_use]
    pub fn first_line(&self) -> Self {
        Self(self.0.lines().next().unwrap_or_default().to_owned())
    }

    /// Its first characters.
    #[must_use]
    pub fn cut(&self, chars_max: usize) -> Self {
        Self(self.0.chars().take(chars_max).collect())
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Text of whatever encoding: what is not UTF-8 stands as `\xe9`, so that two names that differ are not shown as one.
#[must_use]
pub fn decoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
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
        f.pad(&bounded(&self.0, CHARS_MAX))
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = self.0.replace('\\', "\\\\").replace('"', "\\\"");
        write!(f, "\"{}\"", bounded(&quoted, CHARS_MAX))
    }
}

impl PartialEq<str> for Untrusted {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Untrusted {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// Text of several lines from outside, such as what a program wrote to stderr: see [`Untrusted::lines`].
#[derive(Clone, Copy)]
pub struct Lines<'a>(&'a str);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.trim_end_matches(['\r', '\n']);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        if !text.contains('\n') {
            return f.write_str(&bounded(text, CHARS_MAX));
        }
        for line in lines.by_ref().take(LINES_MAX) {
            write!(f, "\n  {}", bounded(line, CHARS_MAX))?;
        }
        match lines.count() {
            0 => Ok(()),
            more => write!(f, "\n  … and {}", counted(more, "more line")),
        }
    }
}

/// A message of ours that may have text from outside in it: escaped, of bounded length, and its later lines indented,
/// so that none of them passes for one that we begin.
#[must_use]
pub fn continued(text: &str) -> Cow<'_, str> {
    if !text.contains('\n') {
        return bounded(text, MESSAGE_CHARS_MAX);
    }
    let mut lines = text.split('\n').enumerate();
    let shown = lines.by_ref().take(LINES_MAX).map(|(n, line)| {
        let line = bounded(line, MESSAGE_CHARS_MAX);
        match n {
            0 => line.into_owned(),
            _ if line.starts_with("  ") => format!("\n{line}"),
            _ => format!("\n  {line}"),
        }
    });
    let mut shown: String = shown.collect();
    match lines.count() {
        0 => {}
        more => shown.push_str(&format!("\n  … and {}", counted(more, "more line"))),
    }
    Cow::Owned(shown)
}

/// The first characters, escaped, and how many there are beside them.
fn bounded(text: &str, chars_max: usize) -> Cow<'_, str> {
    let Some((end, _)) = text.char_indices().nth(chars_max) else {
        return escaped(text);
    };
    let more = text[end..].chars().count();
    Cow::Owned(format!(
        "{} … and {}",
        escaped(&text[..end]),
        counted(more, "more character")
    ))
}

/// The text on one line: every character that a terminal would obey, or that can't be seen, as `\n`, `\t`, `\u{1b}`.
///
/// Escaped are control characters (C0, DEL and C1), line and paragraph separators, bidirectional and other format
/// characters, whatever is invisible, more accents on one letter than any language has, and whatever else Rust's
/// `char::escape_debug` does not take for printable. Letters of every script, accents and emoji stay.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, |_| false, push_escape)
}

/// The same for text of several lines of our own making, at the last place before a medium: line feeds stay.
#[must_use]
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, |c| c == '\n', push_escape)
}

/// The same for rows of a table, whose columns are apart by tabs.
#[must_use]
pub(crate) fn escaped_rows(text: &str) -> Cow<'_, str> {
    escaped_but(text, |c| matches!(c, '\n' | '\t'), push_escape)
}

/// A JSON document in which the same characters stand as `\u001b`: it says the same to a program, and a terminal that
/// shows it obeys nothing. Line feeds of its layout stay.
#[must_use]
pub fn escaped_json(document: &str) -> Cow<'_, str> {
    let stays = |c| c == '\n';
    // outside of its strings a document holds nothing but ASCII
    escaped_but(document, stays, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    })
}

fn push_escape(c: char, out: &mut String) {
    match c {
        '\0' | '\t' | '\n' | '\r' => out.extend(c.escape_debug()),
        c => out.extend(c.escape_unicode()),
    }
}

/// As SQL has it in `U&"…"`.
/// <https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>
fn push_sql_escape(c: char, out: &mut String) {
    match u32::from(c) {
        point @ ..=0xffff => out.push_str(&format!("\\{point:04x}")),
        point => out.push_str(&format!("\\+{point:06x}")),
    }
}

fn escaped_but(text: &str, stays: impl Fn(char) -> bool, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    // accents on the letter before; at the beginning they would hang on whatever stands there
    let mut accents = ACCENTS_MAX;
    for c in text.chars() {
        let is_accent = is_combining(c);
        let is_shown = stays(c)
            || match is_accent {
                true => accents < ACCENTS_MAX,
                false => is_visible(c),
            };
        if is_shown {
            out.push(c);
        } else {
            escape(c, &mut out);
        }
        accents = match (is_accent, is_shown) {
            (true, _) => accents.saturating_add(1),
            (false, true) => 0,
            (false, false) => ACCENTS_MAX,
        };
    }
    match out == text {
        true => Cow::Borrowed(text),
        false => Cow::Owned(out),
    }
}

/// Whether a character shows as itself and does nothing else.
fn is_visible(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // a control character, whatever the standard library thinks of it
        '\0'..='\u{9f}' => false,
        c if is_blank(c) => false,
        c => c.escape_debug().count() == 1,
    }
}

/// Letters and marks that show nothing: fillers of Hangul and Khmer, joiners, selectors of variants but those of emoji.
/// <https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>
fn is_blank(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

/// Marks that belong to the letter before them: accents of Latin and Greek, vowel signs, the two selectors of emoji.
fn is_combining(c: char) -> bool {
    // `escape_debug` of a single character escapes these only because they would hang on a quote before it
    c > '\u{9f}'
        && !is_blank(c)
        && c.escape_debug().count() > 1
        && String::from_iter(['a', c]).escape_debug().count() == 2
}

#[cfg(test)]
mod tests;
