//! The URL of a restore's target: as given, or from a variable; and what was meant where it is neither.

use std::ffi::OsString;

use pgcoffer::{Error, Result, backup::BackupId, config::trimmed, postgres::DatabaseUrl};

use super::context::usage;

/// Reads what stands behind `--to`.
///
/// # Errors
/// [`Error::Usage`] for a variable that is not set or is named without `env:`, and what is wrong with a URL.
pub(super) fn target_url(text: &str) -> Result<DatabaseUrl> {
    let Some(name) = text.strip_prefix("env:") else {
        return match DatabaseUrl::parse(trimmed(text)) {
            Ok(url) => Ok(url),
            Err(fault) => Err(misread(trimmed(text))
                .unwrap_or_else(|| usage(format!("--to: that url cannot be used: {fault}"), fault.hint()))),
        };
    };
    let name = name.trim_start_matches('$').trim_matches(['{', '}']);
    let Some(value) = variable(name) else {
        return Err(match std::env::var_os(name) {
            Some(value) if value.to_str().is_some_and(|value| value.trim().is_empty()) => usage(
                format!("--to names the variable {name}, which is empty or blank"),
                format!("read -rs {name} && export {name}, and then type the target's URL"),
            ),
            Some(_) => usage(
                format!("--to names the variable {name}, which is no text in UTF-8"),
                "percent-encode what is not ASCII".to_owned(),
            ),
            None if !is_name(name) => usage(
                "--to wants the name of a variable behind env:, and this is none",
                "give --to env:TARGET_URL, where TARGET_URL holds the URL; a URL itself stands there without env:",
            ),
            None => usage(
                format!("--to names the variable {name}, which is not set (or not exported)"),
                match alike(name) {
                    Some(other) => format!("did you mean env:{other}?"),
                    None => format!("read -rs {name} && export {name}, and then type the target's URL"),
                },
            ),
        });
    };
    let value = trimmed(&value);
    match DatabaseUrl::parse(value) {
        Ok(url) => Ok(url),
        Err(fault) => Err(of_another_kind(value).unwrap_or_else(|| {
            usage(
                format!("--to names {name}, whose url cannot be used: {fault}"),
                fault.hint(),
            )
        })),
    }
}

/// A variable that holds a URL, and whose name differs by a slip.
fn alike(name: &str) -> Option<String> {
    const LETTERS_MAX: usize = 2;
    let others = std::env::vars_os().filter_map(|(other, value)| {
        let value = value.into_string().ok().filter(|value| value.contains("://"));
        value.and(other.into_string().ok())
    });
    let near = others.map(|other| (strsim::damerau_levenshtein(&other, name), other));
    let nearest = near.filter(|(letters, _)| *letters <= LETTERS_MAX).min();
    nearest.map(|(_, other)| other)
}

/// The URL of something else than a database of PostgreSQL. Nothing but its beginning is repeated, since a password may
/// stand in it.
fn of_another_kind(text: &str) -> Option<Error> {
    const OTHERS: [&str; 10] = [
        "file", "s3", "sftp", "http", "https", "mysql", "mariadb", "mongodb", "redis", "sqlite",
    ];
    let (scheme, _) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    OTHERS.contains(&scheme.as_str()).then(|| {
        usage(
            format!(
                "--to names something that begins with {scheme}://, and a backup is restored into PostgreSQL alone"
            ),
            "give --to env:TARGET_URL, where TARGET_URL holds postgres://USER:PASSWORD@HOST:5432/NAME; `pgcoffer get \
             latest -o FILE` writes a backup into a file",
        )
    })
}

/// Refuses a URL in the place of a backup's id: the two have changed places. Nothing of it is repeated, since a password
/// may stand in it.
pub(super) fn check_is_no_url(id: &str) -> Result<()> {
    if id.contains("://") && !id.starts_with("s3://") {
        return Err(usage(
            "a URL stands in the place of the backup's id",
            "the backup comes first, and the database behind --to: pgcoffer restore latest --to env:TARGET_URL",
        ));
    }
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name).map(OsString::into_string);
    value
        .and_then(std::result::Result::ok)
        .filter(|value| !value.trim().is_empty())
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// What was meant by a text that is neither a URL nor names a variable.
fn misread(text: &str) -> Option<Error> {
    if let Some(error) = of_another_kind(text) {
        return Some(error);
    }
    if let Some((env, name)) = text.split_once(':').filter(|(env, _)| env.eq_ignore_ascii_case("env")) {
        let why = format!("--to says {env}:, which is written in small letters");
        return Some(usage(why, format!("give --to env:{name}")));
    }
    let plain = text.trim_start_matches('$').trim_matches(['{', '}']);
    if is_name(plain) && variable(plain).is_some_and(|value| value.contains("://")) {
        let why = format!("--to names the variable {plain} without env: before it");
        return Some(usage(why, format!("give --to env:{plain}")));
    }
    if text.starts_with('$') && is_name(plain) {
        let why = format!("--to says {text:?} itself, and not what the variable holds");
        return Some(usage(
            why,
            format!("give --to env:{plain}, with {plain} set and exported"),
        ));
    }
    if BackupId::parse(text).is_ok() || text == "latest" || text.starts_with("latest:") {
        return Some(usage(
            "--to wants the database to restore into, and that is a backup",
            "the backup comes first, and the database behind --to: pgcoffer restore latest --to env:TARGET_URL",
        ));
    }
    if is_name(plain) {
        let why = "--to wants the URL of the database to restore into, and that is only a name";
        return Some(usage(
            why,
            "give --to env:TARGET_URL, where TARGET_URL holds postgres://USER:PASSWORD@HOST:5432/NAME",
        ));
    }
    None
}
