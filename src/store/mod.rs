//! The place for backups: keys and bytes, and nothing of what they mean.
//!
//! [`Store`] is the one handle that is used everywhere: cheap to clone, for any place. [`Backend`] is the contract,
//! with the duties of each method; [`s3`] and [`file`] carry it out. What S3 alone has (tags, locks, lifecycle rules,
//! thawing) is reached through [`Store::s3`], or by methods here that say what another place says to it: that it has
//! none.

mod contract;
mod error;
mod file;
mod kind;
mod location;
mod misread;
mod object;
mod parts;
mod s3;
mod upload;

use std::{ops::Deref, sync::Arc};

pub use contract::{Backend, Capabilities, Completed, PartSink, Whole};
pub use error::Error;
pub use file::{Folder, FolderFacts};
pub use kind::Kind;
pub use location::{BucketLocation, Location};
pub use object::{Attributes, Claim, Object, Stored, TagsKept, Thaw, Unfinished};
pub use parts::{PARTS_MAX, PartPlan};
pub(crate) use s3::pause;
pub use s3::{
    AskedForThaw, CredentialVariables, Lifecycle, LockMode, Locked, Options, Probe, PublicAccess, S3, Speed, Versioning,
};
pub use upload::Upload;

/// How often bytes that fail their check are read, until the same come twice.
pub(crate) const LOOKS: u32 = 5;

/// A place for backups. What [`Backend`] promises is called on it directly.
#[derive(Clone)]
pub struct Store {
    location: Arc<Location>,
    backend: Arc<dyn Backend>,
    /// The same once more, for what is its alone.
    kind: Place,
}

/// Which kind of place it is.
#[derive(Clone)]
enum Place {
    S3(Arc<S3>),
    Folder(Folder),
}

impl Deref for Store {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl Store {
    /// A store at `location`. No request is made and no folder is looked at. Of S3: credentials, region and endpoint
    /// come by the AWS SDK's own chain (environment, profiles, web identity, container, instance). This is the one
    /// place of the library that looks at the environment, by the SDK's hand.
    ///
    /// # Errors
    /// [`Kind::PlainHttp`] where an endpoint is `http://` and its host is neither this machine nor among
    /// [`Options::http_hosts`]: a session token would stand in the clear, and anybody could answer in the bucket's
    /// place. [`Kind::Configuration`] where an endpoint is no URL, a file of certificates holds none, or an option asks
    /// for what a folder doesn't have.
    pub async fn connect(location: Location, options: Options) -> Result<Self, Error> {
        match location {
            Location::Bucket(bucket) => Ok(Self::of_s3(S3::connect(bucket, options).await?)),
            Location::Folder(path) => Ok(Self::of_folder(Folder::new(path, &options)?)),
        }
    }

    fn of_s3(s3: S3) -> Self {
        let s3 = Arc::new(s3);
        Self {
            location: Arc::new(Location::Bucket(s3.location().clone())),
            backend: Arc::<S3>::clone(&s3),
            kind: Place::S3(s3),
        }
    }

    fn of_folder(folder: Folder) -> Self {
        Self {
            location: Arc::new(Location::Folder(folder.path().to_owned())),
            backend: Arc::new(folder.clone()),
            kind: Place::Folder(folder),
        }
    }

    /// Where this store is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What messages call the object of this key.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        self.location.url(key)
    }

    /// The door to what is S3's alone; none where this is another kind of place.
    #[must_use]
    pub fn s3(&self) -> Option<&S3> {
        match &self.kind {
            Place::S3(s3) => Some(s3),
            Place::Folder(_) => None,
        }
    }

    /// The folder that this is; none where it is another kind of place.
    #[must_use]
    pub fn folder(&self) -> Option<&Folder> {
        match &self.kind {
            Place::Folder(folder) => Some(folder),
            Place::S3(_) => None,
        }
    }

    /// The same for whoever can't go on without S3. `doing`: what needs it, such as "show lifecycle rules"; `instead`:
    /// what does the same elsewhere.
    ///
    /// # Errors
    /// [`Kind::Configuration`] where this is another kind of place.
    pub fn s3_to(&self, doing: &str, instead: &str) -> Result<&S3, Error> {
        self.s3().ok_or_else(|| {
            let why = "that is S3's alone, and this is a folder";
            Error::new(Kind::Configuration, format!("{doing} of {}", self.location), why).with_cure(instead)
        })
    }

    /// The most parts an upload may have.
    #[must_use]
    pub fn parts_max(&self) -> u32 {
        self.capabilities().parts_max.unwrap_or(PARTS_MAX)
    }

    /// Whether it is told to write only: whatever would read, list or look is refused, before any request.
    #[must_use]
    pub fn writes_only(&self) -> bool {
        self.capabilities().write_only
    }

    /// Whether what is written here is to be locked.
    #[must_use]
    pub fn locks(&self) -> bool {
        self.capabilities().locks
    }

    /// Begins an upload of an object that must not exist yet: [`Backend::start_upload`], counted and hashed.
    ///
    /// # Errors
    /// What the place refuses.
    pub async fn begin_upload(&self, key: &str, plan: PartPlan, attributes: &Attributes) -> Result<Upload, Error> {
        let sink = self.start_upload(key, plan, attributes).await?;
        Ok(Upload::new(sink))
    }

    /// Whether an object can be read now, whatever its class says: the name of a class is AWS's, and elsewhere stands
    /// for what the operator likes. Its first byte is asked for.
    ///
    /// # Errors
    /// As [`Backend::read_range`], other than [`Kind::Cold`].
    pub async fn is_readable(&self, object: &Object) -> Result<bool, Error> {
        let first = 0..object.bytes.min(1);
        match self.read_range(&object.key, first, object.etag.as_deref()).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Kind::Cold => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether deleting leaves older versions behind; none where the place doesn't say. A folder has none.
    pub async fn is_versioned(&self) -> Option<bool> {
        match self.s3() {
            Some(s3) => s3.is_versioned().await,
            None => Some(false),
        }
    }

    /// An object's tags; none where the place has no tags.
    ///
    /// # Errors
    /// As [`S3::tags`].
    pub async fn tags(&self, key: &str) -> Result<Option<Vec<(String, String)>>, Error> {
        match self.s3() {
            Some(s3) => s3.tags(key).await,
            None => Ok(None),
        }
    }

    /// Puts `tags` in the place of an object's tags; `false` where the place has none.
    ///
    /// # Errors
    /// As [`S3::tags`].
    pub async fn set_tags(&self, key: &str, tags: &[(String, String)]) -> Result<bool, Error> {
        match self.s3() {
            Some(s3) => s3.set_tags(key, tags).await,
            None => Ok(false),
        }
    }

    /// What keeps an object from being deleted by the place itself, as far as these credentials may see: nothing where
    /// the place has no locks.
    ///
    /// # Errors
    /// As [`S3::locked`].
    pub async fn locked(&self, key: &str) -> Result<Locked, Error> {
        match self.s3() {
            Some(s3) => s3.locked(key).await,
            None => Ok(Locked::default()),
        }
    }

    /// Puts a legal hold on an object, or takes it off: nothing where the place has no locks.
    ///
    /// # Errors
    /// As [`S3::set_legal_hold`].
    pub async fn set_legal_hold(&self, key: &str, on: bool) -> Result<(), Error> {
        match self.s3() {
            Some(s3) => s3.set_legal_hold(key, on).await,
            None => Ok(()),
        }
    }

    /// Asks the place to thaw an object, for so many days. What is in no cold class needs none.
    ///
    /// # Errors
    /// As [`S3::ask_for_thaw`].
    pub async fn ask_for_thaw(&self, key: &str, days: Option<u32>, speed: Speed) -> Result<AskedForThaw, Error> {
        match self.s3() {
            Some(s3) => s3.ask_for_thaw(key, days, speed).await,
            None => Ok(AskedForThaw::Needless),
        }
    }
}
