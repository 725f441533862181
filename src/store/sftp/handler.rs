//! Our side of a connection of SSH: looks at the server's key before anything is said to it.

use std::sync::{Arc, Mutex, PoisonError};

use russh::{
    Names,
    client::{DisconnectReason, Handler, Session},
    keys::{PublicKey, PublicKeyOrCertificate},
};

use super::{SftpOptions, host_keys::Verdict};

/// What was seen of a server while connecting.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Its key, and whether that is trusted.
    pub(super) key: Option<(PublicKey, Verdict)>,
    /// How it names its software.
    pub(super) software: String,
    /// Its last words, if it ended the connection.
    pub(super) farewell: Option<String>,
}

/// Answers the questions of one connection.
pub(super) struct Client {
    options: Arc<SftpOptions>,
    seen: Arc<Mutex<Seen>>,
}

impl Client {
    pub(super) fn new(options: &Arc<SftpOptions>, seen: &Arc<Mutex<Seen>>) -> Self {
        Self {
            options: Arc::clone(options),
            seen: Arc::clone(seen),
        }
    }

    fn note(&self, what: impl FnOnce(&mut Seen)) {
        what(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let key = key.public_key();
        let location = &self.options.location;
        let verdict = self.options.host_keys.judge(&location.host, location.port, &key);
        self.note(|seen| seen.key = Some((key, verdict)));
        Ok(verdict == Verdict::Trusted)
    }

    async fn kex_done(&mut self, _: Option<&[u8]>, _: &Names, session: &mut Session) -> Result<(), Self::Error> {
        let software = String::from_utf8_lossy(session.remote_sshid()).into_owned();
        self.note(|seen| seen.software = software);
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(farewell) => {
                self.note(|seen| seen.farewell = Some(farewell.message));
                Ok(())
            }
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
