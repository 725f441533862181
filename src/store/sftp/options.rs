//! What it takes to reach a folder on a server.

use std::{path::PathBuf, time::Duration};

use super::HostKeys;
use crate::{redact::SecretText, store::SftpLocation};

/// How a folder on a server is reached. [`SftpOptions::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct SftpOptions {
    /// The server, the user and the folder.
    pub location: SftpLocation,
    /// How the names of its settings begin, which hints name: `PGCOFFER_COPY_NAS`.
    pub settings: String,
    /// The keys that the server may have. Without one that fits, no login is tried.
    pub host_keys: HostKeys,
    /// The private key of the login.
    pub key: Option<SshKeySource>,
    /// Opens an encrypted key.
    pub passphrase: Option<SecretText>,
    /// The socket of an agent that has keys (`SSH_AUTH_SOCK`). Used if `key` is `None`.
    pub agent: Option<PathBuf>,
    /// The password of the login. Used if there is neither a key nor an agent, and where a server asks for it after a
    /// key.
    pub password: Option<SecretText>,
    /// The time limit of one connection with its login.
    pub connect_max: Duration,
    /// For so long, a server that owes an answer may neither take nor send a byte.
    pub silence_max: Duration,
    /// For so long, an upload tries to go on over another connection after one was lost: hours of work may be lost.
    pub reconnect_max: Duration,
    /// How often a silent server is asked for a sign of life. After three without an answer, the connection counts as
    /// lost.
    pub keep_alive: Duration,
    /// Whether the bytes of each new object are read back and compared before it gets its name. Otherwise only its
    /// length is compared.
    pub read_back: bool,
}

/// Where a private key is.
#[derive(Debug, Clone)]
pub enum SshKeySource {
    /// The key itself, as OpenSSH or OpenSSL writes it (`-----BEGIN …`).
    Text(SecretText),
    /// A file with that text.
    File(PathBuf),
}

impl SshKeySource {
    /// Reads a setting: the key itself, or the path of its file. A key may have `\n` in the place of its line breaks,
    /// as one-line settings have.
    #[must_use]
    pub fn of_setting(setting: &SecretText) -> Self {
        let text = setting.reveal();
        if !text.contains("-----BEGIN ") {
            return Self::File(PathBuf::from(text.trim()));
        }
        match text.contains('\n') {
            true => Self::Text(setting.clone()),
            false => Self::Text(SecretText::new(text.replace("\\n", "\n"))),
        }
    }
}

impl SftpOptions {
    /// Options without any key or password.
    #[must_use]
    pub fn new(location: SftpLocation) -> Self {
        Self {
            location,
            settings: "PGCOFFER_COPY_<NAME>".to_owned(),
            host_keys: HostKeys::default(),
            key: None,
            passphrase: None,
            agent: None,
            password: None,
            connect_max: Duration::from_secs(20),
            silence_max: Duration::from_secs(60),
            reconnect_max: Duration::from_secs(300),
            keep_alive: Duration::from_secs(15),
            read_back: true,
        }
    }
}
