//! Asks the agent, and carries out what operators ask for, beside the rounds of `serve`.
//!
//! **What is asked for is in the audit trail before it is done**: an entry says who asks for what, and nothing is done if
//! that can't be written. So nobody acts unseen by having writes of the trail refused. A second entry says how it ended.
//! It can't be a condition, as the work is done by then: where it can't be written, the log and the page say so, and the
//! trail shows that it was asked for. The same is seen of what was killed in the middle.
//!
//! Who signs in, or fails to, is noted without anybody waiting for it: a bucket that can't be written is what people sign
//! in to see, so it keeps nobody out. Signing in alone does nothing, and the log has it as well.

use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::sync::oneshot;

use super::{
    act::Act,
    asker::Asker,
    done::Done,
    jobs::{Job, JobEnd, JobNumber, Jobs},
    looks::{Asked, AskedOfRunner, Looked},
    shown::{Answer, BackupAnswer, DatabaseAnswer, LookFailure, Question, ScheduleAnswer},
};
use crate::{
    agent::{Agent, ScheduleChange, Selector},
    backup::{AuditEvent, AuditOutcome, BackupId, Failure, Label},
    catalog::ListedRuns,
    error::{Error, Result},
    metrics::Monitor,
    operation::Clock,
    panics::caught_as_error,
};

/// The newest runs of a database that its page knows.
const RUNS_MAX: usize = 1000;
/// Looks at once, each of which holds a page.
const LOOKS_AT_ONCE_MAX: usize = 6;
/// Pieces of work at once, each with the memory of a backup at the most. They have places of their own, so that looks
/// into a bucket that hangs keep nobody from acting.
const WORK_AT_ONCE_MAX: usize = 8;
/// The lines of the audit trail that its page has.
const AUDIT_LINES_MAX: usize = 100;
/// How often what was counted is looked at.
const TALLY_EVERY: Duration = Duration::from_secs(15);
/// How long after its beginning, and how often then, old entries of the trail are deleted.
const PRUNE_AFTER: Duration = Duration::from_secs(3600);
const PRUNE_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Asks the agent, and carries out what operators ask for. It shares a thread with the rounds of `serve`, so the agent
/// is nobody else's at the same moment.
pub struct Runner<'a> {
    agent: &'a Agent,
    asked: AskedOfRunner,
    monitor: Monitor,
    clock: Clock,
}

impl<'a> Runner<'a> {
    pub(super) fn new(agent: &'a Agent, asked: AskedOfRunner, monitor: &Monitor, clock: Clock) -> Self {
        Self {
            agent,
            asked,
            monitor: monitor.clone(),
            clock,
        }
    }

    /// Runs until the agent's interrupt is raised; then what goes on ends, and cleans up. `prunes`: whether entries of
    /// the audit trail are deleted when they are old.
    pub async fn run(mut self, prunes: bool) {
        let mut running: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        let mut looking: FuturesUnordered<LocalBoxFuture<'_, ()>> = FuturesUnordered::new();
        let interrupt = self.agent.interrupt();
        let mut counted = tokio::time::interval(TALLY_EVERY);
        let mut next_prune = Instant::now() + PRUNE_AFTER;
        loop {
            let has_room = running.len() < WORK_AT_ONCE_MAX;
            tokio::select! {
                _ = interrupt.raised() => break,
                Some(()) = running.next(), if !running.is_empty() => {}
                Some(()) = looking.next(), if !looking.is_empty() => {}
                _ = counted.tick(), if has_room => {
                    running.extend(self.asked.tally.due(Instant::now()).into_iter().map(|event| self.noted(event)));
                    if prunes && Instant::now() >= next_prune {
                        next_prune = Instant::now() + PRUNE_EVERY;
                        running.push(self.pruned());
                    }
                }
                asked = self.asked.requests.recv(), if has_room => match asked {
                    Some(asked) => running.push(self.carried_out(asked)),
                    None => break,
                },
                asked = self.asked.looks.recv(), if looking.len() < LOOKS_AT_ONCE_MAX => match asked {
                    Some((question, reply)) => looking.push(self.looked(question, reply)),
                    None => break,
                },
            }
        }
        running.extend(self.asked.tally.rest().into_iter().map(|event| self.noted(event)));
        while let Ok(asked) = self.asked.requests.try_recv() {
            if let Asked::Note(event) = asked {
                running.push(self.noted(*event));
            }
        }
        while running.next().await.is_some() {}
        while looking.next().await.is_some() {}
    }

    fn looked(&self, question: Question, reply: oneshot::Sender<Looked>) -> LocalBoxFuture<'a, ()> {
        let agent = self.agent;
        async move {
            let looked = caught_as_error(Box::pin(look(agent, &question))).await;
            // whoever asked may be gone, and the answer is of use all the same
            let _ = reply.send(looked.map_err(|error| LookFailure {
                is_missing: matches!(error, Error::NoSuchBackup { .. }),
                failure: Failure::from(&error),
            }));
        }
        .boxed_local()
    }

    /// Writes an entry of the trail for which nobody waits.
    fn noted(&self, event: AuditEvent) -> LocalBoxFuture<'a, ()> {
        let agent = self.agent;
        async move {
            if let Err(error) = caught_as_error(agent.note_audit(event)).await {
                tracing::warn!("who has signed in, tried to, or joined a job can't be written into the trail: {error}");
            }
        }
        .boxed_local()
    }

    fn pruned(&self) -> LocalBoxFuture<'a, ()> {
        let agent = self.agent;
        async move {
            match caught_as_error(agent.prune_audit(false)).await {
                Ok(_) | Err(Error::Interrupted { .. }) => {}
                Err(error) => tracing::warn!("nothing old of the audit trail was deleted: {error}"),
            }
        }
        .boxed_local()
    }

    fn carried_out(&self, asked: Asked) -> LocalBoxFuture<'a, ()> {
        let (agent, clock) = (self.agent, self.clock);
        match asked {
            Asked::Note(event) => self.noted(*event),
            Asked::Work(act, number, asker) => {
                let (jobs, known) = (self.asked.jobs.clone(), self.asked.known.clone());
                let rounds = matches!(*act, Act::Schedule(..)).then(|| self.monitor.clone());
                async move {
                    work(agent, (*act, &asker), number, (&jobs, clock)).await;
                    known.expire();
                    // what is due by another schedule is made now
                    if let Some(rounds) = rounds {
                        rounds.want_round();
                    }
                }
                .boxed_local()
            }
        }
    }
}

/// Does what an operator has asked for, and notes how it ended.
async fn work(agent: &Agent, (act, asker): (Act, &Asker), number: JobNumber, (jobs, clock): (&Jobs, Clock)) {
    let Some(job) = jobs.find(number) else {
        return;
    };
    let (title, who) = (&job.title, &asker.name);
    tracing::info!(%who, "from the dashboard: {title}");
    let done = carried_out(agent, (&act, asker), &job).await;
    if let Err(failure) = &done {
        let hint = failure.hint.as_ref().map(ToString::to_string);
        tracing::error!(%who, hint, "from the dashboard: {title} failed: {}", failure.error);
    }
    let at = clock.now();
    let end = match done {
        Ok(done) => JobEnd {
            at,
            result: Ok(done.sentences),
            backup: done.backup,
            path: done.path,
        },
        Err(failure) => JobEnd {
            at,
            result: Err(failure),
            backup: None,
            // what it is about, where the way out often is
            path: act.path(),
        },
    };
    jobs.end(number, end);
}

/// Writes into the audit trail that it is asked for, does it, and writes there how it ended.
async fn carried_out(agent: &Agent, (act, asker): (&Act, &Asker), job: &Job) -> std::result::Result<Done, Failure> {
    let asks = asker.asks(act).bounded();
    let written = caught_as_error(agent.write_audit(asks.clone(), None)).await;
    let asked = written.map_err(|error| {
        let failure = Failure::from(&error);
        let why = format!("nothing was done, as the audit trail can't be written: {error}");
        Failure {
            error: why.into(),
            ..failure
        }
    })?;
    let done = caught_as_error(Box::pin(act.carry_out(agent, &asker.name, &job.progress))).await;
    let mut done = done.map_err(|error| Failure::from(&error));
    let ends = match &done {
        // what came of it is named, as the backup that was made
        Ok(done) => AuditEvent {
            backup: asks.backup.clone().or_else(|| done.backup.clone()),
            ..asks.ended(AuditOutcome::Done, None)
        },
        Err(failure) => asks.ended(AuditOutcome::Failed, Some(failure.error.first_line())),
    };
    if let Err(error) = caught_as_error(agent.write_audit(ends, Some(&asked))).await {
        tracing::error!("how it ended can't be written into the audit trail: {error}");
        if let Ok(done) = &mut done {
            let sentence = "The audit trail says that it was asked for, and could not be told how it ended.";
            done.sentences.push(sentence.to_owned());
        }
    }
    done
}

async fn look(agent: &Agent, question: &Question) -> Result<Answer> {
    match question {
        Question::Overview => Ok(Answer::Overview(agent.overview().await?)),
        Question::Labels => Ok(Answer::Labels(agent.known_labels().await?)),
        Question::Schedule(label, change) => {
            let schedule = schedule(agent, label, change.as_ref()).await?;
            Ok(Answer::Schedule(Box::new(schedule)))
        }
        Question::Audit => Ok(Answer::Audit(agent.audit(AUDIT_LINES_MAX).await?)),
        Question::Database(label) => Ok(Answer::Database(Box::new(database(agent, label).await?))),
        Question::Backup(label, id) => Ok(Answer::Backup(Box::new(backup(agent, label, id).await?))),
    }
}

async fn schedule(agent: &Agent, label: &Label, change: Option<&ScheduleChange>) -> Result<ScheduleAnswer> {
    let none = || Error::Internal("no schedule of a database".to_owned());
    let shown = agent
        .schedules(Some(label.as_str()), None)
        .await?
        .pop()
        .ok_or_else(none)?;
    let preview = match change {
        None => None,
        Some(change) => match agent.schedules(Some(label.as_str()), Some(change)).await {
            Ok(mut shown) => Some(Ok(shown.pop().ok_or_else(none)?)),
            // what was filled in is no schedule
            Err(error @ Error::Usage { .. }) => Some(Err(Failure::from(&error))),
            Err(error) => return Err(error),
        },
    };
    let prune = match agent.prune_preview(label).await {
        Err(error @ Error::Interrupted { .. }) => return Err(error),
        pruned => pruned.map_err(|error| Failure::from(&error)),
    };
    Ok(ScheduleAnswer { shown, preview, prune })
}

async fn database(agent: &Agent, label: &Label) -> Result<DatabaseAnswer> {
    let listing = agent.list(Some(label.as_str()), ListedRuns::All, RUNS_MAX).await?;
    Ok(DatabaseAnswer {
        health: agent.health_of(label).await?,
        listing,
        schedule: agent.current().database(label).and_then(|one| one.schedule.clone()),
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
