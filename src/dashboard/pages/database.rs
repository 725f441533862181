//! One database: the three answers, a year, plots, and its history.

use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    HistoryFilter, Page,
    calendar::calendar,
    history::history,
    look::Look,
    parts::{State, act_button, age, answers, moment, state, tag},
    plot::Plot,
    problems::{first_steps, problems},
};
use crate::{
    backup::{Label, Record, Sealed},
    dashboard::{
        access::Visitor,
        shown::{Answer, DatabaseAnswer, Seen},
        site::Site,
    },
    text::{duration, grouped, short_size},
};

pub(in crate::dashboard) fn database(
    site: &Site,
    visitor: &Visitor,
    label: &Label,
    (seen, filter): (&Seen, &HistoryFilter),
) -> Response {
    let known = seen.answer.as_ref().and_then(|(answer, _)| match &**answer {
        Answer::Database(known) => Some(known),
        _ => None,
    });
    let page = Page {
        site,
        visitor: Some(visitor),
        title: label.as_str(),
        refresh: seen.is_looking.then_some(5),
    };
    let path = format!("/databases/{label}");
    page.answer(&html! {
        @match known {
            Some(known) => {
                @let look = Look::of(site, seen, known.listing.seen);
                (head(site, visitor, known, &look))
                (age(site, seen, &path))
                section.card {
                    h2 { "Now" }
                    (problems(site, &known.health, &look))
                    (first_steps(site, visitor, &known.health))
                    (answers(site, &known.health, &look))
                    (more(site, known))
                }
                (wrong(site, visitor, known))
                (history(site, known, filter, look.now))
                // of what was never backed up they would be emptiness
                @if !known.listing.entries.is_empty() {
                    section.card { h2 { "The last year" } (calendar(site, known)) }
                    (plots(site, known))
                }
            }
            None => {
                h1 { (label) }
                @if seen.failure.is_none() { p { "Looking into the bucket takes longer than usual." } }
                (age(site, seen, &path))
            }
        }
    })
}

fn head(site: &Site, visitor: &Visitor, known: &DatabaseAnswer, look: &Look) -> Markup {
    let (label, (state, word)) = (&known.health.database, state(site, &known.health, look));
    let (backs_up, opens) = (site.abilities.backs_up(label), site.abilities.opens(label));
    html! {
        div.head {
            h1 { (label) }
            (tag(state, &word))
            div.acts {
                @if visitor.may_act() && backs_up {
                    (act_button("Back up now", &format!("what=back-up&database={label}"), true))
                }
                @if let Some(newest) = &known.health.newest_good {
                    @if visitor.may_act() && opens { (act_button("Test a restore", &format!("what=drill&database={label}"), false)) }
                    a.button href={ "/databases/" (label) "/backups/" (newest.id) "#get-it-back" } { "Get it back" }
                }
                a.button href={ "/databases/" (label) "/schedule" } { "Schedule" }
            }
        }
        @if visitor.may_act() && !backs_up {
            p.small.soft {
                "It is backed up where its URL and the key are set"
                @if !opens { ", and restores are tested there: this machine has a key that opens no backup" }
                "."
            }
        }
    }
}

/// What its schedules say.
fn more(site: &Site, known: &DatabaseAnswer) -> Markup {
    let health = &known.health;
    html! {
        p.small.soft {
            @match &health.schedule { Some(schedule) => { "Schedule: " (schedule) ". " }, None => "No schedule is set here. " }
            @if let Some(schedule) = &health.drills.schedule { "Drills: " (schedule) ". " }
            @if let Some(next) = &health.next_due { "Next: " (next.tier) ", " (moment(site, next.at)) ". " }
            @if let Some(read) = &health.last_read_back { "Last read back as a whole: " (moment(site, read.at)) "." }
        }
    }
}

/// What looks wrong, in words, with what a person can do about it.
fn wrong(site: &Site, visitor: &Visitor, known: &DatabaseAnswer) -> Markup {
    let health = &known.health;
    html! {
        @for one in &health.suspicious {
            section.card.alert.attention {
                div.head { h2 { "A backup looks wrong" } (tag(State::Attention, "look at it")) }
                p {
                    "That of " a href={ "/databases/" (health.database) "/backups/" (one.id) } { (moment(site, one.id.time())) } ":"
                }
                ul { @for reason in &one.reasons { li { (reason) } } }
                @if visitor.may_act() {
                    div.acts { (act_button("It is right: accept it", &format!("what=accept&database={}&id={}", health.database, one.id), false)) }
                }
            }
        }
        @if !health.held.is_empty() {
            section.card {
                h2 { "Held" }
                ul {
                    @for held in &health.held {
                        li { a href={ "/databases/" (health.database) "/backups/" (held.id) } { (moment(site, held.id.time())) } ": " (held.hold) }
                    }
                }
            }
        }
    }
}

/// Sizes, rows and lengths of time, of good backups and of drills.
fn plots(site: &Site, known: &DatabaseAnswer) -> Markup {
    let mut good: Vec<&Record> = known
        .listing
        .entries
        .iter()
        .filter(|one| one.is_sure())
        .map(|one| &one.record)
        .collect();
    good.reverse();
    let of = |value: &dyn Fn(&Record) -> u64| -> Vec<(Timestamp, u64)> {
        good.iter().map(|record| (record.started, value(record))).collect()
    };
    let mut drills: Vec<(Timestamp, u64)> = known
        .health
        .drills
        .measured
        .iter()
        .map(|drill| (drill.began, u64::try_from(drill.restore_ms).unwrap_or(0)))
        .collect();
    drills.reverse();
    let milliseconds = |value: u64| duration(i64::try_from(value).unwrap_or(i64::MAX));
    let took = |record: &Record| u64::try_from(record.finished.duration_since(record.started).as_millis()).unwrap_or(0);
    let all = [
        Plot {
            title: "Dumped",
            points: of(&|record| record.sealed.as_ref().map_or(0, |sealed| sealed.dump_bytes)),
            show: short_size,
        },
        Plot {
            title: "Stored",
            points: of(&|record| record.sealed.as_ref().map_or(0, Sealed::bytes)),
            show: short_size,
        },
        Plot {
            title: "Rows",
            points: of(&|record| record.counts.rows),
            show: grouped,
        },
        Plot {
            title: "A backup took",
            points: of(&took),
            show: milliseconds,
        },
        Plot {
            title: "A restore took",
            points: drills,
            show: milliseconds,
        },
    ];
    let drawn: Vec<Markup> = all.iter().filter_map(|plot| plot.markup(site)).collect();
    html! {
        @if !drawn.is_empty() {
            section.card {
                h2 { "Over time" }
                div.plots { @for plot in drawn { (plot) } }
            }
        }
    }
}
