//! Every database on one page: what needs a look first.

use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{
    Page,
    parts::{State, act_button, age, answers, failure, relative, state, tag},
    work::running,
};
use crate::{
    agent::{Overview, OverviewDatabase},
    dashboard::{
        access::Visitor,
        shown::{Answer, Seen},
        site::Site,
    },
    operation::Health,
    text::counted,
};

pub(in crate::dashboard) fn overview(site: &Site, visitor: &Visitor, seen: &Seen) -> Response {
    let known = seen.answer.as_ref().and_then(|(answer, _)| match &**answer {
        Answer::Overview(overview) => Some(overview),
        _ => None,
    });
    let works = running(site);
    let page = Page {
        site,
        visitor: Some(visitor),
        title: "Overview",
        refresh: Some(if works.is_some() || seen.is_looking { 5 } else { 60 }),
    };
    page.answer(&html! {
        @match known {
            Some(known) => { (verdict(known)) (age(site, seen, "/")) }
            None => {
                section.card { h1 { "Looking into the bucket" } p { "This takes longer than usual." } }
                (age(site, seen, "/"))
            }
        }
        @if let Some(works) = works { (works) }
        @if let Some(known) = known { (databases(site, visitor, known)) }
    })
}

/// One sentence for who reads nothing else.
fn verdict(known: &Overview) -> Markup {
    let of = |one: &OverviewDatabase| one.health.as_ref().map_or(State::Bad, |health| state(health).0);
    let count = known.databases.len();
    let worst = known.databases.iter().map(of).min();
    let bad = known.databases.iter().filter(|one| of(one) == State::Bad).count();
    let (state, text, more) = match worst {
        _ if known.writes_only => (
            State::Attention,
            "This machine may only write".to_owned(),
            "In drop-box mode nothing can be seen here: look where the bucket may be read.",
        ),
        None => (
            State::Attention,
            "There is no backup yet".to_owned(),
            "No database is configured, and the bucket has none.",
        ),
        Some(State::Bad) => (
            State::Bad,
            format!(
                "{bad} of {} {} a look",
                counted(count, "database"),
                if bad == 1 { "needs" } else { "need" }
            ),
            "What is wrong, and what to do, is below.",
        ),
        Some(State::Attention) => (
            State::Attention,
            format!("{} backed up", all(count, "is", "are")),
            "Something is worth a look when there is time.",
        ),
        Some(State::Good) => (
            State::Good,
            format!("{} safe", all(count, "is", "are")),
            "Backed up on time, and shown to come back.",
        ),
    };
    html! {
        div.verdict {
            span class={ "sign " (state.class()) } aria-hidden="true" { (state.sign()) }
            div { h1 { (text) } p.soft { (more) } }
        }
    }
}

fn all(count: usize, one: &str, several: &str) -> String {
    match count {
        1 => format!("The database {one}"),
        2 => format!("Both databases {several}"),
        count => format!("All {count} databases {several}"),
    }
}

/// The databases, those first that need a look.
fn databases(site: &Site, visitor: &Visitor, known: &Overview) -> Markup {
    let mut all: Vec<&OverviewDatabase> = known.databases.iter().collect();
    all.sort_by_key(|one| one.health.as_ref().map_or(State::Bad, |health| state(health).0));
    html! {
        @for one in all {
            @match &one.health {
                Ok(health) => { (database(site, visitor, health, known.at)) }
                Err(failed) => {
                    section.card.alert {
                        div.head { h2 { (one.label) } (tag(State::Bad, "can't be seen")) }
                        (failure(failed))
                    }
                }
            }
        }
        @if !known.not_configured.is_empty() {
            section.card {
                h2 { "In the bucket, and not configured here" }
                ul {
                    @for (label, newest) in &known.not_configured {
                        li {
                            a href={ "/databases/" (label) } { (label) }
                            ", the newest backup " (relative(site, newest.time(), known.at))
                            ": nobody here backs it up"
                        }
                    }
                }
            }
        }
    }
}

fn database(site: &Site, visitor: &Visitor, health: &Health, now: Timestamp) -> Markup {
    let (state, word) = state(health);
    let label = &health.database;
    html! {
        section class={ "card database" @if state == State::Bad { " alert" } @else if state == State::Attention { " alert attention" } } {
            div.head {
                h2 { a href={ "/databases/" (label) } { (label) } }
                (tag(state, word))
            }
            (problems(site, health, now))
            (answers(site, health, now))
            @if visitor.may_act() {
                div.acts {
                    (act_button("Back up now", &format!("what=back-up&database={label}"), state == State::Bad))
                    @if health.newest_good.is_some() {
                        (act_button("Test a restore", &format!("what=drill&database={label}"), false))
                    }
                }
            }
        }
    }
}

/// What is wrong, most urgent first, and why the last run failed.
pub(super) fn problems(site: &Site, health: &Health, now: Timestamp) -> Markup {
    let problems = health.problems();
    html! {
        @if !problems.is_empty() || health.last_failure.is_some() {
            ul.problems {
                @for problem in &problems { li { (problem) } }
                @if let Some(run) = &health.last_failure {
                    li {
                        "the last run failed " (relative(site, run.started, now)) ": " (run.failure.error.first_line())
                        @if let Some(hint) = &run.failure.hint { span.why { "What to do: " (hint.lines()) } }
                        @if let Some(until) = health.paused_until { span.why { "The next attempt is " (relative(site, until, now)) "." } }
                    }
                }
            }
        }
    }
}
