//! The schedule of one database: what counts, what it keeps over a year, what the next prune deletes, and another one
//! to choose.

use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Page,
    parts::{age, failure, form_token, moment},
};
use crate::{
    agent::ShownSchedule,
    backup::{Label, Tier},
    config::ScheduleOrigin,
    dashboard::{
        access::Visitor,
        schedule_form::{ScheduleForm, WEEKDAYS},
        shown::{Answer, ScheduleAnswer, Seen},
        site::Site,
    },
    operation::{Forecast, PruneReport},
    retention::RetentionVerdict,
    text::{counted, grouped, size},
};

/// Backups that the next prune deletes that are named; the others are counted.
const DELETED_MAX: usize = 20;

/// How long backups of a tier may be kept, as the choices propose it.
const KEPT: [(Tier, &str, &[&str]); 5] = [
    (Tier::Hourly, "Hourly", &["24h", "48h", "7d"]),
    (Tier::Daily, "Daily", &["3d", "7d", "14d", "30d"]),
    (Tier::Weekly, "Weekly", &["5w", "8w", "13w", "26w"]),
    (Tier::Monthly, "Monthly", &["6mo", "12mo", "24mo", "36mo"]),
    (Tier::Yearly, "Yearly", &["3y", "7y", "10y", "forever"]),
];

/// Schedules that are one click away, each with its fields.
const READY: [(&str, &str); 3] = [
    ("A week of days", "daily=7d"),
    ("Days, weeks, months", "daily=7d&weekly=5w&monthly=12mo"),
    ("Hours to years", "hourly=24h&daily=7d&weekly=5w&monthly=12mo&yearly=7y"),
];

/// `asked`: what was filled in.
pub(in crate::dashboard) fn schedule(
    site: &Site,
    visitor: &Visitor,
    (label, asked): (&Label, &ScheduleForm),
    seen: &Seen,
) -> Response {
    let known = seen.answer.as_ref().and_then(|(answer, _)| match &**answer {
        Answer::Schedule(known) => Some(known),
        _ => None,
    });
    let title = format!("Schedule of {label}");
    let page = Page {
        site,
        visitor: Some(visitor),
        title: &title,
        refresh: seen.is_looking.then_some(5),
    };
    let path = format!("/databases/{label}/schedule");
    page.answer(&html! {
        p { a href={ "/databases/" (label) } { "All of " (label) } }
        h1 { (title) }
        @match known {
            Some(known) => {
                (preview(site, visitor, label, (known, asked)))
                (now(site, known))
                @if !site.abilities.configured().contains(label) {
                    section.card { h2 { "Another schedule" } p.soft { "It is not configured on this machine: where it is, one can be chosen, or by " code { "pgcoffer schedule set" } "." } }
                } @else if visitor.may_act() { (choices(label, known, asked)) }
                (next_prune(site, label, known))
            }
            None => { @if seen.failure.is_none() { p { "Looking into the bucket takes longer than usual." } } }
        }
        (age(site, seen, &path))
    })
}

/// What counts now.
fn now(site: &Site, known: &ScheduleAnswer) -> Markup {
    let shown = &known.shown;
    html! {
        section.card {
            h2 { "Now" }
            p { strong { @match &shown.schedule { Some(schedule) => { (schedule) }, None => "No schedule" } } (zone_of(shown)) }
            p.soft { (origin(site, shown)) }
            @if let Some(drill) = &shown.drill { p.soft { "Drilled " (drill) "." } }
            @if let Some((tier, at)) = shown.next_due { p { "Next: " (tier) ", " (moment(site, at)) "." } }
            @if let Some(forecast) = &shown.forecast { (kept_over_a_year(site, forecast, "What is kept over a year")) }
        }
    }
}

fn zone_of(shown: &ShownSchedule) -> Markup {
    html! {
        @if let Some(schedule) = &shown.schedule { span.soft { " in " (schedule.zone().iana_name().unwrap_or("UTC")) } }
    }
}

fn origin(site: &Site, shown: &ShownSchedule) -> Markup {
    let stored = html! {
        @if let Some(stored) = &shown.stored { "Stored in the bucket by " (stored.by) ", " (moment(site, stored.name.time())) "." }
        @else { "Nothing is stored in the bucket." }
    };
    html! {
        @match &shown.origin {
            ScheduleOrigin::Settings => "It is set in the settings of this machine, which count before the bucket: it can only be changed there.",
            ScheduleOrigin::Unreadable(why) => { "What is stored in the bucket can't be read: " (crate::text::escaped(why)) },
            ScheduleOrigin::Bucket | ScheduleOrigin::Nowhere => (stored),
        }
    }
}

/// How many backups there are as time goes on, by the highest tier that each serves.
fn kept_over_a_year(site: &Site, forecast: &Forecast, title: &str) -> Markup {
    let tiers: std::collections::BTreeSet<&Tier> = forecast.kept.iter().flat_map(|count| count.tiers.keys()).collect();
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table {
                caption { (title) ", with the backups that there are: " (grouped(forecast.made as u64)) " are made." }
                thead { tr {
                    th scope="col" { "By" } th.n scope="col" { "Backups" }
                    @for tier in &tiers { th.n scope="col" { (tier) } }
                } }
                tbody {
                    @for count in &forecast.kept {
                        tr {
                            th scope="row" { (day(site, count.at)) }
                            td.n { (count.backups) }
                            @for tier in &tiers { td.n { (count.tiers.get(*tier).copied().unwrap_or_default()) } }
                        }
                    }
                }
            }
        }
    }
}

fn day(site: &Site, time: Timestamp) -> String {
    time.to_zoned(site.zone.clone()).strftime("%-d %b %Y").to_string()
}

/// What was chosen, what it would keep, and the button that stores it.
fn preview(site: &Site, visitor: &Visitor, label: &Label, (known, asked): (&ScheduleAnswer, &ScheduleForm)) -> Markup {
    let change = asked.change();
    html! {
        @match &known.preview {
            None => {}
            Some(Err(failed)) => { section.card.alert { h2 { "This can't be a schedule" } (failure(failed)) } }
            Some(Ok(shown)) => {
                section.card {
                    h2 { "Preview: nothing is changed yet" }
                    p { strong { @if let Some(schedule) = &shown.schedule { (schedule) } } (zone_of(shown)) }
                    @for warning in shown.schedule.iter().flat_map(|schedule| schedule.warnings()) { p { strong { "Mind: " } (warning) } }
                    @if let Some((tier, at)) = shown.next_due { p { "Next: " (tier) ", " (moment(site, at)) "." } }
                    @if let Some(forecast) = &shown.forecast { (kept_over_a_year(site, forecast, "What would be kept over a year")) }
                    p.soft { "It deletes nothing that was made before: each backup is kept as long as it was made for." }
                    @if known.shown.origin != ScheduleOrigin::Settings && site.abilities.configured().contains(label) {
                        form method="post" action="/act" {
                            (form_token(visitor))
                            input type="hidden" name="what" value="schedule";
                            input type="hidden" name="database" value=(label);
                            input type="hidden" name="schedule" value=(change.schedule.as_deref().unwrap_or_default());
                            input type="hidden" name="timezone" value=(change.timezone.as_deref().unwrap_or_default());
                            div.acts { button.primary type="submit" { "Save this schedule" } }
                        }
                        p.small.soft { "It is stored in the bucket, sealed, in the name of " (visitor.name) ", and counts on every machine whose own settings have none." }
                    }
                }
            }
        }
    }
}

/// The form, unless the settings say it.
fn choices(label: &Label, known: &ScheduleAnswer, asked: &ScheduleForm) -> Markup {
    if known.shown.origin == ScheduleOrigin::Settings {
        return html! {};
    }
    let form = match asked.is_filled() {
        true => asked.clone(),
        false => ScheduleForm::of(known.shown.schedule.as_ref()),
    };
    let path = format!("/databases/{label}/schedule");
    html! {
        section.card {
            h2 { "Another schedule" }
            p.soft { "Choose one to see what it keeps; nothing is changed before you save it." }
            div.acts {
                @for (word, query) in READY {
                    a.button href={ (path) "?at=02%3A30&day=sunday&timezone=" (encoded(&form.timezone)) "&" (query) } { (word) }
                }
            }
            form method="get" action=(path) {
                @for (tier, word, kept) in KEPT { (tier_field(&form, (tier, word), kept)) }
                div.field {
                    label for="day" { "Weekly ones on" }
                    select #day name="day" {
                        @for day in WEEKDAYS { option value=(day) selected[form.day == day] { (day) } }
                    }
                }
                div.field {
                    label for="at" { "At, but for hourly ones" }
                    input #at name="at" type="time" value=(form.at) maxlength="5";
                }
                div.field {
                    label for="timezone" { "Time zone" }
                    p.hint #timezone-hint { "Such as Europe/Berlin; UTC where none is named." }
                    input #timezone name="timezone" value=(form.timezone) maxlength="60" aria-describedby="timezone-hint" autocapitalize="none" spellcheck="false";
                }
                div.field {
                    label for="words" { "Or in words, which count before the choices" }
                    p.hint #words-hint { "Such as: every 6 hours keep 2d, daily at 02:30 keep 7d, monthly on last keep 12mo." }
                    input #words name="words" value=(form.words) maxlength="2000" aria-describedby="words-hint" autocapitalize="none" spellcheck="false";
                }
                div.acts { button type="submit" { "Show what it keeps" } }
            }
        }
    }
}

fn tier_field(form: &ScheduleForm, (tier, word): (Tier, &str), kept: &[&str]) -> Markup {
    let chosen = form.kept(tier);
    let is_other = !chosen.is_empty() && !kept.contains(&chosen);
    html! {
        div.field {
            label for=(tier) { (word) ", kept for" }
            select id=(tier) name=(tier) {
                option value="" selected[chosen.is_empty()] { "none" }
                @for keep in kept { option value=(keep) selected[chosen == *keep] { (keep) } }
                @if is_other { option value=(chosen) selected { (chosen) } }
            }
        }
    }
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What a prune would delete now, which no other schedule changes.
fn next_prune(site: &Site, label: &Label, known: &ScheduleAnswer) -> Markup {
    html! {
        section.card {
            h2 { "The next prune deletes" }
            @match &known.prune {
                Err(failed) => { (failure(failed)) }
                Ok(report) => { (deleted(site, label, report)) }
            }
        }
    }
}

fn deleted(site: &Site, label: &Label, report: &PruneReport) -> Markup {
    let lines = report.backups.iter();
    let lines: Vec<_> = lines
        .filter(|line| matches!(line.verdict, RetentionVerdict::Delete(_)))
        .collect();
    html! {
        @if lines.is_empty() { p.soft { "No backup." } }
        @else {
            p { (counted(grouped(lines.len() as u64), "backup")) ", " (size(lines.iter().map(|line| line.bytes).sum())) ":" }
            ul {
                @for line in lines.iter().take(DELETED_MAX) {
                    li { a href={ "/databases/" (label) "/backups/" (line.id) } { (moment(site, line.started)) } ": " (line.verdict) }
                }
            }
            @if lines.len() > DELETED_MAX { p.soft { "And " (lines.len() - DELETED_MAX) " more." } }
        }
    }
}
