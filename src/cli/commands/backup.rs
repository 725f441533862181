//! `backup`: one backup now.

use std::ops::RangeInclusive;

use clap::Args;
use jiff::SignedDuration;
use pgcoffer::{
    Result,
    agent::{AskedBackup, BackupOptions},
    backup::{Retention, Tier},
    operation::Progress,
};

use super::{context::Context, kept_for::kept_for};

/// The intervals that make sense between two backups.
const INTERVALS: RangeInclusive<SignedDuration> = SignedDuration::from_secs(1)..=SignedDuration::from_hours(24 * 366);

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
    #[arg(long, value_name = "TIME", value_parser = interval)]
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
                let copies = &taken.copies;
                self.output
                    .backup(&made, copies, self.agent.location()?, args.retain.is_none())
            }
            AskedBackup::Recent(recent) => self.output.recent_backup(&recent),
        }
    }
}

/// A length of time: `90s`, `10m`, `1h 30m`, `1d`.
fn interval(text: &str) -> std::result::Result<SignedDuration, String> {
    let days = |text: &str| text.strip_suffix('d')?.parse::<u32>().ok();
    let parsed = match days(text) {
        Some(days) => Some(SignedDuration::from_hours(24 * i64::from(days))),
        None => text.parse().ok(),
    };
    match parsed {
        Some(span) if INTERVALS.contains(&span) => Ok(span),
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => Err(format!(
            "a unit is missing, such as 10m: {text}m are minutes, {text}h are hours"
        )),
        _ => Err("a length of time from 1s to 366d, such as 10m or 2h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_length_of_time() {
        for (text, seconds) in [
            ("1s", Some(1)),
            ("90s", Some(90)),
            ("10m", Some(600)),
            ("1h 30m", Some(5400)),
            ("1h30m", Some(5400)),
            ("7d", Some(7 * 86_400)),
            ("366d", Some(366 * 86_400)),
            ("367d", None),
            ("4294967295d", None),
            ("0s", None),
            ("0d", None),
            ("500ms", None),
            ("-10m", None),
            ("10", None),
            ("", None),
            ("d", None),
            ("1mo", None),
        ] {
            assert_eq!(interval(text).ok().map(|span| span.as_secs()), seconds, "{text}");
        }
    }
}
