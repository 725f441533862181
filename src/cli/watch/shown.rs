//! How far an operation has come, in words.

use std::time::Duration;

use pgcoffer::{
    operation::{Progress, RestoreStep, StepKind},
    text::short_size,
};
use tokio::time::Instant;

use crate::cli::styled::{cut, width};

/// How long bytes must have moved before their rate is shown, and before it says how long the rest takes.
const RATE_AFTER: Duration = Duration::from_secs(1);
const LEFT_AFTER: Duration = Duration::from_secs(3);

/// Columns of a bar in which one can still see how far it is.
const BAR_MIN: usize = 6;

/// The course of one operation: when each part of it began.
pub(super) struct Course {
    began: Instant,
    /// When the first bytes had moved, and how many.
    moving: Option<(Instant, u64)>,
    /// The bytes that were seen last, and since when there have been no more.
    still: (u64, Instant),
    all_read: Option<Instant>,
    step: Option<(RestoreStep, Instant)>,
}

/// What is shown of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// There is nothing to be seen yet.
    Nothing,
    /// Bytes move, and how many there are is known or estimated.
    Bytes {
        done: u64,
        expected: u64,
        /// Of how many tables the rows are loaded, and how many there are, if tables are counted.
        tables: Option<(u64, u64)>,
        /// Bytes a second, once that can be told.
        rate: Option<u64>,
        left: Option<Duration>,
    },
    /// Bytes move, more than was expected.
    Beyond { done: u64, rate: Option<u64> },
    /// An index or the like is made.
    Step { step: RestoreStep, since: Duration },
    /// Everything was read, and the rest has taken so long.
    Rest { since: Duration },
}

impl Course {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            moving: None,
            still: (0, now),
            all_read: None,
            step: None,
        }
    }

    /// What is to be seen now.
    pub(super) fn look(&mut self, progress: &Progress, now: Instant) -> Shown {
        let (done, expected) = (progress.done_bytes(), progress.expected_bytes());
        if self.moving.is_some_and(|(_, at)| done < at) {
            // the next of several began
            *self = Self::new(now);
        }
        if self.moving.is_none() && done > 0 {
            self.moving = Some((now, done));
        }
        if done != self.still.0 {
            self.still = (done, now);
        }
        self.follow_steps(progress, now);
        // where pg_restore needs no more of the archive, the rest of it is read all the same
        let is_read = progress.is_all_read();
        if let Some((step, began)) = self
            .step
            .as_ref()
            .filter(|(_, began)| is_read || self.still.1 <= *began)
        {
            let since = now.duration_since(*began);
            return Shown::Step {
                step: step.clone(),
                since,
            };
        }
        if let Some(began) = self.all_read {
            let since = now.duration_since(began);
            return Shown::Rest { since };
        }
        let (since, before) = self.moving.unwrap_or((self.began, 0));
        let elapsed = now.duration_since(since);
        let moved = done.saturating_sub(before);
        let rate = u64::try_from(u128::from(moved) * 1000 / elapsed.as_millis().max(1)).unwrap_or(u64::MAX);
        let known = Some(rate).filter(|_| elapsed >= RATE_AFTER);
        match (expected, done) {
            (0, 0) => Shown::Nothing,
            _ if done >= expected => Shown::Beyond { done, rate: known },
            _ => Shown::Bytes {
                done,
                expected,
                tables: progress.tables(),
                rate: known,
                left: (expected - done)
                    .checked_div(rate)
                    .filter(|_| elapsed >= LEFT_AFTER)
                    .map(|seconds| Duration::from_secs(seconds.max(1))),
            },
        }
    }

    fn follow_steps(&mut self, progress: &Progress, now: Instant) {
        if self.all_read.is_none() && progress.is_all_read() {
            self.all_read = Some(now);
        }
        let step = progress.step();
        if self.step.as_ref().map(|(known, _)| known) != step.as_ref() {
            self.step = step.map(|step| (step, now));
        }
    }
}

impl Shown {
    /// For a line on a terminal with so many columns: behind a bar, where there is a whole to be seen.
    pub(super) fn drawn(&self, columns: usize, is_utf8: bool) -> String {
        let text = self.short();
        let (full, mark) = if is_utf8 { ("█", "…") } else { ("=", "...") };
        // brackets and a blank
        let bar = columns.saturating_sub(width(&text) + 3);
        match self {
            Self::Bytes { done, expected, .. } if bar >= BAR_MIN => {
                let parts = u128::from(*done) * bar as u128 / u128::from((*expected).max(1));
                // full is what is done
                let filled = usize::try_from(parts).unwrap_or(bar).min(bar - 1);
                format!("[{}{}] {text}", full.repeat(filled), " ".repeat(bar - filled))
            }
            _ => cut(&text, columns, mark),
        }
    }

    fn short(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Bytes {
                done,
                expected,
                tables,
                rate,
                left,
            } => {
                let left = left.map_or_else(String::new, |left| format!(", {} left", length(left)));
                let tables = tables.map_or_else(String::new, |(done, of)| format!(", {done} of {of} tables"));
                format!(
                    "{} of {}{tables}{}{left}",
                    short_size(*done),
                    short_size(*expected),
                    by_second(*rate)
                )
            }
            Self::Beyond { done, rate } => format!("{} so far{}", short_size(*done), by_second(*rate)),
            Self::Step { step, since } => {
                let kind = match step.kind {
                    StepKind::Index => "index",
                    StepKind::Constraint => "constraint",
                    StepKind::View => "materialized view",
                };
                let RestoreStep { number, of, name, .. } = step;
                format!("{kind} {number} of {of}, for {}: {name}", length(*since))
            }
            Self::Rest { since } => format!("all was read; the rest has taken {}", length(*since)),
        }
    }

    /// For a line of the log.
    pub(super) fn line(&self, moved_bytes: u64) -> String {
        let text = self.short();
        match self {
            Self::Bytes { .. } | Self::Beyond { .. } => format!("{text}, bucket: {}", short_size(moved_bytes)),
            _ => text,
        }
    }
}

fn by_second(rate: Option<u64>) -> String {
    rate.map_or_else(String::new, |rate| format!(", {}/s", short_size(rate)))
}

/// A length of time in its two largest units: `59s`, `4m 12s`, `2h 5m`, `3d 4h`.
fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn bytes(done: u64, expected: u64, left: Option<u64>) -> Shown {
        Shown::Bytes {
            done,
            expected,
            tables: None,
            rate: left.map(|_| 2 * MIB),
            left: left.map(Duration::from_secs),
        }
    }

    #[test]
    fn nothing_is_full_before_it_is_done() {
        let start = Instant::now();
        let mut course = Course::new(start);
        assert_eq!(course.look(&Progress::default(), start), Shown::Nothing);
        let drawn = |shown: Shown| shown.drawn(35, true);
        assert_eq!(drawn(bytes(0, 10 * MIB, None)), "[                 ] 0 B of 10.0 MiB");
        assert_eq!(
            drawn(bytes(10 * MIB - 1, 10 * MIB, None)),
            "[███████████ ] 10.0 MiB of 10.0 MiB"
        );
        assert_eq!(
            bytes(5 * MIB, 10 * MIB, None).drawn(35, false),
            "[======      ] 5.00 MiB of 10.0 MiB"
        );
        let beyond = Shown::Beyond { done: MIB, rate: None };
        assert_eq!(drawn(beyond), "1.00 MiB so far");
        let rest = Shown::Rest { since: Duration::ZERO };
        assert_eq!(drawn(rest), "all was read; the rest has taken 0s");
        assert_eq!(bytes(MIB, 10 * MIB, None).drawn(12, true), "1.00 MiB of…");
    }

    #[test]
    fn words_fit_beside_a_bar() {
        assert_eq!(
            bytes(MIB, 10 * MIB, Some(4)).short(),
            "1.00 MiB of 10.0 MiB, 2.00 MiB/s, 4s left"
        );
        assert_eq!(bytes(MIB, 10 * MIB, None).short(), "1.00 MiB of 10.0 MiB");
        let counted = Shown::Bytes {
            done: MIB,
            expected: 10 * MIB,
            tables: Some((3, 12)),
            rate: None,
            left: None,
        };
        assert_eq!(counted.short(), "1.00 MiB of 10.0 MiB, 3 of 12 tables");
        let beyond = Shown::Beyond {
            done: MIB,
            rate: Some(0),
        };
        assert_eq!(beyond.short(), "1.00 MiB so far, 0 B/s");
        assert_eq!(
            bytes(MIB, 10 * MIB, Some(3700)).line(MIB),
            "1.00 MiB of 10.0 MiB, 2.00 MiB/s, 1h 1m left, bucket: 1.00 MiB"
        );
        let step = RestoreStep {
            kind: StepKind::Index,
            number: 3,
            of: 12,
            name: "public.items\x1b_slug".into(),
        };
        let since = Duration::from_secs(252);
        let shown = Shown::Step { step, since }.short();
        assert_eq!(shown, "index 3 of 12, for 4m 12s: public.items\\u{1b}_slug");
        let rest = Shown::Rest {
            since: Duration::from_secs(1800),
        };
        assert_eq!(rest.short(), "all was read; the rest has taken 30m 0s");
    }
}
