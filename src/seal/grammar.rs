//! The header's grammar, as in `docs/format.md` §3.

use super::slot::{parse_base64, parse_number};
use super::{
    Argon2Cost, Content, Error, FRAME_SIZE_MAX, FRAME_SIZE_MIN, HEADER_LEN_MAX, KeySlot, PayloadCompression,
    RepositoryId, SLOTS_MAX,
};

/// The beginning of every header, in every version.
pub(super) const MAGIC: &str = "pgcoffer/";

/// The parsed lines of a header.
pub(super) struct ParsedHeader<'a> {
    pub(super) repository: RepositoryId,
    pub(super) backup: &'a str,
    pub(super) content: Content,
    pub(super) compression: PayloadCompression,
    pub(super) frame_size: usize,
    pub(super) slots: Vec<KeySlot>,
    pub(super) mac: [u8; 32],
    /// The length of the header in bytes, with its final newline.
    pub(super) len: usize,
}

/// Parses the header at the start of `bytes`; `None` if more bytes are needed.
pub(super) fn read(bytes: &[u8]) -> Result<Option<ParsedHeader<'_>>, Error> {
    let window = &bytes[..bytes.len().min(HEADER_LEN_MAX)];
    let mut lines = Lines {
        rest: window,
        number: 0,
    };
    match read_lines(&mut lines) {
        Ok(read) => Ok(Some(ParsedHeader {
            len: window.len() - lines.rest.len(),
            ..read
        })),
        Err(ParseStop::MoreNeeded) if bytes.len() < HEADER_LEN_MAX => Ok(None),
        Err(ParseStop::MoreNeeded) => Err(malformed(lines.number + 1, "a header has at most 16384 bytes")),
        Err(ParseStop::Because(error)) => Err(error),
    }
}

/// Whether a header may have this frame size, in plaintext bytes.
pub(super) fn is_frame_size(size: usize) -> bool {
    (FRAME_SIZE_MIN..=FRAME_SIZE_MAX).contains(&size) && size.is_multiple_of(16)
}

/// Whether a header can contain this backup id.
pub(super) fn is_backup_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(allowed)
}

/// Why parsing ended.
enum ParseStop {
    MoreNeeded,
    Because(Error),
}

impl From<Error> for ParseStop {
    fn from(error: Error) -> Self {
        Self::Because(error)
    }
}

struct Lines<'a> {
    rest: &'a [u8],
    /// The number of the line that was read last, from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, ParseStop> {
        let line_end = self.rest.iter().position(|byte| *byte == b'\n');
        let visible = &self.rest[..line_end.unwrap_or(self.rest.len())];
        if visible.iter().any(|byte| !matches!(byte, 0x20..=0x7e)) {
            return Err(malformed(
                self.number + 1,
                "a header is printable ASCII, its lines ended by one newline",
            )
            .into());
        }
        let end = line_end.ok_or(ParseStop::MoreNeeded)?;
        let text = str::from_utf8(visible).map_err(|_| self.fault("not ASCII"))?;
        self.rest = &self.rest[end + 1..];
        self.number += 1;
        Ok(text)
    }

    /// The value of the next line, which must have this name.
    fn value(&mut self, name: &str, missing: &'static str) -> Result<&'a str, ParseStop> {
        let line = self.next()?;
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        value.ok_or_else(|| self.fault(missing).into())
    }

    /// An error in the line that was read last.
    fn fault(&self, what: &'static str) -> Error {
        malformed(self.number, what)
    }
}

fn malformed(line: usize, what: &'static str) -> Error {
    Error::HeaderMalformed { line, what }
}

fn read_lines<'a>(lines: &mut Lines<'a>) -> Result<ParsedHeader<'a>, ParseStop> {
    read_version(lines)?;
    let id = lines.value("repository", "the second line is `repository <id>`")?;
    let repository = id
        .parse()
        .map_err(|_| lines.fault("a repository's id is 32 lower-case hex digits"))?;
    let backup = lines.value("backup", "the third line is `backup <id>`")?;
    if !is_backup_id(backup) {
        let what = "a backup's id is 1 to 128 letters, digits, `.`, `_` and `-`";
        return Err(lines.fault(what).into());
    }
    let word = lines.value("content", "the fourth line is `content <word>`")?;
    let content = Content::ALL.into_iter().find(|content| content.as_str() == word);
    let content = content.ok_or_else(|| {
        lines.fault("content is archive, record, details, mark, drill, findings, repository or settings")
    })?;
    let word = lines.value("compression", "the fifth line is `compression <word>`")?;
    let compression = PayloadCompression::ALL.into_iter().find(|kind| kind.as_str() == word);
    let compression = compression.ok_or_else(|| lines.fault("compression is none or zstd"))?;
    let number = lines.value("frame", "the sixth line is `frame <bytes>`")?;
    let size = parse_number(number).and_then(|size| usize::try_from(size).ok());
    let frame_size = size.filter(|size| is_frame_size(*size));
    let frame_size = frame_size.ok_or_else(|| lines.fault("a frame size is a multiple of 16 from 4096 to 16777216"))?;
    let (slots, mac) = read_slots(lines, content)?;
    Ok(ParsedHeader {
        repository,
        backup,
        content,
        compression,
        frame_size,
        slots,
        mac,
        len: 0,
    })
}

fn read_version(lines: &mut Lines<'_>) -> Result<(), ParseStop> {
    let known = lines.rest.len().min(MAGIC.len());
    if lines.rest[..known] != MAGIC.as_bytes()[..known] {
        return Err(Error::NotSealed.into());
    }
    let line = lines.next().map_err(|stop| match stop {
        ParseStop::MoreNeeded => ParseStop::MoreNeeded,
        ParseStop::Because(_) => Error::NotSealed.into(),
    })?;
    match line.strip_prefix(MAGIC).and_then(parse_number) {
        Some(1) => Ok(()),
        Some(version) if version > 1 => Err(Error::NewerVersion { version }.into()),
        _ => Err(Error::NotSealed.into()),
    }
}

/// The slots of an object of this content, and the MAC after them.
fn read_slots(lines: &mut Lines<'_>, content: Content) -> Result<(Vec<KeySlot>, [u8; 32]), ParseStop> {
    let mut seen: Vec<&str> = Vec::new();
    let mut slots = Vec::new();
    let mut work_kib = 0;
    loop {
        let line = lines.next()?;
        if let Some(mac) = line.strip_prefix("mac ") {
            if slots.is_empty() {
                return Err(lines.fault("a header has at least one slot").into());
            }
            let mac = parse_base64(mac).ok_or_else(|| lines.fault("a MAC is the base64 of 32 bytes"))?;
            return Ok((slots, mac));
        }
        let slot = line
            .strip_prefix("slot ")
            .ok_or_else(|| lines.fault("slots and then `mac <tag>` follow here"))?;
        if seen.contains(&line) {
            return Err(lines.fault("a line is repeated").into());
        }
        if slots.len() == SLOTS_MAX {
            return Err(lines.fault("a header has at most 16 slots").into());
        }
        seen.push(line);
        let slot = KeySlot::parse(slot).map_err(|what| lines.fault(what))?;
        if matches!(slot, KeySlot::Catalog { .. }) && !content.is_of_catalog() {
            let what = "only a record, a mark or a repository has a catalog slot";
            return Err(lines.fault(what).into());
        }
        work_kib += check_cost(&slot, work_kib)?;
        slots.push(slot);
    }
}

/// The cost of trying the slot. An error if it is too high together with `work_kib`, the cost of the slots before it.
fn check_cost(slot: &KeySlot, work_kib: u64) -> Result<u64, Error> {
    let KeySlot::Passphrase { cost, .. } = slot else {
        return Ok(0);
    };
    if let Some(what) = cost.above_ceiling() {
        return Err(Error::AboveCeiling { what });
    }
    if work_kib + cost.work_kib() > Argon2Cost::WORK_KIB_MAX {
        return Err(Error::AboveCeiling {
            what: "m times t, summed over the slots, is above 393216",
        });
    }
    Ok(cost.work_kib())
}
