//! Restores, which want to be confirmed.

use std::{
    ffi::OsString,
    io::{BufRead as _, IsTerminal as _},
};

use pgcoffer::{
    Error, Result,
    backup::Record,
    config::trimmed,
    operation::{self, Progress, RestoreRequest},
    postgres::DatabaseUrl,
};

use super::{Context, usage};
use crate::cli::{args::RestoreArgs, screen, watch::watched};

impl Context<'_> {
    pub(super) async fn restore(&self, args: &RestoreArgs) -> Result<()> {
        let target = target_url(&args.to)?;
        let catalog = self.catalog().await?;
        let record = self
            .find(&catalog, &args.chosen.id, args.chosen.database.as_deref())
            .await?;
        self.confirm(&record, &target, args).await?;
        let request = RestoreRequest {
            target,
            clean: args.clean,
            single_transaction: args.single_transaction,
            keep_owner: args.keep_owner,
            keep_acl: args.keep_acl,
            no_comments: args.no_comments,
        };
        let clients = self.clients().await?;
        if args.thaw.may_take_long() {
            let look = operation::check_target(&clients, &record, &request);
            self.interrupt.or(look).await?;
        }
        self.thaw(&catalog, &record, args.thaw).await?;
        let progress = Progress::default();
        let work = operation::restore(
            &catalog,
            &clients,
            &record,
            &request,
            &progress,
            self.interrupt,
        );
        let report = watched(&self.cli.global, "restore", &progress, work).await?;
        self.output.restored(&report)
    }

    /// Has the name of the target typed or given, so that nobody restores into the wrong database half asleep.
    async fn confirm(
        &self,
        record: &Record,
        target: &DatabaseUrl,
        args: &RestoreArgs,
    ) -> Result<()> {
        let name = target.database().to_owned();
        let given = match &args.confirm {
            Some(given) => given.clone(),
            None if std::io::stdin().is_terminal() => {
                let what = if args.clean {
                    "what is there is dropped first"
                } else {
                    "it must be empty"
                };
                let question = format!(
                    "Restore {} of {} into {target} ({what}).\nType the name of the target database to go on: ",
                    record.id, record.database
                );
                self.interrupt.or(ask(question)).await?
            }
            None => {
                return Err(usage(
                    format!("restoring into {target} needs a confirmation"),
                    format!("add --confirm {name}"),
                ));
            }
        };
        if given == name {
            Ok(())
        } else {
            Err(usage(
                format!(
                    "{given:?} is not the name of the target database, {name:?}: nothing was done"
                ),
                "compare --to with --confirm",
            ))
        }
    }
}

/// The target's URL: as given, or from a variable.
fn target_url(text: &str) -> Result<DatabaseUrl> {
    let Some(name) = text.strip_prefix("env:") else {
        return Ok(DatabaseUrl::parse(text).map_err(pgcoffer::postgres::Error::from)?);
    };
    let value = std::env::var_os(name)
        .map(OsString::into_string)
        .and_then(std::result::Result::ok);
    let value = value.ok_or_else(|| {
        usage(
            format!("--to names the variable {name}, which is not set"),
            format!("set {name} to the target's URL"),
        )
    })?;
    let url = DatabaseUrl::parse(trimmed(&value));
    Ok(url.map_err(pgcoffer::postgres::Error::from)?)
}

async fn ask(question: String) -> Result<String> {
    let answer = tokio::task::spawn_blocking(move || {
        screen::ask(&question)?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    });
    let answer = answer.await?;
    answer.map_err(|source| Error::Io {
        doing: "read the answer".to_owned(),
        source,
    })
}
