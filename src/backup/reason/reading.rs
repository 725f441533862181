//! Reads reasons from details that somebody else may have written: never an error, whatever stands there, and never
//! more memory than a few reasons take.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::Reason;
use crate::{backup::Anomaly, text::Untrusted};

/// The reasons of one backup that are read; a comparison finds fewer.
const REASONS_MAX: usize = 20;
/// The fields of one reason that are read; no kind has more.
const FIELDS_MAX: usize = 8;
/// Characters of a kind, or of the name of a field, that are kept. Each that this program knows is shorter.
const WORD_CHARS_MAX: usize = 40;
/// Backups with which a new one can be said to have been compared.
const BACKUPS_MAX: u64 = 1000;

/// What stands in one field, as far as any kind of reason has such.
enum Found {
    Number(u64),
    Text(Untrusted),
    /// Something that is no fact of any kind.
    Other,
}

/// The fields of a reason, whatever else stands there.
#[derive(Default)]
struct Fields(BTreeMap<String, Found>);

impl Fields {
    fn number(&self, name: &str) -> Option<u64> {
        match self.0.get(name)? {
            Found::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<Untrusted> {
        match self.0.get(name)? {
            Found::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// The reason, where all its facts are there and can be true.
    fn reason(&self, kind: &str) -> Option<Reason> {
        if self.0.len() == 1 {
            return Anomaly::parse(kind).map(Reason::KindOnly);
        }
        let number = |name| self.number(name);
        let backups = || number("backups").filter(|count| (1..=BACKUPS_MAX).contains(count));
        let fall = |now, least| Some((number(now)?, number(least)?)).filter(|(now, least)| now < least);
        Some(match kind {
            "shorter_dump" => {
                let (bytes, least_bytes) = fall("bytes", "least_bytes")?;
                Reason::ShorterDump {
                    bytes,
                    least_bytes,
                    backups: backups()?,
                }
            }
            "fewer_tables" => {
                let (tables, least_tables) = fall("tables", "least_tables")?;
                Reason::FewerTables {
                    tables,
                    least_tables,
                    backups: backups()?,
                }
            }
            "fewer_large_objects" => {
                let (large_objects, least_large_objects) = fall("large_objects", "least_large_objects")?;
                Reason::FewerLargeObjects {
                    large_objects,
                    least_large_objects,
                    backups: backups()?,
                }
            }
            "incompressible" => Reason::Incompressible {
                dump_bytes: number("dump_bytes").filter(|bytes| *bytes > 0)?,
                stored_bytes: number("stored_bytes").filter(|bytes| *bytes > 0)?,
            },
            "all_changed" => Reason::AllChanged {
                changed: number("changed").filter(|count| *count > 0)?,
                tables: number("tables").filter(|tables| number("changed") <= Some(*tables))?,
                backups: backups()?,
            },
            "lost_rows" => {
                let (rows, least_rows) = fall("rows", "least_rows")?;
                Reason::LostRows {
                    schema: self.text("schema")?,
                    table: self.text("table")?,
                    rows,
                    least_rows,
                    backups: backups()?,
                }
            }
            "lost_table" => Reason::LostTable {
                schema: self.text("schema")?,
                table: self.text("table")?,
                least_rows: number("least_rows").filter(|rows| *rows > 0)?,
                backups: backups()?,
            },
            "more_losses" => Reason::MoreLosses {
                tables: number("tables").filter(|tables| *tables > 0)?,
            },
            _ => return None,
        })
    }
}

impl<'de> Deserialize<'de> for Reason {
    /// Takes whatever stands there: what is no reason of a known kind is [`Reason::Unknown`], so that nobody can hide
    /// a backup's details by one.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = deserializer.deserialize_any(AnyReason)?;
        let kind = fields.text("kind").unwrap_or_default();
        let reason = fields.reason(kind.raw());
        Ok(reason.unwrap_or_else(|| Self::Unknown {
            kind: kind.cut(WORD_CHARS_MAX),
        }))
    }
}

/// Visitor methods for what is not wanted: it is read to its end and dropped.
macro_rules! ignored {
    ($other:expr) => {
        fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok($other)
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            while all.next_element::<IgnoredAny>()?.is_some() {}
            Ok($other)
        }
    };
}

struct AnyReason;

impl<'de> Visitor<'de> for AnyReason {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reason")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<String>()? {
            if fields.0.len() < FIELDS_MAX && name.chars().count() <= WORD_CHARS_MAX {
                fields.0.insert(name, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(fields)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Fields, E> {
        Ok(Fields::default())
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Fields, E> {
        Ok(Fields::default())
    }

    ignored!(Fields::default());
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyFact)
    }
}

struct AnyFact;

impl<'de> Visitor<'de> for AnyFact {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fact")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Found, E> {
        Ok(Found::Number(number))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Found, E> {
        Ok(Found::Text(text.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Found::Other)
    }

    ignored!(Found::Other);
}

/// Reads a list of reasons: the first [`REASONS_MAX`] of it.
///
/// # Errors
/// Where it is no list.
pub(in crate::backup) fn few_reasons<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Reason>, D::Error> {
    struct Few;

    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Reason>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of reasons")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Vec<Reason>, A::Error> {
            let mut few = Vec::new();
            while few.len() < REASONS_MAX {
                match all.next_element()? {
                    Some(reason) => few.push(reason),
                    None => return Ok(few),
                }
            }
            while all.next_element::<IgnoredAny>()?.is_some() {}
            Ok(few)
        }
    }

    deserializer.deserialize_seq(Few)
}
