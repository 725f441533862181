//! Schedules: when, where they are set, and what they keep over a year.

use jiff::{Timestamp, tz::TimeZone};
use pgcoffer::{
    Result,
    agent::ShownSchedule,
    backup::{Retention, StoredSettings, Tier},
    config::ScheduleOrigin,
    operation::Forecast,
    schedule::{Schedule, ScheduleClause},
    text::{Untrusted, escaped, minute},
};
use serde_json::{Value, json};

use super::{
    output::{Output, print, to_json},
    screen::print_styled,
    styled::Styled,
    table::{Room, Table},
    terminal::stdout_columns,
    width::wrapped,
    zone::Zone,
};

impl Output {
    pub(super) fn schedules(self, shown: &[ShownSchedule], zone: &Zone) -> Result<()> {
        if self.json {
            let databases: Result<Vec<Value>> = shown.iter().map(schedule_json).collect();
            return self.print_json(&json!({ "databases": databases? }));
        }
        let mut text = Styled::default();
        for (n, one) in shown.iter().enumerate() {
            if n > 0 {
                text.push_str("\n");
            }
            add_schedule(&mut text, one, zone);
        }
        print_styled(&text)
    }

    pub(super) fn stored_schedule(self, stored: &StoredSettings, origin: Option<&ScheduleOrigin>) -> Result<()> {
        let is_overridden = origin == Some(&ScheduleOrigin::Settings);
        if self.json {
            let mut value = stored_json(stored)?;
            value["overridden_here"] = json!(is_overridden);
            return self.print_json(&value);
        }
        let database = &stored.database;
        let mut text = format!(
            "Stored in the bucket for {database}, sealed. It counts from the next tick on, on every machine:\n"
        );
        text.push_str(&stored_lines(stored));
        text.push_str(&wrapped(&kept_line(stored), 2, stdout_columns()));
        if is_overridden {
            text.push_str(&wrapped(
                &format!(
                    "This machine's own settings have a schedule for {database}, which counts here in its place: unset \
                     PGCOFFER_SCHEDULE and PGCOFFER_DB_{}_SCHEDULE to have the stored one.\n",
                    database.as_str().to_ascii_uppercase()
                ),
                2,
                stdout_columns(),
            ));
        }
        print(text)
    }

    pub(super) fn cleared_schedule(self, cleared: Option<&StoredSettings>) -> Result<()> {
        if self.json {
            return self.print_json(&json!({ "cleared": cleared.is_some() }));
        }
        print(match cleared {
            Some(stored) => format!("No schedule is stored for {} any more\n", stored.database),
            None => "No schedule was stored: nothing changed\n".to_owned(),
        })
    }
}

fn schedule_json(shown: &ShownSchedule) -> Result<Value> {
    let (origin, unreadable) = match &shown.origin {
        ScheduleOrigin::Nowhere => (None, None),
        ScheduleOrigin::Settings => (Some("settings"), None),
        ScheduleOrigin::Bucket => (Some("bucket"), None),
        ScheduleOrigin::Unreadable(why) => (Some("bucket"), Some(why)),
    };
    Ok(json!({
        "database": shown.database,
        "schedule": shown.schedule.as_ref().map(ToString::to_string),
        "drill": shown.drill.as_ref().map(ToString::to_string),
        "timezone": shown.schedule.as_ref().and_then(|one| one.zone().iana_name().map(str::to_owned)),
        "origin": origin,
        "unreadable": unreadable,
        "stored": shown.stored.as_ref().map(stored_json).transpose()?,
        "next_due": shown.next_due.map(|(tier, at)| json!({ "tier": tier, "at": at })),
        "forecast": shown.forecast.as_ref().map(to_json).transpose()?,
    }))
}

fn stored_json(stored: &StoredSettings) -> Result<Value> {
    let mut value = to_json(stored)?;
    if let Some(object) = value.as_object_mut() {
        object.remove("version");
        object.remove("repository");
        object.insert("stored".to_owned(), json!(stored.name.time()));
    }
    Ok(value)
}

fn add_schedule(text: &mut Styled, shown: &ShownSchedule, zone: &Zone) {
    let database = &shown.database;
    match &shown.schedule {
        Some(schedule) => {
            let of = schedule.zone().iana_name().unwrap_or("UTC").to_owned();
            text.push_str(&wrapped(
                &format!("{database}: {schedule} ({of})\n"),
                2,
                stdout_columns(),
            ));
        }
        None => text.push_str(&format!("{database}: no schedule\n")),
    }
    text.push_str(&wrapped(&format!("  {}\n", origin_line(shown)), 2, stdout_columns()));
    if let Some(drill) = &shown.drill {
        text.push_str(&format!("  drilled {drill}\n"));
    }
    if let Some((tier, at)) = shown.next_due {
        text.push_str(&next_line(tier, at, shown.seen, zone));
    }
    if let Some(forecast) = &shown.forecast {
        text.push_str("\n");
        text.append(forecast_table(forecast, zone).lines(Room::of_stdout(false)));
    }
}

/// What is due next. What is due already is due at the moment of looking.
fn next_line(tier: Tier, at: Timestamp, seen: Timestamp, zone: &Zone) -> String {
    match at <= seen {
        true => format!("  next {tier}: due now\n"),
        false => format!("  next {tier} {} {}\n", zone.minute(at), zone.name(at)),
    }
}

fn origin_line(shown: &ShownSchedule) -> String {
    let stored = shown.stored.as_ref().map(|stored| {
        let (by, at) = (stored.by.identifier(), minute(stored.name.time()));
        format!("stored in the bucket by {by}, {at}")
    });
    if shown.is_preview {
        return "a preview: nothing was changed".to_owned();
    }
    match (&shown.origin, stored) {
        (ScheduleOrigin::Settings, None) => "set on this machine".to_owned(),
        (ScheduleOrigin::Settings, Some(stored)) => {
            format!("set on this machine, which counts before what is {stored}")
        }
        (ScheduleOrigin::Unreadable(why), _) => format!("stored in the bucket, and can't be read: {}", escaped(why)),
        (_, Some(stored)) => stored,
        (_, None) => "nothing is set here, and nothing is stored in the bucket".to_owned(),
    }
}

fn stored_lines(stored: &StoredSettings) -> String {
    let line = |name: &str, text: Option<&Untrusted>| {
        text.map_or_else(String::new, |text| format!("  {name:<9} {}\n", escaped(text.raw())))
    };
    [
        line("schedule", stored.schedule.as_ref()),
        line("drill", stored.drill.as_ref()),
        line("timezone", stored.timezone.as_ref()),
    ]
    .concat()
}

/// What a stored schedule keeps, in words: a number without its unit is a count, and meant as days more often.
fn kept_line(stored: &StoredSettings) -> String {
    let text = stored.schedule.as_ref().map_or("", Untrusted::raw);
    // the zone says when, and not how long
    let Ok(schedule) = Schedule::parse(text, &TimeZone::UTC) else {
        return String::new();
    };
    let kept: Vec<String> = schedule.clauses().iter().map(kept_words).collect();
    format!("  That keeps {}.\n", kept.join("; "))
}

fn kept_words(clause: &ScheduleClause) -> String {
    let tier = clause.tier();
    match clause.keep {
        Retention::Newest(count) => format!("the newest {count} {tier} ones"),
        Retention::Forever => format!("{tier} ones forever"),
        time => format!("{tier} ones for {time}"),
    }
}

/// How many backups there are as time goes on, by the highest tier that each serves.
fn forecast_table(forecast: &Forecast, zone: &Zone) -> Table {
    let tiers: std::collections::BTreeSet<_> = forecast.kept.iter().flat_map(|count| count.tiers.keys()).collect();
    let mut heads = vec!["BY".to_owned(), "BACKUPS".to_owned()];
    heads.extend(tiers.iter().map(|tier| tier.as_str().to_uppercase()));
    let right: Vec<usize> = (1..heads.len()).collect();
    let mut table = Table::new(heads).right(&right);
    for count in &forecast.kept {
        let mut row = vec![zone.day(count.at), count.backups.to_string()];
        row.extend(
            tiers
                .iter()
                .map(|tier| count.tiers.get(tier).copied().unwrap_or_default().to_string()),
        );
        table.row(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_before_what_is_said() {
        let shown = |origin| ShownSchedule {
            database: pgcoffer::backup::Label::parse("main").unwrap(),
            schedule: None,
            drill: None,
            origin,
            stored: None,
            next_due: None,
            seen: Timestamp::UNIX_EPOCH,
            forecast: None,
            is_preview: false,
        };
        assert_eq!(origin_line(&shown(ScheduleOrigin::Settings)), "set on this machine");
        let unreadable = origin_line(&shown(ScheduleOrigin::Unreadable("a\nb".to_owned())));
        assert!(!unreadable.contains('\n'), "{unreadable}");
        assert!(origin_line(&shown(ScheduleOrigin::Nowhere)).starts_with("nothing"));
    }

    #[test]
    fn the_next_one_is_due_now_or_at_a_time_of_a_zone() {
        let zone = Zone(TimeZone::get("Europe/Berlin").unwrap());
        let seen: Timestamp = "2026-11-30T17:27:00Z".parse().unwrap();
        let at: Timestamp = "2026-12-01T02:30:00Z".parse().unwrap();
        assert_eq!(
            next_line(Tier::Daily, at, seen, &zone),
            "  next daily 2026-12-01 03:30 Europe/Berlin\n"
        );
        assert_eq!(next_line(Tier::Weekly, seen, seen, &zone), "  next weekly: due now\n");
    }

    #[test]
    fn what_is_kept_is_said_in_words() {
        let words = |text: &str| {
            let schedule = Schedule::parse(text, &TimeZone::UTC).unwrap();
            let kept: Vec<String> = schedule.clauses().iter().map(kept_words).collect();
            kept.join("; ")
        };
        assert_eq!(
            words("daily at 02:30 keep 7, weekly keep 5w, yearly keep forever"),
            "the newest 7 daily ones; weekly ones for 5w; yearly ones forever"
        );
    }
}
