//! `backup`: one backup now.

use pgcoffer::{Result, agent::BackupOptions, operation::Progress};

use super::Context;
use crate::cli::args::BackupArgs;

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
            part_bytes: args.part_size.map(|mib| mib << 20),
        };
        let progress = Progress::default();
        let work = self.agent.backup(&options, &progress);
        let taken = self.watched("backup", &progress, work).await?;
        self.output.backup(&taken, self.agent.location()?)
    }
}
