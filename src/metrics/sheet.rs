//! The metrics: the only place with their names, help texts and units.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::ConstCounter, family::Family, gauge::Gauge, info::Info},
    registry::{Metric, Registry, Unit},
};

use super::{DatabaseMetrics, Rounds};
use crate::{
    backup::{DrillVerdict, Tier},
    operation::Health,
};

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge>;

const TIMESTAMP: Option<Unit> = Some(Unit::Seconds);
const SECONDS: Option<Unit> = Some(Unit::Seconds);
const BYTES: Option<Unit> = Some(Unit::Bytes);

/// What can become of a drill.
const VERDICTS: [&str; 4] = ["proven", "partly_proven", "not_proven", "not_carried_out"];

/// The metrics with their values. Each is registered when it first gets a value.
pub(super) struct MetricsSheet {
    registry: Registry,
    gauges: BTreeMap<&'static str, Gauges>,
}

impl Default for MetricsSheet {
    fn default() -> Self {
        Self {
            registry: Registry::with_prefix("pgcoffer"),
            gauges: BTreeMap::new(),
        }
    }
}

impl MetricsSheet {
    pub(super) fn open_metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }

    pub(super) fn build_info(&mut self) {
        let info = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        let help = "The version of pgcoffer that tells this";
        self.registry.register("build", help, info);
    }

    /// Whether and when the last survey succeeded.
    pub(super) fn look(&mut self, known: &DatabaseMetrics) {
        if !known.may_look {
            return;
        }
        let labels = vec![("database", known.database.to_string())];
        let help = "Whether the last look at the bucket succeeded; where it did not, older values stand";
        let succeeded = i64::from(known.look_succeeded);
        self.set("catalog_look_success", help, None, &labels, succeeded);
        let looked = known.health.as_ref().map(|health| health.figures.looked);
        let help = "When the bucket was last looked at with success";
        self.moment("catalog_last_look_timestamp", help, &labels, looked);
    }

    /// The health of one database.
    pub(super) fn health(&mut self, health: &Health) {
        let labels = of(health);
        let mut count = |name, help, count: usize| {
            self.set(name, help, None, &labels, whole(count));
        };
        count("good_backups", "Good backups in the bucket", health.good);
        count("held_backups", "Backups that somebody holds", health.held.len());
        count(
            "suspicious_backups",
            "Good backups that look wrong and that nobody has accepted",
            health.suspicious.len(),
        );
        count(
            "lost_backups",
            "Good backups whose archive is gone or has another length",
            health.lost.len(),
        );
        count(
            "unreadable_records",
            "Records and marks that can't be read",
            health.unreadable.len(),
        );
        count(
            "uploads_under_way",
            "Uploads under way, or left behind, at the last look",
            health.under_way.len(),
        );
        count(
            "problems",
            "What `pgcoffer status` finds wrong",
            health.problems().len(),
        );
        count(
            "failed_runs",
            "Failed runs of which a record is kept, for 30 days",
            health.figures.failed,
        );
        count(
            "failures_since_success",
            "Failed runs since the newest good backup",
            health.figures.failed_since_good,
        );
        self.set("kept", "Bytes of everything kept", BYTES, &labels, whole(health.bytes));
        let help = "When the next backup is due";
        let next = health.next_due.as_ref().map(|next| next.at);
        self.moment("next_due_timestamp", help, &labels, next);
        let help = "After failures: until when the next attempt waits";
        self.moment("paused_until_timestamp", help, &labels, health.paused_until);
        if let Some(ahead) = health.clock_seconds {
            let help = "How far this machine's clock is ahead of the bucket's";
            self.set("clock_ahead", help, SECONDS, &labels, ahead);
        }
    }

    /// Its newest good backup, and its newest run.
    pub(super) fn newest(&mut self, health: &Health) {
        let labels = of(health);
        if let Some(good) = health.figures.newest_good {
            let help = "When the newest good backup began";
            self.moment("last_success_timestamp", help, &labels, Some(good.started));
            let help = "How long the newest good backup took";
            self.set("last_success_duration", help, SECONDS, &labels, good.seconds);
            let help = "Bytes of the newest good backup's archive in the bucket";
            self.set("last_success_stored", help, BYTES, &labels, whole(good.stored_bytes));
            let help = "Bytes that pg_dump wrote for the newest good backup";
            self.set("last_success_dumped", help, BYTES, &labels, whole(good.dump_bytes));
        }
        if let Some(last) = health.figures.last_run {
            let help = "When the newest run began, good or not";
            self.moment("last_run_timestamp", help, &labels, Some(last.started));
            let help = "Whether the newest run made a backup";
            self.set("last_run_success", help, None, &labels, i64::from(last.succeeded));
        }
    }

    /// What drills have shown.
    pub(super) fn drills(&mut self, health: &Health) {
        let (labels, drills) = (of(health), &health.drills);
        if let Some(proven) = &drills.last_proven {
            let help = "When the last drill began whose backup came back";
            self.moment("last_proven_timestamp", help, &labels, Some(proven.began));
            let help = "How long the restore of that drill took: the measured recovery time";
            let seconds = (proven.restore_ms + 500) / 1000;
            self.set("last_proven_restore_duration", help, SECONDS, &labels, seconds);
        }
        if let Some(last) = &drills.last {
            let help = "When the last drill began";
            self.moment("last_drill_timestamp", help, &labels, Some(last.began));
            let help = "Whether the last drill had this verdict";
            let verdict = last.verdict.map_or("not_carried_out", DrillVerdict::as_str);
            for word in VERDICTS {
                let mut labels = labels.clone();
                labels.push(("verdict", word.to_owned()));
                self.set("last_drill_verdict", help, None, &labels, i64::from(word == verdict));
            }
        }
        if drills.schedule.is_some() {
            let help = "Whether a drill is overdue";
            self.set(
                "drill_overdue",
                help,
                None,
                &labels,
                i64::from(drills.overdue_since.is_some()),
            );
            let help = "When the next drill is due";
            self.moment("next_drill_timestamp", help, &labels, drills.next_due);
        }
    }

    /// How the places beside the bucket stand.
    pub(super) fn places(&mut self, health: &Health) {
        for place in &health.places {
            let mut labels = of(health);
            labels.push(("place", place.place.to_string()));
            let help = "Whether this place could be looked at";
            self.set(
                "place_look_success",
                help,
                None,
                &labels,
                i64::from(place.failure.is_none()),
            );
            let Some(held) = place.held else {
                continue;
            };
            let help = "Backups that belong into this place and are there";
            self.set("place_backups", help, None, &labels, whole(held));
            let help = "Backups that belong into this place and are missing";
            self.set("place_missing_backups", help, None, &labels, whole(place.behind.len()));
            let help = "Whether the newest good backup is in this place";
            self.set("place_holds_newest", help, None, &labels, i64::from(place.holds_newest));
            let help = "Since when this place is behind";
            self.moment("place_behind_since_timestamp", help, &labels, place.behind_since);
        }
    }

    /// The values of each tier.
    pub(super) fn tiers(&mut self, health: &Health) {
        for tier in &health.figures.tiers {
            let labels = of_tier(health, tier.tier);
            let help = "Good backups that stand under this tier";
            self.set("tier_good_backups", help, None, &labels, whole(tier.good));
            let help = "Bytes of all that stands under this tier";
            self.set("tier_kept", help, BYTES, &labels, whole(tier.bytes));
            let help = "When the newest good backup that serves this tier began";
            self.moment("tier_last_success_timestamp", help, &labels, tier.newest);
        }
        let late = |tier| health.late.iter().any(|late| late.tier == tier);
        // without a schedule, only earlier backups show what is late
        let habits = health.late.iter().map(|late| late.tier);
        let scheduled = health.figures.scheduled.iter().copied();
        for tier in scheduled.chain(habits) {
            let help = "Whether this tier's backup is late";
            let labels = of_tier(health, tier);
            self.set("late", help, None, &labels, i64::from(late(tier)));
        }
    }

    /// The age of the newest good backup.
    pub(super) fn age(&mut self, health: &Health, now: Timestamp) {
        if let Some(good) = health.figures.newest_good {
            let help = "Age of the newest good backup";
            let age = now.duration_since(good.started).as_secs();
            self.set("last_success_age", help, SECONDS, &of(health), age);
        }
    }

    /// The rounds of `serve`.
    pub(super) fn rounds(&mut self, rounds: &Rounds) {
        let none = Labels::new();
        self.moment("serve_start_timestamp", "When serve began", &none, rounds.serving_since);
        self.moment("last_tick_timestamp", "End of the last tick", &none, rounds.last);
        self.moment("next_tick_timestamp", "When the next tick is to be", &none, rounds.next);
        let help = "Whether a tick is under way";
        self.set("tick_running", help, None, &none, i64::from(rounds.running));
        let ticks = ConstCounter::new(rounds.ended);
        self.registry
            .register("ticks", "Ticks that have ended since serve began", ticks);
        let failed = ConstCounter::new(rounds.failed);
        let help = "Ticks in which something failed since serve began";
        self.registry.register("ticks_failed", help, failed);
    }

    fn moment(&mut self, name: &'static str, help: &str, labels: &Labels, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.set(name, help, TIMESTAMP, labels, at.as_second());
        }
    }

    fn set(&mut self, name: &'static str, help: &str, unit: Option<Unit>, labels: &Labels, to: i64) {
        if labels.is_empty() {
            let gauge = Gauge::<i64>::default();
            gauge.set(to);
            return register(&mut self.registry, name, help, unit, gauge);
        }
        let registry = &mut self.registry;
        let gauges = self.gauges.entry(name).or_insert_with(|| {
            let gauges = Gauges::default();
            register(registry, name, help, unit, gauges.clone());
            gauges
        });
        gauges.get_or_create(labels).set(to);
    }
}

fn register(registry: &mut Registry, name: &str, help: &str, unit: Option<Unit>, metric: impl Metric) {
    match unit {
        Some(unit) => registry.register_with_unit(name, help, unit, metric),
        None => registry.register(name, help, metric),
    }
}

fn of(health: &Health) -> Labels {
    vec![("database", health.database.to_string())]
}

fn of_tier(health: &Health, tier: Tier) -> Labels {
    let mut labels = of(health);
    labels.push(("tier", tier.as_str().to_owned()));
    labels
}

fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
