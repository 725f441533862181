//! One part on its way.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::{
    config::{
        Builder, Config, ConfigBag, Intercept, RuntimeComponents, StalledStreamProtectionConfig,
        interceptors::BeforeTransmitInterceptorContextMut,
    },
    operation::upload_part::{UploadPartOutput, builders::UploadPartFluentBuilder},
    primitives::{ByteStream, SdkBody},
    types::{ChecksumAlgorithm, CompletedPart},
};
use aws_smithy_runtime_api::box_error::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::store::{Error, Kind, Store, etag_given, retry::ATTEMPTS_UNDER_WAY, silence::Silence};

/// How long nothing may move, of this part or of any other request: what a socket and two parts on one slow uplink hold back
/// takes two minutes at 64 KiB/s.
const STILL_MAX: Duration = Duration::from_secs(180);
/// A part that moves may take as long as it wants; the SDK asks for a bound.
const ATTEMPT_MAX: Duration = Duration::from_secs(24 * 3600);
/// How finely movement is seen.
const PIECE_BYTES: usize = 64 << 10;

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
        let store = &self.store;
        store.retry(ATTEMPTS_UNDER_WAY, || self.send_once()).await
    }

    async fn send_once(&self) -> Result<CompletedPart, Error> {
        let doing = format!(
            "upload part {} of {}",
            self.number,
            self.store.url(&self.key)
        );
        let output = tokio::select! {
            sent = self.request() => sent?,
            () = stalled(&self.store.silence) => {
                let why = format!("nothing has moved for {} s", STILL_MAX.as_secs());
                return Err(Error::new(Kind::Unreachable, doing, why));
            }
        };
        Ok(CompletedPart::builder()
            .part_number(self.number)
            .e_tag(etag_given(output.e_tag, &doing)?)
            .set_checksum_crc64_nvme(output.checksum_crc64_nvme)
            .build())
    }

    async fn request(&self) -> Result<UploadPartOutput, Error> {
        let mut request = self
            .builder()
            .customize()
            .interceptor(Watch(self.store.silence.clone()))
            .config_override(
                attempt_timeout(ATTEMPT_MAX).stalled_stream_protection(
                    // by what leaves this machine rather than by what is handed to the socket: see `stalled`
                    StalledStreamProtectionConfig::enabled()
                        .upload_enabled(false)
                        .build(),
                ),
            );
        if self.store.over_tls {
            request = request.disable_payload_signing();
        }
        request.send().await.map_err(|error| {
            let object = self.store.url(&self.key);
            Error::from_sdk(format!("upload part {} of {object}", self.number), &error)
        })
    }

    fn builder(&self) -> UploadPartFluentBuilder {
        self.store
            .client
            .upload_part()
            .bucket(&self.store.location.bucket)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .part_number(self.number)
            .set_checksum_algorithm(self.store.checksums.then_some(ChecksumAlgorithm::Crc64Nvme))
            .body(ByteStream::from(self.body.clone()))
    }
}

/// Ends once nothing has moved for too long. All parts share one uplink: while any of them moves, those that wait are not dead.
async fn stalled(silence: &Silence) {
    let began = Instant::now();
    loop {
        let still = silence.still_since(began);
        if still >= STILL_MAX {
            return;
        }
        tokio::time::sleep(STILL_MAX - still).await;
    }
}

/// Sees a part's bytes go.
#[derive(Debug)]
struct Watch(Silence);

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "Watch"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        let silence = self.0.clone();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = whole.map_preserve_contents(move |inner| {
            SdkBody::from_body_1_x(Pieces {
                inner,
                rest: Bytes::new(),
                silence: silence.clone(),
            })
        });
        Ok(())
    }
}

/// A body in small pieces, each of which is a sign of life when it is taken.
struct Pieces {
    inner: SdkBody,
    rest: Bytes,
    silence: Silence,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.silence.moved();
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.rest.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.inner.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(exact) = hint.exact() {
            hint.set_exact(exact + rest);
        }
        hint
    }
}

pub(super) fn attempt_timeout(limit: Duration) -> Builder {
    Config::builder().timeout_config(
        TimeoutConfig::builder()
            .operation_attempt_timeout(limit)
            .build(),
    )
}
