//! Answers, as a server sends them: nothing in them is believed before it was looked at.

use bytes::{Buf as _, Bytes, BytesMut};

use super::{PACKET_BYTES_MAX, field, kind};

/// The most fields of a kind that no attributes should have.
const EXTENDED_MAX: u32 = 64;
/// The most extensions that a server names. OpenSSH has a dozen.
const EXTENSIONS_MAX: usize = 256;

/// What a server answers to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::sftp) enum Reply {
    /// A status code, and the server's words for it.
    Status(u32, String),
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<NamedEntry>),
    Attributes(FileAttributes),
    /// The fields that an extension defines.
    Extended(Bytes),
}

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::sftp) struct NamedEntry {
    pub(in crate::store::sftp) name: Bytes,
    pub(in crate::store::sftp) attributes: FileAttributes,
}

/// The metadata of a file, as far as the server tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store::sftp) struct FileAttributes {
    pub(in crate::store::sftp) bytes: Option<u64>,
    /// Type and permissions, as `st_mode` has them.
    pub(in crate::store::sftp) mode: Option<u32>,
    /// When it was last written, in seconds since 1970.
    pub(in crate::store::sftp) modified: Option<u32>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::sftp) enum FileKind {
    Plain,
    Folder,
    /// A link, a pipe, a socket or a device.
    Other,
    /// The server doesn't say.
    Unknown,
}

impl FileAttributes {
    pub(in crate::store::sftp) fn kind(&self) -> FileKind {
        // the bits of stat(2)
        match self.mode.map(|mode| mode & 0o170_000) {
            Some(0o100_000) => FileKind::Plain,
            Some(0o040_000) => FileKind::Folder,
            None | Some(0) => FileKind::Unknown,
            Some(_) => FileKind::Other,
        }
    }
}

/// The server's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::sftp) struct Version {
    pub(in crate::store::sftp) number: u32,
    /// Names of extensions, each with its data.
    pub(in crate::store::sftp) extensions: Vec<(String, Bytes)>,
}

/// Takes the first message off what was received, without its length. `None` if it isn't complete yet.
///
/// # Errors
/// If the length is not that of a message: then all that follows is lost.
pub(in crate::store::sftp) fn packet(received: &mut BytesMut) -> Result<Option<Bytes>, &'static str> {
    let Some(length) = received.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length) as usize;
    if !(5..=PACKET_BYTES_MAX).contains(&length) {
        return Err("what it sends is no SFTP");
    }
    if received.len() < 4 + length {
        received.reserve(4 + length - received.len());
        return Ok(None);
    }
    received.advance(4);
    Ok(Some(received.split_to(length).freeze()))
}

/// Reads fields, each only if it is there as a whole.
struct Fields(Bytes);

type Field<T> = Result<T, &'static str>;

impl Fields {
    fn u8(&mut self) -> Field<u8> {
        self.0.try_get_u8().map_err(|_| "a message ends too early")
    }

    fn u32(&mut self) -> Field<u32> {
        self.0.try_get_u32().map_err(|_| "a message ends too early")
    }

    fn u64(&mut self) -> Field<u64> {
        self.0.try_get_u64().map_err(|_| "a message ends too early")
    }

    fn text(&mut self) -> Field<Bytes> {
        let length = self.u32()? as usize;
        match length <= self.0.len() {
            true => Ok(self.0.split_to(length)),
            false => Err("a text in a message is longer than the message"),
        }
    }

    fn attributes(&mut self) -> Field<FileAttributes> {
        let fields = self.u32()?;
        let has = |field| fields & field != 0;
        let mut attributes = FileAttributes::default();
        if has(field::SIZE) {
            attributes.bytes = Some(self.u64()?);
        }
        if has(field::OWNER) {
            self.u64()?;
        }
        if has(field::PERMISSIONS) {
            attributes.mode = Some(self.u32()?);
        }
        if has(field::TIMES) {
            self.u32()?;
            attributes.modified = Some(self.u32()?);
        }
        if has(field::EXTENDED) {
            let count = self.u32()?;
            if count > EXTENDED_MAX {
                return Err("a file has too many attributes");
            }
            for _ in 0..2 * count {
                self.text()?;
            }
        }
        Ok(attributes)
    }

    fn names(&mut self) -> Field<Vec<NamedEntry>> {
        let count = self.u32()? as usize;
        // no entry is shorter than three lengths of four bytes
        if count > self.0.len() / 12 {
            return Err("a message ends before its names do");
        }
        let mut names = Vec::with_capacity(count);
        for _ in 0..count {
            let name = self.text()?;
            // what `ls -l` would print, which is not for programs
            self.text()?;
            let attributes = self.attributes()?;
            names.push(NamedEntry { name, attributes });
        }
        Ok(names)
    }
}

impl Version {
    pub(in crate::store::sftp) fn parse(packet: Bytes) -> Result<Self, &'static str> {
        let mut fields = Fields(packet);
        if fields.u8()? != kind::VERSION {
            return Err("its first message is no version of SFTP");
        }
        let number = fields.u32()?;
        let mut extensions = Vec::new();
        while !fields.0.is_empty() && extensions.len() < EXTENSIONS_MAX {
            let (name, data) = (fields.text()?, fields.text()?);
            extensions.push((String::from_utf8_lossy(&name).into_owned(), data));
        }
        Ok(Self { number, extensions })
    }
}

impl Reply {
    /// Reads an answer, and the number of the request that it answers.
    pub(in crate::store::sftp) fn parse(packet: Bytes) -> Result<(u32, Self), &'static str> {
        let mut fields = Fields(packet);
        let (kind, id) = (fields.u8()?, fields.u32()?);
        let reply = match kind {
            kind::STATUS => {
                let code = fields.u32()?;
                // older servers send no words
                let words = fields.text().unwrap_or_default();
                Self::Status(code, String::from_utf8_lossy(&words).into_owned())
            }
            kind::HANDLE => Self::Handle(fields.text()?),
            kind::DATA => Self::Data(fields.text()?),
            kind::NAME => Self::Names(fields.names()?),
            kind::ATTRS => Self::Attributes(fields.attributes()?),
            kind::EXTENDED_REPLY => Self::Extended(fields.0),
            _ => return Err("it sends a message of an unknown type"),
        };
        Ok((id, reply))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Bytes {
        let hex = hex.replace(' ', "");
        data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().into()
    }

    fn parse(hex: &str) -> Result<(u32, Reply), &'static str> {
        Reply::parse(bytes(hex))
    }

    #[test]
    fn each_answer_is_read() {
        assert_eq!(
            parse("65 00000007 00000002 00000002 6e6f 00000000"),
            Ok((7, Reply::Status(2, "no".into())))
        );
        assert_eq!(parse("65 00000007 00000002"), Ok((7, Reply::Status(2, String::new()))));
        assert_eq!(
            parse("66 00000001 00000002 00ff"),
            Ok((1, Reply::Handle(bytes("00ff"))))
        );
        assert_eq!(parse("67 00000001 00000003 616263"), Ok((1, Reply::Data("abc".into()))));
        let attributes = FileAttributes {
            bytes: Some(5),
            mode: Some(0o100_600),
            modified: Some(9),
        };
        let all = "0000000f 0000000000000005 00000001 00000002 00008180 00000008 00000009";
        assert_eq!(
            parse(&format!("69 00000001 {all}")),
            Ok((1, Reply::Attributes(attributes)))
        );
        let named = format!("68 00000001 00000001 00000002 61ff 00000001 78 {all}");
        let entry = NamedEntry {
            name: bytes("61ff"),
            attributes,
        };
        assert_eq!(parse(&named), Ok((1, Reply::Names(vec![entry]))));
        assert_eq!(parse("c9 00000001 0102"), Ok((1, Reply::Extended(bytes("0102")))));
    }

    #[test]
    fn no_answer_is_read_beyond_its_end() {
        for bad in [
            "",
            "65",
            "65 00000007",
            "66 00000001 00000005 00ff",
            "67 00000001 ffffffff",
            "68 00000001 ffffffff",
            "68 00000001 00000001 00000001 61",
            "69 00000001 0000000f 00000000",
            "69 00000001 80000000 ffffffff",
            "c8 00000001",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_is_taken_when_it_is_whole() {
        let mut received = BytesMut::from(&bytes("00000005 65 00000001 0000")[..]);
        assert_eq!(packet(&mut received), Ok(Some(bytes("65 00000001"))));
        assert_eq!(packet(&mut received), Ok(None));
        received.extend_from_slice(&bytes("0006 0102"));
        assert_eq!(packet(&mut received), Ok(None));
        received.extend_from_slice(&bytes("03040506 ff"));
        assert_eq!(packet(&mut received), Ok(Some(bytes("010203040506"))));
        assert_eq!(received.len(), 1);
    }

    /// A greeting of a login script, which stands where a length should.
    #[test]
    fn a_length_that_none_can_be_is_an_error() {
        assert!(packet(&mut BytesMut::from("Welcome to nas!\n")).is_err());
        assert!(packet(&mut BytesMut::from(&[0, 0, 0, 0][..])).is_err());
        assert!(packet(&mut BytesMut::from(&[0, 0x10, 0, 1][..])).is_err());
    }

    #[test]
    fn the_kind_of_a_file_is_that_of_its_mode() {
        let kind = |mode| {
            FileAttributes {
                mode,
                ..FileAttributes::default()
            }
            .kind()
        };
        for (mode, wanted) in [
            (Some(0o100_644), FileKind::Plain),
            (Some(0o040_755), FileKind::Folder),
            (Some(0o120_777), FileKind::Other),
            (Some(0o010_644), FileKind::Other),
            (Some(0o644), FileKind::Unknown),
            (None, FileKind::Unknown),
        ] {
            assert_eq!(kind(mode), wanted, "{mode:?}");
        }
    }

    #[test]
    fn a_version_names_its_extensions() {
        let version = Version::parse(bytes("02 00000003 00000003 784079 00000001 31")).unwrap();
        assert_eq!(
            (version.number, version.extensions),
            (3, vec![("x@y".to_owned(), "1".into())])
        );
        assert!(Version::parse(bytes("02 00000003 00000003 7840")).is_err());
        assert!(Version::parse(bytes("65 00000003")).is_err());
    }
}
