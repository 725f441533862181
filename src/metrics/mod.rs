//! What a monitoring system reads: numbers of every database, in OpenMetrics or in Prometheus' older text format.
//!
//! Names end in base units and bear the prefix `pgcoffer_`: <https://prometheus.io/docs/practices/naming/>. Everything
//! comes from the last look at the bucket, so rendering never asks it anything. `docs/monitoring.md` has the table.

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

/// Everything that is known at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Each database that is watched.
    pub databases: Vec<DatabaseMetrics>,
    /// The rounds of `serve`; none in the file that other commands write.
    pub rounds: Option<Rounds>,
}

/// What is known of one database.
#[derive(Debug, Clone)]
pub struct DatabaseMetrics {
    /// The database.
    pub database: Label,
    /// What the last look that succeeded saw; none before the first.
    pub health: Option<Health>,
    /// Whether the last look succeeded.
    pub look_succeeded: bool,
    /// Whether anybody may look at all: in drop-box mode nobody may, and that is no failure.
    pub may_look: bool,
}

/// The rounds of `serve`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rounds {
    /// When it began to serve.
    pub serving_since: Option<Timestamp>,
    /// Rounds that have ended.
    pub ended: u64,
    /// Rounds in which something failed.
    pub failed: u64,
    /// The end of the last round.
    pub last: Option<Timestamp>,
    /// When the next round begins.
    pub next: Option<Timestamp>,
    /// Whether a round is under way.
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

    /// The same in the format that tools read which know no OpenMetrics.
    #[must_use]
    pub fn classic(&self, now: Timestamp) -> String {
        classic::classic(&self.open_metrics(now))
    }

    /// The text for a file that is read again and again: without ages, which would stand still in it.
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
