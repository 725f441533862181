use jiff::{SignedDuration, Timestamp};

/// How far this machine's clock and the service's may differ. S3 itself refuses requests beyond that
/// (RequestTimeTooSkewed in <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>), and its SDK then
/// dates them as the service does.
pub(super) const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(15);

/// The clock by which backups are dated, fall due and expire: the system's, or one that is set apart from it, so that
/// years can be rehearsed in minutes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    ahead: SignedDuration,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// One that is so far ahead of the system's; behind it, where that is negative.
    #[must_use]
    pub fn ahead_by(ahead: SignedDuration) -> Self {
        Self { ahead }
    }

    /// What time it is.
    #[must_use]
    pub fn now(self) -> Timestamp {
        // beyond the calendar's ends there is no time to tell
        let now = Timestamp::now();
        now.checked_add(self.ahead).unwrap_or(now)
    }
}
