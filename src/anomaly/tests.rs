#![allow(clippy::unwrap_used)]

use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::backup::{
    BackupId, Compression, Details, Label, Retention, Sealed, SealedObject, Status, TableFingerprint, Tier,
};

/// The reasons in words.
fn compare(new: &Measure, last: &[Measure]) -> Vec<String> {
    let last: Vec<&Measure> = last.iter().collect();
    let reasons = super::compare(new, &last).into_iter();
    reasons.map(|reason| reason.text).collect()
}

/// A measure of these tables.
fn of_tables(tables: Tables) -> Measure {
    Measure {
        table_count: tables.len() as u64,
        tables: Some(tables),
        ..Measure::default()
    }
}

/// The same with its tables changed.
fn changed(one: Measure, change: impl FnOnce(&mut Tables)) -> Measure {
    let mut tables = one.tables.clone().unwrap();
    change(&mut tables);
    Measure {
        table_count: tables.len() as u64,
        tables: Some(tables),
        ..one
    }
}

/// Bytes, and tables of schema `public` with their rows.
fn measure(dump_bytes: u64, tables: &[(&str, u64)]) -> Measure {
    let pair = |(name, rows): &(&str, u64)| (("public".to_owned(), (*name).to_owned()), rows_of(*rows));
    Measure {
        dump_bytes,
        ..of_tables(tables.iter().map(pair).collect())
    }
}

/// A table of so many rows.
fn rows_of(rows: u64) -> Table {
    Table {
        rows,
        ..Table::default()
    }
}

/// The reasons for a new one of these tables, beside three of those; sizes play no part.
fn beside_three(new: &[(&str, u64)], last: &[(&str, u64)]) -> Vec<String> {
    let last = measure(1000, last);
    compare(&measure(1000, new), &[last.clone(), last.clone(), last])
}

#[test]
fn large_objects_that_are_gone_are_seen() {
    let with = |large_objects| Measure {
        large_objects,
        ..measure(1000, &[("a", 10)])
    };
    assert_eq!(
        compare(&with(3), &[with(1200), with(1300)]),
        ["it holds 3 large objects, the last 2 backups had 1,200 or more"]
    );
    assert!(compare(&with(700), &[with(1200)]).is_empty());
    assert!(compare(&with(0), &[with(99)]).is_empty());
}

/// A database of `tables` tables of 1,000 rows, whose contents are as `content` says of each.
fn contents(tables: u8, content: impl Fn(u8) -> u8) -> Measure {
    let table = |at: u8| {
        let hex = format!("{:032x}", content(at));
        let table = Table {
            rows: 1000,
            fingerprint: serde_json::from_value(hex.into()).unwrap(),
        };
        (("public".to_owned(), format!("t_{}", char::from(b'a' + at))), table)
    };
    Measure {
        dump_bytes: 4 << 20,
        stored_bytes: 1 << 20,
        ..of_tables((0..tables).map(table).collect())
    }
}

#[test]
fn a_database_whose_rows_were_all_encrypted_looks_like_it() {
    let last = vec![contents(10, |_| 1); 5];
    // every row of every table rewritten, as many as before
    let rewritten = contents(10, |_| 2);
    let told = "10 of the 10 tables that were the same in the last 5 backups have changed at once";
    assert_eq!(compare(&rewritten, &last), [told]);
    // and noise besides
    let noise = Measure {
        stored_bytes: 4 << 20,
        ..rewritten.clone()
    };
    let reasons = compare(&noise, &last);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("as if they were encrypted"), "{reasons:?}");
    // where everything changes each day, noise tells
    let busy: Vec<_> = (10..15).map(|day| contents(10, |_| day)).collect();
    assert_eq!(compare(&noise, &busy).len(), 1);
    assert!(compare(&rewritten, &busy).is_empty());
}

#[test]
fn ordinary_changes_are_not_taken_for_encryption() {
    let last = vec![contents(10, |_| 1); 5];
    // a migration touched eight of ten tables
    assert!(compare(&contents(10, |at| if at < 8 { 2 } else { 1 }), &last).is_empty());
    // a database of three tables, and one that is known from two backups only
    assert!(compare(&contents(3, |_| 2), &vec![contents(3, |_| 1); 5]).is_empty());
    assert!(compare(&contents(10, |_| 2), &last[..2]).is_empty());
    // it was never compressed, or has been noise all along
    let stored = |of: u64| Measure {
        stored_bytes: of,
        ..contents(10, |_| 1)
    };
    assert!(compare(&stored(4 << 20), &[stored(4 << 20), stored(1 << 20)]).is_empty());
    let small = Measure {
        dump_bytes: 4000,
        ..stored(4100)
    };
    let small_before = Measure {
        dump_bytes: 4000,
        ..stored(1000)
    };
    assert!(compare(&small, &[small_before]).is_empty());
}

#[test]
fn the_first_backup_is_never_suspicious() {
    assert!(compare(&measure(0, &[]), &[]).is_empty());
    assert!(compare(&measure(5, &[("a", 1)]), &[]).is_empty());
    let empty = measure(0, &[]);
    assert!(compare(&empty, std::slice::from_ref(&empty)).is_empty());
    assert!(compare(&measure(9, &[("a", 1)]), &[empty]).is_empty());
}

#[test]
fn a_dump_of_less_than_half_the_shortest_is_told() {
    let last = [measure(3000, &[]), measure(2001, &[]), measure(9000, &[])];
    let told = "the dump has 1,000 bytes, the last 3 backups had 2,001 or more";
    assert_eq!(compare(&measure(1000, &[]), &last), [told]);
    assert!(compare(&measure(1001, &[]), &last).is_empty());
    let told = "the dump has 0 bytes, the last backup had 3,000 or more";
    assert_eq!(compare(&measure(0, &[]), &last[..1]), [told]);
    let most = measure(u64::MAX, &[]);
    assert!(compare(&measure(u64::MAX / 2 + 1, &[]), &[most]).is_empty());
}

#[test]
fn fewer_than_three_quarters_of_the_tables_are_told() {
    let names: Vec<String> = (0..8).map(|n| format!("t{n}")).collect();
    let of = |count: usize| {
        let tables: Vec<_> = names[..count].iter().map(|name| (name.as_str(), 3)).collect();
        measure(1000, &tables)
    };
    assert!(compare(&of(6), &[of(8), of(8)]).is_empty());
    let told = "it holds 5 tables, the last 2 backups had 8 or more";
    assert_eq!(compare(&of(5), &[of(8), of(8)]), [told]);
    assert!(compare(&of(5), &[of(8), of(6)]).is_empty());
    let told = "it holds 1 table, the last backup had 2 or more";
    assert_eq!(compare(&of(1), &[of(2)]), [told]);
}

#[test]
fn a_table_that_loses_more_than_half_is_told_and_a_small_one_is_not() {
    let has = |rows| beside_three(&[("orders", rows)], &[("orders", 10_230)]);
    assert_eq!(
        has(12),
        ["table public.orders has 12 rows, the last 3 backups had 10,230 or more"]
    );
    assert_eq!(
        has(1),
        ["table public.orders has 1 row, the last 3 backups had 10,230 or more"]
    );
    assert!(has(5115).is_empty());
    assert_eq!(has(5114).len(), 1);
    // queues and sessions empty
    assert!(beside_three(&[("queue", 0)], &[("queue", 99)]).is_empty());
    assert_eq!(beside_three(&[("queue", 0)], &[("queue", 100)]).len(), 1);
}

#[test]
fn a_table_counts_only_if_each_of_the_last_ones_had_its_rows() {
    let one = |rows| measure(1000, &[("jobs", rows)]);
    let none = measure(1000, &[("other", 5)]);
    let now = one(0);
    assert_eq!(compare(&now, &[one(500), one(400), one(900)]).len(), 1);
    assert!(compare(&now, &[one(500), one(99), one(900)]).is_empty());
    assert!(compare(&now, &[one(500), none.clone(), one(900)]).is_empty());
    assert!(compare(&now, &[none, one(500), one(900)]).is_empty());
    assert!(compare(&one(200), &[one(400), one(9000)]).is_empty());
}

#[test]
fn a_table_that_is_gone_is_told_as_gone() {
    let last = [("a", 7), ("b", 7), ("c", 7), ("users", 4000)];
    let told = "table public.users is gone, the last 3 backups had 4,000 rows or more";
    assert_eq!(beside_three(&last[..3], &last), [told]);
    assert!(beside_three(&last[1..], &last).is_empty());
}

#[test]
fn old_partitions_go_and_lost_ones_are_told() {
    let months = |months: std::ops::Range<u32>, rows| -> Vec<(String, u64)> {
        months.map(|month| (format!("events_2027_{month:02}"), rows)).collect()
    };
    let beside = |new: &[(String, u64)], last: &[(String, u64)]| {
        let borrowed = |tables: &[(String, u64)]| -> Measure {
            let tables: Vec<_> = tables.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
            measure(1000, &tables)
        };
        compare(&borrowed(new), &[borrowed(last)])
    };
    let year = months(1..13, 50_000);
    assert!(beside(&months(2..13, 50_000), &year).is_empty());
    assert!(beside(&months(4..13, 50_000), &year).is_empty());
    // emptied, not dropped
    let emptied = [months(1..2, 0), months(2..13, 50_000)].concat();
    assert_eq!(beside(&emptied, &year).len(), 1);
    // half of them dropped: the rest still holds half, and too few tables are left
    assert_eq!(beside(&months(7..13, 50_000), &year).len(), 1);
    let reasons = beside(&months(8..13, 50_000), &year);
    assert_eq!(reasons.len(), 1 + NAMED + 1);
    assert_eq!(reasons[6], "and 2 more tables lost half or all of the rows");
    // another schema's tables make up for nothing, nor does a table named alike without a number
    let new = measure(1000, &[("events", 90_000), ("b", 3), ("c", 3)]);
    let new = changed(new, |tables| {
        tables.insert(("old".into(), "events_1".into()), rows_of(90_000));
    });
    let last = measure(1000, &[("events_1", 90_000), ("b", 3), ("c", 3)]);
    assert_eq!(compare(&new, &[last]).len(), 1);
}

#[test]
fn the_greatest_losses_are_named_first_and_the_rest_is_counted() {
    let names: Vec<String> = "abcdefg".chars().map(|c| format!("table_{c}")).collect();
    let last: Vec<_> = (0..7).map(|n| (names[n].as_str(), 1000 * (n as u64 + 1))).collect();
    let new: Vec<_> = names.iter().map(|name| (name.as_str(), 0)).collect();
    let reasons = beside_three(&new, &last);
    assert_eq!(reasons.len(), 6);
    assert_eq!(
        reasons[0],
        "table public.table_g has 0 rows, the last 3 backups had 7,000 or more"
    );
    assert_eq!(reasons[5], "and 2 more tables lost half or all of the rows");
    let reasons = beside_three(&new[1..], &last[1..]);
    assert_eq!(reasons[5], "and 1 more table lost half or all of the rows");
    assert_eq!(beside_three(&new[2..], &last[2..]).len(), 5);
}

#[test]
fn names_can_not_break_a_line_or_hide_anything() {
    let reasons = |name| beside_three(&[(name, 0)], &[(name, 500)]).pop().unwrap();
    assert!(reasons("größe_2").starts_with("table public.größe_2 has"));
    assert!(reasons("a\nb").starts_with(r#"table public."a\nb" has"#));
    assert!(reasons("\u{1b}[2J").starts_with(r#"table public."\u{1b}[2J" has"#));
    assert!(reasons("a\u{202e}b").starts_with(r#"table public."a\u{202e}b" has"#));
    assert!(reasons("a.b").starts_with(r#"table public."a.b" has"#));
    assert!(reasons("").starts_with(r#"table public."" has"#));
}

#[test]
fn a_record_is_measured_by_its_tables_and_its_dump() {
    let started: Timestamp = "2027-03-10T03:00:00Z".parse().unwrap();
    let table = |name: &str, rows| TableFingerprint {
        schema: "public".into(),
        name: name.into(),
        rows,
        bytes: 1,
        fingerprint: "0".repeat(32).parse().unwrap(),
        span: (0, 1),
    };
    let mut record = Record {
        repository: "c0ffee00112233445566778899aabbcc".parse().unwrap(),
        version: 1,
        id: BackupId::parse("20270310T030000Z-aaaaaaaaaaaa").unwrap(),
        database: Label::parse("main").unwrap(),
        tier: Tier::Daily,
        retention: Retention::Days(7),
        expires: None,
        serves: Vec::new(),
        started,
        finished: started,
        agent: "0".into(),
        sealed_for: Default::default(),
        status: Status::Succeeded,
        anomalies: Vec::new(),
        compared: 0,
        source: None,
        counts: Default::default(),
        details_bytes: 0,
        details_sha256: "".into(),
        sealed: Some(Sealed {
            objects: vec![SealedObject {
                key: "k".into(),
                bytes: 5,
                sha256: "s".into(),
                crc64nvme: "c".into(),
                etag: None,
                tagged: true,
            }],
            dump_bytes: 4321,
            part_bytes: 1,
            compression: Compression {
                algorithm: "none".into(),
                level: 0,
                chunk_bytes: 1,
            },
        }),
    };
    let details = Details {
        tables: vec![table("a", 5), table("b", 0), table("a", 2)],
        ..Details::default()
    };
    record.counts = details.counts();
    let expected = Measure {
        stored_bytes: 5,
        table_count: 3,
        ..measure(4321, &[("a", 7), ("b", 0)])
    };
    assert_eq!(Measure::with_tables(&record, &details), expected);
    let without = Measure {
        tables: None,
        ..expected
    };
    assert_eq!(Measure::from(&record), without);
    record.sealed = None;
    record.status = Status::Failed {
        exit_status: 1,
        cause: crate::cause::Cause::default(),
    };
    assert_eq!(Measure::from(&record).dump_bytes, 0);
}

#[test]
fn without_its_tables_a_backup_is_compared_by_its_numbers_and_agrees_with_none() {
    let numbers = |one: &Measure| Measure {
        tables: None,
        ..one.clone()
    };
    let (full, fallen) = (measure(9000, &[("a", 900)]), measure(1000, &[("a", 9)]));
    assert_eq!(compare(&fallen, std::slice::from_ref(&full)).len(), 2);
    for (new, last) in [(numbers(&fallen), full.clone()), (fallen.clone(), numbers(&full))] {
        let reasons = super::compare(&new, &[&last]);
        let kinds: Vec<_> = reasons.iter().map(|reason| reason.anomaly).collect();
        assert_eq!(kinds, [Anomaly::ShorterDump]);
    }
    assert!(agree(&full, &full));
    assert!(alike(&numbers(&full), &full));
    assert!(!agree(&numbers(&full), &full));
    assert!(!agree(&full, &numbers(&full)));
}

/// Backups of hour 0, 1, 2…: rows of the one table, and whether it was marked.
fn history(of: &[(u64, bool)]) -> Vec<Marked<'static>> {
    let start: Timestamp = "2027-03-10T00:00:00Z".parse().unwrap();
    let one = |(hour, &(rows, marked)): (i64, &(u64, bool))| {
        let started = start + SignedDuration::from_hours(hour);
        let id = started.strftime("%Y%m%dT%H%M%SZ-aaaaaaaaaaaa").to_string();
        Marked {
            id: BackupId::parse(&id).unwrap(),
            started,
            measure: Box::leak(Box::new(measure(100 + rows, &[("orders", rows)]))),
            marked,
            accepted: false,
        }
    };
    (0..).zip(of).map(one).collect()
}

/// The hours of those that stand marked.
fn suspicious(history: &[Marked<'_>]) -> Vec<usize> {
    let standing = standing(history);
    let hours = (0..).zip(history).filter(|(_, one)| standing.contains(&one.id));
    hours.map(|(hour, _)| hour).collect()
}

#[test]
fn a_mark_stands_until_two_later_ones_agree() {
    let mut all = history(&[(5000, false), (9, true), (9, true), (10, true), (11, false)]);
    assert_eq!(suspicious(&all[..1]), [0_usize; 0]);
    assert_eq!(suspicious(&all[..2]), [1]);
    assert_eq!(suspicious(&all[..3]), [1, 2]);
    assert_eq!(suspicious(&all[..4]), [2, 3]);
    assert_eq!(suspicious(&all), [3]);
    all.reverse();
    assert_eq!(suspicious(&all).len(), 1);
    all.iter_mut().for_each(|one| one.accepted = true);
    assert!(suspicious(&all).is_empty());
}

#[test]
fn one_fall_after_another_agrees_with_none() {
    let falling = history(&[(5000, false), (900, true), (9, true), (8, true), (9, true)]);
    assert_eq!(suspicious(&falling), [1, 3, 4]);
}

#[test]
fn what_was_empty_for_an_hour_stays_marked_when_the_rows_are_back() {
    let back = history(&[(5000, false), (9, true), (5000, false), (5001, false), (5002, false)]);
    assert_eq!(suspicious(&back), [1]);
    let mut accepted = back;
    accepted[1].accepted = true;
    assert!(suspicious(&accepted).is_empty());
    // the two that agree need not follow at once
    let late = history(&[(5000, false), (400, true), (5000, false), (400, true), (401, true)]);
    assert_eq!(suspicious(&late), [3, 4]);
}

fn some_measure() -> impl Strategy<Value = Measure> {
    let names = prop_oneof![
        Just("a"),
        Just("b"),
        Just("part_1"),
        Just("part_2"),
        Just("p_20"),
        Just("x y")
    ];
    let table = ((prop_oneof![Just("public"), Just("s")], names), 0..100_000_u64);
    let parts = (0..1_000_000_u64, 0..1000_u64, vec(table, 0..10));
    parts.prop_map(|(dump_bytes, large_objects, tables)| Measure {
        dump_bytes,
        large_objects,
        ..of_tables(
            tables
                .into_iter()
                .map(|((s, n), rows)| ((s.into(), n.into()), rows_of(rows)))
                .collect(),
        )
    })
}

proptest! {
    #[test]
    fn repetition_and_growth_are_never_suspicious(
        one in some_measure(),
        times in 1..=COMPARED,
        percent in 0..300_u64,
        more in some_measure(),
    ) {
        let last = vec![one.clone(); times];
        prop_assert!(compare(&one, &last).is_empty());
        let mut grown = one;
        grown.dump_bytes += grown.dump_bytes * percent / 100 + more.dump_bytes;
        let grown = changed(grown, |tables| {
            tables.values_mut().for_each(|table| table.rows += table.rows * percent / 100);
            for (table, more) in more.tables.unwrap() {
                tables.entry(table).or_default().rows += more.rows;
            }
        });
        prop_assert!(compare(&grown, &last).is_empty());
    }

    /// Emptied or dropped, one table of a hundred rows in each of the last ones is enough.
    #[test]
    fn a_fall_to_nothing_is_always_seen(
        last in vec(some_measure(), 1..=COMPARED),
        rows in vec(ROWS_MIN..10_000, COMPARED),
        drop in any::<bool>(),
    ) {
        let mut last = last;
        for (one, rows) in last.iter_mut().zip(rows) {
            *one = changed(one.clone(), |tables| {
                tables.insert(("public".into(), "big_1".into()), rows_of(rows));
            });
        }
        let new = changed(last[0].clone(), |tables| match drop {
            true => tables.clear(),
            false => tables.values_mut().for_each(|table| table.rows = 0),
        });
        let reasons = compare(&new, &last);
        prop_assert!(reasons.iter().any(|reason| reason.contains("rows")), "{reasons:?}");
    }

    #[test]
    fn the_order_of_the_last_ones_makes_no_difference(
        new in some_measure(),
        last in vec(some_measure(), 1..=COMPARED),
    ) {
        let mut turned = last.clone();
        turned.reverse();
        let reasons = compare(&new, &last);
        prop_assert_eq!(&compare(&new, &turned), &reasons);
        prop_assert!(reasons.len() <= 5 + NAMED + 1);
        prop_assert!(reasons.iter().all(|reason| !reason.contains(char::is_control)));
    }

    /// A history that only shrinks by accident ends with no mark: three alike are the new ordinary.
    #[test]
    fn whatever_stays_the_same_loses_its_marks_but_the_last_two(rows in 0..10_000_u64, count in 3..20_usize) {
        let all = history(&vec![(rows, true); count]);
        prop_assert_eq!(suspicious(&all), [count - 2, count - 1]);
    }
}
