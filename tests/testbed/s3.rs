//! An S3 server in this process that behaves like Amazon's, or misbehaves to order.
//!
//! [s3s] speaks HTTP and XML and checks signatures; what stands behind it is a few maps in memory, so that a test can
//! look into them, change them behind the client's back, and have conditional writes that are truly atomic.
//!
//! [s3s]: https://docs.rs/s3s/0.14.1/s3s/

mod answer;
mod backdoor;
mod behaviour;
mod bucket;
mod bystanders;
mod clock;
mod cold;
mod content;
mod front;
mod iam;
mod lifecycle;
mod listing;
mod lock;
mod multipart;
mod objects;
mod operations;
mod reading;
mod receive;
mod settings;
mod tagging;
mod versions;

pub use backdoor::{Stored, UnderWay};
pub use behaviour::{Behaviour, Call, ConditionalWrites, Fault, Lifecycle, Listing, Rule, Tagging, Want, Writing};
pub use bystanders::Snapshot;
pub use iam::Needed;
pub use lifecycle::{CarriedOut, LifecycleAction};
pub use versions::OldVersion;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use behaviour::Control;
use bucket::Stores;
use clock::Clock;
use iam::Callers;

const ACCESS_KEY: &str = "AKIATESTBED000000000";
const SECRET_KEY: &str = "testbed/secret+key";
const BUCKET: &str = "testbed";
const PREFIX: &str = "backups";

/// A running server with one bucket. It stops when it is dropped, and its objects go with it.
#[derive(Debug)]
pub struct S3Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What requests and the test both see.
#[derive(Debug, Default)]
struct Shared {
    stores: Mutex<Stores>,
    control: Mutex<Control>,
    callers: Mutex<Callers>,
    clock: Clock,
}

impl Shared {
    fn stores(&self) -> MutexGuard<'_, Stores> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl S3Server {
    /// Starts a server on a free port of 127.0.0.1.
    pub fn start() -> Self {
        Self::start_on(0)
    }

    /// Starts a server on this port.
    pub fn start_on(port: u16) -> Self {
        let shared = Arc::new(Shared::default());
        shared.stores().make_bucket(BUCKET);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("s3".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || front::serve(shared, port, &tell, stopped)
        });
        let address = told.recv().expect("the S3 server found no port");
        Self {
            address,
            shared,
            stop: Some(stop),
            thread: Some(thread.unwrap()),
        }
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// The prefix that [`env`](Self::env) tells the agent to work below.
    pub fn prefix(&self) -> &'static str {
        PREFIX
    }

    /// The access key and the secret key.
    pub fn credentials(&self) -> (&'static str, &'static str) {
        (ACCESS_KEY, SECRET_KEY)
    }

    /// What a child process needs to work in the bucket.
    pub fn env(&self) -> Vec<(String, String)> {
        environment(&self.endpoint(), ACCESS_KEY, SECRET_KEY, BUCKET, PREFIX)
    }

    /// An SDK client with the right credentials.
    pub fn client(&self) -> aws_sdk_s3::Client {
        client(&self.endpoint(), ACCESS_KEY, SECRET_KEY)
    }

    /// Changes how the server behaves from now on.
    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared.control().behaviour);
    }

    /// Sets the server's clock ahead of the machine's by so much, or back where it is negative. Requests are taken
    /// whatever their time is, unless [`Behaviour::strict_time`] is ordered.
    pub fn set_clock(&self, offset: SignedDuration) {
        self.shared.clock.set(offset);
    }

    /// Lets so much time pass by the server's clock: a [`Duration`](std::time::Duration), or a jiff one, which may be
    /// negative.
    pub fn advance(&self, by: impl TryInto<SignedDuration, Error: std::fmt::Debug>) {
        let by = by.try_into().expect("shorter than jiff's longest duration");
        self.shared.clock.advance(by);
    }

    /// The time by the server's clock.
    pub fn now(&self) -> Timestamp {
        clock::timestamp(self.shared.clock.now())
    }

    /// Lets the calls that a rule matches go wrong.
    pub fn inject(&self, rule: Rule, fault: Fault) {
        self.shared.control().rules.push((rule, fault));
    }

    /// Forgets all faults not yet used up.
    pub fn heal(&self) {
        self.shared.control().rules.clear();
    }

    /// Every call with valid credentials since the start, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.control().calls.clone()
    }

    /// Whether a key that was withdrawn has been used.
    pub fn was_refused(&self, access_key: &str) -> bool {
        let control = self.shared.control();
        control.refused_keys.iter().any(|key| key == access_key)
    }

    /// How many calls of this operation came, such as `UploadPart`.
    pub fn count(&self, operation: &str) -> usize {
        self.shared
            .control()
            .calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The variables that point a child process at a bucket.
pub(super) fn environment(
    endpoint: &str,
    access_key: &str,
    secret_key: &str,
    bucket: &str,
    prefix: &str,
) -> Vec<(String, String)> {
    [
        ("AWS_ENDPOINT_URL_S3", endpoint),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", access_key),
        ("AWS_SECRET_ACCESS_KEY", secret_key),
        ("PGCOFFER_S3_PATH_STYLE", "true"),
        ("PGCOFFER_BUCKET", &format!("s3://{bucket}/{prefix}")),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// An SDK client for a server on this machine.
pub fn client(endpoint: &str, access_key: &str, secret_key: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .credentials_provider(Credentials::new(access_key, secret_key, None, None, "testbed"))
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
