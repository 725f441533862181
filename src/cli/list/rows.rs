//! A line for each backup.

use std::collections::BTreeSet;

use jiff::Timestamp;
use pgcoffer::{
    backup::{DrillVerdict, Retention, Sealed},
    catalog::{CatalogEntry, Doubt, ListedRuns, Listing},
    text::{ago_in_column, counted, short_size, span},
};

use crate::cli::{ids::ShownIds, styled::Style, table::Table, text::status_word, zone::Zone};

/// The columns of a table of backups, in order.
const HEADS: [&str; 13] = [
    "ID",
    "DATABASE",
    "TIER",
    "STARTED",
    "TOOK",
    "AGE",
    "DUMPED",
    "STORED",
    "KEPT UNTIL",
    "STATUS",
    "PROVEN",
    "PLACES",
    "KEY",
];
/// The cell of a backup that nobody has read back.
const NOT_READ: &str = "-";

const DATABASE: usize = 1;
const TIER: usize = 2;
const TOOK: usize = 4;
const AGE: usize = 5;
const DUMPED: usize = 6;
const STORED: usize = 7;
const KEPT: usize = 8;
const STATUS: usize = 9;
const PROVEN: usize = 10;
const PLACES: usize = 11;
const KEY: usize = 12;

/// One line for each backup, or for several runs that failed one after the other.
pub(super) fn backups_table(listing: &Listing, runs: ListedRuns, ids: &ShownIds, zone: &Zone) -> Table {
    let now = listing.seen;
    let heads = HEADS.map(|head| match head {
        "STARTED" => zone.head(head, now),
        _ => head.to_owned(),
    });
    let mut table = Table::new(heads)
        .right(&[TOOK, DUMPED, STORED])
        .cut(DATABASE, 10)
        .cut(STATUS, 15)
        .if_room(&[PROVEN, PLACES, AGE, STORED, KEPT, KEY, DUMPED, TOOK])
        .usual(&[(TIER, 7), (TOOK, 7), (AGE, 10), (DUMPED, 8), (STORED, 8), (PROVEN, 9)]);
    for line in listing.lines(runs) {
        let Some((one, earlier)) = line.split_first() else {
            continue;
        };
        let record = &one.record;
        let bytes = |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), short_size);
        let sealed = record.sealed.as_ref();
        let (style, mut status) = listed_status(listing, one, now);
        if !earlier.is_empty() {
            status = format!("{} {status}", earlier.len() + 1);
        }
        let plain = |text: String| (Style::Plain, text);
        table.styled_row([
            plain(ids.shown(&record.id)),
            plain(record.database.to_string()),
            plain(record.tier.to_string()),
            plain(zone.minute(record.started)),
            plain(span(record.started, record.finished)),
            plain(ago_in_column(record.started, now)),
            plain(bytes(sealed.map(|sealed| sealed.dump_bytes))),
            plain(bytes(sealed.map(Sealed::bytes))),
            plain(kept_until(one, now, zone)),
            (style, status),
            proven(listing, one, now),
            places(listing, one),
            plain(one.key.trim_start_matches("key ").to_owned()),
        ]);
    }
    let is_same = |of: &dyn Fn(&CatalogEntry) -> String| {
        let values: BTreeSet<String> = listing.entries.iter().map(of).collect();
        values.len() < 2
    };
    // what is the same in each line tells nothing apart
    let mut without = Vec::new();
    if is_same(&|one| one.key.clone()) {
        without.push(KEY);
        if is_same(&|one| one.record.database.to_string()) {
            without.push(DATABASE);
        }
    }
    if listing
        .entries
        .iter()
        .all(|one| proven(listing, one, now).1 == NOT_READ)
    {
        without.push(PROVEN);
    }
    if !listing.copies.is_set() {
        without.push(PLACES);
    }
    table.without(&without)
}

/// How many of the places beside the bucket hold a backup.
fn places(listing: &Listing, one: &CatalogEntry) -> (Style, String) {
    if !one.record.is_good() {
        return (Style::Plain, "-".to_owned());
    }
    let copies = &listing.copies;
    let style = match copies.of(&one.record.id).len() == copies.places.len() + copies.unseen.len() {
        true => Style::Plain,
        false => Style::Warning,
    };
    (style, copies.count_of(&one.record.id))
}

/// Whether and when a drill has shown that a backup comes back, or a reading that it is whole.
fn proven(listing: &Listing, one: &CatalogEntry, now: Timestamp) -> (Style, String) {
    match listing.drills.of_backups.get(&one.record.id) {
        Some(report) => match report.verdict() {
            Some(DrillVerdict::Proven) => (Style::Good, ago_in_column(report.started, now)),
            Some(DrillVerdict::PartlyProven) => {
                (Style::Plain, format!("{} partly", ago_in_column(report.started, now)))
            }
            Some(DrillVerdict::NotProven) => (Style::Bad, "NOT".to_owned()),
            None => (Style::Plain, "not drilled".to_owned()),
        },
        None => match one.last_read_back(now) {
            Some(at) => (Style::Plain, format!("read {}", ago_in_column(at, now))),
            None => (Style::Plain, NOT_READ.to_owned()),
        },
    }
}

/// The day until which a backup is kept, or the minute where that is near.
fn kept_until(one: &CatalogEntry, now: Timestamp, zone: &Zone) -> String {
    const NEAR_SECONDS: i64 = 2 * 86_400;
    let (retention, expires) = one.kept();
    match (expires, retention) {
        (Some(time), _) if (0..NEAR_SECONDS).contains(&(time.as_second() - now.as_second())) => zone.short_minute(time),
        (Some(time), _) => zone.day(time),
        (None, Retention::Newest(count)) => format!("{count} newer"),
        (None, _) => "forever".to_owned(),
    }
}

/// What the list leaves out, and how it is seen.
pub(super) fn left_out(listing: &Listing, runs: ListedRuns) -> String {
    let mut text = String::new();
    let folded = match runs {
        ListedRuns::Folded => listing.entries.len() - listing.lines(runs).len(),
        _ => 0,
    };
    if folded > 0 {
        let (is, each) = if folded == 1 { ("is", "it") } else { ("are", "each") };
        let runs = counted(folded, "run");
        text.push_str(&format!("{runs} that failed {is} not shown; --all shows {each}.\n"));
    }
    if listing.more > 0 {
        let ones = match listing.more {
            1 => "1 older one is".to_owned(),
            n => format!("{n} older ones are"),
        };
        text.push_str(&format!("{ones} not shown; -n N shows more.\n"));
    }
    text
}

/// The status of a record whose archive was looked for.
pub(super) fn listed_status(listing: &Listing, one: &CatalogEntry, now: Timestamp) -> (Style, String) {
    let record = &one.record;
    let gone = record.is_good() && !one.is_sure();
    let (style, word) = if gone && one.kept().1.is_some_and(|end| end <= now) {
        // by a lifecycle rule, which leaves the record
        (Style::Plain, "expired")
    } else if gone {
        let word = match one.why_doubted() {
            Some(Doubt::Changed(_) | Doubt::Unseen | Doubt::Length) => "archive changed",
            Some(Doubt::Another) => "another object",
            Some(Doubt::Damaged(_)) => "damaged",
            _ => "archive missing",
        };
        (Style::Bad, word)
    } else if listing.is_suspicious(record) {
        (Style::Warning, "suspicious")
    } else if record.is_good() {
        (Style::Good, status_word(record))
    } else {
        (Style::Bad, status_word(record))
    };
    let held = one.hold().map(|_| "held");
    let cold = one.class().filter(|class| *class != "STANDARD");
    let beside = held.into_iter().chain(cold);
    (
        style,
        beside.fold(word.to_owned(), |text, one| format!("{text}, {one}")),
    )
}
