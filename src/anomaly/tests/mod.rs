#![allow(clippy::unwrap_used)]

mod measures;
mod properties;
mod rows;
mod sizes;
mod unresolved;

use super::*;

/// The reasons in words.
fn compare(new: &Measure, last: &[Measure]) -> Vec<String> {
    let last: Vec<&Measure> = last.iter().collect();
    super::compare(new, &last).iter().map(ToString::to_string).collect()
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
