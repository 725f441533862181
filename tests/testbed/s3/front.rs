//! The server's front: connections, credentials, the log of calls, and the faults that need no look at a body.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::path::S3Path;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{HttpError, HttpResponse, S3Error, S3ErrorCode, S3Result, s3_error};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::behaviour::{Call, Fault};
use super::operations::Storage;
use super::{ACCESS_KEY, SECRET_KEY, Shared};

/// Serves until `stopped`; tells its address once it listens. Connections under way end with it.
pub(super) fn serve(
    shared: Arc<Shared>,
    port: u16,
    tell: &Sender<SocketAddr>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        tell.send(listener.local_addr().unwrap()).unwrap();
        tokio::select! {
            () = accept(listener, service(shared)) => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

fn service(shared: Arc<Shared>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(Storage {
        shared: Arc::clone(&shared),
    });
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    builder.set_access(Gate { shared });
    builder.build()
}

async fn accept(listener: TcpListener, service: S3Service) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            continue;
        };
        let _ = socket.set_nodelay(true);
        let front = Front {
            service: service.clone(),
        };
        tokio::spawn(async move {
            // A connection that fails is the client's to notice.
            let _ = Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(socket), front)
                .await;
        });
    }
}

/// What is to become of an answer; set while the call is worked on, read when it is done.
#[derive(Debug, Clone, Default)]
pub(super) struct Fate(Arc<Mutex<Option<Lost>>>);

#[derive(Debug, Clone, Copy)]
pub(super) enum Lost {
    /// The connection is cut without an answer.
    Cut,
    /// This status takes the answer's place.
    Replaced { status: u16, code: &'static str },
}

impl Fate {
    pub(super) fn lose(&self, lost: Lost) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(lost);
    }

    fn take(&self) -> Option<Lost> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The S3 service, which may have its answers taken away.
#[derive(Clone)]
struct Front {
    service: S3Service,
}

impl hyper::service::Service<Request<Incoming>> for Front {
    type Response = HttpResponse;
    type Error = HttpError;
    type Future = futures_util::future::BoxFuture<'static, Result<HttpResponse, HttpError>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let fate = Fate::default();
        request.extensions_mut().insert(fate.clone());
        let answer = hyper::service::Service::call(&self.service, request);
        Box::pin(async move {
            let answer = answer.await;
            match fate.take() {
                None => answer,
                Some(Lost::Cut) => Err(HttpError::new("cut by the test".into())),
                Some(Lost::Replaced { status, code }) => Ok(error_answer(status, code)),
            }
        })
    }
}

fn error_answer(status: u16, code: &str) -> HttpResponse {
    let body = format!(
        "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>ordered by the test</Message></Error>"
    );
    let mut answer = HttpResponse::new(s3s::Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}

/// Every call passes here once its signature has been checked.
struct Gate {
    shared: Arc<Shared>,
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "a signature is required"));
        }
        let call = describe(context);
        let brings_body = matches!(call.operation.as_str(), "PutObject" | "UploadPart");
        let has_body = brings_body || call.operation == "GetObject";
        let fault = self.shared.control().admit(call);
        let fate = context
            .extensions_mut()
            .get::<Fate>()
            .cloned()
            .unwrap_or_default();
        match fault {
            None => {}
            // A client that is still sending would find its connection broken, and not read the answer.
            Some(Fault::Refuse { status, code }) if !brings_body => {
                return Err(refusal(status, code));
            }
            Some(Fault::LoseAnswer { status: None }) => fate.lose(Lost::Cut),
            Some(Fault::LoseAnswer {
                status: Some(status),
            }) => {
                fate.lose(Lost::Replaced {
                    status,
                    code: "InternalError",
                });
            }
            Some(Fault::ErrorInBody { code }) => {
                fate.lose(Lost::Replaced { status: 200, code });
                return Err(refusal(500, code));
            }
            Some(Fault::Delay { millis }) => {
                tokio::time::sleep(Duration::from_millis(millis)).await
            }
            Some(Fault::Cut { .. }) if !has_body => {
                fate.lose(Lost::Cut);
                return Err(refusal(500, "InternalError"));
            }
            Some(Fault::Stall { .. }) if !has_body => std::future::pending().await,
            Some(fault) => {
                context.extensions_mut().insert(fault);
            }
        }
        Ok(())
    }
}

pub(super) fn refusal(status: u16, code: &str) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap();
    let mut error = S3Error::with_message(code, "ordered by the test");
    error.set_status_code(StatusCode::from_u16(status).unwrap());
    error
}

fn describe(context: &S3AccessContext<'_>) -> Call {
    let (bucket, key) = match context.s3_path() {
        S3Path::Root => (String::new(), String::new()),
        S3Path::Bucket { bucket } => (bucket.to_string(), String::new()),
        S3Path::Object { bucket, key } => (bucket.to_string(), key.to_string()),
    };
    let headers = context
        .headers()
        .iter()
        .filter(|(name, _)| *name != "authorization");
    Call {
        operation: context.s3_op().name().to_owned(),
        bucket,
        key,
        query: context.uri().query().unwrap_or_default().to_owned(),
        headers: headers
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
    }
}
