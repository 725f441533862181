//! What a schedule will keep: the backups of a year to come, as the rules of schedule and retention make and delete
//! them. Nothing is read and nothing is changed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    backup::{BackupId, Tier},
    retention::{Protection, RetentionOutcome, RetentionPolicy, RetentionRun, plan},
    schedule::{PastRun, RunEnd, Schedule},
};

/// The most backups that a forecast makes: two years of one every 15 minutes.
const BACKUPS_MAX: usize = 71_000;
/// How often the forecast deletes. `tick` does so each time, which makes no difference to what is kept in the end.
const PRUNED_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// What a schedule keeps, as time goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// How many backups there are at each of these moments, the first one first.
    pub kept: Vec<ForecastCount>,
    /// The backups that are there at the last of these moments, the newest first.
    pub left: Vec<ForecastBackup>,
    /// The number of backups that are made until then.
    pub made: usize,
}

/// How many backups there are at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForecastCount {
    /// The moment.
    pub at: Timestamp,
    /// The number of backups.
    pub backups: usize,
    /// The same by the highest tier that each serves.
    pub tiers: BTreeMap<Tier, usize>,
}

/// A backup that will be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForecastBackup {
    /// When it begins.
    pub started: Timestamp,
    /// The tiers that it serves, the lowest first.
    pub tiers: Vec<Tier>,
}

/// What is forecast: from `now` on, and how many there are after each of these numbers of days.
#[derive(Debug, Clone)]
pub struct ForecastRequest<'a> {
    /// The schedule.
    pub schedule: &'a Schedule,
    /// What is kept beyond the retentions.
    pub policy: RetentionPolicy,
    /// The backups that there are now.
    pub existing: Vec<RetentionRun>,
    /// When it begins.
    pub now: Timestamp,
    /// The numbers of days, ascending.
    pub days: &'a [i64],
}

/// Carries the schedule out in thought, as if every run succeeded in no time and every tick pruned. It ends early, with
/// fewer counts, at the end of the calendar.
#[must_use]
pub fn forecast(request: &ForecastRequest<'_>) -> Forecast {
    let mut world = World {
        runs: request.existing.clone(),
        policy: request.policy,
        pruned: request.now,
        made: 0,
    };
    let mut kept = Vec::new();
    let mut now = request.now;
    for days in request.days {
        let Ok(until) = request.now.checked_add(SignedDuration::from_hours(24 * days)) else {
            break;
        };
        world.advance(request.schedule, now, until);
        world.prune(until);
        kept.push(world.count(until));
        now = until;
    }
    world.runs.sort_by_key(|run| std::cmp::Reverse(run.started));
    let left = world.runs.iter().filter(|run| is_backup(run));
    Forecast {
        kept,
        left: left.map(ForecastBackup::from).collect(),
        made: world.made,
    }
}

/// The backups that are there in thought.
struct World {
    runs: Vec<RetentionRun>,
    policy: RetentionPolicy,
    pruned: Timestamp,
    made: usize,
}

impl World {
    /// Makes what is due from `now` until `until`.
    fn advance(&mut self, schedule: &Schedule, mut now: Timestamp, until: Timestamp) {
        while self.made < BACKUPS_MAX {
            let history = self.history();
            let Some((_, due)) = schedule.next_due(&history, now) else {
                return;
            };
            if due > until {
                return;
            }
            let serves = schedule.due(&history, due);
            // what is due next is due then; this only keeps a fault of the rules from an endless loop
            if serves.is_empty() {
                return;
            }
            self.runs.push(RetentionRun {
                id: self.next_id(due),
                started: due,
                arrived: Some(due),
                outcome: RetentionOutcome::Good,
                counts: true,
                serves,
                retained: None,
                guards: Protection::NONE,
            });
            self.made += 1;
            if due.duration_since(self.pruned) >= PRUNED_EVERY {
                self.prune(due);
            }
            now = due;
        }
    }

    fn prune(&mut self, now: Timestamp) {
        let verdicts = plan(&self.runs, &self.policy, now);
        let deleted: Vec<&BackupId> = verdicts.deletions().map(|line| &line.id).collect();
        self.runs.retain(|run| !deleted.contains(&&run.id));
        self.pruned = now;
    }

    fn count(&self, at: Timestamp) -> ForecastCount {
        let mut tiers = BTreeMap::new();
        for run in self.runs.iter().filter(|run| is_backup(run)) {
            let highest = run.serves.iter().map(|served| served.tier).max();
            *tiers.entry(highest.unwrap_or(Tier::Manual)).or_default() += 1;
        }
        ForecastCount {
            at,
            backups: tiers.values().sum(),
            tiers,
        }
    }

    fn history(&self) -> Vec<PastRun> {
        let good = self.runs.iter().filter(|run| run.outcome == RetentionOutcome::Good);
        good.map(|run| PastRun {
            started: run.started,
            finished: run.started,
            ended: RunEnd::Good,
            serves: run.serves.clone(),
        })
        .collect()
    }

    /// An id that no other backup of this forecast has; nobody sees it.
    fn next_id(&self, started: Timestamp) -> BackupId {
        let time = started.strftime("%Y%m%dT%H%M%SZ");
        let letters: Vec<u8> = (0..12)
            .map(|place| b'a' + u8::try_from((self.made >> (4 * place)) & 15).unwrap_or_default())
            .collect();
        let text = format!("{time}-{}", String::from_utf8_lossy(&letters));
        BackupId::parse(&text).expect("a time and twelve letters are an id")
    }
}

fn is_backup(run: &RetentionRun) -> bool {
    matches!(run.outcome, RetentionOutcome::Good | RetentionOutcome::Suspicious)
}

impl From<&RetentionRun> for ForecastBackup {
    fn from(run: &RetentionRun) -> Self {
        let mut tiers: Vec<Tier> = run.serves.iter().map(|served| served.tier).collect();
        tiers.sort();
        Self {
            started: run.started,
            tiers,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn of(text: &str, days: &[i64]) -> Forecast {
        let schedule = Schedule::parse(text, &TimeZone::UTC).unwrap();
        forecast(&ForecastRequest {
            schedule: &schedule,
            policy: RetentionPolicy {
                stood_days: &[],
                ..RetentionPolicy::default()
            },
            existing: Vec::new(),
            now: at("2026-11-30T12:00:00Z"),
            days,
        })
    }

    #[test]
    fn seven_days_five_weeks_and_twelve_months_are_what_the_schedule_says() {
        let text = "daily at 02:30 keep 7d, weekly on sunday keep 5w, monthly on 1 keep 12mo";
        let year = of(text, &[1, 30, 366]);
        // the first one at once, and one each night
        assert_eq!(year.made, 1 + 366);
        let tiers = |n: usize| year.kept[n].tiers.clone();
        assert_eq!(year.kept[0].backups, 2, "{year:#?}");
        assert_eq!(tiers(2)[&Tier::Monthly], 12);
        assert_eq!(tiers(2)[&Tier::Weekly], 5);
        // of seven nights one was a Sunday and one the first of a month
        assert_eq!(tiers(2)[&Tier::Daily], 5);
        assert_eq!(year.left.len(), year.kept[2].backups);
        assert!(year.left.windows(2).all(|two| two[0].started > two[1].started));
        assert!(year.left[0].tiers.contains(&Tier::Daily));
    }

    #[test]
    fn what_is_there_now_runs_out_by_its_own_retention() {
        let schedule = Schedule::parse("daily at 02:30 keep 2d", &TimeZone::UTC).unwrap();
        let now = at("2026-11-30T12:00:00Z");
        let kept_for = |retention: &str| RetentionRun {
            id: BackupId::parse("20261130T023000Z-abcdefghij23").unwrap(),
            started: at("2026-11-30T02:30:00Z"),
            arrived: None,
            outcome: RetentionOutcome::Good,
            counts: true,
            serves: vec![crate::backup::Served {
                tier: Tier::Daily,
                due: at("2026-11-30T02:30:00Z"),
                retention: retention.parse().unwrap(),
            }],
            retained: None,
            guards: Protection::NONE,
        };
        let left = |retention: &str| {
            let request = ForecastRequest {
                schedule: &schedule,
                policy: RetentionPolicy {
                    stood_days: &[],
                    ..RetentionPolicy::default()
                },
                existing: vec![kept_for(retention)],
                now,
                days: &[30],
            };
            forecast(&request).left.len()
        };
        // the floor keeps three
        assert_eq!((left("7d"), left("60d")), (3, 4));
    }

    #[test]
    fn a_backup_every_quarter_of_an_hour_is_forecast_for_a_week() {
        let week = of("every 15 minutes keep 6h", &[7]);
        assert_eq!(week.made, 7 * 24 * 4 + 1);
        assert_eq!(week.kept[0].backups, 24, "{:?}", week.kept);
    }
}
