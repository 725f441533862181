//! One part on its way.

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
    Error, Kind, S3, alive::LOOKS_APART, connect::timeouts, etag_given, retry::ATTEMPTS_UNDER_WAY, silence::Silence,
};

/// How long nothing may leave this machine, of this part or of any other, while bytes are left to send. What a socket
/// holds back is taken from it in large pieces: on a slow uplink a minute may lie between two of them.
const UNSENT_MAX: Duration = Duration::from_secs(100);
/// The same once all is handed to the socket and the answer alone is waited for, beside the time that its bytes may
/// need.
const UNANSWERED_MAX: Duration = Duration::from_secs(40);
/// The slowest that a part may be then, in bytes a second, where another shares the uplink.
const UPLINK_MIN: u64 = 32 << 10;
/// The most that a socket, and those between, hold back.
const HELD_BACK_MAX: u64 = 16 << 20;
/// A part that moves may take as long as it wants; the SDK asks for a bound.
const ATTEMPT_MAX: Duration = Duration::from_secs(24 * 3600);
/// How finely movement is seen.
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

    /// `stood`: for how long it has stood still in all its attempts together.
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
                    // by what leaves this machine rather than by what is handed to the socket: see `stalled`
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

    /// Ends once nothing has moved for too long, or the service says nothing to others either. All parts share one
    /// uplink: while any of them moves, those that wait are not dead.
    async fn stalled(&self, watch: &Watch) -> Duration {
        let silence = &self.store.silence;
        let mut began = Instant::now();
        loop {
            if !watch.has_begun() {
                // credentials and connections have bounds of their own
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
            tokio::time::sleep(max.saturating_sub(still).min(LOOKS_APART)).await;
        }
    }

    /// Hours of work may lie behind, and then an outage is waited out.
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

/// How long bytes that are handed to a socket may need.
fn drained_within(bytes: u64) -> Duration {
    Duration::from_secs(bytes.min(HELD_BACK_MAX) / UPLINK_MIN)
}

/// Sees a part's bytes go.
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

    /// Whether the socket has taken all of it.
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

/// A body in small pieces, each of which is a sign of life when it is taken.
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
        // whoever knows the length may not ask for the end
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

/// A configuration by which one attempt, its answer included, may take that long.
pub(super) fn attempt_timeout(limit: Duration) -> Builder {
    Config::builder().timeout_config(timeouts(limit, limit))
}
