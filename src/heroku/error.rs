use std::{error::Error as _, fmt, time::Duration};

/// What went wrong at Heroku's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// what a caller can decide by
    pub kind: Kind,
    /// what was being done, on which app
    pub doing: String,
    /// the API's or the network's own words
    pub why: String,
    /// how long it asks to be left alone, where it says so
    pub retry_after: Option<Duration>,
}

/// The kinds of failure that callers or users treat differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// the key isn't known, was revoked or has run out (401)
    Key,
    /// the account has no payment method, or owes (402)
    Payment,
    /// the key may not do this (403)
    Forbidden,
    /// there is no such app or dyno, or not for this key (404)
    NotFound,
    /// what was asked for can't be had: an unknown size, too many dynos (422)
    Refused,
    /// the account's calls are used up for now (429)
    TooMany,
    /// the API is down (500 and above)
    Down,
    /// no connection, it broke, or it took too long
    Unreachable,
    /// anything else
    Other,
}

impl Kind {
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
            kind: Kind::Unreachable,
            doing: doing.to_owned(),
            why,
            retry_after: None,
        }
    }

    /// What a user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self.kind {
            Kind::Key => {
                "make a key with `heroku authorizations:create --scope write` and set PGCOFFER_HEROKU_API_KEY to it"
            }
            Kind::Payment => "look at the account's billing page at dashboard.heroku.com",
            Kind::Forbidden => {
                "the key's account must be a member of the app with the right to operate it, and the key's scope must \
                 be `write` or `global`"
            }
            Kind::NotFound => {
                "set PGCOFFER_HEROKU_APP to the app's name as `heroku apps` shows it, and the key to one whose account \
                 sees that app"
            }
            Kind::Refused => {
                "check PGCOFFER_HEROKU_DYNO_SIZE (`heroku ps:type --app APP` shows the sizes in use) and how many \
                 one-off dynos run already"
            }
            Kind::TooMany => {
                "something else uses up this account's 4,500 calls an hour: give pgcoffer a key of an account of its \
                 own"
            }
            Kind::Down => "status.heroku.com tells how Heroku is; `pgcoffer tick` elsewhere needs no Heroku API",
            Kind::Unreachable => "check that this machine reaches api.heroku.com over https, and status.heroku.com",
            Kind::Other => return None,
        };
        Some(hint.to_owned())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Key => "Heroku doesn't take the API key",
            Kind::Payment => "Heroku wants to be paid first",
            Kind::Forbidden => "the Heroku API key may not do that",
            Kind::NotFound => "Heroku shows no such app to this API key",
            Kind::Refused => "Heroku refuses",
            Kind::TooMany => "Heroku's limit of API calls is reached",
            Kind::Down => "the Heroku API is down",
            Kind::Unreachable => "the Heroku API can't be reached",
            Kind::Other => "the Heroku API gave an answer that can't be used",
        };
        write!(f, "can't {}: {what}: {}", self.doing, self.why)
    }
}

impl std::error::Error for Error {}
