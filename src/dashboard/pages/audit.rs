//! The audit trail: who had what done, from where, and how it ended.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    Page,
    parts::{State, age, moment, tag},
};
use crate::{
    agent::{AuditLine, AuditLines},
    backup::{AuditEvent, AuditOutcome},
    dashboard::{
        access::Visitor,
        shown::{Answer, Seen},
        site::Site,
    },
    text::{counted, grouped},
};

pub(in crate::dashboard) fn audit(site: &Site, visitor: &Visitor, seen: &Seen) -> Response {
    let known = seen.answer.as_ref().and_then(|(answer, _)| match &**answer {
        Answer::Audit(known) => Some(known),
        _ => None,
    });
    let page = Page {
        site,
        visitor: Some(visitor),
        title: "Audit trail",
        refresh: seen.is_looking.then_some(5),
    };
    page.answer(&html! {
        h1 { "Audit trail" }
        (age(site, seen, "/audit"))
        @match known {
            Some(known) => { (unreadable(known)) (missing(site, known)) (lines(site, known)) }
            None => {
                @if seen.failure.is_none() { p { "Looking into the bucket takes longer than usual." } }
            }
        }
    })
}

/// Entries that somebody has changed, or that are damaged.
fn unreadable(known: &AuditLines) -> Markup {
    html! {
        @if !known.unreadable.is_empty() {
            section.card.alert {
                h2 { (grouped(known.unreadable.len() as u64)) " of these entries can't be believed" }
                p { "What stands in the bucket is not what was sealed: somebody has changed it, or it is damaged." }
                ul { @for (name, why) in &known.unreadable { li { code { (name) } ": " (why) } } }
            }
        }
    }
}

/// Entries that somebody has taken away.
fn missing(site: &Site, known: &AuditLines) -> Markup {
    html! {
        @if !known.missing.is_empty() {
            section.card.alert {
                h2 { (match known.missing.len() {
                    1 => "An entry is gone".to_owned(),
                    count => format!("{} entries are gone", grouped(count as u64)),
                }) }
                p { "They were there once, and their time is not over: somebody deleted them, or a rule of the bucket did." }
                ul { @for one in &known.missing { li {
                    "One of " (moment(site, one.name.time()))
                    @match &one.named_by {
                        Some(later) => { ", which that of " (moment(site, later.time())) " names" }
                        None => ", which was seen from here"
                    }
                    ": " code { (one.name.as_str()) }
                } } }
            }
        }
    }
}

fn lines(site: &Site, known: &AuditLines) -> Markup {
    html! {
        section.card {
            h2 { "What was done from here" }
            @if known.lines.is_empty() { p.soft { "Nothing yet." } }
            @else {
                div.scroll tabindex="0" role="region" aria-label="What was done from here" {
                    table.stack {
                        thead { tr {
                            th scope="col" { "When" } th scope="col" { "How it ended" } th scope="col" { "What" }
                            th scope="col" { "Who" } th scope="col" { "From" }
                        } }
                        tbody { @for line in &known.lines { (row(site, line)) } }
                    }
                }
            }
            @if known.has_more { p.small.soft { "There are older ones: " code { "pgcoffer audit --limit 0" } " shows them." } }
            @if known.months_passed_over > 0 {
                p.small.soft { (counted(grouped(known.months_passed_over as u64), "folder")) " of months more than three years ago, or yet to come, in which no entry is looked for: not made from here." }
            }
            p.small.soft { "Each entry is sealed in the bucket. They are kept for 400 days." }
        }
    }
}

fn row(site: &Site, line: &AuditLine) -> Markup {
    let (asked, last) = (&line.entry, &line.last().event);
    html! {
        tr {
            th scope="row" { (moment(site, asked.name.time())) }
            td.state { (outcome(last.outcome)) }
            td data-of="What" {
                (what(last))
                @if let Some(detail) = &asked.event.detail { span.why { (detail) } }
                @if last.outcome == AuditOutcome::Failed && last.detail != asked.event.detail {
                    @if let Some(why) = &last.detail { span.why { (why) } }
                }
            }
            td data-of="Who" { (last.who) @if last.who != last.role.words() { span.why { (last.role.words()) } } }
            td data-of="From" { (last.from) }
        }
    }
}

fn outcome(outcome: AuditOutcome) -> Markup {
    match outcome {
        AuditOutcome::Done => tag(State::Good, "done"),
        AuditOutcome::Asked => tag(State::Attention, "goes on, or was killed"),
        AuditOutcome::Failed => tag(State::Bad, "failed"),
        AuditOutcome::Refused => tag(State::Bad, "refused"),
        AuditOutcome::Joined => tag(State::Good, "joined what went on"),
    }
}

fn what(event: &AuditEvent) -> Markup {
    html! {
        (event.action.words())
        @match (&event.database, &event.backup) {
            (Some(label), Some(id)) => { " " a href={ "/databases/" (label) "/backups/" (id) } { (label) " " (id) } }
            (Some(label), None) => { " " a href={ "/databases/" (label) } { (label) } }
            (None, _) => {}
        }
        @if event.count > 1 { strong { ", " (grouped(event.count)) " times" } }
    }
}
