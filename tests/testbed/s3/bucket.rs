//! What the server holds: objects, and uploads under way.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum_combine};
use data_encoding::{BASE64, HEXLOWER};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumType};

pub(super) type Objects = BTreeMap<String, Object>;

#[derive(Debug, Default)]
pub(super) struct Stores {
    buckets: BTreeMap<String, Objects>,
    /// By upload id. Ids sort by the time of their making.
    pub uploads: BTreeMap<String, Upload>,
    uploads_made: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub content: Content,
    pub etag: String,
    pub tags: Vec<(String, String)>,
    pub attributes: Attributes,
    pub checksum: Checksum,
    pub modified: SystemTime,
}

/// What a client may say about an object beside its bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Attributes {
    pub content_type: Option<String>,
    pub storage_class: Option<String>,
    pub metadata: Option<HashMap<String, String>>,
}

#[derive(Debug)]
pub(super) struct Upload {
    pub bucket: String,
    pub key: String,
    pub tags: Vec<(String, String)>,
    pub attributes: Attributes,
    /// The client asked for another checksum than the one of the whole object that S3 makes by itself.
    pub other_checksum: bool,
    pub parts: BTreeMap<i32, Part>,
    pub initiated: SystemTime,
}

#[derive(Debug, Clone)]
pub(super) struct Part {
    pub content: Content,
    pub etag: String,
    pub crc64: u64,
    pub checksum: Checksum,
    pub modified: SystemTime,
}

/// An object's bytes, in the pieces that they came in, or only how many there were.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Kept(Vec<Bytes>),
    Discarded { size_bytes: u64 },
}

impl Stores {
    pub(super) fn make_bucket(&mut self, name: &str) -> bool {
        self.buckets
            .insert(name.to_owned(), Objects::new())
            .is_none()
    }

    pub(super) fn bucket(&self, name: &str) -> Option<&Objects> {
        self.buckets.get(name)
    }

    pub(super) fn bucket_mut(&mut self, name: &str) -> Option<&mut Objects> {
        self.buckets.get_mut(name)
    }

    pub(super) fn bucket_names(&self) -> impl Iterator<Item = &String> {
        self.buckets.keys()
    }

    pub(super) fn begin(&mut self, upload: Upload) -> String {
        self.uploads_made += 1;
        let id = format!("upload-{:08}", self.uploads_made);
        self.uploads.insert(id.clone(), upload);
        id
    }
}

impl Object {
    pub(super) fn new(content: Content) -> Self {
        let etag = content.etag();
        let modified = SystemTime::now();
        Self {
            content,
            etag,
            tags: vec![],
            attributes: Attributes::default(),
            checksum: Checksum::default(),
            modified,
        }
    }

    /// Joins an upload's parts, all of them present.
    pub(super) fn from_parts(upload: &Upload, parts: &[&Part]) -> Self {
        let content = Content::join(parts.iter().map(|part| &part.content));
        let mut hash = Md5::new();
        for part in parts {
            // of the tags' bytes, not of their hex digits
            let tag = HEXLOWER.decode(part.etag.as_bytes()).unwrap_or_default();
            hash.update(&tag);
        }
        let etag = format!(
            "{}-{}",
            HEXLOWER.encode(hash.finalize().as_ref()),
            parts.len()
        );
        let checksum = if upload.other_checksum {
            Checksum::default()
        } else {
            whole_checksum(parts)
        };
        let (tags, attributes) = (upload.tags.clone(), upload.attributes.clone());
        Self {
            content,
            etag,
            tags,
            attributes,
            checksum,
            modified: SystemTime::now(),
        }
    }
}

/// The CRC-64 of parts put together, from those of the parts.
fn whole_checksum(parts: &[&Part]) -> Checksum {
    let crc = parts.iter().fold(0, |crc, part| {
        checksum_combine(CrcAlgorithm::Crc64Nvme, crc, part.crc64, part.content.len())
    });
    Checksum {
        checksum_crc64nvme: Some(BASE64.encode(&crc.to_be_bytes())),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        ..Checksum::default()
    }
}

impl Content {
    pub(super) fn kept(pieces: Vec<Bytes>) -> Self {
        Self::Kept(pieces)
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Kept(pieces) => pieces.iter().map(|piece| piece.len() as u64).sum(),
            Self::Discarded { size_bytes } => *size_bytes,
        }
    }

    pub(super) fn to_vec(&self) -> Option<Vec<u8>> {
        match self {
            Self::Kept(pieces) => Some(pieces.concat()),
            Self::Discarded { .. } => None,
        }
    }

    /// The pieces of a range that lies within; `None` where only the size was kept.
    pub(super) fn range(&self, range: Range<u64>) -> Option<Vec<Bytes>> {
        let Self::Kept(pieces) = self else {
            return None;
        };
        let mut begins = 0;
        let mut found = Vec::new();
        for piece in pieces {
            let ends = begins + piece.len() as u64;
            let from = range.start.clamp(begins, ends) - begins;
            let to = range.end.clamp(begins, ends) - begins;
            if from < to {
                found.push(piece.slice(from as usize..to as usize));
            }
            begins = ends;
        }
        Some(found)
    }

    /// MD5, as Amazon's; where nothing is kept, anything that is the same for the same size.
    pub(super) fn etag(&self) -> String {
        match self {
            Self::Kept(pieces) => {
                let mut hash = Md5::new();
                pieces.iter().for_each(|piece| hash.update(piece));
                HEXLOWER.encode(hash.finalize().as_ref())
            }
            Self::Discarded { size_bytes } => format!("discarded{size_bytes:023}"),
        }
    }

    fn join<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let mut kept = Vec::new();
        let (mut discarded, mut size_bytes) = (false, 0);
        for part in parts {
            size_bytes += part.len();
            match part {
                Self::Kept(pieces) => kept.extend(pieces.iter().cloned()),
                Self::Discarded { .. } => discarded = true,
            }
        }
        if discarded {
            Self::Discarded { size_bytes }
        } else {
            Self::Kept(kept)
        }
    }
}
