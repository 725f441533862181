//! Text for people, of which some parts have a colour where the reader's side wants that.

use std::fmt;

use pgcoffer::text::escaped_lines;
use unicode_width::UnicodeWidthStr as _;

/// What a part of a text means, by which it is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Style {
    /// Nothing in particular.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// A person should look at it.
    Warning,
    /// It failed, or is lost.
    Bad,
    /// The heads of a table.
    Head,
}

impl Style {
    /// The parameters of "select graphic rendition"; none for what looks as usual.
    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("1;31"),
            Self::Head => Some("1"),
        }
    }
}

/// Parts of a text, each with its style. Its text may come from outside: it is escaped when it is rendered, and only
/// then are colours added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Styled(Vec<(Style, String)>);

impl Styled {
    pub(super) fn new(style: Style, text: impl Into<String>) -> Self {
        Self(vec![(style, text.into())])
    }

    pub(super) fn push(&mut self, style: Style, text: impl Into<String>) {
        self.0.push((style, text.into()));
    }

    pub(super) fn push_str(&mut self, text: &str) {
        match self.0.last_mut() {
            Some((Style::Plain, last)) => last.push_str(text),
            _ => self.push(Style::Plain, text),
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The text as it is written: escaped, with colours or without.
    pub(super) fn rendered(&self, has_color: bool) -> String {
        let mut out = String::new();
        for (style, text) in &self.0 {
            let text = escaped_lines(text);
            match style.code().filter(|_| has_color && !text.trim().is_empty()) {
                None => out.push_str(&text),
                Some(code) => out.push_str(&format!("\x1b[{code}m{text}\x1b[0m")),
            }
        }
        out
    }
}

impl From<String> for Styled {
    fn from(text: String) -> Self {
        Self::new(Style::Plain, text)
    }
}

/// Without any style.
impl fmt::Display for Styled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(_, text)| f.write_str(text))
    }
}

/// The columns that a text takes on a terminal: two for a wide character, none for an accent.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of a text that takes `columns_max` columns at the most; where it was cut, a mark shows that.
pub(super) fn cut(text: &str, columns_max: usize, mark: &str) -> String {
    if width(text) <= columns_max {
        return text.to_owned();
    }
    let room = columns_max.saturating_sub(width(mark));
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| width(&text[..*end]) <= room).last().unwrap_or(0);
    format!("{}{mark}", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_moves_no_cursor_and_colours_stand_outside() {
        let mut text = Styled::new(Style::Bad, "\x1b[2J");
        text.push_str(" x\n");
        assert_eq!(text.rendered(false), "\\u{1b}[2J x\n");
        assert_eq!(text.rendered(true), "\x1b[1;31m\\u{1b}[2J\x1b[0m x\n");
    }

    #[test]
    fn a_cut_shows_and_counts_columns() {
        assert_eq!(cut("warehouse", 9, "…"), "warehouse");
        assert_eq!(cut("warehouse", 6, "…"), "wareh…");
        assert_eq!(cut("warehouse", 6, "..."), "war...");
        assert_eq!(cut("データベース", 7, "…"), "データ…");
        assert_eq!(cut("データベース", 6, "…"), "デー…");
        // an accent stays with its letter
        assert_eq!(cut("e\u{301}e\u{301}e\u{301}", 2, "…"), "e\u{301}…");
    }
}
