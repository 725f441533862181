//! Mail, only over TLS. <https://www.rfc-editor.org/rfc/rfc8314>

use std::sync::Arc;

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    address::Envelope,
    message::{Mailbox, Mailboxes, header},
    transport::smtp::{self, authentication::Credentials, extension::ClientId},
};
use reqwest::Url;

use super::{
    Error, Message as Words, SendLimits,
    error::MissingFeature,
    http::{tls_error, words},
};
use crate::{
    backup::Event,
    redact::{Known, SecretText},
    text::Untrusted,
};

/// The ports for submission with TLS from the first byte, and with STARTTLS.
/// <https://www.rfc-editor.org/rfc/rfc8314#section-3.3>
const IMPLICIT_PORT: u16 = 465;
const STARTTLS_PORT: u16 = 587;

/// A mail server, a sender and the recipients.
#[derive(Debug, Clone)]
pub struct Mail {
    relay: Arc<Relay>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// A mail server, with the login to it.
#[derive(Debug)]
pub struct Relay {
    host: String,
    port: u16,
    implicit_tls: bool,
    user: SecretText,
    password: SecretText,
}

/// Why a text is not the URL of a mail server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailFault {
    /// It is not a URL.
    #[error("it is not a URL of a mail server ({0})")]
    NotAUrl(String),
    /// It has another scheme.
    #[error("its scheme is {0}, neither smtps nor smtp")]
    Scheme(String),
    /// It contains something after the host.
    #[error("it has something behind the host and port: nothing belongs there")]
    More,
    /// It has a user without a password, or a password without a user.
    #[error("it has a user without a password, or a password without a user")]
    HalfALogin,
    /// It contains an invalid percent encoding.
    #[error("its user or password is not percent-encoded text")]
    Encoding,
}

impl MailFault {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        "write smtps://user:password@host:465, or smtp://user:password@host:587 for STARTTLS; special characters \
         percent-encoded (@ is %40)"
            .to_owned()
    }
}

/// Parses a mail address, with or without a name.
///
/// # Errors
/// A message that it is not a mail address.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    let parsed = text.trim().parse();
    parsed.map_err(|_| format!("{:?} is not an address of mail", text.trim()))
}

impl Mail {
    /// Mail through this server, from one sender to several recipients.
    #[must_use]
    pub fn new(relay: Relay, from: Mailbox, to: Vec<Mailbox>) -> Self {
        let relay = Arc::new(relay);
        Self { relay, from, to }
    }

    pub(super) fn host(&self) -> &str {
        &self.relay.host
    }

    /// Sends an event to all recipients that the server accepts. Returns the others with the reasons.
    pub(super) async fn send(&self, event: &Event, limits: SendLimits) -> Result<Vec<(String, Error)>, Error> {
        // one message with one id for all attempts, so that a server which accepted it twice shows it once
        let message = self.message(event)?;
        let transport = self.relay.transport(limits, greeting_name(&self.from))?;
        let (transport, message) = (&transport, &message.formatted());
        let send = async |to: &[Mailbox]| {
            let to = to.iter().map(|one| one.email.clone()).collect();
            let envelope = Envelope::new(Some(self.from.email.clone()), to);
            let envelope = &envelope.map_err(|e| Error::Unwritable(e.to_string()))?;
            let send = |_| async move {
                let sent = transport.send_raw(envelope, message).await;
                sent.map(drop).map_err(|e| self.failed(&e))
            };
            limits.retry(self.host(), send).await
        };
        let error = match send(&self.to).await {
            Ok(()) => return Ok(Vec::new()),
            Err(error) => error,
        };
        if self.to.len() < 2 || !may_be_of_one(&error) {
            return Err(error);
        }
        // a server that refuses one recipient may have refused all of them: send to each separately
        let mut refused = Vec::new();
        for one in &self.to {
            if let Err(error) = send(std::slice::from_ref(one)).await {
                refused.push((one.email.to_string(), error));
            }
        }
        if refused.len() == self.to.len() {
            return Err(error);
        }
        Ok(refused)
    }

    fn message(&self, event: &Event) -> Result<Message, Error> {
        let words = Words::new(event);
        let to: Mailboxes = self.to.iter().cloned().collect();
        Message::builder()
            .from(self.from.clone())
            .mailbox(header::To::from(to))
            .subject(format!("[pgcoffer] {}", words.subject))
            .message_id(None)
            .header(AutoSubmitted)
            .header(header::ContentType::TEXT_PLAIN)
            .body(words.text())
            .map_err(|e| Error::Unwritable(e.to_string()))
    }

    fn failed(&self, error: &smtp::Error) -> Error {
        let host = self.host().to_owned();
        let why = words(error);
        let is_certificate =
            tls_error(error).is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)));
        let why = Untrusted::from(self.relay.secrets().strike(&why));
        match error.status() {
            Some(code) => Error::Refused {
                host,
                code: code.into(),
                said: why,
            },
            None if error.is_timeout() => Error::Timeout { host, seconds: 10 },
            None if is_certificate => Error::Tls { host, why },
            None if error.is_tls() || tls_error(error).is_some() => Error::Handshake { host, why },
            None if error.is_client() => match lack(why.raw()) {
                Some(lack) => Error::Lacking { host, lack },
                None => Error::Unreachable { host, why },
            },
            None => Error::Unreachable { host, why },
        }
    }
}

/// What a server doesn't support, by lettre's error messages.
fn lack(why: &str) -> Option<MissingFeature> {
    let says = |word| why.contains(word);
    match () {
        () if says("STARTTLS") => Some(MissingFeature::Starttls),
        () if says("authentication mechanism") => Some(MissingFeature::Login),
        () if says("SMTPUTF8") || says("8BITMIME") => Some(MissingFeature::Unicode),
        () => None,
    }
}

/// The name in the greeting: the domain of the sender. This machine may have no name that is valid elsewhere, and
/// servers refuse `[127.0.0.1]`.
fn greeting_name(from: &Mailbox) -> ClientId {
    let domain = from.email.domain();
    let url = Url::parse(&format!("http://{domain}"));
    // in ASCII, also for international names
    let host = url.ok().and_then(|url| url.host_str().map(str::to_owned));
    ClientId::Domain(host.unwrap_or_else(|| domain.to_owned()))
}

/// Whether an error may concern only one of several recipients: not if the login is refused.
fn may_be_of_one(error: &Error) -> bool {
    matches!(error, Error::Refused { code, .. } if !matches!(code, 530 | 534 | 535 | 538))
}

impl Relay {
    /// Parses the URL of a mail server: `smtps://` for TLS from the first byte, `smtp://` for STARTTLS, which is
    /// required.
    ///
    /// # Errors
    /// [`MailFault`], which never repeats the text.
    pub fn parse(text: &str) -> Result<Self, MailFault> {
        let url = Url::parse(text.trim()).map_err(|e| MailFault::NotAUrl(e.to_string()))?;
        let implicit_tls = match url.scheme() {
            "smtps" => true,
            "smtp" => false,
            other => return Err(MailFault::Scheme(other.to_owned())),
        };
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| MailFault::NotAUrl("no host".to_owned()))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(MailFault::More);
        }
        let decoded = |text: &str| {
            let bytes = percent_encoding::percent_decode_str(text).decode_utf8();
            bytes
                .map(|text| SecretText::new(text.into_owned()))
                .map_err(|_| MailFault::Encoding)
        };
        let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or(""))?);
        if user.reveal().is_empty() != password.reveal().is_empty() {
            return Err(MailFault::HalfALogin);
        }
        let usual = if implicit_tls { IMPLICIT_PORT } else { STARTTLS_PORT };
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(usual),
            implicit_tls,
            user,
            password,
        })
    }

    /// The login, which a server might repeat.
    fn secrets(&self) -> Known {
        Known::login(self.user.reveal(), self.password.reveal())
    }

    fn transport(&self, limits: SendLimits, greeting: ClientId) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
        let relay = if self.implicit_tls {
            AsyncSmtpTransport::<Tokio1Executor>::relay(&self.host)
        } else {
            AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&self.host)
        };
        let relay = relay.map_err(|e| Error::Tls {
            host: self.host.clone(),
            why: words(&e).into(),
        })?;
        let mut relay = relay.port(self.port).hello_name(greeting).timeout(Some(limits.attempt));
        if !self.user.reveal().is_empty() {
            let (user, password) = (self.user.reveal().to_owned(), self.password.reveal().to_owned());
            relay = relay.credentials(Credentials::new(user, password));
        }
        Ok(relay.build())
    }
}

/// The header that marks the message as automatic, so that no program answers it.
/// <https://www.rfc-editor.org/rfc/rfc3834#section-5>
#[derive(Debug, Clone, Copy)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(<Self as header::Header>::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_greeted_by_the_senders_domain() {
        for (from, name) in [
            ("pgcoffer <backups@acme.test>", "acme.test"),
            ("a@bücher.example", "xn--bcher-kva.example"),
            ("a@[192.0.2.1]", "[192.0.2.1]"),
        ] {
            let greeted = match mailbox(from) {
                Ok(from) => greeting_name(&from).to_string(),
                // lettre refuses this address
                Err(_) => continue,
            };
            assert!(greeted == name || greeted == "192.0.2.1", "{greeted}");
        }
    }

    #[test]
    fn servers_are_read_and_nothing_of_a_wrong_one_is_repeated() {
        let server = Relay::parse("smtps://ann%40acme.test:p%3Aw@mail.acme.test").unwrap();
        assert_eq!(
            (server.port, server.user.reveal(), server.password.reveal()),
            (465, "ann@acme.test", "p:w")
        );
        assert_eq!(Relay::parse("smtp://mail.acme.test:2525").unwrap().port, 2525);
        for (bad, fault) in [
            ("https://mail.acme.test", MailFault::Scheme("https".into())),
            ("smtp://u:s3cret@mail.acme.test/x", MailFault::More),
            ("smtp://u@mail.acme.test", MailFault::HalfALogin),
            ("smtp://u:%ff@mail.acme.test", MailFault::Encoding),
        ] {
            assert_eq!(Relay::parse(bad).err(), Some(fault), "{bad}");
        }
        assert!(Relay::parse("mail.acme.test:465").is_err());
        assert!(Relay::parse("smtp://").is_err());
    }
}
