//! The possible results of trying one right.

use crate::store::{Error, Kind};

pub(super) enum Outcome {
    /// It works; what was seen.
    Works(String),
    /// The credentials lack the right, in the service's words.
    Denied(String),
    /// The service has no such thing, and what that means.
    Absent(String),
    /// It works, but not as it should: what was seen, and what that means.
    Odd(String, String),
    /// Something went wrong.
    Broken(Error),
    /// Not tried, and why.
    Untried(String),
}

pub(super) fn of(result: Result<(), Error>, works: &str) -> Outcome {
    match result {
        Ok(()) => Outcome::Works(works.to_owned()),
        Err(error) if error.kind == Kind::Denied => Outcome::Denied(error.why),
        Err(error) => Outcome::Broken(error),
    }
}

/// The result of a second write under the same name, which the service must refuse.
pub(super) fn guarded(again: Result<(), Error>) -> Outcome {
    let overwrites =
        "two runs in the same second could overwrite each other: let only one machine back up a database".to_owned();
    match again {
        Err(error) if error.kind == Kind::Exists => Outcome::Works("an existing object is not overwritten".to_owned()),
        Ok(()) => Outcome::Odd("the service ignores If-None-Match".to_owned(), overwrites),
        Err(error) if error.kind == Kind::Unsupported => {
            Outcome::Odd("the service has no conditional writes".to_owned(), overwrites)
        }
        Err(error) => of(Err(error), ""),
    }
}

pub(super) fn absent_tags(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Broken(error) if error.kind == Kind::Unsupported => Outcome::Absent(
            "this service has no tags: backups don't need them, their records hold the same facts".to_owned(),
        ),
        other => other,
    }
}
