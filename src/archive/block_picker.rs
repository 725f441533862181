//! Some blocks of rows picked out of those that pass.

use std::collections::BTreeSet;

use super::{
    Error,
    expected::{LARGE_OBJECTS, ROWS},
    scan::{INT_BYTES, Input, Scanner},
};

/// What is given of a block that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picked {
    /// The block as it stands in the archive.
    Block,
    /// The text in it: COPY's lines up to the end marker and the empty lines behind it.
    Text,
}

/// Picks some blocks of rows out of the bytes that follow a table of contents, in any cuts.
///
/// It follows the lengths in the blocks and checks nothing else: that is what [`ArchiveReader`](super::ArchiveReader)
/// is for, which looks at the same bytes.
pub struct BlockPicker {
    wanted: BTreeSet<i32>,
    picked: Picked,
    length: u64,
    scanner: Scanner,
    at: At,
    /// The type of the current block, and whether it is wanted.
    kind: u8,
    id: i32,
    is_wanted: bool,
}

#[derive(Clone, Copy)]
enum At {
    Kind,
    Id,
    /// The length of a chunk of rows, or of a large object's.
    Length,
    Inside {
        left: usize,
    },
    Oid,
    /// Behind the last block: a second table of contents.
    End,
}

impl BlockPicker {
    /// Picks the blocks of the entries with these ids. `start` is where the bytes begin in the archive.
    #[must_use]
    pub fn new(wanted: BTreeSet<i32>, picked: Picked, start: u64) -> Self {
        Self {
            wanted,
            picked,
            length: start,
            scanner: Scanner::default(),
            at: At::Kind,
            kind: 0,
            id: 0,
            is_wanted: false,
        }
    }

    /// Looks at the next bytes, and gives what is picked of them to `to`, with the id of the entry.
    ///
    /// # Errors
    /// [`Error::UnknownBlock`] and [`Error::Absurd`] where these are no blocks.
    pub fn push(&mut self, bytes: &[u8], to: &mut dyn FnMut(i32, &[u8])) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        let mut input = Input::new(bytes, self.length);
        while !input.rest.is_empty() {
            match self.at {
                At::Kind => self.kind(&mut input)?,
                At::Id => self.id(&mut input, to),
                At::Length => self.chunk_length(&mut input, to)?,
                At::Inside { left } => self.inside(left, &mut input, to),
                At::Oid => self.oid(&mut input),
                At::End => return Ok(()),
            }
        }
        Ok(())
    }

    fn kind(&mut self, input: &mut Input<'_>) -> Result<(), Error> {
        let at = input.at();
        self.kind = input.take(1)[0];
        self.at = match self.kind {
            ROWS | LARGE_OBJECTS => At::Id,
            // a table of contents begins with the sign of its number of entries
            0 => At::End,
            kind => return Err(Error::UnknownBlock { kind, at }),
        };
        Ok(())
    }

    fn id(&mut self, input: &mut Input<'_>, to: &mut dyn FnMut(i32, &[u8])) {
        let Some(id) = self.scanner.int(input) else {
            return;
        };
        self.id = id;
        self.is_wanted = self.kind == ROWS && self.wanted.contains(&id);
        if self.is_wanted && self.picked == Picked::Block {
            to(id, &[ROWS]);
            to(id, &int(id));
        }
        self.at = if self.kind == ROWS { At::Length } else { At::Oid };
    }

    fn chunk_length(&mut self, input: &mut Input<'_>, to: &mut dyn FnMut(i32, &[u8])) -> Result<(), Error> {
        let Some(length) = self.scanner.int(input) else {
            return Ok(());
        };
        let left = usize::try_from(length).map_err(|_| Error::Absurd {
            what: "the length of a chunk of data",
            value: length.into(),
            at: input.at(),
        })?;
        if self.is_wanted && self.picked == Picked::Block {
            to(self.id, &int(length));
        }
        self.at = match (left, self.kind) {
            (0, ROWS) => At::Kind,
            (0, _) => At::Oid,
            (left, _) => At::Inside { left },
        };
        Ok(())
    }

    fn inside(&mut self, left: usize, input: &mut Input<'_>, to: &mut dyn FnMut(i32, &[u8])) {
        let taken = input.take(left);
        if self.is_wanted {
            to(self.id, taken);
        }
        self.at = match left - taken.len() {
            0 => At::Length,
            left => At::Inside { left },
        };
    }

    fn oid(&mut self, input: &mut Input<'_>) {
        self.at = match self.scanner.int(input) {
            None => At::Oid,
            Some(0) => At::Kind,
            Some(_) => At::Length,
        };
    }
}

/// A number as the format writes it: a sign and four bytes, little-endian.
pub(super) fn int(value: i32) -> [u8; INT_BYTES] {
    let [a, b, c, d] = value.unsigned_abs().to_le_bytes();
    [u8::from(value < 0), a, b, c, d]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn block(id: i32, chunks: &[&str]) -> Vec<u8> {
        let mut block = vec![ROWS];
        block.extend(int(id));
        for chunk in chunks {
            block.extend(int(i32::try_from(chunk.len()).unwrap()));
            block.extend_from_slice(chunk.as_bytes());
        }
        block.extend(int(0));
        block
    }

    fn objects() -> Vec<u8> {
        let mut block = vec![LARGE_OBJECTS];
        block.extend(int(9));
        block.extend(int(4711));
        block.extend(int(2));
        block.extend_from_slice(b"\x01\x01");
        block.extend(int(0));
        block.extend(int(0));
        block
    }

    #[test]
    fn what_was_asked_for_is_picked_whatever_the_cuts() {
        let (first, second) = (block(7, &["a\n", "bc\n", "\\.\n\n\n"]), block(-8, &["x\n\\.\n\n\n"]));
        let end = int(12).to_vec();
        let all = [first.clone(), objects(), second.clone(), end, b"\x01\x01more".to_vec()].concat();
        for (wanted, picked, expected) in [
            (vec![7], Picked::Block, first.clone()),
            (vec![7], Picked::Text, b"a\nbc\n\\.\n\n\n".to_vec()),
            (vec![-8, 7], Picked::Block, [first.clone(), second.clone()].concat()),
            (vec![9], Picked::Text, Vec::new()),
        ] {
            for cut in [1, 2, 7, all.len()] {
                let mut picker = BlockPicker::new(wanted.iter().copied().collect(), picked, 100);
                let mut to = Vec::new();
                all.chunks(cut)
                    .for_each(|part| picker.push(part, &mut |_, bytes| to.extend_from_slice(bytes)).unwrap());
                assert_eq!(to, expected, "{wanted:?} {picked:?} {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        let mut picker = BlockPicker::new(BTreeSet::new(), Picked::Text, 100);
        assert_eq!(
            picker.push(&[2, 0], &mut |_, _| ()),
            Err(Error::UnknownBlock { kind: 2, at: 100 })
        );
        let mut negative = vec![ROWS];
        negative.extend(int(7));
        negative.extend(int(-1));
        let mut picker = BlockPicker::new(BTreeSet::new(), Picked::Text, 0);
        assert!(matches!(
            picker.push(&negative, &mut |_, _| ()),
            Err(Error::Absurd { value: -1, .. })
        ));
    }
}
