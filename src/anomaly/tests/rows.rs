//! Tables that lose their rows.

use super::*;

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
    assert!(reasons("a\nb").starts_with(r#"table public.U&"a\000ab" has"#));
    assert!(reasons("\u{1b}[2J").starts_with(r#"table public.U&"\001b[2J" has"#));
    assert!(reasons("a\u{202e}b").starts_with(r#"table public.U&"a\202eb" has"#));
    assert!(reasons("a.b").starts_with(r#"table public."a.b" has"#));
    assert!(reasons("").starts_with(r#"table public."" has"#));
}
