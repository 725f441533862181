use std::{error::Error as _, fmt, time::Duration};

/// What went wrong at Heroku's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The kind, by which a caller can decide.
    pub kind: ErrorKind,
    /// What was being done, and on which app.
    pub doing: String,
    /// What the API or the network said.
    pub why: String,
    /// How long the API asks to wait, where it says so.
    pub retry_after: Option<Duration>,
}

/// The kinds of failure that callers or users treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The key is unknown, was revoked or has expired (401).
    Key,
    /// The account has no payment method, or owes money (402).
    Payment,
    /// The key may not do this (403).
    Forbidden,
    /// There is no such app or dyno, or not for this key (404).
    NotFound,
    /// The request can't be met: an unknown size, too many dynos (422).
    Refused,
    /// The calls of the account are used up for now (429).
    TooMany,
    /// The API is down (500 and above).
    Down,
    /// There was no connection, or it broke, or it took too long.
    Unreachable,
    /// Anything else.
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
        // its own text holds the URL and seldom the cause
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

    /// What a user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self.kind {
            ErrorKind::Key => {
                "make a key with `heroku authorizations:create --scope write` and set PGCOFFER_HEROKU_API_KEY to it"
            }
            ErrorKind::Payment => "look at the account's billing page at dashboard.heroku.com",
            ErrorKind::Forbidden => {
                "the key's account must be a member of the app with the right to operate it, and the key's scope must \
                 be `write` or `global`"
            }
            ErrorKind::NotFound => {
                "set PGCOFFER_HEROKU_APP to the app's name as `heroku apps` shows it, and the key to one whose account \
                 sees that app"
            }
            ErrorKind::Refused => {
                "check PGCOFFER_HEROKU_DYNO_SIZE (`heroku ps:type --app APP` shows the sizes in use) and how many \
                 one-off dynos run already"
            }
            ErrorKind::TooMany => {
                "something else uses up this account's 4,500 calls an hour: give pgcoffer a key of an account of its \
                 own"
            }
            ErrorKind::Down => "status.heroku.com tells how Heroku is; `pgcoffer tick` elsewhere needs no Heroku API",
            ErrorKind::Unreachable => {
                "check that this machine reaches api.heroku.com over https, and status.heroku.com"
            }
            ErrorKind::Other => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::Key => "Heroku doesn't take the API key",
            ErrorKind::Payment => "Heroku wants to be paid first",
            ErrorKind::Forbidden => "the Heroku API key may not do that",
            ErrorKind::NotFound => "Heroku shows no such app to this API key",
            ErrorKind::Refused => "Heroku refuses",
            ErrorKind::TooMany => "Heroku's limit of API calls is reached",
            ErrorKind::Down => "the Heroku API is down",
            ErrorKind::Unreachable => "the Heroku API can't be reached",
            ErrorKind::Other => "the Heroku API gave an answer that can't be used",
        };
        write!(f, "can't {}: {what}: {}", self.doing, self.why)
    }
}

impl std::error::Error for Error {}
