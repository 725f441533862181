//! The archive's header: what it is and where it comes from.

use jiff::civil::DateTime;

use super::scan::{Input, NAME_BYTES, Scanner};
use super::{Error, LooksLike};

const MAGIC: &[u8; 5] = b"PGDMP";
const MAJOR: u8 = 1;
const OLDEST_MINOR: u8 = 12;
const NEWEST_MINOR: u8 = 16;
/// `archCustom` in pg_backup.h.
const CUSTOM: u8 = 1;
/// Since this minor version compression is one byte.
const COMPRESSION_BYTE_SINCE: u8 = 15;

/// What the header says.
#[derive(Clone, Default)]
pub(super) struct Header {
    pub(super) version: (u8, u8, u8),
    /// Bytes of a file offset.
    pub(super) offset_bytes: usize,
    pub(super) created: Option<DateTime>,
    pub(super) database: String,
    pub(super) server_version: String,
    pub(super) dump_version: String,
}

/// Reads the header.
#[derive(Clone, Default)]
pub(super) struct HeaderReader {
    scanner: Scanner,
    next: Part,
    header: Header,
    date: [i32; 7],
}

#[derive(Clone, Copy, Default)]
enum Part {
    #[default]
    Magic,
    Format,
    Compression,
    /// One of the fields of C's `struct tm`.
    Date(usize),
    /// The database's name, the server's version, pg_dump's version.
    Text(usize),
}

impl HeaderReader {
    /// None while the header goes on.
    pub(super) fn push(&mut self, input: &mut Input<'_>) -> Result<Option<Header>, Error> {
        while let Some(next) = self.part(input)? {
            self.next = match next {
                Next::Part(part) => part,
                Next::End => return Ok(Some(std::mem::take(&mut self.header))),
            };
        }
        Ok(None)
    }

    /// Why the stream may not end here.
    pub(super) fn cut_short(&self) -> Option<Error> {
        let start = self.scanner.partial();
        match self.next {
            Part::Magic if start.is_empty() => Some(Error::Empty),
            Part::Magic if !MAGIC.starts_with(start) => Some(Error::NotAnArchive(LooksLike::by_start(start))),
            _ => None,
        }
    }

    /// Reads one part; what follows it, or None while it is not there as a whole.
    fn part(&mut self, input: &mut Input<'_>) -> Result<Option<Next>, Error> {
        let (done, next) = match self.next {
            Part::Magic => (self.magic(input)?, Part::Format),
            Part::Format => (self.format(input)?, Part::Compression),
            Part::Compression => (self.compression(input)?, Part::Date(0)),
            Part::Date(index) => {
                let next = if index + 1 < self.date.len() {
                    Part::Date(index + 1)
                } else {
                    Part::Text(0)
                };
                (self.date(index, input), next)
            }
            Part::Text(index) => {
                let done = self.text(index, input)?;
                if done && index == 2 {
                    self.header.created = civil(self.date);
                    return Ok(Some(Next::End));
                }
                (done, Part::Text(index + 1))
            }
        };
        Ok(done.then_some(Next::Part(next)))
    }

    fn magic(&mut self, input: &mut Input<'_>) -> Result<bool, Error> {
        match self.scanner.bytes(MAGIC.len(), input) {
            None => Ok(false),
            Some(magic) if magic == MAGIC => Ok(true),
            Some(other) => Err(Error::NotAnArchive(LooksLike::by_start(other))),
        }
    }

    fn format(&mut self, input: &mut Input<'_>) -> Result<bool, Error> {
        let Some(&[major, minor, revision, int_bytes, offset_bytes, format]) = self.scanner.bytes(6, input) else {
            return Ok(false);
        };
        check_version((major, minor, revision))?;
        check_sizes(int_bytes, offset_bytes)?;
        if format != CUSTOM {
            return Err(Error::Format(format));
        }
        self.header.version = (major, minor, revision);
        self.header.offset_bytes = offset_bytes.into();
        Ok(true)
    }

    /// Whether it was there; compressed data is refused.
    fn compression(&mut self, input: &mut Input<'_>) -> Result<bool, Error> {
        if self.header.version.1 >= COMPRESSION_BYTE_SINCE {
            let Some(algorithm) = self.scanner.bytes(1, input) else {
                return Ok(false);
            };
            match algorithm[0] {
                0 => Ok(true),
                1 => Err(Error::Compressed("gzip")),
                2 => Err(Error::Compressed("lz4")),
                3 => Err(Error::Compressed("zstd")),
                _ => Err(Error::Compressed("by an unknown algorithm")),
            }
        } else {
            // A level of zlib; -1 is its default.
            match self.scanner.int(input) {
                None => Ok(false),
                Some(0) => Ok(true),
                Some(_) => Err(Error::Compressed("gzip")),
            }
        }
    }

    fn date(&mut self, index: usize, input: &mut Input<'_>) -> bool {
        let value = self.scanner.int(input);
        self.date[index] = value.unwrap_or_default();
        value.is_some()
    }

    fn text(&mut self, index: usize, input: &mut Input<'_>) -> Result<bool, Error> {
        let Some(text) = self.scanner.text(NAME_BYTES, input)? else {
            return Ok(false);
        };
        let place = match index {
            0 => &mut self.header.database,
            1 => &mut self.header.server_version,
            _ => &mut self.header.dump_version,
        };
        *place = text.lossy();
        Ok(true)
    }
}

enum Next {
    Part(Part),
    End,
}

fn check_version(version: (u8, u8, u8)) -> Result<(), Error> {
    let (major, minor, _) = version;
    if (major, minor) < (MAJOR, OLDEST_MINOR) || (major, minor) > (MAJOR, NEWEST_MINOR) {
        return Err(Error::Version {
            version,
            newer: (major, minor) > (MAJOR, NEWEST_MINOR),
        });
    }
    Ok(())
}

/// PostgreSQL writes C's `int`, which has 4 bytes wherever it runs, and `off_t`, which has 4 or 8.
fn check_sizes(int_bytes: u8, offset_bytes: u8) -> Result<(), Error> {
    if int_bytes != 4 {
        return Err(Error::NumberSize {
            what: "integers",
            size: int_bytes,
        });
    }
    if !(4..=8).contains(&offset_bytes) {
        return Err(Error::NumberSize {
            what: "offsets",
            size: offset_bytes,
        });
    }
    Ok(())
}

/// From the fields of C's `struct tm`: months from 0, years from 1900, a leap second as 60.
fn civil(tm: [i32; 7]) -> Option<DateTime> {
    let [second, minute, hour, day, month, year, _is_dst] = tm;
    let field = |value: i32| i8::try_from(value).ok();
    let year = i16::try_from(year.checked_add(1900)?).ok()?;
    DateTime::new(
        year,
        field(month.checked_add(1)?)?,
        field(day)?,
        field(hour)?,
        field(minute)?,
        field(second)?.min(59),
        0,
    )
    .ok()
}
