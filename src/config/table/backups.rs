//! Settings of how one backup is made.

use std::path::PathBuf;

use super::super::{
    DEFAULT_LEVEL,
    setting::{Characters, DefaultValue, Section, Setting, Take},
    values::duration,
};
use crate::compress::Compressor;

pub(super) const SECTION: Section = Section {
    title: "Making a backup",
    settings: &[
        Setting {
            name: "PGCOFFER_COMPRESSION",
            secret: false,
            default: DefaultValue::Text("zstd:1"),
            help: "none, zstd, zstd:1 to zstd:19",
            doc: "`none`, `zstd`, `zstd:1` to `zstd:19`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                let hint = "write zstd, or zstd:3 for a level of it; backups are compressed with zstd or not at all";
                reading.config.level = compression(text).map_err(|why| (why, Some(hint.to_owned())))?;
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_STALL_TIMEOUT",
            secret: false,
            default: DefaultValue::Text("1h"),
            help: "how long pg_dump may write nothing",
            doc: "how long pg_dump may write nothing before it is stopped: `30m`, `2h`",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.dump_idle_timeout = duration(text)?;
                Ok(())
            }),
        },
        Setting {
            name: "PGCOFFER_PG_BIN",
            secret: false,
            default: DefaultValue::Described("searched on `PATH` and in the usual places"),
            help: "folder with pg_dump and pg_restore",
            doc: "folder with `pg_dump`, `pg_restore` and `psql`, or with one such folder per major version. pgcoffer \
                looks in no other folder",
            characters: Characters::Visible,
            take: Take::Once(|reading, text| {
                reading.config.pg_bin = Some(PathBuf::from(text));
                Ok(())
            }),
        },
    ],
};

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
