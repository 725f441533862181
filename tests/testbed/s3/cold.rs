//! Storage classes, of which some are cold: what lies there can be read once it was restored, and for so many days.

use std::time::SystemTime;

use hyper::StatusCode;
use hyper::http::Extensions;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::answer::{detailed, refusal, say_status};
use super::bucket::Object;
use super::clock::{http_date, midnight_after};
use super::objects::object_mut;
use super::{S3Server, Shared};

/// From the warmest down. Rules may move objects down only:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>.
pub(super) const WATERFALL: [&str; 7] = [
    "STANDARD",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
];

/// A copy of a cold object that can be read for a while.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restore {
    ready_at: SystemTime,
    expires_at: SystemTime,
}

/// What became of a restore by now.
enum Progress {
    Never,
    Ongoing,
    Readable { until: SystemTime },
}

impl Object {
    pub(super) fn class(&self) -> &str {
        self.attributes.storage_class.as_deref().unwrap_or("STANDARD")
    }

    /// The class as answers about one object tell it: not, where it is the standard one.
    pub(super) fn told_class(&self) -> Option<StorageClass> {
        let class = self.attributes.storage_class.clone();
        class.filter(|name| name != "STANDARD").map(Into::into)
    }

    fn is_cold(&self) -> bool {
        matches!(self.class(), "GLACIER" | "DEEP_ARCHIVE")
    }

    fn progress(&self, now: SystemTime) -> Progress {
        match self.restore.filter(|_| self.is_cold()) {
            Some(restore) if now < restore.ready_at => Progress::Ongoing,
            Some(restore) if now < restore.expires_at => Progress::Readable {
                until: restore.expires_at,
            },
            _ => Progress::Never,
        }
    }

    /// The header `x-amz-restore`.
    pub(super) fn told_restore(&self, now: SystemTime) -> Option<String> {
        match self.progress(now) {
            Progress::Never => None,
            Progress::Ongoing => Some("ongoing-request=\"true\"".to_owned()),
            Progress::Readable { until } => Some(format!(
                "ongoing-request=\"false\", expiry-date=\"{}\"",
                http_date(until)
            )),
        }
    }

    /// The same in a listing.
    pub(super) fn listed_restore(&self, now: SystemTime) -> Option<RestoreStatus> {
        let (ongoing, until) = match self.progress(now) {
            Progress::Never => return None,
            Progress::Ongoing => (true, None),
            Progress::Readable { until } => (false, Some(until.into())),
        };
        Some(RestoreStatus {
            is_restore_in_progress: Some(ongoing),
            restore_expiry_date: until,
        })
    }

    /// Whether the bytes are at hand.
    pub(super) fn check_readable(&self, now: SystemTime, extensions: &Extensions) -> S3Result<()> {
        if !self.is_cold() || matches!(self.progress(now), Progress::Readable { .. }) {
            return Ok(());
        }
        let message = "The operation is not valid for the object's storage class";
        Err(self.wrong_state(message, extensions))
    }

    fn wrong_state(&self, message: &str, extensions: &Extensions) -> S3Error {
        detailed(
            extensions,
            (403, "InvalidObjectState"),
            message,
            &[("StorageClass", self.class())],
        )
    }
}

/// The class that a writer asks for.
pub(super) fn asked_class(class: Option<StorageClass>) -> S3Result<Option<String>> {
    let Some(class) = class.as_ref().map(StorageClass::as_str) else {
        return Ok(None);
    };
    if class != StorageClass::REDUCED_REDUNDANCY && !WATERFALL.contains(&class) {
        return Err(s3_error!(
            InvalidStorageClass,
            "The storage class you specified is not valid"
        ));
    }
    Ok(Some(class.to_owned()))
}

/// Answers as <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>.
pub(super) async fn restore_object(
    shared: &Shared,
    request: S3Request<RestoreObjectInput>,
) -> S3Result<RestoreObjectOutput> {
    let (input, extensions) = (request.input, &request.extensions);
    let behaviour = shared.control().behaviour.clone();
    if behaviour.cold_is_a_name {
        return Err(refusal(405, "MethodNotAllowed"));
    }
    let (days, tier) = understand(input.restore_request)?;
    let now = shared.clock.now();
    let mut stores = shared.stores();
    let object = object_mut(&mut stores, &input.bucket, &input.key)?;
    if !object.is_cold() {
        let message = "Restore is not allowed for the object's current storage class";
        return Err(object.wrong_state(message, extensions));
    }
    let expedited = tier.as_str() == Tier::EXPEDITED;
    if expedited && object.class() == "DEEP_ARCHIVE" {
        return Err(s3_error!(
            InvalidArgument,
            "Retrieval option is not supported by this storage class"
        ));
    }
    let ready_at = match object.progress(now) {
        Progress::Ongoing => {
            return Err(s3_error!(
                RestoreAlreadyInProgress,
                "Object restore is already in progress"
            ));
        }
        // The copy stays, for so many days from now.
        Progress::Readable { .. } => now,
        Progress::Never if expedited && !behaviour.expedited_restores => {
            return Err(detailed(
                extensions,
                (503, "GlacierExpeditedRetrievalNotAvailable"),
                "Glacier expedited retrievals are currently not available, please try again later",
                &[],
            ));
        }
        Progress::Never => {
            say_status(extensions, StatusCode::ACCEPTED);
            now + behaviour.restore_takes
        }
    };
    object.restore = Some(Restore {
        ready_at,
        expires_at: midnight_after(ready_at, days),
    });
    Ok(RestoreObjectOutput::default())
}

/// The days and the tier that a client asks for.
fn understand(request: Option<RestoreRequest>) -> S3Result<(i32, Tier)> {
    let request = request.ok_or_else(|| s3_error!(MalformedXML, "a restore needs a body"))?;
    let days = request
        .days
        .ok_or_else(|| s3_error!(MalformedXML, "a restore needs days"))?;
    if days < 1 {
        return Err(s3_error!(InvalidArgument, "restoration days should be at least 1"));
    }
    let tier = request.glacier_job_parameters.map(|glacier| glacier.tier);
    let tier = tier.or(request.tier).unwrap_or(Tier::from_static(Tier::STANDARD));
    if ![Tier::BULK, Tier::EXPEDITED, Tier::STANDARD].contains(&tier.as_str()) {
        return Err(s3_error!(MalformedXML, "there is no such tier"));
    }
    Ok((days, tier))
}

impl S3Server {
    /// Puts an object into a storage class, as a rule of the customer's may do. A restored copy of it is gone.
    pub fn cool(&self, key: &str, class: &str) {
        assert!(WATERFALL.contains(&class), "{class} is no storage class");
        let mut stores = self.shared.stores();
        let object = stores.bucket_mut(self.bucket()).unwrap().object_mut(key);
        let object = object.expect("no such object");
        object.attributes.storage_class = Some(class.to_owned());
        object.restore = None;
    }
}
