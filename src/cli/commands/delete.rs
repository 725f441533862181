//! `delete`: one backup, once that is confirmed.

use std::io::IsTerminal as _;

use clap::Args;
use jiff::Timestamp;
use pgcoffer::{Error, Result, backup::BackupId, exit_status::ExitStatus, operation::DeletionFacts};

use super::{
    chosen::Named,
    context::{Context, usage},
    restore::ask,
};
use crate::cli::{screen, text_delete};

#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArgs {
    #[command(flatten)]
    chosen: Named,
    /// Show what would be deleted and what is left then, and delete nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Delete it without asking
    #[arg(short = 'y', long)]
    yes: bool,
    /// Delete it although it is the last good backup, or fewer are left than PGCOFFER_KEEP_LAST keeps: what is lost is
    /// said
    #[arg(long)]
    force: bool,
}

impl Context<'_> {
    pub(super) async fn delete(&self, args: &DeleteArgs) -> Result<()> {
        check_confirmation(args)?;
        let request = self
            .agent
            .deletion(args.chosen.selector(self.agent.config())?, args.force)
            .await?;
        check_names_one(args, &request.id)?;
        let planned = self.agent.plan_deletion(&request).await?;
        if args.dry_run {
            return self.output.deletion(&planned.into_report());
        }
        match args.yes {
            true => note_loss(planned.facts()),
            false => self.confirm_deletion(planned.facts()).await?,
        }
        let report = self.agent.delete(planned, &request).await?;
        self.output.deletion(&report)?;
        match report.troubles.is_empty() {
            true => Ok(()),
            false => Err(Error::Problems {
                what: "not everything could be deleted: see above".to_owned(),
                exit_status: ExitStatus::Bucket,
            }),
        }
    }

    /// Has `yes` typed; where something is lost for good, the name of the database, which nobody types half asleep.
    async fn confirm_deletion(&self, facts: &DeletionFacts) -> Result<()> {
        let wanted = match facts.forced.is_empty() {
            true => "yes",
            false => facts.database.as_str(),
        };
        let question = text_delete::question(facts, wanted, Timestamp::now());
        let given = ask(self.agent.interrupt(), question, "nothing was deleted").await?;
        match given == wanted {
            true => Ok(()),
            false => Err(usage(
                format!("{given:?} is not {wanted:?}: nothing was deleted"),
                "--dry-run shows what would be deleted; --yes asks nothing",
            )),
        }
    }
}

/// Whether a confirmation was given, or can be asked for. Before anything else, since it needs nothing else.
fn check_confirmation(args: &DeleteArgs) -> Result<()> {
    if args.dry_run {
        return Ok(());
    }
    match (args.yes, std::io::stdin().is_terminal()) {
        (true, _) if args.chosen.is_latest() => Err(usage(
            "--yes asks nothing, and the newest backup is another one each time",
            "give its whole id: `pgcoffer list --wide` shows it",
        )),
        (false, false) if args.chosen.is_latest() => Err(usage(
            "deleting a backup needs a confirmation",
            "give its whole id, which `pgcoffer list --wide` shows, and add --yes",
        )),
        (false, false) => {
            let named = args.chosen.text();
            let hint = match BackupId::parse(named) {
                Ok(id) => format!("add --yes: `pgcoffer delete {id} --yes`"),
                // a part may mean another one when the script runs again, and --yes takes none
                Err(_) => "give the whole id, which `pgcoffer list --wide` shows, and add --yes".to_owned(),
            };
            Err(usage("deleting a backup needs a confirmation", hint))
        }
        _ => Ok(()),
    }
}

/// Whether what was typed means the same backup each time, where nothing is asked.
fn check_names_one(args: &DeleteArgs, id: &BackupId) -> Result<()> {
    let part = args.chosen.text();
    match args.dry_run || !args.yes || id.is_named_by(part) {
        true => Ok(()),
        false => Err(usage(
            format!("--yes asks nothing, and {part} is a part of an id, which may mean another backup each time"),
            format!("give the whole id: `pgcoffer delete {id} --yes`"),
        )),
    }
}

fn note_loss(facts: &DeletionFacts) {
    for loss in &facts.forced {
        screen::message(&format!("warning: {loss}"));
    }
}
