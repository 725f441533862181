use super::*;
use crate::archive::Definitions;

fn table(schema: &str, name: &str, rows: u64, content: u128) -> TableFingerprint {
    TableFingerprint {
        schema: schema.into(),
        name: name.into(),
        rows,
        bytes: rows * 10,
        fingerprint: format!("{content:032x}").parse().unwrap(),
        span: (0, 1),
    }
}

fn of(tables: Vec<TableFingerprint>) -> Details {
    Details {
        tables,
        ..Details::default()
    }
}

fn kind(kind: &str, count: u64, content: u128) -> Definitions {
    Definitions {
        kind: kind.into(),
        count,
        fingerprint: format!("{content:032x}").parse().unwrap(),
    }
}

/// Each change as `name: rows before > rows`.
fn shown(changes: &Changes) -> Vec<String> {
    let rows = |size: Option<TableSize>| size.map_or("-".to_owned(), |size| size.rows.to_string());
    let tables = changes.tables.iter();
    tables
        .map(|one| format!("{}.{}: {} > {}", one.schema, one.name, rows(one.from), rows(one.to)))
        .collect()
}

#[test]
fn tables_that_came_went_and_changed_are_named_and_the_rest_is_counted() {
    let from = of(vec![
        table("public", "same", 5, 1),
        table("public", "gone", 6, 2),
        table("public", "grown", 7, 3),
        table("public", "edited", 8, 4),
        table("audit", "same", 5, 1),
    ]);
    // in another order, which means nothing
    let to = of(vec![
        table("public", "new", 1, 9),
        table("public", "edited", 8, 5),
        table("audit", "same", 5, 1),
        table("public", "grown", 9, 6),
        table("public", "same", 5, 1),
    ]);
    let changes = Changes::between(&from, &to);
    assert_eq!(
        shown(&changes),
        [
            "public.edited: 8 > 8",
            "public.gone: 6 > -",
            "public.grown: 7 > 9",
            "public.new: - > 1"
        ]
    );
    assert_eq!(changes.same_tables, 2);
    assert!(!changes.is_empty());
    assert!(Changes::between(&to, &to).is_empty());
}

#[test]
fn a_table_is_renamed_only_where_nothing_else_could_be_meant() {
    let rename = |from: Vec<TableFingerprint>, to: Vec<TableFingerprint>| {
        let changes = Changes::between(&of(from), &of(to));
        let renamed = changes.tables.iter().filter(|one| one.renamed_from.is_some()).count();
        (changes.tables.len(), renamed)
    };
    let (old, new) = (table("public", "old", 5, 1), table("public", "new", 5, 1));
    assert_eq!(rename(vec![old.clone()], vec![new.clone()]), (1, 1));
    // two that are gone, or two that are new, hold the same rows
    let other = table("public", "other", 5, 1);
    assert_eq!(rename(vec![old.clone(), other.clone()], vec![new.clone()]), (3, 0));
    assert_eq!(rename(vec![old.clone()], vec![new, other]), (3, 0));
    // a copy beside the one that stayed
    let copy = table("public", "copy", 5, 1);
    assert_eq!(rename(vec![old.clone()], vec![old, copy]), (1, 0));
    // empty tables all look alike
    let empty = |name| table("public", name, 0, 0);
    assert_eq!(rename(vec![empty("a")], vec![empty("b")]), (2, 0));
}

#[test]
fn definitions_large_objects_and_extensions_are_compared() {
    let mut from = of(Vec::new());
    from.definitions = vec![
        kind("INDEX", 2, 1),
        kind("TABLE DATA", 3, 1),
        kind("VIEW", 1, 1),
        kind("POLICY", 1, 7),
    ];
    from.extensions = vec![("citext".into(), "1.6".into()), ("hstore".into(), "1.8".into())];
    let mut to = of(Vec::new());
    to.definitions = vec![
        kind("INDEX", 2, 2),
        kind("TABLE DATA", 4, 2),
        kind("VIEW", 1, 1),
        kind("TRIGGER", 1, 5),
    ];
    to.extensions = vec![("citext".into(), "1.7".into()), ("ltree".into(), "1.3".into())];
    to.large_objects.count = 1;
    let changes = Changes::between(&from, &to);
    let kinds: Vec<_> = changes
        .definitions
        .iter()
        .map(|one| (one.kind.raw(), one.from, one.to))
        .collect();
    assert_eq!(kinds, [("INDEX", 2, 2), ("POLICY", 1, 0), ("TRIGGER", 0, 1)]);
    let extensions: Vec<_> = changes.extensions.iter().map(|one| one.name.raw()).collect();
    assert_eq!(extensions, ["citext", "hstore", "ltree"]);
    assert_eq!(changes.large_objects.unwrap().to.count, 1);
}
