//! Rows on a terminal: whoever writes into a table chooses their text, and a terminal obeys some characters.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use crate::text::{decoded, escaped_rows};

/// Writes text on, and what a terminal would obey as an escape. What is behind it is to be a terminal's: the rows are
/// no longer exact.
pub(super) struct ShownRows<W> {
    terminal: W,
    /// The beginning of a character whose end has not come yet.
    begun: Vec<u8>,
    /// What the terminal has not taken yet, from `taken` on.
    shown: Vec<u8>,
    taken: usize,
}

impl<W> ShownRows<W> {
    pub(super) fn on(terminal: W) -> Self {
        Self {
            terminal,
            begun: Vec::new(),
            shown: Vec::new(),
            taken: 0,
        }
    }

    /// Escapes all but the beginning of a last character.
    fn show(&mut self, bytes: &[u8]) {
        self.begun.extend_from_slice(bytes);
        let last = self.begun.utf8_chunks().last();
        let is_begun = |bytes: &[u8]| str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none());
        let rest = last.map_or(0, |chunk| match is_begun(chunk.invalid()) {
            true => chunk.invalid().len(),
            false => 0,
        });
        let rest = self.begun.split_off(self.begun.len() - rest);
        let whole = std::mem::replace(&mut self.begun, rest);
        self.shown.extend_from_slice(escaped_rows(&decoded(&whole)).as_bytes());
    }
}

impl<W: AsyncWrite + Unpin> ShownRows<W> {
    /// Hands on what is shown.
    fn poll_hand_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.taken < self.shown.len() {
            let rest = &self.shown[self.taken..];
            match ready!(Pin::new(&mut self.terminal).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => self.taken += more,
            }
        }
        self.shown.clear();
        self.taken = 0;
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for ShownRows<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_hand_on(cx))?;
        self.show(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_hand_on(cx))?;
        Pin::new(&mut self.terminal).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.as_mut().poll_flush(cx))?;
        Pin::new(&mut self.terminal).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn rows_come_as_they_are_and_move_no_terminal() {
        let rows = "1\tZoë 🐘 表\n2\t\x1b[2J\u{9b}1m\u{202e}x\r\n";
        let expected = "1\tZoë 🐘 表\n2\t\\u{1b}[2J\\u{9b}1m\\u{202e}x\\r\n";
        // however the bytes are cut
        for size in 1..=rows.len() {
            let mut writer = ShownRows::on(Vec::new());
            for bytes in rows.as_bytes().chunks(size) {
                writer.write_all(bytes).await.unwrap();
            }
            writer.flush().await.unwrap();
            assert_eq!(String::from_utf8(writer.terminal).unwrap(), expected, "{size}");
        }
        let mut writer = ShownRows::on(Vec::new());
        writer.write_all(b"caf\xe9\n").await.unwrap();
        writer.flush().await.unwrap();
        assert_eq!(writer.terminal, b"caf\\xe9\n");
    }
}
