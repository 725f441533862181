//! Asks the agent, and carries out what operators ask for, beside the rounds of `serve`.

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture, stream::FuturesUnordered};

use super::{
    act::Act,
    jobs::{JobEnd, JobNumber, Jobs},
    looks::{Asked, AskedOfRunner},
    shown::{Answer, BackupAnswer, DatabaseAnswer, LookFailure, Question},
};
use crate::{
    agent::{Agent, Selector},
    backup::{BackupId, Failure, Label},
    catalog::ListedRuns,
    error::{Error, Result},
    operation::Clock,
    panics::caught_as_error,
};

/// The newest runs of a database that its page knows.
const RUNS_MAX: usize = 1000;
/// Looks and pieces of work at once: a page of its own each, and the memory of a backup.
const AT_ONCE_MAX: usize = 8;

/// Asks the agent, and carries out what operators ask for. It shares a thread with the rounds of `serve`, so the agent
/// is nobody else's at the same moment.
pub struct Runner<'a> {
    agent: &'a Agent,
    asked: AskedOfRunner,
    clock: Clock,
}

impl<'a> Runner<'a> {
    pub(super) fn new(agent: &'a Agent, asked: AskedOfRunner, clock: Clock) -> Self {
        Self { agent, asked, clock }
    }

    /// Runs until the agent's interrupt is raised; then what goes on ends, and cleans up.
    pub async fn run(mut self) {
        let mut running: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        let interrupt = self.agent.interrupt();
        loop {
            let has_room = running.len() < AT_ONCE_MAX;
            tokio::select! {
                _ = interrupt.raised() => break,
                Some(()) = running.next(), if !running.is_empty() => {}
                asked = self.asked.requests.recv(), if has_room => match asked {
                    Some(asked) => running.push(self.carried_out(asked)),
                    None => break,
                },
            }
        }
        while running.next().await.is_some() {}
    }

    fn carried_out(&self, asked: Asked) -> LocalBoxFuture<'a, ()> {
        let (agent, clock) = (self.agent, self.clock);
        match asked {
            Asked::Look(question, reply) => async move {
                let looked = caught_as_error(Box::pin(look(agent, &question))).await;
                // whoever asked may be gone, and the answer is of use all the same
                let _ = reply.send(looked.map_err(|error| LookFailure {
                    is_missing: matches!(error, Error::NoSuchBackup { .. }),
                    failure: Failure::from(&error),
                }));
            }
            .boxed_local(),
            Asked::Work(act, number) => {
                let (jobs, known) = (self.asked.jobs.clone(), self.asked.known.clone());
                async move {
                    work(agent, *act, number, (&jobs, clock)).await;
                    known.expire();
                }
                .boxed_local()
            }
        }
    }
}

/// Does what an operator has asked for, and notes how it ended.
async fn work(agent: &Agent, act: Act, number: JobNumber, (jobs, clock): (&Jobs, Clock)) {
    let Some(job) = jobs.find(number) else {
        return;
    };
    tracing::info!(who = %job.who, "from the dashboard: {}", job.title);
    let done = caught_as_error(Box::pin(act.carry_out(agent, &job.who, &job.progress))).await;
    if let Err(error) = &done {
        let hint = error.hint();
        tracing::error!(who = %job.who, hint, "from the dashboard: {} failed: {error}", job.title);
    }
    let at = clock.now();
    let end = match done {
        Ok(done) => JobEnd {
            at,
            result: Ok(done.sentences),
            backup: done.backup,
            path: done.path,
        },
        Err(error) => JobEnd {
            at,
            result: Err(Failure::from(&error)),
            backup: None,
            path: None,
        },
    };
    jobs.end(number, end);
}

async fn look(agent: &Agent, question: &Question) -> Result<Answer> {
    match question {
        Question::Overview => Ok(Answer::Overview(agent.overview().await?)),
        Question::Database(label) => Ok(Answer::Database(Box::new(database(agent, label).await?))),
        Question::Backup(label, id) => Ok(Answer::Backup(Box::new(backup(agent, label, id).await?))),
    }
}

async fn database(agent: &Agent, label: &Label) -> Result<DatabaseAnswer> {
    let listing = agent.list(Some(label.as_str()), ListedRuns::All, RUNS_MAX).await?;
    Ok(DatabaseAnswer {
        health: agent.health_of(label).await?,
        listing,
    })
}

async fn backup(agent: &Agent, label: &Label, id: &BackupId) -> Result<BackupAnswer> {
    let of_label = Selector {
        id: Some(id.as_str()),
        before: None,
        database: Some(label.as_str()),
    };
    let shown = agent.show(of_label).await?;
    let earlier = Selector {
        id: None,
        before: Some(shown.record.started),
        database: Some(label.as_str()),
    };
    let before = match agent.show(earlier).await {
        Ok(before) => Some(before),
        Err(error @ Error::Interrupted { .. }) => return Err(error),
        // it is only compared with
        Err(_) => None,
    };
    Ok(BackupAnswer { shown, before })
}
