//! The header: parsed, written, unlocked, and written anew for other secrets.

use data_encoding::BASE64;
use hmac::Mac;

use super::data_key::DataKey;
use super::slot::{parse_base64, parse_number};
use super::{
    Argon2Cost, Error, FRAME_SIZE_MAX, FRAME_SIZE_MIN, FrameKeys, HEADER_LEN_MAX, SLOTS_MAX,
    Secret, Slot,
};

const MAGIC: &str = "pgcoffer/";

/// What is inside, so that one thing can't be passed off as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A database's archive.
    Archive,
    /// The record of a run.
    Record,
    /// Settings kept in the bucket.
    Settings,
}

impl Content {
    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Record => "record",
            Self::Settings => "settings",
        }
    }
}

/// How the payload was compressed before it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// A run of independent zstd frames.
    Zstd,
}

impl Compression {
    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
        }
    }
}

/// A header that follows the grammar. What it says is true only once [`Header::unlock`] has checked its MAC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The backup's id.
    pub backup: String,
    /// What is inside.
    pub content: Content,
    /// How it was compressed.
    pub compression: Compression,
    /// Plaintext bytes per frame.
    pub frame_size: usize,
    /// The ways to the data key, in the order of the lines.
    pub slots: Vec<Slot>,
    /// The bytes under the MAC: all of the header up to and including `mac `.
    authenticated: Vec<u8>,
    mac: [u8; 32],
}

impl Header {
    /// Reads the header at the start of `bytes`, and its length with the newline that ends it; `None` where more
    /// bytes are needed, which is never so once 16 KiB are there.
    ///
    /// # Errors
    /// [`Error::NotSealed`], [`Error::NewerVersion`], [`Error::HeaderMalformed`] or [`Error::AboveCeiling`], as soon as
    /// the bytes show it, and before anything costly is done.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let window = &bytes[..bytes.len().min(HEADER_LEN_MAX)];
        let mut lines = Lines {
            rest: window,
            number: 0,
        };
        match parse_lines(&mut lines) {
            Ok(mut header) => {
                let len = window.len() - lines.rest.len();
                header.authenticated = window[..len - "\n".len() - BASE64.encode_len(32)].to_vec();
                Ok(Some((header, len)))
            }
            Err(Stop::MoreNeeded) if bytes.len() < HEADER_LEN_MAX => Ok(None),
            Err(Stop::MoreNeeded) => Err(malformed(
                lines.number + 1,
                "a header has at most 16384 bytes",
            )),
            Err(Stop::Because(error)) => Err(error),
        }
    }

    /// The same where all bytes are there: a header that isn't whole is an error.
    ///
    /// # Errors
    /// As [`Header::parse`], and [`Error::HeaderCutShort`], or [`Error::NotSealed`] for nothing at all.
    pub fn parse_whole(bytes: &[u8]) -> Result<(Self, usize), Error> {
        let cut_short = if bytes.is_empty() {
            Error::NotSealed
        } else {
            Error::HeaderCutShort
        };
        Self::parse(bytes)?.ok_or(cut_short)
    }

    /// The keys of the frames, if one of `secrets` opens a slot and the header is as it was sealed.
    ///
    /// Keys are tried first, by their id, and passphrases after them.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::HeaderChanged`], or [`Error::OutOfMemory`] with a passphrase.
    pub fn unlock(&self, secrets: &[Secret]) -> Result<FrameKeys, Error> {
        Ok(self.open_data_key(secrets)?.frame_keys())
    }

    /// The same header with the same data key, wrapped for `new_secrets` in place of all slots that it has now. The
    /// frames behind it stay as they are.
    ///
    /// # Errors
    /// As [`Header::unlock`], and [`Error::SlotCount`].
    pub fn rekey(
        &self,
        secrets: &[Secret],
        database: &str,
        new_secrets: &[Secret],
    ) -> Result<Vec<u8>, Error> {
        let data_key = self.open_data_key(secrets)?;
        let subject = Subject {
            backup: &self.backup,
            content: self.content,
            compression: self.compression,
            frame_size: self.frame_size,
        };
        subject.write(&data_key, database, new_secrets)
    }

    /// Checks that this is the object that its place in the bucket says it is.
    ///
    /// # Errors
    /// [`Error::Misplaced`] where it is another one.
    pub fn check_is(&self, backup: &str, content: Content) -> Result<(), Error> {
        if self.backup == backup && self.content == content {
            return Ok(());
        }
        Err(Error::Misplaced {
            found_backup: self.backup.clone(),
            found_content: self.content,
        })
    }

    fn open_data_key(&self, secrets: &[Secret]) -> Result<DataKey, Error> {
        let (costly, cheap): (Vec<_>, Vec<_>) =
            self.slots.iter().partition(|slot| slot.is_costly());
        let mut changed = false;
        for slot in cheap.into_iter().chain(costly) {
            for secret in secrets {
                match slot.open(secret) {
                    Ok(Some(data_key)) => return self.authenticate(data_key),
                    Ok(None) => {}
                    Err(Error::HeaderChanged) => changed = true,
                    Err(error) => return Err(error),
                }
            }
        }
        if changed {
            return Err(Error::HeaderChanged);
        }
        Err(Error::WrongKey {
            sealed_for: self.slots.iter().map(Slot::describe).collect(),
            held: secrets.iter().map(Secret::describe).collect(),
        })
    }

    fn authenticate(&self, data_key: DataKey) -> Result<DataKey, Error> {
        let hmac = data_key.header_hmac().chain_update(&self.authenticated);
        hmac.verify_slice(&self.mac)
            .map_err(|_| Error::HeaderChanged)?;
        Ok(data_key)
    }
}

/// All that a header says beside its slots.
pub(super) struct Subject<'a> {
    pub(super) backup: &'a str,
    pub(super) content: Content,
    pub(super) compression: Compression,
    pub(super) frame_size: usize,
}

impl Subject<'_> {
    /// The bytes of a header that wraps `data_key` for each of `secrets`.
    pub(super) fn write(
        &self,
        data_key: &DataKey,
        database: &str,
        secrets: &[Secret],
    ) -> Result<Vec<u8>, Error> {
        if !is_backup_id(self.backup) {
            return Err(Error::BackupId);
        }
        if !is_frame_size(self.frame_size) {
            return Err(Error::FrameSize {
                bytes: self.frame_size,
            });
        }
        if secrets.is_empty() || secrets.len() > SLOTS_MAX {
            return Err(Error::SlotCount {
                count: secrets.len(),
            });
        }
        let mut text = format!(
            "{MAGIC}1\nbackup {}\ncontent {}\ncompression {}\nframe {}\n",
            self.backup,
            self.content.as_str(),
            self.compression.as_str(),
            self.frame_size
        );
        for secret in secrets {
            text.push_str(&Slot::seal(data_key, secret, database)?.line());
            text.push('\n');
        }
        text.push_str("mac ");
        let mac = data_key
            .header_hmac()
            .chain_update(&text)
            .finalize()
            .into_bytes();
        text.push_str(&BASE64.encode(&mac));
        text.push('\n');
        Ok(text.into_bytes())
    }
}

/// Why parsing stopped.
enum Stop {
    MoreNeeded,
    Because(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Because(error)
    }
}

struct Lines<'a> {
    rest: &'a [u8],
    /// The line read last, from 1.
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, Stop> {
        let line_end = self.rest.iter().position(|byte| *byte == b'\n');
        let visible = &self.rest[..line_end.unwrap_or(self.rest.len())];
        if visible.iter().any(|byte| !matches!(byte, 0x20..=0x7e)) {
            return Err(malformed(
                self.number + 1,
                "a header is printable ASCII, its lines ended by one newline",
            )
            .into());
        }
        let end = line_end.ok_or(Stop::MoreNeeded)?;
        let text = str::from_utf8(visible).map_err(|_| self.fault("not ASCII"))?;
        self.rest = &self.rest[end + 1..];
        self.number += 1;
        Ok(text)
    }

    /// The value of the line that has to come now.
    fn value(&mut self, name: &str, missing: &'static str) -> Result<&'a str, Stop> {
        let line = self.next()?;
        let value = line
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(' '));
        value.ok_or_else(|| self.fault(missing).into())
    }

    /// A fault of the line read last.
    fn fault(&self, what: &'static str) -> Error {
        malformed(self.number, what)
    }
}

fn malformed(line: usize, what: &'static str) -> Error {
    Error::HeaderMalformed { line, what }
}

fn parse_lines(lines: &mut Lines<'_>) -> Result<Header, Stop> {
    parse_version(lines)?;
    let backup = lines.value("backup", "the second line is `backup <id>`")?;
    if !is_backup_id(backup) {
        return Err(lines
            .fault("a backup's id is 1 to 128 letters, digits, `.`, `_` and `-`")
            .into());
    }
    let content = match lines.value(
        "content",
        "the third line is `content <archive|record|settings>`",
    )? {
        "archive" => Content::Archive,
        "record" => Content::Record,
        "settings" => Content::Settings,
        _ => return Err(lines.fault("content is archive, record or settings").into()),
    };
    let compression = match lines.value(
        "compression",
        "the fourth line is `compression <none|zstd>`",
    )? {
        "none" => Compression::None,
        "zstd" => Compression::Zstd,
        _ => return Err(lines.fault("compression is none or zstd").into()),
    };
    let frame_size = lines.value("frame", "the fifth line is `frame <bytes>`")?;
    let frame_size = parse_number(frame_size).and_then(|size| usize::try_from(size).ok());
    let frame_size = frame_size
        .filter(|size| is_frame_size(*size))
        .ok_or_else(|| lines.fault("a frame size is a multiple of 16 from 4096 to 16777216"))?;
    let (slots, mac) = parse_slots(lines)?;
    let backup = backup.to_owned();
    Ok(Header {
        backup,
        content,
        compression,
        frame_size,
        slots,
        authenticated: Vec::new(),
        mac,
    })
}

fn parse_version(lines: &mut Lines<'_>) -> Result<(), Stop> {
    let known = lines.rest.len().min(MAGIC.len());
    if lines.rest[..known] != MAGIC.as_bytes()[..known] {
        return Err(Error::NotSealed.into());
    }
    let line = lines.next().map_err(|stop| match stop {
        Stop::MoreNeeded => Stop::MoreNeeded,
        Stop::Because(_) => Error::NotSealed.into(),
    })?;
    match line.strip_prefix(MAGIC).and_then(parse_number) {
        Some(1) => Ok(()),
        Some(version) if version > 1 => Err(Error::NewerVersion { version }.into()),
        _ => Err(Error::NotSealed.into()),
    }
}

/// The slots and the MAC behind them.
fn parse_slots(lines: &mut Lines<'_>) -> Result<(Vec<Slot>, [u8; 32]), Stop> {
    let mut seen: Vec<&str> = Vec::new();
    let mut slots = Vec::new();
    let mut work_kib = 0;
    loop {
        let line = lines.next()?;
        if let Some(mac) = line.strip_prefix("mac ") {
            if slots.is_empty() {
                return Err(lines.fault("a header has at least one slot").into());
            }
            let mac =
                parse_base64(mac).ok_or_else(|| lines.fault("a MAC is the base64 of 32 bytes"))?;
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
        let slot = Slot::parse(slot).map_err(|what| lines.fault(what))?;
        work_kib += check_cost(&slot, work_kib)?;
        slots.push(slot);
    }
}

/// What trying the slot would cost, refused where that is too much beside the `work_kib` of the slots before it.
fn check_cost(slot: &Slot, work_kib: u64) -> Result<u64, Error> {
    let Slot::Passphrase { cost, .. } = slot else {
        return Ok(0);
    };
    if let Some(what) = cost.above_ceiling() {
        return Err(Error::AboveCeiling { what });
    }
    if work_kib + cost.work_kib() > Argon2Cost::CEILING.work_kib() {
        return Err(Error::AboveCeiling {
            what: "m times t, summed over the slots, is above 2621440",
        });
    }
    Ok(cost.work_kib())
}

fn is_frame_size(size: usize) -> bool {
    (FRAME_SIZE_MIN..=FRAME_SIZE_MAX).contains(&size) && size.is_multiple_of(16)
}

fn is_backup_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&id.len()) && id.bytes().all(allowed)
}
