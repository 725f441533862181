//! Keys for a place on a server, before they become settings.

use std::path::{Path, PathBuf};

use crate::{
    redact::SecretText,
    store::{Error, HostKeys, SshKeySource},
};

/// The public half of the private key in a file, as a line of `authorized_keys` has it. `None` where the key is
/// encrypted and no passphrase is given.
///
/// # Errors
/// Where the file can't be read, is no key, or is encrypted by another passphrase.
pub fn ssh_public_line(path: &Path, passphrase: Option<&SecretText>) -> Result<Option<String>, Error> {
    SshKeySource::File(path.to_owned()).public_line(passphrase)
}

/// The file that a setting of a private key names; `None` where it is the key itself.
#[must_use]
pub fn ssh_key_file(setting: &SecretText) -> Option<PathBuf> {
    match SshKeySource::of_setting(setting) {
        SshKeySource::File(path) => Some(path),
        SshKeySource::Text(_) => None,
    }
}

/// Checks that a text pins the key of a server.
///
/// # Errors
/// What is wrong with it.
pub fn check_host_key(text: &str) -> Result<(), Error> {
    HostKeys::of_setting(text).map(drop)
}
