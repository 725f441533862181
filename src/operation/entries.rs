//! An archive's table of contents, taken from the beginning of what is opened.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

use crate::{
    archive::{self, Contents, EntriesReader, Entry},
    error::{Error, Result},
};

/// Takes the beginning of an archive, and no more once its table of contents has come.
#[derive(Default)]
pub(super) struct EntriesSink {
    reader: EntriesReader,
    is_whole: bool,
    fault: Option<archive::Error>,
}

impl AsyncWrite for EntriesSink {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.reader.push(bytes) {
            Ok(false) => return Poll::Ready(Ok(bytes.len())),
            Ok(true) => self.is_whole = true,
            Err(fault) => self.fault = Some(fault),
        }
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl EntriesSink {
    /// The entries, if all of them came before the road to here ended, by this sink or otherwise.
    pub(super) fn entries(self, ended: Result<Contents>, object: &str) -> Result<Vec<Entry>> {
        match self.fault {
            Some(source) => Err(Error::Archive {
                object: object.to_owned(),
                source,
            }),
            None if self.is_whole => Ok(self.reader.into_entries()),
            None => ended.map(|_| Vec::new()),
        }
    }
}
