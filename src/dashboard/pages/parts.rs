//! Parts that several pages have.

use jiff::Timestamp;
use maud::{Markup, html};

use super::look::Look;
use crate::{
    backup::{DrillVerdict, Failure, MeasuredDrill},
    dashboard::{access::Visitor, shown::Seen, site::Site},
    operation::{DrillHealth, Health, PlaceHealth},
    text::{Untrusted, ago, counted, duration, size},
};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Bad,
    Attention,
    Good,
}

impl State {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Attention => "warn",
            Self::Good => "ok",
        }
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Bad => "!",
            Self::Attention => "~",
            Self::Good => "✓",
        }
    }

    /// The class of an answer in large letters.
    fn of_answer(self) -> &'static str {
        match self {
            Self::Bad => "main is-bad",
            Self::Attention => "main is-warn",
            Self::Good => "main",
        }
    }
}

/// The state of a database, and its word. What nobody could see lately is not well, and neither is what nobody backs up.
pub(super) fn state(site: &Site, health: &Health, look: &Look) -> (State, String) {
    let (state, word) = state_then(health);
    match look.as_of {
        Some(at) if state != State::Bad => (State::Attention, format!("as of {}", moment_text(site, at))),
        _ => (state, word.to_owned()),
    }
}

/// The same as it was when it was seen.
fn state_then(health: &Health) -> (State, &'static str) {
    match (
        health.problems().is_empty(),
        health.late.is_empty(),
        &health.last_failure,
    ) {
        (false, false, _) => (State::Bad, "late"),
        (false, true, _) => (State::Bad, "needs a look"),
        (true, _, Some(_)) => (State::Attention, "failing, not late"),
        (true, _, None) if health.schedule.is_none() => (State::Attention, "no schedule"),
        (true, _, None) if health.others > 0 => (State::Attention, "others' records"),
        (true, _, None) if health.drills.last_proven.is_none() => (State::Attention, "never proven"),
        (true, _, None) => (State::Good, "all well"),
    }
}

pub(super) fn tag(state: State, word: &str) -> Markup {
    html! { span class={ "tag " (state.class()) } { span aria-hidden="true" { (state.sign()) } (word) } }
}

/// The name of the zone in which pages show moments.
pub(super) fn zone_name(site: &Site) -> String {
    site.zone
        .iana_name()
        .filter(|name| *name != "Etc/UTC")
        .unwrap_or("UTC")
        .to_owned()
}

/// A moment as people read it: `29 Nov 2026, 14:00`.
pub(super) fn moment_text(site: &Site, time: Timestamp) -> String {
    time.to_zoned(site.zone.clone())
        .strftime("%-d %b %Y, %H:%M")
        .to_string()
}

pub(super) fn moment(site: &Site, time: Timestamp) -> Markup {
    html! { time datetime=(time.strftime("%FT%TZ")) { (moment_text(site, time)) } }
}

/// Since when or until when, in the largest unit, with the moment itself behind it.
pub(super) fn relative(site: &Site, time: Timestamp, now: Timestamp) -> Markup {
    html! { time datetime=(time.strftime("%FT%TZ")) title=(moment_text(site, time)) { (ago(time, now)) } }
}

/// What every form brings along.
pub(super) fn form_token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name="token" value=(visitor.form_token.reveal()); }
}

/// A command to copy.
pub(super) fn command(text: &Markup) -> Markup {
    html! { pre tabindex="0" data-copy { (text) } }
}

/// One question with its answer.
pub(super) fn answer(question: &str, state: State, answer: &Markup, more: &Markup) -> Markup {
    html! {
        div {
            dt { (question) }
            dd class=(state.of_answer()) { (answer) }
            dd.small.soft { (more) }
        }
    }
}

/// The three answers of a database.
pub(super) fn answers(site: &Site, health: &Health, look: &Look) -> Markup {
    html! {
        dl.answers {
            (newest(site, health, look.now))
            (comes_back(site, &health.drills, look.now))
            (places(site, health))
        }
    }
}

/// Is there a backup, and how old is the newest good one against the schedule?
fn newest(site: &Site, health: &Health, now: Timestamp) -> Markup {
    let question = "Newest good backup";
    let next = html! {
        @match (&health.schedule, &health.next_due) {
            (_, Some(next)) if next.at <= now => { "the " (next.tier) " one is due now" }
            (_, Some(next)) => { (next.tier) " due " (relative(site, next.at, now)) }
            (None, None) => { a href={ "/databases/" (health.database) "/schedule" } { "no schedule" } ": nobody here backs it up" }
            (Some(_), None) => {}
        }
    };
    let Some(good) = &health.newest_good else {
        return answer(question, State::Bad, &html! { "None" }, &next);
    };
    let state = match (health.late.is_empty(), &health.last_failure) {
        (false, _) => State::Bad,
        (true, Some(_)) => State::Attention,
        (true, None) if health.schedule.is_none() => State::Attention,
        (true, None) => State::Good,
    };
    let more = html! {
        (next) " · " (counted(health.good, "good backup")) ", " (size(health.bytes))
    };
    answer(question, state, &relative(site, good.started, now), &more)
}

/// Does it come back, and how fast?
fn comes_back(site: &Site, drills: &DrillHealth, now: Timestamp) -> Markup {
    let question = "Does it come back?";
    let last = drills.last.as_ref().and_then(|last| last.verdict);
    let more = html! {
        @if let Some(proven) = &drills.last_proven { "restored in " (duration(proven.restore_ms)) }
        @else { "no drill has shown yet that a backup comes back" }
        @if let Some(since) = drills.overdue_since { " · a drill is overdue since " (moment(site, since)) }
        @else if let Some(next) = drills.next_due { " · next drill " (relative(site, next, now)) }
    };
    let (state, text) = match (last, &drills.last_proven) {
        (Some(DrillVerdict::NotProven), _) => (State::Bad, html! { "The last drill found differences" }),
        (_, Some(proven)) => (
            if drills.overdue_since.is_some() {
                State::Attention
            } else {
                State::Good
            },
            html! { (proven_word(proven)) " " (relative(site, proven.began, now)) },
        ),
        (_, None) => (State::Attention, html! { "Not proven yet" }),
    };
    answer(question, state, &text, &more)
}

pub(super) fn proven_word(proven: &MeasuredDrill) -> &'static str {
    match proven.verdict {
        DrillVerdict::PartlyProven => "Partly proven",
        _ => "Proven",
    }
}

/// Where it is kept.
fn places(site: &Site, health: &Health) -> Markup {
    let all = health.places.len() + 1;
    let holding = 1 + health.places.iter().filter(|place| place.holds_newest).count();
    let (state, text) = match &health.newest_good {
        None => (State::Bad, html! { "Nowhere" }),
        Some(_) if health.late_places().next().is_some() => (State::Attention, html! { (in_places(holding, all)) }),
        Some(_) => (State::Good, html! { (in_places(holding, all)) }),
    };
    let more = html! {
        (site.place)
        @for place in &health.places { " · " (place.place) ": " (place_state(site, place)) }
    };
    answer("Where is it?", state, &text, &more)
}

/// In how many places something is, the bucket among them.
pub(super) fn in_places(holding: usize, all: usize) -> String {
    match all {
        1 => "In 1 place".to_owned(),
        all => format!("In {holding} of {all} places"),
    }
}

/// What one place beside the bucket holds.
fn place_state(site: &Site, place: &PlaceHealth) -> Markup {
    let missing = counted(place.behind.len(), "backup");
    html! {
        @if place.failure.is_some() { "can't be looked at" }
        @else if place.is_complete() { "complete, " (counted(place.wanted, "backup")) }
        @else if place.copying_since.is_some() { (missing) " missing, being copied" }
        @else if let Some(since) = place.behind_since { (missing) " missing since " (moment(site, since)) }
        @else { (missing) " missing" }
    }
}

/// How old a page is, and whether what it shows could be refreshed.
pub(super) fn age(site: &Site, seen: &Seen, path: &str) -> Markup {
    let now = site.clock.now();
    html! {
        p.small.soft {
            @if let Some((_, at)) = &seen.answer {
                "From the bucket " (relative(site, *at, now)) ". "
            }
            @if seen.is_looking { "A newer look goes on. " }
            a href=(path) { "Look again" }
        }
        @if let Some(failed) = &seen.failure {
            section.card.alert {
                h2 { "The bucket can't be seen right now" }
                (failure(&failed.failure))
                @if seen.answer.is_some() { p.soft { "What is below is older." } }
            }
        }
    }
}

/// Why something failed, and what cures it.
pub(super) fn failure(failure: &Failure) -> Markup {
    html! {
        p { (failure.error.lines()) }
        @if let Some(hint) = &failure.hint { p.soft { "What to do: " (hint.lines()) } }
    }
}

/// A button that leads to the page which asks before it acts.
pub(super) fn act_button(word: &str, query: &str, is_primary: bool) -> Markup {
    let class = if is_primary { "button primary" } else { "button" };
    html! { a class=(class) href={ "/act?" (query) } { (word) } }
}

/// The name of a table as people write it.
pub(super) fn table_name(schema: &Untrusted, name: &Untrusted) -> Markup {
    apart(&format!("{}.{}", schema.identifier(), name.identifier()))
}

/// A text whose direction of writing turns nothing beside it.
pub(super) fn apart(text: &str) -> Markup {
    html! { @if text.is_ascii() { (text) } @else { bdi { (text) } } }
}

/// How much more or less there is than before, with its sign.
pub(super) fn change(before: u64, now: u64, show: impl Fn(u64) -> String) -> String {
    match now.cmp(&before) {
        std::cmp::Ordering::Equal => "same".to_owned(),
        std::cmp::Ordering::Greater => format!("+{}", show(now - before)),
        std::cmp::Ordering::Less => format!("−{}", show(before - now)),
    }
}
