//! Mail, over TLS only. <https://www.rfc-editor.org/rfc/rfc8314>

use std::{fmt, sync::Arc};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    address::Envelope,
    message::{Mailbox, Mailboxes, header},
    transport::smtp::{self, authentication::Credentials, extension::ClientId},
};
use reqwest::Url;
use zeroize::Zeroizing;

use super::{
    Error, Message as Words, SendLimits,
    error::MissingFeature,
    http::{tls_error, words},
};
use crate::{backup::Event, redact::Known, text::Untrusted};

/// Submission with TLS from the first byte, and with STARTTLS.
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
pub struct Relay {
    host: String,
    port: u16,
    implicit_tls: bool,
    user: Zeroizing<String>,
    password: Zeroizing<String>,
}

/// Why a text is no mail server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailFault {
    /// It is not a URL.
    #[error("it is not a URL of a mail server ({0})")]
    NotAUrl(String),
    /// It has another scheme.
    #[error("its scheme is {0}, neither smtps nor smtp")]
    Scheme(String),
    /// It has something behind the host.
    #[error("it has something behind the host and port: nothing belongs there")]
    More,
    /// It has a user without a password, or the other way round.
    #[error("it has a user without a password, or a password without a user")]
    HalfALogin,
    /// It has a percent sign that begins no byte, or bytes that are no text.
    #[error("its user or password is not percent-encoded text")]
    Encoding,
}

impl MailFault {
    /// What cures it.
    #[must_use]
    pub fn hint(&self) -> String {
        "write smtps://user:password@host:465, or smtp://user:password@host:587 for STARTTLS; special characters \
         percent-encoded (@ is %40)"
            .to_owned()
    }
}

/// Reads the address of a person, with or without a name.
///
/// # Errors
/// Says that it is none.
pub fn mailbox(text: &str) -> Result<Mailbox, String> {
    let parsed = text.trim().parse();
    parsed.map_err(|_| format!("{:?} is not an address of mail", text.trim()))
}

impl Mail {
    /// Mail by this server, from one to several.
    #[must_use]
    pub fn new(relay: Relay, from: Mailbox, to: Vec<Mailbox>) -> Self {
        let relay = Arc::new(relay);
        Self { relay, from, to }
    }

    pub(super) fn host(&self) -> &str {
        &self.relay.host
    }

    /// Sends an event to all recipients, or to those that the server takes; gives the others, each with why.
    pub(super) async fn send(&self, event: &Event, limits: SendLimits) -> Result<Vec<(String, Error)>, Error> {
        // one message with one id for all attempts, so that a server which took it twice shows it once
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
        // a server that turns one recipient down was asked for all of them in vain
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

/// What a server lacks, by lettre's own words for it.
fn lack(why: &str) -> Option<MissingFeature> {
    let says = |word| why.contains(word);
    match () {
        () if says("STARTTLS") => Some(MissingFeature::Starttls),
        () if says("authentication mechanism") => Some(MissingFeature::Login),
        () if says("SMTPUTF8") || says("8BITMIME") => Some(MissingFeature::Letters),
        () => None,
    }
}

/// The name by which we greet a server: the sender's domain. Nobody knows a name of this machine that means something
/// to others, and servers refuse `[127.0.0.1]`.
fn greeting_name(from: &Mailbox) -> ClientId {
    let domain = from.email.domain();
    let url = Url::parse(&format!("http://{domain}"));
    // in ASCII, whatever its letters
    let host = url.ok().and_then(|url| url.host_str().map(str::to_owned));
    ClientId::Domain(host.unwrap_or_else(|| domain.to_owned()))
}

/// Whether a server may have meant one of several recipients: not where it refuses the login.
fn may_be_of_one(error: &Error) -> bool {
    matches!(error, Error::Refused { code, .. } if !matches!(code, 530 | 534 | 535 | 538))
}

impl Relay {
    /// Reads the URL of a mail server: `smtps://` for TLS from the first byte, `smtp://` for STARTTLS, without which
    /// nothing is sent.
    ///
    /// # Errors
    /// [`MailFault`], which repeats nothing of the text.
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
                .map(|text| Zeroizing::new(text.into_owned()))
                .map_err(|_| MailFault::Encoding)
        };
        let (user, password) = (decoded(url.username())?, decoded(url.password().unwrap_or(""))?);
        if user.is_empty() != password.is_empty() {
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

    /// What a server might repeat of the login: itself, and as SMTP sends it.
    /// <https://www.rfc-editor.org/rfc/rfc4616#section-2>
    fn secrets(&self) -> Known {
        let (user, password) = (self.user.as_str(), self.password.as_str());
        let plain = Zeroizing::new(format!("\0{user}\0{password}"));
        let encoded =
            [password, plain.as_str()].map(|text| Zeroizing::new(data_encoding::BASE64.encode(text.as_bytes())));
        Known::new([password].into_iter().chain(encoded.iter().map(|text| text.as_str())))
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
        if !self.user.is_empty() {
            let (user, password) = (self.user.to_string(), self.password.to_string());
            relay = relay.credentials(Credentials::new(user, password));
        }
        Ok(relay.build())
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({}:{}, …)", self.host, self.port)
    }
}

/// Says that no person wrote this, so that no machine answers. <https://www.rfc-editor.org/rfc/rfc3834#section-5>
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
                // what lettre takes for no address greets nobody
                Err(_) => continue,
            };
            assert!(greeted == name || greeted == "192.0.2.1", "{greeted}");
        }
    }

    #[test]
    fn servers_are_read_and_nothing_of_a_wrong_one_is_repeated() {
        let server = Relay::parse("smtps://ann%40acme.test:p%3Aw@mail.acme.test").unwrap();
        assert_eq!(
            (server.port, server.user.as_str(), server.password.as_str()),
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
