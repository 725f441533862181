//! Settings of when backups are made and how long they are kept.

use std::num::NonZeroU32;

use super::super::{
    schedules::{RETAIN_MANUAL, SCHEDULE, SCHEDULE_OF_DATABASE, TIMEZONE},
    setting::{Characters, DefaultValue, Section, Setting, Take},
    wrong::Wrong,
    zone::zone,
};
use crate::{backup::Retention, lifecycle};

pub(super) const SECTION: Section = Section {
    title: "Schedule and retention",
    settings: &[
        Setting {
            name: SCHEDULE,
            secret: false,
            default: DefaultValue::None,
            help: "hourly keep 24h, daily at 02:30 keep 7d, weekly keep 5w, …",
            doc: "when every database is backed up, and how long backups are kept: [retention.md](retention.md)",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.schedules.for_all = Some(text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: SCHEDULE_OF_DATABASE,
            secret: false,
            default: DefaultValue::Described("`PGCOFFER_SCHEDULE`"),
            help: "a schedule for one database, or off",
            doc: "a schedule for this database alone, or `off`",
            characters: Characters::List,
            take: Take::per_database(|reading, label, text| {
                reading.schedules.own.insert(label, text.to_owned());
                Ok(())
            }),
        },
        Setting {
            name: TIMEZONE,
            secret: false,
            default: DefaultValue::Described("`UTC` for schedules, the machine's own (`TZ`) for the rest"),
            help: "time zone of schedules, such as Europe/Berlin (without it UTC)",
            doc: "time zone of schedules, of `--before`, and of the times that `list`, `status` and `prune` show: a name of \
                the tz database",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.schedules.zone = Some(zone(text)?);
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_KEEP_LAST",
            secret: false,
            default: DefaultValue::Text("3"),
            help: "good backups that no retention deletes",
            doc: "how many of the newest good backups of each database are never deleted, whatever their retention",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.keep_last = keep_last(text)?;
                Ok(())
            }),
        },
        Setting {
            name: RETAIN_MANUAL,
            secret: false,
            default: DefaultValue::Text("90d"),
            help: "how long `backup` without --retain is kept: 90d, forever",
            doc: "how long a backup by `pgcoffer backup` is kept if `--retain` doesn't say: `24h`, `7d`, `5w`, `12mo`, \
                `7y`, `forever`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.retain_manual = retain_manual(text)?;
                reading.config.retains_by_default = false;
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_COLD",
            secret: false,
            default: DefaultValue::Described("nothing"),
            help: "what `lifecycle` moves: monthly to glacier after 30d, …",
            doc: "which backups `lifecycle` moves to colder classes, and when: `monthly to glacier after 30d, yearly \
                to deep_archive after 7d`: [glacier.md](glacier.md)",
            characters: Characters::List,
            take: Take::Once(|reading, text| {
                reading.config.cold = lifecycle::parse_transitions(text).map_err(|e| (e.to_string(), e.hint()))?;
                Ok(())
            }),
        },
    ],
};

fn retain_manual(text: &str) -> Result<Retention, Wrong> {
    let retention = text.to_ascii_lowercase().parse::<Retention>();
    let retention = retention
        .ok()
        .filter(|retention| !matches!(retention, Retention::Newest(_)));
    retention.ok_or_else(|| {
        let hint = "give a number and its unit, such as 24h, 7d, 5w, 12mo or 7y, or forever";
        (
            format!("{text:?} is not a time for which a backup is kept"),
            Some(hint.to_owned()),
        )
    })
}

fn keep_last(text: &str) -> Result<NonZeroU32, Wrong> {
    text.parse().map_err(|_| {
        let hint = "the newest good backups are what a lost database comes back from: keep 1 at least";
        (
            format!("{text:?} is not a whole number from 1 on"),
            Some(hint.to_owned()),
        )
    })
}
