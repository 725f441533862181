//! The server's clock: the machine's own, set forward or back by as much as a test likes.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use jiff::fmt::rfc2822::DateTimePrinter;
use jiff::{SignedDuration, Timestamp};
use s3s::dto::TimestampFormat;

const DAY_NANOS: i128 = 86_400 * 1_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Clock {
    offset_nanos: AtomicI64,
}

impl Clock {
    pub(super) fn now(&self) -> SystemTime {
        let offset = SignedDuration::from_nanos(self.offset_nanos.load(Ordering::Relaxed));
        later(SystemTime::now(), offset)
    }

    /// How far this clock is ahead of the machine's.
    pub(super) fn set(&self, offset: SignedDuration) {
        let nanos = nanos(offset);
        self.offset_nanos.store(nanos, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, by: SignedDuration) {
        self.offset_nanos.fetch_add(nanos(by), Ordering::Relaxed);
    }
}

fn nanos(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_nanos()).expect("clocks go wrong by less than 292 years")
}

fn later(time: SystemTime, by: SignedDuration) -> SystemTime {
    if by.is_negative() {
        time - by.unsigned_abs()
    } else {
        time + by.unsigned_abs()
    }
}

/// So many days later, and then on to the next midnight in UTC, which is how S3 counts the days of rules and restored
/// copies: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>.
pub(super) fn midnight_after(time: SystemTime, days: i32) -> SystemTime {
    let nanos = timestamp(time).as_nanosecond() + i128::from(days) * DAY_NANOS;
    let midnight = -(-nanos).div_euclid(DAY_NANOS) * DAY_NANOS;
    Timestamp::from_nanosecond(midnight)
        .expect("within the range of years")
        .into()
}

/// Such as `Fri, 21 Dec 2012 00:00:00 GMT`.
pub(super) fn http_date(time: SystemTime) -> String {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&timestamp(time))
        .expect("HTTP knows the years of four digits")
}

pub(super) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).expect("within the range of years")
}

/// The time that a client wrote in XML or a header.
pub(super) fn time_of(date: &s3s::dto::Timestamp) -> SystemTime {
    let mut text = Vec::new();
    date.format(TimestampFormat::DateTime, &mut text)
        .expect("a date that was read can be written");
    let text = String::from_utf8_lossy(&text);
    let time: Timestamp = text.parse().expect("RFC 3339");
    time.into()
}
