//! The sending of one part.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

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

use crate::store::s3::{
    Error, Kind, S3, alive::CHECK_EVERY, connect::timeouts, etag_given, retry::ATTEMPTS_UNDER_WAY, silence::Silence,
};

/// How long nothing may be sent of any part while this one has bytes left. A socket's buffer is emptied in large
/// pieces: on a slow uplink a minute can pass between two of them.
const UNSENT_MAX: Duration = Duration::from_secs(100);
/// How long the answer may take after all bytes were given to the socket, in addition to the time that the buffered
/// bytes may need.
const UNANSWERED_MAX: Duration = Duration::from_secs(40);
/// The lowest speed of a part in that time, in bytes per second, if another one shares the uplink.
const UPLINK_MIN: u64 = 32 << 10;
/// The most bytes that the socket and the network buffer.
const HELD_BACK_MAX: u64 = 16 << 20;
/// The SDK requires a time limit. A part may take any time while it moves.
const ATTEMPT_MAX: Duration = Duration::from_secs(24 * 3600);
/// The size of the pieces in which progress is observed.
const PIECE_BYTES: usize = 64 << 10;

pub(super) struct UploadPart {
    pub(super) store: S3,
    pub(super) key: String,
    pub(super) upload_id: String,
    /// From 1.
    pub(super) number: i32,
    pub(super) body: Bytes,
}

impl UploadPart {
    pub(super) async fn send(self) -> Result<CompletedPart, Error> {
        let store = &self.store;
        let stood = Mutex::new(Duration::ZERO);
        let send = || self.send_once(&stood);
        store.retry(ATTEMPTS_UNDER_WAY, send).await
    }

    /// `stood`: for how long it has not moved, in all its attempts together.
    async fn send_once(&self, stood: &Mutex<Duration>) -> Result<CompletedPart, Error> {
        let watch = Watch::new(&self.store.silence);
        let output = tokio::select! {
            sent = self.request(watch.clone()) => sent?,
            still = self.stalled(&watch) => return Err(self.given_up(still, stood)),
        };
        let doing = self.doing();
        Ok(CompletedPart::builder()
            .part_number(self.number)
            .e_tag(etag_given(output.e_tag, &doing)?)
            .set_checksum_crc64_nvme(output.checksum_crc64_nvme)
            .build())
    }

    fn doing(&self) -> String {
        let object = self.store.url(&self.key);
        format!("upload part {} of {object}", self.number)
    }

    async fn request(&self, watch: Watch) -> Result<UploadPartOutput, Error> {
        loop {
            let mut request = self.builder().customize().interceptor(watch.clone()).config_override(
                attempt_timeout(ATTEMPT_MAX).stalled_stream_protection(
                    // our own check goes by the bytes that leave this machine, not by those given to the socket: see
                    // `stalled`
                    StalledStreamProtectionConfig::enabled().upload_enabled(false).build(),
                ),
            );
            if self.store.over_tls {
                request = request.disable_payload_signing();
            }
            let error = match request.send().await {
                Ok(output) => return Ok(output),
                Err(error) => Error::from_sdk(self.doing(), &error),
            };
            if !self.store.learns_checksum(&error) {
                return Err(error);
            }
        }
    }

    /// Ends once nothing has moved for too long, or the service doesn't answer other requests either. All parts share
    /// one uplink: while one of them moves, the others count as alive.
    async fn stalled(&self, watch: &Watch) -> Duration {
        let silence = &self.store.silence;
        let mut began = Instant::now();
        loop {
            if !watch.has_begun() {
                // credentials and connections have their own time limits
                tokio::time::sleep(Duration::from_secs(1)).await;
                began = Instant::now();
                continue;
            }
            let max = match watch.has_handed_over() {
                true => UNANSWERED_MAX + drained_within(self.body.len() as u64),
                false => UNSENT_MAX,
            };
            let still = silence.unsent_since(began);
            if still >= max || (still >= UNANSWERED_MAX && !self.store.is_alive().await) {
                return silence.unsent_since(began);
            }
            tokio::time::sleep(max.saturating_sub(still).min(CHECK_EVERY)).await;
        }
    }

    /// The error of a part that doesn't move. If hours of work can be lost, it is one that is retried through an
    /// outage.
    fn given_up(&self, still: Duration, stood: &Mutex<Duration>) -> Error {
        let mut stood = stood.lock().unwrap_or_else(PoisonError::into_inner);
        *stood += still;
        let kind = match *stood < self.store.silence.budget() {
            true => Kind::Unreachable,
            false => Kind::Silent,
        };
        let why = format!("nothing has moved for {} s", still.as_secs());
        Error::new(kind, self.doing(), why)
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

/// How long bytes in the socket's buffer may need.
fn drained_within(bytes: u64) -> Duration {
    Duration::from_secs(bytes.min(HELD_BACK_MAX) / UPLINK_MIN)
}

/// Observes the sending of a part's bytes.
#[derive(Debug, Clone)]
struct Watch {
    silence: Silence,
    begun: Arc<AtomicBool>,
    handed_over: Arc<AtomicBool>,
}

impl Watch {
    fn new(silence: &Silence) -> Self {
        Self {
            silence: silence.clone(),
            begun: Arc::default(),
            handed_over: Arc::default(),
        }
    }

    fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether all bytes were given to the socket.
    fn has_handed_over(&self) -> bool {
        self.handed_over.load(Ordering::Relaxed)
    }
}

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
        let watch = self.clone();
        watch.begun.store(true, Ordering::Relaxed);
        watch.handed_over.store(false, Ordering::Relaxed);
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = whole.map_preserve_contents(move |inner| {
            SdkBody::from_body_1_x(Pieces {
                inner,
                rest: Bytes::new(),
                watch: watch.clone(),
            })
        });
        Ok(())
    }
}

/// A body in small pieces. Taking a piece counts as progress.
struct Pieces {
    inner: SdkBody,
    rest: Bytes,
    watch: Watch,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.watch.silence.sent();
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => {
                    self.watch.handed_over.store(true, Ordering::Relaxed);
                    return Poll::Ready(end);
                }
            }
        }
        let piece = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(piece);
        // a reader that knows the length may never ask for the end
        if self.rest.is_empty() && self.inner.is_end_stream() {
            self.watch.handed_over.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
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

/// A configuration with this time limit for one attempt, including its answer.
pub(super) fn attempt_timeout(limit: Duration) -> Builder {
    Config::builder().timeout_config(timeouts(limit, limit))
}
