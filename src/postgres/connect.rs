//! Makes a connection, and tells apart why it didn't come about.

use std::io;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, PgConnection};
use tokio::time::timeout;

use super::error::{ConnectFault, Error};
use super::url::{DatabaseUrl, SslMode};

/// Used where the URL asks for no limit: long enough to count as none, and an end all the same.
const NO_LIMIT: Duration = Duration::from_secs(24 * 3600);

/// Connects as the URL says, within its `connect_timeout`.
pub(super) async fn connect(url: &DatabaseUrl) -> Result<PgConnection, Error> {
    let limit = url.connect_timeout().unwrap_or(NO_LIMIT);
    match timeout(limit, attempt(url)).await {
        Ok(result) => result,
        Err(_) => {
            let message = format!("no answer within {} s", limit.as_secs());
            Err(Error::Connect {
                target: url.to_string(),
                fault: ConnectFault::Timeout,
                message,
            })
        }
    }
}

/// As libpq does, `prefer` and `allow` try again without TLS where the server can't or won't do it.
async fn attempt(url: &DatabaseUrl) -> Result<PgConnection, Error> {
    let options = options(url)?;
    let first = options.connect().await;
    let may_go_without = matches!(url.effective_ssl_mode(), SslMode::Prefer | SslMode::Allow);
    let result = match first {
        Err(error)
            if may_go_without && (is_tls(&error) || code(&error).as_deref() == Some("28000")) =>
        {
            // Should this fail too, the first answer is the one that says more.
            options
                .ssl_mode(PgSslMode::Disable)
                .connect()
                .await
                .map_err(|_| error)
        }
        other => other,
    };
    result.map_err(|error| explain(url, &error))
}

/// The URL in sqlx's terms. sqlx starts from libpq's variables in the environment: all that it reads is either set
/// here or found and refused.
fn options(url: &DatabaseUrl) -> Result<PgConnectOptions, Error> {
    refuse_environment()?;
    let options = match url.parameter("options") {
        // There's no setter for the text as it is, which libpq hands to the server unread.
        Some(text) => {
            let text =
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
            format!("postgres://host?options={text}")
                .parse()
                .map_err(|error| explain(url, &error))?
        }
        None => PgConnectOptions::new_without_pgpass(),
    };
    let mut options = options
        .host(url.host())
        .port(url.port())
        .username(url.user())
        .password(url.password().map_or("", |password| password.reveal()))
        .database(url.database())
        .application_name(url.parameter("application_name").unwrap_or("pgcoffer"))
        .ssl_mode(ssl_mode(url))
        .ssl_root_cert_from_pem(Vec::new())
        // PgBouncer refuses what it can't keep track of, and no floating-point number is asked for.
        .extra_float_digits(None)
        .disable_statement_logging();
    if let Some(folder) = url.socket_folder() {
        options = options.socket(folder);
    }
    if let Some(file) = url.root_certificates() {
        options = options.ssl_root_cert(file);
    }
    if let (Some(certificate), Some(key)) = (url.parameter("sslcert"), url.parameter("sslkey")) {
        options = options.ssl_client_cert(certificate).ssl_client_key(key);
    }
    Ok(options)
}

/// `PGOPTIONS`, `PGSSLCERT` and `PGSSLKEY` can't be overridden by "none", and would hold for our session but not
/// for the children, which get what the URL says.
fn refuse_environment() -> Result<(), Error> {
    let inherited = PgConnectOptions::new_without_pgpass();
    if inherited.get_options().is_some() {
        return Err(Error::Environment("PGOPTIONS"));
    }
    // The certificates have no getter. Names from the environment might be no valid URL: they are set to ones that
    // are.
    let inherited = inherited
        .host("host")
        .username("user")
        .password("")
        .database("database")
        .to_url_lossy();
    for (name, _) in inherited.query_pairs() {
        match name.as_ref() {
            "sslcert" => return Err(Error::Environment("PGSSLCERT")),
            "sslkey" => return Err(Error::Environment("PGSSLKEY")),
            _ => {}
        }
    }
    Ok(())
}

/// As libpq does, `require` with authorities named checks the certificate. sqlx can't bind the login to the TLS
/// channel; where that's required, checking certificate and name keeps whoever sits on the line out as well.
fn ssl_mode(url: &DatabaseUrl) -> PgSslMode {
    let names_authorities = url.parameter("sslrootcert").is_some();
    match url.effective_ssl_mode() {
        SslMode::Disable => PgSslMode::Disable,
        SslMode::Allow | SslMode::Prefer => PgSslMode::Prefer,
        SslMode::Require if names_authorities => PgSslMode::VerifyCa,
        SslMode::Require if url.parameter("channel_binding") == Some("require") => {
            PgSslMode::VerifyFull
        }
        SslMode::Require => PgSslMode::Require,
        SslMode::VerifyCa => PgSslMode::VerifyCa,
        SslMode::VerifyFull => PgSslMode::VerifyFull,
    }
}

fn is_tls(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .map(|code| code.into_owned())
}

/// Puts sqlx's error into our terms.
///
/// Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn explain(url: &DatabaseUrl, error: &sqlx::Error) -> Error {
    use ConnectFault as F;
    let target = url.to_string();
    let message = message(error);
    let fault = match error {
        sqlx::Error::Io(error) => io_fault(error),
        sqlx::Error::Tls(_) if message.contains("does not support TLS") => F::NoTls,
        sqlx::Error::Tls(_) if message.to_lowercase().contains("certificate") => F::Certificate,
        sqlx::Error::Tls(_) => F::Tls,
        sqlx::Error::Database(_) => match code(error).unwrap_or_default().as_str() {
            "28P01" | "28000" | "42501" => return Error::Auth { target, message },
            "3D000" => F::NoSuchDatabase,
            "53300" => F::TooMany,
            "57P03" => F::StartingUp,
            _ => F::Other,
        },
        _ => F::Other,
    };
    Error::Connect {
        target,
        fault,
        message,
    }
}

fn io_fault(error: &io::Error) -> ConnectFault {
    use ConnectFault as F;
    match error.kind() {
        // A socket that isn't there is a server that doesn't run.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => F::Refused,
        io::ErrorKind::TimedOut => F::Timeout,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown => F::Unreachable,
        // How rustls's errors come out of the handshake.
        io::ErrorKind::InvalidData if error.to_string().contains("certificate") => F::Certificate,
        io::ErrorKind::InvalidData => F::Tls,
        _ if error.to_string().contains("failed to lookup address") => F::Unresolved,
        _ => F::Other,
    }
}

/// What the server or the system said, without sqlx's own words around it.
pub(super) fn message(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::Tls(error) => error.to_string(),
        other => other.to_string(),
    }
}
