//! The upload of an object, block by block, several of them under way. It outlives a connection: what was not confirmed
//! is kept, and sent again over the next one.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{
    Sftp,
    fault::{SftpFault, SftpResult},
    identity::Identity,
    read_back::ReadBack,
    requests::done,
    session::Answer,
    temp_file::{TempFile, about_write, other_bytes, other_length},
    tree::Tree,
};
use crate::{
    retry::Backoff,
    store::{Completed, Error, Kind, PartSink, TagsKept, Whole},
};

/// The most bytes that are not confirmed. They are kept until they are.
const IN_FLIGHT_BYTES: usize = 4 << 20;
/// After so many bytes the server writes its buffers to its disk, so that this doesn't all come at the end.
const SYNC_BYTES: u64 = 256 << 20;
/// So many connections in a row may be lost before a byte is confirmed.
const LOSSES_MAX: u32 = 4;
const ENDS_AGAIN: &str = "the same may happen at the same place each time: see the server's log, and whether a limit on \
     the size of files (`ulimit -f`) ends its process";

/// The upload of one object. If it is dropped, or its process is killed, there is no object, as the file doesn't have
/// its name yet.
pub(super) struct SftpUpload {
    place: Sftp,
    temp: TempFile,
    filling: BytesMut,
    in_flight: VecDeque<Block>,
    in_flight_bytes: usize,
    /// The number of bytes before `filling`.
    offset: u64,
    /// The number of bytes that the server has confirmed, from the first one on.
    confirmed: u64,
    /// The number of bytes when the server was last asked to sync.
    synced: u64,
    sync: Option<Answer>,
    read_back: Option<ReadBack>,
    /// Connections that were lost since a byte was confirmed.
    losses: u32,
    /// What the file is known by once it is complete, and may have got its name.
    settled: Option<Identity>,
    tags: TagsKept,
    /// So many of the first bytes an earlier upload has sent. They are not sent again, but read back with all others.
    kept: u64,
}

struct Block {
    offset: u64,
    bytes: Bytes,
    /// `None` if it was not sent over this connection.
    answer: Option<Answer>,
}

impl SftpUpload {
    pub(super) fn new(place: &Sftp, temp: TempFile, tags: TagsKept) -> Self {
        Self {
            place: place.clone(),
            temp,
            filling: BytesMut::new(),
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            offset: 0,
            confirmed: 0,
            synced: 0,
            sync: None,
            read_back: place.0.options.read_back.then(ReadBack::new),
            losses: 0,
            settled: None,
            tags,
            kept: 0,
        }
    }

    /// The same for a file of `bytes` bytes that an earlier upload has left. Its last bytes may have arrived with gaps
    /// between them, and are sent again.
    pub(super) fn of_kept(place: &Sftp, temp: TempFile, bytes: u64, tags: TagsKept) -> Self {
        let kept = bytes.saturating_sub(IN_FLIGHT_BYTES as u64);
        Self {
            kept,
            synced: kept,
            ..Self::new(place, temp, tags)
        }
    }

    /// Passes over what is there already, and returns what is to be sent.
    fn beyond_kept<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let left = usize::try_from(self.kept.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let (there, rest) = bytes.split_at(bytes.len().min(left));
        self.offset += there.len() as u64;
        self.confirmed += there.len() as u64;
        rest
    }

    fn block_bytes(&self) -> usize {
        self.temp.session.features.write_bytes as usize
    }

    fn doing(&self, what: &str) -> String {
        self.place.doing(what, &self.temp.spot.key)
    }

    /// Sends what is in `filling`.
    async fn send_block(&mut self) -> SftpResult<()> {
        while self.in_flight_bytes + self.filling.len() > IN_FLIGHT_BYTES && !self.in_flight.is_empty() {
            self.confirm_first().await?;
        }
        let bytes = self.filling.split().freeze();
        let block = Block {
            offset: self.offset,
            bytes,
            answer: None,
        };
        self.offset += block.bytes.len() as u64;
        self.in_flight_bytes += block.bytes.len();
        self.in_flight.push_back(block);
        match self.send_last().await {
            Err(fault) if fault.kind.is_passing() => self.recover(fault).await,
            sent => sent,
        }
    }

    /// Sends the last block, and asks for what follows from the others.
    async fn send_last(&mut self) -> SftpResult<()> {
        let (session, handle) = (Arc::clone(&self.temp.session), self.temp.handle.clone());
        if let Some(block) = self.in_flight.back_mut() {
            block.answer = Some(session.send_write(&handle, block.offset, block.bytes.clone()).await?);
        }
        if let Some(done) = self.sync.as_mut().and_then(Answer::try_reply) {
            self.sync = None;
            super::requests::done(done?)?;
        }
        if session.features.has_fsync && self.sync.is_none() && self.offset - self.synced >= SYNC_BYTES {
            self.sync = Some(session.send_sync(&handle).await?);
            self.synced = self.offset;
        }
        match &mut self.read_back {
            Some(read_back) => read_back.follow(&session, &handle, self.confirmed).await,
            None => Ok(()),
        }
    }

    /// Waits until the first block is confirmed.
    async fn confirm_first(&mut self) -> SftpResult<()> {
        while let Some(first) = self.in_flight.front_mut() {
            let confirmed = match &mut first.answer {
                Some(answer) => answer.wait().await.and_then(done),
                None => Err(SftpFault::lost("the connection was given up")),
            };
            match confirmed {
                Ok(()) => {
                    let bytes = first.bytes.len();
                    self.in_flight.pop_front();
                    self.in_flight_bytes -= bytes;
                    self.confirmed += bytes as u64;
                    self.losses = 0;
                    return Ok(());
                }
                Err(fault) if fault.kind.is_passing() => self.recover(fault).await?,
                Err(fault) => return Err(about_write(&self.temp.tree(), fault).await),
            }
        }
        Ok(())
    }

    /// Goes on over another connection after one was lost.
    async fn recover(&mut self, mut fault: SftpFault) -> SftpResult<()> {
        let began = Instant::now();
        let mut attempt = 1;
        self.losses += 1;
        let limit = self.place.0.options.reconnect_max;
        while began.elapsed() < limit && self.losses <= LOSSES_MAX {
            tokio::time::sleep(Backoff::OF_REQUESTS.jittered(attempt)).await;
            attempt += 1;
            match self.resume().await {
                Ok(()) => {
                    tracing::info!(confirmed = self.confirmed, "an upload goes on over another connection");
                    return Ok(());
                }
                Err(other) if other.kind.is_passing() => fault = other,
                Err(other) => return Err(other),
            }
        }
        if self.losses > LOSSES_MAX {
            fault.cure = Some(ENDS_AGAIN.to_owned());
        }
        Err(fault)
    }

    /// Opens the file again, over another connection where the last one is lost, and sends again what isn't confirmed.
    async fn resume(&mut self) -> SftpResult<()> {
        let session = self.place.session().await?;
        let tree = Tree::new(self.place.clone(), Arc::clone(&session));
        let path = self.temp.path();
        let there = match session.lstat(&path).await? {
            Some(found) => Identity::of(&found)?.ok_or_else(SftpFault::not_found)?,
            None => return self.published(&tree).await,
        };
        // over the same connection it would stay open; over one that is lost nothing is
        let _ = self.temp.close().await;
        if there.bytes < self.confirmed {
            return Err(other_length(self.confirmed, there.bytes));
        }
        self.temp.handle = session.open_again(&path).await?;
        self.temp.session = Arc::clone(&session);
        self.sync = None;
        self.synced = self.confirmed;
        if let Some(read_back) = &mut self.read_back {
            read_back.restart();
        }
        for block in &mut self.in_flight {
            let sent = session.send_write(&self.temp.handle, block.offset, block.bytes.clone());
            block.answer = Some(sent.await?);
        }
        Ok(())
    }

    /// The temporary name is gone. If the file got its name, and the answer was lost with the connection, it is there.
    async fn published(&mut self, tree: &Tree) -> SftpResult<()> {
        let there = tree.look(&self.temp.spot).await?;
        match self.settled.filter(|settled| there == Some(*settled)) {
            Some(_) => {
                self.temp.is_over = true;
                Ok(())
            }
            None => Err(SftpFault::new(
                Kind::NotFound,
                "the upload was aborted by another",
                None,
            )),
        }
    }

    /// Checks the file, and gives it its name.
    async fn finish(&mut self, whole: &Whole) -> SftpResult<Identity> {
        let tree = self.temp.tree();
        if let (true, Some(settled)) = (self.temp.is_over, self.settled) {
            return Ok(settled);
        }
        let settled = self.temp.settle(None).await?;
        if settled.bytes != whole.bytes {
            return Err(other_length(whole.bytes, settled.bytes));
        }
        if let Some(read_back) = &mut self.read_back {
            let crc = read_back
                .finish(&self.temp.session, &self.temp.handle, whole.bytes)
                .await?;
            if crc != whole.crc64nvme {
                return Err(other_bytes());
            }
        }
        let before = self.settled.replace(settled);
        match tree.publish_new(&mut self.temp).await {
            // the server died between giving the name and taking the temporary one away
            Err(fault) if fault.kind == Kind::Exists && before.is_some() => match tree.look(&self.temp.spot).await? {
                Some(there) if before == Some(there) => {}
                _ => return Err(fault),
            },
            published => published?,
        }
        // look at it under its name, as a reader will
        match tree.look(&self.temp.spot).await? {
            Some(there) if there == settled => Ok(settled),
            Some(there) if there.bytes != whole.bytes => Err(other_length(whole.bytes, there.bytes)),
            Some(there) => Ok(there),
            None => Err(SftpFault::not_found()),
        }
    }

    async fn complete_all(&mut self, whole: &Whole) -> SftpResult<Identity> {
        if !self.filling.is_empty() {
            self.send_block().await?;
        }
        loop {
            while !self.in_flight.is_empty() {
                self.confirm_first().await?;
            }
            match self.finish(whole).await {
                Err(fault) if fault.kind.is_passing() => self.recover(fault).await?,
                Err(fault) => return Err(about_write(&self.temp.tree(), fault).await),
                done => return done,
            }
        }
    }
}

#[async_trait]
impl PartSink for SftpUpload {
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut bytes = self.beyond_kept(bytes);
        let block_bytes = self.block_bytes();
        while !bytes.is_empty() {
            if self.filling.is_empty() {
                self.filling = BytesMut::with_capacity(block_bytes);
            }
            let room = block_bytes.saturating_sub(self.filling.len());
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() >= block_bytes
                && let Err(fault) = self.send_block().await
            {
                return Err(fault.on(self.doing("upload")));
            }
        }
        Ok(())
    }

    fn sent_bytes(&self) -> u64 {
        self.confirmed
    }

    fn kept_bytes(&self) -> u64 {
        self.kept
    }

    fn discard(&mut self) {
        self.temp.keeps = false;
    }

    async fn complete(mut self: Box<Self>, whole: &Whole) -> Result<Completed, Error> {
        let doing = self.doing("complete the upload of");
        let completed = self.complete_all(whole).await;
        if completed.as_ref().is_err_and(|fault| !fault.kind.is_passing()) {
            self.discard();
        }
        let there = completed.map_err(|fault| fault.on(doing))?;
        Ok(Completed {
            etag: Some(there.etag()),
            tags: self.tags,
            confirmed: true,
        })
    }
}
