//! `keygen`: keys, passphrases, catalog keys and ids of repositories.

use std::{
    io::{IsTerminal as _, Read as _},
    os::fd::AsFd as _,
};

use pgcoffer::{
    Error, Result,
    backup::Label,
    config::{self, Config},
    seal::{self, MasterKey, Passphrase, RepositoryId},
};

use super::context::usage;
use crate::cli::output::Output;

/// More than any passphrase.
const PASSPHRASE_BYTES_MAX: usize = 4096;

/// Makes a key or a passphrase, or grades a passphrase read from standard input.
pub(in crate::cli) fn keygen(passphrase: bool, words: bool, json: bool) -> Result<()> {
    let output = Output { json };
    if words {
        return output.passphrase(&Passphrase::generate().map_err(key_error)?);
    }
    if !passphrase {
        let key = MasterKey::generate().map_err(key_error)?;
        return output.key(&key);
    }
    if std::io::stdin().is_terminal() {
        tracing::info!("type the passphrase and press Enter; it will be seen on this screen");
    }
    let line = read_line().map_err(|source| Error::Io {
        doing: "read the passphrase".to_owned(),
        source,
    })?;
    // as settings are read
    let text = config::trimmed(&line).to_owned();
    Passphrase::new(text).map_err(|e| usage(e.to_string(), e.hint().unwrap_or_default()))?;
    output.passphrase_is_strong()
}

/// Prints the catalog key of the key that is set for all databases, or of a database's own.
pub(in crate::cli) fn catalog_key(config: &Config, database: Option<&str>, json: bool) -> Result<()> {
    let secret = match label(database)? {
        None => config.secret.as_ref().ok_or_else(|| match config.own_keys.is_empty() {
            true => config::no_key(),
            false => usage(
                "no key is set that is for all databases".to_owned(),
                "name one that has a key of its own: --database NAME",
            ),
        }),
        Some(label) => {
            let own = config.own_keys.get(&label).and_then(|keys| keys.first());
            own.map(|key| &key.secret).ok_or_else(|| {
                usage(
                    format!("{label} has no key of its own"),
                    "without --database it prints the catalog key of the key that is for all databases",
                )
            })
        }
    };
    let catalog_key = secret?.catalog_key().ok_or_else(|| {
        usage(
            "a passphrase has no catalog key: it is stretched to another key for each database".to_owned(),
            "only a key has one; `pgcoffer keygen` makes a key, and backups made under the passphrase still need the \
             passphrase",
        )
    })?;
    Output { json }.catalog_key(&catalog_key)
}

/// Makes the id of a repository that is to begin.
pub(in crate::cli) fn new_repository(json: bool) -> Result<()> {
    let id = RepositoryId::generate().map_err(|error| key_error(error.into()))?;
    Output { json }.repository(&id)
}

/// A line of standard input. Past its buffer, which nobody wipes, and into one that doesn't grow: that would leave
/// copies.
pub(super) fn read_line() -> std::io::Result<zeroize::Zeroizing<String>> {
    let mut input = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(PASSPHRASE_BYTES_MAX));
    let mut byte = zeroize::Zeroizing::new([0]);
    while bytes.len() < PASSPHRASE_BYTES_MAX && input.read(&mut *byte)? > 0 && *byte != *b"\n" {
        bytes.push(byte[0]);
    }
    let text = std::str::from_utf8(&bytes).map_err(std::io::Error::other)?;
    Ok(zeroize::Zeroizing::new(text.to_owned()))
}

fn key_error(source: seal::Error) -> Error {
    Error::Seal {
        object: "the key".to_owned(),
        source,
    }
}

fn label(text: Option<&str>) -> Result<Option<Label>> {
    let label = text.map(Label::parse).transpose();
    label.map_err(|e| usage(e.to_string(), "`pgcoffer list` shows the databases that have backups"))
}
