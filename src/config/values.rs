//! Values as they are written.

use std::{num::NonZeroU32, time::Duration};

use aws_sdk_s3::types::{ObjectCannedAcl, ServerSideEncryption};
use jiff::{SignedDuration, tz::TimeZone};

use super::{DEFAULT_LEVEL, notices, serving};
use crate::{
    compress::Compressor,
    plain_http::HttpHosts,
    rights::AccessMode,
    seal::{BadRepositoryId, CatalogKey, MasterKey, RepositoryId},
    store::LockMode,
};

/// A setting's fault before its variable's name is known: why, and the cure.
pub(super) type Wrong = (String, Option<String>);

pub(super) fn key(text: &str) -> Result<MasterKey, Wrong> {
    MasterKey::parse(text).map_err(|error| {
        let before = text.split_once('@').map(|(before, _)| before);
        match before.map(str::trim_end).map(MasterKey::parse) {
            Some(Ok(_)) => (
                "it bears the day on which it was retired, and so is an earlier key".to_owned(),
                Some(
                    "earlier keys stand in PGCOFFER_OLD_KEYS (of a database with a key of its own: \
                    PGCOFFER_DB_<NAME>_OLD_KEYS), beside the one that replaced them"
                        .to_owned(),
                ),
            ),
            _ => (error.to_string(), error.hint()),
        }
    })
}

pub(super) fn catalog_key(text: &str) -> Result<CatalogKey, Wrong> {
    CatalogKey::parse(text).map_err(|error| match text.split_once('@') {
        Some((before, _)) if CatalogKey::parse(before.trim_end()).is_ok() => (
            "it bears the day on which it was retired, and so is an earlier catalog key".to_owned(),
            Some(
                "earlier catalog keys stand in PGCOFFER_OLD_KEYS (of a database with one of its own: \
                PGCOFFER_DB_<NAME>_OLD_KEYS), as earlier keys do"
                    .to_owned(),
            ),
        ),
        _ => (error.to_string(), error.hint()),
    })
}

pub(super) fn repository(text: &str) -> Result<RepositoryId, Wrong> {
    let id = text.parse();
    let id = id.or_else(|error| RepositoryId::of_generated(text).ok_or(error));
    id.map_err(|error: BadRepositoryId| {
        (
            format!("{text:?} is no repository: {error}"),
            Some(
                "`pgcoffer repository` prints the one of this bucket; for a new place `pgcoffer keygen --repository` \
                makes one"
                    .to_owned(),
            ),
        )
    })
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

pub(super) fn http_hosts(text: &str) -> Result<HttpHosts, Wrong> {
    HttpHosts::parse(text).map_err(|why| {
        let hint = "name hosts without scheme and port, separated by commas: minio.internal, 10.0.0.7";
        (why, Some(hint.to_owned()))
    })
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

/// What S3 may be told to encrypt with on top of pgcoffer's own.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html#API_PutObject_RequestSyntax>
pub(super) fn encryption(text: &str) -> Result<ServerSideEncryption, String> {
    let known = [
        ServerSideEncryption::Aes256,
        ServerSideEncryption::AwsKms,
        ServerSideEncryption::AwsKmsDsse,
    ];
    one_of(known, ServerSideEncryption::as_str, text)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl>
pub(super) fn acl(text: &str) -> Result<ObjectCannedAcl, Wrong> {
    let known = [
        ObjectCannedAcl::Private,
        ObjectCannedAcl::BucketOwnerFullControl,
        ObjectCannedAcl::BucketOwnerRead,
        ObjectCannedAcl::AuthenticatedRead,
        ObjectCannedAcl::AwsExecRead,
        ObjectCannedAcl::PublicRead,
        ObjectCannedAcl::PublicReadWrite,
    ];
    let acl = one_of(known, ObjectCannedAcl::as_str, text).map_err(|why| (why, None))?;
    match acl {
        ObjectCannedAcl::PublicRead | ObjectCannedAcl::PublicReadWrite | ObjectCannedAcl::AuthenticatedRead => Err((
            format!("{text:?} lets everybody read backups"),
            Some("use private, bucket-owner-full-control or bucket-owner-read".to_owned()),
        )),
        acl => Ok(acl),
    }
}

/// One of these, by its name in whatever case.
fn one_of<T, const N: usize>(known: [T; N], name: impl Fn(&T) -> &str, text: &str) -> Result<T, String> {
    let names: Vec<String> = known.iter().map(|one| name(one).to_owned()).collect();
    let mut known = known.into_iter();
    let found = known.find(|one| name(one).eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("{text:?} is none of {}", names.join(", ")))
}

pub(super) fn zone(text: &str) -> Result<TimeZone, Wrong> {
    TimeZone::get(text).map_err(|_| {
        let hint = "give a name of the tz database, such as Europe/Berlin, America/New_York or UTC";
        (format!("{text:?} is not a time zone"), Some(hint.to_owned()))
    })
}

/// `90s`, `20m`, `1h 30m`.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let positive = parsed.filter(SignedDuration::is_positive);
    positive.and_then(|d| Duration::try_from(d).ok()).ok_or_else(|| {
        let hint = "write for example 30m or 2h";
        (format!("{text:?} is not a length of time"), Some(hint.to_owned()))
    })
}

pub(super) fn keep_last(text: &str) -> Result<NonZeroU32, Wrong> {
    text.parse().map_err(|_| {
        let hint = "the newest good backups are what a lost database comes back from: keep 1 at least";
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
pub(super) fn mode(text: &str) -> Result<AccessMode, Wrong> {
    let parsed = text.parse().ok();
    parsed
        .filter(|mode| matches!(mode, AccessMode::Full | AccessMode::DropBox))
        .ok_or_else(|| {
            let hint = "drop-box is for credentials that may only write; leave it unset otherwise";
            (format!("{text:?} is neither full nor drop-box"), Some(hint.to_owned()))
        })
}

/// Settings of no single database that stand in no list of their own, without their prefix.
const NAMES: [&str; 22] = [
    "KEY",
    "CATALOG_KEY",
    "PASSPHRASE",
    "OLD_KEYS",
    "REPOSITORY",
    "BUCKET",
    "S3_PATH_STYLE",
    "ALLOW_HTTP",
    "STORAGE_CLASS",
    "SSE",
    "SSE_KMS_KEY_ID",
    "ACL",
    "REQUESTER_PAYS",
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

/// What each database has: the end of `DB_<NAME>_…`.
const NAMES_OF_DATABASE: [&str; 7] = ["URL", "AUTH", "OLD_KEYS", "CATALOG_KEY", "KEY", "SCHEDULE", "PING_URL"];

/// Whether there is a setting of this name (without its prefix).
pub(super) fn is_setting(name: &str) -> bool {
    all_names().contains(&name) || of_database(name).is_some()
}

/// Every setting that isn't one of a single database.
fn all_names() -> Vec<&'static str> {
    [&NAMES[..], &notices::SETTINGS, &serving::SETTINGS].concat()
}

/// The label and the end of `DB_<NAME>_…`, where that is a setting.
fn of_database(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix("DB_")?;
    let ends = NAMES_OF_DATABASE.iter();
    ends.filter_map(|end| {
        let label = rest.strip_suffix(end)?.strip_suffix('_')?;
        (!label.is_empty()).then_some((label, *end))
    })
    .min_by_key(|(label, _)| label.len())
}

/// Whether the text of this setting, by its variable's name, is for nobody else's eyes.
#[must_use]
pub fn is_secret(variable: &str) -> bool {
    let ends = ["KEY", "KEYS", "PASSPHRASE", "SECRET", "TOKEN", "URL"];
    variable.rsplit('_').next().is_some_and(|end| ends.contains(&end))
}

/// Whether a platform set this variable for a service that is called pgcoffer too: Kubernetes does for each service
/// (`PGCOFFER_SERVICE_HOST`, `PGCOFFER_PORT_9187_TCP_ADDR`, …), and so did Docker's links.
/// <https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>
pub(super) fn is_injected(setting: &str, value: &str) -> bool {
    let named = |part: &str| setting == part || setting.ends_with(&format!("_{part}"));
    let service = named("SERVICE_HOST") || named("SERVICE_PORT") || setting.contains("SERVICE_PORT_");
    let address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let port = named("PORT") && address;
    let words: Vec<&str> = setting.split('_').collect();
    let of_port = words
        .windows(3)
        .any(|w| w[0] == "PORT" && w[1].bytes().all(|b| b.is_ascii_digit()) && ["TCP", "UDP", "SCTP"].contains(&w[2]));
    service || port || of_port
}

/// The setting that was probably meant, as a hint.
pub(super) fn nearest(setting: &str) -> Option<String> {
    let stem = setting.strip_suffix("_FILE").unwrap_or(setting);
    let of_database = ["DB_", "DATABASE", "POSTGRES"];
    if of_database.iter().any(|start| stem.starts_with(start)) || stem == "URL" {
        let what = nearest_of(&NAMES_OF_DATABASE, stem.rsplit('_').next().unwrap_or(stem));
        let what = what.unwrap_or("URL");
        return Some(format!(
            "a database's settings bear its name: PGCOFFER_DB_<NAME>_{what}, such as PGCOFFER_DB_MAIN_{what}"
        ));
    }
    let likely = nearest_of(&all_names(), stem);
    if let Some(label) = stem.strip_suffix("_URL")
        && likely.is_none_or(|name| strsim::damerau_levenshtein(name, stem) > 1 && first_word(name) != first_word(stem))
    {
        return Some(format!("a database's URL is PGCOFFER_DB_{label}_URL"));
    }
    let Some(name) = likely else {
        return Some("`pgcoffer --help` lists all settings".to_owned());
    };
    let file = &setting[stem.len()..];
    Some(format!("did you mean PGCOFFER_{name}{file}?"))
}

/// The most similar of some names; the longest that one is part of the other counts as well.
fn nearest_of(names: &[&'static str], wrong: &str) -> Option<&'static str> {
    let scored = names.iter().map(|name| {
        let score = strsim::normalized_damerau_levenshtein(name, wrong);
        let same_word = first_word(name) == first_word(wrong) && wrong.contains('_');
        let part = wrong.len() > 2 && (wrong.contains(name) || name.contains(wrong) || same_word);
        (if part { score.max(0.6) } else { score }, *name)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.len().cmp(&b.1.len())));
    best.filter(|(score, _)| *score >= 0.6).map(|(_, name)| name)
}

fn first_word(name: &str) -> &str {
    name.split('_').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_understood() {
        for (wrong, right) in [
            ("BUKET", "PGCOFFER_BUCKET?"),
            ("S3_BUCKET", "PGCOFFER_BUCKET?"),
            ("ENCRYPTION_KEY", "PGCOFFER_KEY?"),
            ("SCHEDUEL", "PGCOFFER_SCHEDULE?"),
            ("TIME_ZONE", "PGCOFFER_TIMEZONE?"),
            ("KEYFILE", "PGCOFFER_KEY?"),
            ("PASPHRASE_FILE", "PGCOFFER_PASSPHRASE_FILE?"),
            ("OLD_KEY", "PGCOFFER_OLD_KEYS?"),
            ("CATALOGUE_KEY", "PGCOFFER_CATALOG_KEY?"),
            ("CATALOG", "PGCOFFER_CATALOG_KEY?"),
            ("DATABASE_URL", "PGCOFFER_DB_MAIN_URL"),
            ("DB_URL", "PGCOFFER_DB_MAIN_URL"),
            ("MAIN_URL", "PGCOFFER_DB_MAIN_URL"),
            ("DATABASES_MAIN_URL", "PGCOFFER_DB_MAIN_URL"),
            ("SLACK_URL", "PGCOFFER_SLACK_WEBHOOK_URL?"),
            ("WEBHOK_URL", "PGCOFFER_WEBHOOK_URL?"),
            ("DB_MAIN_SCHEDUL", "PGCOFFER_DB_MAIN_SCHEDULE"),
        ] {
            let hint = nearest(wrong).unwrap_or_default();
            assert!(hint.contains(right), "{wrong}: {hint}");
        }
        assert!(nearest("COLOUR").unwrap().contains("--help"));
    }

    #[test]
    fn every_name_that_is_suggested_is_read() {
        for name in all_names() {
            let variable = format!("PGCOFFER_{name}");
            let read = super::super::Config::from_vars([(variable, "x".to_owned())]);
            let told = read.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!told.contains("no such setting"), "{told}");
        }
    }

    #[test]
    fn what_a_platform_sets_for_a_service_of_our_name_is_no_setting() {
        for (name, value) in [
            ("SERVICE_HOST", "10.0.0.1"),
            ("SERVICE_PORT", "9187"),
            ("SERVICE_PORT_METRICS", "9187"),
            ("METRICS_SERVICE_HOST", "10.0.0.1"),
            ("PORT", "tcp://10.0.0.1:9187"),
            ("PORT_9187_TCP", "tcp://10.0.0.1:9187"),
            ("PORT_9187_TCP_ADDR", "10.0.0.1"),
        ] {
            assert!(is_injected(name, value), "{name}");
        }
        for (name, value) in [("PORT", "1"), ("DB_MAIN_PORT", "1"), ("KEY", "tcp://x")] {
            assert!(!is_injected(name, value), "{name}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "PGCOFFER_KEY",
            "PGCOFFER_DB_X_URL",
            "PGCOFFER_OLD_KEYS",
            "PGCOFFER_CATALOG_KEY",
            "PGCOFFER_DB_X_CATALOG_KEY",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(is_secret(name));
        }
        for name in ["PGCOFFER_BUCKET", "PGCOFFER_SSE_KMS_KEY_ID", "PGCOFFER_SCHEDULE"] {
            assert!(!is_secret(name));
        }
    }
}
