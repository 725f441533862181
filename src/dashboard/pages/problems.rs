//! What is wrong with a database, what a person should know beside, and what is missing to its first good backup.

use maud::{Markup, html};

use super::{
    look::Look,
    parts::{act_button, relative},
};
use crate::{
    dashboard::{access::Visitor, site::Site},
    operation::Health,
    text::grouped,
};

/// What is wrong, most urgent first, why the last run failed, and what is passed over.
pub(super) fn problems(site: &Site, health: &Health, look: &Look) -> Markup {
    let (problems, notes) = (health.problems(), notes(health));
    html! {
        @if !problems.is_empty() || health.last_failure.is_some() || !notes.is_empty() {
            ul.problems {
                @for problem in &problems { li { (problem) } }
                @if let Some(run) = &health.last_failure {
                    li {
                        "the last run failed " (relative(site, run.started, look.now)) ": " (run.failure.error.first_line())
                        @if let Some(hint) = &run.failure.hint { span.why { "What to do: " (hint.lines()) } }
                        @if let Some(until) = health.paused_until { span.why { "The next attempt is " (relative(site, until, look.now)) "." } }
                    }
                }
                @for note in &notes { li { (note) } }
            }
        }
    }
}

/// What is in the bucket and passed over, which `status` says as well: nothing of others is passed over in silence.
fn notes(health: &Health) -> Vec<String> {
    let mut notes = Vec::new();
    // where there is no good backup, that problem counts them
    if health.others > 0 && health.newest_good.is_some() {
        notes.push(format!(
            "records of another key, which are passed over: {}. If it is an earlier one of yours, it goes into \
             PGCOFFER_OLD_KEYS, with the day it was replaced; otherwise somebody else has put them there",
            grouped(health.others as u64)
        ));
    }
    if health.came_late > 0 {
        notes.push(format!(
            "backups that came to the bucket when their key had been retired: {}; where nobody copied them there, a \
             holder of that key has dated them back",
            grouped(health.came_late as u64)
        ));
    }
    notes
}

/// What is missing to the first good backup, step by step. Nothing where there is one.
pub(super) fn first_steps(site: &Site, visitor: &Visitor, health: &Health) -> Markup {
    let label = &health.database;
    let may_back_up = site.abilities.backs_up(label);
    if health.newest_good.is_some() {
        return html! {};
    }
    html! {
        h3 { "To the first good backup" }
        ol.problems {
            @if !may_back_up {
                li { "This machine can't back it up: that is done where its URL and the key are set." }
            }
            li {
                @match &health.schedule {
                    Some(schedule) => { "There is a schedule: " (schedule) "." }
                    None => { "There is no schedule: " a href={ "/databases/" (label) "/schedule" } { "choose one" } ", so that nobody has to think of it." }
                }
            }
            li {
                @if health.last_failure.is_some() { "The last run failed: mend what is said above, and try again. " }
                @else { "No backup was made yet. " }
                @if may_back_up && visitor.may_act() { (act_button("Back up now", &format!("what=back-up&database={label}"), true)) }
            }
            li { "Then test a restore, which shows that it comes back." }
        }
    }
}
