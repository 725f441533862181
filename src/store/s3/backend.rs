//! S3's implementation of the contract.

use std::{ops::Range, sync::atomic::Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{Attributes, Claim, Error, Kind, Object, PartPlan, S3, TagsKept, Unfinished, upload::MultipartUpload};
use crate::store::{
    READS_MAX,
    contract::{Backend, Capabilities, PartSink},
};

#[async_trait]
impl Backend for S3 {
    fn capabilities(&self) -> Capabilities {
        let has = |not: &std::sync::atomic::AtomicBool| !not.load(Ordering::Relaxed);
        Capabilities {
            conditions: has(&self.quirks.no_conditions),
            tags: has(&self.quirks.no_tags),
            locks: self.options.lock.is_some(),
            lifecycle_rules: true,
            cold_classes: true,
            checksums: self.checksums,
            parts_max: Some(self.parts_max()),
            write_only: self.options.write_only,
        }
    }

    async fn check_reachable(&self) -> Result<(), Error> {
        self.check_reachable().await
    }

    async fn list(&self, folder: &str) -> Result<Vec<Object>, Error> {
        self.list(folder).await
    }

    async fn folders(&self, folder: &str) -> Result<Vec<String>, Error> {
        self.folders(folder).await
    }

    async fn holds_any(&self, folder: &str) -> Result<bool, Error> {
        self.holds_any(folder).await
    }

    async fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        self.head(key).await
    }

    async fn read(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        self.read(key, bytes_max).await
    }

    async fn read_first(&self, key: &str, bytes_max: u64) -> Result<Bytes, Error> {
        self.read_first(key, bytes_max).await
    }

    async fn read_range(&self, key: &str, range: Range<u64>, etag: Option<&str>) -> Result<Bytes, Error> {
        self.read_range(key, range, etag).await
    }

    async fn put_new(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error> {
        self.put_new(key, body, attributes).await
    }

    async fn replace(&self, key: &str, body: Bytes, attributes: &Attributes, etag: &str) -> Result<(), Error> {
        self.replace(key, body, attributes, etag).await
    }

    async fn claim(&self, key: &str, body: Bytes) -> Result<Claim, Error> {
        self.claim(key, body).await
    }

    async fn delete(&self, key: &str, etag: Option<&str>) -> Result<(), Error> {
        self.delete(key, etag).await
    }

    async fn start_upload(
        &self,
        key: &str,
        plan: PartPlan,
        attributes: &Attributes,
    ) -> Result<Box<dyn PartSink>, Error> {
        let upload = MultipartUpload::begin(self, key, plan, attributes).await?;
        Ok(Box::new(upload))
    }

    async fn continue_upload(
        &self,
        key: &str,
        plan: PartPlan,
        attributes: &Attributes,
    ) -> Result<Box<dyn PartSink>, Error> {
        let upload = MultipartUpload::go_on(self, key, plan, attributes).await?;
        Ok(Box::new(upload))
    }

    async fn unfinished(&self, folder: &str) -> Result<Option<Vec<Unfinished>>, Error> {
        self.unfinished(folder).await
    }

    async fn newest_part(&self, upload: &Unfinished) -> Result<Option<Timestamp>, Error> {
        self.newest_part(upload).await
    }

    async fn abort(&self, upload: &Unfinished) -> Result<(), Error> {
        self.abort(upload).await
    }

    fn service_time(&self) -> Option<Timestamp> {
        self.service_time()
    }

    fn inconsistent(&self, key: &str, what: &str) -> Error {
        let why = format!(
            "{what} came differently each of {READS_MAX} times: damaged on the way, which says nothing of what is stored"
        );
        Error::new(Kind::Damaged, format!("read {}", self.url(key)), why)
    }

    async fn settle(&self) {
        self.settle().await;
    }
}
