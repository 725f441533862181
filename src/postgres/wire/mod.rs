//! A connection with PostgreSQL's protocol, as far as the agent's statements need it: the login, and statements with
//! the simple protocol. Nothing is prepared on the server, so the connection can go through a pooler.
//!
//! Everything that the server sends is bounded in length and in time, and none of it is trusted.
//! [`AllowedAuth`](super::auth_methods::AllowedAuth) decides which login methods are allowed before anything secret is
//! sent.
//!
//! <https://www.postgresql.org/docs/current/protocol.html>

mod certificate;
mod channel_binding;
mod connect;
mod der;
mod key;
mod login;
mod saslprep;
mod scram;
mod session_attrs;
#[cfg(test)]
mod tests;
mod tls;
mod trust;

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::backend::{DataRowBody, ErrorFields, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

pub(super) use connect::{FailedHost, open};
pub(super) use trust::Verification;

use crate::text::{Untrusted, decoded};

/// The longest message in bytes. No catalog row and no error is nearly as long.
const MESSAGE_BYTES_MAX: i32 = 16 << 20;
/// The size in memory of all rows of a statement, in bytes; 10,000 tables with the longest names take a tenth of it.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// The length that is kept of an error's text, in bytes. An error may repeat a whole value, and a value may be as long
/// as a message.
const ERROR_BYTES_MAX: usize = 4 << 10;
/// The longest time for a result. A little more than the statement timeout.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(330);

/// A connection as a byte stream, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// A connection that has logged in.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    read: BytesMut,
    /// Whether the connection is encrypted.
    pub(super) is_encrypted: bool,
    /// The server process id that was announced at the login. A pooler makes this number up.
    pub(super) announced_process: i32,
    /// The server's version in its own words.
    pub(super) server_version: String,
    /// Whether the server reported that it is a standby; `None` if it didn't report it.
    is_standby: Option<bool>,
    /// Whether transactions are read-only by default; `None` if the server didn't report it.
    is_read_only: Option<bool>,
    /// The local port. The server sees this port unless something is in between.
    pub(super) local_port: Option<u16>,
    /// The database's encoding.
    pub(super) server_encoding: String,
    /// False while a result is awaited. If that is cancelled, the next messages belong to the earlier statement.
    is_in_step: bool,
    /// Whether the last statement was sent completely.
    is_sent: bool,
    /// Whether a transaction is open.
    pub(super) is_in_transaction: bool,
    /// Whether columns are read as bytes: [`Wire::run_for_bytes`].
    reads_bytes: bool,
    /// How many statements of the last question were done.
    pub(super) completed: usize,
}

/// A row, with its columns as text.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(Vec<Option<String>>);

impl Row {
    /// The row's size in memory, in bytes. A row of nulls is shorter on the wire, and so is text that isn't UTF-8.
    fn held_bytes(&self) -> usize {
        let text: usize = self.0.iter().flatten().map(String::len).sum();
        size_of::<Self>() + self.0.len() * size_of::<Option<String>>() + text
    }
}

/// An error that the server sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The SQLSTATE, by which causes are found, as the message is in the server's language.
    pub(super) code: String,
    /// The message.
    pub(super) message: Untrusted,
    /// Whether the error ends the connection.
    pub(super) is_fatal: bool,
}

/// Why a connection or a statement failed.
#[derive(Debug)]
pub(super) enum WireError {
    /// The server sent an error.
    Server(ServerError),
    /// The connection failed.
    Io(io::Error),
    /// The host's name has no address.
    Unresolved(io::Error),
    /// Nothing arrived in time.
    Silent(Duration),
    /// The server works, but isn't of the kind that `target_session_attrs` asks for.
    OtherKind(&'static str),
    /// There is no password to log in with. Holds the reason.
    Password(String),
    /// The URL requires TLS, and the server doesn't offer it.
    NoTls,
    /// TLS failed.
    Tls(rustls::Error),
    /// Files of certificates or keys can't be used.
    File(String),
    /// A login method that is not allowed.
    Login(LoginRefusal),
    /// The messages violate the protocol.
    Protocol(String),
}

impl WireError {
    /// Whether the server has a text that it can't convert from the database's encoding: character_not_in_repertoire,
    /// or untranslatable_character.
    pub(super) fn is_unconvertible(&self) -> bool {
        self.is_of(&["22021", "22P05"])
    }

    /// Whether the server cancelled the statement, as a statement timeout does.
    pub(super) fn is_cancelled(&self) -> bool {
        self.is_of(&["57014"])
    }

    /// Whether the server sent an error of one of these codes, after which the session goes on.
    fn is_of(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Server(error) if codes.contains(&error.code.as_str()) && !error.is_fatal)
    }
}

/// Why the login method that a server asks for is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefusal {
    /// The server asks for the password in clear text, and was not verified.
    Clear,
    /// The server asks for a method that `require_auth` excludes.
    Excluded(&'static str),
    /// The server asks for no login, and `require_auth` requires one.
    None,
    /// `channel_binding=require` is set, and the server doesn't support it.
    NotBound,
    /// The server asks for a password, and the URL has none.
    NoPassword,
    /// The server asks for a method that is not supported: Kerberos, SSPI, OAuth.
    Unknown,
    /// The server didn't prove that it knows the password.
    NotProven,
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match inner {
            Some(tls) => Self::Tls(tls.clone()),
            None => Self::Io(error),
        }
    }
}

impl Wire {
    fn new(stream: Box<dyn Stream>, is_encrypted: bool) -> Self {
        Self {
            stream,
            read: BytesMut::new(),
            is_encrypted,
            announced_process: 0,
            server_version: String::new(),
            is_standby: None,
            is_read_only: None,
            local_port: None,
            server_encoding: String::new(),
            is_in_step: true,
            is_sent: true,
            is_in_transaction: false,
            reads_bytes: false,
            completed: 0,
        }
    }

    /// Runs statements, and returns the rows of all of them. After a failed statement the rest is not run; an open
    /// transaction stays open. Bounded in time. Not retried.
    ///
    /// Safe to cancel: the result of a statement that was sent completely is skipped before the next statement.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        self.run_bytes(sql.as_bytes()).await
    }

    /// Like [`run`](Self::run), for statements in the encoding of `client_encoding`.
    pub(super) async fn run_bytes(&mut self, sql: &[u8]) -> Result<Vec<Row>, WireError> {
        self.step_in().await?;
        self.reads_bytes = false;
        in_time(self.ask(sql)).await
    }

    /// The same as [`Wire::run`], with columns as bytes: each character of a column's text is one byte of it.
    pub(super) async fn run_for_bytes(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        self.step_in().await?;
        self.reads_bytes = true;
        in_time(self.ask(sql.as_bytes())).await
    }

    /// Skips the result of a cancelled statement, and ends its transaction.
    async fn step_in(&mut self) -> Result<(), WireError> {
        if self.is_in_step {
            return Ok(());
        }
        if !self.is_sent {
            let given_up = "an earlier statement was cancelled while it was being sent";
            return Err(WireError::Io(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                given_up,
            )));
        }
        match in_time(self.answer()).await {
            Err(WireError::Server(_)) if self.is_in_step => {}
            answer => drop(answer?),
        }
        if self.is_in_transaction {
            in_time(self.ask(b"ROLLBACK")).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, sql: &[u8]) -> Result<Vec<Row>, WireError> {
        let message = query(sql)?;
        (self.is_in_step, self.is_sent) = (false, false);
        self.stream.write_all(&message).await?;
        self.stream.flush().await?;
        self.is_sent = true;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Vec<Row>, WireError> {
        let (mut rows, mut bytes, mut failed) = (Vec::new(), 0, None);
        self.completed = 0;
        loop {
            match self.next().await {
                Ok(Message::DataRow(body)) => {
                    let row = Row::read(&body, self.reads_bytes)?;
                    bytes += row.held_bytes();
                    if bytes > ANSWER_BYTES_MAX {
                        return Err(WireError::Protocol("an answer of more than 32 MiB".to_owned()));
                    }
                    rows.push(row);
                }
                Ok(Message::CommandComplete(_)) => self.completed += 1,
                Ok(Message::ErrorResponse(body)) => failed = Some(ServerError::read(body.fields())?),
                Ok(Message::ReadyForQuery(body)) => {
                    self.is_in_step = true;
                    self.is_in_transaction = body.status() != b'I';
                    return failed.map_or(Ok(rows), |error| Err(WireError::Server(error)));
                }
                Ok(
                    Message::RowDescription(_)
                    | Message::EmptyQueryResponse
                    | Message::NoticeResponse(_)
                    | Message::ParameterStatus(_)
                    | Message::NotificationResponse(_),
                ) => {}
                Ok(_) => {
                    return Err(WireError::Protocol("an answer that was not asked for".to_owned()));
                }
                // a server that ends the connection first sends the reason
                Err(error) => return Err(failed.map_or(error, WireError::Server)),
            }
        }
    }

    /// Ends the connection. After an error it is closed, too.
    pub(super) async fn close(mut self) {
        let mut message = BytesMut::new();
        frontend::terminate(&mut message);
        if self.stream.write_all(&message).await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }

    /// The next message of any type.
    async fn next(&mut self) -> Result<Message, WireError> {
        loop {
            let header = Header::parse(&self.read)?;
            if header.is_some_and(|header| header.len() > MESSAGE_BYTES_MAX) {
                return Err(WireError::Protocol(
                    "a message that claims to be longer than any of PostgreSQL's".to_owned(),
                ));
            }
            if let Some(message) = Message::parse(&mut self.read)? {
                return Ok(message);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                let end = io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection");
                return Err(WireError::Io(end));
            }
        }
    }
}

/// A query message of the simple protocol, in any encoding.
fn query(sql: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(sql.len() + 5).ok();
    let length = length.filter(|length| *length <= i32::MAX as u32 && !sql.contains(&0));
    let length = length.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok([b"Q", length.to_be_bytes().as_slice(), sql, b"\0"].concat())
}

async fn in_time<T>(answer: impl Future<Output = Result<T, WireError>>) -> Result<T, WireError> {
    let silent = |_| WireError::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer to a statement"));
    timeout(ANSWER_TIME_MAX, answer).await.map_err(silent)?
}

impl Row {
    fn read(body: &DataRowBody, as_bytes: bool) -> Result<Self, WireError> {
        let mut columns = Vec::new();
        let mut ranges = body.ranges();
        while let Some(range) = ranges.next()? {
            // a database without an encoding may contain any bytes
            let text = |range: std::ops::Range<usize>| -> String {
                match &body.buffer()[range] {
                    bytes if as_bytes => bytes.iter().copied().map(char::from).collect(),
                    bytes => decoded(bytes),
                }
            };
            columns.push(range.map(text));
        }
        Ok(Self(columns))
    }

    /// The texts of all columns that aren't null.
    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.0.iter_mut().flatten()
    }

    /// The text of a column; `None` if it is null or doesn't exist.
    pub(super) fn text(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.as_deref()
    }
}

/// The beginning of a text, up to the limit.
fn beginning(text: &str) -> String {
    if text.len() <= ERROR_BYTES_MAX {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(ERROR_BYTES_MAX);
    format!("{}…", &text[..end])
}

impl ServerError {
    fn read(mut fields: ErrorFields<'_>) -> Result<Self, WireError> {
        let mut error = Self::default();
        while let Some(field) = fields.next()? {
            let text = decoded(field.value_bytes());
            match field.type_() {
                b'C' => error.code = text.chars().take(5).filter(char::is_ascii_alphanumeric).collect(),
                b'M' => error.message = Untrusted::from(beginning(&text)),
                // the severity that isn't translated; servers before 9.6 and some poolers send only the other one
                b'V' | b'S' => error.is_fatal |= matches!(text.as_str(), "FATAL" | "PANIC"),
                _ => {}
            }
        }
        Ok(error)
    }
}
