//! Reads objects, several pieces at once.

use std::{ops::Range, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    Sftp,
    fault::{CHANGED_HINT, SftpFault, SftpResult},
    identity::Identity,
    requests::data,
    session::Session,
    tree::Tree,
};
use crate::store::Kind;

/// The most bytes of one object that are asked for at once, and the most requests.
const IN_FLIGHT_BYTES: u32 = 4 << 20;
const IN_FLIGHT_MAX: u32 = 64;

/// An open file, which is closed in the background when it is dropped.
pub(super) struct OpenFile {
    place: Sftp,
    session: Arc<Session>,
    handle: Bytes,
}

impl OpenFile {
    pub(super) fn handle(&self) -> &[u8] {
        &self.handle
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if self.session.is_over() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (session, handle) = (Arc::clone(&self.session), std::mem::take(&mut self.handle));
        self.place.0.tasks.spawn(async move {
            if let Err(fault) = session.close(&handle).await {
                tracing::debug!("a file on the server was not closed: {}", fault.why);
            }
        });
    }
}

impl Tree {
    /// Opens an object for reading, after a look at it: opening a pipe would wait for its writer.
    async fn open_object(&self, key: &str) -> SftpResult<(OpenFile, Identity)> {
        let (spot, identity) = self.find(key).await?.ok_or_else(SftpFault::not_found)?;
        let file = OpenFile {
            place: self.place.clone(),
            session: Arc::clone(&self.session),
            handle: self.session.open(&spot.path()).await?,
        };
        Ok((file, identity))
    }

    /// Whether an open file is still what was looked at.
    async fn is_still(&self, file: &OpenFile, identity: Identity) -> SftpResult<bool> {
        let found = self.session.fstat(file.handle()).await?;
        Ok(Identity::of(&found)? == Some(identity))
    }

    /// Reads a small object completely.
    pub(super) async fn read(&self, key: &str, bytes_max: u64) -> SftpResult<Bytes> {
        let (file, identity) = self.open_object(key).await?;
        if identity.bytes > bytes_max {
            return Err(SftpFault::new(
                Kind::Other,
                format!("it is longer than {bytes_max} bytes"),
                None,
            ));
        }
        let bytes = self.session.read_at(file.handle(), 0..identity.bytes).await?;
        // changed in place: the bytes may be half of the old and half of the new file
        match self.is_still(&file, identity).await? {
            true => Ok(bytes),
            false => Err(SftpFault::new(
                Kind::Damaged,
                "it changed while it was read",
                Some(CHANGED_HINT),
            )),
        }
    }

    /// Reads a part of an object.
    pub(super) async fn read_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> SftpResult<Bytes> {
        let (file, identity) = self.open_object(key).await?;
        if etag.is_some_and(|etag| !identity.is(etag)) {
            return Err(SftpFault::changed(Kind::Changed));
        }
        // take no memory for bytes that don't exist
        if range.end > identity.bytes {
            let (start, bytes) = (range.start, range.end - range.start);
            let why = format!("asked for {bytes} bytes from {start}, and it has {}", identity.bytes);
            return Err(SftpFault::new(Kind::Other, why, None));
        }
        let bytes = self.session.read_at(file.handle(), range).await?;
        match self.is_still(&file, identity).await? {
            true => Ok(bytes),
            false => Err(SftpFault::changed(Kind::Changed)),
        }
    }
}

impl Session {
    /// Reads the bytes `range` of an open file.
    pub(super) async fn read_at(&self, handle: &[u8], range: Range<u64>) -> SftpResult<Bytes> {
        let piece = self.features.read_bytes;
        let at_once = (IN_FLIGHT_BYTES / piece).clamp(1, IN_FLIGHT_MAX) as usize;
        let total = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
        let pieces = (range.start..range.end).step_by(piece as usize);
        let mut reads = stream::iter(pieces.map(|start| {
            let end = range.end.min(start + u64::from(piece));
            self.read_piece(handle, start..end)
        }))
        .buffered(at_once);
        let mut all = BytesMut::with_capacity(total);
        while let Some(bytes) = reads.try_next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }

    /// Reads a piece. A server may return less than it was asked for, in which case it is asked for the rest.
    async fn read_piece(&self, handle: &[u8], range: Range<u64>) -> SftpResult<Bytes> {
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut got: Option<BytesMut> = None;
        loop {
            let have = got.as_ref().map_or(0, BytesMut::len);
            let rest = u32::try_from(wanted - have).unwrap_or(u32::MAX);
            let answer = self.send_read(handle, range.start + have as u64, rest).await?;
            let bytes = data(answer.reply().await?)?.ok_or_else(|| ended_early(&range))?;
            if bytes.is_empty() || bytes.len() > wanted - have {
                return Err(SftpFault::protocol(
                    "the server answers with other bytes than it was asked for",
                ));
            }
            if got.is_none() && bytes.len() == wanted {
                return Ok(bytes);
            }
            let all = got.get_or_insert_with(|| BytesMut::with_capacity(wanted));
            all.extend_from_slice(&bytes);
            if all.len() == wanted {
                return Ok(got.unwrap_or_default().freeze());
            }
        }
    }
}

fn ended_early(range: &Range<u64>) -> SftpFault {
    let (start, bytes) = (range.start, range.end - range.start);
    let why = format!("asked for {bytes} bytes from {start}, and it ends before");
    SftpFault::new(Kind::Damaged, why, Some(CHANGED_HINT))
}
