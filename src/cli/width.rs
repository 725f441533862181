//! Text broken between words, at the width of the terminal that shows it. What goes elsewhere is left in one piece.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

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
        let address = "  see https://example.com/a/very/long/address/indeed-it-is";
        assert_eq!(
            wrapped(address, 0, Some(34)),
            "  see\n  https://example.com/a/very/long/address/indeed-it-is"
        );
    }
}
