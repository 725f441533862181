//! One connection that speaks PostgreSQL's protocol, as far as our own statements need it: the login, and statements in
//! text by the simple protocol, so that nothing is prepared on a server and a pooler may stand between.
//!
//! Everything that the server sends is bounded in length and in time, and none of it is trusted: which login it may ask
//! for is decided by [`Logins`](super::logins::Logins) before anything secret is sent.
//!
//! <https://www.postgresql.org/docs/current/protocol.html>

mod certificate;
mod connect;
mod der;
mod end_point;
mod key;
mod login;
mod place;
mod saslprep;
mod scram;
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

pub(super) use connect::{Unreached, open};
pub(super) use tls::Verification;

use crate::text::{Untrusted, decoded};

/// No message of a catalog's row or of an error is near as long.
const MESSAGE_BYTES_MAX: i32 = 16 << 20;
/// All rows of a statement, as they are held; 10,000 tables of the longest names take a tenth of it.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Text of an error. What a server says about a value may repeat it whole, and a value may be as long as a message.
const ERROR_BYTES_MAX: usize = 4 << 10;
/// A little more than the time that the server gives our statements.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(330);

/// A connection as a stream of bytes, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// A connection that is logged in.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    read: BytesMut,
    /// Whether the connection is encrypted.
    pub(super) is_encrypted: bool,
    /// The process that the server says is at the other end. A pooler makes this number up.
    pub(super) announced_process: i32,
    /// The server's version in its own words.
    pub(super) server_version: String,
    /// Whether the server says of itself that it is a standby.
    is_standby: Option<bool>,
    /// Whether it lets nobody write unless asked.
    is_read_only: Option<bool>,
    /// Our own end's port: what the server sees unless something stands between.
    pub(super) local_port: Option<u16>,
    /// The database's encoding.
    pub(super) server_encoding: String,
    /// False while an answer is awaited: should that be given up, what comes next belongs to an earlier question.
    is_in_step: bool,
    /// Whether the last statement was sent to its end.
    is_sent: bool,
    /// Whether a transaction is open.
    pub(super) is_in_transaction: bool,
}

/// A row in text.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(Vec<Option<String>>);

impl Row {
    /// What it takes here: a row of nulls is shorter on the wire, and so is text that isn't UTF-8.
    fn held_bytes(&self) -> usize {
        let text: usize = self.0.iter().flatten().map(String::len).sum();
        size_of::<Self>() + self.0.len() * size_of::<Option<String>>() + text
    }
}

/// What a server says of an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServerError {
    /// The SQLSTATE, by which causes are told apart: its text is in the server's language.
    pub(super) code: String,
    /// The text.
    pub(super) message: Untrusted,
    /// Whether the connection ends with it.
    pub(super) is_fatal: bool,
}

/// Why a connection or a statement failed.
#[derive(Debug)]
pub(super) enum WireError {
    /// The server refused.
    Server(ServerError),
    /// The connection failed.
    Io(io::Error),
    /// The host's name has no address.
    Unresolved(io::Error),
    /// Nothing came of it in time.
    Silent(Duration),
    /// It answers, and is not the kind of server that `target_session_attrs` asks for.
    OtherKind(&'static str),
    /// There is no password to log in with.
    Password(String),
    /// The server has no TLS and is asked for it.
    NoTls,
    /// TLS failed.
    Tls(rustls::Error),
    /// Files of certificates or keys can't be used.
    File(String),
    /// A login that must not be given: which, and why.
    Login(LoginRefused),
    /// What came is not the protocol.
    Protocol(String),
}

/// A login that the server asks for and that isn't given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRefused {
    /// It asks for the password in clear, and who it is has not been verified.
    Clear,
    /// It asks for a login that `require_auth` excludes.
    Excluded(&'static str),
    /// It lets anybody in, and `require_auth` wants a login.
    None,
    /// `channel_binding=require`, and it doesn't do that.
    NotBound,
    /// It wants a password, and the URL has none.
    NoPassword,
    /// It asks for something that isn't spoken here: Kerberos, SSPI, OAuth.
    Unknown,
    /// It didn't prove that it knows the password too.
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
        }
    }

    /// Runs statements, and gives the rows of them all. Where one fails the rest is not run; an open transaction stays
    /// open.
    ///
    /// May be dropped at any time: the answer to what was sent whole is then passed over before anything else is asked.
    pub(super) async fn run(&mut self, sql: &str) -> Result<Vec<Row>, WireError> {
        self.run_bytes(sql.as_bytes()).await
    }

    /// The same with statements in the encoding that `client_encoding` says.
    pub(super) async fn run_bytes(&mut self, sql: &[u8]) -> Result<Vec<Row>, WireError> {
        self.step_in().await?;
        in_time(self.ask(sql)).await
    }

    /// Passes over the answer to a statement that was given up, and ends what it left open.
    async fn step_in(&mut self) -> Result<(), WireError> {
        if self.is_in_step {
            return Ok(());
        }
        if !self.is_sent {
            let given_up = "an earlier statement was given up while it was sent";
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
        loop {
            match self.next().await {
                Ok(Message::DataRow(body)) => {
                    let row = Row::read(&body)?;
                    bytes += row.held_bytes();
                    if bytes > ANSWER_BYTES_MAX {
                        return Err(WireError::Protocol("an answer of more than 32 MiB".to_owned()));
                    }
                    rows.push(row);
                }
                Ok(Message::ErrorResponse(body)) => failed = Some(ServerError::read(body.fields())?),
                Ok(Message::ReadyForQuery(body)) => {
                    self.is_in_step = true;
                    self.is_in_transaction = body.status() != b'I';
                    return failed.map_or(Ok(rows), |error| Err(WireError::Server(error)));
                }
                Ok(
                    Message::RowDescription(_)
                    | Message::CommandComplete(_)
                    | Message::EmptyQueryResponse
                    | Message::NoticeResponse(_)
                    | Message::ParameterStatus(_)
                    | Message::NotificationResponse(_),
                ) => {}
                Ok(_) => {
                    return Err(WireError::Protocol("an answer that was not asked for".to_owned()));
                }
                // a server that ends the connection says why first
                Err(error) => return Err(failed.map_or(error, WireError::Server)),
            }
        }
    }

    /// Says goodbye. Whatever goes wrong, the connection is gone afterwards.
    pub(super) async fn close(mut self) {
        let mut message = BytesMut::new();
        frontend::terminate(&mut message);
        if self.stream.write_all(&message).await.is_ok() {
            let _ = self.stream.shutdown().await;
        }
    }

    /// The next message, whatever it is.
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

/// A message of the simple protocol, in whichever encoding.
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
    fn read(body: &DataRowBody) -> Result<Self, WireError> {
        let mut columns = Vec::new();
        let mut ranges = body.ranges();
        while let Some(range) = ranges.next()? {
            // a database without an encoding may hold any bytes
            let text = |range| decoded(&body.buffer()[range]);
            columns.push(range.map(text));
        }
        Ok(Self(columns))
    }

    /// A column's text; none where it is null, or isn't there.
    pub(super) fn text(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.as_deref()
    }
}

/// As much of a text as is kept.
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
                // the severity that isn't translated; servers before 9.6 and some poolers have the other one alone
                b'V' | b'S' => error.is_fatal |= matches!(text.as_str(), "FATAL" | "PANIC"),
                _ => {}
            }
        }
        Ok(error)
    }
}
