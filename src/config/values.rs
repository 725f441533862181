//! Values as they are written.

use std::{num::NonZeroU32, time::Duration};

use jiff::{SignedDuration, tz::TimeZone};

use super::DEFAULT_LEVEL;
use crate::{
    compress::Compressor,
    rights::Mode,
    seal::{MasterKey, Secret},
    store::LockMode,
};

/// A setting's fault before its variable's name is known: why, and the cure.
pub(super) type Wrong = (String, Option<String>);

pub(super) fn key(text: &str) -> Result<Secret, Wrong> {
    MasterKey::parse(text)
        .map(Secret::Key)
        .map_err(|e| (e.to_string(), e.hint()))
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// `none`, `zstd` or `zstd:LEVEL`.
///
/// # Errors
/// Says what the text should have been.
pub fn compression(text: &str) -> Result<Option<i32>, String> {
    let wrong = || {
        let (low, high) = (Compressor::LEVELS.start(), Compressor::LEVELS.end());
        format!("{text:?} is not a compression: none, zstd, or zstd:{low} to zstd:{high}")
    };
    match text.split_once(':') {
        None if text == "none" => Ok(None),
        None if text == "zstd" => Ok(Some(DEFAULT_LEVEL)),
        Some(("zstd", level)) => level
            .parse()
            .ok()
            .filter(|level| Compressor::LEVELS.contains(level))
            .map(Some)
            .ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

/// Classes that S3 takes at upload; the cold ones make an archive that must be thawed before it can be read.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>
pub(super) fn storage_class(text: &str) -> Result<String, String> {
    const CLASSES: [&str; 9] = [
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "GLACIER_IR",
        "DEEP_ARCHIVE",
        "EXPRESS_ONEZONE",
    ];
    let upper = text.to_ascii_uppercase();
    if CLASSES.contains(&upper.as_str()) {
        Ok(upper)
    } else {
        Err(format!("{text:?} is none of {}", CLASSES.join(", ")))
    }
}

pub(super) fn zone(text: &str) -> Result<TimeZone, Wrong> {
    TimeZone::get(text).map_err(|_| {
        let hint = "give a name of the tz database, such as Europe/Berlin, America/New_York or UTC";
        (
            format!("{text:?} is not a time zone"),
            Some(hint.to_owned()),
        )
    })
}

/// `90s`, `20m`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let positive = parsed.filter(SignedDuration::is_positive);
    positive
        .and_then(|d| Duration::try_from(d).ok())
        .ok_or_else(|| {
            let hint = "write for example 30m or 2h";
            (
                format!("{text:?} is not a length of time"),
                Some(hint.to_owned()),
            )
        })
}

pub(super) fn keep_last(text: &str) -> Result<NonZeroU32, Wrong> {
    text.parse().map_err(|_| {
        let hint =
            "the newest good backups are what a lost database comes back from: keep 1 at least";
        (
            format!("{text:?} is not a whole number from 1 on"),
            Some(hint.to_owned()),
        )
    })
}

pub(super) fn lock_mode(text: &str) -> Result<LockMode, String> {
    match text.to_ascii_lowercase().as_str() {
        "governance" => Ok(LockMode::Governance),
        "compliance" => Ok(LockMode::Compliance),
        _ => Err(format!("{text:?} is neither governance nor compliance")),
    }
}

/// Of the modes, those in which an agent runs: the others have their commands, and need no setting.
pub(super) fn mode(text: &str) -> Result<Mode, Wrong> {
    let parsed = text.parse().ok();
    parsed
        .filter(|mode| matches!(mode, Mode::Full | Mode::DropBox))
        .ok_or_else(|| {
            let hint = "drop-box is for credentials that may only write; leave it unset otherwise";
            (
                format!("{text:?} is neither full nor drop-box"),
                Some(hint.to_owned()),
            )
        })
}

/// The setting that was probably meant.
pub(super) fn nearest(setting: &str) -> Option<String> {
    const NAMES: [&str; 16] = [
        "KEY",
        "PASSPHRASE",
        "OLD_KEYS",
        "BUCKET",
        "S3_PATH_STYLE",
        "STORAGE_CLASS",
        "SSE_KMS_KEY_ID",
        "PG_BIN",
        "COMPRESSION",
        "SCHEDULE",
        "TIMEZONE",
        "KEEP_LAST",
        "LOCK",
        "STALL_TIMEOUT",
        "COLD",
        "MODE",
    ];
    let likely = NAMES
        .iter()
        .find(|name| setting.contains(**name) || name.contains(setting));
    // what begins alike, in whole words
    let first = setting.split('_').next().unwrap_or_default();
    let notices = || {
        super::notices::SETTINGS
            .iter()
            .find(|name| name.starts_with(first))
    };
    let likely = likely.or_else(notices);
    likely.map(|name| format!("PGCOFFER_{name} is one"))
}
