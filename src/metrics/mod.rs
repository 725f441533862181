//! Metrics for a monitoring system: numbers about every database, in OpenMetrics or in Prometheus' older text format.
//!
//! Names end in base units and have the prefix `pgcoffer_`: <https://prometheus.io/docs/practices/naming/>. All values
//! come from the last survey of the bucket, so rendering makes no request. `docs/monitoring.md` has the table.

mod classic;
mod file;
mod monitor;
mod sheet;

use jiff::Timestamp;

use crate::{backup::Label, operation::Health};

pub use file::write_textfile;
pub use monitor::{Monitor, Observation};
use sheet::MetricsSheet;

/// The media type of [`Snapshot::open_metrics`]:
/// <https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure>
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The media type of [`Snapshot::classic`]:
/// <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format>
pub const CLASSIC: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All values at one time.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The databases.
    pub databases: Vec<DatabaseMetrics>,
    /// The rounds of `serve`; `None` in the file that other commands write.
    pub rounds: Option<Rounds>,
}

/// The values of one database.
#[derive(Debug, Clone)]
pub struct DatabaseMetrics {
    /// The database.
    pub database: Label,
    /// The health by the last successful survey; `None` before the first.
    pub health: Option<Health>,
    /// Whether the last survey succeeded.
    pub look_succeeded: bool,
    /// Whether these credentials may read: in drop-box mode they may not, and that is no failure.
    pub may_look: bool,
}

/// The rounds of `serve`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rounds {
    /// When `serve` began.
    pub serving_since: Option<Timestamp>,
    /// The number of rounds that have ended.
    pub ended: u64,
    /// The number of rounds in which something failed.
    pub failed: u64,
    /// The end of the last round.
    pub last: Option<Timestamp>,
    /// When the next round begins.
    pub next: Option<Timestamp>,
    /// Whether a round is in progress.
    pub running: bool,
}

impl Snapshot {
    /// The answer to a scrape at `now`, in OpenMetrics.
    #[must_use]
    pub fn open_metrics(&self, now: Timestamp) -> String {
        let mut sheet = MetricsSheet::default();
        self.fill(&mut sheet);
        self.fill_ages(&mut sheet, now);
        sheet.open_metrics()
    }

    /// The answer in Prometheus' older format, for tools that don't support OpenMetrics.
    #[must_use]
    pub fn classic(&self, now: Timestamp) -> String {
        classic::classic(&self.open_metrics(now))
    }

    /// The text for a file, without ages, which would not change between two writes.
    #[must_use]
    pub fn textfile(&self) -> String {
        let mut sheet = MetricsSheet::default();
        self.fill(&mut sheet);
        classic::classic(&sheet.open_metrics())
    }

    fn fill(&self, sheet: &mut MetricsSheet) {
        sheet.build_info();
        for known in &self.databases {
            sheet.look(known);
            if let Some(health) = &known.health {
                sheet.health(health);
                sheet.newest(health);
                sheet.tiers(health);
                sheet.drills(health);
                sheet.places(health);
            }
        }
        if let Some(rounds) = &self.rounds {
            sheet.rounds(rounds);
        }
    }

    fn fill_ages(&self, sheet: &mut MetricsSheet, now: Timestamp) {
        for health in self.databases.iter().filter_map(|known| known.health.as_ref()) {
            sheet.age(health, now);
        }
    }
}

#[cfg(test)]
mod tests;
