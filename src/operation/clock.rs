use jiff::{SignedDuration, Timestamp};

/// The largest difference between this machine's clock and the service's. S3 refuses requests beyond that
/// (RequestTimeTooSkewed in <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>), and then the SDK
/// dates them by the service's clock.
pub(super) const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(15);

/// The clock by which backups are dated, become due and expire.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    /// How far it is ahead of the system's clock. Zero, except in rehearsals of other times.
    pub ahead: SignedDuration,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// The current time.
    #[must_use]
    pub fn now(self) -> Timestamp {
        // beyond the calendar's ends there is no time to tell
        let now = Timestamp::now();
        now.checked_add(self.ahead).unwrap_or(now)
    }
}
