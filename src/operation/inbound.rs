//! The road of a byte back: ranges in order, several in flight -> frames opened on several cores -> zstd -> archive
//! reader -> whoever takes the bytes. Nothing is given out before its MAC was checked, and nothing at all before the
//! last frame was: an object that was cut short is found before anything is touched.

use std::{collections::VecDeque, ops::Range};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Progress,
    entries::EntriesSink,
    ordered::{Ordered, done, seal_width},
    reread::{Doubts, Groups, Look},
    source::{Pieces, Source},
};
use crate::{
    archive::{ArchiveReader, Contents, Entry},
    compress::Decompressor,
    error::{Error, Result},
    seal::{
        self, Content, FrameKeys, HEADER_LEN_MAX, OpenGroup, Opener, PayloadCompression, RepositoryId, SealedHeader,
        Secret,
    },
};

/// A sealed archive whose header and last frame have been found good.
#[derive(Clone)]
pub(super) struct Inbound {
    source: Source,
    header: SealedHeader,
    /// The header as it stands in the object, found good.
    header_bytes: Bytes,
    keys: FrameKeys,
    /// How long what is inside may be, where its record says it.
    dump_bytes_max: Option<u64>,
}

impl Inbound {
    /// Reads and checks header and last frame. With `expected`, the object has to be that backup's archive in that
    /// repository.
    pub(super) async fn begin(
        source: Source,
        secrets: &[Secret],
        expected: Option<(&RepositoryId, &str)>,
    ) -> Result<Self> {
        let mut doubts = Doubts::default();
        loop {
            let mut look = Look::new(&source);
            match look_at_both_ends(&mut look, secrets, expected).await {
                Ok((header, header_bytes, keys)) => {
                    return Ok(Self {
                        source,
                        header,
                        header_bytes,
                        keys,
                        dump_bytes_max: None,
                    });
                }
                Err(fault @ Error::Seal { .. }) => doubts.weigh(look, fault)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// What decompresses to more than this is refused: a few bytes can be made to fill a disk.
    pub(super) fn with_dump_bytes_max(self, bytes: u64) -> Self {
        Self {
            dump_bytes_max: Some(bytes),
            ..self
        }
    }

    fn groups(&self) -> Groups {
        Groups {
            source: self.source.clone(),
            keys: self.keys.clone(),
            header_len: self.header_bytes.len(),
            frame_size: self.header.frame_size,
        }
    }

    /// Length of the sealed object.
    pub(super) fn sealed_bytes(&self) -> u64 {
        self.source.bytes()
    }

    /// Brings all of it to `sink` sealed as it is, each frame found good.
    pub(super) async fn copy(self, sink: &mut (impl AsyncWrite + Unpin), progress: &Progress) -> Result<()> {
        progress.expect(self.source.bytes());
        let groups = self.groups();
        let mut next = 0;
        let mut under_way = VecDeque::new();
        sink.write_all(&self.header_bytes).await.map_err(Error::Sink)?;
        progress.add_done(self.header_bytes.len());
        loop {
            while under_way.len() < seal_width() && next < groups.count() {
                let (groups, group) = (groups.clone(), next);
                let work = async move { groups.read(group).await };
                under_way.push_back(AbortOnDropHandle::new(tokio::spawn(work)));
                next += 1;
            }
            let Some(oldest) = under_way.pop_front() else {
                return Ok(());
            };
            let ended = oldest.await.map_err(|e| Error::Internal(e.to_string()))?;
            let (sealed, _) = ended?;
            sink.write_all(&sealed).await.map_err(Error::Sink)?;
            progress.add_done(sealed.len());
            progress.set_moved(progress.done_bytes());
        }
    }

    /// The header.
    pub(super) fn header(&self) -> &SealedHeader {
        &self.header
    }

    /// What messages call the object.
    /// Entity tag of the object that is read, where its service has such.
    pub(super) fn etag(&self) -> Option<&str> {
        self.source.etag()
    }

    pub(super) fn name(&self) -> String {
        self.source.name()
    }

    /// The entries of its table of contents. Reads no more than its beginning, every frame found good.
    pub(super) async fn entries(&self) -> Result<Vec<Entry>> {
        let mut sink = EntriesSink::default();
        let pieces = self.source.pieces_in_turn(self.header_bytes.len() as u64);
        let nobody = Progress::default();
        let brought = self.clone().bring_from(pieces, &mut sink, &nobody).await;
        sink.entries(brought, &self.name())
    }

    /// Brings all of it to `sink` and says what the archive held. An error before the end means: what the sink got is
    /// true and not all.
    pub(super) async fn bring(self, sink: &mut (impl AsyncWrite + Unpin), progress: &Progress) -> Result<Contents> {
        let pieces = self.source.pieces(self.header_bytes.len() as u64);
        self.bring_from(pieces, sink, progress).await
    }

    async fn bring_from(
        self,
        mut pieces: Pieces,
        sink: &mut (impl AsyncWrite + Unpin),
        progress: &Progress,
    ) -> Result<Contents> {
        progress.expect(self.source.bytes());
        let groups = self.groups();
        let mut opener = Opener::new(self.keys, self.header.frame_size);
        let mut opening = Ordered::new(seal_width());
        let mut payload = Payload::new(groups, self.header.compression, self.dump_bytes_max)?;
        while let Some(piece) = pieces.next().await? {
            let mut sealed = &piece[..];
            while let Some(group) = opener.push(&mut sealed) {
                if let Some(opened) = opening.push(move || group.open()).await? {
                    opener.recycle(payload.take(opened, sink).await?);
                }
            }
            progress.add_done(piece.len());
            progress.set_moved(progress.done_bytes());
        }
        let end: OpenGroup = opener.finish();
        if let Some(opened) = opening.push(move || end.open()).await? {
            payload.take(opened, sink).await?;
        }
        while let Some(opened) = opening.next().await? {
            payload.take(opened, sink).await?;
        }
        payload.finish()
    }
}

/// Reads and checks header and last frame, once.
async fn look_at_both_ends(
    look: &mut Look<'_>,
    secrets: &[Secret],
    expected: Option<(&RepositoryId, &str)>,
) -> Result<(SealedHeader, Bytes, FrameKeys)> {
    let name = look.source().name();
    let refused = |e| Error::seal(&name, e);
    let beginning = 0..look.source().bytes().min(HEADER_LEN_MAX as u64);
    let beginning = look.read(beginning).await?;
    let (header, header_len) = SealedHeader::parse_whole(&beginning).map_err(refused)?;
    let keys = unlock(&header, secrets).await?.map_err(refused)?;
    let (repository, backup) = expected.unwrap_or((&header.repository, &header.backup));
    header.check_is(repository, backup, Content::Archive).map_err(refused)?;
    let end = check_end(look, &header, header_len, &keys).await?;
    end.map_err(refused)?;
    Ok((header, beginning.slice(..header_len), keys))
}

/// Checks the last frame, and tells what is wrong with the object's end as exactly as its last two frames allow.
async fn check_end(
    look: &mut Look<'_>,
    header: &SealedHeader,
    header_len: usize,
    keys: &FrameKeys,
) -> Result<std::result::Result<(), seal::Error>> {
    let (frame_size, bytes) = (header.frame_size, look.source().bytes());
    let (index, range) = match seal::last_frame_range(header_len, frame_size, bytes) {
        Ok(found) => found,
        // of a length that no frame has: what stands there says more than its length
        Err(seal::Error::CutShort { after }) => {
            let index = after.map_or(0, |after| after + 1);
            let start = seal::frame_range(header_len, frame_size, index).start;
            (index, start.min(bytes)..bytes)
        }
        Err(error) => return Ok(Err(error)),
    };
    let Err(fault) = open_at(look, keys, frame_size, index, true, range).await? else {
        return Ok(Ok(()));
    };
    let seal::Error::CutShort { after: Some(before) } = fault else {
        return Ok(Err(fault));
    };
    let range = seal::frame_range(header_len, frame_size, before);
    match open_at(look, keys, frame_size, before, false, range).await? {
        Err(trailing @ seal::Error::TrailingBytes { .. }) => Ok(Err(trailing)),
        _ => Ok(Err(fault)),
    }
}

async fn open_at(
    look: &mut Look<'_>,
    keys: &FrameKeys,
    frame_size: usize,
    index: u64,
    last: bool,
    range: Range<u64>,
) -> Result<std::result::Result<(), seal::Error>> {
    let range = range.start..range.end.min(look.source().bytes());
    if range.is_empty() {
        let after = index.checked_sub(1);
        return Ok(Err(seal::Error::CutShort { after }));
    }
    let frame = look.read(range).await?;
    Ok(seal::open_frame(keys, frame_size, index, last, &frame).map(|_| ()))
}

/// Tries the secrets; a passphrase takes a tenth of a second, and not on a thread that others wait for.
async fn unlock(header: &SealedHeader, secrets: &[Secret]) -> Result<std::result::Result<FrameKeys, seal::Error>> {
    let (header, secrets) = (header.clone(), secrets.to_vec());
    done(tokio::task::spawn_blocking(move || header.unlock(&secrets))).await
}

/// What is inside the frames: decompressed, looked at, handed on.
struct Payload {
    groups: Groups,
    /// the group whose bytes come next
    next_group: u64,
    name: String,
    length: u64,
    length_max: Option<u64>,
    decompressor: Option<Decompressor>,
    reader: ArchiveReader,
    plaintext: Vec<u8>,
}

impl Payload {
    fn new(groups: Groups, compression: PayloadCompression, length_max: Option<u64>) -> Result<Self> {
        let decompressor = match compression {
            PayloadCompression::None => None,
            PayloadCompression::Zstd => Some(Decompressor::new().map_err(Error::Compress)?),
        };
        Ok(Self {
            name: groups.source.name(),
            groups,
            next_group: 0,
            length: 0,
            length_max,
            decompressor,
            reader: ArchiveReader::new(),
            plaintext: Vec::new(),
        })
    }

    /// Hands one opened group on, and gives its buffer back.
    async fn take(
        &mut self,
        opened: std::result::Result<Vec<u8>, seal::Error>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Result<Vec<u8>> {
        let opened = self.groups.opened(self.next_group, opened).await?;
        self.next_group += 1;
        let Some(mut decompressor) = self.decompressor.take() else {
            self.hand_on(&opened, sink).await?;
            return Ok(opened);
        };
        // in steps, since what compresses a hundredfold must not come out at once
        let mut plaintext = std::mem::take(&mut self.plaintext);
        let mut input = &opened[..];
        while decompressor
            .step(&mut input, &mut plaintext)
            .map_err(|e| self.payload_error(e))?
        {
            self.hand_on(&plaintext, sink).await?;
        }
        self.plaintext = plaintext;
        self.decompressor = Some(decompressor);
        Ok(opened)
    }

    async fn hand_on(&mut self, plaintext: &[u8], sink: &mut (impl AsyncWrite + Unpin)) -> Result<()> {
        self.length += plaintext.len() as u64;
        if let Some(max) = self.length_max.filter(|max| self.length > *max) {
            let what = format!("it holds more than the {max} bytes that pg_dump wrote");
            return Err(Error::differs(&self.name, what));
        }
        self.reader.push(plaintext).map_err(|source| Error::Archive {
            object: self.name.clone(),
            source,
        })?;
        let written = sink.write_all(plaintext).await;
        written.map_err(Error::Sink)
    }

    fn payload_error(&self, source: crate::compress::Error) -> Error {
        Error::Payload {
            object: self.name.clone(),
            source,
        }
    }

    fn finish(self) -> Result<Contents> {
        let Self {
            name,
            decompressor,
            reader,
            ..
        } = self;
        if let Some(decompressor) = decompressor {
            decompressor.finish().map_err(|source| Error::Payload {
                object: name.clone(),
                source,
            })?;
        }
        reader
            .finish()
            .map_err(|source| Error::Archive { object: name, source })
    }
}
