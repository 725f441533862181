//! The order of what comes behind the rows: what may be made at once, and what has to wait for that.

use std::collections::{BTreeSet, HashMap};

use crate::archive::Entry;

/// Kinds that take long and may be made in any order that their dependencies allow. They come before policies: a foreign
/// key to a table whose policies are forced on its owner can't be checked by him.
const AT_ONCE: &[&str] = &[
    "INDEX",
    "INDEX ATTACH",
    "CONSTRAINT",
    "CHECK CONSTRAINT",
    "FK CONSTRAINT",
];

/// Rows of views, which may depend on anything else, also on privileges and values of sequences.
const LAST: &[&str] = &["MATERIALIZED VIEW DATA"];

/// What one pg_restore makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stage {
    /// The ids of the entries, in the archive's order.
    pub(super) entries: Vec<i32>,
    /// Whether it may use several connections.
    pub(super) is_parallel: bool,
}

/// Divides these entries, which are in the archive's order: indexes and keys with what they need of the others; all else
/// but the rows of views, one after the other as in every restore; the rows of views.
pub(super) fn stages(entries: &[&Entry]) -> Vec<Stage> {
    let by_id: HashMap<i32, &Entry> = entries.iter().map(|entry| (entry.id, *entry)).collect();
    let is_of = |kinds: &[&str], entry: &Entry| kinds.contains(&entry.kind.raw());
    let mut first = BTreeSet::new();
    let mut open: Vec<i32> = entries
        .iter()
        .filter(|entry| is_of(AT_ONCE, entry))
        .map(|entry| entry.id)
        .collect();
    while let Some(id) = open.pop() {
        if let Some(entry) = by_id.get(&id).filter(|_| first.insert(id)) {
            open.extend(&entry.needs);
        }
    }
    let is_last = |entry: &Entry| is_of(LAST, entry) && !first.contains(&entry.id);
    let ids = |is_wanted: &dyn Fn(&Entry) -> bool| -> Vec<i32> {
        let wanted = entries.iter().filter(|entry| is_wanted(entry));
        wanted.map(|entry| entry.id).collect()
    };
    let all = [
        (ids(&|entry| first.contains(&entry.id)), true),
        (ids(&|entry| !first.contains(&entry.id) && !is_last(entry)), false),
        (ids(&is_last), true),
    ];
    let stages = all.into_iter().filter(|(entries, _)| !entries.is_empty());
    stages
        .map(|(entries, is_parallel)| Stage { entries, is_parallel })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_before_policies_and_views_last() {
        let entry = |id: i32, kind: &str, needs: &[i32]| Entry {
            id,
            kind: kind.into(),
            needs: needs.to_vec(),
            ..Entry::default()
        };
        let all = [
            entry(1, "SEQUENCE SET", &[90]),
            entry(2, "CONSTRAINT", &[91]),
            // a view that groups by a primary key, a view of it, and an index on that
            entry(3, "RULE", &[2]),
            entry(4, "MATERIALIZED VIEW", &[3]),
            entry(5, "INDEX", &[4]),
            entry(6, "TRIGGER", &[91]),
            entry(7, "FK CONSTRAINT", &[2]),
            entry(8, "ROW SECURITY", &[91]),
            entry(9, "MATERIALIZED VIEW DATA", &[4]),
            entry(10, "COMMENT", &[5]),
        ];
        let stage = |entries: &[i32], is_parallel| Stage {
            entries: entries.to_vec(),
            is_parallel,
        };
        assert_eq!(
            stages(&all.iter().collect::<Vec<_>>()),
            [
                stage(&[2, 3, 4, 5, 7], true),
                stage(&[1, 6, 8, 10], false),
                stage(&[9], true)
            ]
        );
        assert_eq!(stages(&[&all[7]]), [stage(&[8], false)]);
        assert_eq!(stages(&[]), []);
    }
}
