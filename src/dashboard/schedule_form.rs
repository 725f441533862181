//! The form of a schedule: a choice for each tier, which becomes the words of a schedule, and the other way round.

use serde::Deserialize;

use crate::{
    agent::ScheduleChange,
    backup::Tier,
    schedule::{Recurrence, Schedule},
};

/// The time of day that is proposed.
const PROPOSED_AT: &str = "02:30";

/// What stands in the fields. An empty one stands for "none".
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct ScheduleForm {
    /// The time of day of all but hourly backups.
    pub(super) at: String,
    /// How long those of each tier are kept.
    pub(super) hourly: String,
    pub(super) daily: String,
    pub(super) weekly: String,
    /// The weekday of weekly ones.
    pub(super) day: String,
    pub(super) monthly: String,
    pub(super) yearly: String,
    /// The time zone of all times.
    pub(super) timezone: String,
    /// A schedule in words, which counts before the choices.
    pub(super) words: String,
}

impl ScheduleForm {
    /// What a form is filled with that nobody has filled yet: what counts now, as far as the choices can say it.
    pub(super) fn of(schedule: Option<&Schedule>) -> Self {
        let mut form = Self {
            at: PROPOSED_AT.to_owned(),
            day: "sunday".to_owned(),
            ..Self::default()
        };
        let Some(schedule) = schedule else {
            form.daily = "7d".to_owned();
            form.weekly = "5w".to_owned();
            form.monthly = "12mo".to_owned();
            return form;
        };
        form.timezone = schedule.zone().iana_name().unwrap_or_default().to_owned();
        for clause in schedule.clauses() {
            let keep = clause.keep.to_string();
            match clause.when {
                Recurrence::Weekly { on, at } => {
                    form.day = weekday(on).to_owned();
                    form.at = at.strftime("%H:%M").to_string();
                }
                Recurrence::Daily { at } | Recurrence::Monthly { at, .. } | Recurrence::Yearly { at, .. } => {
                    form.at = at.strftime("%H:%M").to_string();
                }
                _ => {}
            }
            *form.field(clause.tier()) = keep;
        }
        // more than the choices can say: in words
        let said = Schedule::parse(&form.text(), schedule.zone()).ok();
        if said.as_ref() != Some(schedule) {
            form.words = schedule.to_string();
        }
        form
    }

    /// Whether anything was filled in.
    pub(super) fn is_filled(&self) -> bool {
        *self != Self::default()
    }

    /// What is to be stored by it.
    pub(super) fn change(&self) -> ScheduleChange {
        let zone = self.timezone.trim();
        ScheduleChange {
            schedule: Some(self.text()),
            drill: None,
            timezone: Some(if zone.is_empty() { "UTC" } else { zone }.to_owned()),
        }
    }

    /// The schedule in words; empty where nothing is chosen.
    pub(super) fn text(&self) -> String {
        if !self.words.trim().is_empty() {
            return self.words.trim().to_owned();
        }
        let at = format!("at {}", self.at.trim());
        let day = self.day.trim();
        let clauses = [
            ("hourly".to_owned(), &self.hourly),
            (format!("daily {at}"), &self.daily),
            (format!("weekly on {day} {at}"), &self.weekly),
            (format!("monthly on 1 {at}"), &self.monthly),
            (format!("yearly on 01-01 {at}"), &self.yearly),
        ];
        let chosen = clauses.iter().filter(|(_, keep)| !keep.trim().is_empty());
        let chosen: Vec<String> = chosen
            .map(|(when, keep)| format!("{when} keep {}", keep.trim()))
            .collect();
        chosen.join(", ")
    }

    /// How long those of a tier are kept.
    pub(super) fn kept(&self, tier: Tier) -> &str {
        match tier {
            Tier::Manual => "",
            Tier::Hourly => &self.hourly,
            Tier::Daily => &self.daily,
            Tier::Weekly => &self.weekly,
            Tier::Monthly => &self.monthly,
            Tier::Yearly => &self.yearly,
        }
    }

    fn field(&mut self, tier: Tier) -> &mut String {
        match tier {
            Tier::Hourly | Tier::Manual => &mut self.hourly,
            Tier::Daily => &mut self.daily,
            Tier::Weekly => &mut self.weekly,
            Tier::Monthly => &mut self.monthly,
            Tier::Yearly => &mut self.yearly,
        }
    }
}

/// The weekdays as schedules write them.
pub(super) const WEEKDAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

fn weekday(on: jiff::civil::Weekday) -> &'static str {
    let at = usize::try_from(on.to_monday_zero_offset()).unwrap_or(6);
    WEEKDAYS.get(at).copied().unwrap_or("sunday")
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn what_a_schedule_says_stands_in_its_form_and_comes_back() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        for text in [
            "daily at 02:30 keep 7d",
            "hourly keep 24h, daily at 03:15 keep 7d, weekly on friday at 03:15 keep 5w, monthly at 03:15 keep 12mo, \
             yearly at 03:15 keep forever",
            "weekly on monday at 00:00 keep 5w",
        ] {
            let schedule = Schedule::parse(text, &zone).unwrap();
            let form = ScheduleForm::of(Some(&schedule));
            assert_eq!(form.words, "", "{text}");
            assert_eq!(Schedule::parse(&form.text(), &zone).unwrap(), schedule, "{text}");
            assert_eq!(form.timezone, "Europe/Berlin");
        }
        // what the choices can't say
        for text in [
            "every 15 minutes keep 6h",
            "daily at 02:30 keep 7d, daily at 14:30 keep 2d",
            "daily at 02:30 keep 7d, weekly at 03:30 keep 5w",
            "monthly on last at 02:30 keep 12mo",
        ] {
            let schedule = Schedule::parse(text, &zone).unwrap();
            let form = ScheduleForm::of(Some(&schedule));
            assert_eq!(form.words, schedule.to_string(), "{text}");
            assert_eq!(Schedule::parse(&form.text(), &zone).unwrap(), schedule, "{text}");
        }
        // what is proposed where there is none is one
        let proposed = ScheduleForm::of(None);
        assert!(proposed.is_filled() && !ScheduleForm::default().is_filled());
        Schedule::parse(&proposed.text(), &TimeZone::UTC).unwrap();
        assert_eq!(proposed.change().timezone.as_deref(), Some("UTC"));
        assert_eq!(ScheduleForm::default().text(), "");
    }
}
