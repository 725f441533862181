//! What the server holds: objects, and uploads under way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use crc_fast::{CrcAlgorithm, checksum_combine};
use data_encoding::{BASE64, HEXLOWER};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumType};

use super::cold::Restore;
use super::content::Content;
use super::lifecycle::Rules;
use super::lock::Lock;
use super::versions::Noncurrent;

#[derive(Debug, Default)]
pub(super) struct Stores {
    buckets: BTreeMap<String, Bucket>,
    /// By upload id. Ids sort by the time of their making.
    pub uploads: BTreeMap<String, Upload>,
    uploads_made: u64,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// By key. Objects that are alike may share their memory, so that a test can fill a bucket with millions.
    pub objects: BTreeMap<String, Arc<Object>>,
    /// What was removed or written over, oldest first.
    pub noncurrent: Vec<Noncurrent>,
    pub versions_made: u64,
    pub lifecycle: Option<Rules>,
    /// How many rules came without an id, and were given one.
    pub rules_named: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Object {
    pub content: Content,
    pub etag: String,
    pub tags: Vec<(String, String)>,
    pub attributes: Attributes,
    pub checksum: Checksum,
    pub modified: SystemTime,
    pub restore: Option<Restore>,
    pub lock: Lock,
    pub version_id: Option<String>,
}

/// What a client may say about an object beside its bytes.
#[derive(Debug, Clone, Default, PartialEq)]
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
    pub lock: Lock,
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

impl Stores {
    pub(super) fn make_bucket(&mut self, name: &str) -> bool {
        self.buckets.insert(name.to_owned(), Bucket::default()).is_none()
    }

    pub(super) fn bucket(&self, name: &str) -> Option<&Bucket> {
        self.buckets.get(name)
    }

    pub(super) fn bucket_mut(&mut self, name: &str) -> Option<&mut Bucket> {
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

impl Bucket {
    pub(super) fn object(&self, key: &str) -> Option<&Object> {
        self.objects.get(key).map(Arc::as_ref)
    }

    pub(super) fn object_mut(&mut self, key: &str) -> Option<&mut Object> {
        self.objects.get_mut(key).map(Arc::make_mut)
    }

    /// What an answer tells of the version, where the bucket has versions.
    pub(super) fn version_id(&self, key: &str) -> Option<String> {
        self.object(key)?.version_id.clone()
    }
}

impl Object {
    pub(super) fn new(content: Content, modified: SystemTime) -> Self {
        let etag = content.etag();
        Self {
            content,
            etag,
            tags: vec![],
            attributes: Attributes::default(),
            checksum: Checksum::default(),
            modified,
            restore: None,
            lock: Lock::default(),
            version_id: None,
        }
    }

    /// The checksums to tell of, where they are to be told of.
    pub(super) fn sums(&self, told: bool) -> Checksum {
        if told {
            self.checksum.clone()
        } else {
            Checksum::default()
        }
    }

    /// Joins an upload's parts, all of them present.
    pub(super) fn from_parts(upload: &Upload, parts: &[&Part], modified: SystemTime) -> Self {
        let content = Content::join(parts.iter().map(|part| &part.content));
        let mut hash = Md5::new();
        for part in parts {
            // of the tags' bytes, not of their hex digits
            let tag = HEXLOWER.decode(part.etag.as_bytes()).unwrap_or_default();
            hash.update(&tag);
        }
        let etag = format!("{}-{}", HEXLOWER.encode(hash.finalize().as_ref()), parts.len());
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
            modified,
            restore: None,
            lock: upload.lock.clone(),
            version_id: None,
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
