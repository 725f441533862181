//! Sizes, numbers of tables and contents as a whole.

use super::*;

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
