//! The runs of one database, newest first, a page at a time.

use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{State, moment, relative, tag};
use crate::{
    backup::{DrillVerdict, Retention, Sealed, Status, Tier},
    catalog::{CatalogEntry, Listing},
    dashboard::{
        run_filter::{RunFilter, RunState},
        shown::DatabaseAnswer,
        site::Site,
    },
    text::{grouped, short_size, span},
};

/// Runs on one page.
const PER_PAGE: usize = 50;

/// Which runs are shown, as the query says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::dashboard) struct HistoryFilter {
    /// `good`, `failed` or `held`; anything else for all.
    status: String,
    /// The name of a tier; anything else for all.
    tier: String,
    /// The page, from 1 on; anything else for the first.
    page: String,
}

impl HistoryFilter {
    fn shows(&self, listing: &Listing, one: &CatalogEntry) -> bool {
        let filter = RunFilter {
            state: RunState::parse(&self.status),
            tier: self.tier.parse().ok(),
        };
        filter.shows(listing, one)
    }

    /// The query of another page of the same runs.
    fn query(&self, page: usize) -> String {
        let known = |text: &str, all: &[&str]| all.iter().find(|one| **one == text).map_or("", |one| *one).to_owned();
        let tiers = Tier::ALL.map(|tier| tier.to_string());
        let tiers: Vec<&str> = tiers.iter().map(String::as_str).collect();
        let status = known(&self.status, &["good", "failed", "held"]);
        format!("status={status}&tier={}&page={page}", known(&self.tier, &tiers))
    }
}

/// `now`: what ages are told by.
pub(super) fn history(site: &Site, known: &DatabaseAnswer, filter: &HistoryFilter, now: Timestamp) -> Markup {
    let (label, listing) = (&known.health.database, &known.listing);
    let shown: Vec<&CatalogEntry> = listing
        .entries
        .iter()
        .filter(|one| filter.shows(listing, one))
        .collect();
    let pages = shown.len().div_ceil(PER_PAGE).max(1);
    let page = filter.page.parse().unwrap_or(1).clamp(1, pages);
    let on_page = shown.iter().skip((page - 1) * PER_PAGE).take(PER_PAGE);
    html! {
        section.card #history {
            div.head { h2 { "History" } span.soft.small { (grouped(shown.len() as u64)) " of " (grouped((listing.entries.len() + listing.more) as u64)) " runs" } }
            (filter_form(label.as_str(), filter))
            @if shown.is_empty() { p.soft { "There is no such run." } }
            @else {
                div.scroll tabindex="0" role="region" aria-label="History" {
                    table.stack {
                        thead { tr {
                            th scope="col" { "Began" } th scope="col" { "State" } th scope="col" { "Tier" }
                            th.n scope="col" { "Took" } th.n scope="col" { "Dumped" } th.n scope="col" { "Stored" }
                            th scope="col" { "Kept until" } th scope="col" { "Comes back" }
                            @if listing.copies.is_set() { th.n scope="col" { "Places" } }
                        } }
                        tbody { @for one in on_page { (run(site, listing, one, now)) } }
                    }
                }
            }
            @if pages > 1 {
                nav.head aria-label="Pages of the history" {
                    @if page > 1 { a.button href={ "?" (filter.query(page - 1)) "#history" } { "Newer" } }
                    span.soft { "Page " (page) " of " (pages) }
                    @if page < pages { a.button href={ "?" (filter.query(page + 1)) "#history" } { "Older" } }
                }
            }
            @if listing.more > 0 {
                p.small.soft { (grouped(listing.more as u64)) " older runs are not shown: " code { "pgcoffer list --database " (label) " --limit 0" } " shows them." }
            }
        }
    }
}

fn filter_form(label: &str, filter: &HistoryFilter) -> Markup {
    html! {
        form.filter method="get" action={ "/databases/" (label) "#history" } {
            div {
                label for="status" { "State" }
                select #status name="status" {
                    @for (value, word) in [("", "All"), ("good", "Good"), ("failed", "Failed"), ("held", "Held")] {
                        option value=(value) selected[filter.status == value] { (word) }
                    }
                }
            }
            div {
                label for="tier" { "Tier" }
                select #tier name="tier" {
                    option value="" { "All" }
                    @for tier in Tier::ALL {
                        option value=(tier) selected[filter.tier == tier.as_str()] { (tier) }
                    }
                }
            }
            div.acts { button type="submit" { "Show" } }
        }
    }
}

fn run(site: &Site, listing: &Listing, one: &CatalogEntry, now: Timestamp) -> Markup {
    let record = &one.record;
    let size = |bytes: Option<u64>| bytes.map_or_else(|| "–".to_owned(), short_size);
    let sealed = record.sealed.as_ref();
    let path = format!("/databases/{}/backups/{}", record.database, record.id);
    html! {
        tr {
            th scope="row" { a href=(path) { (moment(site, record.started)) } }
            td.state { (run_state(listing, one)) }
            td data-of="Tier" { (record.tier) }
            td.n data-of="Took" { (span(record.started, record.finished)) }
            td.n data-of="Dumped" { (size(sealed.map(|sealed| sealed.dump_bytes))) }
            td.n data-of="Stored" { (size(sealed.map(Sealed::bytes))) }
            td data-of="Kept until" { (kept_until(site, one)) }
            td data-of="Comes back" { (proven(site, listing, one, now)) }
            @if listing.copies.is_set() { td.n data-of="Places" { (places(listing, one)) } }
        }
        @if let Some(why) = why(listing, one) { tr { td.why-cell colspan=(if listing.copies.is_set() { 9 } else { 8 }) { (why) } } }
    }
}

fn run_state(listing: &Listing, one: &CatalogEntry) -> Markup {
    let is_held = one.mark.as_ref().is_some_and(|mark| mark.hold.is_some());
    html! {
        @if matches!(one.record.status, Status::Failed { .. }) { (tag(State::Bad, "failed")) }
        @else if let Some(doubt) = one.why_doubted() { (tag(if doubt.may_be_intact() { State::Attention } else { State::Bad }, "not sure")) }
        @else if listing.is_suspicious(&one.record) { (tag(State::Attention, "looks wrong")) }
        @else { (tag(State::Good, "good")) }
        @if is_held { " " span.tag.plain { "held" } }
    }
}

/// Why a run failed, or what is wrong with a backup.
fn why(listing: &Listing, one: &CatalogEntry) -> Option<Markup> {
    if let Some(failure) = one.failure() {
        return Some(html! {
            (failure.error.first_line())
            @if let Some(hint) = &failure.hint { span.why { "What to do: " (hint.lines()) } }
        });
    }
    if let Some(doubt) = one.why_doubted() {
        return Some(html! { (doubt.to_string()) });
    }
    let reasons = one.reasons();
    (listing.is_suspicious(&one.record) && !reasons.is_empty()).then(|| {
        html! { @for (n, reason) in reasons.iter().enumerate() { @if n > 0 { "; " } (reason) } }
    })
}

/// How many of how many places hold it, the bucket among them.
fn places(listing: &Listing, one: &CatalogEntry) -> String {
    let copies = &listing.copies;
    match one.is_good() {
        true => format!(
            "{} of {}",
            copies.of(&one.record.id).len() + 1,
            copies.places.len() + copies.unseen.len() + 1
        ),
        false => "–".to_owned(),
    }
}

fn kept_until(site: &Site, one: &CatalogEntry) -> Markup {
    html! {
        @match one.kept() {
            _ if matches!(one.record.status, Status::Failed { .. }) => "–",
            _ if one.mark.as_ref().is_some_and(|mark| mark.hold.is_some()) => "it is released",
            (_, Some(expires)) => (moment(site, expires)),
            (Retention::Newest(count), None) => { (count) " newer" },
            (_, None) => "forever",
        }
    }
}

fn proven(site: &Site, listing: &Listing, one: &CatalogEntry, now: Timestamp) -> Markup {
    html! {
        @match listing.drills.of_backups.get(&one.record.id) {
            Some(report) => @match report.verdict() {
                Some(DrillVerdict::NotProven) => strong { "differs" },
                Some(verdict) => { (verdict.words()) " " (relative(site, report.started, now)) },
                None => "not carried out",
            },
            None => @match one.last_read_back(now) {
                Some(at) => { "read back " (relative(site, at, now)) },
                None => "–",
            },
        }
    }
}
