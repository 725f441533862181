//! What becomes an error, and what becomes of one.

use super::Error;
use crate::{
    backup::Failure,
    lifecycle,
    panics::{self, Panic},
    postgres, store,
    text::Untrusted,
};

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            error: error.to_string().into(),
            hint: error.hint().map(Untrusted::from),
            exit_status: error.exit_status().number(),
            cause: error.cause(),
        }
    }
}

impl From<Panic> for Error {
    fn from(panic: Panic) -> Self {
        Self::Internal(panic.to_string())
    }
}

impl From<tokio::task::JoinError> for Error {
    /// A task ends early by a panic alone: nobody here cancels one that is still waited for.
    fn from(error: tokio::task::JoinError) -> Self {
        panics::of_task(&error).into()
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<lifecycle::Error> for Error {
    fn from(error: lifecycle::Error) -> Self {
        Self::Lifecycle(error)
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}
