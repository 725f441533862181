use std::{
    fmt::Write as _,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::{
    config::Config,
    primitives::ByteStream,
    types::{
        ChecksumAlgorithm, ChecksumType, CompletedMultipartUpload, CompletedPart, Tag, Tagging,
    },
};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use data_encoding::BASE64;
use md5::{Digest as _, Md5};
use tokio::task::JoinSet;

use super::{Error, Kind, Object, PartPlan, Store, parts::Buffers};

/// How often a part is sent before the upload is given up, beyond the SDK's own three attempts each: with the pauses
/// between, an outage of about a minute and a half is outlived.
const PART_ATTEMPTS: u32 = 7;
/// A connection slower than this is taken for dead: 64 KiB/s.
const BYTES_PER_SECOND_MIN: u64 = 64 << 10;
/// S3 may take minutes to put 10,000 parts together.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(900);

/// What the bucket holds after an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// length in bytes
    pub bytes: u64,
    /// the service's entity tag
    pub etag: Option<String>,
    /// CRC-64/NVME of the bytes, as S3 writes it
    pub crc64nvme: String,
    /// what became of the tags
    pub tags: TagsKept,
    /// the service did not let us look at the object; its size is what it was told
    pub unconfirmed: bool,
}

/// What became of an object's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagsKept {
    /// the service holds them, or says so
    Yes,
    /// the service has no tags
    Refused,
    /// the service took them and does not show them
    Lost,
}

/// One object on its way: parts are sent from memory as they fill.
///
/// Ends by [`Upload::complete`] or [`Upload::abort`]; one that is dropped is aborted in the background, which
/// [`Store::settle`] waits for. Until it is complete there is no object.
pub struct Upload {
    store: Store,
    key: String,
    upload_id: String,
    plan: PartPlan,
    tags: Vec<(String, String)>,
    buffers: Buffers,
    filling: Vec<u8>,
    under_way: JoinSet<Result<CompletedPart, Error>>,
    done: Vec<CompletedPart>,
    next_number: u32,
    bytes: u64,
    sent: Arc<AtomicU64>,
    crc: crc_fast::Digest,
    /// nothing is left to abort
    over: bool,
}

impl Upload {
    pub(super) async fn begin(
        store: &Store,
        key: &str,
        plan: PartPlan,
        tags: &[(String, String)],
    ) -> Result<Self, Error> {
        let upload_id = Self::create(store, key, tags).await?;
        Ok(Self {
            store: store.clone(),
            key: key.to_owned(),
            upload_id,
            plan,
            tags: tags.to_vec(),
            buffers: Buffers::new(plan.buffers),
            filling: Vec::new(),
            under_way: JoinSet::new(),
            done: Vec::new(),
            next_number: 1,
            bytes: 0,
            sent: Arc::default(),
            crc: crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme),
            over: false,
        })
    }

    async fn create(store: &Store, key: &str, tags: &[(String, String)]) -> Result<String, Error> {
        let doing = || format!("begin the upload of {}", store.url(key));
        loop {
            let tagged = !tags.is_empty() && !store.quirks.no_tags.load(Ordering::Relaxed);
            let result = store
                .client
                .create_multipart_upload()
                .bucket(&store.location.bucket)
                .key(key)
                .content_type("application/octet-stream")
                .set_tagging(tagged.then(|| query(tags)))
                .set_storage_class(store.options.class())
                .set_server_side_encryption(store.options.encryption())
                .set_ssekms_key_id(store.options.kms_key.clone())
                .set_checksum_algorithm(store.checksums.then_some(ChecksumAlgorithm::Crc64Nvme))
                .set_checksum_type(store.checksums.then_some(ChecksumType::FullObject))
                .send()
                .await;
            match result {
                Ok(output) => {
                    let none = || Error::new(Kind::Other, doing(), "the service gave no upload id");
                    return output
                        .upload_id
                        .filter(|id| !id.is_empty())
                        .ok_or_else(none);
                }
                Err(error) => store.learn(Error::from_sdk(doing(), &error), tagged, false)?,
            }
        }
    }

    /// Bytes that the service has acknowledged so far.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Takes the object's next bytes; waits while as many parts are under way as memory allows.
    ///
    /// # Errors
    /// The error of any part so far.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.crc.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let part_bytes = self.plan.bytes_of(self.next_number);
            if self.filling.is_empty() {
                self.filling = self.next_buffer(part_bytes).await?;
            }
            let room = usize::try_from(part_bytes).unwrap_or(usize::MAX) - self.filling.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() as u64 == part_bytes {
                self.send_part()?;
            }
        }
        Ok(())
    }

    /// The next empty buffer; learns meanwhile of parts that arrived or failed.
    async fn next_buffer(&mut self, part_bytes: u64) -> Result<Vec<u8>, Error> {
        loop {
            tokio::select! {
                biased;
                Some(part) = self.under_way.join_next() => self.arrived(part)?,
                buffer = self.buffers.take(part_bytes) => return buffer,
            }
        }
    }

    fn arrived(
        &mut self,
        part: Result<Result<CompletedPart, Error>, tokio::task::JoinError>,
    ) -> Result<(), Error> {
        let part = part.map_err(|e| {
            Error::new(Kind::Other, self.doing("upload a part of"), e.to_string())
        })??;
        self.done.push(part);
        Ok(())
    }

    fn send_part(&mut self) -> Result<(), Error> {
        let number = self.next_number;
        if number > self.plan.parts_max {
            let why = format!("it is longer than {} parts hold", self.plan.parts_max);
            return Err(Error::new(Kind::Other, self.doing("upload"), why));
        }
        self.next_number += 1;
        let body = self.buffers.body(std::mem::take(&mut self.filling));
        let part = Part {
            store: self.store.clone(),
            key: self.key.clone(),
            upload_id: self.upload_id.clone(),
            number: i32::try_from(number).unwrap_or(i32::MAX),
            body,
        };
        let sent = Arc::clone(&self.sent);
        self.under_way.spawn(async move {
            let bytes = part.body.len() as u64;
            let done = part.send().await?;
            sent.fetch_add(bytes, Ordering::Relaxed);
            Ok(done)
        });
        Ok(())
    }

    /// Sends what is left, puts the object together, and confirms its size and checksum.
    ///
    /// # Errors
    /// Any part's error; [`Kind::Exists`] where there is such an object already; [`Kind::Mismatch`] where the service
    /// holds something else than was sent. There is then no object of this upload.
    pub async fn complete(mut self) -> Result<Stored, Error> {
        let result = self.finish().await;
        if result.is_err() {
            self.abort().await;
        }
        result
    }

    async fn finish(&mut self) -> Result<Stored, Error> {
        // an object of no bytes still needs one part
        if !self.filling.is_empty() || self.next_number == 1 {
            self.send_part()?;
        }
        while let Some(part) = self.under_way.join_next().await {
            self.arrived(part)?;
        }
        self.done.sort_by_key(CompletedPart::part_number);
        let crc64nvme = BASE64.encode(&self.crc.finalize().to_be_bytes());
        let answered = self.put_together(&crc64nvme).await;
        let found = self.confirm(answered).await?;
        self.over = true;
        let tags = self.confirm_tags().await;
        Ok(Stored {
            bytes: self.bytes,
            etag: found.as_ref().and_then(|object| object.etag.clone()),
            crc64nvme,
            tags,
            unconfirmed: found.is_none(),
        })
    }

    async fn put_together(&self, crc64nvme: &str) -> Result<(), Error> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(self.done.clone()))
            .build();
        loop {
            let conditional = !self.store.quirks.no_conditions.load(Ordering::Relaxed);
            let result = self
                .store
                .client
                .complete_multipart_upload()
                .bucket(&self.store.location.bucket)
                .key(&self.key)
                .upload_id(&self.upload_id)
                .multipart_upload(parts.clone())
                .set_if_none_match(conditional.then(|| "*".to_owned()))
                .set_checksum_crc64_nvme(self.store.checksums.then(|| crc64nvme.to_owned()))
                .set_checksum_type(self.store.checksums.then_some(ChecksumType::FullObject))
                .customize()
                .config_override(attempt_timeout(COMPLETE_TIMEOUT))
                .send()
                .await;
            match result {
                Ok(output) => {
                    return self.compare_checksum(output.checksum_crc64_nvme(), crc64nvme);
                }
                Err(error) => {
                    let error = Error::from_sdk(self.doing("complete the upload of"), &error);
                    self.store.learn(error, false, conditional)?;
                }
            }
        }
    }

    fn compare_checksum(&self, theirs: Option<&str>, ours: &str) -> Result<(), Error> {
        match theirs {
            Some(theirs) if self.store.checksums && theirs != ours => {
                let why = format!("the service holds bytes of checksum {theirs}, sent were {ours}");
                Err(Error::new(
                    Kind::Mismatch,
                    self.doing("confirm the upload of"),
                    why,
                ))
            }
            _ => Ok(()),
        }
    }

    /// Looks at the object, whatever was answered: an answer can be lost though the work was done.
    /// `None`: the service doesn't let us look.
    async fn confirm(&self, answered: Result<(), Error>) -> Result<Option<Object>, Error> {
        let found = match self.store.head(&self.key).await {
            Ok(found) => found,
            Err(error) if error.kind == Kind::Denied => return answered.map(|()| None),
            Err(error) => return Err(answered.err().unwrap_or(error)),
        };
        let Some(object) = found else {
            let gone = || {
                Error::new(
                    Kind::Mismatch,
                    self.doing("confirm the upload of"),
                    "the service said it was done, and there is no object",
                )
            };
            return Err(answered.err().unwrap_or_else(gone));
        };
        let ours = self.etag_expected();
        let same_tag = match (&ours, &object.etag) {
            (Some(ours), Some(theirs)) => theirs.trim_matches('"').eq_ignore_ascii_case(ours),
            _ => false,
        };
        if let Err(error) = answered {
            // the object is ours only where its tag proves that it was put together from our very parts
            return if same_tag && object.bytes == self.bytes {
                Ok(Some(object))
            } else {
                Err(error)
            };
        }
        if object.bytes != self.bytes {
            let why = format!(
                "{} bytes were sent, the service holds {}",
                self.bytes, object.bytes
            );
            return Err(Error::new(
                Kind::Mismatch,
                self.doing("confirm the upload of"),
                why,
            ));
        }
        if !same_tag {
            tracing::debug!(?ours, theirs = ?object.etag, "the entity tag has another form than S3's");
        }
        Ok(Some(object))
    }

    /// S3's entity tag of an object in parts: MD5 of the parts' MD5s, a hyphen, their number. Not promised, and other
    /// where KMS encrypts: it can confirm and never refute.
    fn etag_expected(&self) -> Option<String> {
        let mut md5 = Md5::new();
        for part in &self.done {
            let tag = part.e_tag()?.trim_matches('"').to_ascii_lowercase();
            md5.update(
                data_encoding::HEXLOWER
                    .decode(tag.as_bytes())
                    .ok()
                    .filter(|tag| tag.len() == 16)?,
            );
        }
        Some(format!(
            "{}-{}",
            data_encoding::HEXLOWER.encode(&md5.finalize()),
            self.done.len()
        ))
    }

    /// Some services take tags with the upload, answer 200 and lose them: looks, and sets them once more.
    async fn confirm_tags(&self) -> TagsKept {
        if self.tags.is_empty() {
            return TagsKept::Yes;
        }
        if self.store.quirks.no_tags.load(Ordering::Relaxed) {
            return TagsKept::Refused;
        }
        match self.tags_shown().await {
            // whoever may write and not look has the service's word
            Err(error) if error.kind == Kind::Denied => TagsKept::Yes,
            Err(_) => TagsKept::Lost,
            Ok(true) => TagsKept::Yes,
            Ok(false) => match (self.put_tags().await, self.tags_shown().await) {
                (Ok(()), Ok(true)) => TagsKept::Yes,
                _ => TagsKept::Lost,
            },
        }
    }

    async fn tags_shown(&self) -> Result<bool, Error> {
        let request = self
            .store
            .client
            .get_object_tagging()
            .bucket(&self.store.location.bucket)
            .key(&self.key);
        let output = request
            .send()
            .await
            .map_err(|e| Error::from_sdk(self.doing("read the tags of"), &e))?;
        Ok(self.tags.iter().all(|(key, value)| {
            output
                .tag_set()
                .iter()
                .any(|tag| tag.key() == key && tag.value() == value)
        }))
    }

    async fn put_tags(&self) -> Result<(), Error> {
        let wrong =
            |e: &dyn std::fmt::Display| Error::new(Kind::Other, self.doing("tag"), e.to_string());
        let tags: Result<Vec<Tag>, _> = self
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build())
            .collect();
        let tagging = Tagging::builder()
            .set_tag_set(Some(tags.map_err(|e| wrong(&e))?))
            .build()
            .map_err(|e| wrong(&e))?;
        let request = self
            .store
            .client
            .put_object_tagging()
            .bucket(&self.store.location.bucket)
            .key(&self.key)
            .tagging(tagging);
        request
            .send()
            .await
            .map(|_| ())
            .map_err(|e| Error::from_sdk(self.doing("tag"), &e))
    }

    /// Gives the upload up and frees its parts. A failure to do so is logged: the first error is what counts.
    pub async fn abort(mut self) {
        self.under_way.shutdown().await;
        if !std::mem::replace(&mut self.over, true) {
            abort(self.store.clone(), self.key.clone(), self.upload_id.clone()).await;
        }
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.store.url(&self.key))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // aborted while the parts under way are cancelled: one that arrives later would be billed and invisible
        if !self.over && tokio::runtime::Handle::try_current().is_ok() {
            let mut under_way = std::mem::take(&mut self.under_way);
            let abort = abort(self.store.clone(), self.key.clone(), self.upload_id.clone());
            self.store.cleanup.spawn(async move {
                under_way.shutdown().await;
                abort.await;
            });
        }
    }
}

async fn abort(store: Store, key: String, upload_id: String) {
    let request = store
        .client
        .abort_multipart_upload()
        .bucket(&store.location.bucket)
        .key(&key)
        .upload_id(&upload_id);
    if let Err(error) = request.send().await {
        let error = Error::from_sdk(format!("abort the upload of {}", store.url(&key)), &error);
        if error.kind != Kind::NotFound {
            tracing::warn!(%error, upload_id, "an upload that was given up may still be stored and billed");
        }
    }
}

struct Part {
    store: Store,
    key: String,
    upload_id: String,
    number: i32,
    body: Bytes,
}

impl Part {
    async fn send(self) -> Result<CompletedPart, Error> {
        let mut attempt = 1;
        loop {
            match self.send_once().await {
                Err(error) if error.kind.is_passing() && attempt < PART_ATTEMPTS => {
                    tracing::debug!(%error, part = self.number, attempt, "sending the part again");
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn send_once(&self) -> Result<CompletedPart, Error> {
        let seconds = 60 + self.body.len() as u64 / BYTES_PER_SECOND_MIN;
        let output = self
            .store
            .client
            .upload_part()
            .bucket(&self.store.location.bucket)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .part_number(self.number)
            .set_checksum_algorithm(self.store.checksums.then_some(ChecksumAlgorithm::Crc64Nvme))
            .body(ByteStream::from(self.body.clone()))
            .customize()
            // hashing the body for the signature would be the third pass over it
            .disable_payload_signing()
            .config_override(attempt_timeout(Duration::from_secs(seconds)))
            .send()
            .await
            .map_err(|error| {
                let doing = format!(
                    "upload part {} of {}",
                    self.number,
                    self.store.url(&self.key)
                );
                Error::from_sdk(doing, &error)
            })?;
        Ok(CompletedPart::builder()
            .part_number(self.number)
            .set_e_tag(output.e_tag)
            .set_checksum_crc64_nvme(output.checksum_crc64_nvme)
            .build())
    }
}

fn attempt_timeout(limit: Duration) -> aws_sdk_s3::config::Builder {
    Config::builder().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(limit)
            .build(),
    )
}

/// 1, 2, 4, 8, 16, 30, 30 … seconds.
pub(super) fn pause(attempt: u32) -> Duration {
    Duration::from_secs((1 << attempt.saturating_sub(1).min(5)).min(30))
}

/// Tags as `x-amz-tagging` wants them: a URL query.
pub(super) fn query(tags: &[(String, String)]) -> String {
    let mut text = String::new();
    for (key, value) in tags {
        let encode =
            |part| percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC);
        let separator = if text.is_empty() { "" } else { "&" };
        // writing to a String can't fail
        let _ = write!(text, "{separator}{}={}", encode(key), encode(value));
    }
    text
}
