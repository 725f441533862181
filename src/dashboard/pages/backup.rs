//! One backup: what is inside, what is known of it, and how to get it back.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    Page,
    commands::get_it_back,
    parts::{State, act_button, age, change, in_places, moment, moment_text, table_name, tag},
};
use crate::{
    agent::ShownBackup,
    backup::{
        BackupId, Details, DrillOutcome, DrillVerdict, Label, Record, Retention, Sealed, Status, TableFingerprint,
    },
    dashboard::{
        access::Visitor,
        shown::{Answer, BackupAnswer, Seen},
        site::Site,
    },
    text::{counted, duration, grouped, size, span},
};

/// Tables on the page; the others are counted.
const TABLES_MAX: usize = 500;
/// Of these the largest, which are seen at once; the others are one tap away.
const OPEN_MAX: usize = 50;

pub(in crate::dashboard) fn backup(
    site: &Site,
    visitor: &Visitor,
    (label, id): (&Label, &BackupId),
    seen: &Seen,
) -> Response {
    let known = seen.answer.as_ref().and_then(|(answer, _)| match &**answer {
        Answer::Backup(known) => Some(known),
        _ => None,
    });
    let title = format!("{label}, {}", moment_text(site, id.time()));
    let page = Page {
        site,
        visitor: Some(visitor),
        title: &title,
        refresh: seen.is_looking.then_some(5),
    };
    page.answer(&html! {
        p { a href={ "/databases/" (label) } { "All of " (label) } }
        @match known {
            Some(known) => { (found(site, visitor, known)) }
            None => {
                h1 { (title) }
                @if seen.failure.is_none() { p { "Looking into the bucket takes longer than usual." } }
            }
        }
        (age(site, seen, &format!("/databases/{label}/backups/{id}")))
    })
}

fn found(site: &Site, visitor: &Visitor, known: &BackupAnswer) -> Markup {
    let shown = &known.shown;
    let record = &shown.record;
    let is_good = record.is_good();
    html! {
        div.head {
            h1 { (record.database) ", " (moment(site, record.started)) }
            (tags(shown))
            @if visitor.may_act() && is_good { (acts(site, shown)) }
        }
        p.small.soft { "Id " code { (record.id) } }
        (why(shown))
        dl.answers { (inside(record)) (kept(site, shown)) (places(site, shown)) (opens(record)) (source(record)) }
        @if is_good { (get_it_back(record, shown.details.as_ref())) }
        @match &shown.details {
            Some(details) => {
                (tables(known, details))
                (definitions(details))
                (warnings(details))
            }
            None => {
                section.card {
                    h2 { "Tables" }
                    p {
                        @if shown.sees_inside { "The details of this backup are lost, and only they name its tables. It can be restored all the same." }
                        @else { "Names of tables are not shown here: a catalog key alone is set, which does not open them." }
                    }
                }
            }
        }
        (history(site, shown))
    }
}

fn tags(shown: &ShownBackup) -> Markup {
    let last = shown.drills.reports.first().and_then(|report| report.verdict());
    let is_held = shown.mark.as_ref().is_some_and(|mark| mark.hold.is_some());
    html! {
        @match shown.record.status {
            Status::Succeeded => (tag(State::Good, "good")),
            Status::Failed { .. } => (tag(State::Bad, "failed")),
        }
        @match last {
            Some(DrillVerdict::NotProven) => (tag(State::Bad, "not proven")),
            Some(verdict) => (tag(State::Good, verdict.words())),
            None if shown.last_read_back.is_some() => (tag(State::Good, "read back")),
            None => {}
        }
        @if is_held { span.tag.plain { "held" } }
    }
}

fn acts(site: &Site, shown: &ShownBackup) -> Markup {
    let record = &shown.record;
    let query = |what: &str| format!("what={what}&database={}&id={}", record.database, record.id);
    let is_held = shown.mark.as_ref().is_some_and(|mark| mark.hold.is_some());
    let is_accepted = shown.mark.as_ref().is_some_and(|mark| mark.accepted.is_some());
    html! {
        div.acts {
            // a catalog key opens no backup
            @if site.abilities.opens(&record.database) {
                (act_button("Test a restore", &query("drill"), false))
                (act_button("Read it back", &query("verify"), false))
            }
            @if is_held { (act_button("Release", &query("release"), false)) }
            @else { (act_button("Hold", &query("hold"), false)) }
            @if !record.anomalies.is_empty() && !is_accepted { (act_button("Accept", &query("accept"), false)) }
            (act_button("Keep longer or shorter", &query("retain"), false))
            (act_button("Delete…", &query("delete"), false))
        }
    }
}

/// Why it failed, or why it looks wrong.
fn why(shown: &ShownBackup) -> Markup {
    let failure = match &shown.details {
        Some(details) => details.failure(&shown.record),
        None => Details::default().failure(&shown.record),
    };
    let reasons = shown.details.iter().flat_map(|details| &details.suspicious);
    let reasons: Vec<String> = reasons.map(ToString::to_string).collect();
    html! {
        @if let Some(failure) = &failure { section.card.alert { h2 { "Why it failed" } (super::parts::failure(failure)) } }
        @if !reasons.is_empty() {
            section.card.alert.attention { h2 { "It looks wrong beside those before it" } ul { @for reason in &reasons { li { (reason) } } } }
        }
    }
}

fn fact(question: &str, main: &Markup, more: &Markup) -> Markup {
    html! { div { dt { (question) } dd.main { (main) } dd.small.soft { (more) } } }
}

fn inside(record: &Record) -> Markup {
    let main =
        html! { (counted(grouped(record.counts.tables), "table")) ", " (counted(grouped(record.counts.rows), "row")) };
    let more = html! {
        @if let Some(sealed) = &record.sealed { (size(sealed.dump_bytes)) " dumped, " (size(Sealed::bytes(sealed))) " stored" }
        @if record.counts.large_objects > 0 { ", " (counted(grouped(record.counts.large_objects), "large object")) }
    };
    fact("What is inside", &main, &more)
}

fn kept(site: &Site, shown: &ShownBackup) -> Markup {
    let record = &shown.record;
    let mark = shown.mark.as_ref();
    let (hold, kept) = (mark.and_then(|mark| mark.hold.as_ref()), record.kept(mark));
    let main = html! {
        // a hold is there so that nothing else ends it
        @if hold.is_some() { "it is released" }
        @else {
            @match kept {
                (_, Some(expires)) => (moment(site, expires)),
                (Retention::Newest(count), None) => { "until there are " (count) " newer" },
                (_, None) => "forever",
            }
        }
    };
    let tiers: Vec<String> = record.serves().iter().map(|served| served.tier.to_string()).collect();
    let more = html! {
        (tiers.join(", "))
        @if let Some(hold) = hold {
            ", held " (hold)
            @if let (_, Some(expires)) = kept { "; without that, until " (moment(site, expires)) }
        }
    };
    fact("Kept until", &main, &more)
}

/// In which places it is.
fn places(site: &Site, shown: &ShownBackup) -> Markup {
    let copies = &shown.copies;
    let held = copies.of(&shown.record.id);
    let all = copies.places.len() + copies.unseen.len() + 1;
    let main = html! {
        @if shown.record.is_good() { (in_places(held.len() + 1, all)) } @else { "Nowhere" }
    };
    let more = html! {
        @if shown.record.is_good() {
            (site.place)
            @for place in held { ", " (place) }
            @for place in copies.places.iter().filter(|place| !held.contains(place)) { "; not in " (place) }
            @for (place, why) in &copies.unseen { "; " (place) " can't be looked at: " (why.first_line()) }
        }
    };
    fact("Where it is", &main, &more)
}

fn opens(record: &Record) -> Markup {
    fact("Who can open it", &html! { "1 key" }, &html! { (record.sealed_for) })
}

fn source(record: &Record) -> Markup {
    let main = html! {
        @match &record.source { Some(source) => { "PostgreSQL " (source.server.version) }, None => "Not reached" }
    };
    let more = html! {
        @if let Some(source) = &record.source { "database " (source.server.database) ", by pg_dump " (source.client.version) "; " }
        "took " (span(record.started, record.finished))
    };
    fact("From", &main, &more)
}

/// The tables with what changed since the backup before.
fn tables(known: &BackupAnswer, details: &Details) -> Markup {
    let before = known.before.as_ref().and_then(|before| before.details.as_ref());
    let mut tables: Vec<_> = details.tables.iter().collect();
    tables.sort_by(|a, b| {
        b.bytes
            .cmp(&a.bytes)
            .then_with(|| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)))
    });
    let gone = before.map_or(0, |before| {
        let is_there = |schema: &_, name: &_| {
            details
                .tables
                .iter()
                .any(|one| one.schema == *schema && one.name == *name)
        };
        before
            .tables
            .iter()
            .filter(|one| !is_there(&one.schema, &one.name))
            .count()
    });
    html! {
        section.card {
            h2 { "Tables" }
            @if tables.is_empty() { p.soft { "There is none." } }
            @else {
                (table_of("Tables", &tables[..tables.len().min(OPEN_MAX)], before))
                @if tables.len() > OPEN_MAX {
                    @let rest = &tables[OPEN_MAX..tables.len().min(TABLES_MAX)];
                    details {
                        summary { (counted(rest.len(), "smaller table")) }
                        (table_of("Smaller tables", rest, before))
                    }
                }
            }
            @if tables.len() > TABLES_MAX { p.small.soft { (counted(tables.len() - TABLES_MAX, "smaller table")) " more: " code { "pgcoffer show " (known.shown.record.id) } } }
            @if gone > 0 { p.small { (counted(gone, "table")) " of the backup before " (if gone == 1 { "is" } else { "are" }) " not in this one." } }
            @if let Some(before) = &known.before {
                p.small.soft { "The backup before is that of " a href={ "/databases/" (before.record.database) "/backups/" (before.record.id) } { (before.record.id.time().strftime("%-d %b %Y, %H:%M UTC")) } "." }
            }
        }
    }
}

fn table_of(title: &str, tables: &[&TableFingerprint], before: Option<&Details>) -> Markup {
    let earlier = |schema: &str, name: &str| {
        let mut tables = before?.tables.iter();
        tables.find(|table| table.schema == *schema && table.name == *name)
    };
    html! {
        div.scroll tabindex="0" role="region" aria-label=(title) {
            table {
                thead { tr {
                    th scope="col" { "Table" } th.n scope="col" { "Rows" } th.n.wide scope="col" { "Bytes" }
                    th.n scope="col" { "Since before" }
                } }
                tbody {
                    @for table in tables {
                        tr {
                            th scope="row" { (table_name(&table.schema, &table.name)) }
                            td.n { (grouped(table.rows)) }
                            td.n.wide { (size(table.bytes)) }
                            td.n {
                                @match (before, earlier(table.schema.raw(), table.name.raw())) {
                                    (None, _) => "–",
                                    (Some(_), None) => "new",
                                    (Some(_), Some(was)) if was.rows == table.rows && was.fingerprint != table.fingerprint => "other rows",
                                    (Some(_), Some(was)) => (change(was.rows, table.rows, grouped)),
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn definitions(details: &Details) -> Markup {
    html! {
        @if !details.definitions.is_empty() {
            section.card {
                details {
                    summary { h2 { "Definitions" } }
                    table {
                        thead { tr { th scope="col" { "Kind" } th.n scope="col" { "Number" } } }
                        tbody { @for one in &details.definitions { tr { td { (one.kind) } td.n { (grouped(one.count)) } } } }
                    }
                    @if !details.extensions.is_empty() {
                        p.small.soft { "Extensions: " @for (n, (name, version)) in details.extensions.iter().enumerate() { @if n > 0 { ", " } (name) " " (version) } }
                    }
                }
            }
        }
    }
}

fn warnings(details: &Details) -> Markup {
    html! {
        @if !details.warnings.is_empty() {
            section.card.alert.attention { h2 { "Warnings of its run" } ul { @for warning in &details.warnings { li { (warning) } } } }
        }
    }
}

/// What happened to it, and what people were told.
fn history(site: &Site, shown: &ShownBackup) -> Markup {
    let (record, mark) = (&shown.record, shown.mark.as_ref());
    html! {
        section.card {
            h2 { "What happened" }
            ul {
                li { (moment(site, record.started)) ": the run began, and took " (span(record.started, record.finished)) }
                @if let Some(hold) = mark.and_then(|mark| mark.hold.as_ref()) { li { (moment(site, hold.since)) ": held " (hold) } }
                @if let Some(released) = mark.and_then(|mark| mark.released.as_ref()) { li { (moment(site, released.at)) ": released by " (released.who) } }
                @if let Some(accepted) = mark.and_then(|mark| mark.accepted.as_ref()) { li { (moment(site, accepted.at)) ": accepted by " (accepted.who) } }
                @if let Some(retained) = mark.and_then(|mark| mark.retained.as_ref()) { li { (moment(site, retained.at)) ": " (retained.who) " has it kept " (retained.retention) } }
                @if let Some(read) = shown.last_read_back { li { (moment(site, read)) ": read back as a whole, and all of it was good" } }
                @for report in shown.drills.reports.iter().rev() {
                    li {
                        (moment(site, report.started)) ": "
                        @match &report.outcome {
                            DrillOutcome::Completed { .. } => {
                                (report.verdict().map_or("drilled", DrillVerdict::words))
                                ", restored in " (duration(report.times.restore_ms)) ", by " (report.who)
                                @if report.certificate.is_some() {
                                    span.why { "Its certificate: " code { "pgcoffer certificate get " (report.name.as_str()) " -o certificate.json" } }
                                }
                            }
                            DrillOutcome::NotCarriedOut { cause, .. } => { "a drill could not be carried out: " (cause.to_string()) }
                        }
                    }
                }
                @for began in &shown.drills.without_report { li { (moment(site, *began)) ": a drill began that has left no report: it goes on, or was killed" } }
                @for notice in mark.iter().flat_map(|mark| &mark.notices) {
                    li {
                        (moment(site, notice.at)) ": told of " (notice.event) " by "
                        @for (n, channel) in notice.delivered.iter().enumerate() { @if n > 0 { ", " } (channel) }
                        @if notice.delivered.is_empty() { "nobody" }
                    }
                }
            }
            @if let Some(findings) = &shown.drills.findings {
                @if !findings.differences.is_empty() {
                    h3 { "What the last drill found" }
                    ul { @for one in findings.differences.iter().take(50) { li { (one.kind) " " (table_name(&one.schema, &one.name)) ": " (one.why) } } }
                }
            }
        }
    }
}
