//! One file a command: its arguments, the verb of the agent, and the result as text or JSON.

pub(super) mod audit;
pub(super) mod backup;
mod bucket_facts;
pub(super) mod certificate;
mod certificate_verify;
pub(super) mod check;
pub(super) mod chosen;
mod chosen_database;
mod context;
pub(super) mod copy;
pub(super) mod dashboard;
mod decide;
pub(super) mod delete;
pub(super) mod diff;
pub(super) mod drill;
pub(super) mod from_place;
pub(super) mod get;
mod kept_for;
mod keygen;
pub(super) mod lifecycle;
pub(super) mod list;
mod open;
pub(super) mod policy;
pub(super) mod prune;
pub(super) mod restore;
pub(super) mod retain;
pub(super) mod schedule;
pub(super) mod serve;
mod sheet_facts;
pub(super) mod show;
pub(super) mod status;
mod target_url;
pub(super) mod thaw;
pub(super) mod tick;
pub(super) mod verify;

use pgcoffer::{Error, Result, agent::Agent};

pub(super) use certificate_verify::{VerifiedFile, verify_certificates};
pub(super) use dashboard::{dashboard_open, dashboard_password, dashboard_token};
pub(super) use keygen::{catalog_key, keygen, new_repository};

use super::{
    args::{Cli, Command},
    output::Output,
};
use context::Context;
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
        Command::List(args) => context.list(args).await,
        Command::Show(args) => context.show(args).await,
        Command::Diff(args) => context.diff(args).await,
        Command::Repository => context.output.repository(&agent.repository().await?),
        Command::Get {
            chosen,
            output,
            sealed,
            rows,
            thaw,
        } => match &rows.table {
            Some(table) => {
                context
                    .get_table(chosen, (table, rows.format), output.clone(), *thaw)
                    .await
            }
            None => context.get(chosen, output.clone(), *sealed, *thaw).await,
        },
        Command::Open { file, output } => context.open(file, output.clone()).await,
        Command::Verify {
            chosen,
            deep,
            sample,
            thaw,
        } => context.verify(chosen, *deep, *sample, *thaw).await,
        Command::Drill(args) => context.drill(args).await,
        Command::Copy(args) => context.copy(args).await,
        Command::Certificate(command) => context.certificate(command).await,
        Command::Restore(args) => context.restore(args).await,
        Command::Lifecycle(command) => context.lifecycle(command).await,
        Command::Tick(args) => context.tick(args).await,
        Command::Serve(args) => context.serve(args).await,
        Command::Audit(args) => context.audit(args).await,
        Command::Status(args) => context.status(args).await,
        Command::Schedule(command) => context.schedule(command).await,
        Command::Check(args) => context.check(args).await,
        Command::SheetFacts => context.sheet_facts().await,
        Command::BucketFacts => context.bucket_facts().await,
        Command::Policy(args) => context.policy(args),
        Command::Prune(args) => context.prune(args).await,
        Command::Delete(args) => context.delete(args).await,
        Command::Retain(args) => context.retain(args).await,
        Command::Hold { chosen, reason, by } => context.decide(chosen, Deciding::Hold(reason), by.as_deref()).await,
        Command::Release { chosen, by } => context.decide(chosen, Deciding::Release, by.as_deref()).await,
        Command::Accept { chosen, by } => context.decide(chosen, Deciding::Accept, by.as_deref()).await,
        Command::Init(_)
        | Command::Dashboard(_)
        | Command::Keygen { .. }
        | Command::Completions { .. }
        | Command::Complete { .. }
        | Command::Man { .. }
        | Command::Version => Err(Error::Internal("this command needs no bucket".to_owned())),
    }
}
