use super::*;

fn table(name: &str, rows: u64) -> TableFingerprint {
    TableFingerprint {
        schema: "public".into(),
        name: name.into(),
        rows,
        bytes: rows * 10,
        fingerprint: format!("{rows:032x}").parse().unwrap(),
        span: (0, 1),
    }
}

fn details(tables: &[(&str, u64)]) -> Details {
    Details {
        tables: tables.iter().map(|(name, rows)| table(name, *rows)).collect(),
        ..Details::default()
    }
}

#[test]
fn one_fingerprint_tells_data_apart_whatever_the_order() {
    let of = |tables: &[(&str, u64)]| details(tables).counts().fingerprint;
    let all = of(&[("a", 5), ("b", 7)]);
    assert_eq!(of(&[("b", 7), ("a", 5)]), all);
    for other in [
        &[("a", 7), ("b", 5)][..],
        &[("a", 5)],
        &[("a", 5), ("b", 7), ("c", 0)],
        &[("a", 5), ("c", 7)],
        &[],
    ] {
        assert_ne!(of(other), all, "{other:?}");
    }
    let mut with_objects = details(&[("a", 5), ("b", 7)]);
    with_objects.large_objects.fingerprint = format!("{:032x}", 1).parse().unwrap();
    assert_ne!(with_objects.counts().fingerprint, all);
}

#[test]
fn all_that_differs_is_named() {
    let dumped = details(&[("a", 5), ("b", 7), ("c", 9)]);
    assert!(dumped.differences(&dumped.clone()).is_empty());
    let differences = |tables: &[(&str, u64)]| dumped.differences(&details(tables));
    assert_eq!(
        differences(&[("a", 4), ("b", 7), ("c", 10)]),
        [
            "table public.a has 4 rows, and 5 were dumped",
            "table public.c has 10 rows, and 9 were dumped"
        ]
    );
    assert_eq!(
        differences(&[("a", 5), ("d", 1), ("c", 9)]),
        ["table public.b is missing", "table public.d was not dumped"]
    );
    assert_eq!(differences(&[("a", 5), ("b", 7)]), ["table public.c is missing"]);
    for tables in [
        &[("b", 7), ("a", 5), ("c", 9)][..],
        &[("a", 5), ("a", 5), ("b", 7), ("c", 9)],
    ] {
        assert_eq!(differences(tables).len(), 1, "{tables:?}");
    }
    let mut changed = dumped.clone();
    changed.tables[0].fingerprint = Fingerprint::default();
    changed.tables[1].span = (1, 2);
    changed.large_objects.count = 1;
    let differences = dumped.differences(&changed);
    for (difference, words) in differences
        .iter()
        .zip(["not the same ones", "lies elsewhere", "1 large object"])
    {
        assert!(difference.contains(words), "{difference}");
    }
    assert_eq!(differences.len(), 3);
}

#[test]
fn of_definitions_each_kind_that_differs_is_named() {
    let index = |count, fingerprint: u128| Definitions {
        kind: "INDEX".into(),
        count,
        fingerprint: format!("{fingerprint:032x}").parse().unwrap(),
    };
    let with = |definitions| Details {
        definitions,
        ..Details::default()
    };
    for (was, is, words) in [
        (
            vec![index(1, 1)],
            vec![index(1, 2)],
            "a definition of kind \"INDEX\" differs",
        ),
        (vec![index(1, 1)], vec![], "0, and 1 were dumped"),
        (vec![], vec![index(1, 1)], "1, and 0 were dumped"),
        (vec![index(2, 1)], vec![index(1, 1)], "1, and 2 were dumped"),
    ] {
        let differences = with(was).differences(&with(is));
        assert_eq!(differences.len(), 1);
        assert!(differences[0].contains(words), "{differences:?}");
    }
}
