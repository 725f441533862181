//! Every database on one page: what needs a look first.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    Page,
    look::Look,
    parts::{State, act_button, age, answers, failure, moment_text, relative, state, tag},
    problems::{first_steps, problems},
    short_list::{LISTED_FROM, is_calm, short_list},
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
        Answer::Overview(overview) => Some((overview, Look::of(site, seen, overview.at))),
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
        @match &known {
            Some((known, look)) => { (verdict(site, known, look)) }
            None if seen.failure.is_some() => { h1 { "Nothing is known yet" } }
            None => { section.card { h1 { "Looking into the bucket" } p { "This takes longer than usual." } } }
        }
        (age(site, seen, "/"))
        @if let Some(works) = works { (works) }
        @if let Some((known, look)) = &known { (databases(site, visitor, known, look)) }
    })
}

/// One sentence for who reads nothing else.
fn verdict(site: &Site, known: &Overview, look: &Look) -> Markup {
    let of = |one: &OverviewDatabase| {
        one.health
            .as_ref()
            .map_or(State::Bad, |health| state(site, health, look).0)
    };
    let count = known.databases.len();
    let worst = known.databases.iter().map(of).min();
    let bad = known.databases.iter().filter(|one| of(one) == State::Bad).count();
    let (state, text, more) = match (worst, look.as_of) {
        _ if known.writes_only => (
            State::Attention,
            "This machine may only write".to_owned(),
            "In drop-box mode nothing can be seen here: look where the bucket may be read.".to_owned(),
        ),
        (None, _) => (
            State::Attention,
            "There is no backup yet".to_owned(),
            "No database is configured, and the bucket has none.".to_owned(),
        ),
        (Some(State::Bad), _) => (
            State::Bad,
            format!(
                "{bad} of {} {} a look",
                counted(count, "database"),
                if bad == 1 { "needs" } else { "need" }
            ),
            "What is wrong, and what to do, is below.".to_owned(),
        ),
        (Some(_), Some(at)) => (
            State::Attention,
            format!(
                "{} backed up as of {}",
                all(count, "was", "were"),
                moment_text(site, at)
            ),
            "Nothing newer could be seen since: nobody knows what has happened.".to_owned(),
        ),
        (Some(State::Attention), None) => (
            State::Attention,
            format!("{} backed up", all(count, "is", "are")),
            attention(known),
        ),
        (Some(State::Good), None) => (
            State::Good,
            format!("{} safe", all(count, "is", "are")),
            "Backed up on time, and shown to come back.".to_owned(),
        ),
    };
    html! {
        div.verdict {
            span class={ "sign " (state.class()) } aria-hidden="true" { (state.sign()) }
            div { h1 { (text) } p.soft { (more) } }
        }
    }
}

/// What is worth a look where nothing is bad.
fn attention(known: &Overview) -> String {
    let healths = known.databases.iter().filter_map(|one| one.health.as_ref().ok());
    match healths.filter(|health| health.schedule.is_none()).count() {
        0 => "Something is worth a look when there is time.".to_owned(),
        1 => "One has no schedule here: nobody here backs it up, and whether it is on time can't be told.".to_owned(),
        count => format!(
            "{count} have no schedule here: nobody here backs them up, and whether they are on time can't be told."
        ),
    }
}

fn all(count: usize, one: &str, several: &str) -> String {
    match count {
        1 => format!("The database {one}"),
        2 => format!("Both databases {several}"),
        count => format!("All {count} databases {several}"),
    }
}

/// The databases, those first that need a look. Of many, those that need nothing are a line each.
fn databases(site: &Site, visitor: &Visitor, known: &Overview, look: &Look) -> Markup {
    let mut all: Vec<&OverviewDatabase> = known.databases.iter().collect();
    all.sort_by_key(|one| {
        one.health
            .as_ref()
            .map_or(State::Bad, |health| state(site, health, look).0)
    });
    let is_listed = |one: &&OverviewDatabase| all.len() >= LISTED_FROM && one.health.as_ref().is_ok_and(is_calm);
    let (calm, shown): (Vec<&OverviewDatabase>, Vec<_>) = all.iter().copied().partition(is_listed);
    html! {
        @for one in shown {
            @match &one.health {
                Ok(health) => { (database(site, visitor, health, look)) }
                Err(failed) => {
                    section.card.alert {
                        div.head { h2 { (one.label) } (tag(State::Bad, "can't be seen")) }
                        (failure(failed))
                    }
                }
            }
        }
        (short_list(site, &calm, look))
        @if !known.not_configured.is_empty() {
            section.card {
                h2 { "In the bucket, and not configured here" }
                ul {
                    @for (label, newest) in &known.not_configured {
                        li {
                            a href={ "/databases/" (label) } { (label) }
                            ", the newest backup " (relative(site, newest.time(), look.now))
                            ": nobody here backs it up"
                        }
                    }
                }
            }
        }
    }
}

fn database(site: &Site, visitor: &Visitor, health: &Health, look: &Look) -> Markup {
    let (state, word) = state(site, health, look);
    let label = &health.database;
    let has_good = health.newest_good.is_some();
    html! {
        section class={ "card database" @if state == State::Bad { " alert" } @else if state == State::Attention { " alert attention" } } {
            div.head {
                h2 { a href={ "/databases/" (label) } { (label) } }
                (tag(state, &word))
            }
            (problems(site, health, look))
            (first_steps(site, visitor, health))
            (answers(site, health, look))
            @if visitor.may_act() && has_good {
                div.acts {
                    @if site.abilities.backs_up(label) {
                        (act_button("Back up now", &format!("what=back-up&database={label}"), state == State::Bad))
                    }
                    @if site.abilities.opens(label) {
                        (act_button("Test a restore", &format!("what=drill&database={label}"), false))
                    }
                }
            }
        }
    }
}
