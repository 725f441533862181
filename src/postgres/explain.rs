//! Converts connection errors. Causes are found by SQLSTATE, as servers send messages in any language.
//!
//! Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use std::io;

use super::error::{AuthFault, ConnectFault, Error};
use super::skipped_hosts::SkippedHost;
use super::url::DatabaseUrl;
use super::wire::{FailedHost, WireError};
use crate::text::{Untrusted, os_words};

/// Converts the error of a connection that failed.
pub(super) fn connection(url: &DatabaseUrl, error: WireError) -> Error {
    use ConnectFault as F;
    let (fault, message) = match error {
        WireError::Server(error) => return refusal(url, &error.code, error.message),
        WireError::Login(refused) => {
            return Error::Login {
                target: url.to_string(),
                refused,
            };
        }
        WireError::Io(error) => (io_fault(&error), os_words(&error)),
        WireError::Silent(limit) => (F::Timeout, format!("no answer within {} s", limit.as_secs())),
        WireError::OtherKind(kind) => (
            F::OtherKind,
            format!("it is {kind}, and target_session_attrs in the url asks for another kind"),
        ),
        WireError::Password(why) => return no_password(url, why),
        WireError::Unresolved(error) => (F::Unresolved, os_words(&error)),
        WireError::NoTls => (F::NoTls, "the server offers no tls, and the url requires it".to_owned()),
        WireError::Tls(error @ rustls::Error::InvalidCertificate(_)) => (F::Certificate, error.to_string()),
        WireError::Tls(error) => (F::Tls, error.to_string()),
        WireError::File(message) => (F::File, message),
        WireError::Protocol(message) => (F::NoPostgres, message),
    };
    Error::Connect {
        target: url.to_string(),
        fault,
        message: message.into(),
    }
}

/// The hosts that were tried before another was used, each with its own cause.
pub(super) fn skipped_hosts(before: Vec<FailedHost>) -> Vec<SkippedHost> {
    let one = |one: FailedHost| {
        let is_other_kind = matches!(one.error, WireError::OtherKind(_));
        let host = one.url.host_text();
        let why = match connection(&one.url, one.error) {
            Error::Connect { message, .. } | Error::Auth { message, .. } => message,
            error => error.to_string().into(),
        };
        SkippedHost {
            host,
            why,
            is_other_kind,
        }
    };
    before.into_iter().map(one).collect()
}

/// Converts the error of a server or a pooler that refuses the login.
pub(super) fn refusal(url: &DatabaseUrl, code: &str, message: Untrusted) -> Error {
    use ConnectFault as F;
    let target = url.to_string();
    let fault = match code {
        "28P01" => {
            return Error::Auth {
                target,
                message,
                why: AuthFault::Password,
            };
        }
        "28000" => {
            return Error::Auth {
                target,
                message,
                why: AuthFault::Entry,
            };
        }
        "42501" => {
            return Error::Auth {
                target,
                message,
                why: AuthFault::Connect,
            };
        }
        "3D000" => F::NoSuchDatabase,
        "53300" => F::TooMany,
        "57P01" | "57P02" | "57P03" => F::StartingUp,
        // PgBouncer's only code except for passwords; a server has no reason to send it at this point
        "08P01" => F::Pooler,
        _ => F::Other,
    };
    Error::Connect { target, fault, message }
}

/// The error of a missing password: a token could not be made, or a file not read.
pub(super) fn no_password(url: &DatabaseUrl, why: String) -> Error {
    Error::Connect {
        target: url.to_string(),
        fault: ConnectFault::NoPassword,
        message: why.into(),
    }
}

/// Converts the error of a statement.
pub(super) fn statement(target: &str, what: &'static str, error: WireError) -> Error {
    let target = target.to_owned();
    match error {
        WireError::Server(error) if !error.is_fatal && !error.code.starts_with("08") => Error::Query {
            target,
            what,
            code: error.code,
            message: error.message,
        },
        WireError::Server(error) => Error::Lost {
            target,
            message: error.message,
        },
        WireError::Io(error) => Error::Lost {
            target,
            message: os_words(&error).into(),
        },
        WireError::Tls(error) => Error::Lost {
            target,
            message: error.to_string().into(),
        },
        WireError::Protocol(message) | WireError::File(message) => Error::Lost {
            target,
            message: message.into(),
        },
        WireError::Unresolved(_)
        | WireError::Silent(_)
        | WireError::OtherKind(_)
        | WireError::Password(_)
        | WireError::NoTls
        | WireError::Login(_) => Error::Lost {
            target,
            message: "the connection is in an unexpected state".into(),
        },
    }
}

fn io_fault(error: &io::Error) -> ConnectFault {
    use ConnectFault as F;
    match error.kind() {
        // a missing socket means that the server isn't running
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => F::Refused,
        io::ErrorKind::TimedOut => F::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            F::Unreachable
        }
        // messages of a peer that doesn't speak PostgreSQL's protocol look like this
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => F::NoPostgres,
        _ => F::Other,
    }
}
