//! Objects in cold storage: whether they can be read, and requests to thaw them.

use aws_sdk_s3::{
    error::{ProvideErrorMetadata as _, SdkError},
    operation::head_object::HeadObjectOutput,
    types::{GlacierJobParameters, RestoreRequest, Tier},
};
use jiff::{Timestamp, fmt::rfc2822};

use super::{Error, S3, Thaw, retry::ATTEMPTS};

/// How fast an object is thawed. Faster costs more.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// Minutes. Not available from the deepest archive.
    Expedited,
    /// Hours.
    Standard,
    /// The cheapest and slowest.
    Bulk,
}

/// The result of a request to thaw an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedForThaw {
    /// It was accepted: thawing begins, or an object that is thawed already stays so for the given days from now.
    Taken,
    /// The object is already being thawed.
    UnderWay,
    /// The object isn't cold.
    Needless,
    /// The service has no capacity for this speed at the moment.
    NoCapacity,
}

impl Speed {
    /// Its name in messages and options.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expedited => "expedited",
            Self::Standard => "standard",
            Self::Bulk => "bulk",
        }
    }

    fn tier(self) -> Tier {
        match self {
            Self::Expedited => Tier::Expedited,
            Self::Standard => Tier::Standard,
            Self::Bulk => Tier::Bulk,
        }
    }
}

impl Thaw {
    /// The state according to the answer to HEAD.
    pub(super) fn of(head: &HeadObjectOutput) -> Self {
        let class = head.storage_class().map(|class| class.as_str());
        let tier = head.archive_status().map(|tier| tier.as_str());
        Self::told(class, tier, head.restore())
    }

    /// The state according to a listing, which doesn't show whether an object was thawed.
    pub(super) fn of_class(class: Option<&str>) -> Self {
        Self::told(class, None, None)
    }

    fn told(class: Option<&str>, archive_tier: Option<&str>, restore: Option<&str>) -> Self {
        let frozen = matches!(class, Some("GLACIER" | "DEEP_ARCHIVE"));
        if !frozen && archive_tier.is_none() {
            return Self::Warm;
        }
        match restore.and_then(|text| quoted(text, "ongoing-request")) {
            Some("true") => Self::UnderWay,
            // an object of INTELLIGENT_TIERING leaves its archive tier for good, and then has no such tier
            Some("false") if frozen => Self::Thawed {
                until: restore.and_then(|text| quoted(text, "expiry-date")).and_then(date),
            },
            _ => Self::Cold,
        }
    }
}

/// The value of `name="value"`. Values are dates that contain commas, so commas are no separators.
fn quoted<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

impl S3 {
    /// Requests the thawing of an object for so many days, or without a number of days if the object's class doesn't
    /// have one.
    ///
    /// # Errors
    /// [`Kind::Denied`] without `s3:RestoreObject`, or any other error of the service or the network.
    pub async fn ask_for_thaw(&self, key: &str, days: Option<u32>, speed: Speed) -> Result<AskedForThaw, Error> {
        self.retry(ATTEMPTS, || self.ask_once(key, days, speed)).await
    }

    async fn ask_once(&self, key: &str, days: Option<u32>, speed: Speed) -> Result<AskedForThaw, Error> {
        let doing = format!("ask for the thawing of {}", self.url(key));
        let request = RestoreRequest::builder().set_days(days.and_then(|n| i32::try_from(n).ok()));
        let job = GlacierJobParameters::builder().tier(speed.tier()).build();
        let job = job.expect("the one field that it must have is set");
        let asked = self
            .client
            .restore_object()
            .bucket(&self.location.bucket)
            .key(key)
            .restore_request(request.glacier_job_parameters(job).build());
        match asked.send().await {
            Ok(_) => Ok(AskedForThaw::Taken),
            Err(error) => taken_all_the_same(&error).ok_or_else(|| Error::from_sdk(doing, &error)),
        }
    }
}

/// Errors that answer the request. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html>
fn taken_all_the_same<E>(error: &SdkError<E>) -> Option<AskedForThaw>
where
    SdkError<E>: aws_sdk_s3::error::ProvideErrorMetadata,
{
    match error.code()? {
        "RestoreAlreadyInProgress" => Some(AskedForThaw::UnderWay),
        "InvalidObjectState" | "ObjectAlreadyInActiveTierError" => Some(AskedForThaw::Needless),
        "GlacierExpeditedRetrievalNotAvailable" => Some(AskedForThaw::NoCapacity),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_told_by_class_tier_and_header() {
        let until = Some("2012-12-21T00:00:00Z".parse().unwrap());
        let thawed = "ongoing-request=\"false\", expiry-date=\"Fri, 21 Dec 2012 00:00:00 GMT\"";
        let ongoing = Some("ongoing-request=\"true\"");
        for (class, tier, restore, state) in [
            (None, None, None, Thaw::Warm),
            (Some("GLACIER_IR"), None, None, Thaw::Warm),
            (Some("STANDARD"), None, Some(thawed), Thaw::Warm),
            (Some("GLACIER"), None, None, Thaw::Cold),
            (Some("DEEP_ARCHIVE"), None, ongoing, Thaw::UnderWay),
            (Some("GLACIER"), None, Some(thawed), Thaw::Thawed { until }),
            (
                Some("GLACIER"),
                None,
                Some("ongoing-request=\"false\""),
                Thaw::Thawed { until: None },
            ),
            (Some("GLACIER"), None, Some("ongoing-request=true"), Thaw::Cold),
            (Some("INTELLIGENT_TIERING"), None, None, Thaw::Warm),
            (Some("INTELLIGENT_TIERING"), Some("ARCHIVE_ACCESS"), None, Thaw::Cold),
            (
                Some("INTELLIGENT_TIERING"),
                Some("DEEP_ARCHIVE_ACCESS"),
                ongoing,
                Thaw::UnderWay,
            ),
        ] {
            assert_eq!(
                Thaw::told(class, tier, restore),
                state,
                "{class:?} {tier:?} {restore:?}"
            );
        }
    }
}
