//! What belongs together in a table of contents: partitioned tables and their partitions.

use std::collections::HashMap;

use crate::archive::Entry;

/// The positions of the partitions that hold the rows of a partitioned table, those of its partitions that are
/// partitioned as well among them; none of a table that isn't partitioned.
pub(super) fn partitions_of(entries: &[Entry], at: usize) -> Vec<usize> {
    let by_id: HashMap<i32, usize> = entries.iter().enumerate().map(|(at, entry)| (entry.id, at)).collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == "TABLE ATTACH") {
        let needs = entry.needs.iter().filter_map(|id| by_id.get(id).copied());
        let tables = needs.filter(|at| entries[*at].kind == "TABLE" || entries[*at].kind == "FOREIGN TABLE");
        let (own, parents): (Vec<usize>, Vec<usize>) = tables.partition(|at| is_attached(entry, &entries[*at]));
        if let ([child], [parent]) = (&own[..], &parents[..]) {
            children.entry(*parent).or_default().push(*child);
        }
    }
    let (mut found, mut open) = (Vec::new(), vec![at]);
    while let Some(table) = open.pop() {
        // each is taken out once, so that a circle ends
        let Some(own) = children.remove(&table) else {
            if table != at {
                found.push(table);
            }
            continue;
        };
        open.extend(own);
    }
    found.sort_unstable();
    found
}

/// Whether `attach` attaches this table, or index, to another one: the entry bears the name of what is attached. The
/// index of a key is in the entry of its constraint, whose name follows that of the table.
pub(super) fn is_attached(attach: &Entry, part: &Entry) -> bool {
    let (name, own) = (attach.name.raw(), part.name.raw());
    let is_key = || part.kind == "CONSTRAINT" && own.strip_suffix(name).is_some_and(|table| table.ends_with(' '));
    attach.schema == part.schema && (name == own || is_key())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: i32, kind: &str, name: &str, needs: &[i32]) -> Entry {
        Entry {
            id,
            kind: kind.into(),
            schema: "app".into(),
            name: name.into(),
            needs: needs.to_vec(),
            ..Entry::default()
        }
    }

    #[test]
    fn partitions_are_found_at_any_depth() {
        let entries = [
            entry(1, "TABLE", "events", &[]),
            entry(2, "TABLE", "events_2025", &[]),
            entry(3, "TABLE", "events_2025_1", &[]),
            entry(4, "TABLE", "events_2026", &[]),
            entry(5, "TABLE", "other", &[]),
            entry(6, "TABLE ATTACH", "events_2025", &[2, 1]),
            entry(7, "TABLE ATTACH", "events_2025_1", &[2, 3]),
            entry(8, "TABLE ATTACH", "events_2026", &[1, 4]),
        ];
        assert_eq!(partitions_of(&entries, 0), [2, 3]);
        assert_eq!(partitions_of(&entries, 1), [2]);
        assert!(partitions_of(&entries, 2).is_empty());
        assert!(partitions_of(&entries, 4).is_empty());
    }

    #[test]
    fn a_circle_ends() {
        let entries = [
            entry(1, "TABLE", "a", &[]),
            entry(2, "TABLE", "b", &[]),
            entry(3, "TABLE ATTACH", "a", &[1, 2]),
            entry(4, "TABLE ATTACH", "b", &[1, 2]),
        ];
        assert!(partitions_of(&entries, 0).len() <= 2);
    }
}
