//! The place for backups: keys and bytes, without their meaning.
//!
//! [`Store`] is the handle for any place. It is cheap to clone. [`Backend`] is the contract with the duties of each
//! method, which [`s3`], [`file`] and [`sftp`] implement. What only S3 has (tags, locks, lifecycle rules, thawing) is reached
//! through [`Store::s3`], or through methods here that do nothing for other places.

mod bucket_location;
mod contract;
mod error;
mod file;
mod file_name;
mod kind;
mod location;
mod misread;
mod object;
mod parts;
mod s3;
mod sftp;
mod sftp_location;
mod upload;

use std::{ops::Deref, sync::Arc};

use jiff::Timestamp;

pub use bucket_location::BucketLocation;
pub use contract::{Backend, Capabilities, Completed, PartSink, Whole};
pub use error::{Error, PlaceKind};
pub use file::{Folder, FolderFacts, Mounted};
pub use kind::{Kind, NO_BUCKET_CURE};
pub use location::Location;
pub use object::{Attributes, Claim, Object, Stored, TagsKept, Thaw, Unfinished};
pub use parts::{PARTS_MAX, PartPlan};
pub use s3::{
    AskedForThaw, CredentialVariables, Lifecycle, LockMode, Locked, Options, OwnCredentials, OwnService, Probe,
    PublicAccess, S3, Speed, Versioning,
};
pub use sftp::{HostKeys, Sftp, SftpFacts, SftpOptions, SshKeySource};
pub use sftp_location::SftpLocation;
pub use upload::Upload;

/// How often bytes that fail their check are read, until two reads agree.
pub(crate) const READS_MAX: u32 = 5;

/// A place for backups. The methods of [`Backend`] can be called on it directly.
#[derive(Clone)]
pub struct Store {
    location: Arc<Location>,
    /// How the names of its settings begin, where it is a place beside the bucket.
    settings: Option<Arc<str>>,
    backend: Arc<dyn Backend>,
    /// The same backend, for what only its kind has.
    kind: Place,
}

/// The kind of the place.
#[derive(Clone)]
enum Place {
    S3(Arc<S3>),
    Folder(Folder),
    Server(Sftp),
}

impl Deref for Store {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        &*self.backend
    }
}

impl Store {
    /// A store at `location`. Makes no request, and doesn't look at a folder. For S3, credentials, region and endpoint
    /// come from the AWS SDK's own chain (environment, profiles, web identity, container, instance). This is the only
    /// place where the library reads the environment, and the SDK does it.
    ///
    /// # Errors
    /// [`Kind::PlainHttp`] if an endpoint is `http://` and its host is neither this machine nor among
    /// [`Options::http_hosts`]: a session token would be readable, and anyone on the network could answer instead of
    /// the bucket. [`Kind::Configuration`] if an endpoint is not a URL, a file of certificates contains none, or an
    /// option requests something that a folder doesn't have.
    pub async fn connect(location: Location, options: Options) -> Result<Self, Error> {
        let settings = options.settings.as_deref().map(Arc::from);
        let of_place = |store: Self| Self { settings, ..store };
        match location {
            Location::Bucket(bucket) => Ok(of_place(Self::of_s3(S3::connect(bucket, options).await?))),
            Location::Folder(path) => Ok(of_place(Self::of_folder(Folder::new(path, &options)?))),
            // what a login takes isn't among the options of a bucket
            Location::Server(server) => Self::connect_sftp(SftpOptions::new(server)),
        }
    }

    /// A store in a folder on a server, by SFTP. Makes no request: the server is connected to when it is first used,
    /// and again whenever the connection was lost.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if the private key can't be read or opened; [`Kind::NoCredentials`] if there is nothing
    /// to log in with.
    pub fn connect_sftp(options: SftpOptions) -> Result<Self, Error> {
        let settings = Some(Arc::from(options.settings.as_str()));
        let store = Self::of_server(Sftp::new(options)?);
        Ok(Self { settings, ..store })
    }

    fn of_s3(s3: S3) -> Self {
        let s3 = Arc::new(s3);
        Self {
            location: Arc::new(Location::Bucket(s3.location().clone())),
            settings: None,
            backend: Arc::<S3>::clone(&s3),
            kind: Place::S3(s3),
        }
    }

    fn of_folder(folder: Folder) -> Self {
        Self {
            location: Arc::new(Location::Folder(folder.path().to_owned())),
            settings: None,
            backend: Arc::new(folder.clone()),
            kind: Place::Folder(folder),
        }
    }

    fn of_server(server: Sftp) -> Self {
        Self {
            location: Arc::new(Location::Server(server.location().clone())),
            settings: None,
            backend: Arc::new(server.clone()),
            kind: Place::Server(server),
        }
    }

    /// The location of this store.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The setting that names this place: `PGCOFFER_BUCKET`, or `PGCOFFER_COPY_NAS_URL`.
    #[must_use]
    pub fn setting(&self) -> String {
        match &self.settings {
            Some(settings) => format!("{settings}_URL"),
            None => "PGCOFFER_BUCKET".to_owned(),
        }
    }

    /// Whether it is a place beside the bucket.
    #[must_use]
    pub fn is_beside_bucket(&self) -> bool {
        self.settings.is_some()
    }

    /// The object's name in messages.
    #[must_use]
    pub fn url(&self, key: &str) -> String {
        self.location.url(key)
    }

    /// The S3 backend, for what only S3 has. `None` for another kind of place.
    #[must_use]
    pub fn s3(&self) -> Option<&S3> {
        match &self.kind {
            Place::S3(s3) => Some(s3),
            Place::Folder(_) | Place::Server(_) => None,
        }
    }

    /// The folder backend. `None` for another kind of place.
    #[must_use]
    pub fn folder(&self) -> Option<&Folder> {
        match &self.kind {
            Place::Folder(folder) => Some(folder),
            Place::S3(_) | Place::Server(_) => None,
        }
    }

    /// The backend of a server that is reached by SFTP. `None` for another kind of place.
    #[must_use]
    pub fn sftp(&self) -> Option<&Sftp> {
        match &self.kind {
            Place::Server(server) => Some(server),
            Place::S3(_) | Place::Folder(_) => None,
        }
    }

    /// The S3 backend, for operations that need it. `doing` names the operation, such as "show lifecycle rules";
    /// `instead` says how the user does it elsewhere.
    ///
    /// # Errors
    /// [`Kind::Configuration`] for another kind of place.
    pub fn s3_to(&self, doing: &str, instead: &str) -> Result<&S3, Error> {
        self.s3().ok_or_else(|| {
            let why = "that is S3's alone, and this is a folder";
            Error::new(Kind::Configuration, format!("{doing} of {}", self.location), why).with_cure(instead)
        })
    }

    /// Up to a thousand of the folders directly below another place of the same kind, of the same bucket or server: for a hint,
    /// since it isn't the whole list. On S3 one request, which isn't repeated.
    ///
    /// # Errors
    /// Any error of the place.
    pub async fn some_folders_at(&self, place: &Location) -> Result<Vec<String>, Error> {
        match (&self.kind, place) {
            (Place::S3(s3), Location::Bucket(_)) => s3.some_folders(&place.key("")).await,
            (Place::Folder(folder), Location::Folder(path)) => Ok(folder.some_folders_at(path).await),
            (Place::Server(server), Location::Server(other)) => server.some_folders_at(other).await,
            _ => Ok(Vec::new()),
        }
    }

    /// The most parts an upload may have.
    #[must_use]
    pub fn parts_max(&self) -> u32 {
        self.capabilities().parts_max.unwrap_or(PARTS_MAX)
    }

    /// Whether it is write-only. Then every read, list or look is refused, before any request.
    #[must_use]
    pub fn writes_only(&self) -> bool {
        self.capabilities().write_only
    }

    /// Whether an upload that was confirmed was compared byte by byte: by a checksum that the place computes, or by
    /// reading it back before it got its name.
    #[must_use]
    pub fn compares_bytes(&self) -> bool {
        self.capabilities().checksums || self.sftp().is_some()
    }

    /// Whether objects that are written here are locked.
    #[must_use]
    pub fn locks(&self) -> bool {
        self.capabilities().locks
    }

    /// Begins the upload of an object that must not exist yet. Like [`Backend::start_upload`], but the bytes are
    /// counted and hashed.
    ///
    /// # Errors
    /// Any error of the place.
    pub async fn begin_upload(&self, key: &str, plan: PartPlan, attributes: &Attributes) -> Result<Upload, Error> {
        let sink = self.start_upload(key, plan, attributes).await?;
        Ok(Upload::new(sink))
    }

    /// Goes on with the upload of an object whose bytes are always the same. Like [`Backend::continue_upload`], but the
    /// bytes are counted and hashed.
    ///
    /// # Errors
    /// Any error of the place.
    pub async fn resume_upload(&self, key: &str, plan: PartPlan, attributes: &Attributes) -> Result<Upload, Error> {
        let sink = self.continue_upload(key, plan, attributes).await?;
        Ok(Upload::new(sink))
    }

    /// Whether an object can be read now. Asks for its first byte, since the names of storage classes are AWS's, and
    /// other services give them other meanings.
    ///
    /// # Errors
    /// As [`Backend::read_range`], except [`Kind::Cold`].
    pub async fn is_readable(&self, object: &Object) -> Result<bool, Error> {
        let first = 0..object.bytes.min(1);
        match self.read_range(&object.key, first, object.etag.as_deref()).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind == Kind::Cold => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether deleting leaves older versions behind. `None` if the place doesn't say. A folder has no versions, here or on a
    /// server.
    pub async fn is_versioned(&self) -> Option<bool> {
        match self.s3() {
            Some(s3) => s3.is_versioned().await,
            None => Some(false),
        }
    }

    /// An object's tags. `None` if the place has no tags.
    ///
    /// # Errors
    /// As [`S3::tags`].
    pub async fn tags(&self, key: &str) -> Result<Option<Vec<(String, String)>>, Error> {
        match self.s3() {
            Some(s3) => s3.tags(key).await,
            None => Ok(None),
        }
    }

    /// Replaces an object's tags with `tags`. Returns `false` if the place has no tags.
    ///
    /// # Errors
    /// As [`S3::tags`].
    pub async fn set_tags(&self, key: &str, tags: &[(String, String)]) -> Result<bool, Error> {
        match self.s3() {
            Some(s3) => s3.set_tags(key, tags).await,
            None => Ok(false),
        }
    }

    /// The locks of an object, as far as these credentials may see them. Empty if the place has no locks.
    ///
    /// # Errors
    /// As [`S3::locked`].
    pub async fn locked(&self, key: &str) -> Result<Locked, Error> {
        match self.s3() {
            Some(s3) => s3.locked(key).await,
            None => Ok(Locked::default()),
        }
    }

    /// Locks an object until then. Does nothing if the place has no locks.
    ///
    /// # Errors
    /// As [`S3::lock_until`].
    pub async fn lock_until(&self, key: &str, until: Timestamp) -> Result<(), Error> {
        match self.s3() {
            Some(s3) => s3.lock_until(key, until).await,
            None => Ok(()),
        }
    }

    /// Sets or removes the legal hold of an object. Does nothing if the place has no locks.
    ///
    /// # Errors
    /// As [`S3::set_legal_hold`].
    pub async fn set_legal_hold(&self, key: &str, on: bool) -> Result<(), Error> {
        match self.s3() {
            Some(s3) => s3.set_legal_hold(key, on).await,
            None => Ok(()),
        }
    }

    /// Requests the thawing of an object, for so many days. An object that is in no cold class needs none.
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
