//! The session beside the dump: it holds the lock, and finds out why a dump failed.

use super::run::Run;
use crate::{
    error::{Error, Result},
    postgres::{self, Session},
};

impl Run<'_> {
    /// Adds the cause to pg_dump's failure. A session that blocked it is named while it still does.
    pub(super) async fn diagnosed(&mut self, session: &mut Session, error: postgres::Error) -> Error {
        let error = session.diagnose(error).await;
        if let postgres::Error::DumpFailed(fault) = &error
            && fault.cause == postgres::FailureCause::LockTimeout
        {
            for blocker in session.blockers().await.unwrap_or_default() {
                self.warn(Some(blocker.to_string()));
            }
        }
        error.into()
    }

    /// Does `work` while the session that holds the lock is kept alive, and checks at the end whether the lock is still
    /// held. A lost session loses the lock but not the dump, which has its own connection; the record says so.
    pub(super) async fn under_lock<T>(
        &mut self,
        session: &mut Session,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        if self.lock_is_lost {
            return work.await;
        }
        let (result, mut lost) = watched(session, work).await;
        if result.is_ok() && lost.is_none() {
            lost = session.check().await.err();
        }
        self.lock_is_lost = lost.is_some();
        self.warn(lost.map(|lost| format!("the lock of this run was lost on the way: {lost}")));
        result
    }
}

/// Does `work` while the session that holds the lock is kept alive. If it is lost meanwhile, its error is returned
/// beside the result.
async fn watched<T>(
    session: &mut Session,
    work: impl Future<Output = Result<T>>,
) -> (Result<T>, Option<postgres::Error>) {
    tokio::pin!(work);
    let lost = tokio::select! {
        result = &mut work => return (result, None),
        lost = session.keep_alive() => lost,
    };
    (work.await, Some(lost))
}
