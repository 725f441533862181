//! What of an archive goes on to whoever takes it: some blocks, behind other contents or as rows.

use std::{
    collections::BTreeSet,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use super::table_rows::RowWriter;
use crate::archive::{BlockPicker, Layout, Picked};

/// A sink for an archive that gives only some of its blocks to another sink. What comes in is checked elsewhere.
pub(super) struct BlockFilter<'a, W> {
    to: &'a mut W,
    /// Bytes of the archive that have come.
    come: u64,
    layout: Layout,
    /// What takes the place of the table of contents.
    contents: Option<Vec<u8>>,
    picker: BlockPicker,
    rows: Option<RowWriter>,
    /// What has to go on before more is taken, and how much of it has gone.
    pending: Vec<u8>,
    sent: usize,
}

impl<'a, W: AsyncWrite + Unpin> BlockFilter<'a, W> {
    /// An archive with these blocks and this table of contents goes on.
    pub(super) fn archive(to: &'a mut W, layout: Layout, ids: BTreeSet<i32>, contents: Vec<u8>) -> Self {
        Self::new(
            to,
            layout,
            BlockPicker::new(ids, Picked::Block, layout.contents_end),
            Some(contents),
            None,
        )
    }

    /// The rows in these blocks go on.
    pub(super) fn rows(to: &'a mut W, layout: Layout, ids: BTreeSet<i32>, rows: RowWriter) -> Self {
        Self::new(
            to,
            layout,
            BlockPicker::new(ids, Picked::Text, layout.contents_end),
            None,
            Some(rows),
        )
    }

    fn new(
        to: &'a mut W,
        layout: Layout,
        picker: BlockPicker,
        contents: Option<Vec<u8>>,
        rows: Option<RowWriter>,
    ) -> Self {
        let pending = rows.as_ref().map(RowWriter::heading).unwrap_or_default();
        Self {
            to,
            come: 0,
            layout,
            contents,
            picker,
            rows,
            pending,
            sent: 0,
        }
    }

    /// Takes the archive's next bytes into `pending`.
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        let at = self.come;
        self.come += bytes.len() as u64;
        let before = |end: u64| usize::try_from(end.saturating_sub(at)).map_or(bytes.len(), |n| n.min(bytes.len()));
        let (header_end, contents_end) = (before(self.layout.header_end), before(self.layout.contents_end));
        if self.contents.is_some() {
            self.pending.extend_from_slice(&bytes[..header_end]);
        }
        if self.come < self.layout.contents_end {
            return Ok(());
        }
        if let Some(contents) = self.contents.as_mut() {
            // once: it is empty from then on
            self.pending.append(contents);
        }
        let (pending, rows) = (&mut self.pending, &mut self.rows);
        let mut pick = |id: i32, picked: &[u8]| match rows {
            Some(rows) => rows.push(id, picked, pending),
            None => pending.extend_from_slice(picked),
        };
        let picked = self.picker.push(&bytes[contents_end..], &mut pick);
        picked.map_err(io::Error::other)
    }

    fn poll_pending(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.pending.len() {
            let left = &self.pending[self.sent..];
            let written = ready!(Pin::new(&mut *self.to).poll_write(context, left))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += written;
        }
        self.pending.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for BlockFilter<'_, W> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(context))?;
        Poll::Ready(self.take(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(context))?;
        Pin::new(&mut *self.to).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}
