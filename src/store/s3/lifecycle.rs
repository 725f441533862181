//! The bucket's lifecycle configuration as text, since whatever this program doesn't know in it must not be lost.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut},
    },
    error::{ProvideErrorMetadata as _, SdkError},
    primitives::SdkBody,
    types::TransitionDefaultMinimumObjectSize,
};
use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::HttpResponse};
use data_encoding::BASE64;
use md5::{Digest as _, Md5};

use super::{Error, Kind, S3, retry::ATTEMPTS};

/// A bucket's lifecycle configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// The XML document, as read from the service or to be sent to it.
    pub xml: String,
    /// Which objects are too small to be moved: `all_storage_classes_128K` or `varies_by_storage_class`; `None` if the
    /// service doesn't have this setting. It is part of every PUT, since AWS sets its default without it.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
    pub minimum_size: Option<String>,
}

impl S3 {
    /// The bucket's lifecycle configuration. `None` if it has none.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] if the service has no lifecycle rules, [`Kind::Denied`] without
    /// `s3:GetLifecycleConfiguration`, or any other error of the service or the network.
    pub async fn lifecycle(&self) -> Result<Option<Lifecycle>, Error> {
        let doing = || format!("read the lifecycle rules of s3://{}", self.location.bucket);
        self.ask(ATTEMPTS, || self.lifecycle_once(), doing).await
    }

    async fn lifecycle_once(&self) -> Result<Option<Lifecycle>, Error> {
        let doing = format!("read the lifecycle rules of s3://{}", self.location.bucket);
        let body = KeptBody::default();
        let request = self.client.get_bucket_lifecycle_configuration();
        let request = request.bucket(&self.location.bucket).customize();
        match request.interceptor(body.clone()).send().await {
            Ok(output) => {
                let size = output.transition_default_minimum_object_size();
                Ok(Some(Lifecycle {
                    xml: body.text(&doing)?,
                    minimum_size: size.map(|size| size.as_str().to_owned()),
                }))
            }
            Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => Ok(None),
            Err(error) => Err(without_lifecycle(Error::from_sdk(doing, &error), &error)),
        }
    }

    /// Replaces the bucket's lifecycle configuration. S3 has no condition for this request, so the last writer wins.
    ///
    /// # Errors
    /// Any error of the service or the network. If the answer is lost, the change may have been made.
    pub async fn put_lifecycle(&self, lifecycle: &Lifecycle) -> Result<(), Error> {
        let doing = format!("write the lifecycle rules of s3://{}", self.location.bucket);
        let size = lifecycle.minimum_size.as_deref();
        let request = self
            .client
            .put_bucket_lifecycle_configuration()
            .bucket(&self.location.bucket)
            .set_transition_default_minimum_object_size(size.map(TransitionDefaultMinimumObjectSize::from))
            .customize()
            .interceptor(WrittenBody {
                xml: lifecycle.xml.clone(),
                md5: !self.checksums,
            });
        let answer = request.send().await;
        answer.map(drop).map_err(|e| Error::from_sdk(doing, &e))
    }

    /// Removes the bucket's lifecycle configuration.
    ///
    /// # Errors
    /// As [`S3::put_lifecycle`].
    pub async fn delete_lifecycle(&self) -> Result<(), Error> {
        let doing = format!("remove the lifecycle rules of s3://{}", self.location.bucket);
        let request = self.client.delete_bucket_lifecycle();
        let answer = request.bucket(&self.location.bucket).send().await;
        answer.map(drop).map_err(|e| Error::from_sdk(doing, &e))
    }
}

/// Some services treat a request for the rules as one for the bucket: they answer with a listing, or with an error that
/// S3 doesn't have here.
fn without_lifecycle<E>(error: Error, sdk: &SdkError<E, HttpResponse>) -> Error {
    let status = sdk.raw_response().map(HttpResponse::status);
    let understood = status.is_none_or(|status| !status.is_success());
    let came_whole = !matches!(sdk, SdkError::ResponseError(_));
    if understood && error.kind != Kind::NotFound || !came_whole {
        return error;
    }
    Error {
        kind: Kind::Unsupported,
        why: format!("the answer has nothing to do with lifecycle rules: {}", error.why),
        ..error
    }
}

/// Keeps the body of an answer, which the SDK would drop.
#[derive(Debug, Clone, Default)]
struct KeptBody(Arc<Mutex<Vec<u8>>>);

impl KeptBody {
    fn text(&self, doing: &str) -> Result<String, Error> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes).map_err(|e| Error::new(Kind::Unsupported, doing, e.to_string()))
    }
}

impl Intercept for KeptBody {
    fn name(&self) -> &'static str {
        "KeptBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = body.to_vec();
        Ok(())
    }
}

/// Sends this text instead of what the SDK writes from its own model.
#[derive(Debug)]
struct WrittenBody {
    xml: String,
    /// Content-MD5 of the text, which every service accepts here, instead of the SDK's checksum.
    md5: bool,
}

impl Intercept for WrittenBody {
    fn name(&self) -> &'static str {
        "WrittenBody"
    }

    // before checksums are made and the request is signed
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        *request.body_mut() = SdkBody::from(self.xml.as_str());
        let headers = request.headers_mut();
        headers.insert("content-length", self.xml.len().to_string());
        headers.insert("content-type", "application/xml");
        Ok(())
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.md5 {
            let headers = context.request_mut().headers_mut();
            headers.remove("x-amz-checksum-crc32");
            headers.remove("x-amz-sdk-checksum-algorithm");
            headers.insert("content-md5", BASE64.encode(&Md5::digest(&self.xml)));
        }
        Ok(())
    }
}
