//! The bucket's own settings, which `check` reads and nothing changes.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    types::{BucketVersioningStatus, ObjectLockEnabled, PublicAccessBlockConfiguration},
};

use super::{Error, S3};
use crate::text::counted;

/// What keeps the public out of the bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublicAccess {
    /// All four switches of the bucket's public access block are on.
    pub blocked: bool,
    /// Whether the bucket's policy allows public access. `None` if it has no policy, or it can't be read.
    pub by_policy: Option<bool>,
}

/// Whether a bucket keeps versions of deleted and overwritten objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// It never has.
    Off,
    /// It does.
    On,
    /// It has in the past, and keeps those versions.
    Suspended,
}

impl S3 {
    fn of_bucket(&self, what: &str) -> String {
        format!("{what} of s3://{}", self.location.bucket)
    }

    /// Whether the bucket keeps versions.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn versioning(&self) -> Result<Versioning, Error> {
        let request = self.client.get_bucket_versioning();
        let answer = request.bucket(&self.location.bucket).send().await;
        let doing = || self.of_bucket("read the versioning");
        let answer = answer.map_err(|e| Error::from_sdk(doing(), &e))?;
        Ok(match answer.status() {
            Some(BucketVersioningStatus::Enabled) => Versioning::On,
            Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
            _ => Versioning::Off,
        })
    }

    /// Whether the bucket has Object Lock, and its default retention in words, if it has one.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn object_lock(&self) -> Result<Option<Option<String>>, Error> {
        let request = self.client.get_object_lock_configuration();
        let answer = match request.bucket(&self.location.bucket).send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ObjectLockConfigurationNotFoundError") => {
                return Ok(None);
            }
            Err(error) => {
                let doing = self.of_bucket("read the Object Lock configuration");
                return Err(Error::from_sdk(doing, &error));
            }
        };
        let configuration = answer.object_lock_configuration();
        let on = configuration.and_then(|c| c.object_lock_enabled()) == Some(&ObjectLockEnabled::Enabled);
        let default = configuration
            .and_then(|c| c.rule())
            .and_then(|rule| rule.default_retention());
        let words = default.map(|default| {
            let mode = default.mode().map_or("", |mode| mode.as_str()).to_ascii_lowercase();
            match (default.days(), default.years()) {
                (Some(days), _) => format!("{mode}, {}", counted(days, "day")),
                (None, Some(years)) => format!("{mode}, {}", counted(years, "year")),
                (None, None) => mode,
            }
        });
        Ok(on.then_some(words))
    }

    /// What keeps the public out of the bucket.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn public_access(&self) -> Result<PublicAccess, Error> {
        let request = self.client.get_public_access_block();
        let blocked = match request.bucket(&self.location.bucket).send().await {
            Ok(answer) => answer.public_access_block_configuration().is_some_and(all_on),
            Err(error) if error.code() == Some("NoSuchPublicAccessBlockConfiguration") => false,
            Err(error) => {
                let doing = self.of_bucket("read the public access block");
                return Err(Error::from_sdk(doing, &error));
            }
        };
        let request = self.client.get_bucket_policy_status();
        let status = request.bucket(&self.location.bucket).send().await;
        let by_policy = status.ok().and_then(|answer| answer.policy_status()?.is_public());
        Ok(PublicAccess { blocked, by_policy })
    }

    /// The bucket's default encryption: `AES256` or `aws:kms`; `None` if it has none.
    ///
    /// # Errors
    /// Any error of the service or the network.
    pub async fn default_encryption(&self) -> Result<Option<String>, Error> {
        let request = self.client.get_bucket_encryption();
        let answer = match request.bucket(&self.location.bucket).send().await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some("ServerSideEncryptionConfigurationNotFoundError") => {
                return Ok(None);
            }
            Err(error) => {
                let doing = self.of_bucket("read the default encryption");
                return Err(Error::from_sdk(doing, &error));
            }
        };
        let configuration = answer.server_side_encryption_configuration();
        let rule = configuration.and_then(|configuration| configuration.rules().first());
        let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default());
        Ok(default.map(|default| default.sse_algorithm().as_str().to_owned()))
    }
}

fn all_on(block: &PublicAccessBlockConfiguration) -> bool {
    [
        block.block_public_acls(),
        block.ignore_public_acls(),
        block.block_public_policy(),
        block.restrict_public_buckets(),
    ]
    .iter()
    .all(|switch| *switch == Some(true))
}
