//! Text broken between words, at the width of the terminal that shows it. What goes elsewhere is left in one piece.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

use super::styled::width;
pub(super) use super::terminal::columns;

/// Columns that are too few to read anything in.
const LEAST: usize = 30;

/// Breaks each line; what is broken off is indented as its line begins, and by `hanging` more.
pub(super) fn wrapped(text: &str, hanging: usize, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let lines = text.split('\n').map(|line| {
        let indent = line.len() - line.trim_start_matches(' ').len() + hanging;
        broken(line, indent, columns)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Breaks lines of facts, whose values begin at the same column: what is broken off stands below its value. Where a word
/// is too long for that, such as an address, it stands as far to the left as it needs.
pub(super) fn facts_wrapped(text: &str, columns: Option<usize>) -> String {
    /// The column at which values begin.
    const VALUES: usize = 15;
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let lines = text.split('\n').map(|line| {
        let longest = line.split(' ').map(width).max().unwrap_or(0);
        let indent = match line.starts_with("  ") && !line.starts_with(&" ".repeat(VALUES)) {
            true => 4,
            false => VALUES,
        };
        broken(line, indent.min(columns.saturating_sub(longest)), columns)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, indent: usize, columns: usize) -> String {
    // where the indentation would take it all, the width is left to what is read
    let indent = " ".repeat(if columns < indent + LEAST { 0 } else { indent });
    let options = Options::new(columns)
        .subsequent_indent(&indent)
        // a command or an address that is too long stays one word, to be copied
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::fill(line, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_stay_indented() {
        let text = "  1. The settings: save what is printed as pgcoffer.yaml\nshort";
        assert_eq!(
            wrapped(text, 3, Some(40)),
            "  1. The settings: save what is printed\n     as pgcoffer.yaml\nshort"
        );
        assert_eq!(wrapped(text, 3, None), text);
        let fact = "object         s3://bucket/main/archives/abcdefghijklmnopqrstuvw";
        assert_eq!(
            facts_wrapped(fact, Some(50)),
            "object\n s3://bucket/main/archives/abcdefghijklmnopqrstuvw"
        );
        let fact = "drill          proven at 2026-11-20 07:00 UTC by ann@desk";
        assert_eq!(
            facts_wrapped(fact, Some(45)),
            "drill          proven at 2026-11-20 07:00 UTC\n               by ann@desk"
        );
        let address = "  see https://example.com/a/very/long/address/indeed-it-is";
        assert_eq!(
            wrapped(address, 0, Some(34)),
            "  see\n  https://example.com/a/very/long/address/indeed-it-is"
        );
    }
}
