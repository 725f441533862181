//! Why a message could not be delivered.

use std::time::Duration;

use crate::{panics::Panic, text::Untrusted};

/// The error of a channel that did not accept a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There was no connection, or it broke.
    #[error("{host} can't be reached: {why}")]
    Unreachable {
        /// The host, and the port if it isn't the usual one.
        host: String,
        /// What was seen.
        why: Untrusted,
    },
    /// There was no answer in time.
    #[error("{host} did not answer within {seconds} s")]
    Timeout {
        /// The host.
        host: String,
        /// How many seconds an answer was waited for.
        seconds: u64,
    },
    /// This machine does not trust the certificate.
    #[error("there is no secure connection to {host}: {why}")]
    Tls {
        /// The host.
        host: String,
        /// What was seen.
        why: Untrusted,
    },
    /// The other side does not speak TLS, or another version of it.
    #[error("there is no secure connection to {host}: {why}")]
    Handshake {
        /// The host.
        host: String,
        /// What was seen.
        why: Untrusted,
    },
    /// The mail server doesn't support what is needed.
    #[error("{host} {}", .lack.words())]
    Lacking {
        /// The host.
        host: String,
        /// What it lacks.
        lack: MissingFeature,
    },
    /// It answered with a status that is not a success.
    #[error("{host} answered {status}{}", .said.as_ref().map(|said| format!(" ({said})")).unwrap_or_default())]
    Answered {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The first words of its answer.
        said: Option<Untrusted>,
        /// How long it asks to wait, if it says so.
        retry_after: Option<Duration>,
    },
    /// The mail server refused the message, a recipient or the login.
    #[error("{host} refuses the mail: {said}")]
    Refused {
        /// The host.
        host: String,
        /// The SMTP code.
        code: u16,
        /// What it said.
        said: Untrusted,
    },
    /// There was no time left to try.
    #[error("{host} did not take it in time{}", .last.as_ref().map(|last| format!("; at last \
        {last}")).unwrap_or_default())]
    OutOfTime {
        /// The host.
        host: String,
        /// The error of the last attempt.
        last: Option<String>,
    },
    /// The message could not be built.
    #[error("the message could not be written: {0}")]
    Unwritable(String),
    /// A bug.
    #[error("this is a bug in pgcoffer: {0}")]
    Panicked(#[from] Panic),
}

/// What a mail server does not offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingFeature {
    /// STARTTLS.
    Starttls,
    /// A login method that this program supports.
    Login,
    /// Mail with characters beyond ASCII in its addresses or its text.
    Unicode,
}

impl MissingFeature {
    fn words(self) -> &'static str {
        match self {
            Self::Starttls => "offers no STARTTLS, and nothing is sent without",
            Self::Login => "offers no login that is spoken here (PLAIN, LOGIN)",
            Self::Unicode => "takes no letters beyond ASCII there (SMTPUTF8, 8BITMIME)",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Starttls => {
                "where the server has TLS from the first byte (port 465) write smtps in place of smtp; else turn \
                 STARTTLS on there. Where it did offer it, somebody on the way may have taken that out"
            }
            Self::Login => {
                "where it takes mail without a login leave user and password out of PGCOFFER_SMTP_URL; else let it \
                 offer PLAIN or LOGIN over TLS, or use another server"
            }
            Self::Unicode => {
                "write the addresses in PGCOFFER_EMAIL_FROM and PGCOFFER_EMAIL_TO in ASCII, a domain as xn--…"
            }
        }
    }
}

impl Error {
    /// Whether another attempt may succeed.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Timeout { .. } => true,
            Self::Answered { status, .. } => matches!(status, 408 | 425 | 429) || (500..=599).contains(status),
            Self::Refused { code, .. } => (400..=499).contains(code),
            Self::Tls { .. }
            | Self::Handshake { .. }
            | Self::Lacking { .. }
            | Self::OutOfTime { .. }
            | Self::Unwritable(_)
            | Self::Panicked(_) => false,
        }
    }

    /// How long the server asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Answered { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the user can do about it, as far as that doesn't depend on the channel.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable { .. } | Self::Timeout { .. } | Self::OutOfTime { .. } => {
                "see whether this machine may connect to it: a firewall, a proxy (HTTPS_PROXY), a wrong port, or an \
                 outage there"
            }
            Self::Tls { .. } => {
                "the certificate has to be valid for that name and of an authority that this machine trusts; \
                 SSL_CERT_FILE names one of your own"
            }
            Self::Handshake { .. } => {
                "what answers there begins without TLS, or speaks another version of it: for mail smtps is TLS from \
                 the first byte (port 465), and smtp STARTTLS (587)"
            }
            Self::Lacking { lack, .. } => lack.hint(),
            Self::Answered { status: 300..=399, .. } => "no redirect is followed: set the address that it leads to",
            Self::Answered {
                status: 401 | 403 | 404 | 410,
                ..
            } => "the address is not, or no longer, one that takes messages: make a new one and set it",
            Self::Answered { status: 429, .. } => "it takes no more for now",
            Self::Answered { status: 500..=599, .. } => "the service has a problem of its own: see its status page",
            Self::Refused {
                code: 530 | 534 | 535 | 538,
                ..
            } => "check user and password in PGCOFFER_SMTP_URL, percent-encoded",
            Self::Refused { code: 550..=554, .. } => {
                "check PGCOFFER_EMAIL_FROM and PGCOFFER_EMAIL_TO: the server must know the one as yours, and accept \
                 the others"
            }
            Self::Panicked(_) => "please report it with this text and what `pgcoffer --version` says",
            Self::Refused { .. } | Self::Answered { .. } | Self::Unwritable(_) => return None,
        };
        Some(hint.to_owned())
    }
}
