//! Requests.

use bytes::Bytes;

use super::{VERSION, field, kind};

/// Where the number of a request stands: behind its length and its type.
const ID_AT: usize = 5;

/// A request without its number, which the session gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store::sftp) struct Request {
    head: Vec<u8>,
    /// The bytes of a write. They follow the head and are not copied.
    body: Bytes,
}

/// Flags of [`Request::open`], section 6.3 of the draft.
mod flag {
    pub(super) const READ: u32 = 1;
    pub(super) const WRITE: u32 = 2;
    pub(super) const CREATE: u32 = 8;
    pub(super) const EXCLUSIVE: u32 = 0x20;
}

impl Request {
    fn of(kind: u8) -> Self {
        Self {
            head: vec![0, 0, 0, 0, kind, 0, 0, 0, 0],
            body: Bytes::new(),
        }
    }

    fn u32(mut self, value: u32) -> Self {
        self.head.extend_from_slice(&value.to_be_bytes());
        self
    }

    fn u64(mut self, value: u64) -> Self {
        self.head.extend_from_slice(&value.to_be_bytes());
        self
    }

    fn text(mut self, bytes: &[u8]) -> Self {
        self = self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.head.extend_from_slice(bytes);
        self
    }

    fn mode(self, mode: u32) -> Self {
        self.u32(field::PERMISSIONS).u32(mode)
    }

    /// The first message, which alone has no number.
    pub(in crate::store::sftp) fn init() -> Bytes {
        let mut packet = vec![0, 0, 0, 5, kind::INIT];
        packet.extend_from_slice(&VERSION.to_be_bytes());
        packet.into()
    }

    /// Creates a file that must not exist, and opens it for writing and reading.
    pub(in crate::store::sftp) fn create(path: &[u8], mode: u32) -> Self {
        let flags = flag::READ | flag::WRITE | flag::CREATE | flag::EXCLUSIVE;
        Self::of(kind::OPEN).text(path).u32(flags).mode(mode)
    }

    pub(in crate::store::sftp) fn open(path: &[u8]) -> Self {
        Self::of(kind::OPEN).text(path).u32(flag::READ).u32(0)
    }

    /// Opens a file that exists for writing and reading.
    pub(in crate::store::sftp) fn open_again(path: &[u8]) -> Self {
        Self::of(kind::OPEN).text(path).u32(flag::READ | flag::WRITE).u32(0)
    }

    pub(in crate::store::sftp) fn close(handle: &[u8]) -> Self {
        Self::of(kind::CLOSE).text(handle)
    }

    pub(in crate::store::sftp) fn read(handle: &[u8], offset: u64, bytes: u32) -> Self {
        Self::of(kind::READ).text(handle).u64(offset).u32(bytes)
    }

    pub(in crate::store::sftp) fn write(handle: &[u8], offset: u64, body: Bytes) -> Self {
        let bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let head = Self::of(kind::WRITE).text(handle).u64(offset).u32(bytes);
        Self { body, ..head }
    }

    /// Looks at what the name itself stands for, without following a link.
    pub(in crate::store::sftp) fn lstat(path: &[u8]) -> Self {
        Self::of(kind::LSTAT).text(path)
    }

    /// The same, and follows links.
    pub(in crate::store::sftp) fn stat(path: &[u8]) -> Self {
        Self::of(kind::STAT).text(path)
    }

    pub(in crate::store::sftp) fn fstat(handle: &[u8]) -> Self {
        Self::of(kind::FSTAT).text(handle)
    }

    /// Sets the times of an open file, in seconds since 1970.
    pub(in crate::store::sftp) fn set_times(handle: &[u8], modified: u32) -> Self {
        let request = Self::of(kind::FSETSTAT).text(handle).u32(field::TIMES);
        request.u32(modified).u32(modified)
    }

    pub(in crate::store::sftp) fn open_folder(path: &[u8]) -> Self {
        Self::of(kind::OPENDIR).text(path)
    }

    pub(in crate::store::sftp) fn read_folder(handle: &[u8]) -> Self {
        Self::of(kind::READDIR).text(handle)
    }

    pub(in crate::store::sftp) fn remove(path: &[u8]) -> Self {
        Self::of(kind::REMOVE).text(path)
    }

    pub(in crate::store::sftp) fn make_folder(path: &[u8], mode: u32) -> Self {
        Self::of(kind::MKDIR).text(path).mode(mode)
    }

    pub(in crate::store::sftp) fn real_path(path: &[u8]) -> Self {
        Self::of(kind::REALPATH).text(path)
    }

    pub(in crate::store::sftp) fn rename(from: &[u8], to: &[u8]) -> Self {
        Self::of(kind::RENAME).text(from).text(to)
    }

    /// A request of OpenSSH: see its file `PROTOCOL`.
    pub(in crate::store::sftp) fn extended(name: &str, fields: &[&[u8]]) -> Self {
        let request = Self::of(kind::EXTENDED).text(name.as_bytes());
        fields.iter().fold(request, |request, field| request.text(field))
    }

    /// Whether the server opens something for it, which has to be closed.
    pub(in crate::store::sftp) fn opens(&self) -> bool {
        matches!(self.head[ID_AT - 1], kind::OPEN | kind::OPENDIR)
    }

    /// The message with its number: the head, and the bytes behind it.
    pub(in crate::store::sftp) fn numbered(mut self, id: u32) -> (Bytes, Bytes) {
        let length = u32::try_from(self.head.len() - 4 + self.body.len()).unwrap_or(u32::MAX);
        self.head[..4].copy_from_slice(&length.to_be_bytes());
        self.head[ID_AT..ID_AT + 4].copy_from_slice(&id.to_be_bytes());
        (self.head.into(), self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        data_encoding::HEXLOWER.encode(bytes)
    }

    #[test]
    fn the_bytes_are_those_of_the_draft() {
        assert_eq!(hex(&Request::init()), "000000050100000003");
        let (head, body) = Request::lstat(b"a\xff").numbered(7);
        assert_eq!(
            (hex(&head), body.len()),
            ("0000000b07000000070000000261ff".to_owned(), 0)
        );
        let (head, body) = Request::write(b"h", 1 << 32, Bytes::from_static(b"xyz")).numbered(0x0102_0304);
        assert_eq!(
            hex(&head),
            concat!(
                "00000019",
                "06",
                "01020304",
                "0000000168",
                "0000000100000000",
                "00000003"
            )
        );
        assert_eq!(body, "xyz");
        let (head, _) = Request::create(b"f", 0o600).numbered(1);
        assert_eq!(
            hex(&head),
            concat!(
                "00000016",
                "03",
                "00000001",
                "0000000166",
                "0000002b",
                "00000004",
                "00000180"
            )
        );
        let (head, _) = Request::set_times(b"h", 5).numbered(1);
        assert_eq!(
            hex(&head),
            concat!(
                "00000016",
                "0a",
                "00000001",
                "0000000168",
                "00000008",
                "00000005",
                "00000005"
            )
        );
        let (head, _) = Request::extended("x@y", &[b"a", b"b"]).numbered(1);
        assert_eq!(
            hex(&head),
            concat!(
                "00000016",
                "c8",
                "00000001",
                "00000003784079",
                "0000000161",
                "0000000162"
            )
        );
        assert!(Request::open(b"f").opens() && Request::open_folder(b"f").opens() && !Request::stat(b"f").opens());
    }
}
