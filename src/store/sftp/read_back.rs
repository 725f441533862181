//! Reads an upload back while it is going on: what the server confirmed is asked for again, and hashed.

use std::collections::VecDeque;

use crc_fast::CrcAlgorithm;
use data_encoding::BASE64;

use super::{
    fault::{SftpFault, SftpResult},
    requests::data,
    session::{Answer, Session},
};

/// How many pieces are asked for at once.
const READS_MAX: usize = 8;

/// What was read back of an upload.
pub(super) struct ReadBack {
    crc: crc_fast::Digest,
    /// The bytes that were hashed.
    hashed: u64,
    /// The bytes that were asked for.
    asked: u64,
    reads: VecDeque<(u64, Answer)>,
}

impl ReadBack {
    pub(super) fn new() -> Self {
        Self {
            crc: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            hashed: 0,
            asked: 0,
            reads: VecDeque::new(),
        }
    }

    /// Forgets what was asked for over a connection that was lost.
    pub(super) fn restart(&mut self) {
        self.reads.clear();
        self.asked = self.hashed;
    }

    /// Takes what has come, and asks for more of the `confirmed` bytes. Waits for no answer.
    pub(super) async fn follow(&mut self, session: &Session, handle: &[u8], confirmed: u64) -> SftpResult<()> {
        let piece = u64::from(session.features.read_bytes);
        while let Some(reply) = self.reads.front_mut().and_then(|(_, answer)| answer.try_reply()) {
            self.take(reply.and_then(data)?)?;
        }
        while self.reads.len() < READS_MAX && self.asked + piece <= confirmed {
            self.ask(session, handle, piece).await?;
        }
        Ok(())
    }

    /// Reads the rest, and returns the CRC-64/NVME of all, as S3 writes it.
    pub(super) async fn finish(&mut self, session: &Session, handle: &[u8], total: u64) -> SftpResult<String> {
        let piece = u64::from(session.features.read_bytes);
        while self.hashed < total {
            while self.reads.len() < READS_MAX && self.asked < total {
                self.ask(session, handle, piece.min(total - self.asked)).await?;
            }
            if let Some((_, answer)) = self.reads.front_mut() {
                let reply = answer.wait().await;
                self.take(reply.and_then(data)?)?;
            }
        }
        Ok(BASE64.encode(&self.crc.clone().finalize().to_be_bytes()))
    }

    async fn ask(&mut self, session: &Session, handle: &[u8], bytes: u64) -> SftpResult<()> {
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        let answer = session.send_read(handle, self.asked, wanted).await?;
        self.reads.push_back((bytes, answer));
        self.asked += bytes;
        Ok(())
    }

    fn take(&mut self, bytes: Option<bytes::Bytes>) -> SftpResult<()> {
        let wanted = self.reads.pop_front().map_or(0, |(wanted, _)| wanted);
        let bytes = bytes.unwrap_or_default();
        if bytes.is_empty() || bytes.len() as u64 > wanted {
            return Err(SftpFault::protocol(
                "the server answers with other bytes than it was asked for",
            ));
        }
        self.crc.update(&bytes);
        self.hashed += bytes.len() as u64;
        if (bytes.len() as u64) < wanted {
            // a server may return less: what was asked for behind it is asked for again
            self.restart();
        }
        Ok(())
    }
}
