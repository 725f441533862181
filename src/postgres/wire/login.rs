//! The login. Whether a method is allowed is decided before anything secret is sent.

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use tokio::io::AsyncWriteExt as _;
use zeroize::Zeroize as _;

use super::super::auth_methods::{AllowedAuth, AuthMethod};
use super::super::url::DatabaseUrl;
use super::scram::{self, Binding};
use super::{LoginRefusal, ServerError, Wire, WireError};
use crate::redact::SecretText;

/// The state of a login.
struct Login<'a> {
    user: &'a str,
    password: Option<&'a SecretText>,
    allowed: AllowedAuth,
    must_bind: bool,
    binding: Option<Vec<u8>>,
    is_encrypted: bool,
    scram: Scram,
    was_asked: bool,
}

enum Scram {
    None,
    UnderWay(scram::Scram, IsBound),
    Proven(IsBound),
}

type IsBound = bool;

impl Wire {
    /// Logs in, and waits until the server is ready. `binding` is the hash of the server's certificate. Bounded in time
    /// by the caller.
    pub(super) async fn log_in(&mut self, url: &DatabaseUrl, binding: Option<Vec<u8>>) -> Result<(), WireError> {
        let mut message = BytesMut::new();
        frontend::startup_message(url.startup_parameters(), &mut message)?;
        self.send(message).await?;
        let wants = url.parameter("channel_binding").unwrap_or("prefer");
        let mut login = Login {
            user: url.user(),
            password: url.password(),
            allowed: url.allowed_auth(),
            must_bind: wants == "require",
            binding: binding.filter(|_| wants != "disable"),
            is_encrypted: self.is_encrypted,
            scram: Scram::None,
            was_asked: false,
        };
        loop {
            let answer = match self.next().await? {
                Message::AuthenticationOk => {
                    login.conclude()?;
                    break;
                }
                Message::ErrorResponse(body) => {
                    return Err(WireError::Server(ServerError::read(body.fields())?));
                }
                Message::NoticeResponse(_) => continue,
                asked => login.answer(asked)?,
            };
            if let Some(answer) = answer {
                self.send(answer).await?;
            }
        }
        self.become_ready().await
    }

    async fn become_ready(&mut self) -> Result<(), WireError> {
        loop {
            match self.next().await? {
                Message::ReadyForQuery(_) => return Ok(()),
                Message::BackendKeyData(body) => self.announced_process = body.process_id(),
                Message::ParameterStatus(body) => match body.name()? {
                    "server_version" => self.server_version = body.value()?.to_owned(),
                    "in_hot_standby" => self.is_standby = Some(body.value()? == "on"),
                    "default_transaction_read_only" => {
                        self.is_read_only = Some(body.value()? == "on");
                    }
                    "server_encoding" => self.server_encoding = body.value()?.to_owned(),
                    _ => {}
                },
                Message::ErrorResponse(body) => {
                    return Err(WireError::Server(ServerError::read(body.fields())?));
                }
                Message::NoticeResponse(_) => {}
                _ => return Err(WireError::Protocol("an unexpected message after the login".to_owned())),
            }
        }
    }

    /// Sends a message and wipes it, as it may contain the password.
    async fn send(&mut self, mut message: BytesMut) -> Result<(), WireError> {
        let sent = async {
            self.stream.write_all(&message).await?;
            self.stream.flush().await
        };
        let sent = sent.await;
        message[..].zeroize();
        Ok(sent?)
    }
}

impl Login<'_> {
    /// The answer to a request of the server; `None` after the server's proof.
    fn answer(&mut self, asked: Message) -> Result<Option<BytesMut>, WireError> {
        let mut message = BytesMut::new();
        match asked {
            Message::AuthenticationCleartextPassword => {
                let password = self.may_use(AuthMethod::Password)?;
                frontend::password_message(password.as_bytes(), &mut message)?;
            }
            Message::AuthenticationMd5Password(body) => {
                let user = self.user.as_bytes();
                let password = self.may_use(AuthMethod::Md5)?;
                let hash = md5_hash(user, password.as_bytes(), body.salt());
                frontend::password_message(hash.as_bytes(), &mut message)?;
            }
            Message::AuthenticationSasl(body) => self.begin_scram(&body, &mut message)?,
            Message::AuthenticationSaslContinue(body) => {
                let Scram::UnderWay(scram, _) = &mut self.scram else {
                    return Err(WireError::Login(LoginRefusal::Unknown));
                };
                let proof = scram
                    .prove(body.data())
                    .ok_or_else(|| WireError::Protocol("an invalid message of a scram login".to_owned()))?;
                frontend::sasl_response(proof.as_bytes(), &mut message)?;
            }
            Message::AuthenticationSaslFinal(body) => {
                let Scram::UnderWay(scram, is_bound) = &self.scram else {
                    return Err(WireError::Login(LoginRefusal::Unknown));
                };
                if !scram.is_proven(body.data()) {
                    return Err(WireError::Login(LoginRefusal::NotProven));
                }
                self.scram = Scram::Proven(*is_bound);
                return Ok(None);
            }
            Message::AuthenticationGss
            | Message::AuthenticationSspi
            | Message::AuthenticationKerberosV5
            | Message::AuthenticationScmCredential
            | Message::AuthenticationGssContinue(_) => {
                return Err(WireError::Login(LoginRefusal::Unknown));
            }
            _ => {
                return Err(WireError::Protocol("an unexpected message during the login".to_owned()));
            }
        }
        Ok(Some(message))
    }

    /// Checks that the server may accept the login now.
    fn conclude(&self) -> Result<Option<BytesMut>, WireError> {
        let refused = match self.scram {
            Scram::UnderWay(..) => LoginRefusal::NotProven,
            Scram::Proven(is_bound) if self.must_bind && !is_bound => LoginRefusal::NotBound,
            Scram::None if self.must_bind => LoginRefusal::NotBound,
            Scram::None if !self.was_asked && !self.allowed.allow(AuthMethod::None) => LoginRefusal::None,
            _ => return Ok(None),
        };
        Err(WireError::Login(refused))
    }

    /// The password, if it may be used with this method.
    fn may_use(&mut self, method: AuthMethod) -> Result<&str, WireError> {
        if self.must_bind && method != AuthMethod::Scram {
            return Err(WireError::Login(LoginRefusal::NotBound));
        }
        if !self.allowed.allow(method) {
            return Err(WireError::Login(self.allowed.refusal(method)));
        }
        self.was_asked = true;
        let password = self.password.ok_or(WireError::Login(LoginRefusal::NoPassword))?;
        Ok(password.reveal())
    }

    /// Begins SCRAM. The login is bound to the TLS channel if both sides support that: then an attacker in the middle
    /// can't relay it.
    fn begin_scram(&mut self, body: &AuthenticationSaslBody, message: &mut BytesMut) -> Result<(), WireError> {
        let (mut plain, mut plus) = (false, false);
        let mut mechanisms = body.mechanisms();
        while let Some(mechanism) = mechanisms.next()? {
            plain |= mechanism == scram::PLAIN;
            plus |= mechanism == scram::PLUS;
        }
        let (mechanism, binding, is_bound) = match self.binding.clone() {
            Some(hash) if plus => (scram::PLUS, Binding::EndPoint(hash), true),
            _ if self.must_bind => return Err(WireError::Login(LoginRefusal::NotBound)),
            // a server that offered binding ends the login here: then an attacker has removed the offer
            Some(_) if plain && self.is_encrypted => (scram::PLAIN, Binding::Unoffered, false),
            _ if plain => (scram::PLAIN, Binding::Unsupported, false),
            _ => return Err(WireError::Login(LoginRefusal::Unknown)),
        };
        let password = self.may_use(AuthMethod::Scram)?;
        let scram =
            scram::Scram::new(password, binding).map_err(|error| WireError::Io(std::io::Error::other(error)))?;
        frontend::sasl_initial_response(mechanism, scram.first().as_bytes(), message)?;
        self.scram = Scram::UnderWay(scram, is_bound);
        Ok(())
    }
}
