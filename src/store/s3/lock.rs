//! Object Lock: the service itself refuses to delete an object until a date.

use aws_sdk_s3::types::{
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode as SdkMode, ObjectLockRetention,
    ObjectLockRetentionMode,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::{Attributes, Error, Kind, S3, retry::ATTEMPTS};

/// How firmly a lock holds. <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockMode {
    /// A user with the right `s3:BypassGovernanceRetention` can remove it.
    Governance,
    /// No user can remove it before its date.
    Compliance,
}

impl LockMode {
    fn sdk(self) -> SdkMode {
        match self {
            Self::Governance => SdkMode::Governance,
            Self::Compliance => SdkMode::Compliance,
        }
    }
}

/// The locks of an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Locked {
    /// The end of its lock.
    pub until: Option<Timestamp>,
    /// A legal hold, which has no end.
    pub legal_hold: bool,
}

/// A time as the SDK's type.
pub(super) fn date(time: Timestamp) -> DateTime {
    DateTime::from_secs(time.as_second())
}

/// A time from the SDK's type.
pub(super) fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

impl S3 {
    /// The mode in which an object is locked; `None` if it isn't.
    pub(super) fn lock_mode(&self, attributes: &Attributes) -> Option<SdkMode> {
        attributes.locked_until.and(self.options.lock).map(LockMode::sdk)
    }

    /// Whether objects that are written here are locked.
    #[must_use]
    pub fn locks(&self) -> bool {
        self.options.lock.is_some()
    }

    /// Adds the cause to the error of a write with a lock, if the bucket has no Object Lock.
    pub(super) async fn about_locks(&self, error: Error) -> Error {
        let may_be = [Kind::Other, Kind::Unsupported, Kind::Damaged, Kind::Denied];
        if self.options.lock.is_none() || self.writes_only() || !may_be.contains(&error.kind) {
            return error;
        }
        let what = match self.object_lock().await {
            Ok(None) => "this bucket has no Object Lock",
            Err(unknown) if unknown.kind == Kind::Unsupported => "this service has no Object Lock",
            _ => return error,
        };
        let error = Error {
            why: format!("PGCOFFER_LOCK is set, and {what}: {}", error.why),
            ..error
        };
        error.with_cure("use a bucket that has Object Lock, or unset PGCOFFER_LOCK")
    }

    /// The locks of an object, as far as these credentials may see them.
    ///
    /// # Errors
    /// [`Kind::NotFound`], or any other error of the service or the network.
    pub async fn locked(&self, key: &str) -> Result<Locked, Error> {
        self.check_may_look(|| format!("look at the lock of {}", self.url(key)))?;
        let look = || async {
            let request = self.client.head_object();
            let request = request.bucket(&self.location.bucket).key(key);
            let answer = request.send().await;
            let answer = answer.map_err(|e| Error::from_sdk(format!("look at the lock of {}", self.url(key)), &e))?;
            let until = answer.object_lock_retain_until_date();
            Ok(Locked {
                until: until.and_then(timestamp),
                legal_hold: answer.object_lock_legal_hold_status() == Some(&ObjectLockLegalHoldStatus::On),
            })
        };
        let doing = || format!("look at the lock of {}", self.url(key));
        self.ask(ATTEMPTS, look, doing).await
    }

    /// Locks an object until then, in the mode of the options. A lock can be made longer, and not shorter.
    ///
    /// # Errors
    /// [`Kind::NotFound`], [`Kind::Configuration`] if nothing is to be locked here, and any error of the service
    /// or the network, such as for a mode that is weaker than that of the present lock.
    pub async fn lock_until(&self, key: &str, until: Timestamp) -> Result<(), Error> {
        let doing = format!("lock {}", self.url(key));
        let Some(mode) = self.options.lock else {
            return Err(Error::new(Kind::Configuration, doing, "PGCOFFER_LOCK isn't set"));
        };
        let retention = ObjectLockRetention::builder()
            .mode(match mode {
                LockMode::Governance => ObjectLockRetentionMode::Governance,
                LockMode::Compliance => ObjectLockRetentionMode::Compliance,
            })
            .retain_until_date(date(until))
            .build();
        let put = || async {
            let request = self.client.put_object_retention();
            let request = request.bucket(&self.location.bucket).key(key);
            let answer = request.retention(retention.clone()).send().await;
            answer.map(drop).map_err(|e| Error::from_sdk(doing.clone(), &e))
        };
        self.retry(ATTEMPTS, put).await
    }

    /// Sets or removes the legal hold of an object.
    ///
    /// # Errors
    /// Any error of the service or the network, such as that of a bucket without Object Lock.
    pub async fn set_legal_hold(&self, key: &str, on: bool) -> Result<(), Error> {
        let status = if on {
            ObjectLockLegalHoldStatus::On
        } else {
            ObjectLockLegalHoldStatus::Off
        };
        let put = || async {
            let request = self
                .client
                .put_object_legal_hold()
                .bucket(&self.location.bucket)
                .key(key)
                .legal_hold(ObjectLockLegalHold::builder().status(status.clone()).build());
            let doing = format!("set the legal hold of {}", self.url(key));
            let answer = request.send().await;
            answer.map(drop).map_err(|e| Error::from_sdk(doing, &e))
        };
        match self.retry(ATTEMPTS, put).await {
            // an object that is gone has no hold to remove
            Err(error) if error.kind == Kind::NotFound && !on => Ok(()),
            result => result,
        }
    }
}
