//! Why a backup looks wrong: a kind with its numbers and names, sealed as data, and put into words here alone.

mod reading;
#[cfg(test)]
mod tests;
mod words;

use std::mem::discriminant;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

pub(super) use self::reading::few_reasons;
use super::Anomaly;
use crate::text::Untrusted;

/// Why a backup looks wrong beside the last good ones.
///
/// In the details it is sealed as an object: `kind`, and one field for each fact of that kind. Sizes are in bytes;
/// `least_…` is the smallest number that any of the compared backups had, and `backups` how many were compared. Its
/// [`Display`](std::fmt::Display) is the one place that puts a reason into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The dump is much shorter.
    ShorterDump {
        /// Bytes of the dump.
        bytes: u64,
        /// Bytes of the shortest dump before.
        least_bytes: u64,
        /// Backups that were compared.
        backups: u64,
    },
    /// There are far fewer tables.
    FewerTables {
        /// Tables in the dump.
        tables: u64,
        /// The fewest tables before.
        least_tables: u64,
        /// Backups that were compared.
        backups: u64,
    },
    /// There are far fewer large objects.
    FewerLargeObjects {
        /// Large objects in the dump.
        large_objects: u64,
        /// The fewest large objects before.
        least_large_objects: u64,
        /// Backups that were compared.
        backups: u64,
    },
    /// The dump no longer compresses, as if its rows were encrypted.
    Incompressible {
        /// Bytes of the dump.
        dump_bytes: u64,
        /// Bytes that are stored of it.
        stored_bytes: u64,
    },
    /// Tables that were always the same have all changed.
    AllChanged {
        /// Tables that have changed.
        changed: u64,
        /// Tables that were the same in all compared backups.
        tables: u64,
        /// Backups that were compared.
        backups: u64,
    },
    /// A table has lost most of its rows.
    LostRows {
        /// The schema of the table.
        schema: Untrusted,
        /// The name of the table.
        table: Untrusted,
        /// Rows in the dump.
        rows: u64,
        /// The fewest rows before.
        least_rows: u64,
        /// Backups that were compared.
        backups: u64,
    },
    /// A table with rows is gone.
    LostTable {
        /// The schema of the table.
        schema: Untrusted,
        /// The name of the table.
        table: Untrusted,
        /// The fewest rows before.
        least_rows: u64,
        /// Backups that were compared.
        backups: u64,
    },
    /// More tables lost rows than are named.
    MoreLosses {
        /// How many more.
        tables: u64,
    },
    /// Only the kind is known: the details, which have the facts, were not read.
    KindOnly(Anomaly),
    /// A kind that this version does not know, or facts that can't be true of it.
    Unknown {
        /// The kind as it stands in the details.
        kind: Untrusted,
    },
}

/// One fact of a reason.
#[derive(Serialize)]
#[serde(untagged)]
enum Fact<'a> {
    Number(u64),
    Name(&'a Untrusted),
}

impl Reason {
    /// The kind, as it stands in details and JSON.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::ShorterDump { .. } => "shorter_dump",
            Self::FewerTables { .. } => "fewer_tables",
            Self::FewerLargeObjects { .. } => "fewer_large_objects",
            Self::Incompressible { .. } => "incompressible",
            Self::AllChanged { .. } => "all_changed",
            Self::LostRows { .. } => "lost_rows",
            Self::LostTable { .. } => "lost_table",
            Self::MoreLosses { .. } => "more_losses",
            Self::KindOnly(anomaly) => anomaly.as_str(),
            Self::Unknown { kind } => kind.raw(),
        }
    }

    /// What the entry says of it, which names nothing inside the database.
    #[must_use]
    pub fn anomaly(&self) -> Anomaly {
        match self {
            Self::ShorterDump { .. } => Anomaly::ShorterDump,
            Self::FewerTables { .. } => Anomaly::FewerTables,
            Self::FewerLargeObjects { .. } => Anomaly::FewerLargeObjects,
            Self::Incompressible { .. } => Anomaly::Incompressible,
            Self::AllChanged { .. } => Anomaly::AllChanged,
            Self::LostRows { .. } | Self::LostTable { .. } | Self::MoreLosses { .. } => Anomaly::LostRows,
            Self::KindOnly(anomaly) => *anomaly,
            Self::Unknown { .. } => Anomaly::Other,
        }
    }

    /// What the entry says of these reasons: each kind once.
    #[must_use]
    pub fn anomalies(reasons: &[Self]) -> Vec<Anomaly> {
        let mut anomalies: Vec<Anomaly> = reasons.iter().map(Self::anomaly).collect();
        anomalies.dedup();
        anomalies
    }

    /// Whether both say the same of the same thing. Their numbers may differ, since these change from one backup to
    /// the next.
    #[must_use]
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        let same_kind = discriminant(self) == discriminant(other) && self.kind() == other.kind();
        same_kind && self.names() == other.names()
    }

    /// The reason as JSON for programs: its kind, its facts, and the same in words as `text`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut value = json!(self);
        value["text"] = self.to_string().into();
        value
    }

    fn names(&self) -> Option<(&Untrusted, &Untrusted)> {
        match self {
            Self::LostRows { schema, table, .. } | Self::LostTable { schema, table, .. } => Some((schema, table)),
            _ => None,
        }
    }

    /// The facts by their names, numbers last.
    fn facts(&self) -> Vec<(&'static str, Fact<'_>)> {
        let numbers: Vec<(&'static str, u64)> = match *self {
            Self::ShorterDump {
                bytes,
                least_bytes,
                backups,
            } => vec![("bytes", bytes), ("least_bytes", least_bytes), ("backups", backups)],
            Self::FewerTables {
                tables,
                least_tables,
                backups,
            } => vec![("tables", tables), ("least_tables", least_tables), ("backups", backups)],
            Self::FewerLargeObjects {
                large_objects,
                least_large_objects,
                backups,
            } => vec![
                ("large_objects", large_objects),
                ("least_large_objects", least_large_objects),
                ("backups", backups),
            ],
            Self::Incompressible {
                dump_bytes,
                stored_bytes,
            } => vec![("dump_bytes", dump_bytes), ("stored_bytes", stored_bytes)],
            Self::AllChanged {
                changed,
                tables,
                backups,
            } => vec![("changed", changed), ("tables", tables), ("backups", backups)],
            Self::LostRows {
                rows,
                least_rows,
                backups,
                ..
            } => vec![("rows", rows), ("least_rows", least_rows), ("backups", backups)],
            Self::LostTable {
                least_rows, backups, ..
            } => vec![("least_rows", least_rows), ("backups", backups)],
            Self::MoreLosses { tables } => vec![("tables", tables)],
            Self::KindOnly(_) | Self::Unknown { .. } => Vec::new(),
        };
        let names = self.names().into_iter();
        let names = names.flat_map(|(schema, table)| [("schema", Fact::Name(schema)), ("table", Fact::Name(table))]);
        let numbers = numbers.into_iter().map(|(name, number)| (name, Fact::Number(number)));
        names.chain(numbers).collect()
    }
}

/// Lists of reasons in reports, each with its words, for programs that show them.
///
/// # Errors
/// What the serializer refuses.
pub fn with_text<S: Serializer>(reasons: &[Reason], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(reasons.iter().map(Reason::to_value))
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kind = Untrusted::from(self.kind());
        let kind = [("kind", Fact::Name(&kind))];
        serializer.collect_map(kind.into_iter().chain(self.facts()))
    }
}
