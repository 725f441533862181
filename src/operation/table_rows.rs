//! Rows of a table out of COPY's text format: as they are, or as CSV.

use std::collections::HashMap;

/// Ends the rows of a COPY.
const END_MARKER: &[u8] = b"\\.";
/// NULL in COPY's text format.
const NULL: &[u8] = b"\\N";

/// From this length on, in bytes, a row goes on as CSV before it has ended, and a value of it in quotes.
const LONG: usize = 1 << 20;

/// The form in which rows are given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RowFormat {
    /// COPY's text format, which `\copy TABLE from FILE` reads.
    #[default]
    Copy,
    /// CSV with a line of names, as `COPY … WITH (FORMAT csv, HEADER)` reads and writes it: NULL is nothing, an empty
    /// text is `""`.
    Csv,
}

/// Writes rows. They come as the text in blocks of an archive, in any cuts.
pub(super) struct RowWriter {
    format: RowFormat,
    columns: Vec<Vec<u8>>,
    /// For each block that has its columns in another order: where each column stands.
    orders: HashMap<i32, Vec<usize>>,
    /// The block that the last text was of.
    block: Option<i32>,
    /// Whether its end marker has come.
    has_ended: bool,
    /// Whether a row that goes on as it is has begun.
    is_in_row: bool,
    /// The beginning of a row that was cut.
    cut: Vec<u8>,
    /// The long row of which a beginning went on as CSV.
    long: Option<LongRow>,
}

impl RowWriter {
    /// Writes rows of these columns.
    pub(super) fn new(format: RowFormat, columns: Vec<Vec<u8>>, orders: HashMap<i32, Vec<usize>>) -> Self {
        Self {
            format,
            columns,
            orders,
            block: None,
            has_ended: false,
            is_in_row: false,
            cut: Vec::new(),
            long: None,
        }
    }

    /// The line of names, if the format has one.
    pub(super) fn heading(&self) -> Vec<u8> {
        let mut line = Vec::new();
        if self.format == RowFormat::Csv {
            let names = self.columns.iter().map(|name| Some(name.as_slice()));
            csv_line(names, &mut line);
        }
        line
    }

    /// Takes text of a block, and appends the rows in it to `to`.
    pub(super) fn push(&mut self, block: i32, mut text: &[u8], to: &mut Vec<u8>) {
        if self.block != Some(block) {
            self.block = Some(block);
            self.has_ended = false;
            self.is_in_row = false;
            self.cut.clear();
            self.long = None;
        }
        if self.format == RowFormat::Copy && !self.orders.contains_key(&block) {
            return self.pass(text, to);
        }
        while !self.has_ended {
            if let Some(mut long) = self.long.take() {
                let Some(behind) = long.take(text, to) else {
                    self.long = Some(long);
                    return;
                };
                text = behind;
                continue;
            }
            let Some(length) = memchr::memchr(b'\n', text) else {
                self.cut.extend_from_slice(text);
                if self.cut.len() > LONG && self.format == RowFormat::Csv && !self.orders.contains_key(&block) {
                    let mut long = LongRow::default();
                    long.take(&std::mem::take(&mut self.cut), to);
                    self.long = Some(long);
                }
                return;
            };
            let row = &text[..length];
            text = &text[length + 1..];
            if self.cut.is_empty() {
                self.row(block, row, to);
            } else {
                let mut whole = std::mem::take(&mut self.cut);
                whole.extend_from_slice(row);
                self.row(block, &whole, to);
                whole.clear();
                self.cut = whole;
            }
        }
    }

    /// Passes rows on as they are, however long one is. A row never begins with the end marker, since a backslash in a
    /// value is doubled.
    fn pass(&mut self, mut text: &[u8], to: &mut Vec<u8>) {
        while let (false, Some(first)) = (self.has_ended, text.first()) {
            if !self.is_in_row && self.cut.is_empty() && *first == END_MARKER[0] {
                self.cut.push(*first);
                text = &text[1..];
                continue;
            }
            if !self.cut.is_empty() && *first == END_MARKER[1] {
                self.has_ended = true;
                return;
            }
            to.append(&mut self.cut);
            let length = memchr::memchr(b'\n', text).map(|at| at + 1);
            self.is_in_row = length.is_none();
            let (row, behind) = text.split_at(length.unwrap_or(text.len()));
            to.extend_from_slice(row);
            text = behind;
        }
    }

    fn row(&mut self, block: i32, row: &[u8], to: &mut Vec<u8>) {
        if row == END_MARKER {
            self.has_ended = true;
            return;
        }
        let order = self.orders.get(&block);
        match (self.format, order) {
            // passed on before it was cut into rows
            (RowFormat::Copy, None) => {}
            (RowFormat::Copy, Some(order)) => {
                let fields: Vec<&[u8]> = fields(row, self.columns.len()).collect();
                let in_order: Vec<&[u8]> = order.iter().filter_map(|at| fields.get(*at).copied()).collect();
                to.extend_from_slice(&in_order.join(&b'\t'));
                to.push(b'\n');
            }
            (RowFormat::Csv, None) => {
                let values: Vec<Option<Vec<u8>>> = fields(row, self.columns.len()).map(value).collect();
                csv_line(values.iter().map(|value| value.as_deref()), to);
            }
            (RowFormat::Csv, Some(order)) => {
                let values: Vec<Option<Vec<u8>>> = fields(row, self.columns.len()).map(value).collect();
                let in_order = order.iter().map(|at| values.get(*at).and_then(Option::as_deref));
                csv_line(in_order, to);
            }
        }
    }
}

/// The fields of a row. A tab inside of a value is written as a backslash and a `t`. A row of a table without columns
/// is an empty line and has none.
fn fields(row: &[u8], columns: usize) -> impl Iterator<Item = &[u8]> {
    row.split(|byte| *byte == b'\t')
        .take(if columns == 0 { 0 } else { usize::MAX })
}

/// The value of a field; none for NULL.
fn value(field: &[u8]) -> Option<Vec<u8>> {
    if field == NULL {
        return None;
    }
    let mut value = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        value.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let Some((escaped, behind)) = rest.split_first() else {
            break;
        };
        rest = behind;
        value.push(unescaped(*escaped));
    }
    value.extend_from_slice(rest);
    Some(value)
}

/// What a byte behind a backslash stands for.
fn unescaped(byte: u8) -> u8 {
    match byte {
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        other => other,
    }
}

/// A row of which not all is in memory at once, as CSV.
#[derive(Default)]
struct LongRow {
    /// The field so far, as long as it is short.
    field: Vec<u8>,
    /// Whether a beginning of the field went on, behind an opening quote.
    is_open: bool,
    /// Whether the last byte that went on was a backslash.
    is_escaped: bool,
}

impl LongRow {
    /// Takes text of the row; what comes behind it, once it has ended.
    fn take<'a>(&mut self, text: &'a [u8], to: &mut Vec<u8>) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', text);
        let row = &text[..end.unwrap_or(text.len())];
        for (at, part) in row.split(|byte| *byte == b'\t').enumerate() {
            if at > 0 {
                self.end_field(to);
                to.push(b',');
            }
            self.add(part, to);
        }
        let end = end?;
        self.end_field(to);
        to.push(b'\n');
        Some(&text[end + 1..])
    }

    fn add(&mut self, part: &[u8], to: &mut Vec<u8>) {
        if self.is_open {
            return self.add_quoted(part, to);
        }
        self.field.extend_from_slice(part);
        if self.field.len() > LONG {
            to.push(b'"');
            self.is_open = true;
            let field = std::mem::take(&mut self.field);
            self.add_quoted(&field, to);
        }
    }

    fn add_quoted(&mut self, mut part: &[u8], to: &mut Vec<u8>) {
        while let Some((first, behind)) = part.split_first() {
            if std::mem::take(&mut self.is_escaped) {
                push_quoted(unescaped(*first), to);
                part = behind;
                continue;
            }
            let length = memchr::memchr2(b'\\', b'"', part).unwrap_or(part.len());
            to.extend_from_slice(&part[..length]);
            let Some(special) = part.get(length) else {
                return;
            };
            match *special {
                b'\\' => self.is_escaped = true,
                quote => push_quoted(quote, to),
            }
            part = &part[length + 1..];
        }
    }

    fn end_field(&mut self, to: &mut Vec<u8>) {
        self.is_escaped = false;
        match std::mem::take(&mut self.is_open) {
            true => to.push(b'"'),
            false => csv_value(value(&self.field).as_deref(), false, to),
        }
        self.field.clear();
    }
}

/// A byte between quotes, where a quote stands twice.
fn push_quoted(byte: u8, to: &mut Vec<u8>) {
    if byte == b'"' {
        to.push(b'"');
    }
    to.push(byte);
}

/// A line of CSV as PostgreSQL writes it. What could be taken for something else stands in quotes: an empty text (for
/// NULL), and alone on its line COPY's end marker.
fn csv_line<'a>(values: impl ExactSizeIterator<Item = Option<&'a [u8]>>, to: &mut Vec<u8>) {
    let is_alone = values.len() == 1;
    for (at, value) in values.enumerate() {
        if at > 0 {
            to.push(b',');
        }
        csv_value(value, is_alone, to);
    }
    to.push(b'\n');
}

fn csv_value(value: Option<&[u8]>, is_alone: bool, to: &mut Vec<u8>) {
    let Some(value) = value else {
        return;
    };
    let is_marker = is_alone && value == END_MARKER;
    let is_special = |byte: &u8| matches!(byte, b'"' | b',' | b'\n' | b'\r');
    let needs_quotes = value.is_empty() || is_marker || value.iter().any(is_special);
    if !needs_quotes {
        to.extend_from_slice(value);
        return;
    }
    to.push(b'"');
    for byte in value {
        push_quoted(*byte, to);
    }
    to.push(b'"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
