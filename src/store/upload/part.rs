//! One part on its way.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::{
    config::Config,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedPart},
};
use bytes::Bytes;

use crate::store::{ATTEMPTS_UNDER_WAY, Error, Store, patiently};

/// A connection slower than this is taken for dead: 64 KiB/s.
const BYTES_PER_SECOND_MIN: u64 = 64 << 10;

pub(super) struct Part {
    pub(super) store: Store,
    pub(super) key: String,
    pub(super) upload_id: String,
    /// from 1
    pub(super) number: i32,
    pub(super) body: Bytes,
}

impl Part {
    pub(super) async fn send(self) -> Result<CompletedPart, Error> {
        patiently(ATTEMPTS_UNDER_WAY, || self.send_once()).await
    }

    async fn send_once(&self) -> Result<CompletedPart, Error> {
        let seconds = 60 + self.body.len() as u64 / BYTES_PER_SECOND_MIN;
        let mut request = self
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
            .config_override(attempt_timeout(Duration::from_secs(seconds)));
        if self.store.over_tls {
            request = request.disable_payload_signing();
        }
        let output = request.send().await.map_err(|error| {
            let object = self.store.url(&self.key);
            Error::from_sdk(format!("upload part {} of {object}", self.number), &error)
        })?;
        Ok(CompletedPart::builder()
            .part_number(self.number)
            .set_e_tag(output.e_tag)
            .set_checksum_crc64_nvme(output.checksum_crc64_nvme)
            .build())
    }
}

pub(super) fn attempt_timeout(limit: Duration) -> aws_sdk_s3::config::Builder {
    Config::builder().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(limit)
            .build(),
    )
}
