//! One part on its way.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::{
    config::Config,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedPart},
};
use bytes::Bytes;

use crate::store::{Error, Store, pause};

/// How often a part is sent before the upload is given up, beyond the SDK's own three attempts each: with the pauses
/// between, an outage of about a minute and a half is outlived.
pub(super) const PART_ATTEMPTS: u32 = 7;
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

pub(super) fn attempt_timeout(limit: Duration) -> aws_sdk_s3::config::Builder {
    Config::builder().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(limit)
            .build(),
    )
}
