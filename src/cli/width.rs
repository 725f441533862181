//! Text broken between words, at the width of the terminal that shows it. What goes elsewhere is left in one piece.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, core::Word};

use super::styled::width;
pub(super) use super::terminal::columns;

/// Columns that are too few to read anything in.
const LEAST: usize = 30;
/// Columns of a message: longer lines are hard to read, however wide the terminal is.
const MESSAGE_COLUMNS_MAX: usize = 100;

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

/// Breaks the lines of an error, a warning or a hint: what is broken off is indented below its first word. A command that
/// has a line of its own stays whole, to be copied.
pub(super) fn message_wrapped(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else {
        return text.to_owned();
    };
    let columns = columns.min(MESSAGE_COLUMNS_MAX);
    let lines = text.split('\n').map(|line| {
        let words = line.trim_start_matches(' ');
        match is_command(words) {
            true => line.to_owned(),
            false => broken(line, line.len() - words.len() + hanging(words), columns),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How much further the later lines of a message begin than its first one.
fn hanging(words: &str) -> usize {
    let begins = |begin: &&str| words.starts_with(*begin);
    let begin = ["error: ", "warning: ", "hint: "].into_iter().find(begins);
    begin.map_or(2, str::len)
}

/// Whether a line is there to be copied: a command, a setting, a statement of SQL, an address.
fn is_command(line: &str) -> bool {
    const PROGRAMS: [&str; 14] = [
        "$",
        "aws",
        "createdb",
        "docker",
        "dropdb",
        "export",
        "heroku",
        "kubectl",
        "mkdir",
        "pgcoffer",
        "psql",
        "ssh",
        "sudo",
        "systemctl",
    ];
    let first = line.split(' ').next().unwrap_or_default();
    let name = first.split('=').next().unwrap_or_default();
    let is_setting = first.contains('=')
        && name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
    PROGRAMS.contains(&first) || is_setting || first.contains("://") || line.ends_with(';')
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
        .word_separator(WordSeparator::Custom(words))
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    textwrap::fill(line, options)
}

/// The words of a line, each with the spaces behind it. A command in backquotes is one word, and so is the quoted value of
/// a setting, since both are copied as a whole.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let (mut words, mut start) = (Vec::new(), 0);
    let (mut before, mut is_space, mut closing) = (' ', false, None);
    for (at, c) in line.char_indices() {
        if closing.is_some() {
            closing = closing.filter(|end| *end != c);
        } else {
            if is_space && c != ' ' {
                words.push(Word::from(&line[start..at]));
                start = at;
            }
            is_space = c == ' ';
            let opens = c == '`' || (matches!(c, '"' | '\'') && before == '=');
            closing = (opens && line[at + 1..].contains(c)).then_some(c);
        }
        before = c;
    }
    if start < line.len() {
        words.push(Word::from(&line[start..]));
    }
    Box::new(words.into_iter())
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

    #[test]
    fn messages_are_indented_below_their_first_word_and_what_is_copied_stays_whole() {
        let error =
            "error: can't read what the bucket holds: access denied\nhint: `pgcoffer policy --mode restore` prints it";
        assert_eq!(
            message_wrapped(error, Some(40)),
            "error: can't read what the bucket holds:\n       access denied\n\
             hint: `pgcoffer policy --mode restore`\n      prints it"
        );
        assert_eq!(message_wrapped(error, None), error);
        // a line is no longer than can be read
        let long = format!("warning: {}", "word ".repeat(60).trim_end());
        assert!(message_wrapped(&long, Some(300)).lines().all(|line| width(line) <= 100));
        for whole in [
            "  pgcoffer restore latest --to env:TARGET --table public.orders",
            "    PGCOFFER_DB_MAIN_URL=postgres://user@host/name and a comment",
            "  GRANT SELECT ON TABLE public.orders, public.items TO reader;",
            "  https://example.com/a/very/long/address and what it is",
        ] {
            assert_eq!(message_wrapped(whole, Some(40)), whole);
        }
        assert_eq!(
            message_wrapped(
                "hint: set it as PGCOFFER_SCHEDULE=\"daily at 02:30 keep 7d\", and go on",
                Some(40)
            ),
            "hint: set it as\n      PGCOFFER_SCHEDULE=\"daily at 02:30 keep 7d\",\n      and go on"
        );
        // the lines of a list are a list
        assert_eq!(
            message_wrapped(
                "error: 2 settings are wrong\n  A: it is no number and should be one\n    hint: write 3",
                Some(36)
            ),
            "error: 2 settings are wrong\n  A: it is no number and should be\n    one\n    hint: write 3"
        );
    }

    #[test]
    fn a_backquote_or_a_quote_that_stands_alone_keeps_nothing_together() {
        assert_eq!(wrapped("a ` b c d", 0, Some(30)), "a ` b c d");
        let odd = "an odd ` stands in a name that is somewhat longer";
        assert_eq!(
            wrapped(odd, 0, Some(30)),
            "an odd ` stands in a name that\nis somewhat longer"
        );
    }
}
