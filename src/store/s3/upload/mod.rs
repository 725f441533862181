//! Multipart uploads into the bucket.

mod confirm;
mod kept;
mod part;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumType, CompletedPart};
use tokio::{sync::oneshot, task::JoinSet, time::timeout};

use self::{kept::KeptParts, part::UploadPart};
use super::{
    Attributes, Completed, Error, Kind, PartPlan, S3, Whole, lock::date, parts::Buffers, retry::ATTEMPTS, tags::query,
};
use crate::{panics, store::contract::PartSink};

/// The number of last bytes by which an object is recognised: more than the last frame's MAC, which no other run has.
const TAIL_BYTES: usize = 4096;

/// How long a cancelled upload waits for the answer with its id.
const LATE_ANSWER: Duration = Duration::from_secs(3);

/// The upload of one object, whose parts are sent from memory as they fill.
pub(super) struct MultipartUpload {
    store: S3,
    key: String,
    upload_id: String,
    plan: PartPlan,
    attributes: Attributes,
    buffers: Buffers,
    filling: Vec<u8>,
    under_way: JoinSet<Result<CompletedPart, Error>>,
    done: Vec<CompletedPart>,
    next_number: u32,
    bytes: u64,
    sent: Arc<AtomicU64>,
    /// The last bytes so far, by which the object can be recognised.
    tail: Vec<u8>,
    /// Whether there is nothing left to abort.
    over: bool,
    /// What an earlier upload of this object has sent.
    kept: KeptParts,
    /// Whether what was sent stays for a later upload, if this one is dropped.
    keeps: bool,
}

impl MultipartUpload {
    /// Begins an upload. If the future is dropped, such as by a signal, before the answer arrives, the upload is
    /// aborted then, and [`S3::settle`] waits for that.
    pub(super) async fn begin(store: &S3, key: &str, plan: PartPlan, attributes: &Attributes) -> Result<Self, Error> {
        let (mut asked, begun) = oneshot::channel();
        let (its, name, attributes) = (store.clone(), key.to_owned(), attributes.clone());
        store.cleanup.spawn(async move {
            let begin = Self::begin_now(&its, &name, plan, &attributes);
            tokio::pin!(begin);
            tokio::select! {
                begun = &mut begin => drop(asked.send(begun)),
                () = asked.closed() => drop(timeout(LATE_ANSWER, begin).await),
            }
        });
        begun.await.unwrap_or_else(|_| {
            let doing = format!("begin the upload of {}", store.url(key));
            Err(Error::new(Kind::Other, doing, "this is a bug in pgcoffer: it panicked"))
        })
    }

    async fn begin_now(store: &S3, key: &str, plan: PartPlan, attributes: &Attributes) -> Result<Self, Error> {
        let begin = || async {
            // an upload whose answer was lost stays without parts, and costs nothing
            let upload_id = match Self::create(store, key, attributes).await {
                Ok(upload_id) => upload_id,
                Err(error) => return Err(store.about_write(error, attributes).await),
            };
            let upload = Self::new(store, key, plan, attributes, upload_id);
            upload.check_id().await?;
            Ok(upload)
        };
        store.retry(ATTEMPTS, begin).await
    }

    fn new(store: &S3, key: &str, plan: PartPlan, attributes: &Attributes, upload_id: String) -> Self {
        Self {
            store: store.clone(),
            key: key.to_owned(),
            upload_id,
            plan,
            attributes: attributes.clone(),
            buffers: Buffers::new(plan.buffers),
            filling: Vec::new(),
            under_way: JoinSet::new(),
            done: Vec::new(),
            next_number: 1,
            bytes: 0,
            sent: Arc::default(),
            tail: Vec::new(),
            over: false,
            kept: KeptParts::default(),
            keeps: false,
        }
    }

    /// Goes on with an upload that was kept, or begins one that will be kept: see [`Backend::continue_upload`].
    ///
    /// [`Backend::continue_upload`]: crate::store::Backend::continue_upload
    pub(super) async fn go_on(store: &S3, key: &str, plan: PartPlan, attributes: &Attributes) -> Result<Self, Error> {
        // the end of a lock is not known of an earlier upload; and what isn't shown can't be continued
        let listed = match store.writes_only() || attributes.locked_until.is_some() {
            true => None,
            false => store.unfinished(key).await.ok().flatten(),
        };
        let continued = match &listed {
            Some(listed) => Self::continued(store, key, plan, attributes, listed).await,
            None => None,
        };
        let mut upload = match continued {
            Some(upload) => upload,
            None => Self::begin(store, key, plan, attributes).await?,
        };
        upload.keeps = listed.is_some();
        Ok(upload)
    }

    async fn create(store: &S3, key: &str, attributes: &Attributes) -> Result<String, Error> {
        let tags = &attributes.tags;
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
                .set_object_lock_mode(store.lock_mode(attributes))
                .set_object_lock_retain_until_date(attributes.locked_until.map(date))
                .set_server_side_encryption(store.options.encryption())
                .set_ssekms_key_id(store.options.kms_key.clone())
                .set_acl(store.options.acl.clone())
                .set_checksum_algorithm(store.checksums.then_some(ChecksumAlgorithm::Crc64Nvme))
                .set_checksum_type(store.checksums.then_some(ChecksumType::FullObject))
                .send()
                .await;
            match result {
                Ok(output) => {
                    let none = || Error::new(Kind::Damaged, doing(), "the service gave no upload id");
                    let id = output.upload_id.filter(|id| !id.is_empty());
                    return id.ok_or_else(none);
                }
                Err(error) => store.learn(Error::from_sdk(doing(), &error), tagged, false)?,
            }
        }
    }

    /// Checks the id, which can be damaged over plain HTTP. Otherwise the first part would find out.
    async fn check_id(&self) -> Result<(), Error> {
        let store = &self.store;
        if store.over_tls || store.writes_only() {
            return Ok(());
        }
        let look = || async {
            let request = store.client.list_parts().max_parts(1);
            let request = request.bucket(&store.location.bucket).key(&self.key);
            let answer = request.upload_id(&self.upload_id).send().await;
            let doing = self.doing("look at the upload of");
            answer.map(drop).map_err(|e| Error::from_sdk(doing, &e))
        };
        match store.retry(ATTEMPTS, look).await {
            Err(error) if error.kind == Kind::NotFound => Err(Error {
                kind: Kind::Damaged,
                ..error
            }),
            // a write-only store can't check it
            _ => Ok(()),
        }
    }

    fn keep_tail(&mut self, bytes: &[u8]) {
        let new = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let old = TAIL_BYTES - new.len();
        self.tail.drain(..self.tail.len().saturating_sub(old));
        self.tail.extend_from_slice(new);
    }

    /// The next empty buffer. Meanwhile handles parts that were sent or failed.
    async fn next_buffer(&mut self, part_bytes: u64) -> Result<Vec<u8>, Error> {
        loop {
            tokio::select! {
                biased;
                Some(part) = self.under_way.join_next() => self.arrived(part)?,
                buffer = self.buffers.take(part_bytes) => return buffer,
            }
        }
    }

    fn arrived(&mut self, part: Result<Result<CompletedPart, Error>, tokio::task::JoinError>) -> Result<(), Error> {
        let part = part.map_err(|e| {
            let why = format!("this is a bug in pgcoffer: {}", panics::of_task(&e));
            Error::new(Kind::Other, self.doing("upload a part of"), why)
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
        if let Some(done) = i32::try_from(number)
            .ok()
            .and_then(|number| self.kept.take(number, &body))
        {
            self.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
            self.done.push(done);
            return Ok(());
        }
        let part = UploadPart {
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

    async fn finish(&mut self, crc64nvme: &str) -> Result<Completed, Error> {
        // an empty object still needs one part
        if !self.filling.is_empty() || self.next_number == 1 {
            self.send_part()?;
        }
        while let Some(part) = self.under_way.join_next().await {
            self.arrived(part)?;
        }
        self.done.sort_by_key(CompletedPart::part_number);
        let found = self.put_together_and_confirm(crc64nvme).await?;
        self.over = true;
        let tags = self.confirm_tags().await;
        Ok(Completed {
            confirmed: found.is_some(),
            etag: found.and_then(|object| object.etag),
            tags,
        })
    }

    async fn give_up(&mut self) {
        self.under_way.shutdown().await;
        if !std::mem::replace(&mut self.over, true) {
            abort(self.store.clone(), self.key.clone(), self.upload_id.clone()).await;
        }
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} {}", self.store.url(&self.key))
    }
}

#[async_trait]
impl PartSink for MultipartUpload {
    fn sent_bytes(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        self.keep_tail(bytes);
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

    async fn complete(mut self: Box<Self>, whole: &Whole) -> Result<Completed, Error> {
        let result = self.finish(&whole.crc64nvme).await;
        match &result {
            // all parts may be there, and only the last answer is missing
            Err(error) if self.keeps && error.kind.is_passing() => {}
            Err(_) => self.give_up().await,
            Ok(_) => {}
        }
        result
    }

    fn kept_bytes(&self) -> u64 {
        self.kept.first_bytes
    }

    fn discard(&mut self) {
        self.keeps = false;
    }
}

impl Drop for MultipartUpload {
    fn drop(&mut self) {
        // abort it together with the parts in progress, since a part that arrives later would be billed and invisible
        if !self.over && tokio::runtime::Handle::try_current().is_ok() {
            let mut under_way = std::mem::take(&mut self.under_way);
            if self.keeps && self.sent.load(Ordering::Relaxed) > 0 {
                self.store.cleanup.spawn(async move { under_way.shutdown().await });
                return;
            }
            let abort = abort(self.store.clone(), self.key.clone(), self.upload_id.clone());
            self.store.cleanup.spawn(async move {
                under_way.shutdown().await;
                abort.await;
            });
        }
    }
}

async fn abort(store: S3, key: String, upload_id: String) {
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
