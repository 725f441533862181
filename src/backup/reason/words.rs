//! Reasons in words.

use std::fmt;

use super::Reason;
use crate::{
    backup::Anomaly,
    text::{Untrusted, counted},
};

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShorterDump {
                bytes,
                least_bytes,
                backups,
            } => {
                let (bytes, least, had) = (grouped(*bytes), grouped(*least_bytes), had(*backups));
                write!(f, "the dump has {bytes} bytes, {had} {least} or more")
            }
            Self::FewerTables {
                tables,
                least_tables,
                backups,
            } => {
                let (now, least, had) = (
                    counted(grouped(*tables), "table"),
                    grouped(*least_tables),
                    had(*backups),
                );
                write!(f, "it holds {now}, {had} {least} or more")
            }
            Self::FewerLargeObjects {
                large_objects,
                least_large_objects,
                backups,
            } => {
                let now = counted(grouped(*large_objects), "large object");
                let (least, had) = (grouped(*least_large_objects), had(*backups));
                write!(f, "it holds {now}, {had} {least} or more")
            }
            Self::Incompressible {
                dump_bytes,
                stored_bytes,
            } => {
                let (dumped, stored) = (grouped(*dump_bytes), grouped(*stored_bytes));
                write!(
                    f,
                    "its {dumped} bytes compress to {stored} only, as if they were encrypted, and those of the last \
                     backups did to six tenths or less"
                )
            }
            Self::AllChanged {
                changed,
                tables,
                backups,
            } => {
                let (changed, tables, last) = (grouped(*changed), grouped(*tables), last(*backups));
                write!(
                    f,
                    "{changed} of the {tables} tables that were the same in {last} have changed at once"
                )
            }
            Self::LostRows {
                schema,
                table,
                rows,
                least_rows,
                backups,
            } => {
                let table = table_name(schema, table);
                let (now, least, had) = (counted(grouped(*rows), "row"), grouped(*least_rows), had(*backups));
                write!(f, "table {table} has {now}, {had} {least} or more")
            }
            Self::LostTable {
                schema,
                table,
                least_rows,
                backups,
            } => {
                let (table, least, had) = (table_name(schema, table), grouped(*least_rows), had(*backups));
                write!(f, "table {table} is gone, {had} {least} rows or more")
            }
            Self::MoreLosses { tables } => {
                let more = counted(grouped(*tables), "more table");
                write!(f, "and {more} lost half or all of the rows")
            }
            Self::KindOnly(anomaly) => write!(f, "{anomaly}"),
            Self::Unknown { kind } if kind.is_empty() => write!(f, "{}", Anomaly::Other),
            Self::Unknown { kind } => write!(f, "{} ({})", Anomaly::Other, kind.identifier()),
        }
    }
}

fn table_name(schema: &Untrusted, table: &Untrusted) -> String {
    format!("{}.{}", schema.identifier(), table.identifier())
}

fn had(backups: u64) -> String {
    format!("{} had", last(backups))
}

fn last(backups: u64) -> String {
    match backups {
        1 => "the last backup".to_owned(),
        count => format!("the last {count} backups"),
    }
}

/// `10,230`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
