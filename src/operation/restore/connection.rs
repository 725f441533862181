//! The agent's own connection to a target. With its lock, it keeps other restores out of the target until the end: two at
//! once would double the rows of tables that have no key.

use std::pin::pin;

use super::RestoreRequest;
use crate::{
    error::{Error, Result},
    postgres::{self, ConnectFault, Session},
};

/// Connects to the target, and checks that it is writable. It has to be empty, unless `--clean` is given or a part is
/// restored, which overwrites nothing. Takes no lock.
pub(super) async fn look(request: &RestoreRequest) -> Result<Session> {
    let mut session = connected(request).await?;
    check(&mut session, request).await?;
    Ok(session)
}

/// The same with the target's lock, which is taken first: what is in a target says nothing while another restore goes on.
pub(super) async fn locked(request: &RestoreRequest) -> Result<Session> {
    let mut session = connected(request).await?;
    session.lock_target().await?;
    check(&mut session, request).await?;
    Ok(session)
}

/// The same again with a session that has the lock already, if it still has it: people may have been asked in between.
pub(super) async fn locked_still(before: Option<Session>, request: &RestoreRequest) -> Result<Session> {
    let Some(mut session) = before else {
        return locked(request).await;
    };
    if session.check().await.is_err() {
        session.close().await;
        return locked(request).await;
    }
    check(&mut session, request).await?;
    Ok(session)
}

/// Keeps the session, and with it the lock, while the work goes on. A lock that is lost ends no restore that has come so
/// far: it is said.
pub(super) async fn kept<T>(session: &mut Session, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => return done,
        lost = session.keep_alive() => {
            tracing::warn!("the lock of the target is lost, the restore goes on: begin no other one into it until this one \
                has ended: {lost}");
        }
    }
    work.await
}

async fn connected(request: &RestoreRequest) -> Result<Session> {
    let session = Session::connect(&request.target).await;
    let mut session = session.map_err(missing_target)?;
    session.check_writable().await?;
    Ok(session)
}

async fn check(session: &mut Session, request: &RestoreRequest) -> Result<()> {
    let may_have_objects = request.clean || request.made_for_it || request.resume || !request.only.is_empty();
    if !may_have_objects {
        session.check_empty().await?;
    }
    Ok(())
}

/// The error of a connection to a target, whose database can be made if it is missing.
fn missing_target(error: postgres::Error) -> Error {
    match error {
        postgres::Error::Connect {
            target,
            fault: ConnectFault::NoSuchDatabase,
            message,
        } => postgres::Error::Connect {
            target,
            fault: ConnectFault::NoSuchTarget,
            message,
        }
        .into(),
        error => error.into(),
    }
}
