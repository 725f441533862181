//! What holds for any backups.

use proptest::{collection::vec, prelude::*};

use super::{
    unresolved::{history, suspicious},
    *,
};

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
