//! `schedule`: when databases are backed up, what that keeps, and a schedule that is stored in the bucket.

use clap::{Args, Subcommand};
use pgcoffer::{Result, agent::ScheduleChange};

use super::{context::Context, decide::who};
use crate::cli::zone::Zone;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ScheduleCommand {
    /// Show when each database is backed up and drilled, where that is set, and what is kept over a year
    Show {
        /// Of this database
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
    },
    /// Show what a schedule would keep over a year, with the backups that there are; changes nothing
    Preview {
        /// The schedule, such as "daily at 02:30 keep 7d, weekly keep 5w"
        #[arg(value_name = "SCHEDULE")]
        schedule: String,
        /// Of this database
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        /// The time zone of its times, such as Europe/Berlin
        #[arg(long, value_name = "ZONE")]
        timezone: Option<String>,
    },
    /// Store a schedule in the bucket, sealed: it counts on every machine whose own settings have none
    Set(SetArgs),
    /// Take what is stored in the bucket out of use
    Clear {
        /// Of this database
        #[arg(long, value_name = "NAME")]
        database: Option<String>,
        /// Who (default: the user who runs this)
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SetArgs {
    /// The schedule, such as "daily at 02:30 keep 7d, weekly keep 5w", or off
    #[arg(value_name = "SCHEDULE", required_unless_present_any = ["drill", "timezone"])]
    schedule: Option<String>,
    /// When backups are drilled, such as "weekly on sunday at 04:00", or off
    #[arg(long, value_name = "SCHEDULE")]
    drill: Option<String>,
    /// The time zone of both, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Of this database
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// Who (default: the user who runs this)
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Context<'_> {
    pub(super) async fn schedule(&self, command: &ScheduleCommand) -> Result<()> {
        match command {
            ScheduleCommand::Show { database } => self.show_schedules(database.as_deref(), None).await,
            ScheduleCommand::Preview {
                schedule,
                database,
                timezone,
            } => {
                let instead = ScheduleChange {
                    schedule: Some(schedule.clone()),
                    drill: None,
                    timezone: timezone.clone(),
                };
                self.show_schedules(database.as_deref(), Some(&instead)).await
            }
            ScheduleCommand::Set(args) => self.set_schedule(args).await,
            ScheduleCommand::Clear { database, by } => {
                let by = who(by.as_deref());
                let cleared = self.agent.clear_schedule(database.as_deref(), &by).await?;
                self.output.cleared_schedule(cleared.as_ref())
            }
        }
    }

    async fn show_schedules(&self, database: Option<&str>, instead: Option<&ScheduleChange>) -> Result<()> {
        let shown = self.agent.schedules(database, instead).await?;
        self.output.schedules(&shown, &Zone::of(self.agent.config()))
    }

    async fn set_schedule(&self, args: &SetArgs) -> Result<()> {
        let change = ScheduleChange {
            schedule: args.schedule.clone(),
            drill: args.drill.clone(),
            timezone: args.timezone.clone(),
        };
        let (database, by) = (args.database.as_deref(), who(args.by.as_deref()));
        let stored = self.agent.store_schedule(database, &change, &by).await?;
        let config = self.agent.config();
        let own = config.databases.iter().find(|one| one.label == stored.database);
        self.output.stored_schedule(&stored, own.map(|one| &one.origin))
    }
}
