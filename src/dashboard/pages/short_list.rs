//! Databases that need nothing, a line each, where there are many.

use maud::{Markup, html};

use super::{
    look::Look,
    parts::{proven_word, relative, state, tag},
};
use crate::{agent::OverviewDatabase, dashboard::site::Site, operation::Health, text::counted};

/// From so many databases on, those that need nothing are a line each.
pub(super) const LISTED_FROM: usize = 7;

/// Whether nobody has to look at it: it is backed up on time, and at the most nobody has tried yet whether it comes back.
pub(super) fn is_calm(health: &Health) -> bool {
    health.problems().is_empty()
        && health.last_failure.is_none()
        && health.schedule.is_some()
        && health.suspicious.is_empty()
        && health.others == 0
        && health.drills.overdue_since.is_none()
}

pub(super) fn short_list(site: &Site, calm: &[&OverviewDatabase], look: &Look) -> Markup {
    let healths: Vec<&Health> = calm.iter().filter_map(|one| one.health.as_ref().ok()).collect();
    let title = format!("{} on time", counted(healths.len(), "database"));
    html! {
        @if !healths.is_empty() {
            section.card {
                h2 { (title) }
                div.scroll tabindex="0" role="region" aria-label=(title) {
                    table.stack {
                        thead { tr {
                            th scope="col" { "Database" } th scope="col" { "State" } th scope="col" { "Newest" }
                            th scope="col" { "Next" } th scope="col" { "Comes back" }
                        } }
                        tbody { @for health in healths { (line(site, health, look)) } }
                    }
                }
            }
        }
    }
}

fn line(site: &Site, health: &Health, look: &Look) -> Markup {
    let (state, word) = state(site, health, look);
    html! {
        tr {
            th scope="row" { a href={ "/databases/" (health.database) } { (health.database) } }
            td.state { (tag(state, &word)) }
            td data-of="Newest" {
                @match &health.newest_good { Some(good) => (relative(site, good.started, look.now)), None => "–" }
            }
            td data-of="Next" {
                @match &health.next_due { Some(next) => { (next.tier) " " (relative(site, next.at, look.now)) }, None => "–" }
            }
            td data-of="Comes back" {
                @match &health.drills.last_proven {
                    Some(proven) => { (proven_word(proven)) " " (relative(site, proven.began, look.now)) }
                    None => "not proven yet"
                }
            }
        }
    }
}
