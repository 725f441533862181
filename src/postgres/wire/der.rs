//! A reader of DER, as far as certificates and keys need it. It returns `None` for anything malformed.
//!
//! <https://www.itu.int/rec/T-REC-X.690>

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const GENERALIZED_TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// The rest of the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct DerReader<'a>(&'a [u8]);

impl<'a> DerReader<'a> {
    pub(super) fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next element.
    pub(super) fn tag(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next element with any tag: its tag, its content, and all its bytes.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8], &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (length, rest) = match *length {
            short @ 0..=0x7f => (usize::from(short), rest),
            long => {
                let count = usize::from(long & 0x7f);
                let bytes = rest.get(..count).filter(|bytes| (1..=4).contains(&bytes.len()))?;
                let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                (length, &rest[count..])
            }
        };
        let content = rest.get(..length)?;
        let whole = &self.0[..self.0.len() - rest.len() + length];
        self.0 = &rest[length..];
        Some((*tag, content, whole))
    }

    /// The content of the next element, if it has that tag.
    pub(super) fn element(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut next = *self;
        let (found, content, _) = next.any()?;
        (found == tag).then(|| {
            *self = next;
            content
        })
    }

    /// A reader of the next element's content, if it has that tag.
    pub(super) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.element(tag).map(Self)
    }

    /// A small number that isn't negative.
    pub(super) fn number(&mut self) -> Option<u32> {
        let bytes = self.element(INTEGER)?;
        let is_small = !bytes.is_empty() && bytes.len() <= 4 && bytes[0] < 0x80;
        is_small.then(|| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }
}
