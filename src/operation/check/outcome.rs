//! How trying one right may come out.

use crate::store::{Error, Kind};

pub(super) enum Outcome {
    /// It does; what was seen.
    Works(String),
    /// These credentials may not, in the service's words.
    Denied(String),
    /// The service has no such thing, and what that means.
    Absent(String),
    /// It does, and not as it should.
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

/// A second write of the same name, which has to be refused.
pub(super) fn guarded(again: Result<(), Error>) -> Outcome {
    let overwrites =
        "two runs of one second could write over one another: let one machine alone back a database up".to_owned();
    match again {
        Err(error) if error.kind == Kind::Exists => Outcome::Works("what is there is not written over".to_owned()),
        Ok(()) => Outcome::Odd("the service ignores If-None-Match".to_owned(), overwrites),
        Err(error) if error.kind == Kind::Unsupported => {
            Outcome::Odd("the service knows no condition on writing".to_owned(), overwrites)
        }
        Err(error) => of(Err(error), ""),
    }
}

pub(super) fn absent_tags(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Broken(error) if error.kind == Kind::Unsupported => Outcome::Absent(
            "this service has no tags: backups do without, their records hold the same facts".to_owned(),
        ),
        other => other,
    }
}
