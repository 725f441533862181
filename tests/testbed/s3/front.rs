//! The server's front: connections, credentials, the clock, the log of calls, and the faults that need no look at a
//! body.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, DATE, ETAG, HeaderMap, HeaderValue};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use percent_encoding::percent_decode_str;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpError, HttpResponse, S3Error, S3ErrorCode, S3Result, s3_error};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::answer::{AnswerOverride, Replacement, detailed, refusal, refusal_saying};
use super::behaviour::{Call, Fault, Writing};
use super::clock::{http_date, timestamp};
use super::iam::Needed;
use super::operations::Storage;
use super::{ACCESS_KEY, SECRET_KEY, Shared};

/// How far a request's time may be from the server's.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// Serves until `stopped`; tells its address once it listens. Connections under way end with it.
pub(super) fn serve(shared: Arc<Shared>, port: u16, tell: &Sender<SocketAddr>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        tokio::select! {
            () = accept(listener, shared) => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

fn service(shared: Arc<Shared>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Storage {
        shared: Arc::clone(&shared),
    });
    let mut config = S3Config::default();
    // The library knows the machine's clock alone; the gate compares with the server's, where a test wants that.
    config.presigned_url_max_skew_time_secs = u32::MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_auth(Keys {
        shared: Arc::clone(&shared),
    });
    builder.set_access(Gate { shared });
    builder.build()
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let front = Front {
        service: service(Arc::clone(&shared)),
        shared,
    };
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            continue;
        };
        let _ = socket.set_nodelay(true);
        let front = front.clone();
        tokio::spawn(async move {
            let mut builder = Builder::new(TokioExecutor::new());
            // hyper would tell the machine's time wherever the server tells none.
            builder.http1().auto_date_header(false);
            builder.http2().auto_date_header(false);
            // A connection that fails is the client's to notice.
            let _ = builder.serve_connection(TokioIo::new(socket), front).await;
        });
    }
}

/// The S3 service, which may have its answers taken away.
#[derive(Clone)]
struct Front {
    service: S3Service,
    shared: Arc<Shared>,
}

impl hyper::service::Service<Request<Incoming>> for Front {
    type Response = HttpResponse;
    type Error = HttpError;
    type Future = futures_util::future::BoxFuture<'static, Result<HttpResponse, HttpError>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let answer_override = AnswerOverride::default();
        request.extensions_mut().insert(answer_override.clone());
        let answer = hyper::service::Service::call(&self.service, request);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let mut answer = answer_override.apply(answer.await)?;
            let writing = shared.control().behaviour.writing;
            let body = answer
                .body()
                .bytes()
                .filter(|body| writing != Writing::Plain && !body.is_empty());
            if let Some(Ok(xml)) = body.as_deref().map(std::str::from_utf8) {
                let xml = writing.applied_to(xml);
                answer.headers_mut().remove(CONTENT_LENGTH);
                *answer.body_mut() = s3s::Body::from(xml);
            }
            if shared.control().behaviour.weak_tags {
                weaken(answer.headers_mut());
            }
            if shared.control().behaviour.dates {
                let date = http_date(shared.clock.now());
                answer.headers_mut().insert(DATE, HeaderValue::try_from(date).unwrap());
            }
            Ok(answer)
        })
    }
}

/// Marks the entity tag as weak, as a proxy does that compresses.
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return;
    };
    let weak = HeaderValue::try_from(format!("W/{tag}")).unwrap();
    headers.insert(ETAG, weak);
}

/// Who may sign: the bucket's owner, and those with a policy.
struct Keys {
    shared: Arc<Shared>,
}

#[async_trait::async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let mut control = self.shared.control();
        if control.behaviour.withdrawn.iter().any(|key| key == access_key) {
            control.refused_keys.push(access_key.to_owned());
            return Err(s3_error!(InvalidAccessKeyId));
        }
        drop(control);
        if access_key == ACCESS_KEY {
            return Ok(SecretKey::from(SECRET_KEY));
        }
        let secret = self.shared.callers().secret(access_key);
        let secret = secret.ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        Ok(SecretKey::from(secret))
    }
}

/// Every call passes here once its signature has been checked.
struct Gate {
    shared: Arc<Shared>,
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = context.credentials() else {
            return Err(s3_error!(AccessDenied, "a signature is required"));
        };
        let access_key = credentials.access_key.clone();
        self.check_time(context)?;
        let call = describe(context);
        let may = self.shared.check_policy(&access_key, &call);
        let brings_body = matches!(call.operation.as_str(), "PutObject" | "UploadPart");
        let has_body = brings_body || call.operation == "GetObject";
        let fault = self.shared.control().admit(call);
        let answer_override = context
            .extensions_mut()
            .get::<AnswerOverride>()
            .cloned()
            .unwrap_or_default();
        match fault {
            None => return may.map_err(forbidden),
            // A client that is still sending would find its connection broken, and not read the answer.
            Some(Fault::Refuse { status, code }) if !brings_body => {
                return Err(refusal(status, code));
            }
            Some(Fault::RefuseSaying { status, code, message }) if !brings_body => {
                return Err(refusal_saying(status, code, message));
            }
            Some(Fault::LoseAnswer { status: None }) => answer_override.set(Replacement::Nothing),
            Some(Fault::LoseAnswer { status: Some(status) }) => {
                answer_override.set(Replacement::ordered(status, "InternalError"))
            }
            Some(Fault::ErrorInBody { code }) => {
                answer_override.set(Replacement::ordered(200, code));
                return Err(refusal(500, code));
            }
            Some(Fault::Say { status, body }) => {
                answer_override.set(Replacement::said(status, body));
                return Err(refusal(500, "InternalError"));
            }
            Some(Fault::Flood { status }) => {
                answer_override.set(Replacement::Flood(status));
                return Err(refusal(500, "InternalError"));
            }
            Some(Fault::Delay { millis }) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Some(Fault::Cut { .. }) if !has_body => {
                answer_override.set(Replacement::Nothing);
                return Err(refusal(500, "InternalError"));
            }
            Some(Fault::Stall { .. }) if !has_body => std::future::pending().await,
            Some(fault) => {
                context.extensions_mut().insert(fault);
            }
        }
        may.map_err(forbidden)
    }
}

/// As S3 words it for callers of the same account.
fn forbidden(needed: Needed) -> S3Error {
    let message = format!(
        "User: testbed is not authorized to perform: {} on resource: \"{}\" because no identity-based policy allows \
         the {} action",
        needed.action, needed.resource, needed.action
    );
    S3Error::with_message(S3ErrorCode::AccessDenied, message)
}

impl Gate {
    /// Refuses a request that was signed too long before or after the server's time.
    fn check_time(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if !self.shared.control().behaviour.strict_time {
            return Ok(());
        }
        let now = timestamp(self.shared.clock.now());
        let signed = signing_time(context).ok_or_else(|| s3_error!(AccessDenied, "the request bears no time"))?;
        if signed.duration_since(now).abs() <= MAX_SKEW {
            return Ok(());
        }
        Err(detailed(
            context.extensions_mut(),
            (403, "RequestTimeTooSkewed"),
            "The difference between the request time and the current time is too large.",
            &[
                ("RequestTime", &signed.strftime("%Y%m%dT%H%M%SZ").to_string()),
                ("ServerTime", &now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
                ("MaxAllowedSkewMilliseconds", &MAX_SKEW.as_millis().to_string()),
            ],
        ))
    }
}

/// When the client signed, in a header or in a presigned address.
fn signing_time(context: &S3AccessContext<'_>) -> Option<Timestamp> {
    let header = context.headers().get("x-amz-date");
    let pairs = context.uri().query().unwrap_or_default().split('&');
    let mut presigned = pairs.filter_map(|pair| pair.strip_prefix("X-Amz-Date="));
    let text = header
        .and_then(|value| value.to_str().ok())
        .or_else(|| presigned.next())?;
    let time = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn describe(context: &S3AccessContext<'_>) -> Call {
    let (bucket, key) = match context.s3_path() {
        S3Path::Root => (String::new(), String::new()),
        S3Path::Bucket { bucket } => (bucket.to_string(), String::new()),
        S3Path::Object { bucket, key } => (bucket.to_string(), key.to_string()),
    };
    let headers = context.headers().iter().filter(|(name, _)| *name != "authorization");
    let query = context.uri().query().unwrap_or_default();
    let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix="));
    Call {
        operation: context.s3_op().name().to_owned(),
        bucket,
        key,
        prefix: prefix.map(|text| percent_decode_str(text).decode_utf8_lossy().into_owned()),
        query: query.to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
    }
}
