//! S3 and compatible services: the SDK, credentials, endpoints, differences between services, and what no other place
//! has (tags, locks, lifecycle rules, thawing).
//!
//! Differences between services are handled here, and the caller sees them as facts. `backend.rs` implements the
//! contract; the other methods of [`S3`] are for what only S3 has.

mod account;
mod alive;
mod answer;
mod backend;
mod claim;
mod clock;
mod cold;
mod connect;
mod credentials;
mod delete;
mod endpoint;
mod error;
mod etag;
mod headers;
mod leftovers;
mod lifecycle;
mod list;
mod lock;
mod own_service;
mod parts;
mod probe;
mod proxy;
mod read;
mod retry;
mod settings;
mod silence;
mod tags;
mod upload;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aws_sdk_s3::{
    Client, config::Config, operation::put_object::builders::PutObjectFluentBuilder, primitives::ByteStream,
};
use bytes::Bytes;
use tokio_util::task::TaskTracker;

pub use cold::{AskedForThaw, Speed};
pub use connect::Options;
pub use credentials::CredentialVariables;
pub use lifecycle::Lifecycle;
pub use lock::{LockMode, Locked};
pub(in crate::store) use own_service::of_place;
pub use own_service::{OwnCredentials, OwnService};
pub use probe::Probe;
pub use settings::{PublicAccess, Versioning};

use super::{
    Attributes, BucketLocation, Claim, Completed, Error, Kind, Object, PARTS_MAX, PartPlan, TagsKept, Thaw, Unfinished,
    Whole,
};
use crate::retry::Backoff;

/// Why a write-only store refuses to look.
const WRITE_ONLY: &str = "in drop-box mode nothing is read, listed or deleted";

/// A place in a bucket.
#[derive(Clone)]
pub struct S3 {
    client: Client,
    location: BucketLocation,
    options: Options,
    checksums: bool,
    /// Whether TLS protects bodies. Over plain HTTP each body is signed instead, which needs another pass over it.
    over_tls: bool,
    /// The endpoint; `None` for AWS's own.
    endpoint: Option<Arc<endpoint::Endpoint>>,
    quirks: Arc<Quirks>,
    clock: clock::ServiceClock,
    source: credentials::CredentialsSource,
    silence: silence::Silence,
    /// The aborts of dropped uploads.
    cleanup: TaskTracker,
}

/// What the service was found not to support, so that it is tried only once.
#[derive(Default)]
struct Quirks {
    no_tags: AtomicBool,
    has_tags: AtomicBool,
    no_conditions: AtomicBool,
    no_conditional_deletes: AtomicBool,
    conditions_hold: AtomicBool,
    /// The bucket requires a checksum with each write.
    wants_md5: AtomicBool,
    /// The user was told that no answer has come so far.
    was_announced: AtomicBool,
}

impl S3 {
    /// The bucket and the prefix.
    #[must_use]
    pub fn location(&self) -> &BucketLocation {
        &self.location
    }

    /// The host of the configured endpoint; `None` for AWS's own.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.endpoint.as_ref().map(|endpoint| endpoint.host())
    }

    /// The address of the configured endpoint, by which two services are told apart; `None` for AWS's own.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.endpoint
            .as_ref()
            .map(|endpoint| endpoint.url().to_ascii_lowercase())
    }

    /// The most parts of an upload to this service.
    fn parts_max(&self) -> u32 {
        self.options.parts_max.unwrap_or(PARTS_MAX)
    }

    /// Writes an object that must not exist yet.
    ///
    /// # Errors
    /// [`Kind::Exists`] if the object exists, or any other error of the service or the network.
    pub async fn put_new(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error> {
        match self.put_attributed(key, body, attributes).await {
            Ok(kept) => Ok(kept),
            Err(error) => Err(self.about_write(error, attributes).await),
        }
    }

    /// Adds the cause to the error of a write, if it may be one of the write's attributes.
    async fn about_write(&self, error: Error, attributes: &Attributes) -> Error {
        let error = match attributes.locked_until {
            Some(_) => self.about_locks(error).await,
            None => error,
        };
        let special = self.options.special();
        let may_be = matches!(error.kind, Kind::Unsupported | Kind::Other);
        if error.cure.is_some() || special.is_empty() || !may_be {
            return error;
        }
        let names = special.join(" and ");
        error.with_cure(format!(
            "the service may not know, or not allow, what {names} asks for: correct it, or unset it"
        ))
    }

    async fn put_attributed(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error> {
        let doing = || format!("write {}", self.url(key));
        let tags = &attributes.tags;
        loop {
            let conditional = !self.quirks.no_conditions.load(Ordering::Relaxed);
            let tagged = !tags.is_empty() && !self.quirks.no_tags.load(Ordering::Relaxed);
            if !conditional && self.head(key).await?.is_some() {
                return Err(Error::new(Kind::Exists, doing(), "the object exists"));
            }
            let request = || {
                self.put_object(key, &body)
                    .set_if_none_match(conditional.then(|| "*".to_owned()))
                    .set_tagging(tagged.then(|| tags::query(tags)))
                    .set_object_lock_mode(self.lock_mode(attributes))
                    .set_object_lock_retain_until_date(attributes.locked_until.map(lock::date))
            };
            match self.send_object(request, body.len(), doing()).await {
                Ok(()) if tagged || tags.is_empty() => return Ok(TagsKept::Yes),
                Ok(()) => return Ok(TagsKept::Refused),
                Err(error) => self.learn(error, tagged, conditional)?,
            }
        }
    }

    /// Replaces the object whose entity tag is `etag`.
    ///
    /// # Errors
    /// [`Kind::Exists`] if it is another one by now, or any other error of the service or the network.
    pub async fn replace(&self, key: &str, body: Bytes, attributes: &Attributes, etag: &str) -> Result<(), Error> {
        loop {
            let conditional = !self.quirks.no_conditions.load(Ordering::Relaxed);
            let tagged = !attributes.tags.is_empty() && !self.quirks.no_tags.load(Ordering::Relaxed);
            if !conditional {
                self.check_still(key, etag).await?;
            }
            let request = || {
                self.put_object(key, &body)
                    .set_if_match(conditional.then(|| etag.to_owned()))
                    .set_tagging(tagged.then(|| tags::query(&attributes.tags)))
                    .set_object_lock_mode(self.lock_mode(attributes))
                    .set_object_lock_retain_until_date(attributes.locked_until.map(lock::date))
            };
            let doing = format!("write {}", self.url(key));
            match self.send_object(request, body.len(), doing).await {
                Ok(()) => return Ok(()),
                Err(error) => self.learn(error, tagged, conditional)?,
            }
        }
    }

    /// Looks at the object right before the write, for services without conditional writes.
    async fn check_still(&self, key: &str, etag: &str) -> Result<(), Error> {
        match self.head(key).await? {
            Some(object) if object.etag.as_deref() == Some(etag) => Ok(()),
            _ => Err(Error::new(
                Kind::Exists,
                format!("write {}", self.url(key)),
                "it is another object than the one that was looked at",
            )),
        }
    }

    fn put_object(&self, key: &str, body: &Bytes) -> PutObjectFluentBuilder {
        self.client
            .put_object()
            .bucket(&self.location.bucket)
            .key(key)
            .content_type("application/octet-stream")
            .set_server_side_encryption(self.options.encryption())
            .set_ssekms_key_id(self.options.kms_key.clone())
            .set_acl(self.options.acl.clone())
            .body(ByteStream::from(body.clone()))
    }

    async fn send_object(
        &self,
        request: impl Fn() -> PutObjectFluentBuilder,
        bytes: usize,
        doing: String,
    ) -> Result<(), Error> {
        let mut damaged = 0;
        loop {
            let mut request = request().customize();
            if self.over_tls {
                request = request.disable_payload_signing();
            }
            let options = match self.options.write_only {
                true => claim::unrepeated(),
                false => Config::builder(),
            };
            request = request.config_override(connect::sending(options, bytes));
            let send = async {
                match request.send().await {
                    Ok(output) => etag_given(output.e_tag, &doing).map(drop),
                    Err(error) => Err(Error::from_sdk(doing.clone(), &error)),
                }
            };
            let sent = match bytes <= connect::SMALL_BYTES_MAX {
                true => send.await,
                false => self.while_alive(|| doing.clone(), send).await,
            };
            match sent {
                // a damaged request may have been carried out; a write-only store interprets the answer to the next one
                Err(error) if self.learns_checksum(&error) => {}
                Err(error) if error.kind == Kind::Damaged && damaged < 3 && !self.options.write_only => {
                    damaged += 1;
                    tokio::time::sleep(Backoff::OF_REQUESTS.jittered(1)).await;
                }
                sent => return sent,
            }
        }
    }

    /// Handles an error that may mean an unsupported header: first stops sending tags, then conditions, so that the
    /// request can be repeated.
    fn learn(&self, error: Error, tagged: bool, conditional: bool) -> Result<(), Error> {
        // a write-only store can't look at the object instead, so it needs conditions
        if error.kind != Kind::Unsupported || !(tagged || conditional) || self.options.write_only {
            return Err(error);
        }
        let why = error.why.to_ascii_lowercase();
        let about_conditions = why.contains("none-match") || why.contains("if-match");
        let quirk = if tagged && !(conditional && about_conditions) {
            &self.quirks.no_tags
        } else {
            &self.quirks.no_conditions
        };
        quirk.store(true, Ordering::Relaxed);
        tracing::debug!("tags or conditional writes are given up: {error}");
        Ok(())
    }

    /// Waits until every dropped upload has been aborted. To be called before the process ends.
    pub async fn settle(&self) {
        self.cleanup.close();
        self.cleanup.wait().await;
        self.cleanup.reopen();
    }

    /// Whether it is write-only. Then every read, list or look is refused here, before any request.
    #[must_use]
    pub fn writes_only(&self) -> bool {
        self.options.write_only
    }

    /// Refuses an operation that a write-only store doesn't do.
    fn check_may_look(&self, doing: impl FnOnce() -> String) -> Result<(), Error> {
        if self.options.write_only {
            return Err(Error::new(Kind::Denied, doing(), WRITE_ONLY));
        }
        Ok(())
    }

    /// The object's name in messages: `s3://bucket/key`.
    fn url(&self, key: &str) -> String {
        self.location.url(key)
    }
}

/// The entity tag of a written object. Every service returns one, so an answer without it is damaged or from another
/// server.
fn etag_given(etag: Option<String>, doing: &str) -> Result<String, Error> {
    let none = || Error::new(Kind::Damaged, doing, "the answer bears no entity tag");
    let etag = etag.map(|etag| etag::strong(&etag));
    etag.filter(|etag| !etag.trim_matches('"').is_empty()).ok_or_else(none)
}
