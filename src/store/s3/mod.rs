//! S3, and all that speak its language: the SDK, credentials, endpoints, what services do differently, and what no
//! other place has (tags, locks, lifecycle rules, thawing).
//!
//! What a service does otherwise is dealt with here and told to the caller as a fact. Beside the contract, which
//! `backend.rs` carries out, [`S3`] is the door to what is S3's alone.

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
mod parts;
mod probe;
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
pub use probe::Probe;
pub(crate) use retry::pause;
pub use settings::{PublicAccess, Versioning};

use super::{
    Attributes, BucketLocation, Claim, Completed, Error, Kind, Object, PARTS_MAX, PartPlan, TagsKept, Thaw, Unfinished,
    Whole,
};

/// Why a store that only writes refuses to look.
const WRITE_ONLY: &str = "in drop-box mode nothing is read, listed or deleted";

/// A place in a bucket.
#[derive(Clone)]
pub struct S3 {
    client: Client,
    location: BucketLocation,
    options: Options,
    checksums: bool,
    /// The wire guards bodies by itself; over plain http each is signed instead, which takes another pass over it.
    over_tls: bool,
    /// Where the service is, unless that is AWS's own choice.
    endpoint: Option<Arc<endpoint::Endpoint>>,
    quirks: Arc<Quirks>,
    clock: clock::ServiceClock,
    source: credentials::CredentialsSource,
    silence: silence::Silence,
    /// Aborts of uploads whose owner is gone.
    cleanup: TaskTracker,
}

/// What a service was found not to do, so that it is asked once.
#[derive(Default)]
struct Quirks {
    no_tags: AtomicBool,
    has_tags: AtomicBool,
    no_conditions: AtomicBool,
    no_conditional_deletes: AtomicBool,
    conditions_hold: AtomicBool,
    /// Nothing is taken without a checksum.
    wants_md5: AtomicBool,
}

impl S3 {
    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &BucketLocation {
        &self.location
    }

    /// The host of the endpoint that is configured; none where that is AWS's own choice.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.endpoint.as_ref().map(|endpoint| endpoint.host())
    }

    /// The most parts an upload to this service may have.
    fn parts_max(&self) -> u32 {
        self.options.parts_max.unwrap_or(PARTS_MAX)
    }

    /// Writes an object that must not exist yet.
    ///
    /// # Errors
    /// [`Kind::Exists`] where there is one, and whatever the service or the network refuses.
    pub async fn put_new(&self, key: &str, body: Bytes, attributes: &Attributes) -> Result<TagsKept, Error> {
        match self.put_attributed(key, body, attributes).await {
            Ok(kept) => Ok(kept),
            Err(error) => Err(self.about_write(error, attributes).await),
        }
    }

    /// What a write is refused for may be what was asked for beside its bytes.
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

    /// Writes an object in the place of the one whose entity tag is `etag`.
    ///
    /// # Errors
    /// [`Kind::Exists`] where it is another one by now, and whatever the service or the network refuses.
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

    /// Where the service knows no condition on writing, the object is looked at right before instead.
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
                // what came damaged may have been written: who only writes knows what to make of the next answer
                Err(error) if self.learns_checksum(&error) => {}
                Err(error) if error.kind == Kind::Damaged && damaged < 3 && !self.options.write_only => {
                    damaged += 1;
                    tokio::time::sleep(pause(1)).await;
                }
                sent => return sent,
            }
        }
    }

    /// Takes a refusal for what it may be: first tags, then conditions are given up, and the request may be repeated.
    fn learn(&self, error: Error, tagged: bool, conditional: bool) -> Result<(), Error> {
        // who may not look can't do without conditions
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

    /// Waits until every upload that was given up has been aborted; to be called before the process ends.
    pub async fn settle(&self) {
        self.cleanup.close();
        self.cleanup.wait().await;
        self.cleanup.reopen();
    }

    /// Whether it is told to write only: whatever would read, list or look is refused here, before any request.
    #[must_use]
    pub fn writes_only(&self) -> bool {
        self.options.write_only
    }

    /// Refuses what a store that only writes doesn't do.
    fn check_may_look(&self, doing: impl FnOnce() -> String) -> Result<(), Error> {
        if self.options.write_only {
            return Err(Error::new(Kind::Denied, doing(), WRITE_ONLY));
        }
        Ok(())
    }

    /// `s3://bucket/key`, as messages name it.
    fn url(&self, key: &str) -> String {
        self.location.url(key)
    }
}

/// The entity tag of what was written: every service gives one, and an answer without it is another's, or damaged.
fn etag_given(etag: Option<String>, doing: &str) -> Result<String, Error> {
    let none = || Error::new(Kind::Damaged, doing, "the answer bears no entity tag");
    let etag = etag.map(|etag| etag::strong(&etag));
    etag.filter(|etag| !etag.trim_matches('"').is_empty()).ok_or_else(none)
}
