//! Object Lock: retention and legal holds, where the bucket has them.

use std::time::SystemTime;

use s3s::dto::*;
use s3s::{S3Request, S3Result, s3_error};

use super::Shared;
use super::bucket::Object;
use super::clock::time_of;
use super::objects::{bucket, bucket_mut, find_version};
use super::receive::has_checksum;

/// What keeps a version from being removed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Lock {
    /// `GOVERNANCE` or `COMPLIANCE`, and until when.
    pub retention: Option<(String, SystemTime)>,
    /// None where it was never set.
    pub legal_hold: Option<bool>,
}

impl Lock {
    /// What the headers of a write ask for.
    pub(super) fn asked(
        shared: &Shared,
        mode: Option<ObjectLockMode>,
        until: Option<Timestamp>,
        hold: Option<ObjectLockLegalHoldStatus>,
    ) -> S3Result<Self> {
        if mode.is_none() && until.is_none() && hold.is_none() {
            return Ok(Self::default());
        }
        bucket_has_locks(shared)?;
        let retention = match (mode, until) {
            (None, None) => None,
            (Some(mode), Some(until)) => Some(retention(shared, mode.as_str(), &until)?),
            _ => {
                return Err(s3_error!(
                    InvalidArgument,
                    "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
                ));
            }
        };
        let legal_hold = hold.map(|status| is_on(&status)).transpose()?;
        Ok(Self { retention, legal_hold })
    }

    /// Whether a version must stay. Who may, and says so, passes over a retention of the mode `GOVERNANCE`.
    pub(super) fn holds(&self, now: SystemTime, bypass: bool) -> bool {
        self.legal_hold == Some(true) || self.retains(now, bypass)
    }

    fn retains(&self, now: SystemTime, bypass: bool) -> bool {
        self.retention
            .as_ref()
            .is_some_and(|(mode, until)| *until > now && !(bypass && mode == ObjectLockMode::GOVERNANCE))
    }

    /// Writes that lock need a checksum, so that nothing is locked that isn't what was sent.
    pub(super) fn check_checksum(&self, given: bool) -> S3Result<()> {
        if given || *self == Self::default() {
            return Ok(());
        }
        Err(s3_error!(
            InvalidRequest,
            "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
        ))
    }

    pub(super) fn mode(&self) -> Option<String> {
        self.retention.as_ref().map(|(mode, _)| mode.clone())
    }

    pub(super) fn until(&self) -> Option<Timestamp> {
        self.retention.as_ref().map(|(_, until)| (*until).into())
    }

    pub(super) fn hold_status(&self) -> Option<ObjectLockLegalHoldStatus> {
        let status = |on| if on { "ON" } else { "OFF" };
        self.legal_hold.map(|on| status(on).to_owned().into())
    }
}

fn bucket_has_locks(shared: &Shared) -> S3Result<()> {
    if shared.control().behaviour.object_lock {
        return Ok(());
    }
    Err(s3_error!(InvalidRequest, "Bucket is missing Object Lock Configuration"))
}

fn retention(shared: &Shared, mode: &str, until: &Timestamp) -> S3Result<(String, SystemTime)> {
    if ![ObjectLockMode::COMPLIANCE, ObjectLockMode::GOVERNANCE].contains(&mode) {
        return Err(s3_error!(InvalidArgument, "Unknown wormMode directive."));
    }
    let until = time_of(until);
    if until <= shared.clock.now() {
        return Err(s3_error!(
            InvalidArgument,
            "The retain until date must be in the future!"
        ));
    }
    Ok((mode.to_owned(), until))
}

fn is_on(status: &ObjectLockLegalHoldStatus) -> S3Result<bool> {
    match status.as_str() {
        ObjectLockLegalHoldStatus::ON => Ok(true),
        ObjectLockLegalHoldStatus::OFF => Ok(false),
        _ => Err(s3_error!(MalformedXML, "a legal hold is ON or OFF")),
    }
}

/// Changes one version's lock, if the bucket has locks and the request a checksum.
fn change<T>(
    shared: &Shared,
    request: &S3Request<T>,
    (name, key, version): (&str, &str, Option<&str>),
    how: impl FnOnce(&mut Lock) -> S3Result<()>,
) -> S3Result<()> {
    bucket_has_locks(shared)?;
    if !has_checksum(&request.headers) {
        return Err(s3_error!(
            InvalidRequest,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
        ));
    }
    let mut stores = shared.stores();
    let bucket = bucket_mut(&mut stores, name)?;
    let object = match version {
        Some(id) => bucket.version_mut(key, id),
        None => bucket.object_mut(key),
    };
    let object: &mut Object = object.ok_or_else(|| s3_error!(NoSuchKey))?;
    how(&mut object.lock)
}

pub(super) async fn put_object_legal_hold(
    shared: &Shared,
    request: S3Request<PutObjectLegalHoldInput>,
) -> S3Result<PutObjectLegalHoldOutput> {
    let input = &request.input;
    let hold = input.legal_hold.as_ref();
    let status = hold.and_then(|hold| hold.status.as_ref());
    let on = is_on(status.ok_or_else(|| s3_error!(MalformedXML, "there is no status"))?)?;
    let which = (input.bucket.as_str(), input.key.as_str(), input.version_id.as_deref());
    change(shared, &request, which, |lock| {
        lock.legal_hold = Some(on);
        Ok(())
    })?;
    Ok(PutObjectLegalHoldOutput::default())
}

pub(super) async fn put_object_retention(
    shared: &Shared,
    request: S3Request<PutObjectRetentionInput>,
) -> S3Result<PutObjectRetentionOutput> {
    let input = &request.input;
    let asked = input.retention.as_ref();
    let mode = asked.and_then(|asked| asked.mode.as_ref());
    let until = asked.and_then(|asked| asked.retain_until_date.as_ref());
    let new = match (mode, until) {
        (None, None) => None,
        (Some(mode), Some(until)) => Some(retention(shared, mode.as_str(), until)?),
        _ => return Err(s3_error!(MalformedXML, "a retention has a mode and a date")),
    };
    let which = (input.bucket.as_str(), input.key.as_str(), input.version_id.as_deref());
    let bypass = input.bypass_governance_retention == Some(true);
    let now = shared.clock.now();
    change(shared, &request, which, |lock| {
        if lock.retains(now, bypass) && weakens(lock, new.as_ref()) {
            return Err(s3_error!(
                AccessDenied,
                "Access Denied because object protected by object lock."
            ));
        }
        lock.retention = new;
        Ok(())
    })?;
    Ok(PutObjectRetentionOutput::default())
}

/// Whether the new retention ends sooner than the old, or is of the weaker mode.
fn weakens(lock: &Lock, new: Option<&(String, SystemTime)>) -> bool {
    lock.retention.as_ref().is_some_and(|(mode, until)| {
        new.is_none_or(|(new_mode, new_until)| {
            new_until < until || mode == ObjectLockMode::COMPLIANCE && new_mode != mode
        })
    })
}

fn not_locked() -> s3s::S3Error {
    s3_error!(
        NoSuchObjectLockConfiguration,
        "The specified object does not have a ObjectLock configuration"
    )
}

pub(super) async fn get_object_legal_hold(
    shared: &Shared,
    request: S3Request<GetObjectLegalHoldInput>,
) -> S3Result<GetObjectLegalHoldOutput> {
    bucket_has_locks(shared)?;
    let input = request.input;
    let object = find_version(shared, &input.bucket, &input.key, input.version_id.as_deref())?;
    let status = object.lock.hold_status().ok_or_else(not_locked)?;
    Ok(GetObjectLegalHoldOutput {
        legal_hold: Some(ObjectLockLegalHold { status: Some(status) }),
    })
}

pub(super) async fn get_object_retention(
    shared: &Shared,
    request: S3Request<GetObjectRetentionInput>,
) -> S3Result<GetObjectRetentionOutput> {
    bucket_has_locks(shared)?;
    let input = request.input;
    let object = find_version(shared, &input.bucket, &input.key, input.version_id.as_deref())?;
    let mode = object.lock.mode().ok_or_else(not_locked)?;
    Ok(GetObjectRetentionOutput {
        retention: Some(ObjectLockRetention {
            mode: Some(mode.into()),
            retain_until_date: object.lock.until(),
        }),
    })
}

pub(super) async fn get_object_lock_configuration(
    shared: &Shared,
    request: S3Request<GetObjectLockConfigurationInput>,
) -> S3Result<GetObjectLockConfigurationOutput> {
    bucket(&shared.stores(), &request.input.bucket)?;
    if !shared.control().behaviour.object_lock {
        return Err(s3_error!(
            ObjectLockConfigurationNotFoundError,
            "Object Lock configuration does not exist for this bucket"
        ));
    }
    let enabled = ObjectLockEnabled::from_static(ObjectLockEnabled::ENABLED);
    Ok(GetObjectLockConfigurationOutput {
        object_lock_configuration: Some(ObjectLockConfiguration {
            object_lock_enabled: Some(enabled),
            ..Default::default()
        }),
    })
}
