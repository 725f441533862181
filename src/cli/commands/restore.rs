//! Restores, which want to be confirmed.

use std::{
    io::{BufRead as _, IsTerminal as _},
    num::NonZeroUsize,
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use pgcoffer::{
    Error, Result,
    backup::Record,
    exit_status::ExitStatus,
    operation::{Interrupt, MissingRoles, Pattern, PreparedRestore, Progress, RestoreRequest, SchemaName, TableName},
    postgres::{self, DatabaseUrl},
    text::shell_word,
};

use super::{
    chosen::Chosen,
    context::{Context, usage},
    target_url::{check_is_no_url, target_url},
    thaw::ThawArgs,
};
use crate::cli::{screen, signals::Question, statements, text_restore};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RolesArg {
    Create,
    Skip,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RestoreArgs {
    #[command(flatten)]
    pub(in crate::cli) chosen: Chosen,
    /// The database to restore into; `env:NAME` takes the URL from that variable, which keeps its password out of the
    /// list of processes
    #[arg(long, value_name = "URL", required_unless_present = "contents")]
    to: Option<String>,
    /// The name of that database, instead of typing it when asked
    #[arg(long, value_name = "DBNAME")]
    confirm: Option<String>,
    /// Drop what the backup holds from the target first, instead of refusing a target that isn't empty
    #[arg(long)]
    clean: bool,
    /// All or nothing, in one transaction; with --clean, and for a part, that is the default
    #[arg(long, conflicts_with_all = ["no_single_transaction", "keep_going"])]
    single_transaction: bool,
    /// Not in one transaction; with --clean, should it fail, some of what the target held is gone
    #[arg(long)]
    no_single_transaction: bool,
    /// Go on after what can't be restored; name it at the end, and end with status 9
    #[arg(long)]
    keep_going: bool,
    /// Load the rows of so many tables at once, and make as many indexes at once; needs as many connections and one more,
    /// and no disk. Not in one transaction
    #[arg(short, long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Go on with a restore of this backup that was interrupted: what the target has of it already is compared and passed
    /// over; refused where the target holds anything else
    #[arg(long, conflicts_with_all = ["clean", "single_transaction", "table", "schema", "only", "beside", "contents"])]
    resume: bool,
    /// Leave this out: KIND or KIND:NAME, such as event-trigger, extension:postgis or schema:auth; may be repeated
    #[arg(long, value_name = "KIND[:NAME]")]
    leave_out: Vec<Pattern>,
    /// Restore only this table, what belongs to it and what that needs, also into a database that is in use, where
    /// nothing is overwritten; of the backup no more is read than that takes. May be repeated
    #[arg(long, value_name = "SCHEMA.TABLE")]
    table: Vec<TableName>,
    /// The same for everything in this schema; may be repeated
    #[arg(long, value_name = "NAME")]
    schema: Vec<SchemaName>,
    /// The same for anything, by kind and name; may be repeated
    #[arg(long, value_name = "KIND[:NAME]")]
    only: Vec<Pattern>,
    /// Of these tables, only the rows and the values of their sequences, into tables of the target that are empty
    #[arg(long)]
    data_only: bool,
    /// Restore the rows of the one --table as a new table of this name, beside what the target has
    #[arg(
        long = "as",
        value_name = "[SCHEMA.]NAME",
        requires = "table",
        conflicts_with_all = ["schema", "only", "data_only", "clean", "leave_out", "keep_owner", "keep_acl"],
    )]
    beside: Option<TableName>,
    /// List the tables of the backup and what belongs to each, and restore nothing
    #[arg(long, conflicts_with_all = ["to", "confirm", "preview"])]
    contents: bool,
    /// Roles that policies, user mappings or owners name and that the target lacks: make them without a login, or leave
    /// out what names them
    #[arg(long, value_name = "HOW")]
    roles: Option<RolesArg>,
    /// Show what would be restored and what not, and touch nothing; the exit status is that of the restore: 0, 3 or 9
    #[arg(short = 'n', long = "dry-run", visible_alias = "preview")]
    preview: bool,
    /// Where the statements of what was not restored are written (default: DATABASE-ID.not-restored.sql)
    #[arg(long, value_name = "FILE")]
    statements: Option<PathBuf>,
    /// Keep owners as they were: every role must exist
    #[arg(long)]
    keep_owner: bool,
    /// Keep privileges as they were: every role must exist
    #[arg(long)]
    keep_acl: bool,
    /// Leave all comments out
    #[arg(long)]
    no_comments: bool,
    #[command(flatten)]
    thaw: ThawArgs,
}

impl Context<'_> {
    pub(super) async fn restore(&self, args: &RestoreArgs) -> Result<()> {
        let selector = args.chosen.selector(self.agent.config())?;
        check_is_no_url(selector.id.unwrap_or_default())?;
        let Some(to) = &args.to else {
            return self.contents(args).await;
        };
        let request = request(target_url(to)?, args)?;
        let record = self.agent.find_to("restore", selector).await?;
        self.check_confirmation(&request.target, args)?;
        if args.thaw.may_take_long() {
            let checked = self.agent.check_target(&record, &request).await;
            self.note_source(&checked, &request.target).await?;
            checked?;
        }
        self.agent.thaw(&record, &args.thaw.request()).await?;
        let prepared = self.agent.prepare_restore(&record, &request).await;
        self.note_source(&prepared, &request.target).await?;
        let prepared = prepared?;
        if args.preview {
            let is_chosen = !request.only.is_empty();
            let preview = self.agent.preview_restore(&prepared).await?;
            self.output.restore_preview(&preview, is_chosen)?;
            if let Some(refusal) = prepared.refusal() {
                return Err(refusal);
            }
            return all_or_status(prepared.is_complete(), "would be");
        }
        self.confirm(&record, &request, &prepared, args).await?;
        let progress = Progress::default();
        let work = self.agent.restore(prepared, &progress);
        let report = self.watched("restore", &progress, work).await?;
        let file = statements::written(&report, args.statements.as_deref());
        self.output
            .restored(&report, file.as_deref(), args.chosen.place_to_read())?;
        all_or_status(report.complete, "could be")
    }

    /// Of a target that is refused because it holds something: says first if it is a database that is backed up.
    async fn note_source<T>(&self, outcome: &Result<T>, target: &DatabaseUrl) -> Result<()> {
        if let Err(Error::Postgres(postgres::Error::TargetNotEmpty { .. })) = outcome
            && let Some(label) = self.agent.database_at(target).await?
        {
            screen::message(&text_restore::leads_to_a_source(&label));
        }
        Ok(())
    }

    /// Lists what is inside. An archive in cold storage is not asked for: its details say most of it.
    async fn contents(&self, args: &RestoreArgs) -> Result<()> {
        let record = self
            .agent
            .find_to("look into", args.chosen.selector(self.agent.config())?)
            .await?;
        self.output.contents(&self.agent.contents(&record).await?)
    }

    /// Whether a confirmation was given, or can be asked for. Once it is clear which backup is meant, and before anything
    /// that takes long.
    fn check_confirmation(&self, target: &DatabaseUrl, args: &RestoreArgs) -> Result<()> {
        let name = target.database();
        match &args.confirm {
            Some(given) if given == name => Ok(()),
            Some(given) => Err(not_the_name(given, name)),
            None if args.preview || std::io::stdin().is_terminal() => Ok(()),
            None => Err(usage(
                format!("restoring into {target} needs a confirmation"),
                format!("add --confirm {}", shell_word(name)),
            )),
        }
    }

    /// Has the name of the target typed, so that nobody restores into the wrong database half asleep.
    async fn confirm(
        &self,
        record: &Record,
        request: &RestoreRequest,
        prepared: &PreparedRestore<'_>,
        args: &RestoreArgs,
    ) -> Result<()> {
        let source = match request.clean {
            true => self.agent.database_at(&request.target).await?,
            false => None,
        };
        if args.confirm.is_some() {
            if let Some(label) = source {
                screen::message(&text_restore::is_a_source(&label));
            }
            return Ok(());
        }
        let question = text_restore::question(record, request, prepared, source.as_deref());
        let given = ask(self.agent.interrupt(), question, "nothing was restored").await?;
        let name = request.target.database();
        match given == name {
            true => Ok(()),
            false => Err(not_the_name(&given, name)),
        }
    }
}

/// A preview ends as the restore would, so that a script can ask beforehand.
fn all_or_status(is_complete: bool, verb: &str) -> Result<()> {
    match is_complete {
        true => Ok(()),
        false => Err(Error::Problems {
            what: format!("not all of the backup {verb} restored; what is missing is named above"),
            exit_status: ExitStatus::Incomplete,
        }),
    }
}

fn request(target: DatabaseUrl, args: &RestoreArgs) -> Result<RestoreRequest> {
    let tables = args.table.iter().cloned().map(Pattern::table);
    let schemas = args.schema.iter().cloned().map(Pattern::schema);
    let only: Vec<Pattern> = tables.chain(schemas).chain(args.only.iter().cloned()).collect();
    let is_part = !only.is_empty();
    if args.clean && is_part {
        return Err(usage(
            "--clean replaces everything that is restored, and of a part that is also what is merely needed",
            "restore the part without --clean: into a new database and carry over from there, or by --as NAME beside \
             what is there",
        ));
    }
    if args.data_only && !is_part {
        return Err(usage(
            "--data-only loads the rows of some tables, and none is named",
            "add --table SCHEMA.TABLE, or --schema NAME",
        ));
    }
    if args.clean && args.keep_going && !args.no_single_transaction {
        return Err(usage(
            "--clean is one transaction, and --keep-going can't go on in one",
            "restore into a new database by --keep-going; or add --no-single-transaction, should it not matter that \
             some of what the target holds may be lost",
        ));
    }
    let request = RestoreRequest {
        target,
        clean: args.clean,
        single_transaction: args.single_transaction
            || ((args.clean || is_part) && !args.no_single_transaction && !args.keep_going),
        keep_owner: args.keep_owner,
        keep_acl: args.keep_acl,
        no_comments: args.no_comments,
        leave_out: args.leave_out.clone(),
        only,
        data_only: args.data_only,
        beside: args.beside.clone(),
        resume: args.resume,
        jobs: NonZeroUsize::new(usize::from(args.jobs)).unwrap_or(NonZeroUsize::MIN),
        roles: match args.roles {
            None => MissingRoles::Refuse,
            Some(RolesArg::Create) => MissingRoles::Create,
            Some(RolesArg::Skip) => MissingRoles::Skip,
        },
        keep_going: args.keep_going,
        made_for_it: false,
        own_tables_only: false,
        preview: args.preview,
    };
    request.check()?;
    Ok(request)
}

fn not_the_name(given: &str, name: &str) -> Error {
    usage(
        format!("{given:?} is not the name of the target database, {name:?}: nothing was done"),
        format!("give the name of the database that --to leads to, {name}, if that is the one to restore into"),
    )
}

/// The answer to a question. Who stops it is told that `nothing` was done: nothing is under way while a question stands.
pub(super) async fn ask(interrupt: &Interrupt, question: String, nothing: &str) -> Result<String> {
    let standing = Question::stands();
    let answer = interrupt.or(answer(question)).await;
    drop(standing);
    if let Err(Error::Interrupted { .. }) = answer {
        screen::note(&format!("\n{nothing}"));
    }
    answer
}

async fn answer(question: String) -> Result<String> {
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
