//! The rows of one table, counted and hashed as they pass.

use memchr::memchr;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use super::Fingerprint;
use super::expected::Style;

/// Ends the rows of a COPY. No row looks like it: a backslash in the data is written as two. Two empty lines follow it,
/// while an empty line before it is a row.
const END_MARKER: &[u8] = b"\\.";

/// Takes a table's data in any cuts. COPY text never holds a raw line break inside a row, whatever the encoding.
#[derive(Clone)]
pub(super) struct Rows {
    style: Style,
    /// How many rows so far.
    pub(super) count: u64,
    /// Their bytes, each with its line break.
    pub(super) bytes: u64,
    pub(super) fingerprint: Fingerprint,
    /// Whether COPY's end marker has come.
    ended: bool,
    /// The row that was cut at the end of the input: the number of its bytes so far, and their hash.
    partial_bytes: u64,
    partial: Xxh3,
    /// The first bytes of that row, for recognising the end marker.
    head: [u8; 2],
}

/// What is wrong with a table's data.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RowFault {
    NoEndMarker,
    AfterEndMarker,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self {
            style: Style::Copy,
            count: 0,
            bytes: 0,
            fingerprint: Fingerprint::default(),
            ended: false,
            partial_bytes: 0,
            partial: Xxh3::new(),
            head: [0; 2],
        }
    }

    /// Begins the next table.
    pub(super) fn begin(&mut self, style: Style) {
        self.style = style;
        self.count = 0;
        self.bytes = 0;
        self.fingerprint = Fingerprint::default();
        self.ended = false;
        self.drop_partial();
    }

    #[inline]
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), RowFault> {
        while !self.ended {
            let Some(length) = memchr(b'\n', bytes) else {
                self.add_partial(bytes);
                return Ok(());
            };
            let row = &bytes[..length];
            bytes = &bytes[length + 1..];
            if self.partial_bytes == 0 {
                self.row(row);
            } else {
                self.add_partial(row);
                self.end_partial();
            }
            if bytes.is_empty() {
                return Ok(());
            }
        }
        if bytes.iter().all(|&byte| byte == b'\n') {
            Ok(())
        } else {
            Err(RowFault::AfterEndMarker)
        }
    }

    /// The block has ended.
    pub(super) fn end(&mut self) -> Result<(), RowFault> {
        match self.style {
            Style::Copy if !self.ended => Err(RowFault::NoEndMarker),
            Style::Insert if self.partial_bytes > 0 => {
                self.end_partial();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A row that is completely in the input.
    #[inline]
    fn row(&mut self, row: &[u8]) {
        match self.style {
            Style::Copy if row == END_MARKER => self.ended = true,
            Style::Insert if row.is_empty() => (),
            _ => self.count_row(row.len() as u64, xxh3_128(row)),
        }
    }

    fn end_partial(&mut self) {
        if self.style == Style::Copy && self.partial_bytes == 2 && self.head == END_MARKER {
            self.ended = true;
        } else {
            self.count_row(self.partial_bytes, self.partial.digest128());
        }
        self.drop_partial();
    }

    fn add_partial(&mut self, part: &[u8]) {
        for (place, &byte) in self.head.iter_mut().skip(self.partial_bytes.min(2) as usize).zip(part) {
            *place = byte;
        }
        self.partial_bytes += part.len() as u64;
        self.partial.update(part);
    }

    fn drop_partial(&mut self) {
        if self.partial_bytes > 0 {
            self.partial_bytes = 0;
            self.partial.reset();
        }
    }

    #[inline]
    fn count_row(&mut self, length: u64, hash: u128) {
        self.count += 1;
        self.bytes += length + 1;
        self.fingerprint.add(hash);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(style: Style, parts: &[&[u8]]) -> Result<(u64, u64, Fingerprint), RowFault> {
        let mut rows = Rows::new();
        rows.begin(style);
        parts.iter().try_for_each(|part| rows.push(part))?;
        rows.end().map(|()| (rows.count, rows.bytes, rows.fingerprint))
    }

    fn sum(rows: &[&[u8]]) -> Fingerprint {
        let mut sum = Fingerprint::default();
        rows.iter().for_each(|row| sum.add(xxh3_128(row)));
        sum
    }

    #[test]
    fn empty_lines_are_rows_up_to_the_end_marker() {
        assert_eq!(
            read(Style::Copy, &[b"a\n\n\\\\.\n\\.\n\n\n"]),
            Ok((3, 7, sum(&[b"a", b"", b"\\\\."])))
        );
        assert_eq!(read(Style::Copy, &[b"\\.\n\n\n"]), Ok((0, 0, Fingerprint::default())));
    }

    #[test]
    fn any_cut_gives_the_same() {
        let data = b"\n1\tabc\n\n\n22\n\\N\n\\.\n\n\n";
        let whole = read(Style::Copy, &[data]).unwrap();
        for first in 0..=data.len() {
            for second in first..=data.len() {
                assert_eq!(
                    read(Style::Copy, &[&data[..first], &data[first..second], &data[second..]]),
                    Ok(whole)
                );
            }
        }
    }

    #[test]
    fn the_end_marker_must_come_and_be_the_end() {
        for data in [&b"a\n"[..], b"", b"a\n\\.", b"a\n\\\n", b"a\n.\n"] {
            assert_eq!(read(Style::Copy, &[data]), Err(RowFault::NoEndMarker));
        }
        assert_eq!(read(Style::Copy, &[b"a\n\\.\nb\n"]), Err(RowFault::AfterEndMarker));
        assert_eq!(
            read(Style::Copy, &[b"a\n\\.\n", b"\n\n", b"b"]),
            Err(RowFault::AfterEndMarker)
        );
    }

    #[test]
    fn of_statements_every_line_counts_that_is_not_empty() {
        let insert = b"INSERT INTO t VALUES ('\n\n\\.\n');\n\n\n";
        assert_eq!(
            read(Style::Insert, &[insert]),
            Ok((3, 31, sum(&[b"INSERT INTO t VALUES ('", b"\\.", b"');"])))
        );
        assert_eq!(read(Style::Insert, &[b"a\nb"]), Ok((2, 4, sum(&[b"a", b"b"]))));
    }
}
