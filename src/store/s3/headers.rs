//! Headers that some buckets require in every request.

use std::sync::{Arc, atomic::Ordering};

use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::Metadata};
use data_encoding::BASE64;
use md5::{Digest as _, Md5};

use super::{Error, Kind, Quirks, S3};

/// Adds the header by which the requester pays, if that is configured.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ObjectsinRequesterPaysBuckets.html>
#[derive(Debug)]
pub(super) struct RequestPayer(pub(super) bool);

impl Intercept for RequestPayer {
    fn name(&self) -> &'static str {
        "RequestPayer"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.0 {
            let headers = context.request_mut().headers_mut();
            headers.insert("x-amz-request-payer", "requester");
        }
        Ok(())
    }
}

/// Adds Content-MD5 to every write if the bucket requires a checksum. Every service supports it.
pub(super) struct Checksums(pub(super) Arc<Quirks>);

impl std::fmt::Debug for Checksums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Checksums")
    }
}

impl Intercept for Checksums {
    fn name(&self) -> &'static str {
        "Checksums"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let name = config.load::<Metadata>().map_or("", Metadata::name);
        if !["PutObject", "UploadPart"].contains(&name) || !self.0.wants_md5.load(Ordering::Relaxed) {
            return Ok(());
        }
        let request = context.request_mut();
        if let Some(body) = request.body().bytes() {
            let md5 = BASE64.encode(&Md5::digest(body));
            request.headers_mut().insert("content-md5", md5);
        }
        Ok(())
    }
}

impl S3 {
    /// Whether an error is about a missing checksum, which is then sent from now on: a bucket that locks objects by
    /// default accepts none without one. Found by the names of the headers, which are the same in every language.
    pub(super) fn learns_checksum(&self, error: &Error) -> bool {
        let why = error.why.to_ascii_lowercase();
        let is_of_it =
            why.contains("content-md5") || why.contains("x-amz-checksum") || why.contains("missingcontentmd5");
        let is_kind = matches!(
            error.kind,
            Kind::Other | Kind::Unsupported | Kind::Damaged | Kind::Denied
        );
        let learns = is_of_it && is_kind && !self.quirks.wants_md5.swap(true, Ordering::Relaxed);
        if learns {
            tracing::debug!("a checksum goes with each write from now on: {error}");
        }
        learns
    }

    /// Whether the bucket requires a checksum with each write.
    #[must_use]
    pub fn sends_checksums(&self) -> bool {
        self.quirks.wants_md5.load(Ordering::Relaxed)
    }
}
