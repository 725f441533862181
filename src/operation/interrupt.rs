use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    error::{Error, Result},
    exit_status::ExitStatus,
};

/// A request to stop, from a signal. Operations end with [`Error::Interrupted`] and clean up. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    token: CancellationToken,
    exit_status: Arc<AtomicU8>,
}

impl Interrupt {
    /// Requests to stop and to end with `exit_status`.
    pub fn raise(&self, exit_status: ExitStatus) {
        self.exit_status.store(exit_status.number(), Ordering::Relaxed);
        self.token.cancel();
    }

    /// Whether a stop was requested.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.token.is_cancelled()
    }

    /// A request to stop that is raised by this one, and can be ended alone.
    pub(super) fn child(&self) -> Self {
        Self {
            token: self.token.child_token(),
            exit_status: Arc::clone(&self.exit_status),
        }
    }

    /// Asks to stop what obeys this one alone.
    pub(super) fn end(&self) {
        self.token.cancel();
    }

    /// Waits until a stop is requested, and returns the error to end with.
    pub async fn raised(&self) -> Error {
        self.token.cancelled().await;
        self.error()
    }

    /// Fails if a stop was requested.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn check(&self) -> Result<()> {
        if self.is_raised() {
            return Err(self.error());
        }
        Ok(())
    }

    fn error(&self) -> Error {
        let number = self.exit_status.load(Ordering::Relaxed);
        Error::Interrupted {
            exit_status: ExitStatus::of_number(number).unwrap_or(ExitStatus::Failed),
        }
    }

    /// The result of `work`, unless a stop is requested before.
    ///
    /// # Errors
    /// The error of `work`, or [`Error::Interrupted`].
    pub async fn or<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            result = work => result,
            error = self.raised() => Err(error),
        }
    }

    /// The result of `work`, which may take another `grace` after a stop was requested.
    ///
    /// # Errors
    /// The error of `work`, or [`Error::Interrupted`].
    pub async fn or_after<T>(&self, grace: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let late = async {
            let error = self.raised().await;
            tokio::time::sleep(grace).await;
            error
        };
        tokio::select! {
            result = work => result,
            error = late => Err(error),
        }
    }
}
