use std::{error::Error as _, fmt, time::Duration};

/// An error of Heroku's Platform API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind, for decisions of the caller.
    pub kind: ErrorKind,
    /// The action and the app, as a verb phrase.
    pub doing: String,
    /// The message of the API or the network.
    pub why: String,
    /// How long to wait before the next request, if the API says so.
    pub retry_after: Option<Duration>,
}

/// The kinds of errors that callers or users treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The key is unknown, revoked or expired (401).
    Key,
    /// The account has no payment method, or has an unpaid bill (402).
    Payment,
    /// The key lacks the right (403).
    Forbidden,
    /// The app or the dyno doesn't exist, or is invisible to this key (404).
    NotFound,
    /// The request can't be met: an unknown size, or too many dynos (422).
    Refused,
    /// The account's rate limit is reached (429).
    TooMany,
    /// The API is down (500 and above).
    Down,
    /// There is no connection, it broke, or it timed out.
    Unreachable,
    /// Any other error.
    Other,
}

impl ErrorKind {
    pub(super) fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Key,
            402 => Self::Payment,
            403 => Self::Forbidden,
            404 => Self::NotFound,
            422 => Self::Refused,
            429 => Self::TooMany,
            500.. => Self::Down,
            _ => Self::Other,
        }
    }
}

impl Error {
    pub(super) fn unreachable(doing: &str, error: &reqwest::Error) -> Self {
        // its own text contains the URL and rarely the cause
        let mut innermost: &dyn std::error::Error = error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        let why = match error.source() {
            _ if error.is_timeout() => "it took too long to answer".to_owned(),
            Some(_) => innermost.to_string(),
            None => "the connection broke".to_owned(),
        };
        Self {
            kind: ErrorKind::Unreachable,
            doing: doing.to_owned(),
            why,
            retry_after: None,
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self.kind {
            ErrorKind::Key => {
                "create a key with `heroku authorizations:create --scope write` and set PGCOFFER_HEROKU_API_KEY to it"
            }
            ErrorKind::Payment => "check the account's billing page at dashboard.heroku.com",
            ErrorKind::Forbidden => {
                "the key's account must be a member of the app with the right to operate it, and the key's scope must \
                 be `write` or `global`"
            }
            ErrorKind::NotFound => {
                "set PGCOFFER_HEROKU_APP to the app's name as `heroku apps` shows it, and use a key whose account can \
                 see that app"
            }
            ErrorKind::Refused => {
                "check PGCOFFER_HEROKU_DYNO_SIZE (`heroku ps:type --app APP` shows the sizes in use) and the number of \
                 one-off dynos that are already running"
            }
            ErrorKind::TooMany => {
                "another program uses up this account's 4,500 calls an hour: give pgcoffer the key of a separate \
                 account"
            }
            ErrorKind::Down => {
                "status.heroku.com shows Heroku's state; `pgcoffer tick` outside of Heroku needs no Heroku \
                           API"
            }
            ErrorKind::Unreachable => {
                "check that this machine can reach api.heroku.com over https, and check \
                                  status.heroku.com"
            }
            ErrorKind::Other => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::Key => "Heroku doesn't accept the API key",
            ErrorKind::Payment => "Heroku requires a payment first",
            ErrorKind::Forbidden => "the Heroku API key lacks the right",
            ErrorKind::NotFound => "this API key can't see the app",
            ErrorKind::Refused => "Heroku refuses",
            ErrorKind::TooMany => "Heroku's limit of API calls is reached",
            ErrorKind::Down => "the Heroku API is down",
            ErrorKind::Unreachable => "the Heroku API can't be reached",
            ErrorKind::Other => "the Heroku API sent an unusable response",
        };
        write!(f, "can't {}: {what}: {}", self.doing, self.why)
    }
}

impl std::error::Error for Error {}
