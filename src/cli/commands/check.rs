//! `check`: tries everything; or prints the SQL for a role that only reads.

use clap::Args;
use pgcoffer::{Error, Result, agent::CheckOptions, exit_status::ExitStatus, operation::Finding, rights::AccessMode};

use super::{chosen_database::ChosenDatabase, context::Context};
use crate::cli::text_check::CheckLines;

/// What `check` is asked for.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    database: ChosenDatabase,
    /// What the bucket's credentials are for: full, drop-box, prune or restore (default: PGCOFFER_MODE, else found out)
    #[arg(long, value_name = "MODE")]
    mode: Option<AccessMode>,
    /// Check nothing, and print the SQL by which the database's owner makes a role that can read all of it and change
    /// nothing
    #[arg(long)]
    fix_sql: bool,
    /// The role that --fix-sql is about (default: the one in the URL; where that is the owner, pgcoffer)
    #[arg(long, value_name = "ROLE", requires = "fix_sql")]
    role: Option<String>,
    /// Send a test to everybody who is told of backups
    #[arg(long, conflicts_with = "fix_sql")]
    notify: bool,
}

impl Context<'_> {
    pub(super) async fn check(&self, args: &CheckArgs) -> Result<()> {
        let database = args.database.label();
        if args.fix_sql {
            let (label, role, sql) = self.agent.reader_sql(database, args.role.as_deref()).await?;
            return self.output.reader_sql(&label, &role, &sql);
        }
        let options = CheckOptions {
            database,
            mode: args.mode,
            notify: args.notify,
        };
        let lines = CheckLines::new(self.output.json);
        let report = self
            .agent
            .check(options, &|finding: &Finding| lines.tell(finding))
            .await?;
        self.output.checked(&report)?;
        match report.is_good() {
            true => Ok(()),
            false => Err(Error::Problems {
                what: "not everything that was tried works: see above".to_owned(),
                exit_status: ExitStatus::Problem,
            }),
        }
    }
}
