//! The end of an upload: completed, checked, and its tags checked.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use aws_config::retry::RetryConfig;
use aws_sdk_s3::{
    config::Builder,
    types::{ChecksumType, CompletedMultipartUpload},
};
use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::{MultipartUpload, part::attempt_timeout};
use crate::store::s3::{Error, Kind, Object, TagsKept, retry::ATTEMPTS_UNDER_WAY};

/// The time limit of completing an upload. S3 may take minutes to combine 10,000 parts.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html>
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(900);

impl MultipartUpload {
    /// Completes the upload, and looks at the object whatever the answer was, as an answer can be lost although the
    /// work was done. Hours of work can be lost, so it waits through an outage as a part does. `None`: the object can't
    /// be looked at.
    pub(super) async fn put_together_and_confirm(&mut self, crc64nvme: &str) -> Result<Option<Object>, Error> {
        match self.confirmed(crc64nvme).await {
            Err(error) if error.why.contains("InvalidPart") && self.correct_parts().await => {
                self.confirmed(crc64nvme).await
            }
            result => result,
        }
    }

    async fn confirmed(&self, crc64nvme: &str) -> Result<Option<Object>, Error> {
        let lost = AtomicBool::new(false);
        let complete = || async {
            let answered = self.put_together(crc64nvme).await;
            self.confirm(self.unseen(answered, &lost).await).await
        };
        self.store.retry(ATTEMPTS_UNDER_WAY, complete).await
    }

    /// The entity tag of a part can be damaged in an unprotected answer, which is noticed only at the end. If the
    /// service has as many parts and bytes as were sent, its own tags of them are used.
    async fn correct_parts(&mut self) -> bool {
        let Ok(held) = self.store.parts(&self.key, &self.upload_id).await else {
            return false;
        };
        let bytes: i64 = held.iter().filter_map(|part| part.size()).sum();
        let numbers = held.iter().map(|part| part.part_number());
        let same = numbers.eq(self.done.iter().map(|part| part.part_number()));
        if !same || u64::try_from(bytes) != Ok(self.bytes) {
            return false;
        }
        for (done, held) in self.done.iter_mut().zip(held) {
            done.e_tag = held.e_tag;
        }
        true
    }

    /// Finds out whether the object exists without looking at it, after a lost answer. The name belongs to this upload
    /// only, so an object under it is the one that it made. If the upload is gone, it may have been completed or not; a
    /// write that fails if there is an object shows which. If that write succeeds, a line of text is stored there,
    /// which is no backup either.
    async fn unseen(&self, answered: Result<(), Error>, lost: &AtomicBool) -> Result<(), Error> {
        if !self.store.writes_only() {
            return answered;
        }
        match answered {
            Err(error) if error.kind == Kind::Exists && lost.load(Ordering::Relaxed) => Ok(()),
            Err(error) if error.kind == Kind::NotFound && lost.load(Ordering::Relaxed) => {
                let body = Bytes::from_static(b"this upload was lost\n");
                match self.store.take_name_once(&self.key, &body).await {
                    Err(taken) if taken.kind == Kind::Exists => Ok(()),
                    _ => Err(error),
                }
            }
            Err(error) => {
                lost.fetch_or(error.kind.is_passing(), Ordering::Relaxed);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    async fn put_together(&self, crc64nvme: &str) -> Result<(), Error> {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(self.done.clone()))
            .build();
        loop {
            let conditional = !self.store.quirks.no_conditions.load(Ordering::Relaxed);
            let request = self
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
                .config_override(self.complete_config());
            let doing = || self.doing("complete the upload of");
            let answer = async {
                let answer = request.send().await;
                answer.map_err(|error| Error::from_sdk(doing(), &error))
            };
            match self.store.while_alive(doing, answer).await {
                Ok(output) => {
                    return self.compare_checksum(output.checksum_crc64_nvme(), crc64nvme);
                }
                Err(error) => self.store.learn(error, false, conditional)?,
            }
        }
    }

    fn complete_config(&self) -> Builder {
        let config = attempt_timeout(COMPLETE_TIMEOUT);
        if self.store.writes_only() {
            return config.retry_config(RetryConfig::disabled());
        }
        config
    }

    fn compare_checksum(&self, theirs: Option<&str>, ours: &str) -> Result<(), Error> {
        match theirs {
            Some(theirs) if self.store.checksums && theirs != ours => {
                let why = format!("the service holds bytes of checksum {theirs}, sent were {ours}");
                Err(Error::new(Kind::Mismatch, self.doing("confirm the upload of"), why))
            }
            _ => Ok(()),
        }
    }

    /// What the bucket contains, whatever the answer was: see [`MultipartUpload::put_together_and_confirm`].
    async fn confirm(&self, answered: Result<(), Error>) -> Result<Option<Object>, Error> {
        let found = match self.store.head(&self.key).await {
            Ok(found) => found,
            Err(error) if error.kind == Kind::Denied => return answered.map(|()| None),
            Err(error) => return Err(answered.err().unwrap_or(error)),
        };
        let mismatch = |why: String| Error::new(Kind::Mismatch, self.doing("confirm the upload of"), why);
        let Some(object) = found else {
            let gone = "the service said it was done, and there is no object";
            return Err(answered.err().unwrap_or_else(|| mismatch(gone.to_owned())));
        };
        match answered {
            Ok(()) if object.bytes == self.bytes => Ok(Some(object)),
            Ok(()) => Err(mismatch(format!(
                "{} bytes were sent, the service holds {}",
                self.bytes, object.bytes
            ))),
            // changed bytes are not a lost answer
            Err(error) if error.kind == Kind::Mismatch => Err(error),
            Err(_) if self.is_ours(&object).await => Ok(Some(object)),
            Err(error) => Err(error),
        }
    }

    /// Whether an object is the one that this upload would have made: by an entity tag that is computed from our own
    /// parts, or, if the tag has another form, by its length and last bytes, which are random.
    async fn is_ours(&self, object: &Object) -> bool {
        if object.bytes != self.bytes {
            return false;
        }
        let theirs = object
            .etag
            .as_deref()
            .map(|tag| tag.trim_matches('"').to_ascii_lowercase());
        if theirs.is_some() && theirs == self.etag_expected() {
            return true;
        }
        let range = self.bytes - self.tail.len() as u64..self.bytes;
        let tail = self.store.read_range(&self.key, range, object.etag.as_deref()).await;
        tail.is_ok_and(|tail| tail == self.tail)
    }

    /// S3's entity tag of a multipart object: MD5 of the parts' MD5s, a hyphen, their number. It isn't guaranteed, and
    /// KMS changes it, so it can confirm an object and never disprove it.
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

    /// Some services accept tags with the upload, answer 200 and lose them. Looks at the tags, and sets them once more.
    pub(super) async fn confirm_tags(&self) -> TagsKept {
        if self.attributes.tags.is_empty() {
            return TagsKept::Yes;
        }
        if self.store.quirks.no_tags.load(Ordering::Relaxed) {
            return TagsKept::Refused;
        }
        match self.tags_shown().await {
            // without the right to read tags, the service's answer has to be believed
            Err(error) if error.kind == Kind::Denied => TagsKept::Yes,
            Err(_) => TagsKept::Lost,
            Ok(true) => TagsKept::Yes,
            Ok(false) => {
                let again = self.store.set_tags(&self.key, &self.attributes.tags).await;
                match (again, self.tags_shown().await) {
                    (Ok(true), Ok(true)) => TagsKept::Yes,
                    // it accepts them with the upload, and has no tags
                    (Ok(false), _) => TagsKept::Refused,
                    _ => TagsKept::Lost,
                }
            }
        }
    }

    async fn tags_shown(&self) -> Result<bool, Error> {
        let shown = self.store.tags(&self.key).await?.unwrap_or_default();
        Ok(self.attributes.tags.iter().all(|tag| shown.contains(tag)))
    }
}
