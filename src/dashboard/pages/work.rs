//! What goes on now, and what has ended.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    Page,
    parts::{failure, moment, relative},
};
use crate::{
    dashboard::{access::Visitor, jobs::Job, site::Site},
    operation::Progress,
    text::{duration, size},
};

/// What goes on now; none if nothing does.
pub(super) fn running(site: &Site) -> Option<Markup> {
    let jobs = site.looks.jobs.running();
    let round = site.monitor.running_progress();
    if jobs.is_empty() && round.is_none() {
        return None;
    }
    Some(html! {
        section.card {
            h2 { "Running now" }
            @if let Some(progress) = &round {
                p { "What the schedule says" }
                (progress_bar("What the schedule says", progress))
            }
            @for job in &jobs {
                p { a href={ "/work/" (job.number) } { (job.title) } ", asked for by " (job.who) " " (relative(site, job.began, site.clock.now())) }
                (progress_bar(&job.title, &job.progress))
            }
        }
    })
}

fn progress_bar(what: &str, progress: &Progress) -> Markup {
    let (done, expected) = (progress.done_bytes(), progress.expected_bytes());
    html! {
        @if done > 0 && expected > 0 {
            progress aria-label=(what) max=(expected.max(done)) value=(done) {}
            p.small.soft { (size(done)) " of about " (size(expected.max(done))) }
        } @else if done > 0 {
            p.small.soft { (size(done)) " so far" }
        } @else {
            p.small.soft { "Looking, or waiting for the server." }
        }
    }
}

/// All work since `serve` began.
pub(in crate::dashboard) fn all(site: &Site, visitor: &Visitor) -> Response {
    let works = running(site);
    let page = Page {
        site,
        visitor: Some(visitor),
        title: "Work",
        refresh: works.is_some().then_some(5),
    };
    let ended = site.looks.jobs.ended();
    page.answer(&html! {
        h1 { "Work" }
        @match works {
            Some(works) => { (works) }
            None => { section.card { h2 { "Running now" } p.soft { "Nothing." } } }
        }
        section.card {
            h2 { "Asked for here" }
            @if ended.is_empty() { p.soft { "Nothing has ended since this server began." } }
            @else {
                ul {
                    @for job in &ended {
                        li {
                            a href={ "/work/" (job.number) } { (job.title) } ", by " (job.who) ", " (moment(site, job.began))
                            @if job.end.as_ref().is_some_and(|end| end.result.is_err()) { strong { ": failed" } }
                        }
                    }
                }
            }
        }
    })
}

/// Work of a number that nobody knows any more.
pub(in crate::dashboard) fn forgotten(site: &Site, visitor: &Visitor) -> Response {
    let page = Page {
        site,
        visitor: Some(visitor),
        title: "This work is not known any more",
        refresh: None,
    };
    page.answer(&html! {
        section.card {
            h1 { (page.title) }
            p { "The server was started again since, or much else was done. What became of it is in the bucket: in the history of its database"
                @if visitor.may_act() { ", and in the " a href="/audit" { "audit trail" } }
                "." }
            p { a href="/" { "Back to the overview" } }
        }
    })
}

/// One piece of work.
pub(in crate::dashboard) fn one(site: &Site, visitor: &Visitor, job: &Job) -> Response {
    let page = Page {
        site,
        visitor: Some(visitor),
        title: &job.title,
        refresh: job.end.is_none().then_some(2),
    };
    page.answer(&html! {
        p { a href="/work" { "All work" } }
        h1 { (job.title) }
        section.card {
            p.soft { "Asked for by " (job.who) ", " (moment(site, job.began)) }
            @match &job.end {
                None => {
                    p { strong { "It goes on." } " You can leave this page." }
                    (progress_bar(&job.title, &job.progress))
                }
                Some(end) => {
                    @match &end.result {
                        Ok(sentences) => {
                            p { strong { "Done" } " after " (duration(end.at.duration_since(job.began).as_millis().try_into().unwrap_or(i64::MAX))) "." }
                            @for sentence in sentences { p { (sentence) } }
                        }
                        Err(failed) => {
                            p { strong { "It failed." } }
                            (failure(failed))
                        }
                    }
                    @if let Some(path) = &end.path { p { a.button href=(path) { "Show it" } } }
                }
            }
        }
        @if job.end.is_none() { p.small.soft { a href={ "/work/" (job.number) } { "Look again" } } }
    })
}
