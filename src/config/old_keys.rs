//! Earlier keys as settings hold them: each with the day on which it was retired.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use zeroize::Zeroizing;

use super::{
    values::{catalog_key, key},
    wrong::Wrong,
};
use crate::{
    catalog::Key,
    error::{Error, Result},
    seal::{CatalogKey, MasterKey, Secret},
};

/// How every key in bech32 begins, and every catalog key.
const STARTS: [&str; 2] = ["pgcoffer-key-", "pgcoffer-catalog-"];

/// A key that was replaced by another, and until when what it made is believed.
#[derive(Debug)]
pub struct OldKey {
    /// the key, or the catalog key of one
    pub key: EarlierKey,
    /// the last day (UTC), or the moment, as it was written
    pub day: String,
    retired: Timestamp,
}

/// A key of a kind that can be retired.
#[derive(Debug, Clone)]
pub enum EarlierKey {
    /// one that opens everything
    Master(MasterKey),
    /// its catalog key
    Catalog(CatalogKey),
}

impl EarlierKey {
    /// The key as text.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        match self {
            Self::Master(key) => key.encode(),
            Self::Catalog(key) => key.encode(),
        }
    }

    /// Names the key without giving it away.
    #[cfg(test)]
    fn key_id(&self) -> String {
        match self {
            Self::Master(key) => key.key_id(),
            Self::Catalog(key) => key.key_id(),
        }
    }
}

impl OldKey {
    /// Reads `PGCOFFER-KEY-1…@2026-11-01`, and more of them behind it, separated by commas or blanks. Each key may be
    /// typed in groups, as a printed one shows them; it ends at its `@`.
    ///
    /// # Errors
    /// [`Error::Usage`] with the first key or day that can't be read, and no part of a key.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        parse_all(text).map_err(|(why, hint)| Error::usage(why, hint.unwrap_or_default()))
    }

    /// The key and its day, in the form that settings hold them.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}@{}", self.key.encode().as_str(), self.day))
    }
}

impl From<OldKey> for Key {
    fn from(old: OldKey) -> Self {
        Self {
            secret: match old.key {
                EarlierKey::Master(key) => Secret::Key(key),
                EarlierKey::Catalog(key) => Secret::Catalog(key),
            },
            retired: Some(old.retired),
        }
    }
}

pub(super) fn parse_all(text: &str) -> std::result::Result<Vec<OldKey>, Wrong> {
    let mut keys = Vec::new();
    for part in text.split(',') {
        let mut rest = part.trim();
        while !rest.is_empty() {
            let (old, behind) = first(rest)?;
            keys.push(old);
            rest = behind;
        }
    }
    Ok(keys)
}

/// The key at the beginning of a text, and what stands behind its day.
fn first(text: &str) -> std::result::Result<(OldKey, &str), Wrong> {
    let (typed, behind) = text.split_once('@').unwrap_or((text, ""));
    if holds_another(typed) {
        return Err(without_day());
    }
    // whether the key itself is right is told before its day
    let typed_key = typed.trim_end();
    let key = match CatalogKey::looks_like(typed_key) {
        true => EarlierKey::Catalog(catalog_key(typed_key)?),
        false => EarlierKey::Master(key(typed_key)?),
    };
    if typed.len() == text.len() {
        return Err(without_day());
    }
    let behind = behind.trim_start();
    let (day, rest) = behind.split_at(behind.find(char::is_whitespace).unwrap_or(behind.len()));
    let old = OldKey {
        key,
        day: day.to_owned(),
        retired: end_of(day).ok_or_else(|| not_a_day(day))?,
    };
    Ok((old, rest.trim_start()))
}

/// Whether a second key begins before the first one's day.
fn holds_another(text: &str) -> bool {
    let lower = Zeroizing::new(text.to_ascii_lowercase());
    let last = text.split_whitespace().next_back();
    let is_key = |text: &str| MasterKey::parse(text).is_ok() || CatalogKey::parse(text).is_ok();
    let ends_with_one = last.is_some_and(|last| last != text.trim() && is_key(last));
    let mut starts = STARTS.iter();
    ends_with_one || starts.any(|start| lower.rfind(start).is_some_and(|at| at > 0))
}

fn without_day() -> Wrong {
    (
        "an earlier key is given without the day on which it was retired".to_owned(),
        Some("write KEY@YYYY-MM-DD: what that key made up to this day is believed, and nothing newer".to_owned()),
    )
}

/// What stands behind an `@` may be a part of another key, which no message shows.
fn not_a_day(text: &str) -> Wrong {
    let is_of_a_day = |c: char| c.is_ascii_digit() || "-:.+TZ".contains(c);
    let shown = match text.chars().all(is_of_a_day) && text.len() < 40 {
        true => format!("{text:?}"),
        false => "what stands behind the @ of an earlier key".to_owned(),
    };
    (
        format!("{shown} is not the day on which a key was retired"),
        Some("write it as in KEY@2026-11-01, with a comma or a blank before the next key".to_owned()),
    )
}

/// The end of a day in UTC, or a moment.
fn end_of(text: &str) -> Option<Timestamp> {
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    let day: Date = text.parse().ok()?;
    let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(next.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(byte: u8) -> MasterKey {
        MasterKey::parse(&format!("{byte:02x}").repeat(32)).unwrap()
    }

    /// As a sheet prints it, with what may stand between groups.
    fn in_groups(key: &MasterKey, between: &str) -> String {
        let text = key.encode();
        let (start, rest) = text.split_at(14);
        let groups = rest.as_bytes().chunks(4).map(|group| str::from_utf8(group).unwrap());
        [start].into_iter().chain(groups).collect::<Vec<_>>().join(between)
    }

    #[test]
    fn keys_are_read_in_groups_and_without_whatever_separates_them() {
        let (one, other) = (key_of(1), key_of(2));
        let plain = one.encode().to_string();
        let spellings = [
            plain.clone(),
            plain.to_lowercase(),
            "01".repeat(32),
            "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".to_owned(),
            in_groups(&one, " "),
            in_groups(&one, "-"),
            in_groups(&one, "\n    "),
        ];
        for first in &spellings {
            for at in ["@", " @", " @ "] {
                for between in [",", ", ", " ", "\n"] {
                    for second in [other.encode().to_string(), in_groups(&other, " ")] {
                        let text = format!("{first}{at}2026-11-29{between}{second}@2026-10-01T10:00:00Z ");
                        let read = parse_all(&text).unwrap_or_else(|(why, _)| panic!("{text}: {why}"));
                        let ids: Vec<_> = read.iter().map(|old| old.key.key_id()).collect();
                        assert_eq!(ids, [one.key_id(), other.key_id()], "{text}");
                        let days: Vec<_> = read.iter().map(|old| old.day.as_str()).collect();
                        assert_eq!(days, ["2026-11-29", "2026-10-01T10:00:00Z"]);
                        let again = read.iter().map(|old| old.encode().to_string());
                        let again = again.collect::<Vec<_>>().join(",");
                        assert_eq!(parse_all(&again).unwrap().len(), 2);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_no_part_of_a_key_shown() {
        let (one, other) = (key_of(1).encode(), key_of(2).encode());
        let (one, other) = (one.as_str(), other.as_str());
        let groups = in_groups(&key_of(1), " ");
        let hex = "02".repeat(32);
        let no_day = "without the day";
        let no_such_day = "is not the day";
        for (text, told) in [
            (one.to_owned(), no_day),
            (groups.clone(), no_day),
            (format!("{one} {other}@2026-11-01"), no_day),
            (format!("{one},{other}@2026-11-01"), no_day),
            (format!("{groups} {groups}@2026-11-01"), no_day),
            (format!("{groups} {hex}@2026-11-01"), no_day),
            (format!("{hex} {groups}@2026-11-01"), no_day),
            (format!("{hex} {hex}"), no_day),
            (format!("{one}@"), no_such_day),
            (format!("{one}@2026-13-01"), "\"2026-13-01\" is not the day"),
            (format!("{one}@2026-11-01{other}@2026-11-01"), no_such_day),
            (format!("{one}@2026-11-01;{hex}"), no_such_day),
            (format!("{one}@{hex}"), no_such_day),
            (format!("{}@2026-11-01", &one[..71]), "71 characters"),
            ("@2026-11-01".to_owned(), "it is empty"),
        ] {
            let (why, hint) = parse_all(&text).map(|_| ()).expect_err(&text);
            assert!(why.contains(told), "{text}: {why}");
            let said = format!("{why} {hint:?}");
            assert!(!said.contains(&one[20..30]) && !said.contains(&other[20..30]), "{said}");
            assert!(!said.contains(&hex[..16]), "{said}");
        }
        assert!(parse_all(" , ").unwrap().is_empty());
    }
}
