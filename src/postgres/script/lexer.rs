//! Prevents `psql` from reading a statement differently from the server.
//!
//! `psql` interprets what it sends. It replaces `:name`, `:'name'` and `:"name"` by its variables, of which it has some
//! thirty of its own (`VERSION`, `ROW_COUNT`), also in a slice like `a[1:"VERSION"]`. It counts `BEGIN … END` in
//! `CREATE FUNCTION` to find a statement's end, even if `begin` is the name of a column. So the lexer inserts a space
//! after such a colon, and quotes such a name: the server reads both the same. It changes nothing else, and nothing
//! inside quotes, comments or rows.
//!
//! <https://github.com/postgres/postgres/blob/master/src/fe_utils/psqlscan.l>

use memchr::memchr;

/// Rewrites SQL as it passes through, in pieces of any length.
pub(super) struct Lexer {
    state: State,
    /// Whether a backslash in a plain literal is an ordinary character.
    standard_strings: bool,
    statement: Statement,
    /// The word or the tag of a dollar quote that is being read, and is not passed on yet.
    word: Vec<u8>,
    /// A `begin` and the white space after it. The next word shows whether it is a keyword.
    begin: Vec<u8>,
    /// Whether the previous character is an `e`, which makes the next literal one with escapes.
    is_escape_prefix: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    Word,
    Colon,
    Dash,
    Slash,
    LineComment,
    Comment {
        depth: u32,
        last: u8,
    },
    Text {
        escapes: bool,
        skip: bool,
    },
    TextEnd {
        escapes: bool,
    },
    Name,
    DollarTag,
    DollarText {
        matched: usize,
    },
    /// A command of psql itself, such as `\unrestrict`.
    Command,
    /// After `COPY … FROM stdin;`.
    CopyLine,
    /// In rows: how much of the line `\.` has matched, if it can still match.
    Rows {
        matched: Option<usize>,
    },
}

const END_OF_ROWS: &[u8] = b"\\.\n";

/// What is known about the current statement.
#[derive(Default)]
struct Statement {
    words: usize,
    /// Its first words, one letter each, as far as they are those of `CREATE OR REPLACE FUNCTION`.
    kind: [u8; 4],
    is_copy: bool,
    ends_in_stdin: bool,
    parentheses: u32,
    /// The number of open `BEGIN ATOMIC` and `CASE` blocks.
    blocks: u32,
}

impl Statement {
    fn word(&mut self, word: &[u8]) {
        let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
        let kind = ["create", "or", "replace", "function", "procedure"]
            .iter()
            .position(|known| is(known));
        if let (Some(place), Some(kind)) = (self.kind.get_mut(self.words), kind) {
            *place = b"corff"[kind];
        }
        self.is_copy |= self.words == 0 && is("copy");
        self.ends_in_stdin = is("stdin");
        self.words += 1;
        if self.is_function() && self.parentheses == 0 && self.blocks > 0 {
            if is("case") {
                self.blocks += 1;
            } else if is("end") {
                self.blocks -= 1;
            }
        }
    }

    fn is_function(&self) -> bool {
        self.kind.starts_with(b"cf") || self.kind == *b"corf"
    }

    fn is_at_its_end(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }
}

fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

fn continues_word(byte: u8) -> bool {
    starts_word(byte) || byte.is_ascii_digit() || byte == b'$'
}

impl Lexer {
    pub(super) fn new(standard_strings: bool) -> Self {
        Self {
            state: State::Plain,
            standard_strings,
            statement: Statement::default(),
            word: Vec::new(),
            begin: Vec::new(),
            is_escape_prefix: false,
        }
    }

    /// Passes a piece on.
    pub(super) fn pass(&mut self, mut piece: &[u8], out: &mut Vec<u8>) {
        while !piece.is_empty() {
            let taken = self.take(piece, out);
            piece = &piece[taken..];
        }
    }

    /// Passes on what was held back, at the end of the script.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        match self.state {
            State::Word => self.end_word(out),
            State::Dash => out.push(b'-'),
            State::Slash => out.push(b'/'),
            State::DollarTag => out.append(&mut self.word),
            _ => {}
        }
        self.begin_was_a_name(out);
        self.state = State::Plain;
    }

    /// Passes on as much as belongs to one state. Returns the number of bytes.
    fn take(&mut self, piece: &[u8], out: &mut Vec<u8>) -> usize {
        let until = |end| memchr(end, piece);
        let (end, next) = match self.state {
            State::LineComment | State::Command => (until(b'\n'), State::Plain),
            State::CopyLine => (until(b'\n'), State::Rows { matched: Some(0) }),
            State::Rows { matched: None } => (until(b'\n'), State::Rows { matched: Some(0) }),
            State::Name => (until(b'"'), State::Plain),
            State::Text { escapes: false, .. } => (until(b'\''), State::TextEnd { escapes: false }),
            State::DollarText { matched: 0 } => (until(b'$'), State::DollarText { matched: 1 }),
            _ => {
                self.byte(piece[0], out);
                return 1;
            }
        };
        let taken = end.map_or(piece.len(), |end| end + 1);
        out.extend_from_slice(&piece[..taken]);
        if end.is_some() {
            self.state = next;
        }
        taken
    }

    fn byte(&mut self, byte: u8, out: &mut Vec<u8>) {
        self.state = match self.state {
            State::Word if continues_word(byte) => return self.word.push(byte),
            State::Word => {
                self.end_word(out);
                self.plain(byte, out)
            }
            State::Colon => self.behind_colon(byte, out),
            State::Dash if byte == b'-' => {
                out.extend(b"--");
                State::LineComment
            }
            State::Slash if byte == b'*' => {
                out.extend(b"/*");
                State::Comment { depth: 1, last: 0 }
            }
            State::Dash => {
                out.push(b'-');
                self.plain(byte, out)
            }
            State::Slash => {
                out.push(b'/');
                self.plain(byte, out)
            }
            State::Comment { depth, last } => {
                out.push(byte);
                in_comment(depth, last, byte)
            }
            State::Text { escapes, skip } => {
                out.push(byte);
                match byte {
                    b'\'' if !skip => State::TextEnd { escapes },
                    _ => State::Text {
                        escapes,
                        skip: byte == b'\\' && !skip,
                    },
                }
            }
            State::TextEnd { escapes } if byte == b'\'' => {
                out.push(byte);
                let skip = false;
                State::Text { escapes, skip }
            }
            State::DollarTag => self.in_dollar_tag(byte, out),
            State::DollarText { matched } => {
                out.push(byte);
                self.in_dollar_text(matched, byte)
            }
            State::Rows { matched } => {
                out.push(byte);
                in_rows(matched, byte)
            }
            _ => self.plain(byte, out),
        };
    }

    /// Handles a byte outside of literals, comments and rows.
    fn plain(&mut self, byte: u8, out: &mut Vec<u8>) -> State {
        let escapes = std::mem::take(&mut self.is_escape_prefix) || !self.standard_strings;
        if starts_word(byte) {
            self.word.push(byte);
            return State::Word;
        }
        if !self.begin.is_empty() {
            if byte.is_ascii_whitespace() {
                self.begin.push(byte);
                return State::Plain;
            }
            self.begin_was_a_name(out);
        }
        // the next byte shows what these begin
        match byte {
            b'-' => return State::Dash,
            b'/' => return State::Slash,
            b'$' => {
                self.word.push(byte);
                return State::DollarTag;
            }
            _ => out.push(byte),
        }
        match byte {
            b'\'' => State::Text { escapes, skip: false },
            b'"' => State::Name,
            b':' => State::Colon,
            b'\\' => State::Command,
            b';' if self.statement.is_at_its_end() => {
                let ended = std::mem::take(&mut self.statement);
                match ended.is_copy && ended.ends_in_stdin {
                    true => State::CopyLine,
                    false => State::Plain,
                }
            }
            _ => {
                let parentheses = &mut self.statement.parentheses;
                match byte {
                    b'(' => *parentheses += 1,
                    b')' => *parentheses = parentheses.saturating_sub(1),
                    _ => {}
                }
                State::Plain
            }
        }
    }

    fn behind_colon(&mut self, byte: u8, out: &mut Vec<u8>) -> State {
        if matches!(byte, b':' | b'=') {
            out.push(byte);
            return State::Plain;
        }
        if continues_word(byte) || matches!(byte, b'\'' | b'"' | b'{') {
            out.push(b' ');
        }
        self.plain(byte, out)
    }

    fn in_dollar_tag(&mut self, byte: u8, out: &mut Vec<u8>) -> State {
        let is_first = self.word.len() == 1;
        if byte == b'$' {
            self.word.push(byte);
            out.extend_from_slice(&self.word);
            return State::DollarText { matched: 0 };
        }
        if starts_word(byte) || (byte.is_ascii_digit() && !is_first) {
            self.word.push(byte);
            return State::DollarTag;
        }
        // `$1`, a parameter
        out.append(&mut self.word);
        self.plain(byte, out)
    }

    /// A tag has its `$` only at both ends, so a failed match can only start again at this byte.
    fn in_dollar_text(&mut self, matched: usize, byte: u8) -> State {
        let matched = match self.word.get(matched) {
            Some(next) if *next == byte => matched + 1,
            _ => usize::from(byte == b'$'),
        };
        if matched == self.word.len() {
            self.word.clear();
            return State::Plain;
        }
        State::DollarText { matched }
    }

    fn end_word(&mut self, out: &mut Vec<u8>) {
        let word = std::mem::take(&mut self.word);
        let is = |other: &str| word.eq_ignore_ascii_case(other.as_bytes());
        if !self.begin.is_empty() && is("atomic") {
            out.append(&mut self.begin);
            self.statement.blocks += 1;
        }
        self.begin_was_a_name(out);
        self.statement.word(&word);
        self.is_escape_prefix = is("e");
        if self.statement.is_function() && is("begin") {
            self.begin = word;
        } else {
            out.extend(word);
        }
    }

    fn begin_was_a_name(&mut self, out: &mut Vec<u8>) {
        if let Some((_, blanks)) = self.begin.split_at_checked("begin".len()) {
            out.extend(b"\"begin\"");
            out.extend_from_slice(blanks);
            self.begin.clear();
        }
    }
}

fn in_comment(depth: u32, last: u8, byte: u8) -> State {
    match (last, byte) {
        (b'*', b'/') if depth == 1 => State::Plain,
        (b'*', b'/') => State::Comment {
            depth: depth - 1,
            last: 0,
        },
        (b'/', b'*') => State::Comment {
            depth: depth + 1,
            last: 0,
        },
        _ => State::Comment { depth, last: byte },
    }
}

fn in_rows(matched: Option<usize>, byte: u8) -> State {
    match matched {
        Some(matched) if END_OF_ROWS.get(matched) == Some(&byte) => match matched + 1 {
            3 => State::Plain,
            matched => State::Rows { matched: Some(matched) },
        },
        _ => State::Rows {
            matched: (byte == b'\n').then_some(0),
        },
    }
}

#[cfg(test)]
mod tests;
