//! `backup`: one backup now.

use clap::Args;
use jiff::SignedDuration;
use pgcoffer::{
    Result,
    agent::{AskedBackup, BackupOptions},
    backup::{Retention, Tier, parse_interval},
    operation::Progress,
};

use super::{context::Context, kept_for::kept_for};
use crate::cli::output::KeptAs;

#[derive(Debug, Args)]
pub(in crate::cli) struct BackupArgs {
    /// The database's label (default: the only one there is)
    #[arg(value_name = "DB")]
    label: Option<String>,
    /// The same, as other commands take it
    #[arg(long = "database", value_name = "NAME", conflicts_with = "label")]
    database: Option<String>,
    /// The tier under which it stands: manual, hourly, daily, weekly, monthly, yearly
    #[arg(long, default_value_t = Tier::Manual)]
    tier: Tier,
    /// How long it is kept: 24h, 7d, 5w, 12mo, 7y, forever, or among so many of its tier: newest:24 (default:
    /// PGCOFFER_RETAIN_MANUAL, 90d)
    #[arg(long, value_name = "RETENTION", value_parser = kept_for)]
    retain: Option<Retention>,
    /// Make none where a good one was made so short a time ago, such as 10m, and say which; wait for a run that is in
    /// progress. For events: a hundred at once make one backup
    #[arg(long, value_name = "TIME", value_parser = parse_interval)]
    at_most_every: Option<SignedDuration>,
    /// none, zstd, zstd:1 to zstd:19, over PGCOFFER_COMPRESSION
    #[arg(long, value_name = "HOW")]
    compression: Option<String>,
    /// Part size of the upload in MiB (default: chosen from the size of the last backup)
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(5..=1024))]
    part_size: Option<u64>,
}

impl Context<'_> {
    pub(super) async fn backup(&self, args: &BackupArgs) -> Result<()> {
        let result = self.take_backup(args).await;
        self.say_undelivered();
        result
    }

    async fn take_backup(&self, args: &BackupArgs) -> Result<()> {
        let options = BackupOptions {
            database: args.label.as_ref().or(args.database.as_ref()).cloned(),
            tier: args.tier,
            retention: args.retain,
            compression: args.compression.clone(),
            at_most_every: args.at_most_every,
            part_bytes: args.part_size.map(|mib| mib << 20),
        };
        let progress = Progress::default();
        let work = self.agent.backup(&options, &progress);
        let taken = self.watched("backup", &progress, work).await?;
        match taken.asked {
            AskedBackup::Made(made) => {
                let kept_as = match (args.retain, self.agent.config().retains_by_default) {
                    (Some(_), _) => KeptAs::Asked,
                    (None, true) => KeptAs::Default,
                    (None, false) => KeptAs::Setting,
                };
                let location = self.agent.location()?;
                self.output.backup(&made, &taken.copies, location, kept_as)
            }
            AskedBackup::Recent(recent) => self.output.recent_backup(&recent),
        }
    }
}
