//! Logs in: with a key, with the keys of an agent, or with a password.

use std::{path::PathBuf, time::Duration};

use russh::{
    MethodKind,
    client::{AuthResult, Handle, KeyboardInteractiveAuthResponse},
    keys::{
        HashAlg, PrivateKeyWithHashAlg, PublicKey,
        agent::{AgentIdentity, client::AgentClient},
    },
};
use tokio::{net::UnixStream, time::timeout};

use super::{
    SftpOptions,
    fault::{SftpFault, SftpResult},
    handler::Client,
    host_keys::fingerprint,
    key::{RsaSigner, SshKey},
};
use crate::{
    redact::SecretText,
    store::{Error, Kind},
    text::{counted, escaped},
};

/// The most keys of an agent that are offered: a server ends the connection after some.
const AGENT_KEYS_MAX: usize = 5;
/// The most questions of a server that are answered.
const QUESTIONS_MAX: usize = 3;
/// The time limit of one answer of an agent, which may ask somebody.
const AGENT_MAX: Duration = Duration::from_secs(15);

/// What there is to log in with.
pub(super) struct Login {
    user: String,
    key: Option<SshKey>,
    agent: Option<PathBuf>,
    password: Option<SecretText>,
}

/// How a server answers an attempt.
enum Attempt {
    Accepted,
    /// Refused, or accepted as one of several; the methods that may follow.
    Next(Vec<MethodKind>),
}

impl Login {
    pub(super) fn new(options: &SftpOptions) -> Result<Self, Error> {
        let passphrase = options.passphrase.as_ref();
        let key = options
            .key
            .as_ref()
            .map(|key| SshKey::load(key, passphrase))
            .transpose()?;
        if key.is_none() && options.agent.is_none() && options.password.is_none() {
            let why = "there is neither a private key nor an agent nor a password to log in with";
            let cure = format!(
                "name the file of a private key that is for pgcoffer alone in {}_SSH_KEY: `ssh-keygen -t ed25519 -N '' \
                 -f FILE` makes one; its public half belongs into ~/.ssh/authorized_keys on the server",
                options.settings
            );
            return Err(Error::new(Kind::NoCredentials, format!("use {}", options.location), why).with_cure(cure));
        }
        Ok(Self {
            user: options.location.user.clone(),
            agent: options.agent.clone().filter(|_| key.is_none()),
            key,
            password: options.password.clone(),
        })
    }

    /// Logs in over this connection.
    pub(super) async fn carry_out(&self, server: &mut Handle<Client>) -> SftpResult<()> {
        // asks which methods there are: the refusal of an attempt leaves out what was tried
        let offered = match attempt(server.authenticate_none(&self.user).await.map_err(gone)?)? {
            Attempt::Accepted => return Ok(()),
            Attempt::Next(methods) => methods,
        };
        let mut tried = Vec::new();
        let mut next = offered.clone();
        if let Some(key) = &self.key {
            tried.push(format!("the key {}", fingerprint(key.public())));
            match self.by_key(server, key).await? {
                Attempt::Accepted => return Ok(()),
                Attempt::Next(methods) => next = methods,
            }
        }
        if let Some(socket) = &self.agent {
            match self.by_agent(server, socket, &mut tried).await {
                Ok(Attempt::Accepted) => return Ok(()),
                Ok(Attempt::Next(methods)) => next = methods,
                Err(fault) if self.password.is_none() || server.is_closed() => return Err(fault),
                Err(_) => {}
            }
        }
        if let Some(password) = self.password.as_ref().filter(|_| !server.is_closed()) {
            tried.push("the password".to_owned());
            if let Attempt::Accepted = self.by_password(server, password, &next).await? {
                return Ok(());
            }
        }
        Err(self.refused(&tried, &offered))
    }

    async fn by_key(&self, server: &mut Handle<Client>, key: &SshKey) -> SftpResult<Attempt> {
        match key {
            SshKey::Plain(key) => {
                let key = PrivateKeyWithHashAlg::new(std::sync::Arc::clone(key), None);
                attempt(server.authenticate_publickey(&self.user, key).await.map_err(gone)?)
            }
            SshKey::Rsa(key) => {
                let hash = rsa_hash(server).await?;
                let public = SshKey::Rsa(key.clone()).public().clone();
                let mut signer = RsaSigner(key.clone());
                let login = server.authenticate_publickey_with(&self.user, public, Some(hash), &mut signer);
                attempt(login.await.map_err(|_| gone(russh::Error::SendError))?)
            }
        }
    }

    async fn by_agent(
        &self,
        server: &mut Handle<Client>,
        socket: &PathBuf,
        tried: &mut Vec<String>,
    ) -> SftpResult<Attempt> {
        let connected = timeout(AGENT_MAX, UnixStream::connect(socket)).await;
        let mut agent = match connected {
            Ok(Ok(stream)) => AgentClient::connect(stream),
            Ok(Err(error)) => return Err(no_agent(crate::text::os_words(&error))),
            Err(_) => return Err(no_agent("it doesn't answer".to_owned())),
        };
        let identities = match timeout(AGENT_MAX, agent.request_identities()).await {
            Ok(Ok(identities)) => identities,
            Ok(Err(_)) => return Err(no_agent("it doesn't say which keys it has".to_owned())),
            Err(_) => return Err(no_agent("it doesn't answer".to_owned())),
        };
        let keys = identities.into_iter().filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, .. } => Some(key),
            AgentIdentity::Certificate { .. } => None,
        });
        let mut keys: Vec<PublicKey> = keys.collect();
        if keys.is_empty() {
            return Err(no_agent("it has no key".to_owned()));
        }
        tried.push(format!(
            "{} of the agent",
            counted(keys.len().min(AGENT_KEYS_MAX), "key")
        ));
        keys.truncate(AGENT_KEYS_MAX);
        let mut methods = Vec::new();
        for key in keys {
            let hash = match key.algorithm().is_rsa() {
                true => Some(rsa_hash(server).await?),
                false => None,
            };
            let login = server.authenticate_publickey_with(&self.user, key, hash, &mut agent);
            match timeout(2 * AGENT_MAX, login).await {
                Ok(Ok(result)) => match attempt(result)? {
                    Attempt::Accepted => return Ok(Attempt::Accepted),
                    Attempt::Next(next) => methods = next,
                },
                // a key that the agent doesn't sign with is not the only one
                Ok(Err(_)) if !server.is_closed() => {}
                Ok(Err(_)) => return Err(gone(russh::Error::Disconnect)),
                Err(_) => return Err(no_agent("it doesn't sign".to_owned())),
            }
            if server.is_closed() {
                break;
            }
        }
        Ok(Attempt::Next(methods))
    }

    async fn by_password(
        &self,
        server: &mut Handle<Client>,
        password: &SecretText,
        offered: &[MethodKind],
    ) -> SftpResult<Attempt> {
        let is_asked = offered.is_empty() || offered.contains(&MethodKind::Password);
        let mut next = offered.to_vec();
        if is_asked {
            let login = server.authenticate_password(&self.user, password.reveal()).await;
            match attempt(login.map_err(gone)?)? {
                Attempt::Accepted => return Ok(Attempt::Accepted),
                Attempt::Next(methods) => next = methods,
            }
        }
        // many servers ask for the password as a question
        match next.contains(&MethodKind::KeyboardInteractive) && !server.is_closed() {
            true => self.by_questions(server, password).await,
            false => Ok(Attempt::Next(next)),
        }
    }

    async fn by_questions(&self, server: &mut Handle<Client>, password: &SecretText) -> SftpResult<Attempt> {
        let begun = server.authenticate_keyboard_interactive_start(&self.user, None).await;
        let mut answer = begun.map_err(gone)?;
        for _ in 0..QUESTIONS_MAX {
            match answer {
                KeyboardInteractiveAuthResponse::Success => return Ok(Attempt::Accepted),
                KeyboardInteractiveAuthResponse::Failure { remaining_methods, .. } => {
                    return Ok(Attempt::Next(remaining_methods.to_vec()));
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                    // one hidden question is the one for the password; others can't be answered
                    let is_it = matches!(prompts.as_slice(), [prompt] if !prompt.echo);
                    if !is_it && !prompts.is_empty() {
                        return Ok(Attempt::Next(vec![MethodKind::KeyboardInteractive]));
                    }
                    let answers = prompts.iter().map(|_| password.reveal().to_owned()).collect();
                    let given = server.authenticate_keyboard_interactive_respond(answers).await;
                    answer = given.map_err(gone)?;
                }
            }
        }
        Ok(Attempt::Next(vec![MethodKind::KeyboardInteractive]))
    }

    fn refused(&self, tried: &[String], offered: &[MethodKind]) -> SftpFault {
        let methods: Vec<&str> = offered.iter().map(<&str>::from).collect();
        let takes = match methods.is_empty() {
            true => String::new(),
            false => format!("; it takes {}", methods.join(", ")),
        };
        let user = escaped(&self.user);
        let why = format!(
            "the server refuses the login of {user} with {}{takes}",
            tried.join(" and ")
        );
        SftpFault::new(Kind::WrongCredentials, why, Some(&self.cure(offered)))
    }

    fn cure(&self, offered: &[MethodKind]) -> String {
        let user = escaped(&self.user);
        let takes_keys = offered.is_empty() || offered.contains(&MethodKind::PublicKey);
        match &self.key {
            Some(_) if !takes_keys => "the server takes no keys from this account: give the password, or have its \
                 administrator allow PubkeyAuthentication"
                .to_owned(),
            Some(key) => {
                let public = key.public().to_openssh().unwrap_or_default();
                format!(
                    "see whether the user is right, and whether this line stands in .ssh/authorized_keys of {user} on \
                     the server, where nobody else may write: {public}"
                )
            }
            None if self.agent.is_some() => {
                format!(
                    "see whether `ssh-add -l` shows a key that stands in .ssh/authorized_keys of {user} on the server"
                )
            }
            None if offered.contains(&MethodKind::Password) || offered.contains(&MethodKind::KeyboardInteractive) => {
                "see whether user and password are right".to_owned()
            }
            None => "the server takes no passwords from this account: give a private key".to_owned(),
        }
    }
}

fn attempt(result: AuthResult) -> SftpResult<Attempt> {
    Ok(match result {
        AuthResult::Success => Attempt::Accepted,
        AuthResult::Failure { remaining_methods, .. } => Attempt::Next(remaining_methods.to_vec()),
    })
}

/// The hash that an RSA key signs by: the best that the server names. One that names none takes SHA-256 if it takes RSA
/// keys at all, RFC 8332.
async fn rsa_hash(server: &Handle<Client>) -> SftpResult<HashAlg> {
    match server.best_supported_rsa_hash().await.map_err(gone)? {
        Some(Some(hash)) => Ok(hash),
        None => Ok(HashAlg::Sha256),
        Some(None) => Err(SftpFault::new(
            Kind::WrongCredentials,
            "the server takes RSA keys only with SHA-1, which proves nothing",
            Some("use an ed25519 key, or update the server"),
        )),
    }
}

fn no_agent(why: String) -> SftpFault {
    let cure = "see whether SSH_AUTH_SOCK names the socket of an agent that runs and has a key (`ssh-add -l`), or give \
                a private key";
    SftpFault::new(
        Kind::NoCredentials,
        format!("the SSH agent can't be used: {why}"),
        Some(cure),
    )
}

fn gone(_: russh::Error) -> SftpFault {
    SftpFault::lost("the server ended the connection during the login")
}
