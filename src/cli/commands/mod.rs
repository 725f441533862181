//! One file a command: its arguments, the verb of the agent, and the result as text or JSON.

mod backup;
mod check;
mod decide;
mod get;
mod keygen;
mod lifecycle;
mod list;
mod open;
mod policy;
mod prune;
mod restore;
mod serve;
mod show;
mod status;
mod thaw;
mod tick;
mod verify;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use pgcoffer::{
    Error, Result,
    agent::{Agent, Selector},
    operation::{Progress, Target},
};

pub(super) use check::CheckArgs;
pub(super) use keygen::{catalog_key, keygen, new_repository};
pub(super) use lifecycle::LifecycleCommand;
pub(super) use policy::PolicyArgs;
pub(super) use thaw::ThawArgs;

use super::{
    args::{Chosen, Cli, Command, Global},
    log,
    output::{self, Output},
    watch::watched,
};
use decide::Deciding;

/// Everything that needs the bucket, a database or time.
pub(super) async fn run(cli: &Cli, agent: &Agent) -> Result<()> {
    let context = Context {
        global: &cli.global,
        agent,
        output: Output { json: cli.global.json },
    };
    match &cli.command {
        Command::Backup(args) => context.backup(args).await,
        Command::List { database, limit } => context.list(database.as_deref(), *limit).await,
        Command::Show(chosen) => context.show(chosen).await,
        Command::Repository => context.output.repository(&agent.repository().await?),
        Command::Get {
            chosen,
            output,
            sealed,
            thaw,
        } => context.get(chosen, output.clone(), *sealed, *thaw).await,
        Command::Open { file, output } => context.open(file, output.clone()).await,
        Command::Verify { id, database, thaw } => context.verify(id, database.as_deref(), *thaw).await,
        Command::Restore(args) => context.restore(args).await,
        Command::Lifecycle(command) => context.lifecycle(command).await,
        Command::Tick(args) => context.tick(args).await,
        Command::Serve(args) => context.serve(args).await,
        Command::Status { database, notify } => context.status(database.as_deref(), *notify).await,
        Command::Check(args) => context.check(args).await,
        Command::Policy(args) => context.policy(args),
        Command::Prune {
            dry_run,
            database,
            confirm,
        } => context.prune(database.as_deref(), *dry_run, *confirm).await,
        Command::Hold { chosen, reason, by } => context.decide(chosen, Deciding::Hold(reason), by.as_deref()).await,
        Command::Release { chosen, by } => context.decide(chosen, Deciding::Release, by.as_deref()).await,
        Command::Accept { chosen, by } => context.decide(chosen, Deciding::Accept, by.as_deref()).await,
        Command::Init(_) | Command::Keygen { .. } | Command::Completions { .. } | Command::Man => {
            Err(Error::Internal("this command needs no bucket".to_owned()))
        }
    }
}

struct Context<'a> {
    global: &'a Global,
    agent: &'a Agent,
    output: Output,
}

impl Context<'_> {
    /// Shows progress while `work` runs.
    async fn watched<T>(&self, doing: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
        watched(self.global, doing, progress, work).await
    }

    /// Says on stderr what could not be delivered: the last thing before the command's own error.
    fn say_undelivered(&self) {
        let undelivered = self.agent.notifications().take_undelivered();
        output::undelivered(&undelivered, log::format(self.global.log_format));
    }

    /// Where a dump is written. Standard output takes it only where that is no terminal.
    fn target(&self, file: PathBuf) -> Result<Target> {
        if file != Path::new("-") {
            return Ok(Target::File(file));
        }
        if std::io::stdout().is_terminal() {
            return Err(usage(
                "a dump is not for a terminal",
                "give -o FILE, or pipe it into pg_restore",
            ));
        }
        if self.output.json {
            return Err(usage("--json and -o - both want standard output", "give -o FILE"));
        }
        Ok(Target::Stdout)
    }
}

impl Chosen {
    fn selector(&self) -> Selector<'_> {
        Selector {
            id: &self.id,
            database: self.database.as_deref(),
        }
    }
}

fn usage(why: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Usage {
        why: why.into(),
        hint: hint.into(),
    }
}
