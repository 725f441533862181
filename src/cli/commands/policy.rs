//! `policy`: policies for the credentials of the bucket.

use clap::Args;
use pgcoffer::{
    Result,
    agent::PolicyOptions,
    rights::{AccessMode, Service},
};

use super::context::Context;
use crate::cli::output::print_document;

/// What `policy` is asked for.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// full, drop-box (writes new backups alone), prune (deletes what has run out) or restore (reads)
    #[arg(long, value_name = "MODE", default_value_t = AccessMode::Full)]
    mode: AccessMode,
    /// Whose policy: aws, wasabi, ceph, minio, other; r2 and b2 have none, and it says what to make instead (default:
    /// by the endpoint)
    #[arg(long, value_name = "SERVICE")]
    service: Option<Service>,
    /// With PGCOFFER_LOCK: the most days that a lock may last (default: the schedule's longest retention and a day, or
    /// 400)
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    lock_days: Option<u32>,
    /// Add legal holds, for `hold` and `release` with PGCOFFER_LOCK: a person's credentials, not the agent's
    #[arg(long)]
    legal_hold: bool,
    /// Add thawing, for --thaw: it costs money
    #[arg(long)]
    thaw: bool,
    /// Add the bucket's lifecycle rules, for `lifecycle apply`: a person's credentials, not the agent's
    #[arg(long)]
    lifecycle: bool,
    /// Add the reading of the bucket's settings, so that `check` can judge them
    #[arg(long)]
    check: bool,
    /// Of this place, whose name is in PGCOFFER_COPY_<NAME>_URL, instead of the bucket; of a server the line of its
    /// authorized_keys
    #[arg(long, value_name = "PLACE")]
    pub(in crate::cli) place: Option<String>,
}

impl Context<'_> {
    pub(super) fn policy(&self, args: &PolicyArgs) -> Result<()> {
        let options = PolicyOptions {
            mode: args.mode,
            service: args.service,
            lock_days: args.lock_days,
            legal_hold: args.legal_hold,
            thaw: args.thaw,
            lifecycle: args.lifecycle,
            check: args.check,
        };
        if let Some(server) = self.agent.server_policy() {
            return print_document(&server);
        }
        let policy = self.agent.bucket_policy(&options)?;
        print_document(&format!("{policy}\n"))
    }
}
